"""Approvals that stand on conditions, emergencies, and approvals that are taken back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from app.worker import RELEASES
from auth.actors import EVERYTHING, Actor
from auth.permissions import Role
from catalog.releases.decisions.conditions import Condition
from catalog.releases.findings.finding import (
    TRANSITIONS,
    Finding,
    FindingState,
    FindingVerb,
    Kind,
    Severity,
    after,
)
from catalog.releases.findings.findings import Wanted
from catalog.releases.policies.reading import pack_text
from catalog.releases.requests.request import ReleaseRequest
from catalog.releases.states import PromotionState, State, Verb
from ledger.errors import Conflict, CountersignError, Invalid, NotFound, Refused
from tests.cast import WHY, House
from tests.catalog.releases.test_rechecks import findings, later, scanned

BASELINE = pack_text("baseline").replace("\nversion: 1\n", "\nversion: 2\n")
SCANNED = """
  - {id: scan, kind: scan_clean, title: Scan, asks: Nothing found, within_days: 20}
rechecks:
  - {gates: [scan], every_days: 10}
"""
DUE = date(2026, 11, 27)
WATCH = Condition("Write down how it is watched.", DUE)


def conditionally(house: House, *asked: Condition) -> ReleaseRequest:
    """Alice asks, and Bob approves with conditions."""
    request = house.asked()
    return house.portal.decisions.decide(
        request.id,
        Verb.APPROVE_WITH_CONDITIONS,
        WHY,
        conditions=asked or (WATCH,),
        by=house.bob,
    )


def finding(house: House, *, number: str = "F-2026-0001") -> Finding:
    return house.portal.findings.get(number, by=house.bob)


def refusal(verb: Callable[[], object]) -> str:
    with pytest.raises(CountersignError) as told:
        verb()
    return told.value.code


def state(house: House, request: ReleaseRequest) -> State:
    return house.portal.requests.get(request.id, by=house.bob).state


# -- conditions ------------------------------------------------------------------------------------


def test_a_conditional_approval_goes_live_and_leaves_a_finding_for_each_condition(
    house: House,
) -> None:
    house.credit()
    approved = conditionally(house, WATCH, Condition("Describe the data.", DUE))
    assert approved.state is State.CONDITIONALLY_APPROVED
    (done,) = house.deliver()
    assert done.state is PromotionState.APPLIED
    sheet = house.portal.requests.sheet(approved.id, by=house.bob)
    assert [(one.title, one.due_on, one.owner_id) for one in sheet.findings] == [
        (WATCH.asks, DUE, house.alice.id),
        ("Describe the data.", DUE, house.alice.id),
    ]
    (record,) = house.records("release:approve-with-conditions")
    assert WATCH.asks in record.texts.values()


def test_the_last_condition_that_is_met_makes_it_a_plain_approval(house: House) -> None:
    house.credit()
    approved = conditionally(house, WATCH, Condition("Describe the data.", DUE))
    house.deliver()
    for number, expected in (
        ("F-2026-0001", State.CONDITIONALLY_APPROVED),
        ("F-2026-0002", State.APPROVED),
    ):
        house.portal.findings.remedy(number, "It is in the card.", by=house.alice)
        house.portal.findings.close(number, "I read it.", by=house.bob)
        house.work()
        assert state(house, approved) is expected
    house.clock.advance(timedelta(days=30))
    assert house.portal.approvals.revoke_overdue(by=RELEASES) == []


def test_a_re_check_that_fails_is_no_condition_of_the_approval(house: House) -> None:
    house.credit()
    house.portal.policies.publish(BASELINE.rstrip() + SCANNED, WHY, by=house.grace)
    scanned(house)
    approved = conditionally(house, Condition(WATCH.asks, DUE + timedelta(days=90)))
    house.deliver()
    later(house, days=21)  # the scan is too old now
    (failed,) = findings(house)
    desk = house.portal.findings
    desk.remedy("F-2026-0001", "It is in the card.", by=house.alice)
    desk.close("F-2026-0001", "I read it.", by=house.bob)
    house.work()
    assert state(house, approved) is State.APPROVED
    assert desk.get(failed.id, by=house.bob).stands


def test_a_condition_that_stands_after_its_day_revokes_the_approval_by_itself(
    house: House,
) -> None:
    house.credit()
    approved = conditionally(house)
    house.deliver()
    house.clock.advance(timedelta(days=7))
    assert house.clock.now().date() == DUE
    assert house.portal.approvals.revoke_overdue(by=RELEASES) == []
    house.clock.advance(timedelta(days=1))
    assert house.portal.approvals.revoke_overdue(by=RELEASES) == [approved.id]
    revoked = house.portal.requests.get(approved.id, by=house.bob)
    assert revoked.state is State.REVOKED
    assert "F-2026-0001 was due on 2026-11-27" in revoked.decisions[-1].reason
    (record,) = house.records("release:revoke")
    assert (record.actor, record.reason) == (RELEASES.id, "condition-overdue")
    assert house.portal.approvals.revoke_overdue(by=RELEASES) == []
    live = finding(house, number="F-2026-0002")
    assert (live.kind, live.severity, live.version_number) == (
        Kind.UNAPPROVED,
        Severity.CRITICAL,
        2,
    )
    assert finding(house).state is FindingState.DROPPED


def test_said_to_be_put_right_is_not_put_right_in_time(house: House) -> None:
    house.credit()
    approved = conditionally(house)
    house.portal.findings.remedy("F-2026-0001", "It is in the card.", by=house.alice)
    house.clock.advance(timedelta(days=8))
    assert house.portal.approvals.revoke_overdue(by=RELEASES) == [approved.id]


def test_a_reviewer_gives_a_condition_another_day_and_its_owner_does_not(house: House) -> None:
    house.credit()
    approved = conditionally(house)
    later = DUE + timedelta(days=30)
    desk = house.portal.findings

    def move(by: Actor) -> Finding:
        owner = house.alice.id
        return desk.assign("F-2026-0001", WHY, owner_id=owner, due_on=later, by=by)

    assert refusal(lambda: move(house.alice)) == "own-finding"
    assert move(house.bob).due_on == later
    house.clock.advance(timedelta(days=8))
    assert house.portal.approvals.revoke_overdue(by=RELEASES) == []
    assert state(house, approved) is State.CONDITIONALLY_APPROVED
    (record,) = house.records("finding:assign", outcome="done")
    assert (record.facts["due-before"], record.facts["due"]) == ("2026-11-27", "2026-12-27")


@pytest.mark.parametrize(
    ("verb", "conditions", "code"),
    [
        (Verb.APPROVE_WITH_CONDITIONS, (), "no-condition"),
        (Verb.APPROVE, (WATCH,), "bad-condition"),
        (Verb.REJECT, (WATCH,), "bad-condition"),
        (Verb.APPROVE_WITH_CONDITIONS, (Condition(" ", DUE),), "no-condition"),
        (Verb.APPROVE_WITH_CONDITIONS, (Condition("x", date(2026, 11, 19)),), "bad-day"),
        (Verb.APPROVE_WITH_CONDITIONS, (Condition("x", date(2036, 1, 1)),), "bad-day"),
        (Verb.APPROVE_WITH_CONDITIONS, (WATCH,) * 11, "too-many-conditions"),
    ],
)
def test_conditions_that_cannot_be_kept_are_refused_and_nothing_is_decided(
    small_house: House, verb: Verb, conditions: tuple[Condition, ...], code: str
) -> None:
    small_house.credit()
    request = small_house.asked()
    decide = small_house.portal.decisions.decide
    with pytest.raises(Invalid) as told:
        decide(request.id, verb, WHY, conditions=conditions, by=small_house.bob)
    assert (told.value.code, bool(told.value.hint)) == (code, True)
    assert state(small_house, request) is State.IN_REVIEW
    assert small_house.portal.findings.page(Wanted(), by=small_house.bob).total == 0


def test_what_one_of_several_asked_for_binds_the_agreement_of_all(house: House) -> None:
    house.credit()
    text = BASELINE.replace("needed: 1", "needed: 2")
    house.portal.policies.publish(text, WHY, by=house.grace)
    ines = house.join("ines", Role.APPROVER, EVERYTHING)
    request = conditionally(house)
    assert request.state is State.IN_REVIEW
    last = house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=ines)
    assert last.state is State.CONDITIONALLY_APPROVED


@pytest.mark.parametrize("end", ["rejected", "withdrawn", "sent back"])
def test_the_conditions_of_what_came_to_nothing_are_dropped(house: House, end: str) -> None:
    house.credit()
    text = BASELINE.replace("needed: 1", "needed: 2")
    house.portal.policies.publish(text, WHY, by=house.grace)
    ines = house.join("ines", Role.APPROVER, EVERYTHING)
    request = conditionally(house)
    desk = house.portal.requests
    if end == "rejected":
        house.portal.decisions.decide(request.id, Verb.REJECT, WHY, by=ines)
    elif end == "withdrawn":
        desk.withdraw(request.id, WHY, by=house.alice)
    else:
        house.mlflow.describe_version("credit-pd", 2, "Something else altogether.")
        house.mirror()
        assert refusal(
            lambda: house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=ines)
        ) == ("changed-since-review")
    assert finding(house).state is FindingState.DROPPED


def test_its_own_conditions_do_not_make_the_evidence_of_a_request_another_one(
    house: House,
) -> None:
    house.credit()
    conditionally(house)
    (done,) = house.deliver()
    assert (done.state, done.message) == (PromotionState.APPLIED, "")


def test_a_finding_waits_for_its_owner_and_then_for_those_who_may_close_it(house: House) -> None:
    house.credit()
    conditionally(house)
    desk = house.portal.findings

    def waits() -> dict[str, int]:
        return {
            name: len(desk.waiting(by=house.who(name)).findings)
            for name in ("alice", "bob", "carol", "dave", "erik", "grace")
        }

    nobody = dict.fromkeys(("alice", "bob", "carol", "dave", "erik", "grace"), 0)
    assert waits() == nobody | {"alice": 1}
    desk.remedy("F-2026-0001", "Done.", by=house.alice)
    assert waits() == nobody | {"bob": 1}
    desk.close("F-2026-0001", "I looked.", by=house.bob)
    assert waits() == nobody


def test_a_gate_that_may_wait_becomes_a_condition_of_an_approval_with_conditions(
    house: House,
) -> None:
    house.credit()
    asks = "The version says in words what is new"
    text = BASELINE.replace(f"asks: {asks}", f"asks: {asks}\n    may_wait: true")
    house.portal.policies.publish(text, WHY, by=house.grace)
    house.mlflow.describe_version("credit-pd", 2, "")
    house.mirror()
    request = house.asked()
    sheet = house.portal.requests.sheet(request.id, by=house.bob)
    assert (bool(sheet.may_approve), bool(sheet.may_condition)) == (False, True)
    decide = house.portal.decisions.decide
    assert refusal(lambda: decide(request.id, Verb.APPROVE, WHY, by=house.bob)) == (
        "gate-not-passed"
    )
    approved = decide(
        request.id, Verb.APPROVE_WITH_CONDITIONS, WHY, conditions=[WATCH], by=house.bob
    )
    assert approved.state is State.CONDITIONALLY_APPROVED
    found = house.portal.requests.sheet(request.id, by=house.bob).findings
    assert [(one.title, one.due_on) for one in found] == [
        (WATCH.asks, DUE),
        (f"Description: {asks}", DUE),
    ]
    (done,) = house.deliver()
    assert done.state is PromotionState.APPLIED


def test_conditions_do_not_open_a_gate_that_may_not_wait(small_house: House) -> None:
    small_house.credit()
    small_house.mlflow.describe_version("credit-pd", 2, "")
    small_house.mirror()
    assert refusal(lambda: conditionally(small_house)) == "gate-not-passed"


# -- who may --------------------------------------------------------------------------------------

CLOSERS: dict[str, tuple[Callable[[House], Actor], str]] = {
    "whoever approved with the condition": (lambda house: house.bob, "ok"),
    "an independent validator": (
        lambda house: house.join("vera", Role.INDEPENDENT_VALIDATOR, EVERYTHING),
        "ok",
    ),
    "its owner, who asked for the release": (lambda house: house.alice, "no-role"),
    "a business owner": (lambda house: house.carol, "no-role"),
    "an auditor": (lambda house: house.erik, "no-role"),
    "an administrator": (lambda house: house.grace, "no-role"),
    "an application": (lambda house: house.robot, "not-found"),
    "a stranger": (lambda house: house.dave, "not-found"),
}


@pytest.mark.parametrize("who", CLOSERS)
def test_a_finding_is_closed_only_by_a_reviewer_who_had_no_part_in_it(
    small_house: House, who: str
) -> None:
    small_house.credit()
    conditionally(small_house)
    small_house.portal.findings.remedy("F-2026-0001", "Done.", by=small_house.alice)
    find, code = CLOSERS[who]
    by = find(small_house)
    desk = small_house.portal.findings
    if code == "ok":
        assert desk.may("F-2026-0001", by=by).close
        assert desk.close("F-2026-0001", "I looked.", by=by).state is FindingState.CLOSED
        return
    assert refusal(lambda: desk.close("F-2026-0001", "I looked.", by=by)) == code
    assert finding(small_house).state is FindingState.REMEDIED


@pytest.mark.parametrize("part", ["own-remedy", "author", "requester"])
def test_a_reviewer_who_had_a_part_in_it_leaves_it_to_another(
    small_house: House, part: str
) -> None:
    small_house.credit()
    house, desk = small_house, small_house.portal.findings
    house.portal.grants.give(house.bob.id, Role.MODEL_OWNER, EVERYTHING, by=house.grace)
    house.portal.grants.give(house.alice.id, Role.APPROVER, EVERYTHING, by=house.grace)
    conditionally(house)
    by = house.bob
    if part == "own-remedy":
        desk.remedy("F-2026-0001", "Done.", by=by)
    else:
        desk.assign("F-2026-0001", WHY, owner_id=house.grace.id, due_on=DUE, by=by)
        desk.remedy("F-2026-0001", "Done.", by=house.grace)
    if part == "author":
        house.portal.authorship.claim(house.version(2).id, by=by)
    if part == "requester":
        by = house.alice
        # She built it too; that she asked is told where nobody is known to have built it.
        desk_code = refusal(lambda: desk.close("F-2026-0001", "I looked.", by=by))
        assert desk_code in {"author", "requester"}
        return
    assert refusal(lambda: desk.close("F-2026-0001", "I looked.", by=by)) == part


@pytest.mark.parametrize("state", FindingState)
@pytest.mark.parametrize("verb", FindingVerb)
def test_a_finding_goes_only_where_the_table_leads(state: FindingState, verb: FindingVerb) -> None:
    if (state, verb) in TRANSITIONS:
        assert after(state, verb) is TRANSITIONS[state, verb]
        return
    with pytest.raises(Conflict):
        after(state, verb)


def test_what_is_not_put_right_after_all_is_opened_again(small_house: House) -> None:
    small_house.credit()
    conditionally(small_house)
    desk = small_house.portal.findings
    assert refusal(lambda: desk.close("F-2026-0001", WHY, by=small_house.bob)) == "wrong-state"
    desk.remedy("F-2026-0001", "Done.", by=small_house.alice)
    assert desk.reopen("F-2026-0001", "It is not.", by=small_house.bob).stands
    assert refusal(lambda: desk.reopen("F-2026-0001", WHY, by=small_house.bob)) == "wrong-state"
    acts = [record.act for record in small_house.records() if record.act.startswith("finding:")]
    assert acts == ["finding:close", "finding:remedy", "finding:reopen", "finding:reopen"]


def test_findings_are_listed_by_their_day_to_those_who_may_read_the_model(house: House) -> None:
    house.credit()
    version, desk = house.version(2), house.portal.findings
    for title, days in (("Later", 9), ("Sooner", 2)):
        desk.open(
            version.id,
            title,
            "Seen in a review.",
            severity=Severity.LOW,
            owner_id=house.alice.id,
            due_on=house.clock.now().date() + timedelta(days=days),
            by=house.bob,
        )
    found = desk.page(Wanted(owner_id=house.alice.id), by=house.bob)
    assert [one.title for one in found.findings] == ["Sooner", "Later"]
    assert (found.total, found.overdue) == (2, 0)
    house.clock.advance(timedelta(days=5))
    assert desk.page(Wanted(), by=house.bob, limit=1).overdue == 1
    assert desk.page(Wanted(kinds=frozenset({Kind.CONDITION})), by=house.bob).total == 0
    assert desk.page(Wanted(), by=house.dave).total == 0
    with pytest.raises(NotFound):
        desk.get("F-2026-0001", by=house.dave)


@pytest.mark.parametrize("severity", Severity)
def test_a_gate_stops_what_has_a_finding_as_bad_as_the_policy_says(
    small_house: House, severity: Severity
) -> None:
    small_house.credit()
    gate = (
        "\n  - id: findings\n    kind: findings_closed\n    title: Findings\n"
        "    asks: Nothing bad is open\n    at_least: medium\n"
    )
    text = BASELINE.rstrip() + gate
    small_house.portal.policies.publish(text, WHY, by=small_house.grace)
    small_house.portal.findings.open(
        small_house.version(2).id,
        "It forgets half of the rows.",
        "Seen in a review.",
        severity=severity,
        owner_id=small_house.alice.id,
        due_on=DUE,
        by=small_house.bob,
    )
    gates = small_house.portal.requests.preview(
        small_house.version(2).id, "champion", by=small_house.alice
    ).gates
    answer = next(one for one in gates if one.id == "findings")
    assert (answer.answer == "fail") == (severity is not Severity.LOW)
    assert ("F-2026-0001" in answer.reason) == (severity is not Severity.LOW)


# -- taking back -----------------------------------------------------------------------------------


def test_a_revoked_approval_is_not_carried_out(house: House) -> None:
    house.credit()
    request = house.approved()
    revoked = house.portal.approvals.revoke(request.id, "A mistake.", by=house.bob)
    assert revoked.state is State.REVOKED
    assert revoked.promotion is not None
    assert (revoked.promotion.state, revoked.promotion.code) == (PromotionState.FAILED, "revoked")
    assert house.deliver() == []
    assert house.mlflow.model("credit-pd").aliases["champion"] == 1
    assert house.portal.findings.page(Wanted(), by=house.bob).total == 0


def test_what_a_worker_holds_already_is_stopped_by_the_worker(house: House) -> None:
    house.credit()
    request = house.approved()
    desk = house.portal.approvals

    def revoke(point: str) -> None:
        if point == "claimed":
            desk.revoke(request.id, "A mistake.", by=house.bob)

    done = house.portal.promotions.carry_out_next("worker-1", by=RELEASES, at_point=revoke)
    assert done is not None
    assert (done.state, done.code) == (PromotionState.FAILED, "revoked")
    assert house.mlflow.model("credit-pd").aliases["champion"] == 1


REVOKERS: dict[str, tuple[Callable[[House], Actor], str]] = {
    "an approver": (lambda house: house.bob, "ok"),
    "an administrator": (lambda house: house.grace, "ok"),
    "whoever asked": (lambda house: house.alice, "no-role"),
    "a business owner": (lambda house: house.carol, "no-role"),
    "an auditor": (lambda house: house.erik, "no-role"),
    "an application": (lambda house: house.robot, "not-found"),
    "a stranger": (lambda house: house.dave, "not-found"),
}


@pytest.mark.parametrize("who", REVOKERS)
def test_an_approval_is_revoked_only_by_who_reviews_or_governs(
    small_house: House, who: str
) -> None:
    small_house.credit()
    request = small_house.approved()
    find, code = REVOKERS[who]
    by = find(small_house)
    desk = small_house.portal.approvals
    if code == "ok":
        assert desk.revoke(request.id, WHY, by=by).state is State.REVOKED
        assert refusal(lambda: desk.revoke(request.id, WHY, by=by)) == "wrong-state"
        return
    assert refusal(lambda: desk.revoke(request.id, WHY, by=by)) == code
    assert state(small_house, request) is State.APPROVED


# -- emergencies -----------------------------------------------------------------------------------


def emergency(house: House) -> ReleaseRequest:
    """Alice asks for a version that is worse than the champion, in an emergency."""
    house.credit(aucs=(0.82, 0.70))
    version = house.version(2)
    asked = house.portal.requests.request(
        version.id, "champion", "The live version leaks names.", is_emergency=True, by=house.alice
    )
    house.work()
    return house.portal.requests.get(asked.id, by=house.bob)


def test_in_an_emergency_one_other_person_is_enough_and_gates_do_not_hold_it_up(
    house: House,
) -> None:
    request = emergency(house)
    assert refusal(
        lambda: house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.alice)
    ) in {"requester", "author"}
    approved = house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.bob)
    assert approved.state is State.CONDITIONALLY_APPROVED
    (done,) = house.deliver()
    assert done.state is PromotionState.APPLIED
    assert finding(house).kind is Kind.EMERGENCY
    assert house.records("release:request")[0].facts["route"] == "emergency"


def test_an_emergency_is_reviewed_by_somebody_else_or_lapses(house: House) -> None:
    request = emergency(house)
    house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.bob)
    house.deliver()
    desk = house.portal.findings
    assert refusal(lambda: desk.close("F-2026-0001", WHY, by=house.bob)) == "approver"
    vera = house.join("vera", Role.INDEPENDENT_VALIDATOR, EVERYTHING)
    assert desk.may("F-2026-0001", by=vera).close
    house.clock.advance(timedelta(days=4))
    assert house.portal.approvals.revoke_overdue(by=RELEASES) == [request.id]


def test_the_review_of_an_emergency_is_given_to_somebody_who_had_no_part_in_it(
    house: House,
) -> None:
    vera = house.join("vera", Role.INDEPENDENT_VALIDATOR, EVERYTHING)
    request, desk = emergency(house), house.portal.findings
    house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.bob)
    assert finding(house).owner_id == vera.id
    assert [one.id for one in desk.owners("F-2026-0001", by=house.bob)] == [vera.id]
    assert desk.may("F-2026-0001", by=vera).remedy.code == "no-role"
    assert [one.number for one in desk.waiting(by=vera).findings] == ["F-2026-0001"]
    assert desk.waiting(by=house.alice).findings == ()
    # What whoever asked has to say of it helps, and closes nothing.
    desk.remedy("F-2026-0001", "It was needed: here is the incident.", by=house.alice)
    assert finding(house).stands
    assert desk.close("F-2026-0001", "I read it.", by=vera).state is FindingState.CLOSED
    house.work()
    assert state(house, request) is State.APPROVED


def test_an_emergency_that_nobody_can_review_waits_for_whoever_gives_roles(house: House) -> None:
    request, desk = emergency(house), house.portal.findings
    house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.bob)
    assert finding(house).owner_id == ""
    assert [one.number for one in desk.waiting(by=house.grace).findings] == ["F-2026-0001"]
    for who in (house.alice, house.bob, house.grace):
        assert (
            refusal(
                lambda who=who: desk.assign(  # type: ignore[misc]
                    "F-2026-0001",
                    WHY,
                    owner_id=who.id,
                    due_on=finding(house).due_on,
                    by=house.grace,
                )
            )
            == "not-a-reviewer"
        )
    vera = house.join("vera", Role.INDEPENDENT_VALIDATOR, EVERYTHING)
    # Nothing has to be said first: the review is the answer.
    assert desk.close("F-2026-0001", "It was needed.", by=vera).state is FindingState.CLOSED


def test_a_policy_without_a_path_for_emergencies_refuses_them(small_house: House) -> None:
    small_house.credit()
    text = BASELINE
    start = text.index("emergency:")
    end = text.index("gates:")
    plain = text[:start] + text[end:]
    small_house.portal.policies.publish(plain, WHY, by=small_house.grace)
    with pytest.raises(Refused) as told:
        small_house.portal.requests.request(
            small_house.version(2).id, "champion", WHY, is_emergency=True, by=small_house.alice
        )
    assert told.value.code == "no-emergency"
    assert "roll back" in told.value.hint
