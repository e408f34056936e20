"""Conditions: what an approval asks for afterwards, and by when, or it lapses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from auth.access import Verdict
from auth.actors import Actor
from catalog.releases.findings.finding import Kind, Severity
from catalog.releases.findings.opening import (
    LONGEST_TITLE,
    Problem,
    checked_day,
    checked_title,
    open_finding,
)
from catalog.releases.gates.answers import Answer, GateResult
from catalog.releases.policies.law import Policy
from catalog.releases.states import Route, Verb
from catalog.releases.tables import RequestRow
from ledger.acts import Act
from ledger.errors import Invalid

MOST: Final = 10


@dataclass(frozen=True)
class Condition:
    """What has to be done, and the last day (UTC) on which it counts."""

    asks: str
    due_on: date
    kind: Kind = Kind.CONDITION


def checked_conditions(
    verb: Verb, conditions: Sequence[Condition], today: date
) -> tuple[Condition, ...]:
    """The conditions of a decision. Raises Invalid."""
    if verb is Verb.APPROVE_WITH_CONDITIONS and not conditions:
        raise Invalid(
            "An approval with conditions names at least one.",
            hint="Say what has to be done and by when, or approve without conditions.",
            code="no-condition",
        )
    if verb is not Verb.APPROVE_WITH_CONDITIONS and conditions:
        raise Invalid(
            "Only an approval with conditions has conditions.",
            hint="Decide approve-with-conditions, or leave them out.",
            code="bad-condition",
        )
    if len(conditions) > MOST:
        raise Invalid(
            f"{len(conditions)} conditions; {MOST} are enough.",
            hint="Request changes instead: so much has to be done first.",
            code="too-many-conditions",
        )
    return tuple(
        Condition(checked_title(one.asks), checked_day(one.due_on, today)) for one in conditions
    )


def has_emergencies(policy: Policy) -> Verdict:
    """Whether a policy has a route for emergencies."""
    if policy.emergency is None:
        return Verdict(
            False,
            f"The policy {policy.name} has no route for emergencies.",
            "no-emergency",
            "Ask for the release as usual, or roll back to a version that was approved before.",
        )
    return Verdict(True, "One person decides alone; it is reviewed afterwards.")


def afterwards(policy: Policy, row: RequestRow, today: date) -> list[Condition]:
    """What the way of asking itself makes due: the review of an emergency."""
    if row.route != Route.EMERGENCY or policy.emergency is None:
        return []
    days = policy.emergency.review_within_days
    return [
        Condition(
            "Review the emergency release: was it needed, and does the version hold up?",
            today + timedelta(days=days),
            Kind.EMERGENCY,
        )
    ]


def to_pass_later(
    policy: Policy, results: tuple[GateResult, ...], conditions: Sequence[Condition]
) -> list[Condition]:
    """The gates that may wait and do not pass yet: each is due with the first of the conditions."""
    if not conditions:
        return []
    due_on = min(one.due_on for one in conditions)
    return [
        Condition(f"{one.title}: {one.asks}"[:LONGEST_TITLE], due_on)
        for one in results
        if one.id in policy.waiting and one.answer is not Answer.PASS
    ]


def open_condition(
    act: Act, row: RequestRow, condition: Condition, *, reviewer: str = "", by: Actor
) -> None:
    """Open the finding that a condition is; whoever asked for the release owns it.

    The review of an emergency is owned by who had no part in it; by nobody, while nobody can.
    """
    is_emergency = condition.kind is Kind.EMERGENCY
    open_finding(
        act,
        Problem(
            condition.kind,
            Severity.CRITICAL if is_emergency else Severity.HIGH,
            condition.asks,
            "",
            condition.due_on,
            reviewer if is_emergency else row.requested_by,
            row.model_id,
            row.version_id,
            row.version_number,
            row.alias,
            row.id,
            cause=f"emergency:{row.id}:{row.revision}" if is_emergency else "",
        ),
        by=by,
    )
    act.texts[f"condition-{len(act.texts)}"] = condition.asks
