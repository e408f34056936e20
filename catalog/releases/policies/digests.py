"""Digests: what a policy, a body of evidence or a verdict is known by."""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785


def canonical(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """The canonical JSON (RFC 8785) of a value: the same text for everybody."""
    return rfc8785.dumps(value).decode("utf-8")


def digest_of(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """SHA-256 over the canonical JSON of a value."""
    return digest_of_text(canonical(value))


def digest_of_text(text: str) -> str:
    """SHA-256 over a text that was kept as it was written: `sha256:` and 64 hex digits."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
