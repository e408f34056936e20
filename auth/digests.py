"""Digests: of what opens a door, and of what strangers type, only the SHA-256 is kept."""

from __future__ import annotations

import hashlib


def digest(given: str) -> str:
    """64 hexadecimal digits, also for text that is no valid Unicode."""
    return hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()
