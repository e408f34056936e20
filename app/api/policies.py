"""Routes for policies: read, try on the past, publish, end; and past decisions asked again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.api.caller import Caller, Desk
from catalog.releases.policies.law import Policy
from catalog.releases.policies.reading import schema
from catalog.releases.trials.found import Again, Found, Said
from catalog.releases.trials.trials import Trial
from ledger.clock import iso

router = APIRouter(prefix="/policies", tags=["policies"])

# Far beyond what is taken, so that the verb itself says what the limit is.
_ANY_TEXT = 2_000_000


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Draft(_Strict):
    """A policy as YAML."""

    policy: str = Field(max_length=_ANY_TEXT)


class Publication(Draft):
    """A policy to be put into force, and why."""

    reason: str = Field(max_length=_ANY_TEXT)


class Reason(_Strict):
    """Why."""

    reason: str = Field(max_length=_ANY_TEXT)


@router.get("")
def in_force(portal: Desk, _by: Caller) -> dict[str, Any]:
    """The policies in force, by priority."""
    found = portal.policies.in_force()
    return {"policies": [_policy(one.policy, one.digest) for one in found]}


@router.get("/schema")
def json_schema(_by: Caller) -> dict[str, Any]:
    """The JSON Schema of a policy."""
    return schema()


@router.get("/editions")
def editions(portal: Desk, _by: Caller, name: str = "") -> dict[str, Any]:
    """What was published, newest first, as it was written."""
    return {
        "editions": [
            {
                "name": one.policy.name,
                "version": one.policy.version,
                "digest": one.digest,
                "published_by": one.published_by or None,
                "published_at": iso(one.published_at),
                "ended_at": iso(one.ended_at) if one.ended_at else None,
                "policy": one.text,
            }
            for one in portal.policies.editions(name)
        ]
    }


@router.get("/replay")
def replay(portal: Desk, by: Caller) -> dict[str, Any]:
    """Every past decision the caller may see, asked again."""
    return _again(portal.replay.decisions(by=by))


@router.post("/replays", status_code=202)
def ask_again(portal: Desk, by: Caller) -> dict[str, Any]:
    """Have every past decision asked again by the worker: a trial, to be asked for by its id."""
    return _trial(portal.trials.get(portal.trials.request_replay(by=by), by=by))


@router.post("/trials", status_code=202)
def try_draft(draft: Draft, portal: Desk, by: Caller) -> dict[str, Any]:
    """Have a policy tried on past requests and on what is live. Changes nothing.

    It takes a while: ask for it by its id until `state` is Done, Failed or Cancelled.
    """
    return _trial(portal.trials.get(portal.trials.request(draft.policy, by=by), by=by))


@router.get("/trials/{trial_id}")
def trial(trial_id: str, portal: Desk, by: Caller) -> dict[str, Any]:
    """A trial: how much of it is done, and then what it found of the models one may read."""
    return _trial(portal.trials.get(trial_id, by=by))


@router.post("/trials/{trial_id}/cancellation")
def cancel_trial(trial_id: str, portal: Desk, by: Caller) -> dict[str, Any]:
    """Stop a trial that is under way."""
    portal.trials.cancel(trial_id, by=by)
    return _trial(portal.trials.get(trial_id, by=by))


@router.post("", status_code=201)
def publish(publication: Publication, portal: Desk, by: Caller) -> dict[str, Any]:
    """Put a policy into force."""
    made = portal.policies.publish(publication.policy, publication.reason, by=by)
    return _policy(made.policy, made.digest)


@router.post("/{name}/end")
def end(name: str, reason: Reason, portal: Desk, by: Caller) -> dict[str, Any]:
    """Take a policy out of force."""
    portal.policies.end(name, reason.reason, by=by)
    return {"name": name, "in_force": False}


def _policy(policy: Policy, digest: str) -> dict[str, Any]:
    return {"name": policy.name, "version": policy.version, "digest": digest, **policy.plain}


def _trial(one: Trial) -> dict[str, Any]:
    return {
        "id": one.id,
        "policy": one.policy_digest or None,
        "state": one.state,
        "percent": one.percent,
        "requested_at": iso(one.requested_at),
        "finished_at": iso(one.finished_at) if one.finished_at else None,
        "problem": f"{one.problem} {one.hint}".strip() or None,
        "found": _found(one.found, is_replay=one.is_replay) if one.found else None,
    }


def _found(found: Found, *, is_replay: bool) -> dict[str, Any]:
    if is_replay:
        return {**_again(found.again), "is_cut": found.is_cut}
    return {
        "requests": [
            {
                "request": one.number,
                "model": one.model,
                "version": one.version,
                "alias": one.alias,
                "state": one.state,
                "before": _verdict(one.before),
                "after": _verdict(one.after),
                "flipped": one.has_flipped,
            }
            for one in found.requests
        ],
        "live": [
            {
                "model": one.model,
                "version": one.version,
                "alias": one.alias,
                **_verdict(one.verdict),
                "today": _verdict(one.today) if one.today else None,
                "governed_today_by": one.governed_by or None,
            }
            for one in found.live
        ],
        "not_governed": found.not_governed,
        "live_not_governed": found.live_not_governed,
        "is_cut": found.is_cut,
    }


def _again(found: Sequence[Again]) -> dict[str, Any]:
    return {
        "decisions": [
            {
                "request": one.number,
                "decision": one.verb.value,
                "at": iso(one.at),
                "then": one.kept or None,
                "now": one.now.digest if one.now else None,
                "same": one.is_same,
                "problem": one.problem,
            }
            for one in found
        ],
        "differ": sum(not one.is_same for one in found),
    }


def _verdict(one: Said) -> dict[str, Any]:
    return {
        "answer": one.answer.value,
        "passes": one.passes,
        "in_the_way": list(one.standing_in_the_way),
    }
