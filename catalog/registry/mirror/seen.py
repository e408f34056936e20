"""What MLflow said when it was asked: values as they came in, before they become ours."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, Protocol

USUAL_WORKSPACE: Final = "default"

FilesOf = Literal["model", "run"]
ExampleState = Literal[
    "read", "none", "too-large", "unreadable", "foreign", "not-given", "unknown", "external"
]
# The tag by which MLflow marks a logged model whose files lie elsewhere, such as a vendor's.
EXTERNAL: Final = "mlflow.model.isExternal"


@dataclass(frozen=True, slots=True)
class SeenModel:
    """A registered model."""

    name: str
    created_at: datetime
    updated_at: datetime
    workspace: str = USUAL_WORKSPACE
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeenVersion:
    """A model version. `stage` is MLflow's own, empty for its `None`."""

    name: str
    number: int
    created_at: datetime
    source: str
    run_id: str
    workspace: str = USUAL_WORKSPACE
    description: str = ""
    status: str = "READY"
    tags: Mapping[str, str] = field(default_factory=dict)
    stage: str = ""
    updated_at: datetime | None = None


@dataclass(frozen=True)
class SeenDataset:
    """A data set that a run used."""

    name: str
    digest: str
    context: str
    source_type: str
    source: str
    columns: str
    rows: int | None


@dataclass(frozen=True)
class SeenMetric:
    """A number measured by a run on a data set, where it says which."""

    name: str
    value: float
    dataset: str
    dataset_digest: str


@dataclass(frozen=True)
class SeenRun:
    """A run."""

    run_id: str
    name: str
    experiment: str
    user: str
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    params: Mapping[str, str]
    tags: Mapping[str, str]
    datasets: tuple[SeenDataset, ...]
    metrics: tuple[SeenMetric, ...]


@dataclass(frozen=True)
class SeenExample:
    """The input example saved with a version: its JSON once it was read, else why there is none."""

    state: ExampleState = "none"
    body: str = ""


@dataclass(frozen=True)
class SeenDetails:
    """What is learnt about a version only by opening it: its run, its numbers, its signature.

    `logged_tags` are those of its logged model, which the registry does not show.
    """

    run: SeenRun | None
    logged_model_id: str
    metrics: tuple[SeenMetric, ...]
    flavors: tuple[str, ...]
    signature: str
    example: SeenExample = SeenExample()
    logged_tags: Mapping[str, str] = field(default_factory=dict)


class Files(Protocol):
    """An opened folder of artifacts."""

    def file(self, name: str, into: Path) -> Path | None:
        """One file at the top of it, unopened, if it is there."""
        ...


class Mlflow(Protocol):
    """An MLflow server, as much of it as Countersign asks, within one of its workspaces.

    Every method raises `ledger.errors.Unavailable` when the server does not answer properly, and
    `ledger.errors.NotFound` when it answers that the thing is not there.
    """

    def workspaces(self) -> list[str]:
        """The workspaces of the server; `default` alone where it has none."""
        ...

    def within(self, workspace: str) -> Mlflow:
        """The same server, asked about another workspace."""
        ...

    def model_pages(self, *, newest_first: bool = False) -> Iterator[Sequence[SeenModel]]:
        """All registered models with tags and aliases: one question for each page.

        In order of name, or of their last update.
        """
        ...

    def version_pages(self, *, newest_first: bool = False) -> Iterator[Sequence[SeenVersion]]:
        """All versions, likewise."""
        ...

    def versions(self, name: str) -> Iterator[SeenVersion]:
        """All versions of one model."""
        ...

    def model(self, name: str) -> SeenModel:
        """One registered model."""
        ...

    def version(self, name: str, number: int) -> SeenVersion:
        """One version."""
        ...

    def details(self, version: SeenVersion) -> SeenDetails:
        """What must be opened to be known."""
        ...

    def download(self, version: SeenVersion, into: Path) -> Path:
        """All artifact files of a version, unopened, in a folder below `into`."""
        ...

    def download_sample(self, version: SeenVersion, into: Path) -> Path | None:
        """The run's sample of evaluation rows, if it left one."""
        ...

    def folder(self, version: SeenVersion, *, of: FilesOf) -> Files | None:
        """The artifacts of a version, or of its run if it has one."""
        ...

    def seal(self, name: str, number: int, ticket: str) -> None:
        """Have a guarded server keep a version's files as they are; another takes no notice."""
        ...

    def set_alias(self, name: str, alias: str, number: int, ticket: str = "") -> None:
        """Point an alias at a version. Repeating it changes nothing more.

        A guarded server moves a protected alias only for a ticket, and for each ticket once.
        """
        ...

    def delete_alias(self, name: str, alias: str, ticket: str = "") -> None:
        """Take an alias away. Repeating it changes nothing more; a guarded server as above."""
        ...


def content_hash(seen: SeenModel | SeenVersion) -> str:
    """A digest that changes when anything about it changes."""
    plain = [getattr(seen, name) for name in _FIELDS[type(seen)]]
    return hashlib.sha256(_ENCODER.encode(plain).encode("ascii")).hexdigest()


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


_ENCODER: Final = json.JSONEncoder(sort_keys=True, default=_plain, separators=(",", ":"))
_FIELDS: Final = {
    kind: tuple(one.name for one in fields(kind)) for kind in (SeenModel, SeenVersion)
}
