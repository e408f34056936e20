"""A registered model as people see it, and the column of rows it is read from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Executable, Row
from sqlalchemy import select as columns
from sqlmodel import Session, col

from auth.access import Resource
from catalog.registry.tables import AliasRow, ModelRow
from ledger.among import among


@dataclass(frozen=True)
class Alias:
    """A name that points at a version, since Countersign has seen it there."""

    name: str
    number: int
    version_id: str
    since: datetime


@dataclass(frozen=True)
class Model:
    """A registered model with the facts an administrator added to what MLflow says."""

    id: str
    server: str
    workspace: str
    name: str
    description: str
    tags: Mapping[str, str]
    domain: str
    task: str
    owner_id: str
    created_at: datetime
    updated_at: datetime
    gone_at: datetime | None
    aliases: tuple[Alias, ...] = field(default=())
    use_case_id: str = ""
    tier: str = ""
    regulatory_class: str = ""
    stage: str = ""
    restricted_at: datetime | None = None
    restricted_why: str = ""

    @property
    def resource(self) -> Resource:
        """The model as the access law sees it."""
        return Resource(
            "model", self.id, self.domain, self.owner_id, self.restricted_at is not None
        )

    def summarised(self) -> Model:
        """No more of it than may be known by whoever may find it, restricted or not."""
        return replace(
            self,
            tags={},
            aliases=(),
            use_case_id="",
            tier="",
            regulatory_class="",
            stage="",
        )

    def alias(self, name: str) -> Alias | None:
        """Where an alias points, if it is set."""
        return next((one for one in self.aliases if one.name == name), None)


def resource(row: ModelRow | Row[Any]) -> Resource:
    """A model's row as the access law sees it.

    The columns `id`, `domain`, `owner_id` and `restricted_at` are enough.
    """
    return Resource("model", row.id, row.domain, row.owner_id, row.restricted_at is not None)


# Asked on every click of everybody: built once, and answered in columns instead of rows that keep
# watch over themselves.
MODEL: Final = (
    col(ModelRow.id),
    col(ModelRow.server),
    col(ModelRow.workspace),
    col(ModelRow.name),
    col(ModelRow.description),
    col(ModelRow.tags),
    col(ModelRow.domain),
    col(ModelRow.task),
    col(ModelRow.owner_id),
    col(ModelRow.created_at),
    col(ModelRow.updated_at),
    col(ModelRow.gone_at),
    col(ModelRow.use_case_id),
    col(ModelRow.tier),
    col(ModelRow.regulatory_class),
    col(ModelRow.stage),
    col(ModelRow.restricted_at),
    col(ModelRow.restricted_why),
)
_ALIASES: Final[Executable] = (
    columns(
        col(AliasRow.model_id),
        col(AliasRow.alias),
        col(AliasRow.number),
        col(AliasRow.version_id),
        col(AliasRow.since),
    )
    .where(among(col(AliasRow.model_id), "ids"))
    .order_by(col(AliasRow.alias))
)


def load_models(session: Session, rows: Sequence[ModelRow | Row[Any]]) -> list[Model]:
    """Models' rows, or the columns `MODEL` of them, as values with their aliases.

    One question for all of them.
    """
    aliases: dict[str, list[Alias]] = {}
    found = session.connection().execute(_ALIASES, {"ids": [row.id for row in rows]}).all()
    for model_id, name, number, version_id, since in found:
        aliases.setdefault(model_id, []).append(Alias(name, number, version_id, since))
    return [_model(row, aliases.get(row.id, [])) for row in rows]


def _model(row: ModelRow | Row[Any], aliases: Sequence[Alias]) -> Model:
    return Model(
        id=row.id,
        server=row.server,
        workspace=row.workspace,
        name=row.name,
        description=row.description,
        tags=json.loads(row.tags),
        domain=row.domain,
        task=row.task,
        owner_id=row.owner_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        gone_at=row.gone_at,
        aliases=tuple(aliases),
        use_case_id=row.use_case_id,
        tier=row.tier,
        regulatory_class=row.regulatory_class,
        stage=row.stage,
        restricted_at=row.restricted_at,
        restricted_why=row.restricted_why or "",
    )
