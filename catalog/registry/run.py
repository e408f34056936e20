"""The run that made a version, with the data sets it used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import BindParameter, Executable, bindparam
from sqlalchemy import select as columns
from sqlmodel import Session, col

from catalog.registry.tables import DatasetRow, RunDatasetRow, RunRow


@dataclass(frozen=True)
class Dataset:
    """A data set a run used."""

    name: str
    digest: str
    context: str
    source_type: str
    source: str
    columns: tuple[tuple[str, str], ...]
    rows: int | None


@dataclass(frozen=True)
class Run:
    """The run that made a version."""

    run_id: str
    name: str
    experiment: str
    user: str
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    params: Mapping[str, str]
    tags: Mapping[str, str]
    datasets: tuple[Dataset, ...]


_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
_RUNS: Final[Executable] = columns(
    col(RunRow.run_id),
    col(RunRow.name),
    col(RunRow.experiment),
    col(RunRow.user),
    col(RunRow.status),
    col(RunRow.started_at),
    col(RunRow.ended_at),
    col(RunRow.params),
    col(RunRow.tags),
).where(col(RunRow.server) == bindparam("server"), col(RunRow.run_id).in_(_IDS))
_USED: Final[Executable] = columns(
    col(RunDatasetRow.run_id),
    col(RunDatasetRow.context),
    col(DatasetRow.name),
    col(DatasetRow.digest),
    col(DatasetRow.source_type),
    col(DatasetRow.source),
    col(DatasetRow.columns),
    col(DatasetRow.rows),
).where(
    col(RunDatasetRow.server) == bindparam("server"),
    col(RunDatasetRow.run_id).in_(_IDS),
    col(DatasetRow.server) == col(RunDatasetRow.server),
    col(DatasetRow.name) == col(RunDatasetRow.name),
    col(DatasetRow.digest) == col(RunDatasetRow.digest),
)


def load_runs(session: Session, server: str, ids: list[str]) -> dict[str, Run]:
    """These runs of a server by run id, with their data sets."""
    asked = {"server": server, "ids": ids}
    used: dict[str, list[Dataset]] = {}
    for row in session.connection().execute(_USED, asked).all():
        used.setdefault(row.run_id, []).append(
            Dataset(
                row.name,
                row.digest,
                row.context,
                row.source_type,
                row.source,
                _columns(row.columns),
                row.rows,
            )
        )
    return {
        row.run_id: Run(
            row.run_id,
            row.name,
            row.experiment,
            row.user,
            row.status,
            row.started_at,
            row.ended_at,
            json.loads(row.params),
            json.loads(row.tags),
            tuple(sorted(used.get(row.run_id, []), key=lambda d: (d.context, d.name))),
        )
        for row in session.connection().execute(_RUNS, asked).all()
    }


@lru_cache(maxsize=512)
def _columns(schema: str) -> tuple[tuple[str, str], ...]:
    try:
        listed = json.loads(schema or "{}").get("mlflow_colspec", [])
        return tuple((str(one.get("name", "")), str(one.get("type", ""))) for one in listed)
    except (ValueError, AttributeError, TypeError, RecursionError):
        return ()
