"""The only door to MLflow: its own client, asked briefly, its errors put into our words.

Only the worker opens this door. The import of mlflow costs three seconds, so it happens when the
first question is asked, never on a path a person waits for.
"""

from __future__ import annotations

import importlib
import logging
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar

from catalog.registry.artifact_addresses import checked_address
from catalog.registry.artifact_files import fetch
from catalog.registry.artifacts import (
    LARGEST_MLMODEL_BYTES,
    Described,
    at_most,
    read_mlmodel,
)
from catalog.registry.input_example import seen_example
from catalog.registry.mirror.hints import EVENTS
from catalog.registry.mirror.seen import (
    USUAL_WORKSPACE,
    FilesOf,
    SeenDetails,
    SeenExample,
    SeenModel,
    SeenRun,
    SeenVersion,
)
from catalog.registry.mlflow_errors import in_our_words, kind_of, proper
from catalog.registry.mlflow_values import seen_model, seen_run, seen_version, with_named
from ledger.errors import CountersignError, NotFound, Unavailable

_LOG = logging.getLogger(__name__)
_Seen = TypeVar("_Seen", SeenModel, SeenVersion)
_PAGE: Final = 1000
_NEWS_PAGE: Final = 100
_WEBHOOK: Final = "countersign"
_AUTHORIZATION: Final = ContextVar("authorization", default="")
_TICKET: Final = ContextVar("ticket", default="")
_TICKET_HEADER: Final = "X-Countersign-Ticket"
_SAMPLE_NAME: Final = "evaluation_sample.parquet"
_TELL_AGAIN_S: Final = 60.0
_LOADING: Final = threading.Lock()
_MODULES: Final = (
    "mlflow",
    "mlflow.store.artifact.artifact_repository_registry",
    "mlflow.tracking.request_header.registry",
    "mlflow.utils.credentials",
    "mlflow.utils.server_info",
    "mlflow.utils.workspace_context",
)
# A dead server must not hold the worker for MLflow's default of four minutes.
_PATIENCE: Final = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}


class _Headers:
    """Gives MLflow's client the headers of the server that is being asked."""

    def in_context(self) -> bool:
        """Whether there are any."""
        return bool(self.request_headers())

    def request_headers(self) -> dict[str, str]:
        """The headers."""
        given = {"Authorization": _AUTHORIZATION.get(), _TICKET_HEADER: _TICKET.get()}
        return {name: value for name, value in given.items() if value}


def load_mlflow() -> None:
    """Import as much of MLflow as is asked here, by one thread at a time.

    Two threads that begin at once can each wait for the other's half; what is left half made stays
    so until the process ends, and no question is answered any more.
    """
    with _LOADING:
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
        for module in _MODULES:
            importlib.import_module(module)


@cache
def _carry_authorization() -> None:
    """Have each request carry what its own server asks for: MLflow's way is one for all."""
    from mlflow.tracking.request_header import registry  # noqa: PLC0415 - as all of mlflow

    plugins: Any = registry._request_header_provider_registry  # noqa: SLF001 - its plugins' door
    plugins.register(_Headers)


class MlflowServer:
    """One MLflow server behind its tracking address."""

    def __init__(self, tracking_uri: str, authorization: str | None = None) -> None:
        self._uri = tracking_uri
        # None: as MLflow finds it in the environment, which is the same for every server.
        self._authorization = authorization
        self._opened: Any = None
        self._told: dict[str, float] = {}
        # Empty: nobody has said which, and a server without workspaces is asked about none.
        self._workspace = ""

    @property
    def _client(self) -> Any:  # noqa: ANN401 - MLflow's own type, unknown until imported
        if self._opened is None:
            load_mlflow()
            from mlflow import MlflowClient  # noqa: PLC0415 - three seconds, see above

            _carry_authorization()
            self._opened = MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)
        return self._opened

    def workspaces(self) -> list[str]:
        """The workspaces of the server; `default` alone where it has none."""
        if not self._ask(self._has_workspaces):
            return [USUAL_WORKSPACE]
        return [workspace.name for workspace in self._ask(self._client.list_workspaces)]

    def _has_workspaces(self) -> bool:
        load_mlflow()
        from mlflow.utils.credentials import (  # noqa: PLC0415 - as all of mlflow
            get_default_host_creds,
        )
        from mlflow.utils.server_info import (  # noqa: PLC0415 - as all of mlflow
            SERVER_INFO_WORKSPACES_ENABLED,
            fetch_server_info,
        )

        credentials: Any = get_default_host_creds(self._uri)
        answer = fetch_server_info(credentials)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return False  # an MLflow from before there were any
        if answer.status_code != HTTPStatus.OK:
            msg = "the server does not say what it is"
            raise ConnectionError(msg)
        return bool((answer.data or {}).get(SERVER_INFO_WORKSPACES_ENABLED))

    def within(self, workspace: str) -> MlflowServer:
        """The same server, asked about another workspace."""
        other = MlflowServer(self._uri, self._authorization)
        other._opened, other._told = self._client, self._told
        # The usual one is what a server without workspaces answers about, so it is not named.
        other._workspace = "" if workspace == USUAL_WORKSPACE else workspace
        return other

    def model_pages(self, *, newest_first: bool = False) -> Iterator[Sequence[SeenModel]]:
        """All registered models with tags and aliases, one question for each page."""
        rows, order = _order(newest_first=newest_first)
        yield from self._pages(
            seen_model,
            lambda token: self._client.search_registered_models(
                max_results=rows, order_by=order, page_token=token
            ),
        )

    def version_pages(self, *, newest_first: bool = False) -> Iterator[Sequence[SeenVersion]]:
        """All versions, one question for each page."""
        rows, order = _order(newest_first=newest_first)
        yield from self._pages(
            seen_version,
            lambda token: self._client.search_model_versions(
                max_results=rows, order_by=order, page_token=token
            ),
        )

    def versions(self, name: str) -> Iterator[SeenVersion]:
        """All versions of one model."""
        wanted = f"name={_quoted(name)}"
        for page in self._pages(
            seen_version,
            lambda token: self._client.search_model_versions(
                wanted, max_results=_PAGE, page_token=token
            ),
        ):
            yield from page

    def model(self, name: str) -> SeenModel:
        """One registered model. Raises NotFound."""
        seen: SeenModel = self._ask(lambda: seen_model(self._client.get_registered_model(name)))
        return proper(seen)

    def version(self, name: str, number: int) -> SeenVersion:
        """One version. Raises NotFound."""
        seen: SeenVersion = self._ask(
            lambda: seen_version(self._client.get_model_version(name, str(number)))
        )
        return proper(seen)

    def details(self, version: SeenVersion) -> SeenDetails:
        """The run, the numbers on their data sets, and the signature of a version."""
        run = self._run(version.run_id) if version.run_id else None
        logged_id = version.source.removeprefix("models:/") if _is_logged(version.source) else ""
        metrics = run.metrics if run else ()
        if logged_id:
            measured = self._ask(lambda: self._client.get_logged_model(logged_id)).metrics or []
            metrics = with_named(metrics, measured)
        described, example = self._described(version)
        return SeenDetails(run, logged_id, metrics, described.flavors, described.signature, example)

    def download(self, version: SeenVersion, into: Path) -> Path:
        """All artifact files of a version, unopened."""
        return self._fetch(self._folder(version), "", into)

    def download_sample(self, version: SeenVersion, into: Path) -> Path | None:
        """The run's `evaluation_sample.parquet`, if it left one."""
        return self.download_file(version, _SAMPLE_NAME, into, of="run")

    def download_file(
        self, version: SeenVersion, name: str, into: Path, *, of: FilesOf
    ) -> Path | None:
        """One file at the top of a version's artifacts, or of its run's, if it is there."""
        if of == "model":
            folder = self._folder(version)
        elif not version.run_id:
            return None
        else:
            run = self._ask(lambda: self._client.get_run(version.run_id))
            folder = str(run.info.artifact_uri)
        try:
            return self._fetch(folder, name, into)
        except NotFound:
            return None

    def seal(self, name: str, number: int, ticket: str) -> None:
        """Have a guarded server keep a version's files as they are; another takes no notice."""
        with _showing(ticket):
            self._ask(lambda: self._client.get_model_version(name, str(number)))

    def set_alias(self, name: str, alias: str, number: int, ticket: str = "") -> None:
        """Point an alias at a version, showing a guarded server the ticket that allows it."""
        with _showing(ticket):
            self._ask(lambda: self._client.set_registered_model_alias(name, alias, str(number)))

    def tell_of_changes(self, address: str, secret: str) -> None:
        """Have the server call an address, signed with a secret, when something changes.

        Only for a server of our own: there is no other in which Countersign writes but aliases.
        """
        for hook in self._ask(self._client.list_webhooks):
            if hook.name == _WEBHOOK:
                self._ask(partial(self._client.delete_webhook, hook.webhook_id))
        self._ask(
            lambda: self._client.create_webhook(
                _WEBHOOK,
                address,
                list(EVENTS),
                description="Tells Countersign which model to read again.",
                secret=secret,
            )
        )

    def _run(self, run_id: str) -> SeenRun | None:
        try:
            run = self._ask(lambda: self._client.get_run(run_id))
        except NotFound:
            return None
        experiment = self._ask(lambda: self._client.get_experiment(run.info.experiment_id))
        return seen_run(run, str(experiment.name))

    def _described(self, version: SeenVersion) -> tuple[Described, SeenExample]:
        """What the version's MLmodel says, and the input example that it names."""
        with tempfile.TemporaryDirectory() as folder:
            try:
                place = self._folder(version)
                with at_most(LARGEST_MLMODEL_BYTES):
                    file = self._fetch(place, "MLmodel", Path(folder))
            except CountersignError:
                return Described(), SeenExample("unknown")
            described = read_mlmodel(file)
            if not described.flavors:
                return described, SeenExample("unknown")
            fetch = partial(self._fetch, place, into=Path(folder))
            return described, seen_example(described.example, fetch)

    def _fetch(self, folder: str, name: str, into: Path) -> Path:
        """One file of an artifact folder, or all of it when no name is given.

        MLflow's own `download_artifacts` would ask whichever server the process has set globally.

        Raises:
            Invalid: the folder is at an address nobody is sent to, or holds too much.
            NotFound: there is no such file.
        """
        address = checked_address(folder, self._uri)
        from mlflow.store.artifact.artifact_repository_registry import (  # noqa: PLC0415
            get_artifact_repository,
        )

        files: Any = self._ask(lambda: get_artifact_repository(address, tracking_uri=self._uri))
        return fetch(files, name, into, self._ask)

    def _folder(self, version: SeenVersion) -> str:
        """Where the files of a version are."""
        if _is_logged(version.source):
            logged = version.source.removeprefix("models:/")
            return str(self._ask(lambda: self._client.get_logged_model(logged)).artifact_location)
        return str(
            self._ask(
                lambda: self._client.get_model_version_download_uri(
                    version.name, str(version.number)
                )
            )
        )

    def _pages(
        self, read: Callable[[Any], _Seen], ask: Callable[[str | None], Any]
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

    def _ask(self, question: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever MLflow answers
        try:
            with self._within():
                return question()
        except Exception as error:
            problem = in_our_words(error)
            if isinstance(problem, Unavailable):
                self._tell(error)
            raise problem from error

    @contextmanager
    def _within(self) -> Iterator[None]:
        """What is asked in here is asked as this server wants it, by this thread alone."""
        token = _AUTHORIZATION.set(self._authorization or "")
        try:
            with self._in_workspace():
                yield
        finally:
            _AUTHORIZATION.reset(token)

    @contextmanager
    def _in_workspace(self) -> Iterator[None]:
        if not self._workspace:
            yield
            return
        from mlflow.utils.workspace_context import (  # noqa: PLC0415 - as all of mlflow
            ServerWorkspaceContext,
        )

        with ServerWorkspaceContext(self._workspace):
            yield

    def _tell(self, error: Exception) -> None:
        """Leave the operator a cause, once per kind and minute.

        Only kinds and status are told: MLflow's own messages hold addresses, and those passwords.
        """
        kind, now = kind_of(error), time.monotonic()
        if now - self._told.get(kind, -_TELL_AGAIN_S) >= _TELL_AGAIN_S:
            self._told[kind] = now
            _LOG.warning("MLflow does not answer properly: %s", kind)


@contextmanager
def _showing(ticket: str) -> Iterator[None]:
    """What is asked in here shows a ticket."""
    token = _TICKET.set(ticket)
    try:
        yield
    finally:
        _TICKET.reset(token)


def _order(*, newest_first: bool) -> tuple[int, list[str]]:
    """How many rows a page holds, and in which order: of the newest only a few are wanted."""
    if newest_first:
        return _NEWS_PAGE, ["last_updated_timestamp DESC"]
    return _PAGE, ["name ASC"]


def _is_logged(source: str) -> bool:
    return re.fullmatch(r"models:/m-[\w-]+", source, re.ASCII) is not None


def _quoted(name: str) -> str:
    return "'" + name.replace("'", "\\'") + "'" if "'" not in name else '"' + name + '"'
