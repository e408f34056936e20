"""Who holds a permission somewhere: for a screen that says who can help, and for queries."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, bindparam, exists, func, or_
from sqlmodel import Session, col, select

from auth.access import Resource, decide
from auth.actors import Actor, HeldRole, Kind, Scope
from auth.permissions import INSIDE, OUTSIDE, ROLE_PERMISSIONS, Role
from auth.tables import GrantRow, PrincipalRow


def holders(session: Session, permission: str, resource: Resource) -> list[Actor]:
    """The people let in who may do this there, by name.

    A role that ends by itself is there for reading; it makes nobody a holder.
    """
    found: dict[str, tuple[PrincipalRow, list[HeldRole]]] = {}
    roles = [role for role in Role if permission in ROLE_PERMISSIONS[role]]
    for grant, person in session.exec(_HOLDERS, params={"roles": roles}):
        _person, held = found.setdefault(person.id, (person, []))
        held.append(HeldRole(Role(grant.role), Scope(grant.scope_kind, grant.scope_id), grant.id))
    actors = [
        Actor(person.id, Kind.PERSON, person.name, person.email or "", tuple(held))
        for person, held in found.values()
    ]
    return [actor for actor in actors if decide(actor, permission, resource)]


def holds(
    permission: str, person: SQLColumnExpression[str], resource: Resource, *, at: datetime
) -> ColumnElement[bool]:
    """`decide` as a condition, for a query about many people: this one may do that there, then.

    `person` is a column of ids. It says what `decide` says, also of scopes that do not cover and
    of restrictions.
    """
    roles = [role for role in Role if permission in ROLE_PERMISSIONS[role]]
    covering = [col(GrantRow.scope_kind) == "everything"]
    if resource.domain:
        covering.append(
            (col(GrantRow.scope_kind) == "domain") & (col(GrantRow.scope_id) == resource.domain)
        )
    if resource.kind != "everything":
        covering.append(
            (col(GrantRow.scope_kind) == resource.kind) & (col(GrantRow.scope_id) == resource.id)
        )
    covered = exists().where(
        col(GrantRow.principal_id) == person,
        or_(col(GrantRow.expires_at).is_(None), col(GrantRow.expires_at) > at),
        or_(*covering),
    )
    allowed = covered.where(col(GrantRow.role).in_(roles))
    if permission in OUTSIDE or not resource.is_closed:
        return allowed
    passes = or_(
        col(GrantRow.role).in_(INSIDE), col(GrantRow.scope_kind).not_in(["everything", "domain"])
    )
    return and_(allowed, or_(person == resource.owner_id, covered.where(passes)))


def holders_called(
    session: Session,
    permission: str,
    resource: Resource,
    beginning: str = "",
    *,
    at: datetime,
    most: int = 50,
) -> dict[str, str]:
    """Names by id of the people who may do this there, whose name begins so; `most` at most."""
    name = col(PrincipalRow.name)
    # SQLite lowers only the letters of English: the others are tried as people write them.
    begins = or_(
        func.lower(name).startswith(beginning.lower(), autoescape=True),
        name.startswith(beginning, autoescape=True),
        name.startswith(beginning.capitalize(), autoescape=True),
    )
    return _named(session, holds(permission, col(PrincipalRow.id), resource, at=at), begins, most)


def holders_mailed(
    session: Session,
    permission: str,
    resource: Resource,
    local: str,
    *,
    at: datetime,
    most: int = 50,
) -> dict[str, str]:
    """Names by id of the people who may do this there, whose e-mail address begins `local@`."""
    email = func.lower(col(PrincipalRow.email))
    begins = email.startswith(f"{local.lower()}@", autoescape=True)
    return _named(session, holds(permission, col(PrincipalRow.id), resource, at=at), begins, most)


def _named(
    session: Session, may: ColumnElement[bool], begins: ColumnElement[bool], most: int
) -> dict[str, str]:
    found = session.exec(
        select(PrincipalRow.id, PrincipalRow.name)
        .where(
            PrincipalRow.kind == Kind.PERSON, col(PrincipalRow.disabled_at).is_(None), may, begins
        )
        .order_by(col(PrincipalRow.name), col(PrincipalRow.id))
        .limit(most)
    )
    return dict(found.all())


# Asked on every click on a request: built once.
_HOLDERS: Final = (
    select(GrantRow, PrincipalRow)
    .where(
        col(PrincipalRow.id) == col(GrantRow.principal_id),
        col(PrincipalRow.kind) == Kind.PERSON,
        col(PrincipalRow.disabled_at).is_(None),
        col(GrantRow.role).in_(bindparam("roles", expanding=True)),
        col(GrantRow.expires_at).is_(None),
    )
    .order_by(col(PrincipalRow.name), col(PrincipalRow.id))
)
