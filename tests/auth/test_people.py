"""How people come in, what they hold, and how they are sent away."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlmodel import Session

from auth import invitations
from auth import people as people_desk
from auth.access import ANYTHING, decide
from auth.actors import EVERYTHING, Actor, Scope
from auth.administrators import keep_an_administrator
from auth.lockout import LOCKED_FOR, MISSES_ALLOWED
from auth.people import Person
from auth.permissions import GIVABLE_ROLES, Role
from auth.sessions import IDLE, LASTS
from ledger.errors import (
    Conflict,
    CountersignError,
    Invalid,
    NotFound,
    Refused,
    TooMany,
    Unauthenticated,
)
from ledger.trail import Filter
from tests.at_once import at_once
from tests.cast import LENDING, SYSTEM, House

PASSWORD = "correct horse battery"
MINUTE = timedelta(minutes=1)


def comes_in(house: House, name: str = "nora") -> Person:
    """Somebody new with a password."""
    person, code = house.portal.people.add("Nora Lind", f"{name}@norrland.example", by=house.grace)
    house.portal.people.accept_invitation(code, PASSWORD)
    return person


# -- invitations -----------------------------------------------------------------------------------


def test_an_invitation_sets_one_password_once(house: House) -> None:
    people = house.portal.people
    person, code = people.add("Nora Lind", "Nora@Norrland.example ", by=house.grace)
    assert people.accept_invitation(code, PASSWORD) == person
    assert people.check_password("nora@norrland.example", PASSWORD) == person
    with pytest.raises(Unauthenticated) as told:
        people.accept_invitation(code, "another password")
    assert told.value.code == "code-spent"
    assert people.check_password("nora@norrland.example", PASSWORD) == person


def test_an_invitation_ends_after_three_days(house: House) -> None:
    people = house.portal.people
    _person, code = people.add("Nora Lind", "nora@norrland.example", by=house.grace)
    house.clock.advance(invitations.LASTS)
    with pytest.raises(Unauthenticated):
        people.accept_invitation(code, PASSWORD)


def test_of_two_who_use_a_code_at_once_one_comes_in(house: House) -> None:
    people = house.portal.people
    _person, code = people.add("Nora Lind", "nora@norrland.example", by=house.grace)
    outcomes = at_once(house.portal.ledger, [lambda: people.accept_invitation(code, PASSWORD)] * 2)
    assert [o.code for o in outcomes if isinstance(o, CountersignError)] == ["code-spent"]


@pytest.mark.parametrize("password", ["", "short", "x" * 11, "x" * 201])
def test_a_password_that_is_too_short_or_endless_spends_no_invitation(
    small_house: House, password: str
) -> None:
    people = small_house.portal.people
    _person, code = people.add("Nora Lind", "nora@norrland.example", by=small_house.grace)
    with pytest.raises(Invalid) as told:
        people.accept_invitation(code, password)
    assert told.value.code == "weak-password"
    people.accept_invitation(code, PASSWORD)


def test_an_invitation_of_a_disabled_person_lets_nobody_in(small_house: House) -> None:
    people = small_house.portal.people
    person, code = people.add("Nora Lind", "nora@norrland.example", by=small_house.grace)
    people.disable(person.id, by=small_house.grace)
    with pytest.raises(Unauthenticated):
        people.accept_invitation(code, PASSWORD)


@pytest.mark.parametrize(
    ("name", "email"),
    [("", "a@b.example"), ("x" * 121, "a@b.example"), ("Ann", "no address"), ("Ann", "")],
)
def test_a_person_has_a_name_and_an_address(small_house: House, name: str, email: str) -> None:
    with pytest.raises(Invalid):
        small_house.portal.people.add(name, email, by=small_house.grace)


def test_nobody_is_known_twice(small_house: House) -> None:
    with pytest.raises(Conflict) as told:
        small_house.portal.people.add("Bob", "BOB@norrland.example", by=small_house.grace)
    assert told.value.code == "email-known"


def test_names_and_addresses_are_beside_the_record_not_in_it(house: House) -> None:
    house.portal.people.add("Nora Lind", "nora@norrland.example", by=house.grace)
    record = house.records("person:add")[-1]
    assert record.texts == {"name": "Nora Lind", "email": "nora@norrland.example"}
    assert "Nora" not in record.body
    assert "nora@" not in record.body
    house.portal.people.accept_invitation(
        house.portal.people.invite_again(house.who("nora").id, by=house.grace), PASSWORD
    )
    assert not any(PASSWORD in one.body for one in house.records())


def test_the_first_administrator_comes_in_with_the_code_on_the_terminal_once(
    small_house: House,
) -> None:
    people = small_house.portal.people
    assert people.set_up_code(by=SYSTEM) is None  # Grace is there already
    with pytest.raises(Unauthenticated):
        people.set_up("a code nobody made", "Eve", "eve@norrland.example", PASSWORD)


# -- passwords -------------------------------------------------------------------------------------


def test_after_five_misses_in_a_row_the_right_password_waits_too(house: House) -> None:
    comes_in(house)
    people = house.portal.people
    for _ in range(MISSES_ALLOWED):
        with pytest.raises(Unauthenticated):
            people.check_password("nora@norrland.example", "a wrong password")
    with pytest.raises(TooMany) as told:
        people.check_password("nora@norrland.example", PASSWORD)
    assert told.value.code == "locked"
    house.clock.advance(LOCKED_FOR)
    assert people.check_password("nora@norrland.example", PASSWORD).name == "Nora Lind"


def test_a_right_password_forgets_the_misses_before_it(small_house: House) -> None:
    comes_in(small_house)
    people = small_house.portal.people
    for _ in range(2):
        for _ in range(MISSES_ALLOWED - 1):
            with pytest.raises(Unauthenticated):
                people.check_password("nora@norrland.example", "a wrong password")
        people.check_password("nora@norrland.example", PASSWORD)


def test_nobody_learns_who_is_known(small_house: House) -> None:
    person = comes_in(small_house)
    comes_in(small_house, "olga")
    people = small_house.portal.people
    people.disable(person.id, by=small_house.grace)
    told = set()
    for email, password in (
        ("nobody@norrland.example", PASSWORD),
        ("nora@norrland.example", PASSWORD),
        ("olga@norrland.example", "a wrong password"),
        ("bob@norrland.example", PASSWORD),
    ):
        with pytest.raises(Unauthenticated) as refusal:
            people.check_password(email, password)
        told.add((refusal.value.message, refusal.value.hint, refusal.value.code))
    assert len(told) == 1


def test_wrong_passwords_do_not_fill_the_trail(small_house: House) -> None:
    before = len(small_house.records())
    for _ in range(20):
        with pytest.raises((Unauthenticated, TooMany)):
            small_house.portal.people.check_password("nobody@norrland.example", "x")
    told = [record.reason for record in small_house.records()[before:]]
    assert told == ["wrong-password", "locked"]


# -- sessions --------------------------------------------------------------------------------------


def test_a_session_knows_who_came_in_and_what_they_hold_now(house: House) -> None:
    person = comes_in(house)
    session = house.portal.sessions.start(person)
    assert house.portal.sessions.who_is(session).roles == ()
    house.portal.grants.give(person.id, Role.APPROVER, LENDING, by=house.grace)
    (held,) = house.portal.sessions.who_is(session).roles
    assert (held.role, held.scope) == (Role.APPROVER, LENDING)


def test_a_session_nobody_uses_ends_after_two_hours(house: House) -> None:
    session = house.portal.sessions.start(comes_in(house))
    house.clock.advance(IDLE - MINUTE)
    house.portal.sessions.who_is(session)
    house.clock.advance(IDLE - MINUTE)
    house.portal.sessions.who_is(session)
    house.clock.advance(IDLE)
    with pytest.raises(Unauthenticated) as told:
        house.portal.sessions.who_is(session)
    assert told.value.code == "session-expired"


def test_a_session_ends_after_eight_hours_however_busy(small_house: House) -> None:
    session = small_house.portal.sessions.start(comes_in(small_house))
    for _ in range(int(LASTS / timedelta(hours=1)) - 1):
        small_house.clock.advance(timedelta(hours=1))
        small_house.portal.sessions.who_is(session)
    small_house.clock.advance(timedelta(hours=1))
    with pytest.raises(Unauthenticated):
        small_house.portal.sessions.who_is(session)


def test_who_signed_out_is_out(small_house: House) -> None:
    session = small_house.portal.sessions.start(comes_in(small_house))
    small_house.portal.sessions.end(session)
    small_house.portal.sessions.end(session)
    with pytest.raises(Unauthenticated) as told:
        small_house.portal.sessions.who_is(session)
    assert told.value.code == "session-ended"
    assert len(small_house.records("session:end")) == 1


def test_a_session_nobody_began_is_nobodys(small_house: House) -> None:
    for session in ("", "guessed", "' OR 1=1 --"):
        with pytest.raises(Unauthenticated):
            small_house.portal.sessions.who_is(session)


def test_a_disabled_person_is_out_at_once_with_sessions_and_tokens(house: House) -> None:
    person = comes_in(house)
    house.portal.grants.give(person.id, Role.APPROVER, LENDING, by=house.grace)
    session = house.portal.sessions.start(person)
    _token, secret = house.portal.tokens.issue("ci", by=house.who("nora"))
    house.portal.people.disable(person.id, by=house.grace)
    for attempt in (
        lambda: house.portal.sessions.who_is(session),
        lambda: house.portal.tokens.who_is(secret),
        lambda: house.portal.people.actor(person.id),
        lambda: house.portal.sessions.start(person),
    ):
        with pytest.raises(Unauthenticated):
            attempt()
    house.portal.people.enable(person.id, by=house.grace)
    for attempt in (
        lambda: house.portal.sessions.who_is(session),
        lambda: house.portal.tokens.who_is(secret),
    ):
        with pytest.raises(Unauthenticated):
            attempt()
    house.portal.people.check_password("nora@norrland.example", PASSWORD)


# -- grants ----------------------------------------------------------------------------------------


def test_nobody_gives_a_role_to_themselves(house: House) -> None:
    with pytest.raises(Refused) as told:
        house.portal.grants.give(house.grace.id, Role.APPROVER, EVERYTHING, by=house.grace)
    assert told.value.code == "self-grant"
    record = house.records("grant:give")[-1]
    assert (record.outcome, record.reason) == ("refused", "self-grant")
    assert record.facts == {"role": "approver", "scope": "everything:*"}


@pytest.mark.parametrize("who", ["alice", "bob", "carol", "dave", "erik", "robot"])
def test_only_an_administrator_gives_and_takes(small_house: House, who: str) -> None:
    by = small_house.robot if who == "robot" else small_house.who(who)
    grant = small_house.bob.roles[0].grant_id
    for attempt in (
        lambda: small_house.portal.grants.give(small_house.dave.id, Role.VIEWER, EVERYTHING, by=by),
        lambda: small_house.portal.grants.take(grant, by=by),
        lambda: small_house.portal.people.add("Eve", "eve@norrland.example", by=by),
        lambda: small_house.portal.people.disable(small_house.bob.id, by=by),
        lambda: small_house.portal.people.invite_again(small_house.bob.id, by=by),
        lambda: small_house.portal.tokens.register_application("Mine", by=by),
    ):
        with pytest.raises(Refused) as told:
            attempt()
        assert told.value.code == "no-role"
    assert small_house.bob.roles


def test_an_administrator_of_one_domain_gives_nothing(small_house: House) -> None:
    by = small_house.join("gus", Role.GOVERNANCE_ADMIN, LENDING)
    with pytest.raises(Refused):
        small_house.portal.grants.give(small_house.dave.id, Role.VIEWER, LENDING, by=by)


@pytest.mark.parametrize("role", [role for role in Role if role not in GIVABLE_ROLES])
def test_the_roles_of_machines_are_given_to_nobody(small_house: House, role: Role) -> None:
    with pytest.raises(Invalid):
        small_house.portal.grants.give(small_house.dave.id, role, EVERYTHING, by=small_house.grace)


@pytest.mark.parametrize("scope", [Scope("planet", "x"), Scope("domain", ""), Scope("", "")])
def test_a_role_is_given_on_everything_a_domain_or_a_model(
    small_house: House, scope: Scope
) -> None:
    with pytest.raises(Invalid):
        small_house.portal.grants.give(
            small_house.dave.id, Role.VIEWER, scope, by=small_house.grace
        )


def test_the_same_grant_is_not_given_twice_and_not_taken_twice(small_house: House) -> None:
    grants, grace = small_house.portal.grants, small_house.grace
    grant = grants.give(small_house.dave.id, Role.VIEWER, LENDING, by=grace)
    with pytest.raises(Conflict):
        grants.give(small_house.dave.id, Role.VIEWER, LENDING, by=grace)
    grants.take(grant.id, by=grace)
    with pytest.raises(NotFound):
        grants.take(grant.id, by=grace)
    assert small_house.dave.roles == ()


def test_an_application_and_a_stranger_get_no_role(small_house: House) -> None:
    for whom in (small_house.robot.id, "per_nobody"):
        with pytest.raises(NotFound):
            small_house.portal.grants.give(whom, Role.VIEWER, EVERYTHING, by=small_house.grace)


def test_the_last_administrator_stays(house: House) -> None:
    grace = house.grace
    other = house.join("gus", Role.GOVERNANCE_ADMIN, LENDING)  # of a domain: cannot give access
    with pytest.raises(Refused) as told:
        house.portal.grants.take(grace.roles[0].grant_id, by=grace)
    assert told.value.code == "last-administrator"
    with pytest.raises(Refused) as told:
        house.portal.people.disable(grace.id, by=grace)
    assert told.value.code == "self-disable"
    house.portal.grants.give(other.id, Role.GOVERNANCE_ADMIN, EVERYTHING, by=grace)
    house.portal.grants.take(grace.roles[0].grant_id, by=house.who("gus"))
    assert house.grace.roles == ()


@pytest.mark.parametrize("peopled_url", ["postgresql"], indirect=True)
def test_two_administrators_who_send_each_other_away_at_once_do_not_both_go(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite lets one writer in at a time; PostgreSQL lets both look before either has written."""
    grace, gus = house.grace, house.join("gus", Role.GOVERNANCE_ADMIN)
    both_looked = threading.Barrier(2)

    def look_then_wait(session: Session, *, without: str) -> None:
        keep_an_administrator(session, without=without)
        # Whoever is held back by a lock does not come; then nobody waits any longer.
        with suppress(threading.BrokenBarrierError):
            both_looked.wait(1)

    monkeypatch.setattr(people_desk, "keep_an_administrator", look_then_wait)
    people = house.portal.people
    outcomes = at_once(
        house.portal.ledger,
        [lambda: people.disable(gus.id, by=grace), lambda: people.disable(grace.id, by=gus)],
    )
    assert [o.code for o in outcomes if isinstance(o, Refused)] == ["last-administrator"]
    (left,) = [one for one in (grace, gus) if _is_in(house, one)]
    assert decide(left, "grant:give", ANYTHING)


def _is_in(house: House, actor: Actor) -> bool:
    try:
        house.portal.people.actor(actor.id)
    except Unauthenticated:
        return False
    return True


def test_who_may_do_what_and_why_is_told_to_those_who_may_ask(small_house: House) -> None:
    model = small_house.credit()
    name, verdict = small_house.portal.grants.why(
        small_house.bob.id, "release:decide", model.resource, by=small_house.erik
    )
    assert (name, verdict.reason) == (
        "Bob Norrland",
        "Bob Norrland holds the role approver on Lending.",
    )
    with pytest.raises(Refused):
        small_house.portal.grants.why(
            small_house.bob.id, "release:decide", model.resource, by=small_house.alice
        )
    assert small_house.portal.grants.roleless(by=small_house.grace) == ["Dave Norrland"]


def test_the_trail_is_read_and_taken_away_by_role_and_taking_is_an_act(house: House) -> None:
    audits = house.portal.audits
    for who in ("alice", "bob", "carol", "dave"):
        by = house.who(who)
        for look in (
            lambda by=by: audits.listing(Filter(), by=by),
            lambda by=by: audits.read(1, by=by),
            lambda by=by: audits.count(Filter(), by=by),
            lambda by=by: audits.acts(by=by),
            lambda by=by: audits.export(Filter(), by=by),
        ):
            with pytest.raises(Refused):
                look()
    with pytest.raises(Refused):
        audits.export(Filter(), by=house.grace)
    taken = audits.export(Filter(act="grant:give"), by=house.erik)
    assert {record.act for record in taken} == {"grant:give"}
    assert house.records("audit:export")[-1].facts == {"records": str(len(taken))}
    with pytest.raises(NotFound):
        audits.read(10**6, by=house.erik)
