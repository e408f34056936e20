"""The guarded server: `mlflow server --app-name countersign`.

MLflow imports this module before it starts any worker, so what is wrong with the settings or with
this MLflow ends the command with one sentence.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from anyio.to_thread import run_sync
from fastapi import FastAPI
from flask import Flask, Response, g, request
from mlflow.environment_variables import _MLFLOW_SGI_NAME
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, TEMPORARILY_UNAVAILABLE
from mlflow.server import app as flask_app
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.middleware import Middleware
from starlette.responses import Response as AsgiResponse
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from countersign_guard import registry, routes
from countersign_guard.law import Guard
from countersign_guard.memory import Memory
from countersign_guard.settings import from_environment
from countersign_guard.tickets import RefusedError

_LOG: Final = logging.getLogger("countersign_guard")
_JSON: Final = "application/json"
# Where MLflow's sign-in leaves the name of whoever asks.
_USER: Final = "mlflow_authenticated_user"
# Flask's own mark of an endpoint whose OPTIONS it answers itself.
_AUTOMATIC: Final = "provide_automatic_options"
_SETTINGS: Final = from_environment()
routes.insist_on_acts(flask_app)


def create_app() -> Flask | FastAPI:
    """MLflow's own app, guarded."""
    is_asgi = _MLFLOW_SGI_NAME.get() == "uvicorn"
    from mlflow.server.fastapi_app import create_fastapi_app  # noqa: PLC0415 - makes an app

    return guarded(create_fastapi_app(flask_app) if is_asgi else flask_app)


def guarded(app: Flask | FastAPI) -> Flask | FastAPI:
    """An app of MLflow with the guard behind its own sign-in.

    Raises:
        CannotGuardError: something that must be guarded is not where it was.
    """
    routes.insist_on_acts(flask_app)
    url, places = _SETTINGS.database_url, registry.places()
    own = registry.engine()
    memory = Memory(create_engine(url, pool_pre_ping=True) if url else own)
    memory.prepare()
    guard = Guard(_SETTINGS, memory, places, time.time)
    # Whatever became live before there was a guard is live, and stays as it is.
    memory.seal(list(registry.holders(_SETTINGS, places)), now=guard.clock())
    flask_app.before_request(lambda: _before(guard))
    if isinstance(app, FastAPI):
        native = routes.insist_on_native(app, flask_app)
        # The innermost: who asks, and about which workspace, is known by then.
        app.user_middleware.append(Middleware(FileGate, guard=guard, routes=native))
    return app


def _before(guard: Guard) -> Response | None:
    """Flask's question before a request: an answer here is the answer."""
    rule = request.url_rule
    if rule is None or (request.method == "OPTIONS" and getattr(rule, _AUTOMATIC, False)):
        return None
    problem = _problem(lambda: guard.ask(rule.endpoint), getattr(g, _USER, ""))
    if problem is None:
        return None
    return Response(problem.serialize_as_json(), problem.get_http_status_code(), mimetype=_JSON)


class FileGate:
    """Refuses to write files of an approved version where MLflow takes them past Flask."""

    def __init__(self, app: ASGIApp, *, guard: Guard, routes: Sequence[Route]) -> None:
        self._app = app
        self._guard = guard
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        path = self._written(scope)
        problem = None if path is None else await run_sync(self._asked, path)
        if problem is None:
            await self._app(scope, receive, send)
            return
        answer = AsgiResponse(
            problem.serialize_as_json(), problem.get_http_status_code(), media_type=_JSON
        )
        await answer(scope, receive, send)

    def _written(self, scope: Scope) -> str | None:
        """The path of the file that a request would write, as the route itself reads it."""
        if scope["type"] != "http" or scope["method"] != "PUT":
            return None
        for route in self._routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                return str(found["path_params"]["artifact_path"])
        return None

    def _asked(self, path: str) -> MlflowException | None:
        places = self._guard.places

        def ask() -> None:
            place = places.served(registry.artifact_path(path), registry.workspace())
            self._guard.insist_unsealed([place])

        return _problem(ask, "")


def _problem(ask: Callable[[], None], user: str) -> MlflowException | None:
    """What MLflow's client is to be told, if the question is not answered with yes."""
    try:
        ask()
    except RefusedError as refusal:
        who = f" to {user}" if user else ""
        _LOG.warning("refused%s: %s", who, refusal)
        return MlflowException(str(refusal), error_code=PERMISSION_DENIED)
    except MlflowException as problem:
        # The request cannot be read, or is about something that is not there.
        return problem
    except SQLAlchemyError:
        _LOG.exception("the guard's database does not answer")
        return MlflowException(
            "The guard's database does not answer, so nothing is changed.",
            error_code=TEMPORARILY_UNAVAILABLE,
        )
    return None
