"""Models by their ids, as a list of many things about many models names them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BindParameter, Executable, bindparam
from sqlalchemy import select as columns
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from auth.access import Resource, decide
from auth.actors import Actor
from catalog.registry.models import resource
from catalog.registry.tables import ModelRow


@dataclass(frozen=True)
class Named:
    """What a model is called and where it lies, also when it is gone."""

    id: str
    server: str
    workspace: str
    name: str
    domain: str
    is_gone: bool
    owner_id: str
    is_restricted: bool

    @property
    def resource(self) -> Resource:
        """The model as the access law sees it."""
        return Resource("model", self.id, self.domain, self.owner_id, self.is_restricted)


def named(
    session: Session, ids: Iterable[str], *, by: Actor, may: str = "model:read"
) -> dict[str, Named]:
    """The models with these ids that the actor may see, or may do that with, at this moment."""
    rows = session.connection().execute(_NAMED, {"ids": sorted(set(ids))})
    found = (
        Named(
            row.id,
            row.server,
            row.workspace,
            row.name,
            row.domain,
            row.gone_at is not None,
            row.owner_id,
            row.restricted_at is not None,
        )
        for row in rows
    )
    return {one.id: one for one in found if decide(by, may, one.resource)}


def model_resource(session: Session, model_id: str) -> Resource | None:
    """A model as the access law sees it, for whoever knows only its id; nothing when it is gone."""
    row = session.get(ModelRow, model_id)
    gone = row is None or row.gone_at is not None
    return None if gone or row is None else resource(row)


def owned_by(person_id: str) -> SelectOfScalar[str]:
    """The ids of the models a person owns."""
    return select(ModelRow.id).where(
        ModelRow.owner_id == person_id, col(ModelRow.gone_at).is_(None)
    )


_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
_NAMED: Final[Executable] = columns(
    col(ModelRow.id),
    col(ModelRow.server),
    col(ModelRow.workspace),
    col(ModelRow.name),
    col(ModelRow.domain),
    col(ModelRow.gone_at),
    col(ModelRow.owner_id),
    col(ModelRow.restricted_at),
).where(col(ModelRow.id).in_(_IDS))
