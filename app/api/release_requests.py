"""Routes for release requests and the decisions on them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app.api.caller import Caller, Desk
from catalog.releases.gates.asking import GateResult
from catalog.releases.request import ReleaseRequest
from catalog.releases.states import State, Verb
from ledger.clock import iso

router = APIRouter(prefix="/release-requests", tags=["release requests"])

# Far beyond what is taken, so that the verb itself says what the limit is.
_ANY_TEXT = 100_000


class Asked(BaseModel):
    """A request to move an alias to a version."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(min_length=1, max_length=500)
    version: int = Field(ge=1)
    alias: str = Field(max_length=500)
    reason: str = Field(max_length=_ANY_TEXT)


class Decided(BaseModel):
    """A decision on a request."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["approve", "reject", "request-changes"]
    reason: str = Field(max_length=_ANY_TEXT)


class Reason(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=_ANY_TEXT)


@router.post("", status_code=201)
def ask(
    asked: Asked, portal: Desk, by: Caller, server: str = "", workspace: str = ""
) -> dict[str, Any]:
    """Ask for a release."""
    model = portal.models.find(asked.model, by=by, server=server, workspace=workspace)
    version = portal.models.version(model, asked.version)
    return _request(portal.requests.request(version.id, asked.alias, asked.reason, by=by))


@router.get("")
def list_requests(
    portal: Desk,
    by: Caller,
    state: State | None = None,
    model: Annotated[str, Query(max_length=500)] = "",
    server: str = "",
    workspace: str = "",
) -> dict[str, Any]:
    """The requests the caller may see, newest first."""
    model_id = (
        portal.models.find(model, by=by, server=server, workspace=workspace).id if model else ""
    )
    states = frozenset({state}) if state else None
    found = portal.requests.listing(by=by, model_id=model_id, states=states)
    return {"total": len(found), "release_requests": [_request(one) for one in found]}


@router.get("/{request_id}")
def one_request(request_id: str, portal: Desk, by: Caller) -> dict[str, Any]:
    """One request with its gates, by id or number."""
    sheet = portal.requests.sheet(request_id, by=by)
    return {
        **_request(sheet.request),
        "gates": [_gate(result) for result in sheet.gates],
        "changed_since": sheet.changed_since,
        "may_decide": {
            "allowed": sheet.may_decide.allowed,
            "reason": sheet.may_decide.reason,
            "code": sheet.may_decide.code,
        },
    }


@router.post("/{request_id}/decision")
def decide(request_id: str, decided: Decided, portal: Desk, by: Caller) -> dict[str, Any]:
    """Approve, reject or ask for changes."""
    verb = Verb(decided.decision)
    return _request(portal.requests.decide(request_id, verb, decided.reason, by=by))


@router.post("/{request_id}/withdrawal")
def withdraw(request_id: str, reason: Reason, portal: Desk, by: Caller) -> dict[str, Any]:
    """Take one's own request back."""
    return _request(portal.requests.withdraw(request_id, reason.reason, by=by))


def _request(request: ReleaseRequest) -> dict[str, Any]:
    promotion = request.promotion
    return {
        "id": request.id,
        "number": request.number,
        "model": request.model_name,
        "version": request.version_number,
        "alias": request.alias,
        "reason": request.reason,
        "state": request.state,
        "problem": request.problem,
        "requested_by": request.requested_by,
        "requested_at": iso(request.requested_at),
        "replaces": request.replaces,
        "digests": {
            "policy": request.policy_digest,
            "evidence": request.snapshot_digest,
            "artifacts": request.manifest_digest,
        },
        "decisions": [
            {"decision": d.verb, "by": d.person_id, "reason": d.reason, "at": iso(d.at)}
            for d in request.decisions
        ],
        "promotion": None
        if promotion is None
        else {
            "id": promotion.id,
            "state": promotion.state,
            "code": promotion.code,
            "message": promotion.message,
            "attempts": promotion.attempts,
            "finished_at": iso(promotion.finished_at) if promotion.finished_at else None,
        },
    }


def _gate(result: GateResult) -> dict[str, Any]:
    return {
        "id": result.id,
        "title": result.title,
        "verdict": result.answer,
        "required": result.required,
        "observed": result.observed,
        "reason": result.reason,
        "digest": result.digest,
        "verified": result.is_verified,
    }
