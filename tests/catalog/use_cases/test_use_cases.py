"""AI use cases: who proposes, who accepts, and what is never accepted."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from auth.actors import EVERYTHING, Actor, HeldRole, Kind, Scope
from auth.permissions import Role
from catalog.use_cases.use_cases import LAW, Described, Status, UseCase, Verb, may
from ledger.errors import Conflict, Invalid, NotFound, Refused
from tests.cast import AT, DOMAIN, LENDING, House

# (status, verb) -> the roles that may, written out by hand.
GRANTED = {
    ("Proposed", "change"): {"business owner", "model owner", "governance admin"},
    ("Proposed", "accept"): {"governance admin"},
    ("Proposed", "close"): {"governance admin"},
    ("Accepted", "change"): {"governance admin"},
    ("Accepted", "close"): {"governance admin"},
}


def described(house: House, **more: str) -> Described:
    said = Described("Lending decisions", "Decides loans.", DOMAIN, house.carol.id, "High", "1")
    return replace(said, **more)


def kept(status: Status) -> UseCase:
    return UseCase("uc_1", "Loans", "Loans.", DOMAIN, "prn_2", "", "", status, "prn_2", AT, AT)


@pytest.mark.parametrize(
    ("status", "verb", "role"),
    list(itertools.product(Status, Verb, sorted(set(Role) - {Role.SYSTEM}))),
)
def test_what_may_be_done_with_a_use_case_follows_from_status_and_role(
    status: Status, verb: Verb, role: Role
) -> None:
    for scope, reaches in ((EVERYTHING, True), (LENDING, True), (Scope("domain", "Cards"), False)):
        by = Actor("prn_1", Kind.PERSON, "Somebody", roles=(HeldRole(role, scope),))
        expected = reaches and role.value in GRANTED.get((status.value, verb.value), set())
        assert bool(may(kept(status), verb, by=by)) == expected


def test_no_status_but_closed_is_an_end() -> None:
    assert {status for status, _verb in LAW} == set(Status) - {Status.CLOSED}


def test_a_use_case_is_proposed_accepted_changed_and_closed_on_the_record(house: House) -> None:
    desk = house.portal.use_cases
    made = desk.propose(described(house), by=house.carol)
    assert (made.status, made.proposed_by) == ("Proposed", house.carol.id)
    desk.change(made.id, described(house, tier="2"), by=house.carol)
    assert desk.accept(made.id, by=house.grace).status == "Accepted"
    with pytest.raises(Refused) as refusal:
        desk.change(made.id, described(house, tier="3"), by=house.carol)
    assert refusal.value.code == "no-role"
    desk.change(made.id, described(house, name="Loans"), by=house.grace)
    assert desk.close(made.id, "Nobody lends any more.", by=house.grace).status == "Closed"
    with pytest.raises(Refused) as refusal:
        desk.accept(made.id, by=house.grace)
    assert refusal.value.code == "wrong-state"
    found = desk.get(made.id, by=house.erik)
    assert (found.name, found.tier, found.status) == ("Loans", "1", "Closed")
    acts = [(one.act, one.outcome) for one in house.records() if one.act.startswith("use-case")]
    assert acts == [
        ("use-case:propose", "done"),
        ("use-case:change", "done"),
        ("use-case:accept", "done"),
        ("use-case:change", "refused"),
        ("use-case:change", "done"),
        ("use-case:close", "done"),
        ("use-case:accept", "refused"),
    ]
    changed = house.records("use-case:change")[0]
    assert (changed.facts["tier"], changed.facts["was-tier"]) == ("2", "1")
    assert "Decides loans" not in changed.body


def test_a_prohibited_use_is_written_down_and_never_accepted(house: House) -> None:
    desk = house.portal.use_cases
    made = desk.propose(described(house, regulatory_class="Prohibited"), by=house.carol)
    with pytest.raises(Refused) as refusal:
        desk.accept(made.id, by=house.grace)
    assert refusal.value.code == "prohibited"
    fine = desk.propose(described(house, name="Other"), by=house.carol)
    desk.accept(fine.id, by=house.grace)
    with pytest.raises(Refused):
        desk.change(
            fine.id, described(house, name="Other", regulatory_class="Prohibited"), by=house.grace
        )


def test_a_name_is_given_once_whatever_its_capitals(house: House) -> None:
    house.portal.use_cases.propose(described(house), by=house.carol)
    with pytest.raises(Conflict) as refusal:
        house.portal.use_cases.propose(described(house, name="LENDING  decisions"), by=house.carol)
    assert refusal.value.code == "name-taken"


def test_a_use_case_reads_and_lists_only_where_one_may_see_it(house: House) -> None:
    desk = house.portal.use_cases
    mine = desk.propose(described(house), by=house.carol)
    other = desk.propose(described(house, name="Cards", domain="Cards"), by=house.carol)
    assert [one.id for one in desk.listing(by=house.alice)] == [mine.id]
    assert desk.count(by=house.alice) == 1
    assert set(desk.open_ones(by=house.carol)) == {mine.id, other.id}
    assert desk.listing(by=house.dave) == []
    told = []
    for use_case_id in (other.id, "uc_none"):
        with pytest.raises(NotFound) as refusal:
            desk.get(use_case_id, by=house.alice)
        told.append((refusal.value.message, refusal.value.hint))
    assert told[0] == told[1]


def test_a_domain_owner_proposes_in_that_domain_only(house: House) -> None:
    desk = house.portal.use_cases
    made = desk.propose(described(house), by=house.alice)
    with pytest.raises(Refused):
        desk.propose(described(house, name="Cards", domain="Cards"), by=house.alice)
    with pytest.raises(Refused):
        desk.change(made.id, described(house, domain="Cards"), by=house.alice)


@pytest.mark.parametrize(
    "more",
    [
        {"name": " "},
        {"name": "x" * 121},
        {"name": "a\x00"},
        {"purpose": ""},
        {"purpose": "x" * 2001},
        {"domain": ""},
        {"tier": "0"},
        {"regulatory_class": "Medium"},
    ],
)
def test_what_is_no_description_is_no_act(small_house: House, more: dict[str, str]) -> None:
    before = small_house.records()
    with pytest.raises(Invalid) as refusal:
        small_house.portal.use_cases.propose(described(small_house, **more), by=small_house.carol)
    assert refusal.value.hint
    assert small_house.records() == before


def test_a_use_case_belongs_to_a_person(small_house: House) -> None:
    for owner in ("prn_none", small_house.robot.id):
        with pytest.raises(NotFound):
            small_house.portal.use_cases.propose(
                described(small_house, business_owner_id=owner), by=small_house.carol
            )
