"""The mirror: looks at all of MLflow, writes down what changed, and never invents or loses a model.

A page of MLflow's listing is an offset, so rows shift while it is read: a model or version that was
not met is asked for by its name before it is called gone. One whose creation is another one than
before is another incarnation: it gets its own row and inherits nothing. Anybody who may register a
version decides what it says: one that cannot be read is left alone, and hides no other.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import Session, col, select

from auth.access import ANYTHING, decide
from auth.actors import Actor
from catalog.registry.seen import (
    Mlflow,
    SeenDetails,
    SeenModel,
    SeenVersion,
    content_hash,
)
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
from ledger.clock import Clock
from ledger.errors import CountersignError, NotFound, Unavailable
from ledger.ids import new_id
from ledger.journal import Journal
from ledger.store import Store

_LOG = logging.getLogger(__name__)
# What opening versions in vain may cost one look; what is not opened then is at the next one.
_PATIENCE_S: Final = 60.0
_Fresh = tuple[str, SeenVersion]


@dataclass(frozen=True)
class MirrorState:
    """How old the mirror is, and what was wrong the last time."""

    server: str
    attempted_at: datetime
    succeeded_at: datetime | None
    problem: str
    models: int
    versions: int


class Mirror:
    """Keeps our copy of one MLflow server's registry."""

    def __init__(
        self, store: Store, clock: Clock, journal: Journal, mlflow: Mlflow, server: str
    ) -> None:
        self._store = store
        self._clock = clock
        self._journal = journal
        self._mlflow = mlflow
        self._server = server
        # What could not be read, and why, by name or id; told to the operator once.
        self._troubled: dict[str, str] = {}

    def crawl(self, *, by: Actor) -> MirrorState:
        """Read the whole registry and write down the differences.

        A model or version that cannot be read stays as it was and is tried again at the next look.

        Raises:
            Unavailable: MLflow stopped answering; what was read until then is kept, nothing is
                called gone, and the state says what was wrong.
        """
        decide(by, "mirror:write", ANYTHING).insist()
        try:
            models, versions = self._crawl()
        except CountersignError as problem:
            self._note(f"{problem.message} {problem.hint}".strip(), None)
            raise
        return self._note("", (models, versions))

    def refresh(self, name: str, *, by: Actor) -> None:
        """Read one model again, because something says it changed."""
        decide(by, "mirror:write", ANYTHING).insist()
        try:
            seen = self._mlflow.model(name)
        except NotFound:
            self._gone([row for row in self._present() if row.name == name])
            return
        self._open(self._take(seen, self._all_versions(name)))

    def _crawl(self) -> tuple[int, int]:
        models = {(m.workspace, m.name): m for m in self._mlflow.models()}
        versions: dict[tuple[str, str], dict[int, SeenVersion]] = {}
        for version in self._mlflow.versions():
            versions.setdefault((version.workspace, version.name), {})[version.number] = version
        fresh: list[_Fresh] = []
        for key, model in models.items():
            found = versions.get(key, {})
            with self._apart(model.name, f"model {model.name!r}"):
                if self._agrees(model, found):
                    fresh += self._take(model, found.values())
                else:
                    fresh += self._look_again(model.name) or []
        for row in self._present():
            if (row.workspace, row.name) not in models:
                with self._apart(row.name, f"model {row.name!r}"):
                    again = self._look_again(row.name)
                    if again is None:
                        self._gone([row])
                    fresh += again or []
        self._open(fresh)
        return len(models), sum(len(found) for found in versions.values())

    def _look_again(self, name: str) -> list[_Fresh] | None:
        """Read one model by its name, which no page can hide. Returns nothing if it is gone."""
        try:
            seen = self._mlflow.model(name)
        except NotFound:
            return None
        return self._take(seen, self._all_versions(name))

    @contextmanager
    def _apart(self, key: str, what: str) -> Iterator[None]:
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
                next(iter(self._mlflow.models()), None)
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

    def _agrees(self, model: SeenModel, found: Mapping[int, SeenVersion]) -> bool:
        """Whether two listings, read one after the other, can be of the same moment."""
        known = self._known_versions(model.workspace, model.name)
        return (
            set(model.aliases.values()) <= found.keys()
            and known.keys() <= found.keys()
            and all(_same_incarnation(row, found[number]) for number, row in known.items())
        )

    def _all_versions(self, name: str) -> list[SeenVersion]:
        """The versions of a model; a known one the listing lacks is asked for by its number."""
        found = {version.number: version for version in self._mlflow.versions(name)}
        for number in self._known_versions("", name).keys() - found.keys():
            try:
                found[number] = self._mlflow.version(name, number)
            except NotFound:
                continue
        return list(found.values())

    def _known_versions(self, workspace: str, name: str) -> dict[int, VersionRow]:
        query = select(VersionRow).where(
            col(VersionRow.model_id) == col(ModelRow.id),
            col(VersionRow.gone_at).is_(None),
            ModelRow.server == self._server,
            ModelRow.name == name,
            col(ModelRow.gone_at).is_(None),
        )
        if workspace:
            query = query.where(ModelRow.workspace == workspace)
        with self._store.read() as session:
            return {row.number: row for row in session.exec(query)}

    def _present(self) -> list[ModelRow]:
        with self._store.read() as session:
            return list(
                session.exec(
                    select(ModelRow).where(
                        ModelRow.server == self._server, col(ModelRow.gone_at).is_(None)
                    )
                )
            )

    def _take(self, seen: SeenModel, versions: Iterable[SeenVersion]) -> list[_Fresh]:
        """Write one model down. Returns its versions that must be opened to be known."""
        with self._store.write() as session:
            model = self._model(session, seen)
            fresh = self._versions(session, model, {v.number: v for v in versions})
            self._aliases(session, model, seen)
        return fresh

    def _open(self, fresh: list[_Fresh]) -> None:
        """Open new versions; those that could not be opened before wait until all others are."""
        patience = _PATIENCE_S
        for version_id, version in sorted(fresh, key=lambda one: one[0] in self._troubled):
            began = time.monotonic()
            with self._apart(version_id, f"version {version.number} of {version.name!r}"):
                self._detail(version_id, version)
            if version_id in self._troubled:
                patience -= time.monotonic() - began
            if patience < 0:
                _LOG.warning("opening versions takes too long; the next look goes on with it")
                return

    def _model(self, session: Session, seen: SeenModel) -> ModelRow:
        now = self._clock.now()
        row = session.exec(
            select(ModelRow).where(
                ModelRow.server == self._server,
                ModelRow.workspace == seen.workspace,
                ModelRow.name == seen.name,
                col(ModelRow.gone_at).is_(None),
            )
        ).first()
        if row is not None and row.created_at != seen.created_at:
            self._bury(session, row, now)
            row = None
        if row is None:
            row = ModelRow(
                id=new_id("mdl"),
                server=self._server,
                workspace=seen.workspace,
                name=seen.name,
                created_at=seen.created_at,
                updated_at=seen.updated_at,
                seen_at=now,
            )
            self._journal.append(session, "model:seen", row.id, {}, at=now)
        content = content_hash(seen)
        if row.content != content:
            row.content = content
            row.updated_at = seen.updated_at
            row.description = seen.description
            row.tags = json.dumps(dict(seen.tags), sort_keys=True)
            row.searched = search_text(seen.name, seen.description, seen.tags)
        row.seen_at = now
        session.add(row)
        session.flush()
        return row

    def _versions(
        self, session: Session, model: ModelRow, seen: dict[int, SeenVersion]
    ) -> list[_Fresh]:
        now = self._clock.now()
        known = {
            row.number: row
            for row in session.exec(
                select(VersionRow).where(
                    VersionRow.model_id == model.id, col(VersionRow.gone_at).is_(None)
                )
            )
        }
        fresh: list[_Fresh] = []
        for number, row in known.items():
            if number not in seen or not _same_incarnation(row, seen[number]):
                self._bury_version(session, row, now)
        for number, version in seen.items():
            found = known.get(number)
            if found is None or found.gone_at is not None:
                found = VersionRow(
                    id=new_id("ver"),
                    model_id=model.id,
                    number=number,
                    created_at=version.created_at,
                    source=version.source,
                    run_id=version.run_id,
                    seen_at=now,
                )
                self._journal.append(session, "version:seen", found.id, {}, at=now)
            content = content_hash(version)
            if found.content != content:
                found.content = content
                found.description = version.description
                found.status = version.status
                found.tags = json.dumps(dict(version.tags), sort_keys=True)
            found.seen_at = now
            session.add(found)
            if not found.is_detailed:
                fresh.append((found.id, version))
        session.flush()
        return fresh

    def _aliases(self, session: Session, model: ModelRow, seen: SeenModel) -> None:
        now = self._clock.now()
        ids = {
            row.number: row.id
            for row in session.exec(
                select(VersionRow).where(
                    VersionRow.model_id == model.id, col(VersionRow.gone_at).is_(None)
                )
            )
        }
        known = {
            row.alias: row
            for row in session.exec(select(AliasRow).where(AliasRow.model_id == model.id))
        }
        for alias, row in known.items():
            if alias not in seen.aliases:
                session.delete(row)
                self._alias_event(session, model, alias, row.number, None, now)
        for alias, number in seen.aliases.items():
            version_id = ids.get(number)
            before = known.get(alias)
            if version_id is None or (before and before.version_id == version_id):
                continue
            if before is not None:
                session.delete(before)
                session.flush()
            session.add(
                AliasRow(
                    model_id=model.id, alias=alias, version_id=version_id, number=number, since=now
                )
            )
            self._alias_event(session, model, alias, before.number if before else None, number, now)

    def _alias_event(
        self,
        session: Session,
        model: ModelRow,
        alias: str,
        before: int | None,
        after: int | None,
        at: datetime,
    ) -> None:
        moved = {"alias": alias, "before": str(before or ""), "after": str(after or "")}
        self._journal.append(session, "alias:seen", model.id, moved, at=at)

    def _detail(self, version_id: str, seen: SeenVersion) -> None:
        """Open a new version once. If that fails it is tried again at the next look."""
        details = self._mlflow.details(seen)
        with self._store.write() as session:
            row = session.get_one(VersionRow, version_id)
            row.logged_model_id = details.logged_model_id
            row.flavors = " ".join(details.flavors)
            row.signature = details.signature
            # A version that is still being written is opened again when it is ready.
            row.is_detailed = seen.status == "READY"
            session.add(row)
            self._measured(session, version_id, details)
            self._ran(session, details)

    def _measured(self, session: Session, version_id: str, details: SeenDetails) -> None:
        for metric in details.metrics:
            if not math.isfinite(metric.value):
                continue  # no number: nothing can be compared with it, and SQLite cannot keep it
            session.merge(
                MetricRow(
                    version_id=version_id,
                    name=metric.name,
                    dataset=metric.dataset,
                    dataset_digest=metric.dataset_digest,
                    value=metric.value,
                )
            )

    def _ran(self, session: Session, details: SeenDetails) -> None:
        run = details.run
        if run is None:
            return
        session.merge(
            RunRow(
                server=self._server,
                run_id=run.run_id,
                name=run.name,
                experiment=run.experiment,
                user=run.user,
                status=run.status,
                started_at=run.started_at,
                ended_at=run.ended_at,
                params=json.dumps(dict(run.params)),
                tags=json.dumps(dict(run.tags)),
            )
        )
        for used in run.datasets:
            session.merge(
                DatasetRow(
                    server=self._server,
                    name=used.name,
                    digest=used.digest,
                    source_type=used.source_type,
                    source=used.source,
                    columns=used.columns,
                    rows=used.rows,
                )
            )
            session.merge(
                RunDatasetRow(
                    server=self._server,
                    run_id=run.run_id,
                    name=used.name,
                    digest=used.digest,
                    context=used.context,
                )
            )

    def _gone(self, rows: list[ModelRow]) -> None:
        for row in rows:
            with self._store.write() as session:
                self._bury(session, session.get_one(ModelRow, row.id), self._clock.now())

    def _bury(self, session: Session, model: ModelRow, at: datetime) -> None:
        for version in session.exec(
            select(VersionRow).where(
                VersionRow.model_id == model.id, col(VersionRow.gone_at).is_(None)
            )
        ).all():
            self._bury_version(session, version, at)
        for alias in session.exec(select(AliasRow).where(AliasRow.model_id == model.id)).all():
            session.delete(alias)
        model.gone_at = at
        session.add(model)
        session.flush()
        self._journal.append(session, "model:gone", model.id, {}, at=at)

    def _bury_version(self, session: Session, version: VersionRow, at: datetime) -> None:
        version.gone_at = at
        session.add(version)
        for alias in session.exec(select(AliasRow).where(AliasRow.version_id == version.id)).all():
            session.delete(alias)
        session.flush()
        self._journal.append(session, "version:gone", version.id, {}, at=at)

    def _note(self, problem: str, counted: tuple[int, int] | None) -> MirrorState:
        now = self._clock.now()
        with self._store.write() as session:
            row = session.get(MirrorStateRow, self._server) or MirrorStateRow(
                server=self._server, attempted_at=now
            )
            row.attempted_at = now
            row.problem = problem
            if counted is not None:
                row.succeeded_at = now
                row.models, row.versions = counted
            session.add(row)
            return mirror_state(row)


def mirror_state(row: MirrorStateRow) -> MirrorState:
    """The state as a value."""
    return MirrorState(
        row.server, row.attempted_at, row.succeeded_at, row.problem, row.models, row.versions
    )


def search_text(name: str, description: str, tags: Mapping[str, str]) -> str:
    """What a search looks through: small letters, words apart, the name also as one word."""
    values = " ".join(tags.values())
    apart = "".join(ch if ch.isalnum() else " " for ch in name)
    return f"{name} {apart} {description} {values}".lower()


def _same_incarnation(row: VersionRow, seen: SeenVersion) -> bool:
    return (row.created_at, row.source, row.run_id) == (seen.created_at, seen.source, seen.run_id)
