"""How the looks at an MLflow server go: how old the copy is, how far a crawl is, what is wrong.

A server that fails three times in a row is left alone for a while, longer each time: it is not
helped by being asked, and whoever asks is told at once instead of after a timeout.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session

from catalog.registry.mirror.seen import Mlflow
from catalog.registry.tables import MirrorStateRow
from ledger.clock import Clock
from ledger.errors import CountersignError, Unavailable
from ledger.store import Store

_FORGIVEN: Final = 2
_FIRST_REST: Final = timedelta(seconds=5)
_LONGEST_REST: Final = timedelta(minutes=1)
_TELL_EVERY_S: Final = 2.0


@dataclass(frozen=True)
class MirrorState:
    """How old the mirror is, and what was wrong the last time.

    Attributes:
        succeeded_at: when a look at the server last went through.
        models: how many it held at the last full crawl.
        crawled_at: when everything was last read.
        crawl_began_at: when the crawl that is under way began; nothing between crawls.
        crawl_read: how many models and versions it has read so far.
        failures: looks that failed since the last one that did not.
        open_until: until then the server is left alone; nothing when it is not.
    """

    server: str
    attempted_at: datetime
    succeeded_at: datetime | None
    problem: str
    models: int
    versions: int
    crawled_at: datetime | None = None
    crawl_began_at: datetime | None = None
    crawl_read: int = 0
    failures: int = 0
    open_until: datetime | None = None


@dataclass(frozen=True)
class Marks:
    """The newest updates that were read, by MLflow's own clock."""

    models: datetime | None
    versions: datetime | None


class Logbook:
    """What the mirror writes down about its own looks at one server."""

    def __init__(self, store: Store, clock: Clock, server: str) -> None:
        self._store = store
        self._clock = clock
        self._server = server

    def state(self) -> MirrorState | None:
        """How it stands, if anybody has looked yet."""
        with self._store.read() as session:
            row = session.get(MirrorStateRow, self._server)
            return mirror_state(row) if row else None

    def marks(self) -> Marks:
        """Up to where updates were read."""
        with self._store.read() as session:
            row = session.get(MirrorStateRow, self._server)
            return Marks(row.models_mark, row.versions_mark) if row else Marks(None, None)

    def insist_closed(self) -> None:
        """Raises Unavailable while the server is left alone."""
        state = self.state()
        if state and state.open_until and self._clock.now() < state.open_until:
            raise Unavailable(
                "MLflow has failed several times in a row and is left alone for a moment.",
                hint="It is tried again by itself, within a minute.",
                code="mlflow-resting",
            )

    def begins(self) -> None:
        """A crawl begins."""
        with self._store.write() as session:
            row = self._row(session)
            row.crawl_began_at, row.crawl_read = self._clock.now(), 0

    def has_read(self, number: int) -> None:
        """A crawl has come so far."""
        with self._store.write() as session:
            self._row(session).crawl_read = number

    def failed(self, problem: CountersignError) -> None:
        """A look failed."""
        with self._store.write() as session:
            row = self._row(session)
            row.attempted_at = self._clock.now()
            row.problem = f"{problem.message} {problem.hint}".strip()
            row.crawl_began_at = None
            row.failures += 1
            if row.failures > _FORGIVEN:
                doublings = min(row.failures - _FORGIVEN - 1, 8)
                row.open_until = self._clock.now() + min(_FIRST_REST * 2**doublings, _LONGEST_REST)

    def succeeded(self, marks: Marks, counted: tuple[int, int] | None = None) -> MirrorState:
        """A look went through; a crawl knows how much there is."""
        now = self._clock.now()
        with self._store.write() as session:
            row = self._row(session)
            row.attempted_at = row.succeeded_at = now
            row.problem, row.failures, row.open_until = "", 0, None
            row.crawl_began_at = None
            row.models_mark = marks.models or row.models_mark
            row.versions_mark = marks.versions or row.versions_mark
            if counted is not None:
                row.crawled_at = now
                row.models, row.versions = counted
            return mirror_state(row)

    def _row(self, session: Session) -> MirrorStateRow:
        row = session.get(MirrorStateRow, self._server)
        if row is None:
            row = MirrorStateRow(server=self._server, attempted_at=self._clock.now())
            session.add(row)
        return row


class Progress:
    """How far a crawl has come, told every other second."""

    def __init__(self, logbook: Logbook) -> None:
        self._logbook = logbook
        self._read = 0
        self._told_at = time.monotonic()
        logbook.begins()

    def has_read(self, more: int) -> None:
        """So many more models or versions were read."""
        self._read += more
        if time.monotonic() - self._told_at >= _TELL_EVERY_S:
            self._told_at = time.monotonic()
            self._logbook.has_read(self._read)


def newest(places: Iterable[Mlflow]) -> Marks:
    """The newest updates of models and of versions that a server knows of."""
    models: list[datetime] = []
    versions: list[datetime] = []
    for place in places:
        models += [one.updated_at for one in next(place.model_pages(newest_first=True), ())[:1]]
        versions += [
            one.updated_at
            for one in next(place.version_pages(newest_first=True), ())[:1]
            if one.updated_at is not None
        ]
    return Marks(max(models, default=None), max(versions, default=None))


def mirror_state(row: MirrorStateRow) -> MirrorState:
    """The state as a value."""
    return MirrorState(
        row.server,
        row.attempted_at,
        row.succeeded_at,
        row.problem,
        row.models,
        row.versions,
        row.crawled_at,
        row.crawl_began_at,
        row.crawl_read,
        row.failures,
        row.open_until,
    )
