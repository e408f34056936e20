"""An MLflow registry of any size, on disk as MLflow itself would have left it, in seconds.

MLflow's own store makes the tables; the rows are written in bulk. Seeded: the same arguments give
the same registry.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sqlalchemy import create_engine, insert

_BATCH: Final = 20_000
_FIRST_MS: Final = 1_700_000_000_000
_STEP_MS: Final = 997

_SUBJECTS: Final = (
    *("fraud", "churn", "credit-default", "loan-pricing", "next-offer", "demand", "claims"),
    *("late-payment", "card-abuse", "deposit-flow", "lifetime-value", "call-volume", "energy-use"),
)
_PLACES: Final = ("nordics", "baltics", "dach", "benelux", "iberia", "uk", "retail", "corporate")
_KINDS: Final = ("xgb", "lgbm", "logit", "forest", "mlp", "gam")
_TEAMS: Final = ("risk", "lending", "payments", "marketing", "treasury", "operations")
_STATEMENTS: Final = (
    "Trained monthly on the newest complete quarter.",
    "Calibrated on the holdout; see the run for its slices.",
    "Used by the nightly batch, and by nobody else.",
    "Replaces the scorecard of last year.",
)


def write(database: Path, *, models: int, versions: int, seed: int = 1) -> None:
    """Write a registry with so many models, each with so many versions, into a new SQLite file."""
    # Importing MLflow costs seconds, and whoever only reads the results should not pay for it.
    from mlflow.store.model_registry.dbmodels import models as tables  # noqa: PLC0415
    from mlflow.store.tracking import sqlalchemy_store  # noqa: PLC0415

    rows: Any = tables
    store: Any = sqlalchemy_store.SqlAlchemyStore
    uri = f"sqlite:///{database}"
    store(uri, str(database.parent / "artifacts"))
    made = {
        rows.SqlRegisteredModel: _models(models, seed),
        rows.SqlRegisteredModelTag: _tags(models, seed),
        rows.SqlModelVersion: _versions(models, versions),
        rows.SqlModelVersionTag: _version_tags(models, versions),
        rows.SqlRegisteredModelAlias: _aliases(models, versions),
    }
    engine = create_engine(uri)
    with engine.begin() as connection:
        for table, values in made.items():
            for batch in _batches(values):
                connection.execute(insert(table.__table__), batch)
    engine.dispose()


def name(number: int) -> str:
    """What the model with this number is called."""
    subject = _SUBJECTS[number % len(_SUBJECTS)]
    place = _PLACES[number // len(_SUBJECTS) % len(_PLACES)]
    return f"{subject}-{place}-{_KINDS[number % len(_KINDS)]}-{number:05d}"


def _models(models: int, seed: int) -> Iterator[dict[str, Any]]:
    chosen = random.Random(seed)  # noqa: S311 - the same figures every time
    for number in range(models):
        at = _FIRST_MS + number * _STEP_MS
        said = " ".join(chosen.sample(_STATEMENTS, 2))
        yield {
            "workspace": "default",
            "name": name(number),
            "creation_time": at,
            "last_updated_time": at + 60_000,
            "description": f"Predicts {name(number).replace('-', ' ')}. {said}",
        }


def _tags(models: int, seed: int) -> Iterator[dict[str, Any]]:
    chosen = random.Random(seed + 1)  # noqa: S311 - the same figures every time
    for number in range(models):
        for key, value in (
            ("team", chosen.choice(_TEAMS)),
            ("tier", str(chosen.randint(1, 3))),
            ("framework", _KINDS[number % len(_KINDS)]),
            ("cost-centre", f"CC{chosen.randint(100, 999)}"),
        ):
            yield {"workspace": "default", "name": name(number), "key": key, "value": value}


def _versions(models: int, versions: int) -> Iterator[dict[str, Any]]:
    for number in range(models):
        for version in range(1, versions + 1):
            at = _FIRST_MS + number * _STEP_MS + version * 7
            yield {
                "workspace": "default",
                "name": name(number),
                "version": version,
                "creation_time": at,
                "last_updated_time": at,
                "description": f"Version {version}, trained on the newest quarter.",
                "current_stage": "None",
                "source": f"s3://models/{number}/{version}",
                "status": "READY",
                "run_id": f"{number * versions + version:032x}",
            }


def _version_tags(models: int, versions: int) -> Iterator[dict[str, Any]]:
    for number in range(models):
        for version in range(1, versions + 1):
            for key, value in (("validated", "yes"), ("data", f"2026-Q{version % 4 + 1}")):
                yield {
                    "workspace": "default",
                    "name": name(number),
                    "version": version,
                    "key": key,
                    "value": value,
                }


def _aliases(models: int, versions: int) -> Iterator[dict[str, Any]]:
    for number in range(models):
        yield {
            "workspace": "default",
            "name": name(number),
            "alias": "champion",
            "version": versions,
        }
        if number % 2:
            yield {
                "workspace": "default",
                "name": name(number),
                "alias": "challenger",
                "version": 1,
            }


def _batches(values: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for value in values:
        batch.append(value)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
