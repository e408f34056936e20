"""A draft is tried on the past and on what is live, by the worker, before it binds anybody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import pytest
from sqlmodel import select

from app.worker import RELEASES
from auth.actors import Actor
from catalog.releases.gates.asking import Answer
from catalog.releases.policies.law import Policy
from catalog.releases.policies.reading import NotAPolicy, pack_text
from catalog.releases.tables import SnapshotRow
from catalog.releases.trials import past
from catalog.releases.trials.found import Found
from catalog.releases.trials.trials import KEPT_FOR, TrialState
from ledger.errors import Conflict, NotFound, Refused
from tests.api.test_release_story import client
from tests.cast import WHY, House

BASELINE: Final = pack_text("baseline")
STRICT: Final = BASELINE.rstrip() + (
    "\n  - {id: bound, kind: metric_threshold, title: Bound, asks: Nearly perfect,"
    " names: [roc_auc], label: AUC, at_least: 0.999}\n"
)


def tried(house: House, text: str = BASELINE, *, by: Actor | None = None) -> Found:
    """Grace has a policy tried; what somebody may read of what was found."""
    trial = house.portal.trials.request(text, by=house.grace)
    house.work()
    told = house.portal.trials.get(trial, by=by or house.grace)
    assert told.state is TrialState.DONE
    assert told.found is not None
    return told.found


def test_a_changed_threshold_shows_exactly_which_past_requests_flip(house: House) -> None:
    house.credit()
    house.approved(2)
    house.deliver()
    same = tried(house)
    assert [one.has_flipped for one in same.requests] == [False] * len(same.requests) != []
    strict = tried(house, STRICT)
    flipped = [one for one in strict.requests if one.has_flipped]
    assert [(one.version, one.after.standing_in_the_way) for one in flipped] == [(2, ("Bound",))]
    assert [(one.version, one.verdict.passes) for one in strict.live] == [(2, False)]
    assert house.records("policy:publish") == []


def test_each_reader_of_a_trial_sees_the_models_they_may_read(house: House) -> None:
    house.credit()
    house.approved(2)
    assert tried(house, by=house.carol).requests
    nobody_of_lending = house.join("olga")
    with pytest.raises(NotFound):
        tried(house, by=nobody_of_lending)
    house.portal.restrictions.restrict(house.model().id, "Confidential.", by=house.grace)
    found = tried(house, STRICT, by=house.carol)
    assert (found.requests, found.live, found.not_governed, found.live_not_governed) == (
        (),
        (),
        0,
        0,
    )
    assert tried(house, STRICT).requests


def test_what_a_policy_does_not_cover_is_counted_and_left_alone(small_house: House) -> None:
    small_house.credit()
    small_house.approved(2)
    text = BASELINE.replace("title: Baseline", "applies_to: {tiers: [3]}\ntitle: Base", 1)
    found = tried(small_house, text)
    assert (found.requests, found.not_governed) == ((), 1)


def test_a_draft_is_asked_only_about_what_it_would_govern(house: House) -> None:
    house.credit()
    house.approved(2)
    house.deliver()
    stronger = BASELINE.replace("name: baseline", "name: stronger").replace(
        "title: Base", "applies_to: {aliases: [champion]}\npriority: 5\ntitle: Strong", 1
    )
    house.portal.policies.publish(stronger, WHY, by=house.grace)
    found = tried(house, STRICT)
    assert (found.requests, found.live) == ((), ())
    assert (found.not_governed, found.live_not_governed) == (1, 1)
    # Its own next version takes its place, so what it governs is asked.
    found = tried(house, stronger.replace("version: 1", "version: 2"))
    assert [one.has_flipped for one in found.requests] == [False]
    assert [(one.governed_by, one.verdict.passes) for one in found.live] == [
        ("Strongline release policy", True)
    ]


def test_a_way_back_has_a_law_of_its_own_and_no_draft_is_asked_about_it(house: House) -> None:
    house.credit(aucs=(0.80, 0.82, 0.83))
    for number in (2, 3):
        house.approved(number)
        house.deliver()
    house.portal.rollbacks.roll_back(house.version(2).id, "champion", WHY, by=house.alice)
    found = tried(house, STRICT)
    assert ([one.version for one in found.requests], found.not_governed) == ([3, 2], 1)


def test_all_that_is_live_is_asked_under_whatever_alias(house: House) -> None:
    house.credit(aucs=(0.80, 0.82, 0.83))
    for number, alias in ((2, "challenger"), (3, "shadow")):
        house.approved(number, alias)
        house.deliver()
    found = tried(house, STRICT)
    assert [(one.version, one.alias) for one in found.live] == [
        (2, "challenger"),
        (1, "champion"),
        (3, "shadow"),
    ]
    only = STRICT.replace("title: Base", "applies_to: {aliases: [shadow]}\ntitle: Base", 1)
    found = tried(house, only)
    assert [(one.version, one.alias) for one in found.live] == [(3, "shadow")]
    (live,) = found.live
    assert live.today
    assert (live.today.answer, live.verdict.answer) == (Answer.PASS, Answer.FAIL)


def test_what_is_missing_is_not_said_to_fail(house: House) -> None:
    house.credit()
    house.approved(2)
    house.deliver()
    text = BASELINE.rstrip() + "\n  - {id: scan, kind: scan_clean, title: Scan, asks: Clean}\n"
    found = tried(house, text)
    assert [(one.before.answer, one.after.answer) for one in found.requests] == [
        (Answer.PASS, Answer.MISSING)
    ]
    assert [one.verdict.answer for one in found.live] == [Answer.MISSING]


def test_a_long_past_is_read_some_at_a_time_and_nothing_twice(
    small_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = small_house
    monkeypatch.setattr(past, "AT_A_TIME", 1)
    house.credit(aucs=(0.80, 0.82, 0.83, 0.84))
    asked = [house.asked(number, alias).number for number, alias in ((2, "a"), (3, "b"), (4, "c"))]
    house.credit(name="credit-lgd")
    found = tried(house)
    assert [one.number for one in found.requests] == asked[::-1]
    assert sorted(one.model for one in found.live) == ["credit-lgd", "credit-pd"]
    assert not found.is_cut
    monkeypatch.setattr(past, "MOST", 2)
    found = tried(house, STRICT)
    assert ([one.number for one in found.requests], found.is_cut) == (asked[:0:-1], True)


def test_a_trial_that_is_cancelled_stops_and_keeps_nothing(
    small_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = small_house
    desk = house.portal.trials
    house.credit()
    house.asked()
    trial = desk.request(STRICT, by=house.alice)
    with pytest.raises(Refused):
        desk.cancel(trial, by=house.bob)
    monkeypatch.setattr(past, "AT_A_TIME", 1)
    parts: list[past.Part] = []

    def cancelled_meanwhile(policy: Policy) -> Iterator[past.Part]:
        for part in under(policy):
            parts.append(part)
            desk.cancel(trial, by=house.grace)
            yield part

    under = desk._past.under
    monkeypatch.setattr(desk._past, "under", cancelled_meanwhile)
    house.work()
    told = desk.get(trial, by=house.alice)
    assert (told.state, told.found, len(parts)) == (TrialState.CANCELLED, None, 1)
    with pytest.raises(Conflict):
        desk.cancel(trial, by=house.alice)


def test_a_trial_that_fails_says_so_and_is_not_tried_for_ever(small_house: House) -> None:
    house = small_house
    house.credit()
    house.asked()
    trial = house.portal.trials.request(STRICT, by=house.alice)
    with house.portal.store.write() as session:
        for row in session.exec(select(SnapshotRow)):
            row.body = "not what was kept"
            session.add(row)
    house.work()
    told = house.portal.trials.get(trial, by=house.alice)
    assert (told.state, told.problem) == (
        TrialState.FAILED,
        "Countersign could not finish this trial.",
    )
    assert told.hint.startswith("Tell the operator")
    house.portal.trials.compute(trial, by=RELEASES)
    assert [one.reason for one in house.records("policy:trial:fail")] == ["fault"]


def test_a_trial_that_was_interrupted_begins_again_and_is_carried_out_once(
    small_house: House,
) -> None:
    house = small_house
    house.credit()
    house.asked()
    trial = house.portal.trials.request(STRICT, by=house.alice)
    assert house.portal.trials._goes_on(trial, 1, 2)
    house.work()
    house.portal.trials.compute(trial, by=RELEASES)
    assert house.portal.trials.get(trial, by=house.alice).state is TrialState.DONE
    assert len(house.records("policy:trial:compute")) == 1


def test_the_same_draft_is_tried_once_and_nobody_has_more_than_three_under_way(
    small_house: House,
) -> None:
    desk, alice = small_house.portal.trials, small_house.alice
    drafts = [
        BASELINE.replace("\ntitle:", f"\npriority: {number}\ntitle:", 1) for number in range(1, 5)
    ]
    first = desk.request(drafts[0], by=alice)
    assert desk.request(drafts[0], by=alice) == first
    desk.request(drafts[1], by=alice)
    desk.request(drafts[2], by=alice)
    with pytest.raises(Conflict) as refused:
        desk.request(drafts[3], by=alice)
    assert refused.value.code == "too-many-trials"
    with pytest.raises(NotAPolicy):
        desk.request("name: x", by=alice)
    with pytest.raises(Refused):
        desk.request(drafts[0], by=small_house.dave)


def test_how_far_a_trial_is_tells_nobody_how_much_there_is(small_house: House) -> None:
    house = small_house
    for name in ("credit-pd", "credit-lgd"):
        house.portal.restrictions.restrict(house.credit(name=name).id, WHY, by=house.grace)
    trial = house.portal.trials.request(STRICT, by=house.grace)
    assert house.portal.trials._goes_on(trial, 1, 2)
    told = client(house, house.carol).get(f"/policies/trials/{trial}").json()
    assert told["percent"] == 50
    assert {name for name, value in told.items() if isinstance(value, int)} == {"percent"}


def test_what_ended_long_ago_is_deleted_and_what_is_under_way_is_not(house: House) -> None:
    desk = house.portal.trials
    old, waits = desk.request(STRICT, by=house.alice), desk.request(BASELINE, by=house.alice)
    desk.cancel(old, by=house.alice)
    house.clock.advance(KEPT_FOR)
    assert desk.forget_old(by=RELEASES) == 0
    house.clock.advance(timedelta(seconds=1))
    assert desk.forget_old(by=RELEASES) == 1
    assert desk.forget_old(by=RELEASES) == 0
    assert desk.get(waits, by=house.alice).state is TrialState.QUEUED
    with pytest.raises(NotFound) as gone:
        desk.get(old, by=house.alice)
    assert gone.value.hint.startswith("Trials are kept for 90 days.")
    assert [one.facts["trials"] for one in house.records("policy:trial:forget")] == ["1"]
    with pytest.raises(Refused):
        desk.forget_old(by=house.grace)


def test_the_api_asks_for_a_trial_and_tells_how_it_goes(small_house: House) -> None:
    house = small_house
    house.credit()
    grace = client(house, house.grace)
    asked = grace.post("/policies/trials", json={"policy": STRICT})
    assert (asked.status_code, asked.json()["state"], asked.json()["found"]) == (
        202,
        "Queued",
        None,
    )
    house.work()
    told = grace.get(f"/policies/trials/{asked.json()['id']}").json()
    assert (told["state"], told["found"]["live"][0]["in_the_way"][-1]) == ("Done", "Bound")
    again = grace.post(f"/policies/trials/{told['id']}/cancellation")
    assert (again.status_code, again.json()["error"]) == (409, "wrong-state")
