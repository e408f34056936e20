"""What every test may ask for: a database of each kind, empty and in its newest shape."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from app import migrate
from ledger.store import Store, sqlite_url
from tests import dialects, postgres
from tests.dialects import DATABASES
from tests.lending import Lending

dialects.share()
# Nothing that is imported and collected ever ends: to look for garbage among it is a tenth of it.
gc.disable()

pytest_plugins = ("tests.cast", "tests.screens")
# What takes longest begins first, so that two workers end together.
_BROWSER, _DEMO = "tests/browser/", "tests/demo/"
_FIRST = (_BROWSER, "tests/faults/", _DEMO, "tests/test_start.py")


class _Together(LoadScopeScheduling):  # type: ignore[misc] # the plugin ships no types
    """What shares a server shares a worker: browser stories, the demo, else one file's tests."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((one for one in (_BROWSER, _DEMO) if file.startswith(one)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _Together:
    """Who runs what, when several workers do."""
    return _Together(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""

    def place(item: pytest.Item) -> int:
        at = [n for n, start in enumerate(_FIRST) if item.nodeid.startswith(start)]
        return at[0] if at else len(_FIRST)

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Leave what was imported and collected, and never ends, out of each search for garbage."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    with postgres.running() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: postgres.Server) -> Iterator[str]:
    url = postgres_server.new_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture(scope="session")
def _postgres_template(postgres_server: postgres.Server) -> str:
    url = postgres_server.new_database()
    _shape(url)
    return url.rpartition("/")[2]


@pytest.fixture(scope="session")
def _postgres_shaped(
    postgres_server: postgres.Server, _postgres_template: str
) -> Iterator[Lending]:
    lending = Lending(postgres_server, _postgres_template)
    yield lending
    lending.close()


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "countersign.db"
    _shape(sqlite_url(path))
    return path


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database in its newest shape; the test runs on each kind."""
    if request.param == "sqlite":
        path = tmp_path / "countersign.db"
        shutil.copy(request.getfixturevalue("_sqlite_template"), path)
        yield sqlite_url(path)
        return
    lending: Lending = request.getfixturevalue("_postgres_shaped")
    url = lending.take()
    yield url
    lending.give_back(url)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A database in its newest shape; the test runs on each kind."""
    opened = Store(database_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(tmp_path: Path, _sqlite_template: Path) -> Iterator[Store]:
    """An SQLite database in its newest shape, for tests that are about something else."""
    path = tmp_path / "countersign.db"
    shutil.copy(_sqlite_template, path)
    opened = Store(sqlite_url(path))
    yield opened
    opened.close()


@pytest.fixture
def postgres_store(_postgres_shaped: Lending) -> Iterator[Store]:
    """A PostgreSQL database in its newest shape, for tests of what only PostgreSQL does."""
    url = _postgres_shaped.take()
    opened = Store(url)
    yield opened
    opened.close()
    _postgres_shaped.give_back(url)


def _shape(url: str) -> None:
    made = Store(url)
    migrate.to_head(made)
    made.close()
