"""Routes for registered models and their versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app.api.caller import Caller, Desk
from app.portal import Portal
from auth.actors import Actor
from catalog.registry.deprecations import Deprecation
from catalog.registry.models import Metric, Model, Version
from catalog.registry.search import Question, search
from catalog.registry.standing import Standing
from ledger.clock import iso
from ledger.errors import NotFound

router = APIRouter(tags=["models"])


class Classification(BaseModel):
    """What is said of a model; `owner` is an e-mail address."""

    model_config = ConfigDict(extra="forbid")

    owner: str | None = Field(default=None, max_length=320)
    domain: str | None = Field(default=None, max_length=500)
    task: str | None = Field(default=None, max_length=100)
    tier: str | None = Field(default=None, max_length=100)
    regulatory_class: str | None = Field(default=None, max_length=100)
    stage: str | None = Field(default=None, max_length=100)
    use_case_id: str | None = Field(default=None, max_length=100)


@router.get("/models")
def list_models(
    portal: Desk,
    by: Caller,
    q: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> dict[str, Any]:
    """Search models by name, description, tags, domain and owner; best match first."""
    found = search(portal.store, Question(q), by=by, limit=limit, offset=offset)
    return {
        "total": found.total,
        "models": [
            {**_model(hit.model), "owner": hit.owner, "metrics": _metrics(hit.metrics)}
            for hit in found.hits
        ],
        "mirrored_at": _mirrored(portal),
    }


@router.get("/models/{name}")
def one_model(
    name: str, portal: Desk, by: Caller, server: str = "", workspace: str = ""
) -> dict[str, Any]:
    """One model with its versions."""
    model = portal.models.find(name, by=by, server=server, workspace=workspace)
    versions = portal.models.versions(model)
    going = portal.deprecations.of(model, by=by)
    owner = portal.people.names({model.owner_id}).get(model.owner_id, "")
    return {
        **_model(model),
        "owner": owner,
        "versions": [_version(version, going, portal) for version in versions],
        "mirrored_at": _mirrored(portal),
    }


@router.get("/models/{name}/versions/{version}")
def one_version(
    name: str, version: int, portal: Desk, by: Caller, server: str = "", workspace: str = ""
) -> dict[str, Any]:
    """One version with its metrics, its data sets, and what was said if it is deprecated."""
    model = portal.models.find(name, by=by, server=server, workspace=workspace)
    return _whole(model, portal.models.version(model, version), portal, by)


@router.get("/models/{name}/aliases/{alias}")
def behind_alias(
    name: str, alias: str, portal: Desk, by: Caller, server: str = "", workspace: str = ""
) -> dict[str, Any]:
    """The version behind an alias, for an application that is about to load it.

    `deprecation` is there when the version is on its way out: from `ends_on` on it must not be
    used, and `status` is `Obsolete`.
    """
    model = portal.models.find(name, by=by, server=server, workspace=workspace)
    held = model.alias(alias)
    if held is None:
        raise NotFound(
            f"{model.name} has no alias {alias[:64]!r}.",
            hint="Its aliases are listed on the Model page.",
            code="no-such-alias",
        )
    told = _whole(model, portal.models.version(model, held.number), portal, by)
    return {**told, "alias": held.name, "since": iso(held.since)}


def _whole(model: Model, version: Version, portal: Portal, by: Actor) -> dict[str, Any]:
    run = portal.models.runs(model).get(version.run_id)
    going = portal.deprecations.of(model, by=by)
    return {
        "model": _model(model),
        **_version(version, going, portal),
        "parameters": dict(run.params) if run else {},
        "datasets": [
            {"name": d.name, "digest": d.digest, "context": d.context, "rows": d.rows}
            for d in (run.datasets if run else ())
        ],
        "mirrored_at": _mirrored(portal),
    }


@router.put("/models/{name}/classification")
def classify(
    name: str,
    said: Classification,
    portal: Desk,
    by: Caller,
    server: str = "",
    workspace: str = "",
) -> dict[str, Any]:
    """Say who owns a model, what it is for and where it stands; what is left out stays."""
    model = portal.models.find(name, by=by, server=server, workspace=workspace)
    owner = portal.people.by_email(said.owner) if said.owner else None
    portal.models.classify(
        model.id,
        by=by,
        owner_id=owner.id if owner else "" if said.owner else model.owner_id,
        domain=model.domain if said.domain is None else said.domain,
        task=model.task if said.task is None else said.task,
        standing=Standing(said.tier, said.regulatory_class, said.stage, said.use_case_id),
    )
    return _model(portal.models.get(model.id, by=by))


def _model(model: Model) -> dict[str, Any]:
    return {
        "id": model.id,
        "name": model.name,
        "server": model.server,
        "workspace": model.workspace,
        "description": model.description,
        "domain": model.domain,
        "task": model.task,
        "tier": model.tier,
        "regulatory_class": model.regulatory_class,
        "stage": model.stage,
        "use_case_id": model.use_case_id,
        "tags": dict(model.tags),
        "aliases": {alias.name: alias.number for alias in model.aliases},
    }


def _version(version: Version, going: Mapping[str, Deprecation], portal: Portal) -> dict[str, Any]:
    return {
        "id": version.id,
        "version": version.number,
        "created_at": iso(version.created_at),
        "run_id": version.run_id,
        "description": version.description,
        "status": version.status,
        "aliases": list(version.aliases),
        "metrics": _metrics(version.metrics),
        "deprecation": _deprecation(going.get(version.id), portal),
    }


def _deprecation(said: Deprecation | None, portal: Portal) -> dict[str, Any] | None:
    if said is None:
        return None
    following = said.successor
    return {
        "status": said.word(portal.clock.now().date()),
        "ends_on": said.ends_on.isoformat(),
        "message": said.message,
        "successor": {
            "model": following.model_name,
            "version": following.number,
            "version_id": following.version_id,
        }
        if following
        else None,
        "deprecated_by": said.deprecated_by,
        "deprecated_at": iso(said.deprecated_at),
    }


def _metrics(metrics: tuple[Metric, ...]) -> list[dict[str, Any]]:
    return [
        {"name": m.name, "value": m.value, "dataset": m.dataset, "dataset_digest": m.dataset_digest}
        for m in metrics
    ]


def _mirrored(portal: Desk) -> dict[str, str | None]:
    return {
        state.server: iso(state.succeeded_at) if state.succeeded_at else None
        for state in portal.models.mirrored()
    }
