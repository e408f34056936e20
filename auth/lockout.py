"""Lockout: after too many wrong passwords in a row an address is locked for a while."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import bindparam, text
from sqlmodel import Session

from auth.digests import digest
from auth.tables import SignInMissRow
from ledger.acts import Ledger
from ledger.store import UtcDateTime

MISSES_ALLOWED: Final = 5
LOCKED_FOR: Final = timedelta(minutes=15)


def may_try(ledger: Ledger, email: str) -> bool:
    """Whether an address is not locked; the try counts as a miss until it turns out right.

    Counted before the password is looked at: many tries at the same moment are five as well.
    """
    now = ledger.clock.now()
    values = {
        "address": digest(email),
        "at": now,
        "forgotten": now - LOCKED_FOR,
        "allowed": MISSES_ALLOWED,
    }
    with ledger.store.read() as session:
        if session.connection().execute(_IS_LOCKED, values).first():
            return False
    with ledger.store.write() as session:
        misses = int(session.connection().execute(_COUNT_MISS, values).scalar_one())
    if misses == 1:
        # Strangers may type any number of addresses: what is over is swept away.
        with ledger.store.write() as session:
            session.connection().execute(_SWEEP_MISSES, values)
    return misses <= MISSES_ALLOWED


def forget_misses(session: Session, email: str) -> None:
    """Begin to count anew: the password was right, or a new one was set."""
    row = session.get(SignInMissRow, digest(email), with_for_update=True)
    if row:
        session.delete(row)


_AT: Final = bindparam("at", type_=UtcDateTime)
_FORGOTTEN: Final = bindparam("forgotten", type_=UtcDateTime)
_IS_LOCKED: Final = text(
    "SELECT 1 FROM sign_in_miss WHERE address = :address AND misses >= :allowed AND at > :forgotten"
).bindparams(_FORGOTTEN)
# A lock ends a quarter of an hour after the fifth miss, however many more tries there were.
_COUNT_MISS: Final = text(
    "INSERT INTO sign_in_miss (address, misses, at) VALUES (:address, 1, :at) "
    "ON CONFLICT (address) DO UPDATE SET "
    "misses = CASE WHEN sign_in_miss.at <= :forgotten THEN 1 ELSE sign_in_miss.misses + 1 END, "
    "at = CASE WHEN sign_in_miss.at > :forgotten AND sign_in_miss.misses >= :allowed "
    "THEN sign_in_miss.at ELSE excluded.at END RETURNING misses"
).bindparams(_AT, _FORGOTTEN)
_SWEEP_MISSES: Final = text("DELETE FROM sign_in_miss WHERE at <= :forgotten").bindparams(
    _FORGOTTEN
)
