"""Routes for findings: what is to be put right, and what its owner and its reviewers say of it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app.api.caller import Caller, Desk
from catalog.releases.findings.finding import Finding, FindingState, Kind
from catalog.releases.findings.findings import PAGE, Wanted
from ledger.clock import iso

router = APIRouter(prefix="/findings", tags=["findings"])

_ANY_TEXT = 100_000


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Remedied(_Strict):
    """What was done about a finding, and where it can be seen."""

    remedy: str = Field(max_length=_ANY_TEXT)


class Reason(_Strict):
    """Why."""

    reason: str = Field(max_length=_ANY_TEXT)


class Assigned(_Strict):
    """Who puts a finding right, by e-mail address, until which day (UTC), and why that changes."""

    owner: str = Field(max_length=320)
    due_on: date
    reason: str = Field(max_length=_ANY_TEXT)


class Asked(_Strict):
    """Which findings: of several states or kinds any one will do; `owner` is an e-mail address."""

    state: Annotated[list[FindingState], Field(max_length=10)] = []
    kind: Annotated[list[Kind], Field(max_length=10)] = []
    model: str = Field(default="", max_length=500)
    owner: str = Field(default="", max_length=320)
    server: str = Field(default="", max_length=500)
    workspace: str = Field(default="", max_length=500)
    limit: int = Field(default=PAGE, ge=1, le=100)
    offset: int = Field(default=0, ge=0, le=1_000_000)


@router.get("")
def listing(portal: Desk, by: Caller, asked: Annotated[Asked, Query()]) -> dict[str, Any]:
    """The findings the caller may see, a page at a time: what stands and is due first comes first.

    `detection` says how long it took to find what moved in MLflow outside the process, in seconds,
    over the last 30 days; each is counted from the last reading that showed it as it was, so it is
    never less than it was in truth.
    """
    model_id = ""
    if asked.model:
        model = portal.models.find(
            asked.model, by=by, server=asked.server, workspace=asked.workspace
        )
        model_id = model.id
    wanted = Wanted(
        frozenset(asked.state),
        frozenset(asked.kind),
        model_id,
        _person(portal, asked.owner) if asked.owner else "",
    )
    found = portal.findings.page(wanted, by=by, limit=asked.limit, offset=asked.offset)
    took = portal.findings.detection(by=by)
    return {
        "total": found.total,
        "overdue": found.overdue,
        "findings": [told(one) for one in found.findings],
        "detection": {
            "findings": took.findings,
            "median_seconds": took.median.total_seconds() if took.median is not None else None,
            "worst_seconds": took.worst.total_seconds() if took.worst is not None else None,
        },
    }


@router.get("/{finding_id}")
def one_finding(finding_id: str, portal: Desk, by: Caller) -> dict[str, Any]:
    """One finding, by id or number, with what the caller may do about it now."""
    found = portal.findings.get(finding_id, by=by)
    may = portal.findings.may(finding_id, by=by)
    verdicts = {"remedy": may.remedy, "close": may.close, "assign": may.assign}
    return {
        **told(found),
        "may": {
            verb: {"allowed": one.allowed, "reason": one.reason, "code": one.code}
            for verb, one in verdicts.items()
        },
    }


@router.post("/{finding_id}/remedy")
def remedy(finding_id: str, said: Remedied, portal: Desk, by: Caller) -> dict[str, Any]:
    """Say what was done about it; somebody else closes it, or opens it again."""
    return told(portal.findings.remedy(finding_id, said.remedy, by=by))


@router.post("/{finding_id}/closure")
def close(finding_id: str, reason: Reason, portal: Desk, by: Caller) -> dict[str, Any]:
    """Close it, having seen that it was put right; not by whoever says so."""
    return told(portal.findings.close(finding_id, reason.reason, by=by))


@router.post("/{finding_id}/reopening")
def reopen(finding_id: str, reason: Reason, portal: Desk, by: Caller) -> dict[str, Any]:
    """Say that it was not put right."""
    return told(portal.findings.reopen(finding_id, reason.reason, by=by))


@router.post("/{finding_id}/assignment")
def assign(finding_id: str, said: Assigned, portal: Desk, by: Caller) -> dict[str, Any]:
    """Give it to somebody else, or another day, with the reason."""
    # A finding that the caller may not see must not tell whether an address is known.
    portal.findings.get(finding_id, by=by)
    return told(
        portal.findings.assign(
            finding_id,
            said.reason,
            owner_id=_person(portal, said.owner),
            due_on=said.due_on,
            by=by,
        )
    )


def told(one: Finding) -> dict[str, Any]:
    """A finding as the API tells it; `owner` is empty while nobody owns it."""
    return {
        "id": one.id,
        "number": one.number,
        "kind": one.kind,
        "severity": one.severity,
        "state": one.state,
        "title": one.title,
        "detail": one.detail,
        "model": one.model_name,
        "version": one.version_number,
        "alias": one.alias,
        "release_request": one.request_id or None,
        "owner": one.owner_id,
        "due_on": one.due_on.isoformat(),
        "opened_by": one.opened_by,
        "opened_at": iso(one.opened_at),
        "happened": {
            "since": iso(one.since) if one.since else None,
            "until": iso(one.until) if one.until else None,
        },
        "found_within_seconds": one.took.total_seconds() if one.took is not None else None,
        "set_back": {
            "at": iso(one.reverted_at),
            "release_request": one.reverted_by or None,
            "not_because": one.not_reverted,
        }
        if one.reverted_at
        else None,
        "remedy": {"said": one.remedy, "by": one.remedied_by, "at": iso(one.remedied_at)}
        if one.remedied_at
        else None,
        "closure": {"said": one.closed_why, "by": one.closed_by, "at": iso(one.closed_at)}
        if one.closed_at
        else None,
    }


def _person(portal: Desk, email: str) -> str:
    """The id behind an address; of an unknown one an id that nobody has."""
    found = portal.people.by_email(email.strip())
    return found.id if found else "nobody"
