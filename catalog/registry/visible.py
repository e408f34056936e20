"""The access law as a condition on models, for questions that are answered page by page."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, ColumnElement, String, and_, bindparam, or_
from sqlmodel import col

from auth.access import inner_scopes, visible_scopes
from auth.actors import Actor, Scope
from catalog.registry.tables import ModelRow


def seen_by(by: Actor, permission: str) -> dict[str, object]:
    """What the actor may see, as the values of `VISIBLE` and `FINDABLE`."""
    return {
        "me": by.id,
        **_told("seen", visible_scopes(by, permission)),
        **_told("inner", inner_scopes(by)),
    }


def visible(by: Actor, permission: str) -> ColumnElement[bool]:
    """`VISIBLE` with its values in it, for a query that is built for one person."""
    return VISIBLE.params(seen_by(by, permission))


def _told(name: str, scopes: tuple[Scope, ...]) -> dict[str, object]:
    return {
        f"{name}_everything": any(scope.kind == "everything" for scope in scopes),
        f"{name}_domains": [scope.id for scope in scopes if scope.kind == "domain"],
        f"{name}_models": [scope.id for scope in scopes if scope.kind == "model"],
    }


def _covered(name: str) -> ColumnElement[bool]:
    """What `auth.access.covers` says of any of these scopes."""
    return or_(
        bindparam(f"{name}_everything", type_=Boolean()),
        and_(
            col(ModelRow.domain) != "",
            col(ModelRow.domain).in_(bindparam(f"{name}_domains", expanding=True)),
        ),
        col(ModelRow.id).in_(bindparam(f"{name}_models", expanding=True)),
    )


# What may be known of: `auth.access.decide` for the permissions `OUTSIDE`.
FINDABLE: Final[ColumnElement[bool]] = _covered("seen")
# What no restriction hides: `auth.access.is_let_in`.
LET_IN: Final[ColumnElement[bool]] = or_(
    col(ModelRow.restricted_at).is_(None),
    col(ModelRow.owner_id) == bindparam("me", type_=String()),
    _covered("inner"),
)
# What may be read: `auth.access.decide` for every other permission.
VISIBLE: Final[ColumnElement[bool]] = and_(FINDABLE, LET_IN)
