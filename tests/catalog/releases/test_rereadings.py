"""An open request goes back by itself when what it was read on changed; who agreed is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.loops import RELEASES
from auth.actors import EVERYTHING
from auth.permissions import Role
from catalog.notifications.kinds import Why
from catalog.releases.gates.asking import Answer
from catalog.releases.policies.reading import pack_text
from catalog.releases.requests.request import ReleaseRequest
from catalog.releases.states import State, Verb
from ledger.errors import Conflict
from tests.at_once import at_once
from tests.cast import DOMAIN, WHY, House

BASELINE = pack_text("baseline").replace("\nversion: 1\n", "\nversion: 2\n").rstrip()
SCAN = """
  - id: scan
    kind: scan_clean
    title: Scan
    asks: Nothing was found in the files
"""
SCANNED = BASELINE.replace("\ngates:\n", f"\ngates:{SCAN}", 1)
TWO = BASELINE.replace("needed: 1", "needed: 2")


def attach(house: House, findings: int = 0) -> str:
    says = {"tool": "modelscan", "findings": findings, "detail": ""}
    return house.portal.evidence.attach(house.version(2).id, "scan", says, by=house.alice).id


def now(house: House) -> ReleaseRequest:
    (request,) = house.portal.requests.listing(by=house.bob)
    return request


def missing(house: House) -> list[str]:
    sheet = house.portal.requests.sheet(now(house).id, by=house.bob)
    return [one.id for one in sheet.gates if one.answer is not Answer.PASS]


def test_evidence_attached_while_a_request_is_open_is_what_it_is_decided_on_without_anybody(
    house: House,
) -> None:
    house.credit()
    house.portal.policies.publish(SCANNED, WHY, by=house.grace)
    request = house.asked()
    assert missing(house) == ["scan"]
    attach(house)
    assert now(house).state is State.IN_REVIEW
    house.work()
    assert (now(house).state, missing(house)) == (State.IN_REVIEW, [])
    assert house.portal.requests.sheet(request.id, by=house.bob).may_approve
    approved = house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.bob)
    assert approved.state is State.APPROVED


def described(house: House) -> None:
    house.mlflow.describe_version("credit-pd", 2, "Something else altogether.")
    house.mirror()


def moved(house: House) -> None:
    house.mlflow.point("credit-pd", "champion", 3)
    house.mirror()


def rewritten(house: House) -> None:
    house.mlflow.write_file(house.mlflow.version("credit-pd", 2), "model.skops", "other weights")
    house.asked(2, "shadow")


def reclassified(house: House) -> None:
    house.portal.models.classify(
        house.model().id,
        by=house.grace,
        owner_id=house.bob.id,
        domain=DOMAIN,
        task="binary classification",
    )


def claimed(house: House) -> None:
    other = house.join("nils", Role.MODEL_OWNER, EVERYTHING)
    house.portal.authorship.claim(house.version(2).id, by=other)


def governed(house: House) -> None:
    house.portal.policies.publish(BASELINE, "A second version.", by=house.grace)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (attach, "the evidence changed since the request was read: scan modelscan."),
        (described, "the evidence changed since the request was read: Description."),
        (moved, "the evidence changed since the request was read: Live now"),
        (rewritten, "the version's files changed since the request was read."),
        (reclassified, "the evidence changed since the request was read: Owner."),
        (claimed, "the evidence changed since the request was read: Authors"),
        (governed, "another policy is in force than when the request was read: baseline v1 then, "),
    ],
)
def test_whatever_changes_sends_an_open_request_back_at_once_and_says_what(
    house: House, change: Callable[[House], object], told: str
) -> None:
    house.credit(aucs=(0.80, 0.82, 0.81))
    request = house.asked()
    change(house)
    house.work()
    again = house.portal.requests.get(request.id, by=house.bob)
    assert again.state is State.IN_REVIEW
    assert (again.policy_digest, again.snapshot_digest) != (
        request.policy_digest,
        request.snapshot_digest,
    )
    (back,) = again.rounds
    assert (back.verb, back.reason[: len(told)]) == (Verb.SEND_BACK, told)
    assert back.snapshot_digest == request.snapshot_digest
    (record,) = house.records("release:send-back")
    assert (record.reason, record.texts["reason"]) == ("changed-since-review", back.reason)
    assert record.resource == f"request:{request.id}"


def test_what_was_agreed_to_before_does_not_count_any_more_and_whoever_agreed_is_told(
    house: House,
) -> None:
    house.credit()
    house.portal.policies.publish(TWO, WHY, by=house.grace)
    house.join("ines", Role.APPROVER, EVERYTHING)
    request, desk = house.asked(), house.portal.requests
    house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.bob)
    attach(house, findings=7)
    house.work()
    sheet = desk.sheet(request.id, by=house.bob)
    assert (sheet.seats[0].agreed, bool(sheet.may_approve)) == ((), True)
    told = [
        one
        for one in house.portal.notices.page(by=house.bob).notices
        if one.facts.get("outcome") == "release:sent-back"
    ]
    assert [one.why for one in told] == [Why.AGREED]


def test_a_request_waits_while_no_policy_covers_it_and_is_read_when_one_does_again(
    house: House,
) -> None:
    house.credit()
    house.portal.policies.publish(BASELINE, WHY, by=house.grace)
    request = house.asked()
    house.portal.policies.end("baseline", WHY, by=house.grace)
    house.work()
    waits = now(house)
    assert waits.state is State.PENDING_REVIEW
    assert "No policy covers a release of credit-pd to champion" in waits.problem
    assert [one.reason for one in waits.rounds] == [
        "no policy covers it any more, so nothing of it may be released."
    ]
    assert not house.portal.requests.sheet(request.id, by=house.bob).may_approve
    third = BASELINE.replace("\nversion: 2\n", "\nversion: 3\n")
    house.portal.policies.publish(third, WHY, by=house.grace)
    house.work()
    assert (now(house).state, now(house).problem) == (State.IN_REVIEW, "")
    assert house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.bob).promotion


def test_looking_again_changes_nothing_however_often(house: House) -> None:
    house.credit()
    house.asked()
    attach(house)
    house.work()
    before = now(house)
    for _ in range(3):
        assert house.portal.rereadings.sweep(by=RELEASES) == []
    house.jobs._done.clear()
    house.work()
    after = now(house)
    assert (after.rounds, after.snapshot_digest) == (before.rounds, before.snapshot_digest)
    assert len(house.records("release:send-back")) == 1


def test_of_two_who_look_at_once_one_sends_it_back(house: House) -> None:
    house.credit()
    house.asked()
    attach(house)
    desk = house.portal.rereadings
    looks = [lambda: desk.sweep(by=RELEASES), lambda: desk.sweep(by=RELEASES)]
    outcomes = at_once(house.portal.ledger, looks)
    assert sorted(len(one) for one in outcomes if isinstance(one, list)) == [0, 1]
    assert len(now(house).rounds) == 1


def test_a_change_that_no_event_told_of_is_found_by_the_slower_round(house: House) -> None:
    house.credit()
    request = house.asked()
    attach(house)
    house.jobs._done.update(house.jobs.asked)  # the event is lost
    assert house.portal.rereadings.sweep(by=RELEASES) == [request.id]
    assert now(house).state is State.PENDING_REVIEW


def test_nothing_is_looked_for_where_no_request_is_open(house: House) -> None:
    house.credit()
    attach(house)
    governed(house)
    assert house.jobs.waiting("look-for-changes") == []
    house.approved()
    house.work()
    attach(house, findings=1)
    moved_policy = BASELINE.replace("\nversion: 2\n", "\nversion: 3\n")
    house.portal.policies.publish(moved_policy, WHY, by=house.grace)
    assert house.jobs.waiting("look-for-changes") == []


def test_a_request_whose_changes_were_asked_for_stays_with_whoever_asked(house: House) -> None:
    house.credit()
    request = house.asked()
    house.portal.decisions.decide(request.id, Verb.REQUEST_CHANGES, WHY, by=house.bob)
    attach(house)
    house.work()
    assert now(house).state is State.CHANGES_REQUESTED
    assert now(house).rounds == ()


def test_nobody_approves_what_was_read_again_behind_their_page(house: House) -> None:
    house.credit()
    seen = house.asked().digests
    attach(house, findings=7)
    house.work()
    request = now(house)
    with pytest.raises(Conflict) as told:
        house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, seen=seen, by=house.bob)
    assert told.value.code == "changed-since-review"
    assert now(house) == request
    approved = house.portal.decisions.decide(
        request.id, Verb.APPROVE, WHY, seen=request.digests, by=house.bob
    )
    assert approved.state is State.APPROVED


def test_sending_again_leaves_the_first_reason_as_it_was_said_and_is_an_entry_of_its_own(
    house: House,
) -> None:
    house.credit()
    request, desk = house.asked(), house.portal.requests
    house.clock.advance(timedelta(hours=1))
    house.portal.decisions.decide(request.id, Verb.REQUEST_CHANGES, "Describe it.", by=house.bob)
    house.clock.advance(timedelta(hours=1))
    described(house)
    desk.resubmit(request.id, "Described.", by=house.alice)
    house.work()
    again = now(house)
    assert (again.reason, again.requested_at) == (WHY, request.requested_at)
    (entry,) = again.rounds
    assert (entry.verb, entry.person_id, entry.reason) == (
        Verb.RESUBMIT,
        house.alice.id,
        "Described.",
    )
    assert entry.at - request.requested_at >= timedelta(hours=2)
    assert entry.snapshot_digest == again.snapshot_digest != request.snapshot_digest
    (waiting,) = house.portal.docket.waits_for(by=house.bob)
    assert (waiting.decided_by, waiting.reason) == (house.bob.id, WHY)
