"""Cards are published by those who may, in revisions that never change, and nothing is lost."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import pytest

from auth.actors import EVERYTHING, Scope
from auth.permissions import Role
from catalog.registry.cards.body import CardBody
from catalog.registry.cards.cards import Card
from ledger.errors import Conflict, Invalid, NotFound, Refused
from tests.at_once import at_once
from tests.cast import House
from tests.catalog.registry.cards import COMPLETE

SHORT = CardBody(use_cases=("Decide on unsecured retail loans.",))


def publish(house: House, body: CardBody = COMPLETE, *, based_on: int = 0) -> Card:
    return house.portal.cards.publish(house.model().id, body, based_on=based_on, by=house.alice)


def test_a_published_card_is_read_back_with_its_author_score_and_digest(house: House) -> None:
    house.credit()
    made = publish(house, SHORT)
    found = house.portal.cards.of(house.model())
    assert found == made
    assert (made.revision, made.completeness, made.published_by) == (1, 20, house.alice.id)
    assert [one.key for one in made.told.missing][:2] == ["out_of_scope", "users"]
    (record,) = house.records("card:publish")
    assert record.facts == {"revision": "1", "completeness": "20"}
    assert record.digests == {"card": f"sha256:{made.digest}"}


def test_revisions_are_listed_newest_first_and_each_can_be_read(house: House) -> None:
    house.credit()
    first, second = publish(house, SHORT), publish(house, based_on=1)
    listed = house.portal.cards.revisions(house.model())
    assert [one.number for one in listed] == [2, 1]
    assert house.portal.cards.revision(house.model(), 1) == first
    assert house.portal.cards.of(house.model()) == second
    assert house.portal.cards.revisions(house.model(), limit=1, offset=1)[0].number == 1
    for number in (0, -1, 3, 2**70):
        with pytest.raises(NotFound):
            house.portal.cards.revision(house.model(), number)


def test_the_second_of_two_editors_is_told_and_nothing_is_lost(house: House) -> None:
    house.credit()
    publish(house, SHORT)
    theirs = publish(house, based_on=1)
    with pytest.raises(Conflict, match="Revision 2 of this card was published since you began"):
        publish(house, replace(SHORT, users=("Somebody",)), based_on=1)
    assert house.portal.cards.of(house.model()) == theirs
    assert [one.reason for one in house.records("card:publish", outcome="refused")] == [
        "card-changed-since"
    ]


def test_a_card_cannot_build_on_a_revision_that_is_not_there(house: House) -> None:
    house.credit()
    with pytest.raises(Conflict, match="no revision 3"):
        publish(house, based_on=3)


def test_of_editors_at_the_same_moment_exactly_one_publishes(house: House) -> None:
    house.credit()
    alice, model = house.alice, house.model()

    def one(number: int) -> Card:
        body = replace(SHORT, users=(f"Team number {number}",))
        return house.portal.cards.publish(model.id, body, based_on=0, by=alice)

    answers = at_once(house.portal.ledger, [partial(one, number) for number in range(4)])
    assert sum(isinstance(answer, Card) for answer in answers) == 1
    assert all(isinstance(answer, Card | Conflict) for answer in answers)
    assert len(house.portal.cards.revisions(model)) == 1


def test_restoring_publishes_the_old_words_as_a_new_revision(house: House) -> None:
    house.credit()
    first = publish(house, SHORT)
    publish(house, based_on=1)
    again = house.portal.cards.restore(house.model().id, 1, based_on=2, by=house.alice)
    assert (again.revision, again.restored_from, again.body) == (3, 1, SHORT)
    assert again.digest == first.digest
    with pytest.raises(Conflict):
        house.portal.cards.restore(house.model().id, 1, based_on=2, by=house.alice)
    with pytest.raises(NotFound):
        house.portal.cards.restore(house.model().id, 9, based_on=3, by=house.alice)


def test_publishing_tells_whoever_subscribes(house: House) -> None:
    house.credit()
    publish(house)
    (event,) = house.portal.store.rows(
        "SELECT subject, payload FROM domain_event WHERE name = 'card:publish'"
    )
    assert event.subject == house.model().id
    assert json.loads(event.payload) == {
        "model": house.model().id,
        "revision": "1",
        "by": house.alice.id,
    }


@pytest.mark.parametrize("name", ["bob", "carol", "erik", "grace"])
def test_who_only_reads_a_model_may_not_write_its_card(house: House, name: str) -> None:
    house.credit()
    assert not house.portal.cards.may_write(house.model(), by=house.who(name))
    with pytest.raises(Refused) as refused:
        house.portal.cards.publish(house.model().id, SHORT, based_on=0, by=house.who(name))
    assert "model owner" in refused.value.hint
    assert house.portal.cards.of(house.model()) is None


def test_a_stranger_and_an_owner_of_another_domain_do_not_learn_that_it_exists(
    house: House,
) -> None:
    house.credit()
    other = house.join("olga", Role.MODEL_OWNER, Scope("domain", "Cards"))
    for stranger in (house.dave, other):
        with pytest.raises(NotFound):
            house.portal.cards.publish(house.model().id, SHORT, based_on=0, by=stranger)


def test_a_developer_of_the_model_itself_may_write(house: House) -> None:
    house.credit()
    dev = house.join("dora", Role.MODEL_DEVELOPER, Scope("model", house.model().id))
    assert house.portal.cards.publish(house.model().id, SHORT, based_on=0, by=dev).revision == 1


def test_an_application_may_not_write(house: House) -> None:
    house.credit()
    with pytest.raises(Refused):
        house.portal.cards.publish(house.model().id, SHORT, based_on=0, by=house.robot)


def test_a_role_taken_meanwhile_is_taken(house: House) -> None:
    house.credit()
    dev = house.join("dora", Role.MODEL_DEVELOPER, EVERYTHING)
    (grant,) = [
        g for g in house.portal.grants.everywhere(by=house.grace) if g.principal_id == dev.id
    ]
    house.portal.grants.take(grant.id, by=house.grace)
    with pytest.raises(Refused):
        house.portal.cards.publish(house.model().id, SHORT, based_on=0, by=dev)


def test_a_card_of_a_deleted_model_cannot_be_published(small_house: House) -> None:
    small_house.credit()
    model = small_house.model()
    small_house.mlflow.delete("credit-pd")
    small_house.mirror()
    with pytest.raises(NotFound):
        small_house.portal.cards.publish(model.id, SHORT, based_on=0, by=small_house.alice)


def test_a_malformed_card_leaves_no_record(small_house: House) -> None:
    small_house.credit()
    with pytest.raises(Invalid):
        publish(small_house, CardBody(users=("",)))
    with pytest.raises(Invalid, match="bytes"):
        many = tuple(f"{n:02} " + "x" * 1_990 for n in range(20))
        publish(small_house, CardBody(users=many, use_cases=many))
    assert small_house.records("card:publish") == []


def test_scores_are_those_of_the_newest_revisions(house: House) -> None:
    house.credit()
    other = house.credit(name="fraud")
    publish(house, SHORT)
    publish(house, based_on=1)
    model = house.model()
    assert house.portal.cards.scores([model.id, other.id]) == {model.id: 100}
    assert house.portal.cards.scores([]) == {}


def test_who_may_not_write_a_card_is_told_that_and_not_what_is_wrong_with_it(
    small_house: House,
) -> None:
    small_house.credit()
    malformed = CardBody(users=("",))
    with pytest.raises(Refused):
        small_house.portal.cards.publish(
            small_house.model().id, malformed, based_on=0, by=small_house.bob
        )
    with pytest.raises(NotFound):
        small_house.portal.cards.publish(
            small_house.model().id, malformed, based_on=0, by=small_house.dave
        )
    assert len(small_house.records("card:publish")) == 2
