"""Watching: what may be watched by whom, and what is on record of it."""

from __future__ import annotations

import pytest

from auth.actors import Scope
from auth.permissions import Role
from catalog.notifications import watches
from catalog.notifications.watches import On
from ledger.errors import Conflict, CountersignError, Invalid, NotFound, Refused
from tests.cast import House


def test_a_watch_is_started_once_and_stopped_on_the_record(house: House) -> None:
    model, desk, carol = house.credit(), house.portal.watches, house.carol
    for _ in range(2):
        desk.start(On.MODEL, model.id, by=carol)
        desk.start(On.ALIAS, "champion-*", within="Lending", by=carol)
    kept = [(one.on, one.target, one.within) for one in desk.of(by=carol)]
    assert kept == [(On.ALIAS, "champion-*", "Lending"), (On.MODEL, model.id, "")]
    assert desk.of(by=house.bob) == []
    desk.stop(On.MODEL, model.id, by=carol)
    assert [one.on for one in desk.of(by=carol)] == [On.ALIAS]
    (stopped,) = house.records("watch:stop")
    assert stopped.facts == {"on": "model", "model": model.id}
    assert len(house.records("watch:start", outcome="done")) == 4


def test_what_is_not_watched_cannot_be_stopped(small_house: House) -> None:
    with pytest.raises(NotFound):
        small_house.portal.watches.stop(On.DOMAIN, "Lending", by=small_house.carol)


def test_a_model_that_one_may_not_see_reads_as_one_that_is_not_there(small_house: House) -> None:
    model, desk = small_house.credit(), small_house.portal.watches
    stranger = small_house.join("ines", Role.VIEWER, Scope("domain", "Insurance"))
    said = []
    for model_id in (model.id, "mdl_nothing"):
        with pytest.raises(NotFound) as refused:
            desk.start(On.MODEL, model_id, by=stranger)
        said.append((refused.value.message, refused.value.hint))
    assert said[0] == said[1]


@pytest.mark.parametrize("on", list(On))
def test_somebody_without_a_role_and_an_application_watch_nothing(
    small_house: House, on: On
) -> None:
    target = small_house.credit().id if on is On.MODEL else "champion"
    for nobody in (small_house.dave, small_house.robot):
        with pytest.raises((Refused, NotFound)):
            small_house.portal.watches.start(on, target, by=nobody)
        assert small_house.portal.watches.of(by=nobody) == []


@pytest.mark.parametrize(
    ("on", "target", "within"),
    [
        (On.ALIAS, "", ""),
        (On.ALIAS, "two words", ""),
        (On.ALIAS, "champion'; --", ""),
        (On.ALIAS, "a" * 65, ""),
        (On.ALIAS, "champion", "x" * 81),
        (On.DOMAIN, "", ""),
        (On.DOMAIN, "x\x00y", ""),
        (On.DOMAIN, "Lending", "Lending"),
        (On.MODEL, "mdl_x", "Lending"),
    ],
)
def test_malformed_things_are_refused_before_anything_is_recorded(
    small_house: House, on: On, target: str, within: str
) -> None:
    with pytest.raises(Invalid) as refused:
        small_house.portal.watches.start(on, target, within=within, by=small_house.carol)
    assert refused.value.hint
    assert small_house.records("watch:start") == []


def test_nobody_watches_more_than_a_screen_can_hold(
    small_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watches, "MOST_WATCHES", 2)
    desk = small_house.portal.watches
    desk.start(On.ALIAS, "one", by=small_house.carol)
    desk.start(On.ALIAS, "two", by=small_house.carol)
    with pytest.raises(Conflict) as refused:
        desk.start(On.ALIAS, "three", by=small_house.carol)
    assert isinstance(refused.value, CountersignError)
    assert refused.value.code == "too-many-watches"


def test_a_silenced_model_is_heard_again_when_it_is_watched(small_house: House) -> None:
    model, desk, alice = small_house.credit(), small_house.portal.watches, small_house.alice
    assert desk.is_on(On.MODEL, model.id, by=alice) is None
    desk.silence(model.id, by=alice)
    assert desk.is_on(On.MODEL, model.id, by=alice) is False
    assert desk.silenced(by=alice) == [model.id]
    assert desk.of(by=alice) == []
    desk.start(On.MODEL, model.id, by=alice)
    assert desk.is_on(On.MODEL, model.id, by=alice) is True


@pytest.mark.parametrize(
    ("alias", "pattern"),
    [
        ("champion", "champion"),
        ("Champion-*", "champion-%"),
        ("**", "%"),
        ("a_b", r"a\_b"),
    ],
)
def test_only_the_star_stands_for_other_letters(alias: str, pattern: str) -> None:
    assert watches.like(alias) == pattern
