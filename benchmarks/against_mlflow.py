"""Search by name beside MLflow's own, on the same registry: server CPU for each query.

Over HTTP both give pages of 25. Ours has sign-in on and carries all facets; MLflow's has neither,
because its sign-in needs packages that Countersign does not install: that favours MLflow. Below
HTTP both are asked in this process.
"""

from __future__ import annotations

import contextlib
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx

from app import migrate
from app.portal import build
from app.settings import from_environment
from auth.actors import EVERYTHING
from auth.permissions import Role
from benchmarks import large, mlflow_registry
from benchmarks.crawl import of_group
from benchmarks.figures import Figure
from benchmarks.large import INDEXER, SYSTEM
from benchmarks.population import bulk
from catalog.registry.search.questions import Question
from catalog.registry.tables import AliasRow, ModelRow, VersionRow
from ledger.jobs import NoJobs
from ledger.store import Store
from tests.stack import MlflowServer, free_ports

MODELS: Final = 10_000
VERSIONS: Final = 5
PAGE: Final = 25
ROUNDS: Final = 5
OVER_HTTP: Final = 10.0
BELOW_HTTP: Final = 50.0
QUERIES: Final = (
    *("fraud", "churn", "credit-default", "loan-pricing", "demand", "lifetime-value", "nordics"),
    *("corporate", "xgb", "claims-uk", "energy-use-iberia", "09999", "call-volume", "benelux"),
)


def measure(models: int = MODELS) -> list[Figure]:
    """CPU for each query, ours and MLflow's."""
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as name:
        folder = Path(name)
        database = folder / "mlflow.db"
        mlflow_registry.write(database, models=models, versions=VERSIONS)
        (port,) = free_ports(1)
        environment = {"DATA_DIR": str(folder), "PORT": str(port), "DEMO": "0"}
        desks = build(from_environment(environment), jobs=NoJobs())
        migrate.to_head(desks.store)
        _copied(database, desks.store)
        desks.indexer.run(by=INDEXER)
        person, _code = desks.people.add("Alice Large", "alice@large.example", by=SYSTEM)
        desks.grants.give(person.id, Role.MODEL_OWNER, EVERYTHING, by=SYSTEM)
        by = desks.people.actor(person.id)
        token = desks.tokens.issue("bench", by=by)[1]
        desks.finder.warm()
        size = f"{models} x {VERSIONS}"
        server = MlflowServer(folder)
        server.start()
        try:
            server.wait()
            theirs = _http(server.uri, server.group, _theirs)
        finally:
            server.stop()
        with large.served(folder, environment, desks) as portal:
            headers = {"Authorization": f"Bearer {token}"}
            ours = _http(portal.url, 0, _ours, headers=headers, process=portal.process)
            inside = _inside(
                lambda query: desks.finder.find(
                    Question(query), by=by, limit=PAGE, facets=False, snippets=False
                )
            )
        their_inside = _inside(_store_of(database))
        return [
            Figure(f"name search over HTTP, {size}", ours, "ms CPU", theirs / OVER_HTTP, theirs),
            Figure(
                f"name search below HTTP, {size}",
                inside,
                "ms CPU",
                their_inside / BELOW_HTTP,
                their_inside,
            ),
        ]


def _theirs(query: str) -> tuple[str, dict[str, str]]:
    asked = {"filter": f"name ILIKE '%{query}%'", "max_results": str(PAGE)}
    return "/api/2.0/mlflow/registered-models/search", asked


def _ours(query: str) -> tuple[str, dict[str, str]]:
    return "/api/v1/models", {"q": query, "limit": str(PAGE)}


def _http(
    url: str,
    group: int,
    request: Callable[[str], tuple[str, dict[str, str]]],
    *,
    process: int = 0,
    headers: dict[str, str] | None = None,
) -> float:
    """Milliseconds of CPU that the server spends on a query, over many of them."""
    with httpx.Client(base_url=url, trust_env=False, timeout=60, headers=headers) as client:

        def ask() -> None:
            for query in QUERIES:
                path, asked = request(query)
                client.get(path, params=asked).raise_for_status()

        def spent() -> float:
            return of_group(group) if group else _of_process(process)

        ask()
        before = spent()
        for _ in range(ROUNDS):
            ask()
        return (spent() - before) * 1000 / (ROUNDS * len(QUERIES))


def _of_process(process: int) -> float:
    # A process's CPU clock, as clock_getcpuclockid(3) computes it (Linux).
    return time.clock_gettime((~process << 3) | 2)


def _inside(ask: Callable[[str], object]) -> float:
    for query in QUERIES:
        ask(query)
    spent = []
    for _ in range(ROUNDS):
        before = time.process_time()
        for query in QUERIES:
            ask(query)
        spent.append((time.process_time() - before) * 1000 / len(QUERIES))
    return statistics.median(spent)


def _store_of(database: Path) -> Callable[[str], object]:
    # Importing MLflow costs seconds, and whoever only reads the results should not pay for it.
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore  # noqa: PLC0415

    kind: Any = SqlAlchemyStore
    store = kind(f"sqlite:///{database}")
    return lambda query: store.search_registered_models(
        filter_string=f"name ILIKE '%{query}%'", max_results=PAGE
    )


def _copied(database: Path, store: Store) -> None:
    """The same registry in our own database, as a crawl would have left it."""
    with contextlib.closing(sqlite3.connect(database)) as theirs:
        models = theirs.execute(
            "SELECT name, description, creation_time, last_updated_time FROM registered_models"
        ).fetchall()
        versions = theirs.execute(
            "SELECT name, version, creation_time, source, run_id FROM model_versions"
        ).fetchall()
        aliases = theirs.execute(
            "SELECT name, alias, version FROM registered_model_aliases"
        ).fetchall()
    ids = {model[0]: f"mdl_{place:06d}" for place, model in enumerate(models)}
    bulk(
        store,
        ModelRow,
        [
            {
                "id": ids[name],
                "server": "main",
                "workspace": "default",
                "name": name,
                "description": description,
                "created_at": _moment(created),
                "updated_at": _moment(updated),
                "seen_at": _moment(updated),
            }
            for name, description, created, updated in models
        ],
    )
    bulk(
        store,
        VersionRow,
        [
            {
                "id": f"ver_{ids[name]}_{number}",
                "model_id": ids[name],
                "number": number,
                "created_at": _moment(created),
                "source": source,
                "run_id": run_id,
                "status": "READY",
                "seen_at": _moment(created),
            }
            for name, number, created, source, run_id in versions
        ],
    )
    bulk(
        store,
        AliasRow,
        [
            {
                "model_id": ids[name],
                "alias": alias,
                "version_id": f"ver_{ids[name]}_{number}",
                "number": number,
                "since": datetime.now(UTC),
            }
            for name, alias, number in aliases
        ],
    )


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
