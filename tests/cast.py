"""The cast of the tests: Alice builds and asks, Bob approves, Carol reads for the business, Dave is
a stranger, Erik audits, Grace administers, and Robot is an application with a token.

`house` is the whole portal over each kind of database, with an MLflow in memory and a clock that
stands still; `small_house` is the same on SQLite only, for tests that are about something else.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from sqlmodel import col, select

from app.portal import Portal, build
from app.settings import from_environment
from app.worker import MIRROR, RELEASES, handlers
from auth.access import decide
from auth.actors import EVERYTHING, Actor, Scope
from auth.people import Person
from auth.permissions import Role
from catalog.registry.models import Model, Version, load_models, resource
from catalog.registry.tables import ModelRow
from catalog.releases.promotions.outbox import Promotion
from catalog.releases.requests.request import ReleaseRequest
from catalog.releases.states import Verb
from ledger.clock import SetClock
from ledger.errors import NotFound
from ledger.store import Store, sqlite_url
from ledger.trail import Filter, Record
from tests import postgres
from tests.dialects import DATABASES
from tests.fakes import FakeJobs, FakeMlflow, auc
from tests.lending import Lending

AT: Final = datetime(2026, 11, 20, 9, 12, tzinfo=UTC)
SYSTEM: Final = Actor.system("demo")
DOMAIN: Final = "Lending"
LENDING: Final = Scope("domain", DOMAIN)
WHY: Final = "Better on the newest quarter."

# First name -> the role given, and where.
CAST: Final[dict[str, tuple[Role, Scope] | None]] = {
    "alice": (Role.MODEL_OWNER, LENDING),
    "bob": (Role.APPROVER, LENDING),
    "carol": (Role.BUSINESS_OWNER, EVERYTHING),
    "dave": None,
    "erik": (Role.AUDITOR, EVERYTHING),
    "grace": (Role.GOVERNANCE_ADMIN, EVERYTHING),
}
ROBOT: Final = "Loan desk"


@dataclass(frozen=True)
class House:
    """The portal with its cast, its MLflow, its clock and its durable jobs."""

    portal: Portal
    mlflow: FakeMlflow
    jobs: FakeJobs
    clock: SetClock

    # -- the cast ------------------------------------------------------------------------------

    def who(self, name: str) -> Actor:
        """One of the cast, with the roles held now."""
        person = self.portal.people.by_email(f"{name}@norrland.example")
        assert person is not None, name
        return self.portal.people.actor(person.id)

    @property
    def alice(self) -> Actor:
        return self.who("alice")

    @property
    def bob(self) -> Actor:
        return self.who("bob")

    @property
    def carol(self) -> Actor:
        return self.who("carol")

    @property
    def dave(self) -> Actor:
        return self.who("dave")

    @property
    def erik(self) -> Actor:
        return self.who("erik")

    @property
    def grace(self) -> Actor:
        return self.who("grace")

    @property
    def robot(self) -> Actor:
        everybody = self.portal.people.everybody(by=self.grace)
        return self.portal.people.actor(next(one.id for one in everybody if one.name == ROBOT))

    def join(self, name: str, role: Role | None = None, scope: Scope = EVERYTHING) -> Actor:
        """Somebody more joins, with one role or none."""
        _join(self.portal, name, role, scope)
        return self.who(name)

    # -- the day's work ------------------------------------------------------------------------

    def mirror(self) -> None:
        """Look at all of MLflow."""
        self.portal.mirror.crawl(by=MIRROR)
        self.index()

    def index(self) -> None:
        """Bring the search index up to date, as the worker does all the time."""
        self.portal.indexer.run(by=MIRROR)

    def work(self) -> list[str]:
        """Carry out the durable jobs that wait."""
        done = self.jobs.run(handlers(self.portal))
        self.index()
        return done

    def deliver(self) -> list[Promotion]:
        """Carry out the promotions that are due."""
        done = []
        while (one := self.portal.promotions.carry_out_next("worker-1", by=RELEASES)) is not None:
            done.append(one)
        self.work()
        return done

    def model(self, name: str = "credit-pd") -> Model:
        return self.portal.models.find(name, by=SYSTEM)

    def version(self, number: int, name: str = "credit-pd") -> Version:
        return self.portal.models.version(self.model(name), number)

    def credit(
        self,
        *,
        aucs: tuple[float, ...] = (0.80, 0.82),
        champion: int | None = 1,
        name: str = "credit-pd",
        domain: str = DOMAIN,
    ) -> Model:
        """A classified model that Alice says she built, with a champion unless there is none."""
        if name not in self.mlflow.names:
            self.mlflow.register(name, "Probability that a loan defaults.")
        for value in aucs:
            self.mlflow.log(name, metrics=[auc(value)])
        if champion is not None:
            self.mlflow.point(name, "champion", champion)
        # Indexed once, at the end: a search in between would not be asked by anybody.
        self.portal.mirror.crawl(by=MIRROR)
        alice, model = self.alice, self.model(name)
        self.portal.models.classify(
            model.id,
            by=self.grace,
            owner_id=alice.id,
            domain=domain,
            task="binary classification",
        )
        self.index()
        model = self.model(name)
        # A model of somebody else's domain is not hers to claim.
        with suppress(NotFound):
            for version in self.portal.models.versions(model):
                self.portal.authorship.claim(version.id, by=alice)
        return model

    def asked(
        self, number: int = 2, alias: str = "champion", name: str = "credit-pd"
    ) -> ReleaseRequest:
        """Alice asks, and the worker opens the request for review."""
        version = self.version(number, name)
        request = self.portal.requests.request(version.id, alias, WHY, by=self.alice)
        self.work()
        return self.portal.requests.get(request.id, by=self.alice)

    def approved(
        self, number: int = 2, alias: str = "champion", name: str = "credit-pd"
    ) -> ReleaseRequest:
        """Alice asks and Bob approves; nothing has moved yet."""
        request = self.asked(number, alias, name)
        return self.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=self.bob)

    # -- the record ----------------------------------------------------------------------------

    def records(self, act: str = "", *, outcome: str = "") -> list[Record]:
        """The trail, oldest first."""
        wanted = Filter(act=act, outcome=outcome)
        found = self.portal.audits.listing(wanted, by=self.erik, limit=10_000)
        return found[::-1]


def models_of(portal: Portal, *, by: Actor) -> list[Model]:
    """All models that somebody may read, by name."""
    with portal.store.read() as session:
        query = select(ModelRow).where(col(ModelRow.gone_at).is_(None)).order_by(ModelRow.name)
        rows = [row for row in session.exec(query) if decide(by, "model:read", resource(row))]
        return load_models(session, rows)


def _join(portal: Portal, name: str, role: Role | None, scope: Scope) -> Person:
    email = f"{name}@norrland.example"
    person, _code = portal.people.add(f"{name.capitalize()} Norrland", email, by=SYSTEM)
    if role is not None:
        portal.grants.give(person.id, role, scope, by=SYSTEM)
    return person


def open_house(url: str, folder: Path) -> House:
    """A portal over a database, with an MLflow of its own."""
    clock = SetClock(AT)
    jobs = FakeJobs()
    mlflow = FakeMlflow(folder / "mlflow", clock)
    settings = from_environment({"DATA_DIR": str(folder), "DATABASE_URL": url, "DEMO": "0"})
    return House(build(settings, clock=clock, jobs=jobs, mlflow=mlflow), mlflow, jobs, clock)


def _people(url: str, folder: Path) -> None:
    portal = open_house(url, folder).portal
    for name, held in CAST.items():
        _join(portal, name, *(held or (None, EVERYTHING)))
    portal.tokens.register_application(ROBOT, by=SYSTEM)
    portal.store.close()


@pytest.fixture(scope="session")
def _sqlite_cast(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cast")
    path = folder / "countersign.db"
    shutil.copy(_sqlite_template, path)
    _people(sqlite_url(path), folder)
    _fold_wal(path)
    return path


@pytest.fixture(scope="session")
def _postgres_cast(
    postgres_server: postgres.Server,
    _postgres_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lending]:
    url = postgres_server.new_database(_postgres_template)
    _people(url, tmp_path_factory.mktemp("cast"))
    lending = Lending(postgres_server, url.rpartition("/")[2])
    yield lending
    lending.close()


@pytest.fixture(params=DATABASES)
def peopled_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database in which the cast is known; the test runs on each kind."""
    if request.param == "sqlite":
        yield _sqlite_copy(request.getfixturevalue("_sqlite_cast"), tmp_path)
        return
    lending: Lending = request.getfixturevalue("_postgres_cast")
    url = lending.take()
    yield url
    lending.give_back(url)


@pytest.fixture
def house(peopled_url: str, tmp_path: Path) -> Iterator[House]:
    """The portal with its cast; the test runs on each kind of database."""
    opened = open_house(peopled_url, tmp_path)
    yield opened
    opened.portal.store.close()


@pytest.fixture
def small_house(tmp_path: Path, _sqlite_cast: Path) -> Iterator[House]:
    """The portal with its cast on SQLite, for tests that are about something else."""
    opened = open_house(_sqlite_copy(_sqlite_cast, tmp_path), tmp_path)
    yield opened
    opened.portal.store.close()


def _sqlite_copy(template: Path, folder: Path) -> str:
    path = folder / "countersign.db"
    shutil.copy(template, path)
    return sqlite_url(path)


def _fold_wal(path: Path) -> None:
    """Bring what is still in the write-ahead log into the file that is copied."""
    store = Store(sqlite_url(path))
    store.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
