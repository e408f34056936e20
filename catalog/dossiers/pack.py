"""One file from which a release can be judged away from here: a ZIP with a signed list of it all.

The same state gives the same bytes: nothing in it says who took it or when, names are sorted, and
nothing is compressed, which no two libraries do alike.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from catalog.dossiers.contents import Contents
from catalog.dossiers.files import files
from catalog.dossiers.gaps import gaps
from catalog.dossiers.page import page
from ledger.clock import iso

FORMAT: Final = "countersign-evidence-pack/1"
TYPE: Final = "countersign-evidence-pack+jws"
# The first moment that a ZIP can name.
_AT: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3
_READABLE: Final = 0o644 << 16


class Signer(Protocol):
    """Whoever signs what leaves the house."""

    @property
    def key_id(self) -> str:
        """The key's name: its RFC 7638 thumbprint."""

    def public_key(self) -> str:
        """What a signature is checked with: one line of JSON (RFC 8037)."""

    def sign(self, kind: str, body: bytes) -> str:
        """A detached signature over a body (JWS, RFC 7515 appendix F)."""


@dataclass(frozen=True)
class Pack:
    """An evidence pack: the name it is handed out under, and its bytes."""

    name: str
    data: bytes

    @property
    def digest(self) -> str:
        """SHA-256 over the file."""
        return f"sha256:{hashlib.sha256(self.data).hexdigest()}"


def packed(found: Contents, names: Mapping[str, str], signer: Signer) -> Pack:
    """The pack of a request. `names` are those of the people in it, by id."""
    missing = gaps(found)
    inside = files(found, missing, names)
    inside["index.html"] = page(found, missing, names, signer.key_id).encode()
    inside["public-key.json"] = f"{signer.public_key()}\n".encode()
    manifest = {
        "format": FORMAT,
        "request": found.request.number,
        "gates_asked_as_of": iso(found.at),
        "last_record": max((one.sequence for one in found.records), default=0),
        "key": signer.key_id,
        "files": {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in sorted(inside.items())
        },
    }
    listed = f"{json.dumps(manifest, indent=1)}\n".encode()
    inside["manifest.json"] = listed
    inside["manifest.jws"] = f"{signer.sign(TYPE, listed)}\n".encode()
    name = f"evidence-pack-{found.request.number}"
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        for one, data in sorted(inside.items()):
            entry = zipfile.ZipInfo(f"{name}/{one}", _AT)
            entry.create_system, entry.external_attr = _UNIX, _READABLE
            archive.writestr(entry, data)
    return Pack(f"{name}.zip", written.getvalue())
