"""Asking to be let into a restricted model: who asks, who answers, and when it ends."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product

import pytest

from app.session import who_signed_in
from auth.access import Resource
from auth.access_request import (
    TRANSITIONS,
    AccessRequest,
    State,
    Verb,
    after,
    may_answer,
    standing,
)
from auth.actors import EVERYTHING, Actor, HeldRole, Kind, Scope
from auth.permissions import Role
from auth.tables import AccessRequestRow
from catalog.registry.locked import Locked
from ledger.errors import Conflict, CountersignError, Invalid, NotFound, Refused
from tests.api.test_release_story import client
from tests.at_once import at_once
from tests.cast import AT, LENDING, SYSTEM, House

TODAY = AT.date()
PURPOSE = "Comparing my own model with it."
KEPT_BECAUSE = "Its parameters would help people to game it."


def restricted(house: House) -> str:
    """Alice's model, kept to those who are let in, and Dave a viewer in its domain."""
    model = house.credit()
    house.portal.grants.give(house.dave.id, Role.VIEWER, LENDING, by=SYSTEM)
    house.portal.restrictions.restrict(model.id, KEPT_BECAUSE, by=house.alice)
    return model.id


def asked(house: House, *, until: date | None = None) -> AccessRequest:
    return house.portal.access_requests.ask(restricted(house), PURPOSE, by=house.dave, until=until)


def reads(house: House, by: Actor) -> bool:
    try:
        house.portal.models.find("credit-pd", by=by)
    except (Locked, NotFound):
        return False
    return True


# -- the tables ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "verb"), list(product(State, Verb)))
def test_the_table_says_which_way_leads_where_and_every_other_is_refused(
    state: State, verb: Verb
) -> None:
    expected = {
        (State.PENDING, Verb.ACCEPT): State.ACCEPTED,
        (State.PENDING, Verb.REFUSE): State.REFUSED,
        (State.PENDING, Verb.WITHDRAW): State.WITHDRAWN,
        (State.PENDING, Verb.EXPIRE): State.EXPIRED,
        (State.ACCEPTED, Verb.EXPIRE): State.EXPIRED,
    }
    if (state, verb) in expected:
        assert after(state, verb) is expected[state, verb] is TRANSITIONS[state, verb]
        return
    with pytest.raises(Conflict) as refusal:
        after(state, verb)
    assert refusal.value.code == "wrong-state"


@pytest.mark.parametrize("state", list(State))
def test_only_what_waits_or_was_accepted_expires_and_not_before_its_last_day_is_over(
    state: State,
) -> None:
    row = AccessRequestRow(
        id="acc_1",
        resource_id="mdl_1",
        principal_id="per_1",
        purpose=PURPOSE,
        until=TODAY,
        state=state,
        asked_at=AT,
    )
    midnight = AT.replace(hour=0, minute=0) + timedelta(days=1)
    assert standing(row, midnight - timedelta(microseconds=1)) is state
    ends = state in {State.PENDING, State.ACCEPTED}
    assert standing(row, midnight) is (State.EXPIRED if ends else state)


def test_only_the_owner_and_governance_admins_answer_and_never_who_asked() -> None:
    where = Resource("model", "mdl_1", "Lending", "per_owner", is_restricted=True)
    answering = {(Role.GOVERNANCE_ADMIN, EVERYTHING), (Role.GOVERNANCE_ADMIN, LENDING)}
    cards = Scope("domain", "Cards")
    for role, scope in product(
        [r for r in Role if r is not Role.SYSTEM], (EVERYTHING, LENDING, cards)
    ):
        held = (HeldRole(role, scope),)
        other = Actor("per_x", Kind.PERSON, "Xenia", roles=held)
        owner = Actor("per_owner", Kind.PERSON, "Olga", roles=held)
        robot = Actor("app_x", Kind.APPLICATION, "Robot", roles=held)
        assert bool(may_answer(other, "per_1", where)) is ((role, scope) in answering)
        assert bool(may_answer(owner, "per_1", where)) is (scope != cards)
        assert may_answer(other, "per_x", where).code == "requester"
        assert may_answer(owner, "per_owner", where).code == "requester"
        assert may_answer(robot, "per_1", where).code == "not-a-person"
    assert not may_answer(Actor("per_owner", Kind.PERSON, "Olga"), "per_1", where)


# -- the story -------------------------------------------------------------------------------------


def test_somebody_asks_the_owner_accepts_and_they_read(house: House) -> None:
    request = asked(house)
    assert (request.state, request.is_open, reads(house, house.dave)) == (
        State.PENDING,
        True,
        False,
    )
    assert [one.id for one in house.portal.access_requests.waiting(by=house.alice)] == [request.id]
    assert [one.id for one in house.portal.access_requests.waiting(by=house.grace)] == [request.id]
    assert house.portal.access_requests.waiting(by=house.bob) == []
    made = house.portal.access_requests.accept(request.id, by=house.alice, reason="Go ahead.")
    assert (made.state, made.decided_by) == (State.ACCEPTED, house.alice.id)
    assert reads(house, house.dave)
    assert house.portal.access_requests.waiting(by=house.alice) == []
    (record,) = house.records("access:accept")
    (grant,) = [one for one in house.dave.roles if one.scope.kind == "model"]
    assert (record.facts["grant"], record.facts["request"]) == (grant.grant_id, request.id)
    assert (record.facts["role"], grant.role) == ("viewer", Role.VIEWER)
    assert PURPOSE not in house.records("access:ask")[0].body


def test_a_refusal_needs_a_reason_that_reaches_who_asked(house: House) -> None:
    request = asked(house)
    with pytest.raises(Invalid) as wordless:
        house.portal.access_requests.refuse(request.id, " ", by=house.alice)
    assert wordless.value.code == "no-reason"
    house.portal.access_requests.refuse(request.id, "Use the scorecard.", by=house.alice)
    seen = house.portal.access_requests.newest(request.resource_id, by=house.dave)
    assert seen is not None
    assert (seen.state, seen.reason) == (State.REFUSED, "Use the scorecard.")
    assert not reads(house, house.dave)
    house.clock.advance(timedelta(minutes=1))
    again = house.portal.access_requests.ask(request.resource_id, "Please.", by=house.dave)
    assert [one.id for one in house.portal.access_requests.mine(by=house.dave)] == [
        again.id,
        request.id,
    ]


def test_the_same_is_asked_once_and_again_after_it_was_withdrawn(house: House) -> None:
    request = asked(house)
    with pytest.raises(Conflict) as twice:
        house.portal.access_requests.ask(request.resource_id, "Again.", by=house.dave)
    assert twice.value.code == "asked-already"
    with pytest.raises(Refused):
        house.portal.access_requests.withdraw(request.id, by=house.grace)
    house.portal.access_requests.withdraw(request.id, by=house.dave)
    with pytest.raises(Conflict) as late:
        house.portal.access_requests.accept(request.id, by=house.alice)
    assert late.value.code == "wrong-state"
    assert house.portal.access_requests.ask(request.resource_id, "Again.", by=house.dave).is_open


def test_who_may_read_already_has_nothing_to_ask_and_a_stranger_learns_nothing(
    small_house: House,
) -> None:
    model_id = restricted(small_house)
    ines = small_house.join("ines")
    for actor in (small_house.alice, small_house.bob, small_house.erik, small_house.grace):
        with pytest.raises(Conflict) as inside:
            small_house.portal.access_requests.ask(model_id, PURPOSE, by=actor)
        assert inside.value.code == "access-already"
    with pytest.raises(NotFound) as hidden:
        small_house.portal.access_requests.ask(model_id, PURPOSE, by=ines)
    with pytest.raises(NotFound) as nowhere:
        small_house.portal.access_requests.ask("mdl_nowhere", PURPOSE, by=ines)
    assert (hidden.value.message, hidden.value.hint) == (nowhere.value.message, nowhere.value.hint)
    small_house.portal.restrictions.lift(model_id, "Nothing to hide.", by=small_house.alice)
    with pytest.raises(Conflict):
        small_house.portal.access_requests.ask(model_id, PURPOSE, by=small_house.dave)


def test_a_request_is_seen_by_who_asked_and_who_may_answer_and_by_nobody_else(
    small_house: House,
) -> None:
    request = asked(small_house)
    desk = small_house.portal.access_requests
    for name in ("alice", "dave", "erik", "grace"):
        assert desk.get(request.id, by=small_house.who(name)).id == request.id
    for name in ("bob", "carol"):
        by = small_house.who(name)
        with pytest.raises(NotFound):
            desk.get(request.id, by=by)
        with pytest.raises(NotFound):
            desk.accept(request.id, by=by)
        with pytest.raises(NotFound):
            desk.refuse(request.id, "No.", by=by)
        with pytest.raises(NotFound):
            desk.withdraw(request.id, by=by)
    with pytest.raises(Refused):
        desk.accept(request.id, by=small_house.dave)
    with pytest.raises(Refused):
        desk.accept(request.id, by=small_house.erik)
    with pytest.raises(Refused):
        desk.page(by=small_house.alice)
    assert desk.page(by=small_house.erik).total == 1


@pytest.mark.parametrize(
    ("purpose", "until", "code"),
    [
        ("", None, "no-purpose"),
        ("x" * 501, None, "long-purpose"),
        ("a\x00b", None, "bad-purpose"),
        (PURPOSE, TODAY - timedelta(days=1), "bad-day"),
        (PURPOSE, date(9999, 12, 31), "bad-day"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_anything_happens(
    small_house: House, purpose: str, until: date | None, code: str
) -> None:
    model_id = restricted(small_house)
    with pytest.raises(Invalid) as refusal:
        small_house.portal.access_requests.ask(model_id, purpose, by=small_house.dave, until=until)
    assert refusal.value.code == code
    assert small_house.records("access:ask") == []


# -- the end of it ---------------------------------------------------------------------------------


def test_access_ends_at_once_in_an_open_session_when_its_last_day_is_over(house: House) -> None:
    request = asked(house, until=TODAY)
    house.portal.access_requests.accept(request.id, by=house.alice)
    person = house.portal.people.by_email(house.dave.email)
    assert person is not None
    midnight = AT.replace(hour=0, minute=0) + timedelta(days=1)
    house.clock.advance(midnight - timedelta(minutes=5) - house.clock.now())
    session = house.portal.sessions.start(person)
    ends = (midnight + timedelta(hours=1)).timestamp()
    claims = {"is_logged_in": True, "sid": session, "sub": person.id, "exp": ends}

    def here() -> Actor:
        return who_signed_in(claims, house.portal.sessions, house.clock.now())

    assert reads(house, here())
    house.clock.advance(timedelta(minutes=5) - timedelta(microseconds=1))
    assert reads(house, here())
    house.clock.advance(timedelta(microseconds=1))
    assert not reads(house, here())
    seen = house.portal.access_requests.newest(request.resource_id, by=house.dave)
    assert seen is not None
    assert seen.state is State.EXPIRED
    names = [one.principal_id for one in house.portal.grants.everywhere(by=house.grace)]
    assert names.count(house.dave.id) == 1
    again = house.portal.access_requests.ask(request.resource_id, PURPOSE, by=house.dave)
    house.portal.access_requests.accept(again.id, by=house.alice)
    assert reads(house, here())


def test_a_question_whose_day_went_by_is_not_answered_and_is_asked_anew(house: House) -> None:
    request = asked(house, until=TODAY)
    house.clock.advance(timedelta(days=1))
    assert house.portal.access_requests.waiting(by=house.alice) == []
    with pytest.raises(Conflict):
        house.portal.access_requests.accept(request.id, by=house.alice)
    fresh = house.portal.access_requests.ask(request.resource_id, PURPOSE, by=house.dave)
    assert [one.id for one in house.portal.access_requests.waiting(by=house.alice)] == [fresh.id]


def test_access_is_taken_back_like_any_role_and_the_request_says_so(house: House) -> None:
    request = asked(house)
    house.portal.access_requests.accept(request.id, by=house.alice)
    (grant,) = [one for one in house.dave.roles if one.scope.kind == "model"]
    house.portal.grants.take(grant.grant_id, by=house.grace)
    assert not reads(house, house.dave)
    seen = house.portal.access_requests.newest(request.resource_id, by=house.dave)
    assert seen is not None
    assert (seen.state, seen.is_taken_back) == (State.ACCEPTED, True)


def test_two_people_who_decide_at_once_leave_one_decision(house: House) -> None:
    request = asked(house)
    desk, alice, grace = house.portal.access_requests, house.alice, house.grace
    told = at_once(
        house.portal.ledger,
        [
            lambda: desk.refuse(request.id, "Not now.", by=alice),
            lambda: desk.refuse(request.id, "No.", by=grace),
        ],
    )
    late = [one.code for one in told if isinstance(one, CountersignError)]
    assert late == ["wrong-state"]
    done = house.records("access:refuse", outcome="done")
    assert len(done) == 1


def test_two_questions_at_once_leave_one(house: House) -> None:
    model_id = restricted(house)
    desk, dave = house.portal.access_requests, house.dave
    told = at_once(
        house.portal.ledger,
        [lambda: desk.ask(model_id, "One.", by=dave), lambda: desk.ask(model_id, "Two.", by=dave)],
    )
    assert [one.code for one in told if isinstance(one, CountersignError)] == ["asked-already"]


def test_somebody_disabled_meanwhile_is_not_let_in(small_house: House) -> None:
    request = asked(small_house)
    small_house.portal.people.disable(small_house.dave.id, by=small_house.grace)
    with pytest.raises(Conflict) as refusal:
        small_house.portal.access_requests.accept(request.id, by=small_house.alice)
    assert refusal.value.code == "disabled"


def test_an_application_asks_with_its_token_and_loads_after_it_was_let_in(house: House) -> None:
    restricted(house)
    _token, secret = house.portal.tokens.issue_for_application(
        house.robot.id, "loader", by=house.grace
    )
    robot = client(house)
    robot.headers["Authorization"] = f"Bearer {secret}"
    kept = robot.get("/models/credit-pd/aliases/champion")
    assert (kept.status_code, kept.json()["error"]) == (403, "restricted")
    wanted = {"model": "credit-pd", "purpose": "Scores applications."}
    made = robot.post("/access-requests", json=wanted)
    assert made.status_code == 201, made.text
    alice = client(house, house.alice)
    (waiting,) = alice.get("/access-requests").json()["waiting"]
    assert (waiting["id"], waiting["model"]) == (made.json()["id"], "credit-pd")
    said = {"decision": "accept", "until": (TODAY + timedelta(days=1)).isoformat()}
    answer = alice.post(f"/access-requests/{waiting['id']}/decision", json=said)
    assert (answer.status_code, answer.json()["state"]) == (200, "Accepted")
    assert robot.get("/models/credit-pd/aliases/champion").json()["version"] == 1
    own = robot.get(f"/access-requests/{waiting['id']}").json()
    assert own["until"] == (TODAY + timedelta(days=1)).isoformat()
    house.clock.advance(timedelta(days=2))
    assert robot.get("/models/credit-pd/aliases/champion").status_code == 403
    late = robot.post(f"/access-requests/{waiting['id']}/withdrawal")
    assert (late.status_code, late.json()["error"]) == (409, "wrong-state")


def test_an_answer_that_waits_is_found_behind_any_number_that_nobody_can_give(
    small_house: House,
) -> None:
    one = asked(small_house)
    with small_house.portal.store.write() as session:
        for number in range(201):
            session.add(
                AccessRequestRow(
                    id=f"acc_{number}",
                    resource_id=f"mdl_gone_{number}",
                    principal_id=small_house.dave.id,
                    purpose=PURPOSE,
                    until=None,
                    state=State.PENDING,
                    asked_at=AT - timedelta(days=1),
                )
            )
    waits = small_house.portal.access_requests.waiting(by=small_house.grace)
    assert [each.id for each in waits] == [one.id]
