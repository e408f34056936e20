"""The states of a release request and of a promotion, and every way from one to another."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from ledger.errors import Conflict


class State(StrEnum):
    """Where a release request stands."""

    PENDING_REVIEW = "Pending review"
    IN_REVIEW = "In review"
    CHANGES_REQUESTED = "Changes requested"
    APPROVED = "Approved"
    CONDITIONALLY_APPROVED = "Conditionally approved"
    REJECTED = "Rejected"
    WITHDRAWN = "Withdrawn"
    REVOKED = "Revoked"
    EXPIRED = "Expired"


class Verb(StrEnum):
    """What can be done to a release request; the words of the trail and of the buttons."""

    COLLECT = "collect"
    APPROVE = "approve"
    APPROVE_WITH_CONDITIONS = "approve-with-conditions"
    REJECT = "reject"
    REQUEST_CHANGES = "request-changes"
    RESUBMIT = "resubmit"
    WITHDRAW = "withdraw"
    SEND_BACK = "send-back"
    EXPIRE = "expire"
    FULFIL = "fulfil"
    REVOKE = "revoke"


TRANSITIONS: Final[dict[tuple[State, Verb], State]] = {
    # Pending review: the worker is still reading the version's files.
    (State.PENDING_REVIEW, Verb.COLLECT): State.IN_REVIEW,
    (State.PENDING_REVIEW, Verb.REJECT): State.REJECTED,
    (State.PENDING_REVIEW, Verb.REQUEST_CHANGES): State.CHANGES_REQUESTED,
    (State.PENDING_REVIEW, Verb.WITHDRAW): State.WITHDRAWN,
    (State.PENDING_REVIEW, Verb.EXPIRE): State.EXPIRED,
    # In review: bound to policy, evidence and files; a person decides.
    (State.IN_REVIEW, Verb.APPROVE): State.APPROVED,
    (State.IN_REVIEW, Verb.APPROVE_WITH_CONDITIONS): State.CONDITIONALLY_APPROVED,
    (State.IN_REVIEW, Verb.REJECT): State.REJECTED,
    (State.IN_REVIEW, Verb.REQUEST_CHANGES): State.CHANGES_REQUESTED,
    (State.IN_REVIEW, Verb.WITHDRAW): State.WITHDRAWN,
    (State.IN_REVIEW, Verb.SEND_BACK): State.PENDING_REVIEW,
    (State.IN_REVIEW, Verb.EXPIRE): State.EXPIRED,
    # Changes requested: the requester's turn.
    (State.CHANGES_REQUESTED, Verb.RESUBMIT): State.PENDING_REVIEW,
    (State.CHANGES_REQUESTED, Verb.WITHDRAW): State.WITHDRAWN,
    (State.CHANGES_REQUESTED, Verb.EXPIRE): State.EXPIRED,
    # Conditionally approved: it may go live, and lapses when a condition is not met in time.
    (State.CONDITIONALLY_APPROVED, Verb.FULFIL): State.APPROVED,
    (State.CONDITIONALLY_APPROVED, Verb.REVOKE): State.REVOKED,
    # Approved: it stands until somebody takes it back.
    (State.APPROVED, Verb.REVOKE): State.REVOKED,
}

OPEN: Final = frozenset({State.PENDING_REVIEW, State.IN_REVIEW, State.CHANGES_REQUESTED})
# An approval that stands: what it asked for may be live.
STANDING: Final = frozenset({State.APPROVED, State.CONDITIONALLY_APPROVED})
# Nothing of it may go live, now or later.
ENDED: Final = frozenset({State.REJECTED, State.WITHDRAWN, State.REVOKED, State.EXPIRED})
# How an open request comes to be read once more; nobody decides by it.
ROUNDS: Final = frozenset({Verb.SEND_BACK, Verb.RESUBMIT})
# The two ways to agree.
AGREEING: Final = frozenset({Verb.APPROVE, Verb.APPROVE_WITH_CONDITIONS})


class Route(StrEnum):
    """How it is asked for: as usual, in an emergency, back to what was live before, or away."""

    RELEASE = "release"
    EMERGENCY = "emergency"
    ROLLBACK = "rollback"
    RETIREMENT = "retirement"


# By these a version is approved; who goes back, or takes an alias away, approves no version.
APPROVING: Final = frozenset({Route.RELEASE, Route.EMERGENCY})


def target(route: str, version_number: int) -> int | None:
    """Where an approval leaves its alias: at its version, or at none where that is retired."""
    return None if route == Route.RETIREMENT else version_number


class PromotionState(StrEnum):
    """Where an approval on its way into MLflow stands."""

    QUEUED = "Queued"
    APPLIED = "Applied"
    FAILED = "Failed"


def stands(state: State) -> str:
    """Where a request stands, as the beginning of a sentence."""
    if state is State.CHANGES_REQUESTED:
        return "Changes were asked for in this request"
    return f"This request is {state.lower()}"


def after(state: State, verb: Verb) -> State:
    """The state a verb leads to. Raises Conflict when the table has no such way."""
    following = TRANSITIONS.get((state, verb))
    if following is None:
        raise Conflict(
            f"{stands(state)}, so it is too late or too early for that.",
            hint="Reload the page to see who did what in the meantime.",
            code="wrong-state",
        )
    return following
