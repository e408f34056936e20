"""Grants: roles given on everything, on a domain or on one model, and taken back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, or_, select

from auth.access import ANYTHING, Resource, Verdict, decide
from auth.actors import Actor, Kind, Scope
from auth.administrators import keep_an_administrator
from auth.people import load_actor
from auth.permissions import GIVABLE_ROLES, Role
from auth.tables import GrantRow, PrincipalRow
from ledger.acts import Ledger
from ledger.errors import Conflict, Invalid, NotFound, Refused
from ledger.ids import new_id

# What the id of a scope looks like. A domain is called whatever people call it.
SCOPES: Final = {
    "everything": re.compile(r"\*"),
    "domain": re.compile(r"[^\x00-\x1f\x7f]{1,80}"),
    "model": re.compile(r"mdl_[a-z0-9]{1,24}"),
}


@dataclass(frozen=True)
class Grant:
    """A role somebody holds, who gave it, and when."""

    id: str
    principal_id: str
    role: Role
    scope: Scope
    given_by: str
    given_at: datetime
    expires_at: datetime | None = None


class Grants:
    """The grant desk: give and take."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def give(self, person_id: str, role: Role, scope: Scope, *, by: Actor) -> Grant:
        """Give a role. Nobody gives one to themselves."""
        if not _exists(scope):
            raise Invalid(
                "A role is given on everything, on a domain or on one model.",
                hint="Choose one of the three, and name the domain or choose the model.",
                code="no-such-scope",
            )
        if role not in GIVABLE_ROLES:
            raise Invalid(f"The role {role} is not given to people.", code="role-not-givable")
        with self._ledger.act("grant:give", actor=by.id, resource=f"person:{person_id}") as act:
            act.facts |= {"role": role, "scope": _told(scope)}
            if scope.kind == "domain":
                act.texts["domain"] = scope.id
            decide(by, "grant:give", ANYTHING).insist()
            if person_id == by.id:
                raise Refused(
                    "Nobody gives a role to themselves.",
                    hint="Ask another governance admin to give it.",
                    code="self-grant",
                )
            person = act.session.get(PrincipalRow, person_id)
            if person is None or person.kind != Kind.PERSON:
                raise NotFound("There is no such person.", hint="Choose one from the list.")
            there = held_there(act.session, person_id, role, scope)
            if there and (there.expires_at is None or there.expires_at > act.at):
                raise Conflict(
                    f"{person.name} holds the role {role} there already.", code="grant-exists"
                )
            row = put_down(act.session, person_id, role, scope, by=by, at=act.at)
            act.facts["grant"] = row.id
        return _grant(row)

    def take(self, grant_id: str, *, by: Actor) -> None:
        """Take a role back; it counts from the next click."""
        with self._ledger.act("grant:take", actor=by.id, resource=f"grant:{grant_id}") as act:
            decide(by, "grant:take", ANYTHING).insist()
            row = act.session.get(GrantRow, grant_id)
            if row is None:
                raise NotFound("This grant was taken back already.", code="grant-gone")
            act.resource = f"person:{row.principal_id}"
            scope = Scope(row.scope_kind, row.scope_id)
            act.facts |= {"grant": grant_id, "role": row.role, "scope": _told(scope)}
            if scope.kind == "domain":
                act.texts["domain"] = scope.id
            if row.role == Role.GOVERNANCE_ADMIN and row.scope_kind == "everything":
                keep_an_administrator(act.session, without=row.principal_id)
            act.session.delete(row)

    def everywhere(self, *, by: Actor) -> list[Grant]:
        """All grants, newest first. Raises Refused."""
        decide(by, "person:read", ANYTHING).insist()
        with self._ledger.store.read() as session:
            rows = session.exec(select(GrantRow).where(_lasts(self._ledger.clock.now()))).all()
        return sorted((_grant(row) for row in rows), key=lambda one: one.given_at, reverse=True)

    def why(
        self, person_id: str, permission: str, where: Resource, *, by: Actor
    ) -> tuple[str, Verdict]:
        """Whether somebody may do that there, with their name and the reason. Raises Refused."""
        decide(by, "person:read", ANYTHING).insist()
        with self._ledger.store.read() as session:
            actor = load_actor(session, person_id, at=self._ledger.clock.now())
        return actor.name, decide(actor, permission, where)

    def roleless(self, *, by: Actor) -> list[str]:
        """The people who may come in and hold no role anywhere, by name. Raises Refused."""
        decide(by, "person:read", ANYTHING).insist()
        query = (
            select(PrincipalRow.name)
            .where(
                PrincipalRow.kind == Kind.PERSON,
                col(PrincipalRow.disabled_at).is_(None),
                col(PrincipalRow.id).not_in(
                    select(GrantRow.principal_id).where(_lasts(self._ledger.clock.now()))
                ),
            )
            .order_by(PrincipalRow.name)
        )
        with self._ledger.store.read() as session:
            return list(session.exec(query))

    def holders(self, role: Role) -> list[Grant]:
        """Who holds a role anywhere: for a screen that says who can help."""
        with self._ledger.store.read() as session:
            lasts = _lasts(self._ledger.clock.now())
            rows = session.exec(select(GrantRow).where(GrantRow.role == role, lasts)).all()
        return [_grant(row) for row in rows]


def held_there(session: Session, principal_id: str, role: Role, scope: Scope) -> GrantRow | None:
    """The grant of this role on this scope, also one that has ended by itself."""
    return session.exec(
        select(GrantRow).where(
            GrantRow.principal_id == principal_id,
            GrantRow.role == role,
            GrantRow.scope_kind == scope.kind,
            GrantRow.scope_id == scope.id,
        )
    ).first()


def put_down(
    session: Session,
    principal_id: str,
    role: Role,
    scope: Scope,
    *,
    by: Actor,
    at: datetime,
    expires_at: datetime | None = None,
) -> GrantRow:
    """Write a grant in the transaction of an act, over one that was there before."""
    before = held_there(session, principal_id, role, scope)
    if before is not None:
        session.delete(before)
        session.flush()
    row = GrantRow(
        id=new_id("grt"),
        principal_id=principal_id,
        role=role,
        scope_kind=scope.kind,
        scope_id=scope.id,
        given_by=by.id,
        given_at=at,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    return row


def _lasts(now: datetime) -> ColumnElement[bool]:
    """A grant that has not ended by itself."""
    return or_(col(GrantRow.expires_at).is_(None), col(GrantRow.expires_at) > now)


def _exists(scope: Scope) -> bool:
    shape = SCOPES.get(scope.kind)
    return shape is not None and bool(shape.fullmatch(scope.id))


def _told(scope: Scope) -> str:
    """A scope as a fact of the record: a domain's name is free text and stands beside it."""
    return "domain" if scope.kind == "domain" else f"{scope.kind}:{scope.id}"


def _grant(row: GrantRow) -> Grant:
    return Grant(
        row.id,
        row.principal_id,
        Role(row.role),
        Scope(row.scope_kind, row.scope_id),
        row.given_by,
        row.given_at,
        row.expires_at,
    )
