"""What must be there to be guarded: checked before the first request is answered.

A new MLflow may rename an act, or have another one that does the same. Both must stop the server,
not the guard.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fastapi import FastAPI
from flask import Flask
from mlflow.server.artifact_router import artifact_router
from mlflow.server.graphql.graphql_schema_extensions import schema
from mlflow.version import VERSION
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import Scope

from countersign_guard.law import FREE, LAW
from countersign_guard.settings import CannotGuardError

_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_WORDS: Final = ("registered-models", "model-versions", "logged-models", "artifact")
_MUTATIONS: Final = frozenset({"mlflowSearchDatasets", "mlflowSearchRuns", "testMutation"})
_UPLOAD: Final = "upload_artifact"
_PROBES: Final = tuple(
    f"/{api}/2.0/mlflow-artifacts/artifacts/probe" for api in ("api", "ajax-api")
)


def insist_on_acts(app: Flask) -> None:
    """Raises CannotGuardError when an act to guard is missing, or one is there nobody knows."""
    missing = sorted(set(LAW) - set(app.view_functions))
    if missing:
        raise _unknown(f"has no {', '.join(missing)} any more")
    for rule in app.url_map.iter_rules():
        writes = (rule.methods or set()) - _READING
        is_known = rule.endpoint in LAW or rule.endpoint in FREE
        if writes and not is_known and any(word in rule.rule for word in _WORDS):
            raise _unknown(f"has {rule.endpoint} at {rule.rule}")
    mutations = schema.graphql_schema.mutation_type
    new = set(mutations.fields if mutations else ()) - _MUTATIONS
    if new:
        raise _unknown(f"changes things by GraphQL: {', '.join(sorted(new))}")


def insist_on_native(app: FastAPI, flask_app: Flask) -> Sequence[Route]:
    """The routes by which files are written past Flask.

    Raises:
        CannotGuardError: they are not where they were, or the app answers with another Flask than
            the one that is guarded.
    """
    mounted = [getattr(one.app, "app", None) for one in app.routes if isinstance(one, Mount)]
    if not any(one is flask_app for one in mounted):
        raise CannotGuardError(
            "The app under the guard does not answer with MLflow's own Flask app, so the guard "
            "would see none of its requests."
        )
    writing = [one for one in artifact_router.routes if isinstance(one, Route) and _writes(one)]
    if [one.name for one in writing] != [_UPLOAD] * len(_PROBES):
        raise _unknown("writes artifacts by other routes")
    for path in _PROBES:
        scope: Scope = {"type": "http", "method": "PUT", "path": path, "root_path": ""}
        if not _is_native(app.routes, scope) or not _is_native(writing, scope):
            raise _unknown(f"does not write artifacts at {path} itself any more")
    return writing


def _writes(route: Route) -> bool:
    return bool((route.methods or set()) - _READING)


def _is_native(routes: Sequence[BaseRoute], scope: Scope) -> bool:
    return any(
        one.matches({**scope, "headers": []})[0] is Match.FULL
        for one in routes
        if not isinstance(one, Mount)
    )


def _unknown(what: str) -> CannotGuardError:
    return CannotGuardError(
        f"This MLflow ({VERSION}) {what}, which the guard does not know. Use a version of MLflow "
        "that the guard names, or a newer guard."
    )
