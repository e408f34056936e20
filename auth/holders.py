"""Who holds a permission somewhere: for a screen that says who can help, or who decides."""

from __future__ import annotations

from sqlmodel import Session, col, select

from auth.access import Resource, decide
from auth.actors import Actor, HeldRole, Kind, Scope
from auth.permissions import ROLE_PERMISSIONS, Role
from auth.tables import GrantRow, PrincipalRow


def holders(session: Session, permission: str, resource: Resource) -> list[Actor]:
    """The people let in who may do this there, by name."""
    roles = [role for role in Role if permission in ROLE_PERMISSIONS[role]]
    found: dict[str, tuple[PrincipalRow, list[HeldRole]]] = {}
    query = (
        select(GrantRow, PrincipalRow)
        .where(
            col(PrincipalRow.id) == col(GrantRow.principal_id),
            PrincipalRow.kind == Kind.PERSON,
            col(PrincipalRow.disabled_at).is_(None),
            col(GrantRow.role).in_(roles),
        )
        .order_by(col(PrincipalRow.name), col(PrincipalRow.id))
    )
    for grant, person in session.exec(query):
        _person, held = found.setdefault(person.id, (person, []))
        held.append(HeldRole(Role(grant.role), Scope(grant.scope_kind, grant.scope_id), grant.id))
    actors = [
        Actor(person.id, Kind.PERSON, person.name, person.email or "", tuple(held))
        for person, held in found.values()
    ]
    return [actor for actor in actors if decide(actor, permission, resource)]
