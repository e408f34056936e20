"""Whom a request is given to: who may decide, is here, and has least to read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from auth.actors import EVERYTHING
from auth.permissions import Role
from catalog.releases.decisions.deciders import Candidate
from catalog.releases.states import State, Verb
from ledger.errors import CountersignError, Invalid
from tests.cast import WHY, House


@pytest.fixture
def three(house: House) -> House:
    """Bob, Ada and Ines approve; there are versions for three requests."""
    house.credit(aucs=(0.80, 0.82, 0.84, 0.86), champion=None)
    house.join("ada", Role.APPROVER, EVERYTHING)
    house.join("ines", Role.APPROVER, EVERYTHING)
    return house


def reader(house: House, number: int, alias: str = "champion") -> str:
    request = house.asked(number, alias)
    found = house.portal.people.names({request.reviewer_id}).get(request.reviewer_id, "")
    return found.split(" ", maxsplit=1)[0].lower()


def who_decides(house: House) -> tuple[Candidate, ...]:
    request = house.portal.requests.get("RR-2026-0001", by=house.bob)
    return house.portal.deciders.of(request.id, by=house.bob).people


def test_requests_go_round_among_those_who_may_decide(three: House) -> None:
    assert [reader(three, number) for number in (1, 2, 3)] == ["ada", "bob", "ines"]
    candidates = who_decides(three)
    assert {one.name: one.given for one in candidates} == {
        "Ada Norrland": 1,
        "Bob Norrland": 1,
        "Ines Norrland": 1,
    }


def test_before_anybody_asks_an_approver_who_may_not_ask_is_told_that_they_may_decide(
    three: House,
) -> None:
    version = three.version(4)
    for who in (three.bob, three.carol, three.alice):
        candidates = three.portal.deciders.if_asked(version.id, "champion", by=who).people
        assert {one.person_id: bool(one.verdict) for one in candidates}[three.bob.id]
    three.portal.grants.give(three.bob.id, Role.MODEL_OWNER, EVERYTHING, by=three.grace)
    bob = three.who("bob")
    (own,) = (
        one
        for one in three.portal.deciders.if_asked(version.id, "champion", by=bob).people
        if one.person_id == bob.id
    )
    assert own.verdict.code == "requester"


def test_who_is_away_is_given_nothing_until_the_day_is_over(three: House) -> None:
    today = three.clock.now().date()
    absences, ada = three.portal.absences, three.who("ada")
    absences.say(today + timedelta(days=1), by=ada)
    assert absences.until(by=ada) == today + timedelta(days=1)
    assert reader(three, 1) == "bob"
    candidates = who_decides(three)
    assert [one.name for one in candidates if one.is_away] == ["Ada Norrland"]
    # Away, she may decide all the same.
    decided = three.portal.decisions.decide("RR-2026-0001", Verb.REJECT, WHY, by=ada)
    assert decided.state is State.REJECTED
    three.clock.advance(timedelta(days=2))
    assert absences.until(by=ada) is None
    assert reader(three, 2) == "ada"


def test_where_everybody_is_away_somebody_is_given_it_all_the_same(three: House) -> None:
    for name in ("ada", "bob", "ines"):
        three.portal.absences.say(three.clock.now().date(), by=three.who(name))
    assert reader(three, 1) == "ada"


def test_whoever_built_the_version_is_not_given_it(three: House) -> None:
    three.portal.grants.give(three.who("ada").id, Role.MODEL_DEVELOPER, EVERYTHING, by=three.grace)
    three.portal.authorship.claim(three.version(1).id, by=three.who("ada"))
    assert reader(three, 1) == "bob"


def test_a_request_that_comes_again_goes_to_who_read_it(three: House) -> None:
    desk = three.portal.requests
    assert reader(three, 1) == "ada"
    assert reader(three, 2) == "bob"
    three.portal.decisions.decide("RR-2026-0002", Verb.REQUEST_CHANGES, WHY, by=three.bob)
    desk.resubmit("RR-2026-0002", WHY, by=three.alice)
    three.work()
    assert desk.get("RR-2026-0002", by=three.bob).reviewer_id == three.bob.id


def test_somebody_else_who_may_decide_takes_it_over(three: House) -> None:
    assert reader(three, 1) == "ada"
    assert (
        three.portal.decisions.take_over("RR-2026-0001", by=three.bob).reviewer_id == three.bob.id
    )
    (record,) = three.records("release:take-over")
    assert record.facts["reviewer-before"] == three.who("ada").id
    for name, code in (("alice", "requester"), ("carol", "no-role"), ("dave", "not-found")):
        with pytest.raises(CountersignError) as told:
            three.portal.decisions.take_over("RR-2026-0001", by=three.who(name))
        assert told.value.code == code


def test_where_nobody_may_decide_nobody_is_given_it(small_house: House) -> None:
    small_house.credit()
    bob = next(
        one
        for one in small_house.portal.grants.everywhere(by=small_house.grace)
        if one.principal_id == small_house.bob.id
    )
    small_house.portal.grants.take(bob.id, by=small_house.grace)
    assert reader(small_house, 2) == ""


@pytest.mark.parametrize("days", [-1, 400])
def test_nobody_is_away_in_the_past_or_for_ever(small_house: House, days: int) -> None:
    day = small_house.clock.now().date() + timedelta(days=days)
    with pytest.raises(Invalid):
        small_house.portal.absences.say(day, by=small_house.bob)
    assert small_house.portal.absences.until(by=small_house.bob) is None


def test_back_again_is_said_the_same_way_and_is_on_record(small_house: House) -> None:
    absences, bob = small_house.portal.absences, small_house.bob
    absences.say(small_house.clock.now().date(), by=bob)
    absences.say(None, by=bob)
    absences.say(None, by=bob)
    assert absences.until(by=bob) is None
    assert len(small_house.records("absence:say")) == 3
