"""Routes for registered models and their versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from app.api.addressed import Named
from app.api.caller import Caller, Desk
from app.portal import Portal
from auth.actors import Actor
from catalog.registry.deprecations import Deprecation
from catalog.registry.input_example import NOT_READ
from catalog.registry.inventory.standing import Standing
from catalog.registry.locked import Locked, Summary
from catalog.registry.models import Metric, Model, Version
from catalog.registry.search.questions import FACETS, Found, Order, Question, Range
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


_Values = Annotated[list[str], Field(max_length=50)]


class Searched(BaseModel):
    """What is searched for, as in the address of Discover; of several values any one will do."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field(default="", max_length=200)
    domain: _Values = []
    task: _Values = []
    live: _Values = []
    owner: _Values = []
    framework: _Values = []
    stage: _Values = []
    tier: _Values = []
    class_: _Values = Field(default=[], alias="class")
    data: _Values = []
    tag: _Values = []
    card: _Values = []
    changed: _Values = []
    metric: str = Field(default="", max_length=250)
    least: float | None = None
    most: float | None = None
    verbatim: bool = False
    sort: Order = Order.BEST_MATCH
    limit: int = Field(default=25, ge=1, le=100)
    offset: int = Field(default=0, ge=0, le=1_000_000)

    def question(self) -> Question:
        """The same, as the search desk is asked it."""
        given = self.model_dump(by_alias=True, include={*_NARROWING})
        chosen = {facet: frozenset(values) for facet, values in given.items() if values}
        return Question(self.q, chosen, Range(self.metric, self.least, self.most), self.verbatim)


_NARROWING = frozenset(Searched.model_fields) & {*FACETS, "class_"}


@router.get("/models")
def list_models(portal: Desk, by: Caller, searched: Annotated[Searched, Query()]) -> JSONResponse:
    """Search models as on Discover: the same words, facets, counts and order; best match first."""
    found = portal.finder.find(
        searched.question(),
        by=by,
        limit=searched.limit,
        offset=searched.offset,
        order=searched.sort,
        measures=portal.policies.measures(),
        snippets=False,
    )
    answer = {
        "total": found.total,
        "models": [
            {
                **_model(hit.model),
                "access": _access(hit.is_locked),
                "owner": hit.owner,
                "metrics": _metrics(hit.metrics),
            }
            for hit in found.hits
        ],
        "facets": {
            facet: [{"value": value, "models": count} for value, count in counts]
            for facet, counts in found.facets.items()
        },
        "searched_for": _searched_for(found, searched.q),
        "holds_all_words": not found.relaxed,
        "mirrored_at": _mirrored(portal),
    }
    # It is plain already: FastAPI would walk through all of it once more, for longer than it took.
    return JSONResponse(answer)


def _searched_for(found: Found, typed: str) -> str:
    correction = found.correction
    return correction.meant if correction is not None and correction.is_applied else typed


@router.get("/models/{name}")
def one_model(
    name: str, portal: Desk, by: Caller, server: str = "", workspace: str = ""
) -> dict[str, Any]:
    """One model with its versions; of a restricted one, from outside, what it is for."""
    try:
        model = portal.models.find(name, by=by, server=server, workspace=workspace)
    except Locked as kept:
        return _summary(kept.summary, portal)
    versions = portal.models.versions(model)
    going = portal.deprecations.of(model, by=by)
    owner = portal.people.names({model.owner_id}).get(model.owner_id, "")
    return {
        **_model(model),
        "access": "open",
        "owner": owner,
        "versions": [_version(version, going, portal) for version in versions],
        "mirrored_at": _mirrored(portal),
    }


@router.get("/models/{name}/versions/{version}")
def one_version(model: Named, version: int, portal: Desk, by: Caller) -> dict[str, Any]:
    """One version with its metrics, its data sets, and what was said if it is deprecated."""
    return _whole(model, portal.models.version(model, version), portal, by)


@router.get("/models/{name}/versions/{version}/input-example")
def input_example(model: Named, version: int, portal: Desk) -> dict[str, Any]:
    """The rows saved with a version to show what it takes; or why there are none to show."""
    found = portal.input_examples.of(portal.models.version(model, version))
    told = NOT_READ if found is None else found.told
    return {
        "state": found.state if found else "not-read",
        "detail": told.said if told else "",
        "hint": told.remedy if told else "",
        "example": json.loads(found.body) if found and found.body else None,
        "digest": found.digest if found else "",
        "read_at": iso(found.read_at) if found else None,
        "assurance": "self-reported",
    }


@router.get("/models/{name}/aliases/{alias}")
def behind_alias(model: Named, alias: str, portal: Desk, by: Caller) -> dict[str, Any]:
    """The version behind an alias, for an application that is about to load it.

    `deprecation` is there when the version is on its way out: from `ends_on` on it must not be
    used, and `status` is `Obsolete`.
    """
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
def classify(model: Named, said: Classification, portal: Desk, by: Caller) -> dict[str, Any]:
    """Say who owns a model, what it is for and where it stands; what is left out stays."""
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


def _access(is_locked: bool) -> str:  # noqa: FBT001 - the answer to one question
    """`ask` where a restriction keeps the caller out, `open` where all of it may be read."""
    return "ask" if is_locked else "open"


def _summary(one: Summary, portal: Portal) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "server": one.server,
        "workspace": one.workspace,
        "description": one.description,
        "domain": one.domain,
        "task": one.task,
        "owner": portal.people.names({one.owner_id}).get(one.owner_id, ""),
        "restricted": True,
        "restricted_because": one.restricted_why,
        "access": "ask",
    }


def _model(model: Model) -> dict[str, Any]:
    return {
        "id": model.id,
        "name": model.name,
        "server": model.server,
        "workspace": model.workspace,
        "description": model.description,
        "domain": model.domain,
        "task": model.task,
        "restricted": model.restricted_at is not None,
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
        "is_external": version.is_external,
        "logged_model_tags": version.told_tags,
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
