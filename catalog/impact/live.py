"""Which models are live, and of which of them something is known.

Sixty thousand may be live. They are counted along an index and never read: only those are read of
which something is known, and as many others as are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Executable,
    and_,
    bindparam,
    func,
    or_,
    select,
    text,
    union,
)
from sqlmodel import col

from auth.access import visible_scopes
from auth.actors import Actor
from catalog.impact.tables import DeclaredValueRow
from catalog.monitoring.tables import PredictionDayRow
from catalog.registry.tables import CLOSED, UNREADY, AliasRow, ModelRow, VersionRow


def number(connection: Connection, *, by: Actor) -> int:
    """How many models are live where the actor may read impact, restricted ones not counted."""
    asked = _scopes(by)
    if asked is None:
        return int(connection.execute(_ALL).scalar_one())
    return int(connection.execute(_SOME, asked).scalar_one())


def known(connection: Connection) -> set[str]:
    """The models that were ever called, are valued, or are live although they are not ready."""
    return set(connection.execute(_KNOWN).scalars())


def some(connection: Connection, most: int, *, by: Actor) -> Sequence[str]:
    """As many of the live models as are to be shown, in the order of their ids."""
    asked, limit = _scopes(by), {"most": most}
    if asked is None:
        return connection.execute(_FIRST, limit).scalars().all()
    return connection.execute(_FIRST_OF_SOME, asked | limit).scalars().all()


def _scopes(by: Actor) -> dict[str, Any] | None:
    """Where the actor may read impact, for a question to be narrowed by; None is everywhere."""
    scopes = visible_scopes(by, "impact:read")
    if any(scope.kind == "everything" for scope in scopes):
        return None
    return {
        "domains": [scope.id for scope in scopes if scope.kind == "domain" and scope.id],
        "ids": [scope.id for scope in scopes if scope.kind == "model"],
    }


_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
_IS_LIVE: Final[ColumnElement[bool]] = col(AliasRow.alias) == "champion"
# Whether a restricted model is live is told only to those who are let in, among the known.
_IS_OPEN: Final = and_(
    _IS_LIVE,
    col(ModelRow.id) == col(AliasRow.model_id),
    col(ModelRow.gone_at).is_(None),
    col(ModelRow.restricted_at).is_(None),
)
_IN_SCOPE: Final = or_(
    col(ModelRow.domain).in_(bindparam("domains", expanding=True)), col(ModelRow.id).in_(_IDS)
)
_ALL: Final[Executable] = select(
    select(func.count()).where(_IS_LIVE).scalar_subquery()
    # Few are gone or restricted, and an index holds just those.
    - select(func.count())
    .where(_IS_LIVE, col(AliasRow.model_id).in_(select(col(ModelRow.id)).where(text(CLOSED))))
    .scalar_subquery()
)
_SOME: Final[Executable] = select(func.count()).where(_IS_OPEN, _IN_SCOPE)
_FIRST: Final[Executable] = (
    select(col(AliasRow.model_id))
    .where(_IS_OPEN)
    .order_by(col(AliasRow.alias), col(AliasRow.model_id))
    .limit(bindparam("most"))
)
_FIRST_OF_SOME: Final[Executable] = (
    select(col(AliasRow.model_id))
    .where(_IS_OPEN, _IN_SCOPE)
    .order_by(col(AliasRow.model_id))
    .limit(bindparam("most"))
)


def _called() -> ColumnElement[Any]:
    """Every model with a reported call, by jumping from one to the next along the index.

    Reading all days of all models to find the same few again is what this saves.
    """
    day = col(PredictionDayRow.model_id)
    one = select(func.min(day).label("id")).cte("called", recursive=True)
    after = select(func.min(day)).where(day > one.c.id).scalar_subquery()
    return one.union_all(select(after).where(one.c.id.is_not(None))).c.id


_ID: Final = _called()
_KNOWN: Final[Executable] = union(
    select(_ID).where(_ID.is_not(None)),
    select(col(DeclaredValueRow.model_id)),
    select(col(AliasRow.model_id)).where(
        _IS_LIVE,
        # The few that are not ready lead to their aliases; the other way round all would be read.
        col(AliasRow.model_id).in_(select(col(VersionRow.model_id)).where(text(UNREADY))),
        col(AliasRow.version_id).in_(select(col(VersionRow.id)).where(text(UNREADY))),
    ),
)
