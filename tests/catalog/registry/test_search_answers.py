"""Answers told from memory: only to who may hear them, and only while they are the whole truth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Connection, event

from auth.actors import Actor, Scope
from auth.permissions import Role
from catalog.registry.search.questions import Found, Question
from tests.cast import House


def credit(house: House, by: Actor) -> Found:
    return house.portal.finder.find(Question("credit"), by=by)


@contextmanager
def statements(house: House) -> Iterator[list[str]]:
    """What the database is asked meanwhile."""
    asked: list[str] = []

    def hear(
        _connection: Connection, _cursor: object, statement: str, given: object, *_more: object
    ) -> None:
        if statement != "BEGIN":
            asked.append(f"{statement} {given}")

    engine = house.portal.store._reader
    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", hear)


@pytest.fixture
def lending(house: House) -> House:
    house.credit(champion=1)
    house.portal.models.classify(
        house.model().id,
        by=house.grace,
        owner_id=house.alice.id,
        domain="Lending",
        task="binary classification",
    )
    house.index()
    return house


def test_the_same_question_is_answered_by_one_look_at_the_database(lending: House) -> None:
    carol = lending.carol
    first = credit(lending, carol)
    with statements(lending) as asked:
        assert credit(lending, carol) == first
    assert len(asked) == 1


def test_of_the_next_question_only_the_word_that_is_new_is_looked_up(lending: House) -> None:
    finder, carol = lending.portal.finder, lending.carol
    first = finder.find(Question("credit default"), by=carol)
    with statements(lending) as asked:
        again = finder.find(Question("credit risk"), by=carol)
    (looked_up,) = (one for one in asked if "ucredit" in one or "urisk" in one)
    assert "urisk" in looked_up
    assert "ucredit" not in looked_up
    assert [one.model.id for one in again.hits] == [one.model.id for one in first.hits]


def test_the_cards_that_come_first_are_read_before_anybody_waits(lending: House) -> None:
    lending.portal.finder.warm()
    with statements(lending) as asked:
        assert credit(lending, lending.carol).hits[0].metrics
    assert not any("FROM version_metric" in one for one in asked)


def test_nobody_hears_what_another_was_told(lending: House) -> None:
    stranger = lending.join("nora", Role.VIEWER, Scope("domain", "Cards"))
    for person, total in ((lending.carol, 1), (stranger, 0), (lending.carol, 1)):
        found = credit(lending, person)
        assert (len(found.hits), found.total) == (total, total)
        assert dict(found.facets["domain"]) == ({"Lending": 1} if total else {})


def test_a_restriction_holds_before_the_index_hears_of_it(lending: House) -> None:
    reader = lending.join("nora", Role.VIEWER, Scope("domain", "Lending"))
    (open_hit,) = credit(lending, reader).hits
    assert (open_hit.is_locked, bool(open_hit.metrics)) == (False, True)
    lending.portal.restrictions.restrict(
        lending.model().id, "It is not public yet.", by=lending.alice
    )
    for _ in range(2):
        (hit,) = credit(lending, reader).hits
        assert (hit.is_locked, hit.metrics, hit.model.aliases) == (True, (), ())
        lending.index()


def test_a_model_that_left_a_persons_domain_is_gone_for_them_at_once(lending: House) -> None:
    reader = lending.join("nora", Role.VIEWER, Scope("domain", "Lending"))
    assert credit(lending, reader).hits
    lending.portal.models.classify(
        lending.model().id,
        by=lending.grace,
        owner_id=lending.alice.id,
        domain="Cards",
        task="binary classification",
    )
    assert not credit(lending, reader).hits
    lending.index()
    assert credit(lending, reader).total == 0


def test_a_number_that_changes_is_marked_by_the_database_and_shown(lending: House) -> None:
    (before,) = credit(lending, lending.carol).hits
    with lending.portal.store.write() as session:
        session.connection().exec_driver_sql("UPDATE version_metric SET value = 0.125")
    assert lending.portal.indexer.waiting()
    (after,) = credit(lending, lending.carol).hits
    assert {one.value for one in after.metrics} == {0.125} != {m.value for m in before.metrics}
    lending.index()
    assert credit(lending, lending.carol).hits[0].metrics == after.metrics


def test_what_is_new_is_counted_anew_when_it_is_not_new_any_more(lending: House) -> None:
    assert dict(credit(lending, lending.carol).facets["changed"])["Last 7 days"] == 1
    lending.clock.advance(timedelta(days=8))
    assert "Last 7 days" not in dict(credit(lending, lending.carol).facets["changed"])
