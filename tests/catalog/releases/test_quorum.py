"""Whether enough people hold the roles that must agree: one person counts once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.actors import EVERYTHING
from auth.permissions import Role
from catalog.releases.decisions.quorum import Bench, decidable, takes, unfilled
from catalog.releases.policies.reading import pack_text
from catalog.releases.requests.request import ReleaseRequest
from catalog.releases.states import State, Verb
from ledger.errors import Refused
from tests.cast import WHY, House

APPROVER, VALIDATOR = "approver", "independent validator"
PANELS = """approvals:
  - {role: independent validator}
  - {role: approver, needed: %d}"""


def bench(role: str, needed: int, *could: str, agreed: Sequence[str] = ()) -> Bench:
    return Bench(role, needed, tuple(agreed), could)


def most(seats: Sequence[Sequence[str]], people: Sequence[str]) -> int:
    """How many seats can be filled, by trying every order of the people."""
    padded = [*people, *[""] * len(seats)]
    return max(
        sum(who in seat for who, seat in zip(order, seats, strict=False))
        for order in permutations(padded, len(seats))
    )


@given(st.lists(st.tuples(st.integers(1, 2), st.sets(st.sampled_from("abc"))), max_size=3))
def test_as_many_seats_stay_empty_as_when_every_order_is_tried(
    panels: list[tuple[int, set[str]]],
) -> None:
    benches = [bench(str(place), n, *sorted(who)) for place, (n, who) in enumerate(panels)]
    seats = [sorted(who) for n, who in panels for _ in range(n)]
    assert len(unfilled(benches)) == len(seats) - most(seats, "abc")


def test_it_says_how_many_are_needed_how_many_could_and_who_helps() -> None:
    told = decidable([bench(VALIDATOR, 1, "bob"), bench(APPROVER, 2, "bob")])
    assert (told.allowed, told.code) == (False, "too-few")
    assert told.reason == (
        "This cannot be approved while too few people hold the roles: it needs 1 independent "
        "validator and 2 approvers, and one person could agree; one person counts once."
    )
    assert "gives the role approver" in told.hint
    assert decidable([bench(VALIDATOR, 1, "vera"), bench(APPROVER, 1, "bob")])
    assert decidable([bench(APPROVER, 2, "ben", agreed=["bob"])])


def test_who_holds_two_roles_takes_the_one_that_leaves_the_other_to_be_found() -> None:
    only_validator = bench(VALIDATOR, 1, "bob", "vera")
    assert takes("bob", [only_validator, bench(APPROVER, 1, "bob")]) == (APPROVER, VALIDATOR)
    assert takes("bob", [only_validator, bench(APPROVER, 1, "bob", "ben")]) == (VALIDATOR, APPROVER)
    assert takes("carol", [only_validator]) == ()


def governed(house: House, approvers: int) -> None:
    text = pack_text("baseline").replace("\nversion: 1\n", "\nversion: 2\n")
    text = text.replace("approvals:\n  needed: 1", PANELS % approvers)
    house.portal.policies.publish(text, WHY, by=house.grace)
    house.credit()


def agree(house: House, request: ReleaseRequest, name: str, panel: str = "") -> ReleaseRequest:
    by = house.who(name)
    return house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, panel=panel, by=by)


def test_a_release_that_nobody_can_approve_says_so_before_and_after_it_is_asked(
    house: House,
) -> None:
    governed(house, 2)
    house.portal.grants.give(house.bob.id, Role.INDEPENDENT_VALIDATOR, EVERYTHING, by=house.grace)
    desk = house.portal.deciders
    would = desk.if_asked(house.version(2).id, "champion", by=house.alice)
    assert would.decidable.code == "too-few"
    assert [(one.role, one.needed, len(one.could)) for one in would.benches] == [
        (VALIDATOR, 1, 1),
        (APPROVER, 2, 1),
    ]
    request = house.asked()
    assert desk.of(request.id, by=house.alice).decidable.code == "too-few"
    house.join("ben", Role.APPROVER, EVERYTHING)
    assert not desk.of(request.id, by=house.alice).decidable
    house.join("vera", Role.INDEPENDENT_VALIDATOR, EVERYTHING)
    assert desk.of(request.id, by=house.alice).decidable


def test_who_has_agreed_is_said_to_have_and_is_waited_for_no_more(house: House) -> None:
    governed(house, 1)
    house.join("vera", Role.INDEPENDENT_VALIDATOR, EVERYTHING)
    request = house.asked()
    agree(house, request, "bob")
    told = house.portal.deciders.of(request.id, by=house.alice)
    assert {one.name: one.has_agreed_as for one in told.people} == {
        house.bob.name: APPROVER,
        house.who("vera").name: "",
    }
    assert told.able() == [house.who("vera").name]


def test_who_holds_two_roles_names_the_one_they_agree_in(house: House) -> None:
    governed(house, 1)
    house.portal.grants.give(house.bob.id, Role.INDEPENDENT_VALIDATOR, EVERYTHING, by=house.grace)
    house.join("ben", Role.APPROVER, EVERYTHING)
    house.join("vera", Role.INDEPENDENT_VALIDATOR, EVERYTHING)
    request = house.asked()
    with pytest.raises(Refused) as told:
        agree(house, request, "vera", APPROVER)
    assert (told.value.code, told.value.hint) == ("no-seat", f"You can agree as {VALIDATOR}.")
    assert agree(house, request, "bob", APPROVER).decisions[-1].panel == APPROVER
    assert agree(house, request, "vera").state is State.APPROVED


def test_unsaid_somebody_agrees_in_the_role_that_leaves_the_release_decidable(
    house: House,
) -> None:
    governed(house, 1)
    house.portal.grants.give(house.bob.id, Role.INDEPENDENT_VALIDATOR, EVERYTHING, by=house.grace)
    house.join("vera", Role.INDEPENDENT_VALIDATOR, EVERYTHING)
    request = house.asked()
    agree(house, request, "bob")
    assert agree(house, request, "vera").state is State.APPROVED
