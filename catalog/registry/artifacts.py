"""The files of a version: what each of them is, by SHA-256, never opened as a program."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import rfc8785

from ledger.errors import Invalid

# MLflow writes this note into what it downloads; it is not part of the version.
_NOT_PART: Final = frozenset({"registered_model_meta"})


@dataclass(frozen=True)
class Manifest:
    """Every file of a version with its size in bytes and its SHA-256; the digest is over all."""

    files: Mapping[str, tuple[int, str]]
    digest: str

    @property
    def total_bytes(self) -> int:
        """The size of all files together."""
        return sum(size for size, _ in self.files.values())


def manifest_of(folder: Path) -> Manifest:
    """Hash every file below a folder. Raises Invalid for links, which could point anywhere."""
    files: dict[str, tuple[int, str]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise Invalid(
                f"The version's artifacts hold a link, {path.name[:80]!r}.",
                hint="Register the version again with plain files.",
                code="artifact-link",
            )
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in _NOT_PART:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            files[name] = (path.stat().st_size, digest)
    plain = {name: f"{size} {digest}" for name, (size, digest) in files.items()}
    return Manifest(files, "sha256:" + hashlib.sha256(rfc8785.dumps(dict(plain))).hexdigest())
