"""Which version an alias was on: told for any moment, with what nobody can know said as such."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import streamlit as st

from app import session
from app.panels import alias_history
from app.panels.metric_history import history, offered
from app.panels.shown import Shown, read
from catalog.registry.mirror.seen import SeenMetric
from tests.cast import House

DAY = timedelta(days=1)


@pytest.fixture
def told(small_house: House) -> Iterator[House]:
    session.use(small_house.portal)
    yield small_house
    session._open.clear()


def shown(house: House) -> Shown:
    return read(house.model(), by=house.alice)


def answer(house: House, when: datetime, alias: str = "champion") -> str:
    return (
        str(alias_history.answer(shown(house), alias, when))
        .replace("<strong>", "")
        .replace("</strong>", "")
    )


def test_a_version_promoted_by_countersign_is_told_with_who_approved_it(told: House) -> None:
    told.credit()
    told.clock.advance(10 * DAY)
    told.mirror()
    told.approved()
    told.deliver()
    told.mirror()
    moved = told.clock.now()
    told.clock.advance(20 * DAY)
    said = answer(told, moved + DAY)
    assert said.startswith("@champion on ")
    assert ": v2, since " in said
    assert "Approved by Bob Norrland in RR-2026-0001." in said
    before = answer(told, moved - DAY)
    assert ": v1, already there when Countersign first read it" in before
    assert "Who put it there is not known here." in before


def test_a_move_past_countersign_is_called_one_and_its_window_is_told(told: House) -> None:
    told.credit()
    told.clock.advance(10 * DAY)
    told.mirror()
    read_at = told.clock.now()
    told.mlflow.point("credit-pd", "champion", 2)
    told.clock.advance(DAY)
    told.mirror()
    told.clock.advance(10 * DAY)
    inside = answer(told, read_at + timedelta(hours=12))
    assert "v1 or v2. It moved between 30 Nov 2026" in inside
    assert "MLflow keeps no history" in inside
    after = answer(told, read_at + 2 * DAY)
    assert ": v2, since some time between 30 Nov 2026" in after
    assert "Moved outside Countersign: nobody approved it here." in after


def test_moments_nobody_can_answer_for_say_why(told: House) -> None:
    told.credit()
    now = told.clock.now()
    assert "that is still to come" in answer(told, now + DAY)
    assert "was registered only" in answer(told, now - 400 * DAY)
    assert "it was not set" in answer(told, now, "shadow")


@pytest.mark.parametrize(
    "given",
    [
        "",
        "yesterday",
        "0001-01-01T00:00+14:00",
        "9999-12-31T23:59",
        "1999-01-01",
        "2026-13-01",
        "x" * 999,
    ],
)
def test_a_moment_nobody_can_ask_about_becomes_a_month_ago(
    told: House, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    told.credit()
    monkeypatch.setattr(st, "query_params", {"at": given})
    usual = (told.clock.now() - alias_history.LOOK_BACK).replace(second=0, microsecond=0)
    assert alias_history.at(shown(told)) == usual


def test_a_moment_in_the_address_is_read_as_utc(
    told: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    told.credit()
    monkeypatch.setattr(st, "query_params", {"at": "2026-03-03T10:00"})
    assert alias_history.at(shown(told)) == datetime(2026, 3, 3, 10, tzinfo=UTC)
    monkeypatch.setattr(st, "query_params", {"at": "2026-03-03T10:00+02:00"})
    assert alias_history.at(shown(told)) == datetime(2026, 3, 3, 8, tzinfo=UTC)


def test_numbers_are_joined_only_on_the_same_rows_and_the_champion_is_marked(told: House) -> None:
    other = SeenMetric("roc_auc", 0.71, "lending-holdout", "ffff")
    told.credit(aucs=(0.80, 0.82))
    told.mlflow.log("credit-pd", metrics=[other, SeenMetric("roc_auc", 0.71, "", "")])
    told.mlflow.log("credit-pd", metrics=[SeenMetric("mae", 1.0, "", "")])
    told.mirror()
    seen = shown(told)
    assert offered(seen) == ["roc_auc", "mae"]
    newest, older = history(seen, "roc_auc")
    assert (newest.name, [one.version for one in newest.numbers]) == ("lending-holdout ffff", [3])
    assert [(one.version, one.is_champion) for one in older.numbers] == [(1, True), (2, False)]
    (alone,) = history(seen, "mae")
    assert not alone.is_named
