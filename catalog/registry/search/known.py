"""What is read about models before they are indexed, for many of them at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Executable,
    Label,
    Row,
    and_,
    case,
    func,
    or_,
    select,
)
from sqlmodel import col

from auth.tables import PrincipalRow
from catalog.registry.search.tables import ModelSearchRow
from catalog.registry.tables import (
    AliasRow,
    MetricRow,
    ModelCardRow,
    ModelRow,
    RunDatasetRow,
    VersionRow,
)
from catalog.use_cases.tables import UseCaseRow
from ledger.among import among, numbered

LIVE: Final = "champion"


@dataclass
class Known:
    """What is read about one model before its row is written."""

    row: Row[Any]
    aliases: dict[str, tuple[str, int]] = field(default_factory=dict)
    shown: Row[Any] | None = None
    newest_at: datetime | None = None
    metrics: list[Row[Any]] = field(default_factory=list)
    uses: dict[str, set[str]] = field(default_factory=dict)
    datasets: dict[str, None] = field(default_factory=dict)
    card: str = ""
    completeness: int = 0

    @cached_property
    def tags(self) -> dict[str, str]:
        """Its tags, as MLflow has them."""
        kept: dict[str, str] = json.loads(self.row.tags)
        return kept

    @cached_property
    def logged_tags(self) -> dict[str, str]:
        """Those of the logged model of the version that stands for it."""
        kept: dict[str, str] = json.loads(self.shown.logged_tags) if self.shown is not None else {}
        return kept

    @property
    def is_live(self) -> bool:
        """Whether a champion is set."""
        return LIVE in self.aliases


def read(connection: Connection, model_ids: Sequence[str]) -> list[Known]:
    """All that is known of these models, in a handful of questions for all of them.

    Of a restricted one only what its summary says: whoever is kept out searches the same index.
    """
    known = {row.id: Known(row) for row in connection.execute(_MODELS, {"ids": model_ids}).all()}
    ids = _with_cards(connection, known)
    for row in connection.execute(_ALIASES, ids).all():
        known[row.model_id].aliases[row.alias] = (row.version_id, row.number)
    shown = _shown(connection, known, ids)
    for row in connection.execute(_METRICS, {"ids": list(shown)}).all():
        shown[row.version_id].metrics.append(row)
    _used(connection, shown)
    return list(known.values())


def read_indexed(connection: Connection, model_ids: Sequence[str]) -> list[Known]:
    """What is looked through in models that the index holds: neither aliases nor metrics.

    Which version stands for each is asked of the index, which costs half of finding it out.
    """
    known = {row.id: Known(row) for row in connection.execute(_INDEXED, {"ids": model_ids}).all()}
    ids = _with_cards(connection, known)["ids"]
    shown = {known[one].row.shown_version_id: known[one] for one in ids}
    for row in connection.execute(_VERSIONS, {"ids": list(shown)}).all():
        shown[row.id].shown = row
    _used(connection, shown)
    return list(known.values())


def _with_cards(connection: Connection, known: dict[str, Known]) -> dict[str, list[str]]:
    """Read the cards of those that are not restricted. Returns which those are."""
    ids = {"ids": [one.row.id for one in known.values() if one.row.restricted_at is None]}
    for row in connection.execute(_CARDS, ids).all():
        known[row.model_id].card, known[row.model_id].completeness = row.body, row.completeness
    return ids


def _shown(
    connection: Connection, known: dict[str, Known], ids: dict[str, list[str]]
) -> dict[str, Known]:
    """The version that stands for each model: its champion, else its newest."""
    newest: dict[str, int] = {}
    for row in connection.execute(_NEWEST, ids).all():
        newest[row.model_id] = row.number
        known[row.model_id].newest_at = row.created_at
    live = [one.aliases[LIVE][0] for one in known.values() if one.is_live]
    asked = {**ids, "live": live, "numbers": sorted(set(newest.values()))}
    shown: dict[str, Known] = {}
    for row in connection.execute(_SHOWN, asked).all():
        one = known[row.model_id]
        wanted = one.aliases[LIVE][0] if one.is_live else None
        if row.id == wanted or (wanted is None and row.number == newest[row.model_id]):
            one.shown = row
            shown[row.id] = one
    return shown


def _used(connection: Connection, shown: dict[str, Known]) -> None:
    """The data sets of the runs that made these versions, and what for."""
    runs: dict[tuple[str, str], list[Known]] = {}
    for one in shown.values():
        if one.shown is not None and one.shown.run_id:
            runs.setdefault((one.row.server, one.shown.run_id), []).append(one)
    asked = {
        "servers": sorted({server for server, _ in runs}),
        "ids": sorted({run for _, run in runs}),
    }
    for row in connection.execute(_USED, asked).all():
        for one in runs.get((row.server, row.run_id), ()):
            one.datasets[row.name] = None
            one.uses.setdefault(row.digest, set()).add(row.context)


def _unless_restricted(column: Any, instead: str, name: str = "") -> Label[str]:  # noqa: ANN401 - a column
    kept_back = case((col(ModelRow.restricted_at).is_not(None), instead), else_=column)
    return kept_back.label(name or column.key)


_MODEL: Final = (
    select(
        col(ModelRow.id),
        col(ModelRow.server),
        col(ModelRow.name),
        col(ModelRow.description),
        _unless_restricted(ModelRow.tags, "{}"),
        col(ModelRow.domain),
        col(ModelRow.task),
        _unless_restricted(ModelRow.stage, ""),
        _unless_restricted(ModelRow.tier, ""),
        _unless_restricted(ModelRow.regulatory_class, ""),
        # When it changed says when it was trained: of a restricted one, when it was restricted.
        func.coalesce(col(ModelRow.restricted_at), col(ModelRow.updated_at)).label("updated_at"),
        col(ModelRow.gone_at),
        col(ModelRow.restricted_at),
        col(PrincipalRow.name).label("owner"),
        _unless_restricted(UseCaseRow.name, "", "use_case"),
        _unless_restricted(UseCaseRow.purpose, ""),
    )
    .join_from(ModelRow, PrincipalRow, col(PrincipalRow.id) == col(ModelRow.owner_id), isouter=True)
    .join(UseCaseRow, col(UseCaseRow.id) == col(ModelRow.use_case_id), isouter=True)
)
_MODELS: Final[Executable] = _MODEL.where(among(col(ModelRow.id), "ids"))
_INDEXED: Final[Executable] = (
    _MODEL.add_columns(col(ModelSearchRow.shown_version_id))
    .join(ModelSearchRow, col(ModelSearchRow.model_id) == col(ModelRow.id))
    .where(among(col(ModelRow.id), "ids"))
)
_ALIASES: Final[Executable] = select(
    col(AliasRow.model_id), col(AliasRow.alias), col(AliasRow.version_id), col(AliasRow.number)
).where(among(col(AliasRow.model_id), "ids"))
_NEWEST: Final[Executable] = (
    select(
        col(VersionRow.model_id),
        func.max(col(VersionRow.number)).label("number"),
        func.max(col(VersionRow.created_at)).label("created_at"),
    )
    .where(among(col(VersionRow.model_id), "ids"), col(VersionRow.gone_at).is_(None))
    .group_by(col(VersionRow.model_id))
)
_NEWEST_CARD: Final = (
    select(col(ModelCardRow.model_id), func.max(col(ModelCardRow.revision)).label("revision"))
    .where(among(col(ModelCardRow.model_id), "ids"))
    .group_by(col(ModelCardRow.model_id))
    .subquery()
)
_CARDS: Final[Executable] = select(
    col(ModelCardRow.model_id), col(ModelCardRow.body), col(ModelCardRow.completeness)
).join(
    _NEWEST_CARD,
    and_(
        col(ModelCardRow.model_id) == _NEWEST_CARD.c.model_id,
        col(ModelCardRow.revision) == _NEWEST_CARD.c.revision,
    ),
)
_PRESENT: Final = select(
    col(VersionRow.id),
    col(VersionRow.model_id),
    col(VersionRow.number),
    col(VersionRow.run_id),
    col(VersionRow.flavors),
    col(VersionRow.description),
    col(VersionRow.logged_tags),
).where(col(VersionRow.gone_at).is_(None))
_VERSIONS: Final[Executable] = _PRESENT.where(among(col(VersionRow.id), "ids"))
_SHOWN: Final[Executable] = _PRESENT.where(
    or_(
        among(col(VersionRow.id), "live"),
        and_(
            among(col(VersionRow.model_id), "ids"),
            numbered(col(VersionRow.number), "numbers"),
        ),
    ),
)
_METRICS: Final[Executable] = select(
    col(MetricRow.version_id),
    col(MetricRow.name),
    col(MetricRow.dataset_digest),
    col(MetricRow.value),
).where(among(col(MetricRow.version_id), "ids"))
_USED: Final[Executable] = select(
    col(RunDatasetRow.server),
    col(RunDatasetRow.run_id),
    col(RunDatasetRow.name),
    col(RunDatasetRow.digest),
    col(RunDatasetRow.context),
).where(
    among(col(RunDatasetRow.server), "servers"),
    among(col(RunDatasetRow.run_id), "ids"),
)
