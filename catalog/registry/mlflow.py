"""The only door to MLflow: its own client, asked briefly, its errors put into our words.

Only the worker opens this door. The import of mlflow costs three seconds, so it happens when the
first question is asked, never on a path a person waits for.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from datetime import UTC, datetime
from functools import cache, partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import unquote, urlsplit

from catalog.registry.artifacts import (
    LARGEST_MLMODEL_BYTES,
    Described,
    at_most,
    insist_small,
    on_disk,
    read_mlmodel,
)
from catalog.registry.input_example import seen_example
from catalog.registry.mirror.seen import (
    USUAL_WORKSPACE,
    FilesOf,
    SeenDataset,
    SeenDetails,
    SeenExample,
    SeenMetric,
    SeenModel,
    SeenRun,
    SeenVersion,
)
from ledger.errors import CountersignError, Invalid, NotFound, Unavailable

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")
_Seen = TypeVar("_Seen", SeenModel, SeenVersion)
_PAGE: Final = 1000
_NEWS_PAGE: Final = 100
_FILES_AT_ONCE: Final = 4
_WEBHOOK: Final = "countersign"
# Descriptions, renames, stages and deletions are seen by looking only: no event tells of them.
_TOLD_BY_WEBHOOK: Final = (
    "registered_model.created",
    "model_version.created",
    "model_version_tag.set",
    "model_version_tag.deleted",
    "model_version_alias.created",
    "model_version_alias.deleted",
)
_AUTHORIZATION: Final = ContextVar("authorization", default="")
_SAMPLE_NAME: Final = "evaluation_sample.parquet"
_LARGEST_ROWS: Final = 2**31 - 1  # the widest whole number every database keeps here
_TELL_AGAIN_S: Final = 60.0
# Whoever registers a version chooses the address of its files. The worker must not be sent to its
# own disk, nor to web addresses only it can reach.
_ARTIFACT_STORES: Final = frozenset(
    {"mlflow-artifacts", "s3", "gs", "wasbs", "abfss", "hdfs", "viewfs", "oss", "b2", "r2"}
)
# To an Azure folder the driver sends a token, at whatever host the address names.
_AZURE_FOLDER: Final = re.compile(
    r"[\w$.-]+@\w+(\.privatelink)?\.dfs\.core\.(windows\.net|chinacloudapi\.cn|usgovcloudapi\.net)",
    re.ASCII,
)
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
    """Gives MLflow's client the header of the server that is being asked."""

    def in_context(self) -> bool:
        """Whether there is one."""
        return bool(_AUTHORIZATION.get())

    def request_headers(self) -> dict[str, str]:
        """The header."""
        return {"Authorization": _AUTHORIZATION.get()}


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


class _InContext(ThreadPoolExecutor):
    """Threads that work in the context of whoever gave them the work."""

    def submit(self, fn: Callable[..., _T], /, *args: Any, **named: Any) -> Future[_T]:  # noqa: ANN401 - as the library's
        """Have something done in the present context."""
        return super().submit(copy_context().run, partial(fn, *args, **named))


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

        credentials: Any = get_default_host_creds(self._uri)  # type: ignore[no-untyped-call]
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
            _model,
            lambda token: self._client.search_registered_models(
                max_results=rows, order_by=order, page_token=token
            ),
        )

    def version_pages(self, *, newest_first: bool = False) -> Iterator[Sequence[SeenVersion]]:
        """All versions, one question for each page."""
        rows, order = _order(newest_first=newest_first)
        yield from self._pages(
            _version,
            lambda token: self._client.search_model_versions(
                max_results=rows, order_by=order, page_token=token
            ),
        )

    def versions(self, name: str) -> Iterator[SeenVersion]:
        """All versions of one model."""
        wanted = f"name={_quoted(name)}"
        for page in self._pages(
            _version,
            lambda token: self._client.search_model_versions(
                wanted, max_results=_PAGE, page_token=token
            ),
        ):
            yield from page

    def model(self, name: str) -> SeenModel:
        """One registered model. Raises NotFound."""
        seen: SeenModel = self._ask(lambda: _model(self._client.get_registered_model(name)))
        return _proper(seen)

    def version(self, name: str, number: int) -> SeenVersion:
        """One version. Raises NotFound."""
        seen: SeenVersion = self._ask(
            lambda: _version(self._client.get_model_version(name, str(number)))
        )
        return _proper(seen)

    def details(self, version: SeenVersion) -> SeenDetails:
        """The run, the numbers on their data sets, and the signature of a version."""
        run = self._run(version.run_id) if version.run_id else None
        logged_id = version.source.removeprefix("models:/") if _is_logged(version.source) else ""
        metrics = run.metrics if run else ()
        if logged_id:
            measured = self._ask(lambda: self._client.get_logged_model(logged_id)).metrics or []
            named = tuple(
                SeenMetric(m.key, float(m.value), m.dataset_name or "", m.dataset_digest or "")
                for m in measured
            )
            # A number on a named data set says more than the same number without one.
            placed = {m.name for m in named if m.dataset_digest}
            unplaced = [m for m in metrics if m.name not in placed]
            metrics = tuple({(m.name, m.dataset_digest): m for m in (*unplaced, *named)}.values())
        described, example = self._described(version)
        return SeenDetails(run, logged_id, metrics, described.flavors, described.signature, example)

    def download(self, version: SeenVersion, into: Path) -> Path:
        """All artifact files of a version, unopened."""
        return self._fetch(self._folder(version), "", into)

    def download_sample(self, version: SeenVersion, into: Path) -> Path | None:
        """The run's `evaluation_sample.parquet`, if it left one."""
        if not version.run_id:
            return None
        run = self._ask(lambda: self._client.get_run(version.run_id))
        try:
            return self._fetch(str(run.info.artifact_uri), _SAMPLE_NAME, into)
        except NotFound:
            return None

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

    def set_alias(self, name: str, alias: str, number: int) -> None:
        """Point an alias at a version."""
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
                list(_TOLD_BY_WEBHOOK),
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
        datasets = tuple(_dataset(given) for given in run.inputs.dataset_inputs)
        return SeenRun(
            run_id=run_id,
            name=run.info.run_name or "",
            experiment=experiment.name,
            user=run.data.tags.get("mlflow.user", ""),
            status=run.info.status,
            started_at=_moment(run.info.start_time),
            ended_at=_moment(run.info.end_time),
            params=dict(run.data.params),
            tags={k: v for k, v in run.data.tags.items() if not k.startswith("mlflow.log-model")},
            datasets=datasets,
            metrics=tuple(
                SeenMetric(name, float(value), "", "") for name, value in run.data.metrics.items()
            ),
        )

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
        address = self._checked(folder)
        from mlflow.store.artifact.artifact_repository_registry import (  # noqa: PLC0415
            get_artifact_repository,
        )

        files: Any = self._ask(lambda: get_artifact_repository(address, tracking_uri=self._uri))
        # Files are fetched by threads of their own, which must ask about the same workspace.
        files.thread_pool = _InContext(_FILES_AT_ONCE)
        insist_small(self._one(files, name) if name else self._walk(files))
        try:
            fetched = Path(self._ask(lambda: files.download_artifacts(name, str(into))))
        finally:
            files.thread_pool.shutdown()
        # A listing may be wrong, or old by now.
        insist_small(on_disk(fetched))
        return fetched

    def _one(self, files: Any, name: str) -> Iterator[tuple[str, int]]:  # noqa: ANN401 - MLflow's
        for item in self._ask(files.list_artifacts):
            if item.path == name and not item.is_dir:
                yield name, item.file_size or 0
                return
        raise NotFound("MLflow has no such thing any more.", code="not-in-mlflow")

    def _walk(self, files: Any) -> Iterator[tuple[str, int]]:  # noqa: ANN401 - MLflow's own type
        waiting: list[str | None] = [None]
        while waiting:
            folder = waiting.pop()
            for item in self._ask(partial(files.list_artifacts, folder)):
                # Some stores list a folder as a part of itself.
                if item.path in {".", folder}:
                    continue
                yield item.path, 0 if item.is_dir else item.file_size or 0
                if item.is_dir:
                    waiting.append(item.path)

    def _checked(self, folder: str) -> str:
        """The address of files, if the worker may be sent there with its credentials.

        Raises:
            Invalid: whoever registered the version would choose who sees them.
        """
        kind = folder.partition(":")[0]
        if kind not in _ARTIFACT_STORES:
            raise _foreign(f"an address of the kind {kind[:20]!r}")
        try:
            address, ours = urlsplit(folder), urlsplit(self._uri)
        except ValueError as error:
            raise _foreign("an address that cannot be read") from error
        if kind == "abfss" and not _AZURE_FOLDER.fullmatch(address.netloc):
            raise _foreign(f"the foreign address {address.netloc[:80]!r}")
        if kind != "mlflow-artifacts":
            return folder
        if address.netloc not in {"", ours.netloc, ours.netloc.rpartition("@")[2]}:
            raise _foreign(f"the foreign address {address.netloc[:80]!r}")
        if ".." in re.split(r"[/\\]", unquote(address.path)):
            raise _foreign("an address that leads out of MLflow's files")
        # Without a host it can only be the tracking server.
        return f"mlflow-artifacts:{address.path}"

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
            problem = _in_our_words(error)
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
        kind, now = _kind(error), time.monotonic()
        if now - self._told.get(kind, -_TELL_AGAIN_S) >= _TELL_AGAIN_S:
            self._told[kind] = now
            _LOG.warning("MLflow does not answer properly: %s", kind)


def _order(*, newest_first: bool) -> tuple[int, list[str]]:
    """How many rows a page holds, and in which order: of the newest only a few are wanted."""
    if newest_first:
        return _NEWS_PAGE, ["last_updated_timestamp DESC"]
    return _PAGE, ["name ASC"]


def _kind(error: Exception) -> str:
    """What went wrong without a word of its text: `MlflowException INTERNAL_ERROR (SSLError)`."""
    response = getattr(error, "response", None)
    status = getattr(error, "error_code", None) or getattr(response, "status_code", "")
    cause = error.__cause__ or error.__context__
    told = [type(error).__name__]
    if re.fullmatch(r"\w{1,60}", str(status), re.ASCII):
        told.append(str(status))
    if cause is not None:
        told.append(f"({type(cause).__name__})")
    return " ".join(told)


def _foreign(what: str) -> Invalid:
    return Invalid(
        f"The version's files lie at {what}.",
        hint="Countersign reads files through its MLflow or from an object store. Start MLflow "
        "with --serve-artifacts and register the version again.",
        code="artifact-store",
    )


def _in_our_words(error: Exception) -> CountersignError:
    code = str(getattr(error, "error_code", ""))
    if code in {"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"}:
        return NotFound("MLflow has no such thing any more.", code="not-in-mlflow")
    if code in {"PERMISSION_DENIED", "UNAUTHENTICATED"}:
        return Unavailable(
            "MLflow refuses Countersign's account.",
            hint="Check the MLflow credentials in the worker's environment and their rights.",
            code="mlflow-refuses",
        )
    return Unavailable(
        "MLflow does not answer properly.",
        hint="Check that the MLflow server runs and that its address is right.",
        code="mlflow-unavailable",
    )


def _proper(seen: _Seen) -> _Seen:
    """What was asked for by its name has one; an empty answer is some proxy's, not MLflow's."""
    if not seen.name:
        raise Unavailable(
            "MLflow does not answer properly.",
            hint="Check that the MLflow server runs and that its address is right.",
            code="mlflow-unavailable",
        )
    return seen


def _is_logged(source: str) -> bool:
    return re.fullmatch(r"models:/m-[\w-]+", source, re.ASCII) is not None


def _quoted(name: str) -> str:
    return "'" + name.replace("'", "\\'") + "'" if "'" not in name else '"' + name + '"'


def _moment(milliseconds: int | None) -> datetime | None:
    """A time somebody wrote into a run, if there is such a time."""
    try:
        return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _certain(milliseconds: int | None) -> datetime:
    return datetime.fromtimestamp((milliseconds or 0) / 1000, UTC)


def _model(found: Any) -> SeenModel:  # noqa: ANN401 - MLflow's own type
    return SeenModel(
        name=_sound(found.name),
        workspace=getattr(found, "workspace", None) or "default",
        created_at=_certain(found.creation_timestamp),
        updated_at=_certain(found.last_updated_timestamp),
        description=found.description or "",
        tags=dict(found.tags or {}),
        aliases={alias: int(number) for alias, number in (found.aliases or {}).items()},
    )


def _version(found: Any) -> SeenVersion:  # noqa: ANN401 - MLflow's own type
    return SeenVersion(
        name=_sound(found.name),
        number=int(found.version),
        workspace=getattr(found, "workspace", None) or "default",
        created_at=_certain(found.creation_timestamp),
        source=found.source or "",
        run_id=found.run_id or "",
        description=found.description or "",
        status=str(found.status or ""),
        tags=dict(found.tags or {}),
        stage="" if found.current_stage in {None, "None"} else str(found.current_stage),
        updated_at=_moment(found.last_updated_timestamp),
    )


def _sound(name: str) -> str:
    """A name that can be kept. Raises ValueError for one that can stand in no database."""
    name.encode()
    if "\0" in name:
        msg = "a name holds a zero"
        raise ValueError(msg)
    return name


def _dataset(given: Any) -> SeenDataset:  # noqa: ANN401 - MLflow's own type
    dataset = given.dataset
    context = next((t.value for t in given.tags if t.key == "mlflow.data.context"), "")
    profile = _json(dataset.profile)
    rows = profile.get("num_rows") if isinstance(profile, dict) else None
    return SeenDataset(
        name=dataset.name,
        digest=dataset.digest,
        context=context,
        source_type=dataset.source_type or "",
        source=dataset.source or "",
        columns=dataset.schema or "",
        rows=rows if type(rows) is int and 0 <= rows <= _LARGEST_ROWS else None,
    )


def _json(text: str | None) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
