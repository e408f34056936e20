"""The files of what is live are read again, and nobody writes over them unnoticed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.worker import MIRROR
from catalog.notifications.kinds import Kind
from catalog.notifications.watches import On
from ledger.errors import Refused
from tests.cast import AT, House


def round_(house: House, most: int = 20) -> int:
    asked = house.portal.artifact_readings.ask(by=MIRROR, most=most)
    house.work()
    return asked


def read_at(house: House) -> list[tuple[int, bool]]:
    rows = house.portal.store.rows(
        "SELECT number, artifact_read_at IS NOT NULL AS is_read FROM model_version ORDER BY number"
    )
    return [(int(row.number), bool(row.is_read)) for row in rows]


def test_files_that_were_written_over_are_in_the_journal_with_their_window_and_told(
    house: House,
) -> None:
    model = house.credit()
    house.work()
    house.portal.watches.start(On.MODEL, model.id, by=house.carol)
    assert round_(house) == 1
    assert read_at(house) == [(1, True), (2, False)]  # nothing stands on the other one
    assert house.portal.changes.of(model, kinds=["artifact"]) == []
    first = house.clock.now()
    house.clock.advance(timedelta(hours=23))
    assert round_(house) == 0
    house.clock.advance(timedelta(hours=1))
    house.mlflow.write_file(house.mlflow.version("credit-pd", 1), "model.skops", "other weights")
    assert round_(house) == 1
    (change,) = house.portal.changes.of(model, kinds=["artifact"])
    assert (change.since, change.until) == (first, house.clock.now())
    assert change.before != change.after
    told = house.portal.notices.page(by=house.carol).notices
    assert [one.facts for one in told if one.kind is Kind.ARTIFACT] == [{"version": "1"}]
    house.clock.advance(timedelta(days=1))
    round_(house)
    assert len(house.portal.changes.of(model, kinds=["artifact"])) == 1


def test_a_round_is_bounded_and_one_that_cannot_be_read_keeps_no_other_waiting(
    small_house: House,
) -> None:
    house = small_house
    house.credit()
    for alias in ("challenger", "shadow"):
        house.mlflow.log("credit-pd")
        house.mlflow.point("credit-pd", alias, 2 if alias == "challenger" else 3)
    house.mirror()
    house.work()
    house.mlflow.delete_version("credit-pd", 1)  # nobody has looked since
    for _ in range(3):
        assert round_(house, most=1) == 1
        house.clock.advance(timedelta(minutes=10))
    assert round_(house) == 0
    assert [is_read for _, is_read in read_at(house)].count(True) == 2


def test_nobody_but_the_worker_has_files_read_again(small_house: House) -> None:
    assert small_house.clock.now() == AT
    with pytest.raises(Refused):
        small_house.portal.artifact_readings.ask(by=small_house.alice)
