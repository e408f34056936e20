"""Bearer tokens: shown once, ended at once, and never more than the person they stand for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.actors import Actor, Kind
from auth.tables import TokenRow
from auth.tokens import looks_like_token, make_token
from catalog.releases.states import Verb
from ledger.errors import Invalid, NotFound, Refused, Unauthenticated
from tests.cast import WHY, House


def test_a_token_acts_as_the_person_who_made_it_with_the_roles_held_now(house: House) -> None:
    token, secret = house.portal.tokens.issue("ci", by=house.bob)
    assert house.portal.tokens.who_is(secret) == house.bob
    house.portal.grants.take(house.bob.roles[0].grant_id, by=house.grace)
    assert house.portal.tokens.who_is(secret).roles == ()
    assert token.hint == f"{secret[:8]}…{secret[-4:]}"


def test_only_a_digest_of_a_token_is_kept_anywhere(house: House) -> None:
    _token, secret = house.portal.tokens.issue("ci", by=house.bob)
    with house.portal.store.read() as session:
        row = session.get_one(TokenRow, _token.id)
        assert secret not in repr(row.model_dump())
    assert not [record for record in house.records() if secret in record.body + str(record.texts)]


@given(st.integers(0, 41), st.characters(codec="utf-8"))
def test_one_mistyped_character_is_noticed_without_asking_the_database(
    place: int, typed: str
) -> None:
    secret = make_token()
    wrong = secret[:place] + typed + secret[place + 1 :]
    assert looks_like_token(secret)
    assert looks_like_token(wrong) == (wrong == secret)


@pytest.mark.parametrize("given", ["", "csn_", "csn_x", "x" * 42, "csn_" + "0" * 38, "\x00"])
def test_what_is_no_token_is_told_so(small_house: House, given: str) -> None:
    with pytest.raises(Unauthenticated) as told:
        small_house.portal.tokens.who_is(given)
    assert "mistyped" in told.value.message


def test_a_token_nobody_made_lets_nobody_in(small_house: House) -> None:
    with pytest.raises(Unauthenticated) as told:
        small_house.portal.tokens.who_is(make_token())
    assert "not known" in told.value.message


def test_a_token_ends_when_it_says_so(house: House) -> None:
    _token, secret = house.portal.tokens.issue("ci", by=house.bob, days=1)
    house.clock.advance(timedelta(days=1) - timedelta(seconds=1))
    house.portal.tokens.who_is(secret)
    house.clock.advance(timedelta(seconds=1))
    with pytest.raises(Unauthenticated) as told:
        house.portal.tokens.who_is(secret)
    assert "expired" in told.value.message


def test_a_revoked_token_ends_at_once(house: House) -> None:
    token, secret = house.portal.tokens.issue("ci", by=house.bob)
    house.portal.tokens.revoke(token.id, by=house.bob)
    house.portal.tokens.revoke(token.id, by=house.bob)
    with pytest.raises(Unauthenticated) as told:
        house.portal.tokens.who_is(secret)
    assert "revoked" in told.value.message


def test_a_token_is_revoked_by_its_person_or_an_administrator_and_unknown_to_others(
    small_house: House,
) -> None:
    token, secret = small_house.portal.tokens.issue("ci", by=small_house.bob)
    for who in ("alice", "carol", "dave", "erik"):
        with pytest.raises(NotFound):
            small_house.portal.tokens.revoke(token.id, by=small_house.who(who))
    assert small_house.portal.tokens.who_is(secret) == small_house.bob
    small_house.portal.tokens.revoke(token.id, by=small_house.grace)
    with pytest.raises(Unauthenticated):
        small_house.portal.tokens.who_is(secret)


def test_people_see_their_own_tokens_and_administrators_all(small_house: House) -> None:
    for who in ("alice", "bob"):
        small_house.portal.tokens.issue(who, by=small_house.who(who))

    def labels(by: Actor) -> list[str]:
        return [one.label for one in small_house.portal.tokens.listing(by=by)]

    assert labels(small_house.bob) == ["bob"]
    assert sorted(labels(small_house.grace)) == ["alice", "bob"]
    assert labels(small_house.dave) == []


@pytest.mark.parametrize(("label", "days"), [("", 90), ("x" * 81, 90), ("ci", 0), ("ci", 366)])
def test_a_token_says_what_it_is_for_and_does_not_last_for_ever(
    small_house: House, label: str, days: int
) -> None:
    with pytest.raises(Invalid):
        small_house.portal.tokens.issue(label, by=small_house.bob, days=days)


def test_a_stranger_makes_no_token(small_house: House) -> None:
    with pytest.raises(Refused):
        small_house.portal.tokens.issue("ci", by=small_house.dave)


def test_an_application_acts_for_itself_and_decides_nothing(house: House) -> None:
    house.credit()
    request = house.asked()
    _token, secret = house.portal.tokens.issue_for_application(
        house.robot.id, "loan desk", by=house.grace
    )
    robot = house.portal.tokens.who_is(secret)
    assert (robot.kind, robot.name) == (Kind.APPLICATION, "Loan desk")
    with pytest.raises(NotFound):
        house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=robot)
    with pytest.raises(Refused):
        house.portal.tokens.issue("mine", by=robot)


def test_a_token_of_an_application_is_made_for_applications_by_administrators(
    small_house: House,
) -> None:
    tokens = small_house.portal.tokens
    with pytest.raises(Refused):
        tokens.issue_for_application(small_house.robot.id, "x", by=small_house.bob)
    with pytest.raises(NotFound):
        tokens.issue_for_application(small_house.bob.id, "x", by=small_house.grace)


def test_an_application_sent_away_reports_no_more(small_house: House) -> None:
    robot = small_house.robot
    _token, secret = small_house.portal.tokens.issue_for_application(
        robot.id, "loan desk", by=small_house.grace
    )
    small_house.portal.people.disable(robot.id, by=small_house.grace)
    with pytest.raises(Unauthenticated):
        small_house.portal.tokens.who_is(secret)
