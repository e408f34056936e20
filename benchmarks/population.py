"""A large organisation: 100,000 models with five versions each, straight into our database.

The words of the models follow Zipf's law over a real vocabulary, so that some stand in a third of
all models and most in a handful. The same seed gives the same organisation.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import numpy as np
import psycopg
from sqlalchemy import Table
from sqlmodel import SQLModel

from auth.tables import PrincipalRow
from benchmarks.vocabulary import vocabulary
from catalog.registry.search import marks
from catalog.registry.tables import (
    AliasRow,
    DatasetRow,
    MetricRow,
    MirrorStateRow,
    ModelRow,
    RunDatasetRow,
    RunRow,
    VersionRow,
)
from ledger.store import Store, UtcDateTime

MODELS: Final = 100_000
VERSIONS: Final = 5
SEED: Final = 20_261_120
SERVER: Final = "main"
_CHUNK: Final = 10_000
_EPOCH: Final = datetime(2026, 11, 20, tzinfo=UTC)
_OWNERS: Final = 400
_DATASETS: Final = 1_500
_DOMAINS: Final = (
    "Lending", "Payments", "Collections", "Compliance", "Customer", "Insurance", "Hospital",
    "Pharmacy", "Research", "Retail", "Logistics", "Procurement", "Finance", "Energy",
    "Manufacturing", "Aviation", "Railway", "City", "Real estate", "People", "IT", "Legal",
    "Agriculture", "Telecom",
)  # fmt: skip
_TASKS: Final = ("binary classification", "multi-class classification", "regression")
_FRAMEWORKS: Final = ("sklearn", "xgboost", "lightgbm", "pytorch", "tensorflow", "onnx")
_STAGES: Final = ("Proposal", "Development", "Validation", "Production", "Deprecated", "Retired")
_CLASSES: Final = ("", "High", "Limited", "Minimal")
# What every tenth model is called after, so that questions about it have an answer at any size;
# four in five of them predict the usual kind of thing.
_SUBJECTS: Final = {
    "loan default": _TASKS[0],
    "churn": _TASKS[0],
    "fraud": _TASKS[0],
    "demand": _TASKS[2],
    "pricing": _TASKS[2],
    "maintenance": _TASKS[1],
}
_USUAL: Final = 0.8
_METRIC: Final = {_TASKS[0]: "roc_auc", _TASKS[1]: "accuracy_score", _TASKS[2]: "mae"}


@dataclass(frozen=True)
class _Draws:
    """Random numbers for one chunk, drawn in bulk."""

    words: Sequence[str]
    lengths: Sequence[int]
    numbers: np.random.Generator


def populate(store: Store, models: int = MODELS, versions: int = VERSIONS) -> None:
    """Fill a catalog, which may hold others. The index is not built: all models are marked for it.

    In time it is the past: what there is already keeps its place among the newest.
    """
    bulk(store, PrincipalRow, _people())
    bulk(store, DatasetRow, _datasets())
    with store.write() as session:
        marks.remove(session.connection())
    for start in range(0, models, _CHUNK):
        rows = _chunk(start, min(_CHUNK, models - start), versions)
        for kind, listed in rows.items():
            bulk(store, kind, listed)
    with store.write() as session:
        state = session.get(MirrorStateRow, SERVER)
        if state is None:
            state = MirrorStateRow(server=SERVER, attempted_at=_EPOCH, succeeded_at=_EPOCH)
        state.models += models
        state.versions += models * versions
        session.add(state)
    with store.write() as session:
        connection = session.connection()
        marks.install(connection)
        connection.exec_driver_sql("DELETE FROM search_mark")
        connection.exec_driver_sql("INSERT INTO search_mark (model_id) SELECT id FROM model")
        connection.exec_driver_sql("ANALYZE")


def _people() -> list[dict[str, Any]]:
    words = vocabulary()
    return [
        {
            "id": f"per_{number:05d}",
            "kind": "person",
            "name": f"{words[900 + number].capitalize()} {words[5000 + number].capitalize()}",
            "email": f"person{number}@large.example",
            "created_at": _EPOCH,
        }
        for number in range(_OWNERS)
    ]


def _datasets() -> list[dict[str, Any]]:
    words = vocabulary()
    return [
        {
            "server": SERVER,
            "name": f"{words[300 + number]}-{words[4000 + number]}",
            "digest": f"d{number:07x}",
            "source_type": "local",
            "rows": 1000 + number,
        }
        for number in range(_DATASETS)
    ]


def _draws(start: int, size: int) -> _Draws:
    words = vocabulary()
    numbers = np.random.default_rng((SEED, start))
    weights = 1.0 / (np.arange(len(words)) + 4.0)
    lengths = numbers.integers(12, 30, size)
    drawn = numbers.choice(len(words), int(lengths.sum()), p=weights / weights.sum())
    return _Draws([words[one] for one in drawn.tolist()], lengths.tolist(), numbers)


def _chunk(start: int, size: int, versions: int) -> dict[type[SQLModel], list[dict[str, Any]]]:
    draws, words, datasets = _draws(start, size), vocabulary(), _datasets()
    chance = draws.numbers.random((size, 8)).tolist()
    picks = draws.numbers.integers(0, 1 << 30, (size, 12)).tolist()
    rows: dict[type[SQLModel], list[dict[str, Any]]] = {
        kind: [] for kind in (ModelRow, VersionRow, AliasRow, RunRow, RunDatasetRow, MetricRow)
    }
    at = 0
    for place in range(size):
        said = draws.words[at : at + draws.lengths[place]]
        at += draws.lengths[place]
        _model(rows, start + place, said, chance[place], picks[place], versions, words, datasets)
    return rows


def _model(  # noqa: PLR0917 - what was drawn for it
    rows: dict[type[SQLModel], list[dict[str, Any]]],
    number: int,
    said: Sequence[str],
    chance: Sequence[float],
    picks: Sequence[int],
    versions: int,
    words: Sequence[str],
    datasets: Sequence[dict[str, Any]],
) -> None:
    domain = _DOMAINS[picks[0] % len(_DOMAINS)] if chance[0] < 0.97 else ""  # noqa: PLR2004
    task = _TASKS[picks[1] % 3] if domain else ""
    subject = tuple(_SUBJECTS)[picks[2] % 6] if number % 10 == 0 else ""
    if task and subject and chance[2] < _USUAL:
        task = _SUBJECTS[subject]
    first = subject.replace(" ", "-") if subject else said[0]
    changed = _EPOCH - timedelta(minutes=picks[3] % 1_000_000)
    live = versions - picks[4] % 2 if chance[1] < 0.6 else 0  # noqa: PLR2004 - three in five
    model_id = f"mdl_{number:07d}"
    rows[ModelRow].append(
        {
            "id": model_id,
            "server": SERVER,
            "workspace": "default",
            "name": f"{first}-{said[1]}-{number:06d}",
            "created_at": changed - timedelta(days=400),
            "updated_at": changed,
            "description": f"{subject} {' '.join(said[2:])}.".strip().capitalize(),
            "tags": json.dumps(
                {
                    "team": words[200 + picks[5] % 60],
                    "region": ("emea", "apac", "americas", "nordics")[picks[6] % 4],
                }
            ),
            "domain": domain,
            "task": task,
            "owner_id": f"per_{picks[7] % _OWNERS:05d}" if domain else "",
            "tier": ("1", "2", "3")[picks[8] % 3] if domain else "",
            "regulatory_class": _CLASSES[picks[9] % 4],
            "stage": _STAGES[picks[10] % 6] if not live else _STAGES[3],
            "seen_at": _EPOCH,
        }
    )
    if live:
        rows[AliasRow].append(
            {
                "model_id": model_id,
                "alias": "champion",
                "version_id": f"ver_{number:07d}_{live}",
                "number": live,
                "since": changed,
            }
        )
    for version in range(1, versions + 1):
        _version(rows, number, version, versions, chance, picks, task, changed, datasets)


def _version(  # noqa: PLR0913, PLR0917 - what was drawn for it
    rows: dict[type[SQLModel], list[dict[str, Any]]],
    number: int,
    version: int,
    versions: int,
    chance: Sequence[float],
    picks: Sequence[int],
    task: str,
    changed: datetime,
    datasets: Sequence[dict[str, Any]],
) -> None:
    version_id, run_id = f"ver_{number:07d}_{version}", f"run{number:07d}{version}"
    data = datasets[picks[11] % _DATASETS]
    created = changed - timedelta(days=30 * (6 - version))
    rows[VersionRow].append(
        {
            "id": version_id,
            "model_id": f"mdl_{number:07d}",
            "number": version,
            "created_at": created,
            "source": f"models:/m-{run_id}",
            "run_id": run_id,
            "status": "READY",
            "flavors": f"python_function {_FRAMEWORKS[picks[1] % 6]}",
            "is_detailed": True,
            "seen_at": _EPOCH,
        }
    )
    rows[MetricRow].append(
        {
            "version_id": version_id,
            "name": _METRIC.get(task, "roc_auc"),
            "dataset": data["name"],
            "dataset_digest": data["digest"],
            "value": round(0.55 + 0.4 * chance[3] + 0.005 * version, 4),
        }
    )
    if version < versions - 1:
        return  # MLflow has forgotten the runs behind old versions
    rows[RunRow].append(
        {
            "server": SERVER,
            "run_id": run_id,
            "name": f"train-{version}",
            "status": "FINISHED",
            "started_at": created,
            "params": json.dumps({"depth": str(version + 2), "seed": str(number)}),
        }
    )
    for context in ("training", "evaluation"):
        rows[RunDatasetRow].append(
            {
                "server": SERVER,
                "run_id": run_id,
                "name": data["name"],
                "digest": data["digest"],
                "context": context,
            }
        )


# -- into the database -----------------------------------------------------------------------------


def bulk(store: Store, kind: type[SQLModel], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows as fast as the database takes them; what is left out gets its default."""
    table: Table = kind.__table__  # type: ignore[attr-defined] # SQLModel hides it
    names = [column.name for column in table.columns]
    fields = kind.model_fields
    defaults = [None if fields[name].is_required() else fields[name].default for name in names]
    cells = list(zip(names, defaults, strict=True))
    with store.write() as session:
        raw = session.connection().connection.driver_connection
        listed = ", ".join(f'"{name}"' for name in names)
        if isinstance(raw, psycopg.Connection):
            statement = f"COPY {table.name} ({listed}) FROM STDIN"
            with raw.cursor() as cursor, cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row([row.get(name, default) for name, default in cells])
        elif raw is not None:
            places = ", ".join("?" * len(names))
            moments = {c.name for c in table.columns if isinstance(c.type, UtcDateTime)}
            for row in rows:
                for name in moments & row.keys():
                    row[name] = _plain(row[name])
            raw.executemany(
                f"INSERT INTO {table.name} ({listed}) VALUES ({places})",  # noqa: S608 - ours
                ([row.get(name, default) for name, default in cells] for row in rows),
            )


@lru_cache(maxsize=4096)
def _plain(moment: datetime) -> str:
    """As SQLAlchemy keeps moments in SQLite."""
    return moment.replace(tzinfo=None).isoformat(" ", "microseconds")
