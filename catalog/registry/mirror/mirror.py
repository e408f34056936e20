"""The mirror: looks at all of MLflow, writes down what changed, and never invents or loses a model.

A page of MLflow's listing is an offset, so rows shift while it is read: a model or version that was
not met is asked for by its name before it is called gone. One whose creation is another one than
before is another incarnation: it gets its own row and inherits nothing, unless it is a model that
was renamed. Anybody who may register a version decides what it says: one that cannot be read is
left alone, and hides no other.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from auth.access import ANYTHING, decide
from auth.actors import Actor
from catalog.registry.mirror.copy import Copy, Found, Listed
from catalog.registry.mirror.details import unopened, write_details
from catalog.registry.mirror.pen import Moved, Reading
from catalog.registry.mirror.reader import Reader, Updated
from catalog.registry.mirror.scribe import Scribe
from catalog.registry.mirror.seen import USUAL_WORKSPACE, Mlflow, SeenModel, SeenVersion
from catalog.registry.mirror.state import Logbook, Marks, MirrorState, Progress, newest
from ledger.clock import Clock
from ledger.errors import Conflict, CountersignError, NotFound, Unavailable
from ledger.journal import Journal
from ledger.store import Store

__all__ = ["Mirror", "MirrorState"]

_LOG = logging.getLogger(__name__)
# What opening versions in vain may cost one look; what is not opened then is at the next one.
_PATIENCE_S: Final = 60.0
# Up to here everything is read at each look; beyond, only what MLflow says was updated.
SMALL: Final = 2_000
# MLflow's clock need not run evenly: updates are read again from before the newest one known.
OVERLAP: Final = timedelta(minutes=2)
# More news than this at once is read faster as a whole.
_MOST_NEWS: Final = 200
_MOST_AT_ONCE: Final = 200
_TRIES: Final = 3
_T = TypeVar("_T")
_Page = TypeVar("_Page")


class Mirror:
    """Keeps our copy of one MLflow server's registry."""

    def __init__(
        self, store: Store, clock: Clock, journal: Journal, mlflow: Mlflow, server: str
    ) -> None:
        self._store = store
        self._clock = clock
        self._mlflow = mlflow
        self.server = server
        self._copy = Copy(store, server)
        self._reader = Reader(self._copy, clock)
        self._scribe = Scribe(store, clock, journal, server)
        self._logbook = Logbook(store, clock, server)
        self._is_quiet = False
        # What could not be read, and why, by name or id; told to the operator once.
        self._troubled: dict[str, str] = {}

    def look(self, *, by: Actor, at_everything: bool = False) -> MirrorState:
        """Read what was updated; everything, where that is little or nothing is known yet.

        Raises:
            Unavailable: as `crawl`.
        """
        decide(by, "mirror:write", ANYTHING).insist()
        state, marks = self._logbook.state(), self._logbook.marks()
        if at_everything or not self._is_large(state) or marks.models is None:
            return self._whole()
        return self._minding(lambda: self._news(marks)) or self._whole()

    def crawl(self, *, by: Actor) -> MirrorState:
        """Read the whole registry, write down the differences, and open what is new.

        A model or version that cannot be read stays as it was and is tried again at the next look.

        Raises:
            Unavailable: MLflow stopped answering; what was read until then is kept, nothing is
                called gone, and the state says what was wrong.
        """
        decide(by, "mirror:write", ANYTHING).insist()
        return self._whole(self._open_all)

    def is_crawl_due(self, every: timedelta) -> bool:
        """Whether a registry too large to be read at each look has to be read as a whole again."""
        state = self._logbook.state()
        return self._is_large(state) and (
            state is None
            or state.crawled_at is None
            or self._clock.now() - state.crawled_at >= every
        )

    def refresh(self, name: str, *, by: Actor, workspace: str = USUAL_WORKSPACE) -> None:
        """Read one model again, because something says it changed, and open what is new of it.

        Raises:
            Unavailable: MLflow does not answer properly.
        """
        decide(by, "mirror:write", ANYTHING).insist()
        self._logbook.insist_closed()
        place = self._mlflow.within(workspace)
        self._open(self._reread(place, workspace, name, partial(self._updated, place)))

    def open_waiting(self, *, by: Actor) -> int:
        """Open versions nobody has opened yet, as long as there is patience. Returns how many.

        Raises:
            Unavailable: MLflow does not answer properly.
        """
        decide(by, "mirror:write", ANYTHING).insist()
        self._logbook.insist_closed()
        return self._open_all()

    def moved_by(self, moved: Moved, *, by: Actor) -> None:
        """Say of the newest move of an alias to a version that a promotion made it, and when."""
        decide(by, "mirror:write", ANYTHING).insist()
        self._scribe.moved_by(moved)

    def read_files(self, version_id: str, digest: str, *, by: Actor) -> None:
        """Somebody has read a version's files: that they are other ones than before is a change."""
        decide(by, "mirror:write", ANYTHING).insist()
        self._scribe.files(version_id, digest)

    # -- reading all of it ---------------------------------------------------------------------

    @staticmethod
    def _is_large(state: MirrorState | None) -> bool:
        return state is not None and state.models > SMALL

    def _whole(self, then: Callable[[], object] = lambda: None) -> MirrorState:
        def read() -> MirrorState:
            marks, counted = self._crawl()
            then()
            return self._logbook.succeeded(marks, counted)

        return self._minding(read)

    def _minding(self, look: Callable[[], _T]) -> _T:
        """Look, unless the server is left alone; a failure is written down."""
        self._logbook.insist_closed()
        try:
            return look()
        except CountersignError as problem:
            self._logbook.failed(problem)
            raise

    def _crawl(self) -> tuple[Marks, tuple[int, int]]:
        progress = Progress(self._logbook)
        places = {name: self._mlflow.within(name) for name in self._mlflow.workspaces()}
        # Taken first: what is updated while everything is read must be news afterwards.
        marks = newest(places.values())
        models = versions = 0
        for workspace, place in places.items():
            read = self._crawl_within(place, workspace, progress)
            models, versions = models + read[0], versions + read[1]
        for workspace, name in self._copy.present():
            if workspace not in places:
                with self._apart(self._mlflow, name, f"model {name!r}"):
                    self._reread(self._mlflow.within(workspace), workspace, name, list)
        return marks, (models, versions)

    def _crawl_within(self, place: Mlflow, workspace: str, progress: Progress) -> tuple[int, int]:
        listed: dict[str, Listed] = {}
        began, versions = self._clock.now(), 0
        for listing, reading in self._timed(place.version_pages()):
            self._copy.list_versions(listed, listing, began, reading.ended)
            versions += len(listing)
            progress.has_read(len(listing))
        # A large registry at its first sight is no news: a job for each of its versions would
        # keep the worker busy for hours, telling people what has long been there.
        state = self._logbook.state()
        self._is_quiet = len(listed) > SMALL and (state is None or state.crawled_at is None)
        met: set[str] = set()
        again: list[str] = []
        for page, reading in self._timed(place.model_pages()):
            met.update(model.name for model in page)
            again += self._take_page(place, page, reading, listed, began)
            progress.has_read(len(page))
        updated: list[SeenModel] = []

        def recent() -> list[SeenModel]:
            updated[:] = updated or self._updated(place)
            return updated

        # First those that are there, under whatever name: only then is anything called gone.
        for name in dict.fromkeys(again):
            self._reread_apart(place, workspace, name, recent)
        for _, name in self._copy.present(workspace):
            if name not in met:
                self._reread_apart(place, workspace, name, recent)
        return len(met), versions

    def _take_page(
        self,
        place: Mlflow,
        page: Sequence[SeenModel],
        reading: Reading,
        listed: dict[str, Listed],
        began: datetime,
    ) -> list[str]:
        """Write down what a page of models shows. Returns the models that must be read alone."""
        compared = self._copy.compare(page, reading, listed, began)
        self._scribe.confirm(compared.same, reading, began)
        again = compared.again
        for at in range(0, len(compared.changed), _MOST_AT_ONCE):
            again += self._take(place, compared.changed[at : at + _MOST_AT_ONCE])
        odd = {*compared.again, *(found.model.name for found in compared.changed)}
        for model in page:
            listed.pop(model.name, None)
            if model.name not in odd:
                self._troubled.pop(model.name, None)
        return again

    def _take(self, place: Mlflow, batch: list[Found]) -> list[str]:
        """Write a batch down. Returns the models that somebody else read meanwhile."""
        try:
            taken = self._scribe.take(batch, is_quiet=self._is_quiet)
        except Exception as problem:
            if getattr(problem, "code", "") == "database-unavailable":
                raise
            for found in batch:
                with self._apart(place, found.model.name, f"model {found.model.name!r}"):
                    self._scribe.take([found], is_quiet=self._is_quiet)
            return []
        for name in taken:
            self._troubled.pop(name, None)
        return [found.model.name for found in batch if found.model.name not in taken]

    # -- reading what was updated --------------------------------------------------------------

    def _news(self, marks: Marks) -> MirrorState | None:
        """Follow the newest updates; nothing when they are so many that a crawl is quicker."""
        places = {name: self._mlflow.within(name) for name in self._mlflow.workspaces()}
        then = newest(places.values())
        for workspace, place in places.items():
            names = dict.fromkeys(self._updated_names(place, marks))
            if len(names) > _MOST_NEWS:
                return None
            for name in names:
                self._reread_apart(place, workspace, name, partial(self._updated, place))
        return self._logbook.succeeded(then)

    def _updated_names(self, place: Mlflow, marks: Marks) -> Iterator[str]:
        for models in place.model_pages(newest_first=True):
            yield from self._copy.news(models)
            if not models or (marks.models and models[-1].updated_at < marks.models - OVERLAP):
                break
        for versions in place.version_pages(newest_first=True):
            listed: dict[str, Listed] = {}
            now = self._clock.now()
            self._copy.list_versions(listed, versions, now, now)
            yield from (name for name, found in listed.items() if found.seen)
            oldest = versions[-1].updated_at if versions else None
            if oldest is None or (marks.versions and oldest < marks.versions - OVERLAP):
                break

    def _updated(self, place: Mlflow) -> list[SeenModel]:
        """The models that were updated since the last look: who was renamed is among them."""
        mark = self._logbook.marks().models
        found: list[SeenModel] = []
        for page in place.model_pages(newest_first=True):
            found += page
            if not page or (mark and page[-1].updated_at < mark - OVERLAP):
                break
        return found

    # -- reading one model ---------------------------------------------------------------------

    def _reread_apart(self, place: Mlflow, workspace: str, name: str, updated: Updated) -> None:
        with self._apart(place, name, f"model {name!r}"):
            self._reread(place, workspace, name, updated)

    def _reread(self, place: Mlflow, workspace: str, name: str, updated: Updated) -> list[str]:
        """Read one model by its name, which no page can hide. Returns the ids of what was read.

        Raises:
            Unavailable: others read it all the time, and nobody can say who read it last.
        """
        for _ in range(_TRIES):
            ids = self._read(place, workspace, name, updated)
            if ids is not None:
                return ids
        raise Unavailable(
            f"{name!r} is read by several at once.",
            hint="It is read again by itself.",
            code="mirror-crowded",
        )

    def _read(self, place: Mlflow, workspace: str, name: str, updated: Updated) -> list[str] | None:
        """As `_reread`, once: nothing where somebody else may have read it later than this."""
        began = self._clock.now()
        try:
            found = self._reader.read(place, workspace, name)
        except NotFound:
            known = self._copy.called(workspace, name)
            if known is None:
                return []
            moved = self._reader.moved_to(place, workspace, known, updated)
            if moved is None:
                is_gone = self._scribe.gone(workspace, name, Reading(began, self._clock.now()))
                return [] if is_gone else None
            found = moved
        if moves := self._reader.moves(place, workspace, found, updated):
            self._scribe.rename(moves)
            return [known.id for known, _ in moves]
        holder = self._copy.called(workspace, name)
        if holder is not None and holder.created_at != found.model.created_at:
            # Another model has its name now; it may live on under a new one.
            moved = self._reader.moved_to(place, workspace, holder, updated)
            if moved is not None:
                self._scribe.rename(self._reader.moves(place, workspace, moved, updated))
        try:
            return list(self._scribe.take([found]).values()) or None
        except Conflict as problem:
            if problem.code != "already-there":
                raise
            return None  # somebody else has just met it for the first time

    # -- opening versions ----------------------------------------------------------------------

    def _open_all(self) -> int:
        return self._open_these(unopened(self._store, self.server))

    def _open(self, model_ids: list[str]) -> None:
        if model_ids:
            self._open_these(unopened(self._store, self.server, model_ids))

    def _open_these(self, fresh: list[tuple[str, SeenVersion]]) -> int:
        """Open new versions; those that could not be opened before wait until all others are."""
        patience, opened = _PATIENCE_S, 0
        for version_id, version in sorted(fresh, key=lambda one: one[0] in self._troubled):
            began = time.monotonic()
            place = self._mlflow.within(version.workspace)
            with self._apart(place, version_id, f"version {version.number} of {version.name!r}"):
                details = place.details(version)
                with self._store.write() as session:
                    now = self._clock.now()
                    write_details(session, self.server, version_id, version, details, at=now)
                opened += 1
            if version_id in self._troubled:
                patience -= time.monotonic() - began
            if patience < 0:
                _LOG.warning("opening versions takes too long; the next look goes on with it")
                break
        return opened

    # -- keeping trouble apart -----------------------------------------------------------------

    @contextmanager
    def _apart(self, place: Mlflow, key: str, what: str) -> Iterator[None]:
        """What is wrong with one model or version is remembered, told once, and hides no other.

        Raises:
            Unavailable: it is not this one: MLflow does not even list models, or our own database
                is away.
        """
        try:
            yield
        except CountersignError as problem:
            if problem.code == "database-unavailable":
                raise
            if isinstance(problem, Unavailable):
                next(iter(place.model_pages()), None)
            if self._troubled.get(key) != problem.message:
                _LOG.warning("%s cannot be read: %s", what, problem.message)
            self._troubled[key] = problem.message
        except Exception as fault:  # noqa: BLE001 - it keeps its traceback, and to itself
            kind = type(fault).__name__
            if self._troubled.get(key) != kind:
                _LOG.exception("%s cannot be read", what)
            self._troubled[key] = kind
        else:
            self._troubled.pop(key, None)

    def _timed(self, pages: Iterator[_Page]) -> Iterator[tuple[_Page, Reading]]:
        """Pages, each with the time at which it was asked for and the time at which it came."""
        while True:
            began = self._clock.now()
            page = next(pages, None)
            if page is None:
                return
            yield page, Reading(began, self._clock.now())
