"""Stand-ins for the two things outside: an MLflow server in memory, and the engine of durable jobs.

The contract suite of `tests/catalog/registry/test_mlflow_contract.py` asks the same questions of
`FakeMlflow` and of a real server.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from sqlalchemy import event
from sqlmodel import Session

from catalog.registry.artifacts import insist_small, read_mlmodel
from catalog.registry.input_example import seen_example
from catalog.registry.mirror.seen import (
    USUAL_WORKSPACE,
    FilesOf,
    SeenDataset,
    SeenDetails,
    SeenMetric,
    SeenModel,
    SeenRun,
    SeenVersion,
)
from ledger.clock import SetClock
from ledger.errors import CountersignError, NotFound, Unavailable

AWAY = Unavailable("MLflow does not answer properly.", hint="Check it.", code="mlflow-unavailable")
HOLDOUT = SeenDataset(
    "lending-holdout",
    "e1f0",
    "evaluation",
    "local",
    '{"uri": "holdout.parquet"}',
    '{"mlflow_colspec": [{"name": "income", "type": "double", "required": true}]}',
    41_200,
)
TRAINING = SeenDataset("lending-train", "7a31", "training", "local", "{}", "", 120_000)
_FILES: Mapping[str, str] = {"MLmodel": "flavors: {}\n", "model.skops": "weights"}
_Row = TypeVar("_Row")


def auc(value: float, dataset: SeenDataset = HOLDOUT) -> SeenMetric:
    """The metric that decides for a binary classifier, on named rows."""
    return SeenMetric("roc_auc", value, dataset.name, dataset.digest)


def _updated(version: SeenVersion) -> float:
    return (version.updated_at or version.created_at).timestamp()


@dataclass
class _Kept:
    model: SeenModel
    versions: dict[int, SeenVersion] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))


class FakeFolder:
    """A folder of artifacts on this disk."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def file(self, name: str, into: Path) -> Path | None:
        """One file at the top of it, if it is there."""
        file = self._place / name
        if not file.is_file():
            return None
        insist_small([(name, file.stat().st_size)])
        return Path(shutil.copy(file, into))


class FakeMlflow:
    """An MLflow server: models, versions, aliases, runs, and files on disk.

    Attributes:
        trouble: raised by every question while it is set; a server that is away, hangs or answers
            500 looks alike from here.
        page_rows: how many rows one page of a listing holds; a page is an offset, as in MLflow.
        between_pages: called after each page but the last, to change things while they are listed.
        hidden: versions whose details MLflow does not find.
        calls: the aliases that were set, in order.
        tickets: the tickets that were shown, in order.
    """

    def __init__(
        self,
        folder: Path,
        clock: SetClock,
        workspace: str = USUAL_WORKSPACE,
        workspaces: dict[str, FakeMlflow] | None = None,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._workspace = workspace
        self._workspaces = {workspace: self} if workspaces is None else workspaces
        self._kept: dict[str, _Kept] = {}
        self._details: dict[str, SeenDetails] = {}
        self._runs = itertools.count(1)
        self.trouble: CountersignError | None = None
        self.page_rows = 500
        self.between_pages: Callable[[], None] = lambda: None
        self.hidden: set[tuple[str, int]] = set()
        self.calls: list[tuple[str, str, int | None]] = []
        self.tickets: list[str] = []

    # -- what people do in MLflow --------------------------------------------------------------

    def register(self, name: str, description: str = "", **tags: str) -> SeenModel:
        """Register a model."""
        now = self._tick()
        self._kept[name] = _Kept(
            SeenModel(name, now, now, self._workspace, description=description, tags=tags)
        )
        return self._kept[name].model

    def log(
        self,
        name: str,
        *,
        metrics: Sequence[SeenMetric] = (auc(0.81),),
        datasets: Sequence[SeenDataset] = (TRAINING, HOLDOUT),
        params: Mapping[str, str] | None = None,
        description: str = "Trained on the newest quarter.",
        user: str = "ada",
        files: Mapping[str, str] = _FILES,
        status: str = "READY",
    ) -> SeenVersion:
        """Train a version and register it."""
        number = next(self._kept[name].numbers)
        run_id = f"{next(self._runs):032x}"
        now = self._tick()
        version = SeenVersion(
            name,
            number,
            now,
            f"models:/m-{run_id}",
            run_id,
            self._workspace,
            description=description,
            status=status,
            updated_at=now,
        )
        self._touch(name, now)
        run = SeenRun(
            run_id,
            f"train-{number}",
            "lending",
            user,
            "FINISHED",
            now - timedelta(minutes=3),
            now - timedelta(minutes=1),
            dict(params or {"depth": str(number)}),
            {},
            tuple(datasets),
            tuple(SeenMetric(m.name, m.value, "", "") for m in metrics),
        )
        self._kept[name].versions[number] = version
        self._details[version.source] = SeenDetails(
            run, f"m-{run_id}", tuple(metrics), ("python_function",), ""
        )
        for path, text in files.items():
            self.write_file(version, path, text)
        return version

    def write_file(self, version: SeenVersion, path: str, text: str) -> None:
        """Put a file into a version's artifacts, over the one that is there."""
        file = self._artifacts(version) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def lose_files(self, version: SeenVersion) -> None:
        """Somebody deletes a version's files in the store, past MLflow."""
        shutil.rmtree(self._artifacts(version))

    def put_files(self, version: SeenVersion, folder: Path) -> None:
        """Make a folder's files the artifacts of a version."""
        shutil.rmtree(self._artifacts(version))
        shutil.copytree(folder, self._artifacts(version))

    def leave_sample(self, version: SeenVersion, text: str) -> None:
        """Leave rows of the evaluation in the version's run."""
        file = self._folder / "runs" / version.run_id / "evaluation_sample.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def leave_table(self, version: SeenVersion, name: str, table: bytes) -> None:
        """Leave a file of any bytes in the version's run."""
        self._run_files(version).mkdir(parents=True, exist_ok=True)
        (self._run_files(version) / name).write_bytes(table)

    def delete(self, name: str) -> None:
        """Delete a model with all its versions."""
        del self._kept[name]

    def delete_version(self, name: str, number: int) -> None:
        """Delete a version and the aliases that point at it."""
        kept = self._kept[name]
        del kept.versions[number]
        self._touch(name, self._tick())
        left = {a: n for a, n in kept.model.aliases.items() if n != number}
        kept.model = replace(kept.model, aliases=left)

    def rename(self, name: str, new: str) -> None:
        """Give a model another name."""
        kept = self._kept.pop(name)
        now = self._tick()
        kept.model = replace(kept.model, name=new, updated_at=now)
        kept.versions = {n: replace(v, name=new, updated_at=now) for n, v in kept.versions.items()}
        self._kept[new] = kept

    def describe(self, name: str, description: str, **tags: str) -> None:
        """Write another description and other tags."""
        kept = self._kept[name]
        if description != kept.model.description:
            self._touch(name, self._tick())
        kept.model = replace(kept.model, description=description, tags=tags)

    def describe_version(self, name: str, number: int, description: str) -> None:
        """Write another description of a version."""
        versions = self._kept[name].versions
        versions[number] = replace(
            versions[number], description=description, updated_at=self._tick()
        )

    def tag_version(self, name: str, number: int, **tags: str) -> None:
        """Write other tags of a version, which MLflow's clock does not notice."""
        versions = self._kept[name].versions
        versions[number] = replace(versions[number], tags=tags)

    def stage(self, name: str, number: int, stage: str) -> None:
        """Move a version to one of MLflow's own stages."""
        versions = self._kept[name].versions
        now = self._tick()
        versions[number] = replace(versions[number], stage=stage, updated_at=now)
        self._touch(name, now)

    def become(self, name: str, number: int, status: str) -> None:
        """Change the status of a version."""
        versions = self._kept[name].versions
        versions[number] = replace(versions[number], status=status)

    def point(self, name: str, alias: str, number: int) -> None:
        """Move an alias by hand, past Countersign."""
        kept = self._kept[name]
        kept.model = replace(kept.model, aliases={**kept.model.aliases, alias: number})

    def unset(self, name: str, alias: str) -> None:
        """Remove an alias by hand."""
        kept = self._kept[name]
        left = {a: n for a, n in kept.model.aliases.items() if a != alias}
        kept.model = replace(kept.model, aliases=left)

    def alias(self, name: str, alias: str) -> int | None:
        """Where an alias points, as MLflow itself would tell anybody."""
        return self._kept[name].model.aliases.get(alias)

    @property
    def names(self) -> set[str]:
        """The registered models."""
        return set(self._kept)

    def numbers(self, name: str) -> set[int]:
        """The versions of a model."""
        return set(self._kept[name].versions)

    # -- what Countersign asks -----------------------------------------------------------------

    def workspaces(self) -> list[str]:
        """The workspaces of the server."""
        self._answer()
        return list(self._workspaces)

    def within(self, workspace: str) -> FakeMlflow:
        """The same server, asked about another workspace."""
        return self._workspaces.get(workspace) or FakeMlflow(
            self._folder / "nowhere", self._clock, workspace, self._workspaces
        )

    def open_workspace(self, name: str) -> FakeMlflow:
        """Make another workspace on this server."""
        self._workspaces[name] = FakeMlflow(
            self._folder / name, self._clock, name, self._workspaces
        )
        return self._workspaces[name]

    def model_pages(self, *, newest_first: bool = False) -> Iterator[Sequence[SeenModel]]:
        """All registered models with tags and aliases."""
        return self._pages(
            lambda: sorted(
                (kept.model for kept in self._kept.values()),
                key=lambda model: (-model.updated_at.timestamp() * newest_first, model.name),
            )
        )

    def version_pages(self, *, newest_first: bool = False) -> Iterator[Sequence[SeenVersion]]:
        """All versions."""
        return self._pages(
            lambda: sorted(
                (one for kept in self._kept.values() for one in kept.versions.values()),
                key=lambda one: (-_updated(one) * newest_first, one.name, -one.number),
            )
        )

    def versions(self, name: str) -> Iterator[SeenVersion]:
        """All versions of one model, newest first."""
        for page in self._pages(
            lambda: sorted(
                self._kept[name].versions.values() if name in self._kept else (),
                key=lambda version: version.number,
                reverse=True,
            )
        ):
            yield from page

    def model(self, name: str) -> SeenModel:
        """One registered model."""
        self._answer()
        if name not in self._kept:
            raise NotFound("MLflow has no such thing any more.", code="not-in-mlflow")
        return self._kept[name].model

    def version(self, name: str, number: int) -> SeenVersion:
        """One version."""
        self._answer()
        if name not in self._kept or number not in self._kept[name].versions:
            raise NotFound("MLflow has no such thing any more.", code="not-in-mlflow")
        return self._kept[name].versions[number]

    def details(self, version: SeenVersion) -> SeenDetails:
        """What must be opened to be known."""
        self._answer()
        if (version.name, version.number) in self.hidden:
            raise NotFound("MLflow has no such thing any more.", code="not-in-mlflow")
        files = self._artifacts(version)
        described = read_mlmodel(files / "MLmodel")
        example = seen_example(described.example, lambda name: self._given(files / name))
        return replace(self._details[version.source], example=example)

    def download(self, version: SeenVersion, into: Path) -> Path:
        """All artifact files of a version, unopened, in a folder below `into`."""
        self._answer()
        files = self._artifacts(version)
        if not files.is_dir():
            raise NotFound("MLflow has no such thing any more.", code="not-in-mlflow")
        return Path(shutil.copytree(files, into / "artifacts", symlinks=True))

    def download_sample(self, version: SeenVersion, into: Path) -> Path | None:
        """The run's sample of evaluation rows, if it left one."""
        self._answer()
        file = self._folder / "runs" / version.run_id / "evaluation_sample.parquet"
        return Path(shutil.copy(file, into)) if file.is_file() else None

    def folder(self, version: SeenVersion, *, of: FilesOf) -> FakeFolder | None:
        """The artifacts of a version, or of its run if it has one."""
        self._answer()
        return FakeFolder(self._artifacts(version) if of == "model" else self._run_files(version))

    def seal(self, name: str, number: int, ticket: str) -> None:
        """A server without a guard takes no notice of the ticket."""
        self.version(name, number)
        self.tickets.append(ticket)

    def set_alias(self, name: str, alias: str, number: int, ticket: str = "") -> None:
        """Point an alias at a version."""
        self.version(name, number)
        self.tickets.append(ticket)
        self.calls.append((name, alias, number))
        self.point(name, alias, number)

    def delete_alias(self, name: str, alias: str, ticket: str = "") -> None:
        """Take an alias away; where there is none, MLflow says nothing."""
        self.model(name)
        self.tickets.append(ticket)
        self.calls.append((name, alias, None))
        self.unset(name, alias)

    # -- the inside ----------------------------------------------------------------------------

    @staticmethod
    def _given(file: Path) -> Path | None:
        if not file.is_file():
            return None
        insist_small([(file.name, file.stat().st_size)])
        return file

    def _answer(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    def _pages(self, rows: Callable[[], list[_Row]]) -> Iterator[list[_Row]]:
        at = 0
        while True:
            self._answer()
            found = rows()
            yield found[at : at + self.page_rows]
            at += self.page_rows
            if at >= len(found):
                return
            self.between_pages()

    def _artifacts(self, version: SeenVersion) -> Path:
        return self._folder / "artifacts" / version.source.rpartition("/")[2]

    def _touch(self, name: str, at: datetime) -> None:
        """What MLflow does when it counts a change as an update of the model."""
        kept = self._kept[name]
        kept.model = replace(kept.model, updated_at=at)

    def _run_files(self, version: SeenVersion) -> Path:
        return self._folder / "runs" / version.run_id

    def _tick(self) -> datetime:
        # Creation times tell incarnations apart, as MLflow's milliseconds do.
        self._clock.advance(timedelta(milliseconds=7))
        return self._clock.now()


@dataclass(frozen=True)
class Asked:
    """A job that was asked for, with what it is about."""

    job: str
    key: str
    payload: Mapping[str, str]


class FakeJobs:
    """Durable work, carried out when the test says so: kept at the commit, once per key."""

    def __init__(self) -> None:
        self.asked: dict[str, Asked] = {}
        self._done: set[str] = set()

    def enqueue(self, session: Session, job: str, key: str, payload: Mapping[str, str]) -> None:
        """Ask for a job; it is there once the transaction went through."""
        asked = Asked(job, key, dict(payload))

        def keep(_session: Session) -> None:
            self.asked.setdefault(key, asked)

        event.listen(session, "after_commit", keep, once=True)

    def waiting(self, job: str = "") -> list[Asked]:
        """The jobs that nobody has carried out yet, in the order they were asked for."""
        return [
            asked
            for asked in self.asked.values()
            if asked.key not in self._done and job in {"", asked.job}
        ]

    def run(self, handlers: Mapping[str, Callable[[Mapping[str, str]], None]]) -> list[str]:
        """Carry out what waits, and what that asks for; returns the names of the jobs done.

        `Unavailable` leaves a job waiting, as the engine would try it again.
        """
        done: list[str] = []
        postponed: set[str] = set()
        while due := [asked for asked in self.waiting() if asked.key not in postponed]:
            for asked in due:
                try:
                    handlers[asked.job](asked.payload)
                except Unavailable:
                    postponed.add(asked.key)
                    continue
                self._done.add(asked.key)
                done.append(asked.job)
        return done
