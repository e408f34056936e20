"""The way to one MLflow server: its own client, asked briefly, with what that server asks for.

Only the worker goes it. The import of mlflow costs three seconds, so it happens when the first
question is asked, never on a path a person waits for.
"""

from __future__ import annotations

import importlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from catalog.registry.mirror.seen import USUAL_WORKSPACE
from catalog.registry.mlflow.errors import in_our_words, kind_of
from ledger.errors import Unavailable

_LOG = logging.getLogger(__name__)
_AUTHORIZATION: Final = ContextVar("authorization", default="")
_TICKET: Final = ContextVar("ticket", default="")
_TICKET_HEADER: Final = "X-Countersign-Ticket"
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


class Connection:
    """One MLflow server behind its tracking address, asked about one workspace."""

    def __init__(self, tracking_uri: str, authorization: str | None = None) -> None:
        self.uri = tracking_uri
        # None: as MLflow finds it in the environment, which is the same for every server.
        self._authorization = authorization
        self._opened: Any = None
        self._told: dict[str, float] = {}
        # Empty: nobody has said which, and a server without workspaces is asked about none.
        self._workspace = ""

    @property
    def client(self) -> Any:  # noqa: ANN401 - MLflow's own type, unknown until imported
        """MLflow's own client."""
        if self._opened is None:
            load_mlflow()
            from mlflow import MlflowClient  # noqa: PLC0415 - three seconds, see above

            _carry_authorization()
            self._opened = MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
        return self._opened

    def within(self, workspace: str) -> Connection:
        """The same server, asked about another workspace."""
        other = Connection(self.uri, self._authorization)
        other._opened, other._told = self.client, self._told
        # The usual one is what a server without workspaces answers about, so it is not named.
        other._workspace = "" if workspace == USUAL_WORKSPACE else workspace
        return other

    def has_workspaces(self) -> bool:
        """Whether the server has workspaces at all."""
        load_mlflow()
        from mlflow.utils.credentials import (  # noqa: PLC0415 - as all of mlflow
            get_default_host_creds,
        )
        from mlflow.utils.server_info import (  # noqa: PLC0415 - as all of mlflow
            SERVER_INFO_WORKSPACES_ENABLED,
            fetch_server_info,
        )

        credentials: Any = get_default_host_creds(self.uri)
        answer = fetch_server_info(credentials)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return False  # an MLflow from before there were any
        if answer.status_code != HTTPStatus.OK:
            msg = "the server does not say what it is"
            raise ConnectionError(msg)
        return bool((answer.data or {}).get(SERVER_INFO_WORKSPACES_ENABLED))

    def folder(self, address: str) -> Any:  # noqa: ANN401 - MLflow's own type
        """A folder of artifacts. MLflow's own shortcut asks whichever server is set globally."""
        load_mlflow()
        from mlflow.store.artifact.artifact_repository_registry import (  # noqa: PLC0415
            get_artifact_repository,
        )

        return self.ask(lambda: get_artifact_repository(address, tracking_uri=self.uri))

    def ask(self, question: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever MLflow answers
        """What MLflow answers; its errors come as ours. Raises NotFound, Unavailable."""
        try:
            with self._as_it_wants():
                return question()
        except Exception as error:
            problem = in_our_words(error)
            if isinstance(problem, Unavailable):
                self._tell(error)
            raise problem from error

    @contextmanager
    def _as_it_wants(self) -> Iterator[None]:
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
def showing(ticket: str) -> Iterator[None]:
    """What is asked in here shows a ticket."""
    token = _TICKET.set(ticket)
    try:
        yield
    finally:
        _TICKET.reset(token)
