"""What the guard asks of the MLflow it runs in: its own parser and stores, never a copy of them.

The guard reads a request with the parser of the handler that comes after it, so that the two can
never understand it differently.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES
from mlflow.exceptions import MlflowException
from mlflow.server import handlers
from mlflow.server.constants import (
    ARTIFACTS_DESTINATION_ENV_VAR,
    ARTIFACTS_ONLY_ENV_VAR,
    SERVE_ARTIFACTS_ENV_VAR,
)
from mlflow.store.model_registry.dbmodels.models import SqlModelVersion, SqlRegisteredModelAlias
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore
from mlflow.utils.uri import validate_path_is_safe
from mlflow.utils.workspace_context import get_request_workspace
from sqlalchemy import Engine, and_, select

from countersign_guard.memory import Sealed
from countersign_guard.places import Places
from countersign_guard.settings import CannotGuardError, Settings

_USUAL_WORKSPACE: Final = "default"
_GONE: Final = frozenset({"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"})


def places() -> Places:
    """How this server's addresses lead to files."""
    serves = os.environ.get(SERVE_ARTIFACTS_ENV_VAR) == "true"
    return Places(
        os.environ.get(ARTIFACTS_DESTINATION_ENV_VAR, "") if serves else "",
        has_workspaces=bool(MLFLOW_ENABLE_WORKSPACES.get()),
    )


def engine() -> Engine:
    """The database of the model registry.

    Raises:
        CannotGuardError: this server has none.
    """
    if os.environ.get(ARTIFACTS_ONLY_ENV_VAR):
        raise CannotGuardError(
            "A server that only serves artifacts cannot know which of them are approved. Serve "
            "them from the guarded server, without --artifacts-only."
        )
    store = handlers._get_model_registry_store()
    if not isinstance(store, SqlAlchemyStore):
        raise CannotGuardError(
            "The guard needs a model registry that is kept in a database. Start MLflow with "
            "--backend-store-uri postgresql://... or sqlite:///..."
        )
    return store.engine


def holders(settings: Settings, where: Places) -> Iterator[Sealed]:
    """The files of every version that holds a protected alias now, in all workspaces."""
    alias, version = SqlRegisteredModelAlias, SqlModelVersion
    asked: Any = select(
        alias.alias,
        version.workspace,
        version.name,
        version.version,
        version.source,
        version.storage_location,
    ).join(
        version,
        and_(
            version.workspace == alias.workspace,
            version.name == alias.name,
            version.version == alias.version,
        ),
    )
    with engine().connect() as connection:
        for row in connection.execute(asked):
            if settings.protects(row.alias):
                yield from _files(
                    where,
                    (row.workspace, row.name, row.version),
                    row.storage_location or "",
                    row.source or "",
                )


def files_of(where: Places, name: str, version: int) -> list[Sealed]:
    """Where the files of a version are. Raises MlflowException when it is not there."""
    store = handlers._get_model_registry_store()
    found = store.get_model_version(name, str(version))
    kept = store.get_model_version_download_uri(name, str(version))
    return list(_files(where, (workspace(), name, version), kept or "", found.source or ""))


def _files(where: Places, of: tuple[str, str, int], *addresses: str) -> Iterator[Sealed]:
    for address in {one for one in addresses if one and not one.startswith("models:")}:
        yield Sealed(where.of(address, of[0]), *of)


def aliases(name: str) -> Mapping[str, int]:
    """The aliases of a model and the versions they point at; none of a model that is not there."""
    try:
        found = handlers._get_model_registry_store().get_registered_model(name)
    except MlflowException as error:
        if error.error_code in _GONE:
            return {}
        raise
    return {alias: int(version) for alias, version in (found.aliases or {}).items()}


def workspace() -> str:
    """The workspace that this request is about."""
    return get_request_workspace() or _USUAL_WORKSPACE


def message(kind: Any) -> Any:  # noqa: ANN401 - MLflow's own messages
    """What the request says, as the handler behind the guard will read it."""
    return handlers._get_request_message(kind())


def artifact_path(given: str) -> str:
    """A path of a request as the handler will use it. Raises MlflowException as the handler."""
    # What is still encoded after one reading would be read again further in.
    before, path = given, str(validate_path_is_safe(given))
    while path != before:
        before, path = path, str(validate_path_is_safe(path))
    return path


def run_files(where: Places, run_id: str, path: str) -> list[str]:
    """Where a file that is uploaded into a run ends up, by either of MLflow's two ways."""
    info = handlers._get_tracking_store().get_run(run_id).info
    own = f"{info.experiment_id}/{info.run_id}/artifacts/{path}"
    return [
        where.below(where.of(info.artifact_uri, workspace()), path),
        *([where.served(own, workspace())] if where.destination else ()),
    ]


def logged_model(where: Places, model_id: str) -> str:
    """Where the files of a logged model are."""
    found = handlers._get_tracking_store().get_logged_model(model_id)
    return where.of(found.artifact_location, workspace())


def experiment(where: Places, experiment_id: str) -> str:
    """Where an experiment keeps its files."""
    found = handlers._get_tracking_store().get_experiment(experiment_id)
    return where.of(found.artifact_location, workspace())
