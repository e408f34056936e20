"""Profiles: what a version was saved with and what its rows look like, asked for once and kept."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from sqlalchemy import BindParameter, Executable, bindparam
from sqlalchemy import select as columns
from sqlmodel import Session, col

from auth.access import Resource, Verdict, decide, insist_visible
from auth.actors import Actor
from catalog.lineage.environments import FILES, LARGEST_BYTES, environment
from catalog.lineage.profile import Profile, from_text, kept_rows, sample
from catalog.lineage.tables import VersionProfileRow
from catalog.registry.artifacts import at_most
from catalog.registry.mirror.seen import FilesOf, Mlflow, SeenVersion
from catalog.registry.models import Model, resource
from catalog.registry.servers import Servers
from catalog.registry.tables import ModelRow, VersionRow
from ledger.acts import Ledger
from ledger.errors import CountersignError, Invalid, NotFound

SAMPLE: Final = "evaluation_sample.parquet"
PREDICTIONS: Final = "evaluation_predictions.parquet"
TABLES: Final = (SAMPLE, PREDICTIONS)
LARGEST_TABLE_BYTES: Final = 32 * 1024**2
_MOST_ASKED: Final = 2
_MOST_KEPT: Final = 128

Read = Callable[[Mapping[str, Path]], Mapping[str, Any]]
"""Tells what is in parquet files, by name, without opening them in this process."""


class ProfileState(StrEnum):
    """How far a profile is."""

    QUEUED = "Queued"
    DONE = "Done"
    FAILED = "Failed"


@dataclass(frozen=True)
class Known:
    """What is known of one version: its profile once it is done, else how far that is."""

    state: ProfileState
    requested_at: datetime
    computed_at: datetime | None
    digest: str
    problem: str
    hint: str
    profile: Profile | None


class Profiles:
    """The desk where profiles are asked for, computed and kept."""

    def __init__(self, ledger: Ledger, servers: Servers, read: Read) -> None:
        self._ledger = ledger
        self._servers = servers
        self._read = read
        self._kept: dict[str, Profile] = {}

    def of(self, version_ids: Collection[str], *, by: Actor) -> dict[str, Known]:
        """What is known of these versions; one that nobody asked for is not there.

        Raises:
            NotFound: the actor may not see one of them.
        """
        with self._ledger.store.read() as session:
            found: dict[str, Known] = {}
            asked = {"ids": list(version_ids)}
            for row in session.connection().execute(_OF, asked):
                where = Resource(
                    "model", row.model_id, row.domain, row.owner_id, row.restricted_at is not None
                )
                insist_visible(by, "model:read", where, "such version", "Choose one of its model.")
                if row.state is None:
                    continue
                done = row.state == ProfileState.DONE
                found[row.id] = Known(
                    ProfileState(row.state),
                    row.requested_at,
                    row.computed_at,
                    row.digest,
                    row.problem,
                    row.hint,
                    self._profile(session, row.id, row.digest) if done else None,
                )
            return found

    def _profile(self, session: Session, version_id: str, digest: str) -> Profile:
        """A kept profile by its digest, read and checked once."""
        kept = self._kept.get(digest)
        if kept is None:
            body = session.connection().execute(_BODY, {"id": version_id}).scalar_one()
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            kept = self._kept[digest] = from_text(body)
        return kept

    def may_request(self, model: Model, *, by: Actor) -> Verdict:
        """Whether the actor may have the rows of this model's versions read."""
        return decide(by, "profile:request", model.resource)

    def request(self, version_ids: Collection[str], *, by: Actor) -> None:
        """Ask for the profiles of versions that are compared; those that are there stay.

        One that failed is computed again.
        """
        wanted = sorted(set(version_ids))
        if not 1 <= len(wanted) <= _MOST_ASKED:
            raise Invalid("One or two versions are profiled at a time.", hint="Name two at most.")
        with self._ledger.act(
            "profile:request", actor=by.id, resource=f"version:{wanted[0]}"
        ) as act:
            asked = 0
            for version_id in wanted:
                version = act.session.get(VersionRow, version_id)
                model = act.session.get(ModelRow, version.model_id) if version else None
                gone = version is None or version.gone_at is not None
                if gone or model is None or not decide(by, "model:read", resource(model)):
                    raise NotFound("There is no such version.", hint="Choose one of its model.")
                decide(by, "profile:request", resource(model)).insist()
                row = act.session.get(VersionProfileRow, version_id)
                if row is not None and row.state != ProfileState.FAILED:
                    continue
                if row is None:
                    row = VersionProfileRow(
                        version_id=version_id,
                        state=ProfileState.QUEUED,
                        requested_by=by.id,
                        requested_at=act.at,
                    )
                row.state, row.requested_at = ProfileState.QUEUED, act.at
                row.problem, row.hint, row.problem_code = "", "", ""
                act.session.add(row)
                act.session.flush()
                act.emit("profile:requested", version_id)
                asked += 1
            act.facts["versions"] = " ".join(wanted)
            if not asked:
                act.reason = "there-already"

    def compute(self, version_id: str, *, by: Actor) -> None:
        """Fetch a few small files of a version and of its run, and keep what they say; once.

        Raises:
            Unavailable: MLflow or the reader does not answer; the job is tried again.
            CountersignError: there will be no profile, as `give_up` is to be told.
        """
        with self._ledger.store.read() as session:
            row = session.get(VersionProfileRow, version_id)
            if row is None or row.state == ProfileState.DONE:
                return
            version = session.get_one(VersionRow, version_id)
            model = session.get_one(ModelRow, version.model_id)
        decide(by, "profile:compute", resource(model)).insist()
        mlflow = self._servers.at(model.server, model.workspace)
        seen = mlflow.version(model.name, version.number)
        if (seen.created_at, seen.source) != (version.created_at, version.source):
            raise NotFound(
                f"Version {version.number} was deleted in MLflow, or made again.",
                hint="Compare the version that is there now.",
                code="version-gone",
            )
        with tempfile.TemporaryDirectory(prefix="countersign-") as folder:
            profile = self._found(mlflow, seen, Path(folder))
        self._done(version_id, profile, by)

    def _found(self, mlflow: Mlflow, seen: SeenVersion, into: Path) -> Profile:
        notes: list[str] = []
        with at_most(LARGEST_BYTES):
            files = _fetched(mlflow, seen, "model", FILES, into, notes)
        texts = {name: file.read_text("utf-8", "replace") for name, file in files.items()}
        with at_most(LARGEST_TABLE_BYTES):
            tables = _fetched(mlflow, seen, "run", TABLES, into, notes)
        try:
            told = self._read(tables)
        except Invalid as problem:
            told, tables = {}, {}
            notes.append(problem.message)
        rows, kept = None, None
        for name in tables:
            try:
                part = told[name]
                if "problem" in part:
                    notes.append(f"{name} is no table that can be read.")
                    continue
                if name == SAMPLE:
                    rows = sample(part)
                if part["kept"] is not None:
                    kept = kept_rows(part["kept"])
            except (KeyError, TypeError, ValueError):
                notes.append(f"{name} was read as something that is no table.")
        return Profile(environment(texts), rows, kept, tuple(notes))

    def give_up(self, version_id: str, problem: CountersignError, *, by: Actor) -> None:
        """Say on the page, and on the record, why there will be no profile."""
        with self._ledger.act("profile:fail", actor=by.id, resource=f"version:{version_id}") as act:
            row = act.session.get_one(VersionProfileRow, version_id)
            row.state, row.computed_at = ProfileState.FAILED, act.at
            row.problem, row.hint, row.problem_code = problem.message, problem.hint, problem.code
            act.session.add(row)
            act.reason = problem.code

    def _done(self, version_id: str, profile: Profile, by: Actor) -> None:
        body = profile.as_text()
        with self._ledger.act(
            "profile:compute", actor=by.id, resource=f"version:{version_id}"
        ) as act:
            row = act.session.get_one(VersionProfileRow, version_id)
            row.state, row.computed_at = ProfileState.DONE, act.at
            row.body, row.digest = body, f"sha256:{hashlib.sha256(body.encode()).hexdigest()}"
            act.session.add(row)
            act.digests["profile"] = row.digest


_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
# Asked on every click on Compare: built once, and without the bodies.
_OF: Final[Executable] = (
    columns(
        col(VersionRow.id),
        col(VersionRow.model_id),
        col(ModelRow.domain),
        col(ModelRow.owner_id),
        col(ModelRow.restricted_at),
        col(VersionProfileRow.state),
        col(VersionProfileRow.requested_at),
        col(VersionProfileRow.computed_at),
        col(VersionProfileRow.digest),
        col(VersionProfileRow.problem),
        col(VersionProfileRow.hint),
    )
    .select_from(VersionRow)
    .join(ModelRow, col(ModelRow.id) == col(VersionRow.model_id))
    .outerjoin(VersionProfileRow, col(VersionProfileRow.version_id) == col(VersionRow.id))
    .where(col(VersionRow.id).in_(_IDS))
)
_BODY: Final = columns(col(VersionProfileRow.body)).where(
    col(VersionProfileRow.version_id) == bindparam("id")
)


def _fetched(
    mlflow: Mlflow,
    seen: SeenVersion,
    of: FilesOf,
    names: Collection[str],
    into: Path,
    notes: list[str],
) -> dict[str, Path]:
    """Those of the files that are there, small enough and files indeed."""
    found: dict[str, Path] = {}
    try:
        folder = mlflow.folder(seen, of=of)
    except Invalid as problem:
        notes.append(f"Files of the {of} were not read: {problem.message}")
        return found
    if folder is None:
        return found
    for name in names:
        try:
            file = folder.file(name, into)
        except Invalid as problem:
            notes.append(f"{name} was not read: {problem.message}")
            continue
        # A link could lead to a file of this machine.
        if file is not None and file.is_file() and not file.is_symlink():
            found[name] = file
    return found
