"""Administrators: the first one is made at set-up, and the last one is never lost."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from auth.actors import EVERYTHING
from auth.permissions import Role
from auth.tables import GrantRow, PrincipalRow
from ledger.errors import Refused
from ledger.ids import new_id


def is_set_up(session: Session) -> bool:
    """Whether there is an administrator."""
    grant = select(GrantRow.id).where(GrantRow.role == Role.GOVERNANCE_ADMIN)
    return session.exec(grant).first() is not None


def make_first(session: Session, person_id: str, at: datetime) -> None:
    """Let the first person govern everything: nobody is there yet who could give them the role."""
    session.add(
        GrantRow(
            id=new_id("grt"),
            principal_id=person_id,
            role=Role.GOVERNANCE_ADMIN,
            scope_kind=EVERYTHING.kind,
            scope_id=EVERYTHING.id,
            given_by="system:set-up",
            given_at=at,
        )
    )


def keep_an_administrator(session: Session, *, without: str) -> None:
    """Raises Refused when nobody but `without` could give access any more."""
    governing = (
        GrantRow.role == Role.GOVERNANCE_ADMIN,
        GrantRow.scope_kind == EVERYTHING.kind,
    )
    # Locked first: two administrators who send each other away at once would both be let go.
    held = session.exec(
        select(GrantRow).where(*governing).order_by(col(GrantRow.id)).with_for_update()
    ).all()
    others = session.exec(
        select(GrantRow.principal_id)
        .join(PrincipalRow, col(PrincipalRow.id) == col(GrantRow.principal_id))
        .where(
            *governing,
            GrantRow.principal_id != without,
            col(PrincipalRow.disabled_at).is_(None),
        )
    ).first()
    if not others and any(grant.principal_id == without for grant in held):
        raise Refused(
            "This is the last governance admin: nobody could give access any more.",
            hint="Give the role governance admin on everything to somebody else first.",
            code="last-administrator",
        )
