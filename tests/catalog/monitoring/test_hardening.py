"""A row nobody could have meant is refused for itself and takes nothing else with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlmodel import select

from catalog.monitoring.tables import PredictionDayRow
from catalog.monitoring.telemetry import Prediction
from tests.cast import AT, House

CALL = Prediction("call-1", AT, "credit-pd", 1, "repaid", 12.5)
EAST = timezone(timedelta(hours=14))
WEST = timezone(timedelta(hours=-14))
A_DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (replace(CALL, occurred_at=datetime(1, 1, 1, tzinfo=EAST)), "bad-time"),
        (replace(CALL, occurred_at=datetime(9999, 12, 31, 23, 59, tzinfo=WEST)), "bad-time"),
        (replace(CALL, occurred_at=datetime(1, 1, 1, tzinfo=UTC)), "bad-time"),
        (replace(CALL, occurred_at=datetime(1999, 12, 31, 23, tzinfo=UTC)), "bad-time"),
        (replace(CALL, occurred_at=datetime(2000, 1, 1, 13, tzinfo=EAST)), "bad-time"),
        (replace(CALL, latency_ms=A_DAY_MS + 1), "bad-latency"),
        (replace(CALL, latency_ms=1e308), "bad-latency"),
    ],
)
def test_a_time_or_a_duration_out_of_this_world_costs_one_row(
    house: House, row: Prediction, code: str
) -> None:
    house.credit()
    good = replace(CALL, prediction_id="call-2", latency_ms=A_DAY_MS)
    receipt = house.portal.telemetry.report([row, good], by=house.robot)
    assert receipt.accepted == 1
    assert [(one.index, one.code) for one in receipt.refused] == [(0, code)]


def test_the_day_of_a_call_is_the_day_in_utc(house: House) -> None:
    house.credit()
    # 23:30 on the 19th in UTC, and the 20th where the application runs.
    there = datetime(2026, 11, 20, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    house.portal.telemetry.report([replace(CALL, occurred_at=there)], by=house.robot)
    with house.portal.store.read() as session:
        (counted,) = session.exec(select(PredictionDayRow)).all()
    assert counted.day.isoformat() == "2026-11-19"
