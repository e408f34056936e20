"""A model version as people see it, with the numbers measured on it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import BindParameter, Executable, bindparam, func
from sqlalchemy import select as columns
from sqlmodel import Session, col

from catalog.registry.mirror.seen import EXTERNAL
from catalog.registry.model import Model
from catalog.registry.tables import MetricRow, VersionRow
from ledger.among import among


@dataclass(frozen=True)
class Metric:
    """A number measured on a version, on a data set where the run named one."""

    name: str
    value: float
    dataset: str
    dataset_digest: str


@dataclass(frozen=True)
class Version:
    """A model version."""

    id: str
    model_id: str
    number: int
    created_at: datetime
    source: str
    run_id: str
    description: str
    status: str
    tags: Mapping[str, str]
    flavors: tuple[str, ...]
    signature: Mapping[str, tuple[tuple[str, str], ...]]
    gone_at: datetime | None
    aliases: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()
    optional: frozenset[str] = frozenset()  # input columns that a caller may leave out
    logged_tags: Mapping[str, str] = field(default_factory=dict)  # those of its logged model

    @property
    def is_external(self) -> bool:
        """Whether its files lie outside of MLflow, as a vendor's do: there is nothing to load."""
        return self.logged_tags.get(EXTERNAL) == "true"

    @property
    def told_tags(self) -> dict[str, str]:
        """What people said on its logged model, without what MLflow wrote there itself."""
        return told_tags(self.logged_tags)


@dataclass(frozen=True)
class Listed:
    """A version as a list of many names it."""

    id: str
    number: int
    run_id: str
    created_at: datetime


@dataclass(frozen=True)
class Told:
    """One number of a version, with the rows it was measured on, as its run reported it."""

    number: int
    created_at: datetime
    value: float
    dataset: str
    dataset_digest: str


_VERSION: Final = (
    columns(
        col(VersionRow.id),
        col(VersionRow.number),
        col(VersionRow.created_at),
        col(VersionRow.source),
        col(VersionRow.run_id),
        col(VersionRow.description),
        col(VersionRow.status),
        col(VersionRow.tags),
        col(VersionRow.flavors),
        col(VersionRow.signature),
        col(VersionRow.logged_tags),
    )
    .where(col(VersionRow.model_id) == bindparam("id"))
    .order_by(col(VersionRow.number).desc())
)
_IS_PRESENT: Final = col(VersionRow.gone_at).is_(None)
PRESENT: Final = _VERSION.where(_IS_PRESENT)
_MEASURED: Final = columns(
    col(MetricRow.version_id),
    col(MetricRow.name),
    col(MetricRow.value),
    col(MetricRow.dataset),
    col(MetricRow.dataset_digest),
).where(
    col(MetricRow.version_id) == col(VersionRow.id), col(VersionRow.model_id) == bindparam("id")
)
_METRICS: Final = _MEASURED.where(_IS_PRESENT)
_WANTED: Final[BindParameter[Any]] = bindparam("numbers", expanding=True)
_SOME: Final[Executable] = PRESENT.where(col(VersionRow.number).in_(_WANTED))
_SOME_METRICS: Final[Executable] = _METRICS.where(col(VersionRow.number).in_(_WANTED))
# One that was there when it was listed is still shown when it has gone meanwhile.
_THESE: Final[Executable] = _VERSION.where(among(col(VersionRow.id), "ids"))
_THESE_METRICS: Final[Executable] = _MEASURED.where(among(col(VersionRow.id), "ids"))
_LISTED: Final[Executable] = (
    columns(
        col(VersionRow.id),
        col(VersionRow.number),
        col(VersionRow.run_id),
        col(VersionRow.created_at),
    )
    .where(col(VersionRow.model_id) == bindparam("id"), _IS_PRESENT)
    .order_by(col(VersionRow.number).desc())
)
_COUNTED: Final[Executable] = (
    columns(col(MetricRow.name), func.count(col(VersionRow.id).distinct()))
    .where(
        col(MetricRow.version_id) == col(VersionRow.id),
        col(VersionRow.model_id) == bindparam("id"),
        _IS_PRESENT,
    )
    .group_by(col(MetricRow.name))
)
_TOLD: Final[Executable] = (
    columns(
        col(VersionRow.number),
        col(VersionRow.created_at),
        col(MetricRow.value),
        col(MetricRow.dataset),
        col(MetricRow.dataset_digest),
    )
    .where(
        col(MetricRow.version_id) == col(VersionRow.id),
        col(MetricRow.name) == bindparam("name"),
        col(VersionRow.model_id) == bindparam("id"),
        _IS_PRESENT,
    )
    .order_by(col(VersionRow.number), col(MetricRow.dataset), col(MetricRow.dataset_digest))
)


def list_versions(session: Session, model_id: str) -> list[Listed]:
    """The present versions of a model, newest first, as far as a list of them names them."""
    rows = session.connection().execute(_LISTED, {"id": model_id}).all()
    return [Listed(*row) for row in rows]


def count_measured(session: Session, model_id: str) -> dict[str, int]:
    """How many present versions of a model have each metric."""
    rows = session.connection().execute(_COUNTED, {"id": model_id}).all()
    return {str(name): int(count) for name, count in rows}


def load_told(session: Session, model_id: str, name: str) -> list[Told]:
    """One metric of all present versions of a model, oldest version first."""
    rows = session.connection().execute(_TOLD, {"id": model_id, "name": name}).all()
    return [Told(*row) for row in rows]


def load_versions(
    session: Session,
    model: Model,
    numbers: Collection[int] | None = None,
    *,
    ids: Collection[str] | None = None,
) -> list[Version]:
    """The present versions of a model, or those with these numbers or ids, newest first."""
    asked: dict[str, Any] = {"id": model.id}
    which: tuple[Executable, Executable] = PRESENT, _METRICS
    if numbers is not None:
        asked["numbers"], which = list(numbers), (_SOME, _SOME_METRICS)
    elif ids is not None:
        asked["ids"], which = list(ids), (_THESE, _THESE_METRICS)
    metrics: dict[str, list[Metric]] = {}
    # All rows at once: taken one by one they cost twice the processor.
    measured = session.connection().execute(which[1], asked).all()
    for version_id, name, value, dataset, digest in measured:
        metrics.setdefault(version_id, []).append(Metric(name, value, dataset, digest))
    aliases: dict[str, list[str]] = {}
    for alias in model.aliases:
        aliases.setdefault(alias.version_id, []).append(alias.name)
    return [
        Version(
            id=row.id,
            model_id=model.id,
            number=row.number,
            created_at=row.created_at,
            source=row.source,
            run_id=row.run_id,
            description=row.description,
            status=row.status,
            tags=json.loads(row.tags),
            flavors=tuple(row.flavors.split()),
            signature=signature_of(row.signature),
            gone_at=None,
            aliases=tuple(sorted(aliases.get(row.id, []))),
            metrics=tuple(sorted(metrics.get(row.id, []), key=lambda m: (m.name, m.dataset))),
            optional=optional_of(row.signature),
            logged_tags=json.loads(row.logged_tags or "{}"),
        )
        for row in session.connection().execute(which[0], asked).all()
    ]


def told_tags(kept: Mapping[str, str]) -> dict[str, str]:
    """Tags without those that MLflow writes itself."""
    return {key: value for key, value in kept.items() if not key.startswith("mlflow.")}


@lru_cache(maxsize=512)
def signature_of(kept: str) -> dict[str, tuple[tuple[str, str], ...]]:
    """Columns by side, `inputs` and `outputs`, each (name, type), from a version's kept text."""
    try:
        sides = json.loads(kept or "{}")
        return {
            side: tuple(
                (str(one.get("name", "")), str(one.get("type", "")))
                for one in json.loads(sides[side])
            )
            for side in ("inputs", "outputs")
            if sides.get(side)
        }
    except (ValueError, AttributeError, TypeError, RecursionError):
        return {}


@lru_cache(maxsize=512)
def optional_of(kept: str) -> frozenset[str]:
    """The input columns that a caller may leave out, from a version's kept text."""
    try:
        inputs = json.loads(json.loads(kept or "{}").get("inputs") or "[]")
        return frozenset(
            str(one.get("name", "")) for one in inputs if one.get("required", True) is False
        )
    except (ValueError, AttributeError, TypeError, RecursionError):
        return frozenset()
