"""Invitations: codes that work once; one sets a password, or creates the first administrator."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session, col, select

from auth.digests import digest
from auth.tables import InvitationRow
from ledger.errors import Unauthenticated

LASTS: Final = timedelta(days=3)


def invite(session: Session, person_id: str | None, at: datetime) -> str:
    """A new code, for nobody yet with None; the codes made before it stop working."""
    close(session, person_id, at)
    code = secrets.token_urlsafe(18)
    session.add(InvitationRow(digest=digest(code), principal_id=person_id, expires_at=at + LASTS))
    return code


def close(session: Session, person_id: str | None, at: datetime) -> None:
    """Let no code work any more that was made for this person."""
    for row in session.exec(
        select(InvitationRow)
        .where(InvitationRow.principal_id == person_id, col(InvitationRow.used_at).is_(None))
        .order_by(col(InvitationRow.digest))
        .with_for_update()
    ):
        row.used_at = at
        session.add(row)


def opened(session: Session, code: str, at: datetime, *, for_update: bool = False) -> InvitationRow:
    """What a code that still works was made for. Raises Unauthenticated for any other."""
    row = session.get(InvitationRow, digest(code.strip()), with_for_update=for_update)
    if row is None or row.used_at is not None or row.expires_at <= at:
        raise spent()
    return row


def spend(session: Session, code: str, at: datetime) -> InvitationRow:
    """Use a code up. Raises Unauthenticated when it was used already, or is over."""
    row = opened(session, code, at, for_update=True)
    row.used_at = at
    session.add(row)
    return row


def spent() -> Unauthenticated:
    """What somebody is told whose code does not work, whatever the reason."""
    return Unauthenticated(
        "This code was used already, has expired, or never existed.",
        hint="A governance admin makes a new invitation; without one, start Countersign again.",
        code="code-spent",
    )
