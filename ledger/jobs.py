"""The port through which durable work is asked for: in the act's transaction, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from sqlmodel import Session


class Jobs(Protocol):
    """Work that survives a crash. Asking twice with the same key is asking once."""

    def enqueue(self, session: Session, job: str, key: str, payload: Mapping[str, str]) -> None:
        """Ask for `job` to be done at least once after this transaction commits."""
        ...


class NoJobs:
    """For programs that only read, and for tests of verbs that ask for no work."""

    def enqueue(self, session: Session, job: str, key: str, payload: Mapping[str, str]) -> None:
        """Leave the work undone: nothing here will ever carry it out."""
