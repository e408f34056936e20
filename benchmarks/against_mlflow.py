"""Search by name beside MLflow's own, on the same registry: server CPU for each query.

Over HTTP both give pages of 25 to somebody who may read everything, with sign-in on: ours by a
bearer token, MLflow's by its basic-auth app as it comes. Beside that stands the least that MLflow
can cost with sign-in on: for its administrator, whom it filters nothing for, with its cache of
passwords on, which is off by default. Ours carries all facets. Below HTTP both are asked in this
process.

Questions are asked again and again, as of a search that is typed by many, and each once only.
"""

from __future__ import annotations

import contextlib
import random
import secrets
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
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
ROUNDS: Final = 3
OVER_HTTP: Final = 10.0
BELOW_HTTP: Final = 50.0
# By how often a question is asked: milliseconds of CPU for each.
Cost = dict[str, float]
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
        theirs = {cached: _mlflow(folder, cached=cached) for cached in (False, True)}
        with large.served(folder, environment, desks) as portal:
            ours = _http(
                portal.url,
                lambda: of_process(portal.process),
                _ours,
                headers={"Authorization": f"Bearer {token}"},
            )
            inside = _inside(
                lambda query: desks.finder.find(
                    Question(query), by=by, limit=PAGE, facets=False, snippets=False
                )
            )
        their_inside = _inside(_store_of(database))
        return list(_figures(f"{models} x {VERSIONS}", ours, inside, theirs, their_inside))


def _figures(
    size: str, ours: Cost, inside: Cost, theirs: dict[bool, Cost], their_inside: Cost
) -> Iterator[Figure]:
    for kind in ("asked again", "asked once"):
        mine, plain, cached = ours[kind], theirs[False][kind], theirs[True][kind]
        name = f"name search over HTTP, {kind}, {size}"
        yield Figure(name, mine, "ms CPU", plain / OVER_HTTP, plain)
        yield Figure(f"{name}, MLflow at its cheapest", mine, "ms CPU", baseline=cached)
    for kind in ("asked again", "asked once"):
        name = f"name search below HTTP, {kind}, {size}"
        baseline = their_inside[kind]
        yield Figure(name, inside[kind], "ms CPU", baseline / BELOW_HTTP, baseline)


def _mlflow(folder: Path, *, cached: bool) -> Cost:
    """What MLflow's own search costs a reader with a password; cached, what it costs its admin."""
    settings = folder / f"auth-{cached}.ini"
    settings.write_text(
        "[mlflow]\ndefault_permission = READ\nadmin_username = admin\n"
        f"database_uri = sqlite:///{folder}/auth-{cached}.db\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        f"auth_cache_ttl_seconds = {600 if cached else 0}\n"
    )
    root, reader = ("admin", secrets.token_urlsafe(16)), ("reader", secrets.token_urlsafe(16))
    server = MlflowServer(
        folder,
        {
            "MLFLOW_AUTH_CONFIG_PATH": str(settings),
            "MLFLOW_AUTH_ADMIN_PASSWORD": root[1],
            "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_urlsafe(16),
        },
        ("--app-name", "basic-auth"),
    )
    server.start()
    try:
        server.wait()
        made = httpx.post(
            f"{server.uri}/api/2.0/mlflow/users/create",
            json={"username": reader[0], "password": reader[1]},
            auth=root,
            trust_env=False,
            timeout=60,
        )
        made.raise_for_status()
        refused = httpx.get(f"{server.uri}{_theirs('fraud')[0]}", trust_env=False, timeout=60)
        assert refused.status_code == httpx.codes.UNAUTHORIZED
        return _http(
            server.uri, lambda: of_group(server.group), _theirs, auth=root if cached else reader
        )
    finally:
        server.stop()


def _theirs(query: str) -> tuple[str, dict[str, str]]:
    asked = {"filter": f"name ILIKE '%{query}%'", "max_results": str(PAGE)}
    return "/api/2.0/mlflow/registered-models/search", asked


def _ours(query: str) -> tuple[str, dict[str, str]]:
    return "/api/v1/models", {"q": query, "limit": str(PAGE)}


def _http(
    url: str,
    spent: Callable[[], float],
    request: Callable[[str], tuple[str, dict[str, str]]],
    *,
    headers: dict[str, str] | None = None,
    auth: tuple[str, str] | None = None,
) -> Cost:
    """Milliseconds of CPU that the server spends on a query."""
    with httpx.Client(
        base_url=url, trust_env=False, timeout=60, headers=headers, auth=auth
    ) as client:

        def ask(query: str) -> None:
            path, asked = request(query)
            client.get(path, params=asked).raise_for_status()

        return _cost(ask, spent)


def _inside(ask: Callable[[str], object]) -> Cost:
    return _cost(ask, time.process_time)


def _cost(ask: Callable[[str], object], spent: Callable[[], float]) -> Cost:
    """The medians of several rounds, after one that nobody counts."""
    once = iter(_distinct())
    rounds: dict[str, list[float]] = {"asked again": [], "asked once": []}
    for _ in range(ROUNDS + 1):
        for kind, queries in (
            ("asked again", QUERIES),
            ("asked once", [next(once) for _ in QUERIES]),
        ):
            before = spent()
            for query in queries:
                ask(query)
            rounds[kind].append((spent() - before) * 1000 / len(queries))
    return {kind: statistics.median(found[1:]) for kind, found in rounds.items()}


def _distinct() -> list[str]:
    """Parts of names, each of which stands in some models and is asked for once."""
    parts = sorted({mlflow_registry.name(number)[:-6] for number in range(MODELS)})
    random.Random(1).shuffle(parts)  # noqa: S311 - the same questions every time
    return parts


def of_process(process: int) -> float:
    """Seconds of CPU that a process has used, as clock_getcpuclockid(3) computes it (Linux)."""
    return time.clock_gettime((~process << 3) | 2)


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
