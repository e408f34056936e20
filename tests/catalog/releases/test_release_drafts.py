"""What is about to be asked for is kept for its writer alone, and sent once."""

from __future__ import annotations

import pytest

from auth.permissions import Role
from catalog.releases.requests import drafts
from catalog.releases.requests.rights import LONGEST_REASON
from catalog.releases.states import State
from ledger.errors import Invalid, NotFound, Refused
from tests.cast import LENDING, WHY, House

HALF = "Better on the newest quarter, by"


def kept(house: House, reason: str = HALF, draft_id: str = "", *, number: int = 2) -> str:
    version = house.version(number).id
    return house.portal.release_drafts.keep(
        version, "champion", reason, draft_id=draft_id, by=house.alice
    )


def test_a_draft_is_found_again_and_gone_on_with_by_its_writer_alone(house: House) -> None:
    house.credit()
    desk = house.portal.release_drafts
    draft = kept(house, "")
    assert kept(house, HALF, draft) == draft
    (found,) = desk.of(by=house.alice)
    assert (found.id, found.model.name, found.version_number) == (draft, "credit-pd", 2)
    assert (found.alias, found.reason, found.is_emergency) == ("champion", HALF, False)
    ines = house.join("ines", Role.MODEL_OWNER, LENDING)
    for other in (ines, house.bob, house.grace, house.erik):
        assert desk.of(by=other) == []
        with pytest.raises(NotFound):
            desk.get(draft, by=other)
        with pytest.raises(NotFound):
            desk.throw_away(draft, by=other)
    # Who names somebody else's draft keeps one of their own and leaves that one alone.
    version = house.version(2).id
    own = desk.keep(version, "shadow", "Mine.", draft_id=draft, by=ines)
    assert own != draft
    assert desk.get(draft, by=house.alice).reason == HALF


def test_a_draft_is_no_request_and_the_record_does_not_say_what_it_says(house: House) -> None:
    house.credit()
    draft = kept(house)
    assert house.portal.requests.listing(by=house.alice) == []
    assert house.portal.docket.waits_for(by=house.bob) == []
    assert house.work() == []
    house.portal.release_drafts.throw_away(draft, by=house.alice)
    records = [*house.records("release:draft:keep"), *house.records("release:draft:discard")]
    assert [one.facts["draft"] for one in records] == [draft, draft]
    assert {one.resource for one in records} == {f"person:{house.alice.id}"}
    assert not any(HALF in str(one) for one in records)
    assert house.portal.release_drafts.of(by=house.alice) == []


def test_a_draft_that_is_sent_becomes_the_request_in_one_act(house: House) -> None:
    house.credit(aucs=(0.80, 0.82, 0.84))
    draft, other = kept(house), kept(house, number=3)
    version = house.version(2).id
    ask = house.portal.requests.request
    with pytest.raises(Invalid):
        ask(version, "champion", " ", draft_id=draft, by=house.alice)
    with pytest.raises(Refused):
        ask(house.version(1).id, "champion", WHY, draft_id=draft, by=house.alice)
    assert len(house.portal.release_drafts.of(by=house.alice)) == 2
    made = ask(version, "champion", WHY, draft_id=draft, by=house.alice)
    assert (made.state, made.reason) == (State.PENDING_REVIEW, WHY)
    assert [one.id for one in house.portal.release_drafts.of(by=house.alice)] == [other]
    (record,) = house.records("release:request", outcome="done")
    assert (record.resource, record.facts["draft"]) == (f"request:{made.id}", draft)


def test_what_was_thrown_away_elsewhere_is_sent_and_kept_all_the_same(small_house: House) -> None:
    small_house.credit()
    draft = kept(small_house)
    small_house.portal.release_drafts.throw_away(draft, by=small_house.alice)
    again = kept(small_house, draft_id=draft)
    assert again != draft
    version = small_house.version(2).id
    small_house.portal.requests.request(
        version, "champion", WHY, draft_id=draft, by=small_house.alice
    )
    assert [one.id for one in small_house.portal.release_drafts.of(by=small_house.alice)] == [again]


def test_only_who_may_ask_keeps_a_draft_and_of_nothing_that_no_request_could_say(
    small_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_house.credit()
    version, desk = small_house.version(2).id, small_house.portal.release_drafts
    with pytest.raises(Refused):
        desk.keep(version, "champion", HALF, by=small_house.carol)
    with pytest.raises(NotFound):
        desk.keep(version, "champion", HALF, by=small_house.dave)
    for alias, reason in (("v2", HALF), ("champion", "x" * (LONGEST_REASON + 1))):
        with pytest.raises(Invalid):
            desk.keep(version, alias, reason, by=small_house.alice)
    monkeypatch.setattr(drafts, "MOST_DRAFTS", 1)
    first = kept(small_house)
    with pytest.raises(Refused) as told:
        kept(small_house)
    assert told.value.code == "too-many"
    assert kept(small_house, WHY, first) == first


def test_a_draft_of_a_deleted_version_says_so_and_of_a_hidden_model_is_hidden(
    small_house: House,
) -> None:
    small_house.credit()
    kept(small_house)
    desk = small_house.portal.release_drafts
    small_house.mlflow.delete_version("credit-pd", 2)
    small_house.mirror()
    assert [one.is_gone for one in desk.of(by=small_house.alice)] == [True]
    (grant,) = small_house.portal.grants.holders(Role.MODEL_OWNER)
    small_house.portal.grants.take(grant.id, by=small_house.grace)
    assert desk.of(by=small_house.alice) == []
