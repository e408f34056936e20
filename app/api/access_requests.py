"""Routes by which access to restricted models is asked for and given."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from app.api.caller import Caller, Desk
from app.portal import Portal
from auth.access_request import AccessRequest
from auth.actors import Actor
from ledger.clock import iso

router = APIRouter(prefix="/access-requests", tags=["access requests"])


class Wanted(BaseModel):
    """What access is asked for, and why; `until` is its last day."""

    model_config = ConfigDict(extra="forbid")

    model: str
    purpose: str
    until: date | None = None
    server: str = ""
    workspace: str = ""


class Answer(BaseModel):
    """The answer; a refusal needs its reason. Left out, `until` is the day they asked for."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["accept", "refuse"]
    reason: str = ""
    until: date | None = None


@router.post("", status_code=201)
def ask(wanted: Wanted, portal: Desk, by: Caller) -> dict[str, Any]:
    """Ask to be let into a restricted model."""
    about = portal.models.know(
        wanted.model, by=by, server=wanted.server, workspace=wanted.workspace
    )
    made = portal.access_requests.ask(about.id, wanted.purpose, by=by, until=wanted.until)
    return _told([made], portal, by)[0]


@router.get("")
def listing(portal: Desk, by: Caller) -> dict[str, Any]:
    """The caller's own requests, newest first, and those that wait for the caller's answer."""
    desk = portal.access_requests
    return {
        "mine": _told(desk.mine(by=by), portal, by),
        "waiting": _told(desk.waiting(by=by), portal, by),
    }


@router.get("/{request_id}")
def one(request_id: str, portal: Desk, by: Caller) -> dict[str, Any]:
    """One request, for who asked and who may answer."""
    return _told([portal.access_requests.get(request_id, by=by)], portal, by)[0]


@router.post("/{request_id}/decision")
def decide(request_id: str, answer: Answer, portal: Desk, by: Caller) -> dict[str, Any]:
    """Let somebody in, or refuse and say why."""
    desk = portal.access_requests
    if answer.decision == "accept":
        made = desk.accept(request_id, by=by, reason=answer.reason, until=answer.until)
    else:
        made = desk.refuse(request_id, answer.reason, by=by)
    return _told([made], portal, by)[0]


@router.post("/{request_id}/withdrawal")
def withdraw(request_id: str, portal: Desk, by: Caller) -> dict[str, Any]:
    """Take one's own request back."""
    return _told([portal.access_requests.withdraw(request_id, by=by)], portal, by)[0]


def _told(found: list[AccessRequest], portal: Portal, by: Actor) -> list[dict[str, Any]]:
    known = portal.models.summaries([one.resource_id for one in found], by=by)
    return [
        {
            "id": one.id,
            "model": known[one.resource_id].name if one.resource_id in known else "",
            "model_id": one.resource_id,
            "asked_by": one.principal_id,
            "asked_at": iso(one.asked_at),
            "purpose": one.purpose,
            "until": one.until.isoformat() if one.until else None,
            "state": one.state.value,
            "taken_back": one.is_taken_back,
            "decided_by": one.decided_by,
            "decided_at": iso(one.decided_at) if one.decided_at else None,
            "reason": one.reason,
        }
        for one in found
    ]
