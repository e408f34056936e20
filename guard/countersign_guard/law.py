"""The law of a guarded server, as a table: which of MLflow's acts is asked which question.

An act that is not in the table is MLflow's own business. A question answers by returning, or
refuses with a sentence to whoever tried.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from flask import request
from mlflow.protos import mlflow_artifacts_pb2, model_registry_pb2, service_pb2

from countersign_guard import registry
from countersign_guard.memory import Memory
from countersign_guard.places import Places
from countersign_guard.settings import Settings
from countersign_guard.tickets import HEADER, Act, RefusedError, Ticket, read

_RETIRE: Final = "Ask for its retirement"


@dataclass(frozen=True)
class Guard:
    """Whoever is asked: what is protected here, which tickets are good, what is remembered.

    `clock` gives Unix seconds.
    """

    settings: Settings
    memory: Memory
    places: Places
    clock: Callable[[], float]

    def ask(self, endpoint: str | None) -> None:
        """Ask about the request that is being answered. Raises RefusedError."""
        question = LAW.get(endpoint or "")
        if question is not None:
            question(self)

    def insist_unsealed(self, places: Iterable[str], *, and_below: bool = False) -> None:
        """Raises RefusedError when the files there belong to a version that was approved."""
        found = self.memory.sealed_at(places, and_below=and_below)
        if found is not None:
            raise RefusedError(
                f"These files belong to version {found.version} of {found.model!r}, which was "
                "approved as it is. Register a new version instead" + self._where()
            )

    def refuse(self, what: str, ask: str = "Ask for a release") -> RefusedError:
        """A refusal that says what to ask for, and where."""
        return RefusedError(f"{what} {ask}" + self._where())

    def _where(self) -> str:
        asked = self.settings.portal
        return f": {asked}" if asked else " in Countersign."


def _set_alias(guard: Guard) -> None:
    asked = registry.message(model_registry_pb2.SetRegisteredModelAlias)
    if guard.settings.protects(asked.alias):
        ticket = _ticket(guard, Act.SET_ALIAS, asked.name, asked.alias, asked.version)
        # The files are sealed first: a version that is not there costs no ticket.
        _seal(guard, ticket)
        _spend(guard, ticket)


def _delete_alias(guard: Guard) -> None:
    asked = registry.message(model_registry_pb2.DeleteRegisteredModelAlias)
    if guard.settings.protects(asked.alias):
        number = registry.aliases(asked.name).get(asked.alias, "none")
        _spend(guard, _ticket(guard, Act.DELETE_ALIAS, asked.name, asked.alias, str(number)))


def _read_version(guard: Guard) -> None:
    """Whoever reads a version with a ticket has its files sealed before the answer."""
    if HEADER in request.headers:
        asked = registry.message(model_registry_pb2.GetModelVersion)
        _seal(guard, _ticket(guard, Act.SEAL, asked.name, None, asked.version))


def _ticket(guard: Guard, act: Act, model: str, alias: str | None, version: str) -> Ticket:
    """The ticket that was shown, if it allows just this."""
    shown = request.headers.get(HEADER, "")
    if not shown and act is Act.DELETE_ALIAS:
        raise guard.refuse(
            f"The alias {alias!r} of {model!r} is taken away by an approved retirement alone.",
            _RETIRE,
        )
    if not shown:
        raise guard.refuse(f"The alias {alias!r} of {model!r} moves by an approved release alone.")
    ticket = read(shown, guard.settings.keys, guard.settings.server, now=guard.clock())
    wanted = (act, registry.workspace(), model, ticket.alias if alias is None else alias, version)
    allowed = (ticket.act, ticket.workspace, ticket.model, ticket.alias, str(ticket.version))
    if allowed != wanted:
        raise guard.refuse("The promotion ticket was made for something else than is asked here.")
    return ticket


def _seal(guard: Guard, ticket: Ticket) -> None:
    files = registry.files_of(guard.places, ticket.model, ticket.version)
    guard.memory.seal(files, now=guard.clock())


def _spend(guard: Guard, ticket: Ticket) -> None:
    if not guard.memory.spend(ticket, now=guard.clock()):
        raise RefusedError("The promotion ticket was used before: each is good for one move.")


def _rename_model(guard: Guard) -> None:
    asked = registry.message(model_registry_pb2.RenameRegisteredModel)
    _insist_free(guard, asked.name, "renamed")


def _delete_model(guard: Guard) -> None:
    asked = registry.message(model_registry_pb2.DeleteRegisteredModel)
    _insist_free(guard, asked.name, "deleted")


def _insist_free(guard: Guard, name: str, what: str) -> None:
    held = sorted(filter(guard.settings.protects, registry.aliases(name)))
    if held:
        raise guard.refuse(f"{name!r} is not {what} while it has the alias {held[0]!r}.", _RETIRE)


def _delete_version(guard: Guard) -> None:
    asked = registry.message(model_registry_pb2.DeleteModelVersion)
    for alias, number in registry.aliases(asked.name).items():
        if guard.settings.protects(alias) and str(number) == _plain_number(asked.version):
            raise guard.refuse(
                f"Version {number} of {asked.name!r} is not deleted while {alias!r} points at it.",
                _RETIRE,
            )


def _plain_number(text: str) -> str:
    """A version as MLflow counts: it takes `007` and ` 7` for 7."""
    try:
        return str(int(text))
    except ValueError:
        return text


def _move_stage(guard: Guard) -> None:
    if guard.settings.guards_stages:
        raise guard.refuse("Stages do not move here: what is live is said by aliases.")


def _tag(kind: type) -> Callable[[Guard], None]:
    """The question about one tag that is set or deleted."""

    def question(guard: Guard) -> None:
        if guard.settings.tags:
            _insist_no_approval(guard, [registry.message(kind).key])

    return question


def _born_with_tags(kind: type) -> Callable[[Guard], None]:
    """The question about the tags with which something is registered."""

    def question(guard: Guard) -> None:
        if guard.settings.tags:
            _insist_no_approval(guard, [tag.key for tag in registry.message(kind).tags])

    return question


def _insist_no_approval(guard: Guard, tags: Iterable[str]) -> None:
    for tag in tags:
        if guard.settings.is_approval(tag):
            raise guard.refuse(f"The tag {tag!r} says that something was approved.")


def _write_file(guard: Guard) -> None:
    guard.insist_unsealed([_served(guard, _path_of_url())])


def _delete_files(guard: Guard) -> None:
    guard.insist_unsealed([_served(guard, _path_of_url())], and_below=True)


def _upload_parts(guard: Guard) -> None:
    folder = _path_of_url()
    kind = _PARTS[(request.endpoint or "").rpartition(".")[2]]
    # The stores take the last part of the path alone; whether they always will is not known.
    path = registry.message(kind).path
    names = {path, posixpath.basename(path)}
    guard.insist_unsealed(_served(guard, posixpath.join(folder, name)) for name in names)


def _sign_upload(guard: Guard) -> None:
    asked = registry.message(service_pb2.CreatePresignedUploadUrl)
    path = registry.artifact_path(asked.path)
    if asked.run_id:
        guard.insist_unsealed(registry.run_files(guard.places, asked.run_id, path))
    if asked.model_id:
        folder = registry.logged_model(guard.places, asked.model_id)
        guard.insist_unsealed([guard.places.below(folder, path)])


def _upload_into_run(guard: Guard) -> None:
    run_id, path = request.args.get("run_uuid"), request.args.get("path")
    if run_id and path:
        path = registry.artifact_path(path)
        guard.insist_unsealed(registry.run_files(guard.places, run_id, path))


def _delete_logged_model(guard: Guard) -> None:
    model_id = str((request.view_args or {})["model_id"])
    guard.insist_unsealed([registry.logged_model(guard.places, model_id)], and_below=True)


def _make_experiment(guard: Guard) -> None:
    """An experiment whose files would lie among the approved ones."""
    asked = registry.message(service_pb2.CreateExperiment)
    if asked.artifact_location:
        place = guard.places.of(asked.artifact_location, registry.workspace())
        guard.insist_unsealed([place])


def _make_prompt_run(guard: Guard) -> None:
    asked = request.get_json(force=True, silent=True)
    if isinstance(asked, dict) and asked.get("experiment_id"):
        place = registry.experiment(guard.places, str(asked["experiment_id"]))
        guard.insist_unsealed([place])


def _path_of_url() -> str:
    return registry.artifact_path(str((request.view_args or {})["artifact_path"]))


def _served(guard: Guard, path: str) -> str:
    return guard.places.served(path, registry.workspace())


_PARTS: Final = {
    "_create_multipart_upload_artifact": mlflow_artifacts_pb2.CreateMultipartUpload,
    "_complete_multipart_upload_artifact": mlflow_artifacts_pb2.CompleteMultipartUpload,
    "_abort_multipart_upload_artifact": mlflow_artifacts_pb2.AbortMultipartUpload,
}

# By the name that MLflow gives an endpoint: it has the same one under every address it has.
LAW: Final[Mapping[str, Callable[[Guard], None]]] = {
    "_set_registered_model_alias": _set_alias,
    "_delete_registered_model_alias": _delete_alias,
    "_get_model_version": _read_version,
    "_rename_registered_model": _rename_model,
    "_delete_registered_model": _delete_model,
    "_delete_model_version": _delete_version,
    "_transition_stage": _move_stage,
    "_set_registered_model_tag": _tag(model_registry_pb2.SetRegisteredModelTag),
    "_delete_registered_model_tag": _tag(model_registry_pb2.DeleteRegisteredModelTag),
    "_set_model_version_tag": _tag(model_registry_pb2.SetModelVersionTag),
    "_delete_model_version_tag": _tag(model_registry_pb2.DeleteModelVersionTag),
    "_create_registered_model": _born_with_tags(model_registry_pb2.CreateRegisteredModel),
    "_create_model_version": _born_with_tags(model_registry_pb2.CreateModelVersion),
    "_upload_artifact": _write_file,
    "_delete_artifact_mlflow_artifacts": _delete_files,
    "_create_multipart_upload_artifact": _upload_parts,
    "_complete_multipart_upload_artifact": _upload_parts,
    "_abort_multipart_upload_artifact": _upload_parts,
    "_create_presigned_upload_url": _sign_upload,
    "serve_upload_artifact": _upload_into_run,
    "_delete_logged_model": _delete_logged_model,
    "_create_experiment": _make_experiment,
    "serve_create_promptlab_run": _make_prompt_run,
}

# Acts of the registry and on artifacts that change nothing the guard protects. An act that is in
# neither table is one that nobody has thought about: the server does not start.
FREE: Final = frozenset(
    {
        "_create_logged_model",
        "_create_presigned_download_url",
        "_delete_logged_model_tag",
        "_finalize_logged_model",
        "_get_latest_versions",
        "_log_logged_model_params",
        "_search_logged_models",
        "_set_logged_model_tags",
        "_update_model_version",
        "_update_registered_model",
    }
)
