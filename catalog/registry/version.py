"""A model version as people see it, with the numbers measured on it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import BindParameter, Executable, bindparam
from sqlalchemy import select as columns
from sqlmodel import Session, col

from catalog.registry.model import Model
from catalog.registry.tables import MetricRow, VersionRow


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


PRESENT: Final = (
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
    )
    .where(col(VersionRow.model_id) == bindparam("id"), col(VersionRow.gone_at).is_(None))
    .order_by(col(VersionRow.number).desc())
)
_METRICS: Final = columns(
    col(MetricRow.version_id),
    col(MetricRow.name),
    col(MetricRow.value),
    col(MetricRow.dataset),
    col(MetricRow.dataset_digest),
).where(
    col(MetricRow.version_id) == col(VersionRow.id),
    col(VersionRow.model_id) == bindparam("id"),
    col(VersionRow.gone_at).is_(None),
)
_WANTED: Final[BindParameter[Any]] = bindparam("numbers", expanding=True)
_SOME: Final[Executable] = PRESENT.where(col(VersionRow.number).in_(_WANTED))
_SOME_METRICS: Final[Executable] = _METRICS.where(col(VersionRow.number).in_(_WANTED))


def load_versions(
    session: Session, model: Model, numbers: Collection[int] | None = None
) -> list[Version]:
    """The present versions of a model, or those with these numbers, newest first."""
    asked: dict[str, Any] = {"id": model.id}
    which: tuple[Executable, Executable] = PRESENT, _METRICS
    if numbers is not None:
        asked["numbers"], which = list(numbers), (_SOME, _SOME_METRICS)
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
        )
        for row in session.connection().execute(which[0], asked).all()
    ]


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
