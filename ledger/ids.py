"""Names for things that an outsider may see: opaque, unguessable, with a readable kind in front."""

from __future__ import annotations

import base64
import secrets


def new_id(kind: str) -> str:
    """A fresh identifier such as `mdl_f3k…`: 100 random bits behind the kind."""
    raw = base64.b32encode(secrets.token_bytes(13)).decode("ascii").rstrip("=").lower()
    return f"{kind}_{raw[:20]}"
