"""What the law answers to whom, word for word: pure questions, asked without a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Final

import pytest

from auth.access import Verdict
from auth.actors import EVERYTHING, Actor, HeldRole, Kind
from auth.permissions import Role
from catalog.registry.tables import ModelRow
from catalog.releases.decisions.agreement import Seats, may_agree, panels_of, seat_for
from catalog.releases.decisions.conditions import (
    MOST,
    Condition,
    afterwards,
    checked_conditions,
    has_emergencies,
    to_pass_later,
)
from catalog.releases.findings.finding import Kind as FindingKind
from catalog.releases.findings.opening import LONGEST_TITLE
from catalog.releases.gates.asking import Answer, GateResult
from catalog.releases.policies.law import Emergency, Panel
from catalog.releases.policies.reading import PACKS, read_pack
from catalog.releases.requests.rights import (
    checked_alias,
    gates_verdict,
    insist_in_time,
    may_decide,
    may_resubmit,
    may_revoke,
    may_tell_apart,
    may_withdraw,
)
from catalog.releases.states import Route, State, Verb
from catalog.releases.tables import RequestRow
from ledger.errors import Conflict, Invalid, Refused

POLICY: Final = read_pack(PACKS / "baseline.yaml").policy
NOW: Final = datetime(2026, 11, 20, tzinfo=UTC)
TODAY: Final = NOW.date()
MODEL: Final = ModelRow(
    id="mdl_1",
    server="main",
    workspace="default",
    name="credit-pd",
    domain="Lending",
    created_at=NOW,
    updated_at=NOW,
    seen_at=NOW,
)
SOON: Final = Condition("Write down how it is watched.", date(2026, 12, 1))
LATER: Final = Condition("Measure it on the new quarter.", date(2026, 12, 9))
APPROVER, VALIDATOR = Role.APPROVER, Role.INDEPENDENT_VALIDATOR


def person(name: str, *roles: Role, kind: Kind = Kind.PERSON) -> Actor:
    held = tuple(HeldRole(role, EVERYTHING) for role in roles)
    return Actor(f"per_{name}", kind, name.capitalize(), roles=held)


ALICE, BOB = person("alice", Role.MODEL_OWNER), person("bob", APPROVER)
ROBOT: Final = person("robot", APPROVER, kind=Kind.APPLICATION)
WORKER: Final = person("worker", APPROVER, kind=Kind.SYSTEM)


def request(state: State = State.IN_REVIEW, route: Route = Route.RELEASE) -> RequestRow:
    return RequestRow(
        id="req_1",
        number="RR-2026-0001",
        model_id=MODEL.id,
        version_id="ver_2",
        version_number=2,
        alias="champion",
        reason="Better.",
        requested_by=ALICE.id,
        requested_at=NOW,
        state=state,
        changed_at=NOW,
        route=route,
    )


def gate(name: str, answer: Answer) -> GateResult:
    title, asks = name.upper(), f"{name}?"
    return GateResult(name, title, asks, answer, "", "", "", "", "", "", is_verified=False, at="")


def said(verdict: Verdict) -> tuple[bool, str, str]:
    return verdict.allowed, verdict.code, verdict.reason


def test_who_decides_is_told_why_or_why_not() -> None:
    assert said(may_decide(BOB, request(), MODEL, [])) == (
        True,
        "ok",
        "Bob holds the role approver on everything.",
    )
    asked = may_decide(person("alice", APPROVER), request(), MODEL, [])
    assert said(asked)[:2] == (False, "requester")
    assert asked.hint == "Somebody else of the role approver finds it in their inbox."
    built = may_decide(BOB, request(), MODEL, [BOB.id], [VALIDATOR, APPROVER])
    assert said(built)[:2] == (False, "author")
    assert "of the role independent validator or approver finds" in built.hint
    for by in (ROBOT, WORKER):
        refused = may_decide(by, request(), MODEL, [])
        assert said(refused) == (False, "not-a-person", "Only a person decides.")
    assert said(may_decide(BOB, request(State.APPROVED), MODEL, [])) == (
        False,
        "wrong-state",
        "This request is approved.",
    )
    assert may_decide(BOB, request(State.PENDING_REVIEW), MODEL, [])


def test_any_panel_lets_its_people_decide_and_the_first_says_why_nobody_else_does() -> None:
    assert may_decide(BOB, request(), MODEL, [], [VALIDATOR, APPROVER])
    refused = may_decide(person("dave"), request(), MODEL, [], [VALIDATOR, APPROVER])
    assert said(refused)[:2] == (False, "no-role")
    assert "roles independent validator. " in refused.hint


@pytest.mark.parametrize("state", State)
def test_only_who_asked_takes_back_or_sends_again_and_only_in_time(state: State) -> None:
    is_open = state in {State.PENDING_REVIEW, State.IN_REVIEW, State.CHANGES_REQUESTED}
    may_again = state is State.CHANGES_REQUESTED
    assert said(may_withdraw(ALICE, request(state)))[:2] == (
        is_open,
        "ok" if is_open else "wrong-state",
    )
    assert said(may_resubmit(ALICE, request(state)))[:2] == (
        may_again,
        "ok" if may_again else "wrong-state",
    )
    assert may_withdraw(BOB, request(state)).code == ("not-requester" if is_open else "wrong-state")
    assert may_resubmit(BOB, request(state)).code == (
        "not-requester" if may_again else "wrong-state"
    )


@pytest.mark.parametrize("state", State)
def test_an_approval_that_stands_is_taken_back_by_a_reviewer_or_by_the_portal(state: State) -> None:
    stands = state in {State.APPROVED, State.CONDITIONALLY_APPROVED}
    assert may_revoke(BOB, request(state), MODEL).code == ("ok" if stands else "wrong-state")
    assert may_revoke(ROBOT, request(state), MODEL).code == (
        "not-a-person" if stands else "wrong-state"
    )
    assert may_revoke(ALICE, request(state), MODEL).code == ("no-role" if stands else "wrong-state")


def test_who_comes_too_late_is_told_of_the_state_and_whoever_may_not_of_the_reason() -> None:
    late = request(State.REJECTED)
    with pytest.raises(Conflict) as too_late:
        insist_in_time(may_decide(BOB, late, MODEL, []), late, Verb.APPROVE)
    assert too_late.value.code == "wrong-state"
    with pytest.raises(Refused) as refused:
        insist_in_time(may_decide(ALICE, request(), MODEL, []), request(), Verb.APPROVE)
    assert refused.value.code == "requester"
    insist_in_time(may_decide(BOB, request(), MODEL, []), request(), Verb.APPROVE)


@pytest.mark.parametrize(
    ("unknown_author", "route", "known", "code"),
    [
        ("refuse", Route.RELEASE, ["per_alice"], "ok"),
        ("refuse", Route.RELEASE, [], "author-unknown"),
        ("accept", Route.RELEASE, [], "ok"),
        ("accept", Route.EMERGENCY, [], "author-unknown"),
        ("accept", Route.EMERGENCY, ["per_alice"], "ok"),
    ],
)
def test_where_nobody_is_known_to_have_built_it_only_the_policy_lets_it_be_approved(
    unknown_author: str, route: Route, known: Sequence[str], code: str
) -> None:
    policy = POLICY.model_copy(update={"unknown_author": unknown_author})
    assert may_tell_apart(policy, route, known).code == code


@pytest.mark.parametrize("alias", ["champion", "a", "a" * 64, "a-b_2", "vx", "v", "latest2"])
def test_what_mlflow_takes_is_an_alias(alias: str) -> None:
    assert checked_alias(f" {alias} ") == alias


def test_an_alias_that_is_refused_is_quoted_no_further_than_one_may_be_long() -> None:
    with pytest.raises(Invalid, match=f"^'{'a' * 64}' cannot be an alias") as told:
        checked_alias("a" * 65)
    assert told.value.code == "bad-alias"


def test_approve_opens_when_every_gate_passes_and_names_those_that_do_not() -> None:
    passed, failed = gate("owner", Answer.PASS), gate("auc", Answer.FAIL)
    missing, other = gate("card", Answer.MISSING), gate("scan", Answer.FAIL)
    assert said(gates_verdict((passed,))) == (True, "ok", "Every gate passes.")
    refused = gates_verdict((missing, failed, passed, other))
    assert said(refused) == (
        False,
        "gate-not-passed",
        "Approve opens when every gate passes: auc fails, scan fails and card is missing.",
    )
    assert gates_verdict((failed, passed)).reason.endswith("passes: auc fails.")
    assert gates_verdict(()).reason.endswith("passes: there is none.")
    assert gates_verdict((failed, passed), waiting=frozenset({"auc"}))
    assert not gates_verdict((failed,), waiting=frozenset({"auc"}))
    assert said(gates_verdict((failed,), Route.EMERGENCY))[:2] == (True, "ok")
    assert not gates_verdict((failed,), Route.ROLLBACK)


def test_in_an_emergency_one_person_of_the_first_panel_agrees() -> None:
    panels = [Panel(role="independent validator", needed=2), Panel(role="approver", needed=3)]
    policy = POLICY.model_copy(update={"approvals": panels})
    assert panels_of(policy, request()) == panels
    assert panels_of(policy, request(route=Route.EMERGENCY)) == [
        Panel(role="independent validator", needed=1)
    ]


def test_nobody_takes_two_seats_or_one_that_is_taken_or_one_of_another_role() -> None:
    validators, approvers = Seats(VALIDATOR, 1, ()), Seats(APPROVER, 2, ("per_ben",))
    assert [Seats(APPROVER, 2, ("a",) * n).open for n in range(4)] == [2, 1, 0, 0]
    both = person("bob", VALIDATOR, APPROVER)
    assert seat_for(both, [validators, approvers], MODEL) is validators
    assert seat_for(BOB, [validators, approvers], MODEL) is approvers
    assert seat_for(person("ben", VALIDATOR), [validators, approvers], MODEL) is None
    assert seat_for(BOB, [Seats(APPROVER, 1, ("per_ben",))], MODEL) is None
    assert said(may_agree(BOB, (validators, approvers), MODEL))[:2] == (True, "ok")
    again = may_agree(person("ben", VALIDATOR), (validators, approvers), MODEL)
    assert said(again)[:2] == (False, "agreed-already")
    assert may_agree(BOB, (validators,), MODEL).code == "no-seat"


def test_conditions_are_named_where_some_are_due_and_only_there() -> None:
    with_conditions = Verb.APPROVE_WITH_CONDITIONS
    assert checked_conditions(with_conditions, [SOON], TODAY) == (SOON,)
    assert checked_conditions(Verb.APPROVE, [], TODAY) == ()
    assert len(checked_conditions(with_conditions, [SOON] * MOST, TODAY)) == MOST == 10
    for verb, conditions, code in (
        (with_conditions, [], "no-condition"),
        (Verb.APPROVE, [SOON], "bad-condition"),
        (Verb.REJECT, [SOON], "bad-condition"),
        (with_conditions, [SOON] * (MOST + 1), "too-many-conditions"),
    ):
        with pytest.raises(Invalid) as told:
            checked_conditions(verb, conditions, TODAY)
        assert told.value.code == code


def test_an_emergency_has_a_route_where_the_policy_says_so_and_is_reviewed_in_its_days() -> None:
    policy = POLICY.model_copy(update={"emergency": Emergency(review_within_days=3)})
    without = POLICY.model_copy(update={"emergency": None})
    assert said(has_emergencies(policy))[:2] == (True, "ok")
    assert said(has_emergencies(without))[:2] == (False, "no-emergency")
    (review,) = afterwards(policy, request(route=Route.EMERGENCY), TODAY)
    assert (review.due_on, review.kind) == (date(2026, 11, 23), FindingKind.EMERGENCY)
    assert afterwards(policy, request(), TODAY) == []
    assert afterwards(without, request(route=Route.EMERGENCY), TODAY) == []


def test_a_gate_that_may_wait_and_does_not_pass_is_due_with_the_first_condition() -> None:
    gates = [one.model_copy(update={"may_wait": one.id != "author"}) for one in POLICY.gates]
    policy = POLICY.model_copy(update={"gates": gates})
    results = (
        gate("owner", Answer.MISSING),
        gate("description", Answer.FAIL),
        gate("performance", Answer.PASS),
        gate("author", Answer.MISSING),
    )
    assert to_pass_later(policy, results, []) == []
    assert to_pass_later(policy, results, [LATER, SOON]) == [
        Condition("OWNER: owner?", SOON.due_on),
        Condition("DESCRIPTION: description?", SOON.due_on),
    ]
    long = gate("owner", Answer.FAIL)
    (due,) = to_pass_later(policy, (replace(long, asks="x" * 400),), [SOON])
    assert len(due.asks) == LONGEST_TITLE
