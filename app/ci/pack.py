"""`countersign evidence-pack`: one file from which a release can be judged without the portal."""

from __future__ import annotations

import argparse
import hashlib
import re
from pathlib import Path
from typing import Final

from app.ci.calls import open_api
from app.ci.words import shown
from ledger.errors import Invalid, Misconfigured

# More than the portal puts into one.
_LARGEST_BYTES: Final = 256 * 1024 * 1024
_REQUEST: Final = re.compile(r"RR-\d{4}-\d{4,9}|req_[a-z0-9]{1,40}")


def download(asked: argparse.Namespace) -> int:
    """Write the evidence pack of a request. Returns 0, or raises what the portal refuses with."""
    if not _REQUEST.fullmatch(asked.request):
        raise Invalid(
            f"{shown(asked.request[:80])} names no release request.",
            hint="Write its number as its page does, such as RR-2026-0007.",
            code="bad-request",
        )
    file = Path(asked.output or f"evidence-pack-{asked.request}.zip")
    api = open_api(asked.server_url, asked.token_file)
    data = api.download(
        "release-requests", asked.request, "evidence-pack", largest_bytes=_LARGEST_BYTES
    )
    try:
        file.write_bytes(data)
    except OSError as error:
        raise Misconfigured(
            f"{shown(str(file))} cannot be written: {error.strerror}.",
            hint="Give --output a file in a folder that is there and can be written.",
            code="unwritable",
        ) from None
    print(f"{shown(str(file))}: {len(data):,} bytes, sha256:{hashlib.sha256(data).hexdigest()}")
    return 0
