"""Ways in which one person might get something live, or keep it there, and what stops each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from app.ci.answers import understood
from app.ci.table import table
from app.worker import RELEASES
from auth.actors import EVERYTHING, Actor
from auth.permissions import Role
from catalog.releases.decisions.conditions import Condition
from catalog.releases.findings.finding import Kind, Severity
from catalog.releases.findings.findings import Wanted
from catalog.releases.gates.asking import all_pass
from catalog.releases.policies.reading import NotAPolicy, pack_text, read
from catalog.releases.requests.request import ReleaseRequest
from catalog.releases.states import PromotionState, State, Verb
from ledger.errors import CountersignError, Refused
from tests.api.test_release_story import client
from tests.cast import WHY, House
from tests.fakes import auc

BASELINE = pack_text("baseline").replace("\nversion: 1\n", "\nversion: 2\n")
TWO = BASELINE.replace("needed: 1", "needed: 2")
WINDOW = "windows:\n  - {days: [mon], opens: '09:00', closes: '16:00', zone: UTC}\n"
TO_MONDAY = timedelta(days=3)
WATCH = Condition("Write down how it is watched.", date(2026, 11, 27))


def refusal(verb: Callable[[], object]) -> str:
    with pytest.raises(CountersignError) as told:
        verb()
    return told.value.code


def release(house: House, number: int) -> None:
    house.approved(number)
    house.deliver()


def emergency(house: House, number: int) -> str:
    asked = house.portal.requests.request(
        house.version(number).id, "champion", "It burns.", is_emergency=True, by=house.alice
    )
    house.work()
    return asked.id


def unapproved(house: House) -> list[str]:
    found = house.portal.findings.page(
        Wanted(kinds=frozenset({Kind.UNAPPROVED})), by=house.bob
    ).findings
    return [one.title for one in found]


def test_going_back_and_forth_does_not_make_a_condition_go_away(house: House) -> None:
    house.credit(aucs=(0.80, 0.82, 0.84))
    release(house, 2)
    request = house.asked(3).id
    house.portal.decisions.decide(
        request, Verb.APPROVE_WITH_CONDITIONS, WHY, conditions=[WATCH], by=house.bob
    )
    house.deliver()
    for number in (2, 3):
        house.portal.rollbacks.roll_back(house.version(number).id, "champion", WHY, by=house.alice)
        house.deliver()
    house.clock.advance(timedelta(days=8))
    assert house.portal.approvals.revoke_overdue(by=RELEASES) == [request]
    states = {one.number: one.state for one in house.portal.requests.listing(by=house.bob)}
    assert states["RR-2026-0002"] == states["RR-2026-0004"] == State.REVOKED
    assert states["RR-2026-0003"] == State.APPROVED  # back to v2 rests on the approval of v2
    assert unapproved(house) == ["v3 is live as champion and its approval was revoked"]


def test_whoever_asks_for_changes_has_not_agreed_any_more(house: House) -> None:
    house.credit()
    house.portal.policies.publish(TWO, WHY, by=house.grace)
    ines = house.join("ines", Role.APPROVER, EVERYTHING)
    desk, request = house.portal.requests, house.asked()
    house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.bob)
    house.portal.decisions.decide(request.id, Verb.REQUEST_CHANGES, "I was wrong.", by=house.bob)
    desk.resubmit(request.id, "Nothing changed.", by=house.alice)
    house.work()
    assert (
        house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=ines).state
        is State.IN_REVIEW
    )
    assert [one.id for one in house.portal.docket.waits_for(by=house.bob)] == [request.id]
    assert (
        house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.bob).state
        is State.APPROVED
    )


def test_evidence_that_comes_and_goes_does_not_strip_an_agreement_of_its_conditions(
    house: House,
) -> None:
    house.credit()
    house.portal.policies.publish(TWO, WHY, by=house.grace)
    ines = house.join("ines", Role.APPROVER, EVERYTHING)
    desk, request = house.portal.requests, house.asked()
    house.portal.decisions.decide(
        request.id, Verb.APPROVE_WITH_CONDITIONS, WHY, conditions=[WATCH], by=house.bob
    )
    says = {"tool": "modelscan", "findings": 0, "detail": ""}
    piece = house.portal.evidence.attach(house.version(2).id, "scan", says, by=house.alice)

    def approve() -> ReleaseRequest:
        return house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=ines)

    assert refusal(approve) == "changed-since-review"
    house.portal.evidence.withdraw(piece.id, WHY, by=house.alice)
    house.work()
    assert approve().state is State.IN_REVIEW
    assert desk.sheet(request.id, by=ines).seats[0].agreed == (ines.id,)


def test_nobody_puts_the_review_of_an_emergency_off(house: House) -> None:
    house.credit(aucs=(0.82, 0.70))
    house.portal.decisions.decide(emergency(house, 2), Verb.APPROVE, WHY, by=house.bob)
    found = house.portal.findings.get("F-2026-0001", by=house.bob)
    vera = house.join("vera", Role.INDEPENDENT_VALIDATOR, EVERYTHING)

    def move(by: Actor, days: int) -> str:
        day = found.due_on + timedelta(days=days)
        house.portal.findings.assign(found.id, WHY, owner_id=vera.id, due_on=day, by=by)
        return "moved"

    assert refusal(lambda: move(house.bob, 0)) == "approver"
    assert refusal(lambda: move(vera, 1)) == "not-put-off"
    assert move(vera, -1) == "moved"


def test_an_alias_that_is_astray_is_not_put_right_by_saying_so(house: House) -> None:
    house.credit(aucs=(0.80, 0.82, 0.84))
    release(house, 2)
    house.mlflow.point("credit-pd", "champion", 3)
    house.mirror()
    house.portal.reconciliation.run(by=RELEASES)
    desk = house.portal.findings
    desk.remedy("F-2026-0001", "It is fine.", by=house.alice)
    assert refusal(lambda: desk.close("F-2026-0001", "A friend.", by=house.bob)) == "still-astray"
    # What is live already can be asked for, because nobody approved it.
    asked = house.portal.requests.request(house.version(3).id, "champion", WHY, by=house.alice)
    house.work()
    house.portal.decisions.decide(asked.id, Verb.APPROVE, WHY, by=house.bob)
    (done,) = house.deliver()
    assert (done.state, done.code) == (PromotionState.APPLIED, "already-there")
    house.portal.remedies.close(by=RELEASES)
    assert not desk.get("F-2026-0001", by=house.bob).stands


@pytest.mark.parametrize("what", ["deprecated", "evidence"])
def test_what_ends_while_an_approval_waits_for_its_window_stops_it(house: House, what: str) -> None:
    house.credit()
    gate = (
        "  - {id: scan, kind: scan_clean, title: Scan, asks: Nothing bad in it, within_days: 2}\n"
    )
    text = BASELINE.rstrip() + "\n" + (gate if what == "evidence" else "") + WINDOW
    house.portal.policies.publish(text, WHY, by=house.grace)
    if what == "evidence":
        says = {"tool": "modelscan", "findings": 0, "detail": ""}
        house.portal.evidence.attach(house.version(2).id, "scan", says, by=house.alice)
    house.approved(2)
    assert house.deliver() == []
    if what == "deprecated":
        house.portal.deprecations.deprecate(
            house.version(2).id, by=house.alice, ends_on=date(2026, 11, 20), message="It is wrong."
        )
    house.clock.advance(TO_MONDAY)
    (done,) = house.deliver()
    assert done.state is PromotionState.FAILED
    assert done.code == ("deprecated" if what == "deprecated" else "changed-since-approval")
    assert house.mlflow.model("credit-pd").aliases["champion"] == 1


def test_what_waits_for_its_window_holds_no_rollback_up(house: House) -> None:
    house.credit(aucs=(0.80, 0.82, 0.84, 0.86))
    release(house, 2)
    release(house, 3)
    house.portal.policies.publish(BASELINE.rstrip() + "\n" + WINDOW, WHY, by=house.grace)
    house.approved(4)
    house.portal.rollbacks.roll_back(house.version(2).id, "champion", WHY, by=house.alice)
    (done,) = house.deliver()
    assert (done.state, done.version_number) == (PromotionState.APPLIED, 2)
    house.clock.advance(TO_MONDAY)
    (late,) = house.deliver()
    assert (late.state, late.version_number) == (PromotionState.FAILED, 4)
    assert house.mlflow.model("credit-pd").aliases["champion"] == 2


def test_where_nobody_knows_who_built_it_no_emergency_is_approved(house: House) -> None:
    house.credit()
    house.mlflow.log("credit-pd")
    house.mirror()
    request = emergency(house, 3)
    decide = house.portal.decisions.decide
    assert refusal(lambda: decide(request, Verb.APPROVE, WHY, by=house.bob)) == "author-unknown"
    assert decide(request, Verb.REJECT, WHY, by=house.bob).state is State.REJECTED


def without_author_gate(house: House, more: str = "") -> None:
    start = BASELINE.index("  - id: author\n")
    text = BASELINE[:start] + BASELINE[BASELINE.index("  - id: artifacts\n") :] + more
    assert "author_known" not in text
    house.portal.policies.publish(text, WHY, by=house.grace)


def test_a_policy_that_does_not_ask_who_built_it_lets_nobody_approve_their_own_work(
    house: House,
) -> None:
    house.credit()
    without_author_gate(house)
    # A name in MLflow proves nothing: whoever trains writes it.
    house.portal.authorship.map_user(house.model().server, "ada", house.carol.id, by=house.grace)
    house.mlflow.log("credit-pd", metrics=[auc(0.9)], user="ada")
    house.mirror()
    desk, request = house.portal.requests, house.asked(3)
    assert request.authors == (house.carol.id,)
    sheet = desk.sheet(request.id, by=house.bob)
    assert all_pass(sheet.gates)
    assert (sheet.may_approve.code, bool(sheet.may_decide)) == ("author-unknown", True)

    def approve() -> ReleaseRequest:
        return house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.bob)

    assert refusal(approve) == "author-unknown"
    house.portal.authorship.claim(house.version(3).id, by=house.alice)
    assert refusal(approve) == "changed-since-review"
    house.work()
    assert approve().state is State.APPROVED


def test_before_it_is_sent_it_is_said_in_the_same_words_that_nobody_is_known_to_have_built_it(
    house: House,
) -> None:
    house.credit()
    without_author_gate(house)
    house.mlflow.log("credit-pd", metrics=[auc(0.9)])
    house.mirror()
    version = house.version(3).id
    draft = read(BASELINE)
    request = house.asked(3, "shadow")
    with pytest.raises(Refused) as refused:
        house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.bob)
    by = house.alice
    for told in (
        house.portal.requests.sheet(request.id, by=house.bob).may_approve,
        house.portal.requests.preview(version, "champion", by=by).may_tell_apart,
        house.portal.previews.of_version(draft, version, "champion", by=by).may_tell_apart,
    ):
        assert (told.reason, told.hint) == (refused.value.message, refused.value.hint)
    asked = "/models/credit-pd/versions/3/gates?alias=champion"
    answer = client(house, by).get(asked).json()
    answers = understood(answer, "https://portal.example")
    assert answers
    assert f"{refused.value.message} {refused.value.hint}" in table(answers).splitlines()
    # Nothing is said of a version whose author is known.
    known = client(house, by).get(asked.replace("/3/", "/2/")).json()
    assert known["author"]["allowed"]


def test_a_policy_says_in_words_that_it_takes_a_version_whose_author_nobody_knows(
    house: House,
) -> None:
    house.credit()
    without_author_gate(house, "unknown_author: accept\n")
    house.mlflow.log("credit-pd", metrics=[auc(0.9)])
    house.mirror()
    assert house.approved(3).state is State.APPROVED
    sent = house.portal.requests.request(
        house.version(3).id, "shadow", WHY, is_emergency=True, by=house.alice
    )
    house.work()
    approve = house.portal.decisions.decide
    assert refusal(lambda: approve(sent.id, Verb.APPROVE, WHY, by=house.bob)) == "author-unknown"


@pytest.mark.parametrize("kind", ["author_known", "artifacts_recorded"])
def test_what_an_approval_is_bound_to_may_not_wait(kind: str) -> None:
    text = BASELINE.replace(f"kind: {kind}\n", f"kind: {kind}\n    may_wait: true\n")
    assert text != BASELINE
    with pytest.raises(NotAPolicy):
        read(text)


def test_nobody_goes_back_to_what_something_critical_was_found_in(house: House) -> None:
    house.credit(aucs=(0.80, 0.82, 0.84))
    release(house, 2)
    release(house, 3)
    house.portal.findings.open(
        house.version(2).id,
        "It leaks names.",
        "Seen in a review.",
        severity=Severity.CRITICAL,
        owner_id=house.alice.id,
        due_on=house.clock.now().date(),
        by=house.bob,
    )
    back = house.portal.rollbacks.roll_back
    code = refusal(lambda: back(house.version(2).id, "champion", WHY, by=house.alice))
    assert code == "gate-not-passed"


def test_a_freeze_for_ever_is_no_freeze() -> None:
    text = BASELINE.rstrip() + "\nfreezes:\n  - {first: '2026-12-01', last: '9999-12-31', why: x}\n"
    with pytest.raises(NotAPolicy, match="400 days"):
        read(text)


def test_whoever_writes_tags_in_mlflow_stops_no_release_and_opens_one_finding(
    house: House,
) -> None:
    house.credit()
    request = house.approved(2)
    for value in ("a", "b", "c"):
        house.mlflow.tag_version("credit-pd", 2, flag=value)
        house.mirror()
        house.portal.reconciliation.run(by=RELEASES)
    found = house.portal.findings.page(Wanted(), by=house.bob).findings
    assert [one.severity for one in found] == ["low"]
    (done,) = house.deliver()
    assert (done.request_id, done.state) == (request.id, PromotionState.APPLIED)


def test_a_condition_that_is_met_while_an_approval_waits_does_not_stop_it(house: House) -> None:
    house.credit()
    asks = "The version says in words what is new"
    text = BASELINE.replace(f"asks: {asks}", f"asks: {asks}\n    may_wait: true")
    house.portal.policies.publish(text.rstrip() + "\n" + WINDOW, WHY, by=house.grace)
    house.mlflow.describe_version("credit-pd", 2, "")
    house.mirror()
    request, desk = house.asked(), house.portal.findings
    house.portal.decisions.decide(
        request.id, Verb.APPROVE_WITH_CONDITIONS, WHY, conditions=[WATCH], by=house.bob
    )
    for number in ("F-2026-0001", "F-2026-0002"):
        desk.remedy(number, "It is in the card.", by=house.alice)
        desk.close(number, "I read it.", by=house.bob)
    house.work()
    assert house.portal.requests.get(request.id, by=house.bob).state is State.APPROVED
    house.clock.advance(TO_MONDAY)
    (done,) = house.deliver()
    assert (done.state, done.message) == (PromotionState.APPLIED, "")


def test_who_takes_over_too_late_is_told_so_and_an_emergency_sent_again_calls_everybody(
    house: House,
) -> None:
    house.credit()
    ines = house.join("ines", Role.APPROVER, EVERYTHING)
    request, desk = emergency(house, 2), house.portal.requests
    house.portal.decisions.decide(request, Verb.REQUEST_CHANGES, WHY, by=house.bob)
    asked_before = len(house.jobs.waiting("tell"))
    desk.resubmit(request, WHY, by=house.alice)
    assert len(house.jobs.waiting("tell")) > asked_before
    house.work()
    house.portal.decisions.decide(request, Verb.REJECT, WHY, by=house.bob)
    assert refusal(lambda: house.portal.decisions.take_over(request, by=ines)) == "wrong-state"
    assert house.records("release:take-over")[0].outcome == "refused"
