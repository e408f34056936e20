"""Routes for release requests and the decisions on them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.caller import Caller, Desk
from app.api.findings import told as told_finding
from catalog.releases.decisions.conditions import Condition
from catalog.releases.gates.asking import GateResult
from catalog.releases.requests.request import ReleaseRequest, Which
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
    emergency: bool = False


class Asks(BaseModel):
    """A condition of an approval: what has to be done, and the last day (UTC) it counts."""

    model_config = ConfigDict(extra="forbid")

    asks: str = Field(max_length=_ANY_TEXT)
    due_on: date


class Digests(BaseModel):
    """What a decision rests on, as the request told it when it was read."""

    model_config = ConfigDict(extra="forbid")

    policy: str = Field(default="", max_length=100)
    evidence: str = Field(default="", max_length=100)
    artifacts: str = Field(default="", max_length=100)


class Decided(BaseModel):
    """A decision on a request; with conditions only where it is approved with conditions.

    With `digests` an approval counts only while the request still is what was read.
    """

    model_config = ConfigDict(extra="forbid")

    decision: Literal["approve", "approve-with-conditions", "reject", "request-changes"]
    reason: str = Field(max_length=_ANY_TEXT)
    conditions: Annotated[list[Asks], Field(max_length=100)] = []
    panel: Literal["", "approver", "independent validator", "business owner"] = ""
    digests: Digests | None = None


class Reason(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=_ANY_TEXT)


@router.post("", status_code=201)
def ask(
    asked: Asked, portal: Desk, by: Caller, server: str = "", workspace: str = ""
) -> dict[str, Any]:
    """Ask for a release; in an emergency, where the policy has such a route, one person decides."""
    model = portal.models.find(asked.model, by=by, server=server, workspace=workspace)
    version = portal.models.version(model, asked.version)
    made = portal.requests.request(
        version.id, asked.alias, asked.reason, is_emergency=asked.emergency, by=by
    )
    return told(made)


class Listed(BaseModel):
    """Which requests: in one of these states, of a model, a version, an alias; a page of them."""

    model_config = ConfigDict(extra="forbid")

    state: Annotated[list[State], Field(max_length=len(State))] = []
    model: str = Field(default="", max_length=500)
    version: int | None = Field(default=None, ge=1, le=2**31 - 1)
    alias: str = Field(default="", max_length=500)
    server: str = Field(default="", max_length=500)
    workspace: str = Field(default="", max_length=500)
    limit: int = Field(default=25, ge=1, le=100)
    offset: int = Field(default=0, ge=0, le=1_000_000)


@router.get("")
def list_requests(portal: Desk, by: Caller, asked: Annotated[Listed, Query()]) -> dict[str, Any]:
    """The requests the caller may see, newest first, a page at a time."""
    model_id = ""
    if asked.model:
        model_id = portal.models.find(
            asked.model, by=by, server=asked.server, workspace=asked.workspace
        ).id
    which = Which(frozenset(asked.state), model_id, asked.version, asked.alias)
    found = portal.requests.listing(which, by=by, limit=asked.limit, offset=asked.offset)
    return {
        "total": portal.requests.count(which, by=by),
        "release_requests": [told(one) for one in found],
    }


@router.get("/{request_id}")
def one_request(request_id: str, portal: Desk, by: Caller) -> dict[str, Any]:
    """One request with its gates, its findings and its receipt, by id or number."""
    sheet = portal.requests.sheet(request_id, by=by)
    receipt = portal.dossiers.receipt(sheet.request, by=by)
    return {
        **told(sheet.request),
        "decide_by": sheet.decide_by.isoformat() if sheet.decide_by else None,
        "receipt": receipt
        and {
            "record": receipt.sequence,
            "digest": receipt.digest,
            "recorded_at": iso(receipt.recorded_at),
            "digests": dict(receipt.digests),
        },
        "gates": [_gate(result) for result in sheet.gates],
        "findings": [told_finding(one) for one in sheet.findings],
        "rechecks": [
            {
                "gate": one.gate_id,
                "every_days": one.every_days,
                "asked_at": iso(one.checked_at) if one.checked_at else None,
                "verdict": one.answer,
                "reason": one.reason,
            }
            for one in sheet.rechecks
        ],
        "changed_since": sheet.changed_since,
        "changes": [
            {"name": one.name, "before": one.before, "after": one.after} for one in sheet.changes
        ],
        "may_decide": {
            "allowed": sheet.may_decide.allowed,
            "reason": sheet.may_decide.reason,
            "code": sheet.may_decide.code,
        },
    }


@router.get("/{request_id}/evidence-pack")
def evidence_pack(request_id: str, portal: Desk, by: Caller) -> Response:
    """One ZIP from which the release can be judged offline, with a signed list of what is in it.

    Whoever may read the request may read it. Each download is on record.
    """
    pack = portal.dossiers.pack(request_id, by=by)
    return Response(
        pack.data,
        media_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{pack.name}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        },
    )


@router.post("/{request_id}/decision")
def decide(request_id: str, decided: Decided, portal: Desk, by: Caller) -> dict[str, Any]:
    """Approve, with conditions or without, reject or ask for changes.

    Each condition becomes a finding; one that stands after its day revokes the approval. Who holds
    several of the roles that must agree may name the `panel` they agree in.
    """
    verb = Verb(decided.decision)
    conditions = [Condition(one.asks, one.due_on) for one in decided.conditions]
    seen = decided.digests.model_dump() if decided.digests else None
    return told(
        portal.decisions.decide(
            request_id,
            verb,
            decided.reason,
            conditions=conditions,
            panel=decided.panel,
            seen=seen,
            by=by,
        )
    )


@router.post("/{request_id}/revocation")
def revoke(request_id: str, reason: Reason, portal: Desk, by: Caller) -> dict[str, Any]:
    """Take an approval back: what waits is stopped, and what is live becomes a finding."""
    return told(portal.approvals.revoke(request_id, reason.reason, by=by))


@router.post("/{request_id}/resubmission")
def resubmit(request_id: str, reason: Reason, portal: Desk, by: Caller) -> dict[str, Any]:
    """Send one's own request again, after changes were asked for, and say what is different."""
    return told(portal.requests.resubmit(request_id, reason.reason, by=by))


@router.post("/{request_id}/withdrawal")
def withdraw(request_id: str, reason: Reason, portal: Desk, by: Caller) -> dict[str, Any]:
    """Take one's own request back."""
    return told(portal.requests.withdraw(request_id, reason.reason, by=by))


def told(request: ReleaseRequest) -> dict[str, Any]:
    """A request as the API tells it."""
    promotion = request.promotion
    return {
        "id": request.id,
        "number": request.number,
        "model": request.model_name,
        "version": request.version_number,
        "alias": request.alias,
        "route": request.route,
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
        "rounds": [
            {"how": one.verb, "by": one.person_id, "reason": one.reason, "at": iso(one.at)}
            for one in request.rounds
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
