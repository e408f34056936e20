"""Routes on a model's releases: ask the gates before a release is, and set an alias back."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app.api.addressed import Named
from app.api.caller import Caller, Desk
from app.api.release_requests import told as told_request
from auth.access import Verdict
from catalog.registry.deprecations import Farewell
from catalog.releases.gates.answers import Answer, GateResult
from catalog.releases.gates.waiting import waiting_for_files
from ledger.clock import iso

router = APIRouter(tags=["release requests"])


@router.get("/models/{name}/versions/{number}/gates")
def preview(
    model: Named,
    number: int,
    alias: Annotated[str, Query(max_length=500)],
    portal: Desk,
    by: Caller,
) -> dict[str, Any]:
    """Ask the gates that a release of a version to an alias would be judged by. Changes nothing.

    `passes` says whether none stands in the way. A gate with `after_request` stands in nobody's
    way: it is missing only because the version's files are read once a request is sent. `policy` is
    null where no policy covers the release; then it may not be asked for. `approvals` says how many
    people of which role have to agree, how many could, and whether that is enough. `author` says
    whether an approver can be told from who built the version; where not, none can approve.
    """
    version = portal.models.version(model, number)
    found = portal.requests.preview(version.id, alias, by=by)
    policy = found.policy
    waiting = waiting_for_files(policy, found.gates) if policy else frozenset()
    outlook = portal.deciders.if_asked(version.id, alias.strip(), by=by)
    return {
        "model": model.name,
        "server": model.server,
        "workspace": model.workspace,
        "version": version.number,
        "alias": alias.strip(),
        "asked_at": iso(portal.clock.now()),
        "replaces": found.replaces,
        "policy": {"name": policy.name, "version": policy.version, "digest": policy.digest}
        if policy
        else None,
        "passes": bool(found.gates)
        and all(one.answer is Answer.PASS or one.id in waiting for one in found.gates),
        "gates": [{**told(one), "after_request": one.id in waiting} for one in found.gates],
        "approvals": {
            "possible": bool(outlook.decidable),
            "reason": outlook.decidable.reason,
            "hint": outlook.decidable.hint,
            "panels": [
                {"role": one.role, "needed": one.needed, "could": len(one.could)}
                for one in outlook.benches
            ],
        },
        "author": _verdict(found.may_tell_apart),
        "may_request": _verdict(found.may_request),
    }


def _verdict(may: Verdict) -> dict[str, Any]:
    return {"allowed": may.allowed, "reason": may.reason, "code": may.code, "hint": may.hint}


class SetBack(BaseModel):
    """The version that an alias is set back to, and why."""

    model_config = ConfigDict(extra="forbid")

    version: int = Field(ge=1)
    alias: str = Field(max_length=500)
    reason: str = Field(max_length=100_000)


@router.post("/models/{name}/rollback", status_code=201)
def roll_back(model: Named, back: SetBack, portal: Desk, by: Caller) -> dict[str, Any]:
    """Set an alias back to a version that was approved and live under it before.

    One signature is enough. The answer is the release request by which it is done, approved as it
    is made; its promotion says when the alias has moved.
    """
    version = portal.models.version(model, back.version)
    return told_request(portal.rollbacks.roll_back(version.id, back.alias, back.reason, by=by))


class Retired(BaseModel):
    """What an alias is to be taken away from, and why.

    With a day, or a successor (the number of another version), the version is deprecated as well:
    whoever relies on it is told that it must not be used from that day (UTC) on.
    """

    model_config = ConfigDict(extra="forbid")

    version: int = Field(ge=1)
    alias: str = Field(max_length=500)
    reason: str = Field(max_length=100_000)
    ends_on: date | None = None
    successor: int | None = Field(default=None, ge=1)


@router.post("/models/{name}/retirement", status_code=201)
def retire(model: Named, asked: Retired, portal: Desk, by: Caller) -> dict[str, Any]:
    """Ask that an alias be taken away from a version, so that nothing is live under it.

    The answer is the release request: the approvers decide it under the retirement policy.
    """
    version = portal.models.version(model, asked.version)
    farewell = None
    if asked.ends_on is not None or asked.successor is not None:
        ends_on = asked.ends_on or portal.clock.now().date()
        following = portal.models.version(model, asked.successor).id if asked.successor else ""
        farewell = Farewell(ends_on, asked.reason, following)
    made = portal.retirements.retire(
        version.id, asked.alias, asked.reason, farewell=farewell, by=by
    )
    return told_request(made)


def told(result: GateResult) -> dict[str, Any]:
    """A gate's whole answer, with the answers of the gates that lie in it."""
    return {
        "id": result.id,
        "title": result.title,
        "asks": result.asks,
        "verdict": result.answer,
        "required": result.required,
        "observed": result.observed,
        "reason": result.reason,
        "evidence": result.evidence,
        "digest": result.digest,
        "produced_by": result.produced_by,
        "verified": result.is_verified,
        "produced_at": result.at or None,
        "parts": [told(one) for one in result.parts],
    }
