"""Passwords: hashed with argon2id, a few at a time."""

from __future__ import annotations

import threading
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ledger.errors import Invalid

# OWASP Password Storage Cheat Sheet: argon2id, 19 MiB, 2 passes, 1 lane.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Each check holds 19 MiB and a core: strangers must not be able to take all of them.
_AT_ONCE: Final = threading.BoundedSemaphore(4)

SHORTEST: Final = 12
LONGEST: Final = 200

# Checked when there is no such person, so that the answer takes as long as for one there is.
_DECOY: Final = _HASHER.hash("nobody has this password")


def check_strength(password: str) -> None:
    """Raises Invalid when a password is too short or absurdly long (OWASP ASVS 5 V6.2)."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Invalid(
            f"A password has {SHORTEST} to {LONGEST} characters.",
            hint="Take a few words that do not belong together.",
            code="weak-password",
        )


def hashed(password: str) -> str:
    """The argon2id hash to keep."""
    with _AT_ONCE:
        return _HASHER.hash(password)


def matches(kept: str | None, password: str) -> bool:
    """Whether the password is the one that was hashed; a missing hash costs the same time."""
    with _AT_ONCE:
        try:
            _HASHER.verify(kept or _DECOY, password[:LONGEST])
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None
