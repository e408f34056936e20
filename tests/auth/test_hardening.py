"""The ways in that looked closed: codes, passwords, scopes, tokens and administrators at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlmodel import select

from auth import passwords
from auth.actors import EVERYTHING, Actor, Scope
from auth.lockout import LOCKED_FOR, MISSES_ALLOWED
from auth.people import Person
from auth.permissions import Role
from auth.tables import GrantRow, PrincipalRow, SignInMissRow
from ledger.errors import (
    Conflict,
    CountersignError,
    Invalid,
    NotFound,
    Refused,
    TooMany,
    Unauthenticated,
)
from tests.cast import LENDING, SYSTEM, House

PASSWORD = "correct horse battery"
WRONG = "a wrong password"
ANOTHER = "staple of another colour"
CARDS = Scope("domain", "Cards")
ON_POSTGRESQL = pytest.mark.parametrize("peopled_url", ["postgresql"], indirect=True)


def comes_in(house: House, name: str = "nora") -> Person:
    """Somebody new with a password."""
    person, code = house.portal.people.add("Nora Lind", f"{name}@norrland.example", by=house.grace)
    house.portal.people.accept_invitation(code, PASSWORD)
    return person


def tried(house: House, email: str, password: str = WRONG) -> str:
    """How a try to come in ends."""
    try:
        house.portal.people.check_password(email, password)
    except CountersignError as refusal:
        return refusal.code
    return "in"


def at_the_same_time(acts: list[Callable[[], str]]) -> list[str]:
    """Run acts in threads that begin together."""
    together = threading.Barrier(len(acts))

    def outcome(act: Callable[[], str]) -> str:
        together.wait(20)
        return act()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(outcome, acts))


# -- codes -----------------------------------------------------------------------------------------


def test_codes_that_strangers_make_up_are_neither_hashed_nor_recorded_one_by_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    real = passwords.hashed

    def counted(password: str) -> str:
        hashed.append(password)
        return real(password)

    monkeypatch.setattr(passwords, "hashed", counted)
    before = len(house.records())
    for number in range(20):
        with pytest.raises(Unauthenticated) as told:
            house.portal.people.accept_invitation(f"made up {number}", PASSWORD)
        assert told.value.code == "code-spent"
        with pytest.raises(Unauthenticated):
            house.portal.people.set_up(f"made up {number}", "Eve", "eve@x.example", PASSWORD)
    assert hashed == []
    assert [(one.act, one.resource, one.reason) for one in house.records()[before:]] == [
        ("person:accept", "person:unknown", "code-spent"),
        ("person:set-up", "person:unknown", "code-spent"),
    ]


@pytest.mark.parametrize("code", ["", "\ud800", "é", "a" * 100_000])
def test_a_code_of_any_characters_is_a_spent_one(small_house: House, code: str) -> None:
    with pytest.raises(Unauthenticated):
        small_house.portal.people.accept_invitation(code, PASSWORD)


def test_a_new_invitation_ends_the_ones_before_it(house: House) -> None:
    people = house.portal.people
    person, first = people.add("Nora Lind", "nora@norrland.example", by=house.grace)
    second = people.invite_again(person.id, by=house.grace)
    with pytest.raises(Unauthenticated):
        people.accept_invitation(first, PASSWORD)
    people.accept_invitation(second, PASSWORD)


def test_an_invitation_does_not_survive_a_disabling(house: House) -> None:
    people = house.portal.people
    person, code = people.add("Nora Lind", "nora@norrland.example", by=house.grace)
    people.disable(person.id, by=house.grace)
    people.enable(person.id, by=house.grace)
    with pytest.raises(Unauthenticated):
        people.accept_invitation(code, PASSWORD)


def test_a_new_password_ends_the_sessions_that_began_with_the_old_one(house: House) -> None:
    person = comes_in(house)
    other = house.portal.sessions.start(comes_in(house, "olga"))
    session = house.portal.sessions.start(person)
    code = house.portal.people.invite_again(person.id, by=house.grace)
    house.portal.people.accept_invitation(code, ANOTHER)
    with pytest.raises(Unauthenticated) as told:
        house.portal.sessions.who_is(session)
    assert told.value.code == "session-ended"
    assert house.portal.sessions.who_is(other).email == "olga@norrland.example"
    assert tried(house, "nora@norrland.example", PASSWORD) == "wrong-password"
    assert tried(house, "nora@norrland.example", ANOTHER) == "in"


# -- in somebody's name ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "scope"),
    [
        (Role.APPROVER, LENDING),
        (Role.APPROVER, EVERYTHING),
        (Role.GOVERNANCE_ADMIN, EVERYTHING),
        (Role.GOVERNANCE_ADMIN, LENDING),
    ],
)
def test_nobody_makes_a_link_that_turns_them_into_an_approver_or_an_administrator(
    house: House, role: Role, scope: Scope
) -> None:
    person = comes_in(house)
    house.portal.grants.give(person.id, role, scope, by=house.grace)
    with pytest.raises(Refused) as told:
        house.portal.people.invite_again(person.id, by=house.grace)
    assert told.value.code == "self-reset-needed"
    assert "add them anew" in told.value.hint
    assert house.records("person:invite")[-1].reason == "self-reset-needed"
    assert tried(house, "nora@norrland.example", PASSWORD) == "in"


def test_who_decides_and_has_no_password_yet_or_decides_nothing_is_invited_again(
    small_house: House,
) -> None:
    people, grace = small_house.portal.people, small_house.grace
    people.accept_invitation(people.invite_again(small_house.bob.id, by=grace), PASSWORD)
    for who in ("alice", "carol"):
        one = small_house.who(who).id
        people.accept_invitation(people.invite_again(one, by=grace), PASSWORD)
        people.accept_invitation(people.invite_again(one, by=grace), ANOTHER)


def test_an_approver_who_forgot_the_password_is_added_anew_as_somebody_who_did_nothing(
    house: House,
) -> None:
    people, email = house.portal.people, "bob@norrland.example"
    old = house.bob
    with pytest.raises(Conflict):
        people.add("Bob Norrland", email, by=house.grace)
    people.disable(old.id, by=house.grace)
    new, code = people.add("Bob Norrland", email, by=house.grace)
    people.accept_invitation(code, PASSWORD)
    assert new.id != old.id
    assert house.bob.roles == ()
    assert tried(house, email, PASSWORD) == "in"
    assert people.names({old.id}) == {old.id: "Bob Norrland"}
    with pytest.raises(Conflict) as told:
        people.enable(old.id, by=house.grace)
    assert told.value.code == "replaced"


# -- wrong passwords -------------------------------------------------------------------------------


def test_an_address_that_nobody_has_is_locked_like_any_other(house: House) -> None:
    comes_in(house)
    told = [
        [tried(house, email) for _ in range(MISSES_ALLOWED + 2)]
        for email in ("nora@norrland.example", "nobody@norrland.example", "bob@norrland.example")
    ]
    assert told == [["wrong-password"] * MISSES_ALLOWED + ["locked"] * 2] * 3
    house.clock.advance(LOCKED_FOR)
    assert tried(house, "nobody@norrland.example") == "wrong-password"
    assert tried(house, "nora@norrland.example", PASSWORD) == "in"


def test_a_lock_does_not_last_longer_for_those_who_go_on_trying(house: House) -> None:
    comes_in(house)
    for _ in range(MISSES_ALLOWED):
        tried(house, "nora@norrland.example")
    for _ in range(3):
        house.clock.advance(LOCKED_FOR / 4)
        assert tried(house, "nora@norrland.example") == "locked"
    house.clock.advance(LOCKED_FOR / 4)
    assert tried(house, "nora@norrland.example", PASSWORD) == "in"


def test_what_strangers_type_is_kept_as_a_digest_and_swept_away(house: House) -> None:
    for number in range(5):
        tried(house, f"somebody-{number}@x.example")
    with house.portal.store.read() as session:
        kept = session.exec(select(SignInMissRow.address)).all()
    assert len(kept) == 5
    assert not any("@" in one for one in kept)
    house.clock.advance(LOCKED_FOR)
    tried(house, "another@x.example")
    with house.portal.store.read() as session:
        assert len(session.exec(select(SignInMissRow)).all()) == 1


def test_a_new_password_opens_a_locked_account(house: House) -> None:
    person = comes_in(house)
    for _ in range(MISSES_ALLOWED + 1):
        tried(house, "nora@norrland.example")
    code = house.portal.people.invite_again(person.id, by=house.grace)
    house.portal.people.accept_invitation(code, ANOTHER)
    assert tried(house, "nora@norrland.example", ANOTHER) == "in"


def test_many_wrong_passwords_at_the_same_moment_are_five_as_well(house: House) -> None:
    comes_in(house)
    told = at_the_same_time([lambda: tried(house, "nora@norrland.example")] * 16)
    assert sorted(told) == ["locked"] * (16 - MISSES_ALLOWED) + ["wrong-password"] * MISSES_ALLOWED
    with pytest.raises(TooMany):
        house.portal.people.check_password("nora@norrland.example", PASSWORD)


# -- administrators --------------------------------------------------------------------------------


@ON_POSTGRESQL
def test_however_two_administrators_end_each_other_at_once_one_stays(house: House) -> None:
    grace, gus = house.grace, house.join("gus", Role.GOVERNANCE_ADMIN)

    def ended(act: Callable[[], None]) -> str:
        try:
            act()
        except CountersignError as refusal:
            return refusal.code
        return "done"

    people, grants = house.portal.people, house.portal.grants
    rounds: list[tuple[Callable[[], None], Callable[[], None]]] = [
        (lambda: people.disable(gus.id, by=grace), lambda: people.disable(grace.id, by=gus)),
        (
            lambda: people.disable(gus.id, by=grace),
            lambda: grants.take(grace.roles[0].grant_id, by=gus),
        ),
        (
            lambda: grants.take(gus.roles[0].grant_id, by=grace),
            lambda: grants.take(grace.roles[0].grant_id, by=gus),
        ),
    ]
    for one, two in rounds * 2:
        told = at_the_same_time([partial(ended, one), partial(ended, two)])
        assert sorted(told) == ["done", "last-administrator"]
        _as_before(house, grace, gus)


def _as_before(house: House, *administrators: Actor) -> None:
    """Both administrators are back, with the grants they had."""
    with house.portal.store.write() as session:
        for actor in administrators:
            row = session.get_one(PrincipalRow, actor.id)
            row.disabled_at = None
            session.add(row)
            if not session.get(GrantRow, actor.roles[0].grant_id):
                session.add(
                    GrantRow(
                        id=actor.roles[0].grant_id,
                        principal_id=actor.id,
                        role=Role.GOVERNANCE_ADMIN,
                        scope_kind=EVERYTHING.kind,
                        scope_id=EVERYTHING.id,
                        given_by=SYSTEM.id,
                        given_at=house.clock.now(),
                    )
                )


def test_an_administrator_of_one_domain_has_no_say_over_the_tokens_of_others(house: House) -> None:
    sam = house.join("sam", Role.GOVERNANCE_ADMIN, CARDS)
    tokens = house.portal.tokens
    token, secret = tokens.issue("ci", by=house.alice)
    mine, _secret = tokens.issue("mine", by=sam)
    assert [one.id for one in tokens.listing(by=sam)] == [mine.id]
    with pytest.raises(NotFound):
        tokens.revoke(token.id, by=sam)
    with pytest.raises(Refused) as told:
        tokens.issue_for_application(house.robot.id, "stolen", by=sam)
    assert told.value.code == "no-role"
    assert tokens.who_is(secret) == house.alice
    tokens.revoke(mine.id, by=sam)


# -- scopes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scope",
    [
        Scope("everything", "x"),
        Scope("everything", ""),
        Scope("model", "Ann Smith, ann@x.example"),
        Scope("model", "credit-pd"),
        Scope("model", "mdl_" + "a" * 25),
        Scope("model", "*"),
        Scope("domain", "x" * 81),
        Scope("domain", "a\x00b"),
        Scope("domain", "a\nb"),
    ],
)
def test_a_role_is_not_given_on_something_that_cannot_exist(
    small_house: House, scope: Scope
) -> None:
    with pytest.raises(Invalid) as told:
        small_house.portal.grants.give(
            small_house.dave.id, Role.VIEWER, scope, by=small_house.grace
        )
    assert told.value.code == "no-such-scope"


def test_the_name_of_a_domain_stands_beside_the_record_of_a_grant_not_in_it(house: House) -> None:
    scope = Scope("domain", "Loans of Ann Smith")
    grant = house.portal.grants.give(house.dave.id, Role.VIEWER, scope, by=house.grace)
    house.portal.grants.take(grant.id, by=house.grace)
    for act in ("grant:give", "grant:take"):
        record = house.records(act)[-1]
        assert record.facts == {"role": "viewer", "scope": "domain", "grant": grant.id}
        assert record.texts == {"domain": "Loans of Ann Smith"}
        assert "Ann" not in record.body
