"""Every state and every verb of a release request: what leads where, and what leads nowhere."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest

from app.worker import RELEASES
from catalog.registry.artifacts import Manifest
from catalog.releases.decisions.conditions import Condition
from catalog.releases.requests.request import ReleaseRequest
from catalog.releases.states import (
    AGREEING,
    APPROVING,
    ENDED,
    OPEN,
    ROUNDS,
    STANDING,
    TRANSITIONS,
    PromotionState,
    Route,
    State,
    Verb,
    after,
    stands,
    target,
)
from catalog.releases.tables import RequestRow
from ledger.errors import Conflict, CountersignError
from tests.cast import WHY, House

CONDITION = Condition("Write down how it is watched.", date(2026, 12, 1))
PAIRS = list(product(State, Verb))


# The table once more, as it was agreed: whoever changes the one changes the other.
AGREED = """
Pending review: collect In review, reject Rejected, request-changes Changes requested
Pending review: withdraw Withdrawn, expire Expired
In review: approve Approved, approve-with-conditions Conditionally approved, reject Rejected
In review: request-changes Changes requested, withdraw Withdrawn, expire Expired
In review: send-back Pending review
Changes requested: resubmit Pending review, withdraw Withdrawn, expire Expired
Conditionally approved: fulfil Approved, revoke Revoked
Approved: revoke Revoked
"""


def test_the_table_is_the_one_that_was_agreed() -> None:
    ways = [line.split(": ") for line in AGREED.strip().splitlines()]
    agreed = {
        (state, way.partition(" ")[0]): way.partition(" ")[2]
        for state, many in ways
        for way in many.split(", ")
    }
    assert agreed == {
        (state.value, verb.value): to.value for (state, verb), to in TRANSITIONS.items()
    }


@pytest.mark.parametrize(("state", "verb"), PAIRS)
def test_a_verb_leads_where_the_table_says_or_is_a_conflict(state: State, verb: Verb) -> None:
    if (state, verb) in TRANSITIONS:
        assert after(state, verb) is TRANSITIONS[state, verb]
        return
    with pytest.raises(Conflict) as told:
        after(state, verb)
    assert told.value.code == "wrong-state"


@pytest.mark.parametrize("state", [state for state in State if state not in OPEN | STANDING])
def test_nothing_leads_out_of_a_closed_request(state: State) -> None:
    assert not [verb for verb in Verb if (state, verb) in TRANSITIONS]


def test_every_state_but_the_first_is_reached_by_some_verb() -> None:
    assert set(TRANSITIONS.values()) == set(State)


def test_what_has_ended_and_the_ways_to_ask_are_those_that_were_agreed() -> None:
    assert {"Rejected", "Withdrawn", "Revoked", "Expired"} == ENDED == {*State} - OPEN - STANDING
    assert {"send-back", "resubmit"} == ROUNDS
    assert [*Route] == ["release", "emergency", "rollback", "retirement"]
    assert {"release", "emergency"} == APPROVING
    assert [*PromotionState] == ["Queued", "Applied", "Failed"]


def test_an_approval_leaves_its_alias_at_the_version_and_a_retirement_at_none() -> None:
    assert [target(route, 3) for route in Route] == [3, 3, 3, None]


def test_where_a_request_stands_begins_a_sentence() -> None:
    assert stands(State.IN_REVIEW) == "This request is in review"
    assert stands(State.CHANGES_REQUESTED) == "Changes were asked for in this request"


def test_an_approval_is_possible_only_of_what_is_in_review() -> None:
    assert [state for state, verb in TRANSITIONS if verb in AGREEING] == [State.IN_REVIEW] * 2


def act(house: House, request: ReleaseRequest, verb: Verb) -> None:
    """Carry out a verb by somebody who may, if the state lets them."""
    desk = house.portal.requests
    if verb is Verb.COLLECT:
        desk.collected(request.id, Manifest({"a": (1, "0")}, "sha256:0"), by=RELEASES)
    elif verb is Verb.EXPIRE:
        desk.expire(request.id, WHY, by=RELEASES)
    elif verb is Verb.WITHDRAW:
        desk.withdraw(request.id, WHY, by=house.alice)
    elif verb is Verb.RESUBMIT:
        desk.resubmit(request.id, WHY, by=house.alice)
    elif verb is Verb.REVOKE:
        house.portal.approvals.revoke(request.id, WHY, by=house.bob)
    elif verb is Verb.FULFIL:
        house.portal.approvals.fulfil(request.id, by=RELEASES)
    else:
        asked = [CONDITION] if verb is Verb.APPROVE_WITH_CONDITIONS else []
        house.portal.decisions.decide(request.id, verb, WHY, conditions=asked, by=house.bob)


@pytest.mark.parametrize(
    ("state", "verb"),
    # The verb `send-back` is nobody's button: an approval turns into it when something changed.
    [(state, verb) for state, verb in PAIRS if verb is not Verb.SEND_BACK],
)
def test_the_desk_goes_only_where_the_table_leads(
    small_house: House, state: State, verb: Verb
) -> None:
    small_house.credit()
    request = small_house.asked()
    with small_house.portal.store.write() as session:
        row = session.get_one(RequestRow, request.id)
        row.state = state
        session.add(row)
    before = small_house.portal.requests.get(request.id, by=small_house.alice)
    problem: CountersignError | None = None
    try:
        act(small_house, before, verb)
    except CountersignError as refusal:
        problem = refusal
    now = small_house.portal.requests.get(request.id, by=small_house.alice)
    if (state, verb) in TRANSITIONS:
        assert problem is None
        assert now.state is TRANSITIONS[state, verb]
        return
    assert now == before
    # What the worker finds too late is no fault of anybody; a person is told.
    if verb not in {Verb.COLLECT, Verb.EXPIRE, Verb.FULFIL}:
        assert isinstance(problem, Conflict)
        assert problem.code == "wrong-state"
