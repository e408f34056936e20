"""What one MLflow server holds, read as the mirror wants it, and the one thing written: aliases."""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import Any, Final, TypeVar

from catalog.registry.artifacts import LARGEST_MLMODEL_BYTES, Described, at_most, read_mlmodel
from catalog.registry.input_example import seen_example
from catalog.registry.mirror.hints import EVENTS
from catalog.registry.mirror.seen import (
    EXTERNAL,
    USUAL_WORKSPACE,
    FilesOf,
    SeenDetails,
    SeenExample,
    SeenModel,
    SeenRun,
    SeenVersion,
)
from catalog.registry.mlflow.addresses import checked_address
from catalog.registry.mlflow.connection import Connection, showing
from catalog.registry.mlflow.errors import proper
from catalog.registry.mlflow.files import ArtifactFolder
from catalog.registry.mlflow.values import (
    logged_tags,
    seen_model,
    seen_run,
    seen_version,
    with_named,
)
from ledger.errors import CountersignError, NotFound

_LOG = logging.getLogger(__name__)
_Seen = TypeVar("_Seen", SeenModel, SeenVersion)
_PAGE: Final = 1000
_NEWS_PAGE: Final = 100
_WEBHOOK: Final = "countersign"
_SAMPLE_NAME: Final = "evaluation_sample.parquet"


class MlflowServer:
    """One MLflow server behind its tracking address."""

    def __init__(self, tracking_uri: str, authorization: str | None = None) -> None:
        self._to = Connection(tracking_uri, authorization)

    def workspaces(self) -> list[str]:
        """The workspaces of the server; `default` alone where it has none."""
        if not self._to.ask(self._to.has_workspaces):
            return [USUAL_WORKSPACE]
        return [workspace.name for workspace in self._ask(lambda mlflow: mlflow.list_workspaces())]

    def within(self, workspace: str) -> MlflowServer:
        """The same server, asked about another workspace."""
        other = MlflowServer(self._to.uri)
        other._to = self._to.within(workspace)
        return other

    def model_pages(self, *, newest_first: bool = False) -> Iterator[Sequence[SeenModel]]:
        """All registered models with tags and aliases, one question for each page."""
        rows, order = _order(newest_first=newest_first)
        yield from self._pages(
            seen_model,
            lambda token, mlflow: mlflow.search_registered_models(
                max_results=rows, order_by=order, page_token=token
            ),
        )

    def version_pages(self, *, newest_first: bool = False) -> Iterator[Sequence[SeenVersion]]:
        """All versions, one question for each page."""
        rows, order = _order(newest_first=newest_first)
        yield from self._pages(
            seen_version,
            lambda token, mlflow: mlflow.search_model_versions(
                max_results=rows, order_by=order, page_token=token
            ),
        )

    def versions(self, name: str) -> Iterator[SeenVersion]:
        """All versions of one model."""
        wanted = f"name={_quoted(name)}"
        for page in self._pages(
            seen_version,
            lambda token, mlflow: mlflow.search_model_versions(
                wanted, max_results=_PAGE, page_token=token
            ),
        ):
            yield from page

    def model(self, name: str) -> SeenModel:
        """One registered model. Raises NotFound."""
        seen: SeenModel = self._ask(lambda mlflow: seen_model(mlflow.get_registered_model(name)))
        return proper(seen)

    def version(self, name: str, number: int) -> SeenVersion:
        """One version. Raises NotFound."""
        seen: SeenVersion = self._ask(
            lambda mlflow: seen_version(mlflow.get_model_version(name, str(number)))
        )
        return proper(seen)

    def details(self, version: SeenVersion) -> SeenDetails:
        """The run, the numbers on their data sets, and the signature of a version."""
        run = self._run(version.run_id) if version.run_id else None
        logged_id = version.source.removeprefix("models:/") if _is_logged(version.source) else ""
        metrics = run.metrics if run else ()
        tags: dict[str, str] = {}
        if logged_id:
            logged = self._ask(lambda mlflow: mlflow.get_logged_model(logged_id))
            metrics = with_named(metrics, logged.metrics or [])
            tags = logged_tags(logged)
        described, example = self._described(version)
        if described.is_external:
            tags[EXTERNAL] = "true"
        return SeenDetails(
            run, logged_id, metrics, described.flavors, described.signature, example, tags
        )

    def download(self, version: SeenVersion, into: Path) -> Path:
        """All artifact files of a version, unopened."""
        return self._opened(self._place(version)).fetch("", into)

    def download_sample(self, version: SeenVersion, into: Path) -> Path | None:
        """The run's `evaluation_sample.parquet`, if it left one."""
        folder = self.folder(version, of="run")
        return folder.file(_SAMPLE_NAME, into) if folder else None

    def folder(self, version: SeenVersion, *, of: FilesOf) -> ArtifactFolder | None:
        """The artifacts of a version, or of its run if it has one, opened for their files.

        Raises:
            Invalid: they are at an address nobody is sent to.
        """
        if of == "model":
            return self._opened(self._place(version))
        if not version.run_id:
            return None
        run = self._ask(lambda mlflow: mlflow.get_run(version.run_id))
        return self._opened(str(run.info.artifact_uri))

    def seal(self, name: str, number: int, ticket: str) -> None:
        """Have a guarded server keep a version's files as they are; another takes no notice."""
        with showing(ticket):
            self._ask(lambda mlflow: mlflow.get_model_version(name, str(number)))

    def set_alias(self, name: str, alias: str, number: int, ticket: str = "") -> None:
        """Point an alias at a version, showing a guarded server the ticket that allows it."""
        with showing(ticket):
            self._ask(lambda mlflow: mlflow.set_registered_model_alias(name, alias, str(number)))

    def delete_alias(self, name: str, alias: str, ticket: str = "") -> None:
        """Take an alias away, showing a guarded server the ticket that allows it."""
        with showing(ticket):
            self._ask(lambda mlflow: mlflow.delete_registered_model_alias(name, alias))

    def tell_of_changes(self, address: str, secret: str) -> None:
        """Have the server call an address, signed with a secret, when something changes.

        Only for a server of our own: there is no other in which Countersign writes but aliases.
        """
        for hook in self._ask(lambda mlflow: mlflow.list_webhooks()):
            if hook.name == _WEBHOOK:
                self._ask(methodcaller("delete_webhook", hook.webhook_id))
        self._ask(
            lambda mlflow: mlflow.create_webhook(
                _WEBHOOK,
                address,
                list(EVENTS),
                description="Tells Countersign which model to read again.",
                secret=secret,
            )
        )

    def _run(self, run_id: str) -> SeenRun | None:
        try:
            run = self._ask(lambda mlflow: mlflow.get_run(run_id))
        except NotFound:
            return None
        experiment = self._ask(lambda mlflow: mlflow.get_experiment(run.info.experiment_id))
        return seen_run(run, str(experiment.name))

    def _described(self, version: SeenVersion) -> tuple[Described, SeenExample]:
        """What the version's MLmodel says, and the input example that it names."""
        with tempfile.TemporaryDirectory() as folder:
            try:
                opened = self._opened(self._place(version))
                with at_most(LARGEST_MLMODEL_BYTES):
                    file = opened.fetch("MLmodel", Path(folder))
            except CountersignError:
                return Described(), SeenExample("unknown")
            described = read_mlmodel(file)
            if not described.flavors:
                return described, SeenExample("external" if described.is_external else "unknown")
            fetch = partial(opened.fetch, into=Path(folder))
            return described, seen_example(described.example, fetch)

    def _opened(self, place: str) -> ArtifactFolder:
        """A folder of artifacts. Raises Invalid where it is at an address nobody is sent to."""
        address = checked_address(place, self._to.uri)
        return ArtifactFolder(self._to.folder(address), self._to.ask)

    def _place(self, version: SeenVersion) -> str:
        """Where the files of a version are."""
        if _is_logged(version.source):
            logged = version.source.removeprefix("models:/")
            return str(self._ask(lambda mlflow: mlflow.get_logged_model(logged)).artifact_location)
        return str(
            self._ask(
                lambda mlflow: mlflow.get_model_version_download_uri(
                    version.name, str(version.number)
                )
            )
        )

    def _ask(self, question: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - whatever MLflow answers
        return self._to.ask(lambda: question(self._to.client))

    def _pages(
        self, read: Callable[[Any], _Seen], ask: Callable[[str | None, Any], Any]
    ) -> Iterator[list[_Seen]]:
        token: str | None = None
        while True:
            page = self._ask(partial(ask, token))
            seen: list[_Seen] = []
            for found in page:
                try:
                    seen.append(read(found))
                except (ValueError, TypeError, OverflowError):
                    # One that makes no sense must not hide the others; the traceback says which.
                    _LOG.exception("an entry of MLflow's listing cannot be read")
            yield seen
            token = page.token
            if not token:
                return


def _order(*, newest_first: bool) -> tuple[int, list[str]]:
    """How many rows a page holds, and in which order: of the newest only a few are wanted."""
    if newest_first:
        return _NEWS_PAGE, ["last_updated_timestamp DESC"]
    return _PAGE, ["name ASC"]


def _is_logged(source: str) -> bool:
    return re.fullmatch(r"models:/m-[\w-]+", source, re.ASCII) is not None


def _quoted(name: str) -> str:
    return "'" + name.replace("'", "\\'") + "'" if "'" not in name else '"' + name + '"'
