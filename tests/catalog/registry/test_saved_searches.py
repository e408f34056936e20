"""Saved searches: one's own, and told once of every model that newly matches."""

from __future__ import annotations

import logging

import pytest

from app.worker import MIRROR
from auth.actors import EVERYTHING, Actor, Scope
from auth.permissions import Role
from catalog.registry.search.questions import Question
from catalog.registry.search.saved import MOST_SAVED
from ledger.errors import Conflict, CountersignError, Invalid, NotFound, Refused
from tests.cast import LENDING, SYSTEM, House


def told(house: House) -> list[str]:
    """The models that were told of since, by name."""
    house.index()
    house.portal.saved_searches.look(by=MIRROR)
    rows = house.portal.store.rows(
        "SELECT payload FROM domain_event WHERE name = 'search:matched' ORDER BY at, id"
    )
    found = [row.payload.split('"model": "')[1].split('"')[0] for row in rows]
    named = house.portal.models.names(set(found))
    return sorted(named[one] for one in found)


def test_a_saved_search_asks_what_stood_in_the_address(house: House) -> None:
    house.credit()
    desk = house.portal.saved_searches
    kept = desk.save(
        "  Mine ",
        "q=loan&domain=Lending&domain=Cards&least=0.5&metric=auc",
        notifies=False,
        by=house.alice,
    )
    (one,) = desk.of(house.alice)
    assert (one.id, one.name, one.notifies) == (kept.id, "Mine", False)
    question = one.question()
    assert question.text == "loan"
    assert question.chosen == {"domain": frozenset({"Lending", "Cards"})}
    assert (question.range.metric, question.range.least, question.range.most) == ("auc", 0.5, None)
    desk.rename(kept.id, "Ours", by=house.alice)
    desk.delete(kept.id, by=house.alice)
    assert desk.of(house.alice) == []
    acts = [record.act for record in house.records() if record.act.startswith("search:")]
    assert acts == ["search:save", "search:rename", "search:delete"]


def test_nobody_sees_or_changes_what_somebody_else_saved(small_house: House) -> None:
    desk = small_house.portal.saved_searches
    kept = desk.save("Mine", "q=loan", notifies=False, by=small_house.alice)
    assert desk.of(small_house.bob) == []
    with pytest.raises(NotFound, match="no such saved search"):
        desk.rename(kept.id, "Yours", by=small_house.bob)
    with pytest.raises(NotFound, match="no such saved search"):
        desk.notify(kept.id, notifies=True, by=small_house.bob)
    with pytest.raises(NotFound, match="no such saved search"):
        desk.delete(kept.id, by=small_house.bob)
    assert [one.name for one in desk.of(small_house.alice)] == ["Mine"]


@pytest.mark.parametrize(
    ("name", "state", "notifies", "error"),
    [
        ("", "q=loan", False, Invalid),
        ("x" * 81, "q=loan", False, Invalid),
        ("a\x00b", "q=loan", False, Invalid),
        ("Long", "q=" + "x" * 3000, False, Invalid),
        ("Everything", "", True, Invalid),
        ("Taken", "q=loan", False, Conflict),
    ],
)
def test_what_cannot_be_saved_is_refused_in_words(
    small_house: House, name: str, state: str, notifies: object, error: type[CountersignError]
) -> None:
    desk = small_house.portal.saved_searches
    desk.save("Taken", "q=fraud", notifies=False, by=small_house.alice)
    with pytest.raises(error) as refusal:
        desk.save(name, state, notifies=bool(notifies), by=small_house.alice)
    assert refusal.value.hint
    assert len(desk.of(small_house.alice)) == 1


def test_a_stranger_saves_nothing_and_nobody_saves_without_end(small_house: House) -> None:
    desk = small_house.portal.saved_searches
    with pytest.raises(Refused, match="no model"):
        desk.save("Mine", "q=loan", notifies=False, by=small_house.dave)
    for place in range(MOST_SAVED):
        desk.save(f"Mine {place}", "q=loan", notifies=False, by=small_house.alice)
    with pytest.raises(Refused, match="saved searches"):
        desk.save("One more", "q=loan", notifies=False, by=small_house.alice)


def test_the_owner_is_told_once_of_each_model_that_newly_matches(house: House) -> None:
    house.credit()
    desk = house.portal.saved_searches
    desk.save("Loans", "q=loan", notifies=True, by=house.carol)
    quiet = desk.save("Quiet", "q=loan", notifies=False, by=house.carol)
    assert told(house) == []
    house.mlflow.register("loan-pricing", "Interest of a loan.")
    house.mlflow.register("fraud", "Card fraud.")
    house.mirror()
    assert told(house) == ["loan-pricing"]
    house.mlflow.describe("loan-pricing", "Interest of a loan, better said.")
    house.mirror()
    assert told(house) == ["loan-pricing"]
    house.mlflow.describe("fraud", "Card and loan fraud.")
    house.mirror()
    assert told(house) == ["fraud", "loan-pricing"]
    desk.notify(quiet.id, notifies=True, by=house.carol)
    assert told(house) == ["fraud", "loan-pricing"]


def test_nobody_is_told_of_a_model_they_may_not_see(small_house: House) -> None:
    vera = small_house.join("vera", Role.VIEWER, LENDING)
    small_house.portal.saved_searches.save("Loans", "q=loan", notifies=True, by=vera)
    small_house.mlflow.register("loan-secret", "A loan elsewhere.")
    small_house.mirror()
    assert told(small_house) == []
    small_house.portal.models.classify(
        small_house.model("loan-secret").id,
        by=small_house.grace,
        owner_id=small_house.alice.id,
        domain="Lending",
        task="regression",
    )
    assert told(small_house) == ["loan-secret"]
    assert Scope("domain", "Lending") == LENDING


def test_a_search_that_fails_is_told_to_the_operator_once_and_hides_no_other(
    small_house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, finder = small_house.portal.saved_searches, small_house.portal.finder
    for name in ("churn", "loan"):
        desk.save(name, f"q={name}", notifies=True, by=small_house.alice)
    matching = finder.matching

    def fails(question: Question, *, by: Actor) -> tuple[int, list[str]]:
        if question.text == "churn":
            raise ZeroDivisionError
        return matching(question, by=by)

    monkeypatch.setattr(finder, "matching", fails)
    small_house.mlflow.register("loan-churn")
    small_house.mirror()
    small_house.portal.grants.give(small_house.alice.id, Role.VIEWER, EVERYTHING, by=SYSTEM)
    with caplog.at_level(logging.WARNING):
        assert told(small_house) == ["loan-churn"]
        desk.look(by=MIRROR)
    assert [one.message.partition(" ")[0] for one in caplog.records] == ["saved"]
    monkeypatch.setattr(finder, "matching", matching)
    assert desk.look(by=MIRROR) == 1
