"""Every count is made of reported calls, each taken once and each refused for itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import text

from app.worker import MIRROR
from catalog.monitoring.telemetry import MOST_ROWS, NUMBER, Prediction, outcome_of
from catalog.registry.mirror.mirror import Mirror
from ledger.errors import CountersignError, Invalid, Refused
from tests.at_once import at_once
from tests.cast import AT, House
from tests.fakes import FakeMlflow

CALL = Prediction("call-1", AT, "credit-pd", 1, "repaid", 12.5)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"prediction_id": ""}, "bad-id"),
        ({"prediction_id": "x" * 201}, "bad-id"),
        ({"prediction_id": "a\x00b"}, "bad-id"),
        ({"prediction_id": "\ud800"}, "bad-id"),
        ({"occurred_at": AT.replace(tzinfo=None)}, "bad-time"),
        ({"occurred_at": AT + timedelta(hours=1)}, "bad-time"),
        ({"latency_ms": -0.1}, "bad-latency"),
        ({"latency_ms": math.nan}, "bad-latency"),
        ({"latency_ms": math.inf}, "bad-latency"),
        ({"output": None}, "bad-output"),
        ({"error": "timeout"}, "bad-output"),
        ({"output": math.nan}, "bad-output"),
        ({"output": "x" * 501}, "too-long"),
        ({"output": "\x00"}, "bad-output"),
        ({"output": None, "error": "\ud800"}, "bad-output"),
        ({"features": {"a": "x" * 20_001}}, "too-long"),
        ({"model": "no-such-model"}, "no-such-version"),
        ({"model": "'; DROP TABLE prediction; --"}, "no-such-version"),
        ({"model": "\x00"}, "no-such-version"),
        ({"version": 99}, "no-such-version"),
        ({"version": 0}, "no-such-version"),
        ({"version": 2**63}, "no-such-version"),
        ({"server": "elsewhere"}, "no-such-version"),
    ],
)
def test_a_row_that_cannot_be_taken_says_why_and_stops_no_other(
    house: House, wrong: Mapping[str, object], code: str
) -> None:
    house.credit()
    good = replace(CALL, prediction_id="call-2")
    bad = replace(CALL, **wrong)  # type: ignore[arg-type]
    receipt = house.portal.telemetry.report([bad, good], by=house.robot)
    assert receipt.accepted == 1
    (refused,) = receipt.refused
    assert (refused.index, refused.code) == (0, code)
    assert refused.detail.endswith(".")


def test_a_name_on_two_servers_needs_the_server(small_house: House) -> None:
    small_house.credit()
    portal = small_house.portal
    other = FakeMlflow(portal.settings.data_dir / "other", small_house.clock)
    other.register("credit-pd")
    other.log("credit-pd")
    Mirror(portal.store, portal.clock, portal.ledger.journal, other, "lab").crawl(by=MIRROR)
    now = small_house.clock.now()
    call = replace(CALL, occurred_at=now)
    receipt = portal.telemetry.report(
        [call, replace(call, prediction_id="call-2", server="lab")], by=small_house.robot
    )
    assert [row.code for row in receipt.refused] == ["ambiguous-name"]
    assert receipt.accepted == 1


@pytest.mark.parametrize("rows", [0, MOST_ROWS + 1])
def test_a_batch_is_neither_empty_nor_endless(small_house: House, rows: int) -> None:
    batch = [replace(CALL, prediction_id=str(n)) for n in range(rows)]
    with pytest.raises(Invalid):
        small_house.portal.telemetry.report(batch, by=small_house.robot)


@pytest.mark.parametrize("who", ["alice", "bob", "grace", "dave"])
def test_only_an_application_reports(small_house: House, who: str) -> None:
    small_house.credit()
    with pytest.raises(Refused) as told:
        small_house.portal.telemetry.report([CALL], by=small_house.who(who))
    assert told.value.code == "not-an-application"
    assert small_house.records("prediction:report")[-1].outcome == "refused"


def test_a_row_that_came_before_changes_nothing_whatever_it_says_now(house: House) -> None:
    house.credit()
    report = house.portal.telemetry.report
    assert report([CALL, CALL], by=house.robot).repeated == 1
    again = report([replace(CALL, output="defaulted", version=2)], by=house.robot)
    assert (again.accepted, again.repeated) == (0, 1)
    assert _counts(house) == _grouped(house)
    assert [row[-2:] for row in _counts(house)] == [("repaid", 1)]


def test_two_applications_may_use_the_same_ids(small_house: House) -> None:
    small_house.credit()
    other = small_house.portal.tokens.register_application("Call centre", by=small_house.grace)
    for by in (small_house.robot, small_house.portal.people.actor(other.id)):
        assert small_house.portal.telemetry.report([CALL], by=by).accepted == 1


def test_every_count_equals_the_rows_it_is_made_of(house: House) -> None:
    house.credit()
    house.credit(name="churn", aucs=(0.7,))
    batch = [
        Prediction(
            f"call-{n}",
            AT - timedelta(hours=7 * n),
            "churn" if n % 5 == 0 else "credit-pd",
            1 if n % 5 == 0 else 1 + n % 2,
            None if n % 7 == 0 else ("repaid", "defaulted", 0.25 * n, True)[n % 4],
            float(n),
            "timeout" if n % 7 == 0 else "",
        )
        for n in range(60)
    ]
    for at in range(0, 60, 13):
        assert house.portal.telemetry.report(batch[at : at + 13], by=house.robot).refused == ()
    assert _counts(house) == _grouped(house)
    assert _total(house) == 60
    portfolio = house.portal.impact.portfolio(by=house.carol)
    assert portfolio.calls == 60
    assert sum(line.errors for line in portfolio.lines) == 9


def test_two_batches_at_once_lose_no_call(house: House) -> None:
    house.credit()
    by, report = house.robot, house.portal.telemetry.report
    batches = [
        [replace(CALL, prediction_id=f"{name}-{n}", occurred_at=AT) for n in range(5)]
        for name in ("a", "b")
    ]
    report([replace(CALL, prediction_id="first-of-the-day")], by=by)
    outcomes = at_once(house.portal.ledger, [partial(report, batch, by=by) for batch in batches])
    assert not [one for one in outcomes if isinstance(one, CountersignError)]
    assert _counts(house) == _grouped(house)
    assert _total(house) == 11


def test_the_same_batch_sent_twice_at_once_is_counted_once(house: House) -> None:
    house.credit()
    by, report = house.robot, house.portal.telemetry.report
    batch = [replace(CALL, prediction_id=f"call-{n}") for n in range(5)]
    outcomes = at_once(house.portal.ledger, [lambda: report(batch, by=by)] * 2)
    refused = [one for one in outcomes if isinstance(one, CountersignError)]
    # On PostgreSQL the second one may be told to come again; then every row is a repetition.
    if refused:
        assert refused[0].status == 409
        assert report(batch, by=by).repeated == 5
    assert _counts(house) == _grouped(house)
    assert _total(house) == 5


@pytest.mark.parametrize(
    ("output", "error", "outcome"),
    [
        ("repaid", "", "repaid"),
        ("0.25", "", NUMBER),
        ("-1e9", "", NUMBER),
        ("true", "", "true"),
        ("", "timeout", "error"),
    ],
)
def test_a_call_counts_as_its_class_or_a_number_or_an_error(
    output: str, error: str, outcome: str
) -> None:
    assert outcome_of(output, error) == outcome


def _total(house: House) -> int:
    return sum(int(str(row[-1])) for row in _counts(house))


def _counts(house: House) -> list[tuple[object, ...]]:
    """What the page counts by: one row for each model, version, day and outcome."""
    return _rows(
        house,
        "SELECT model_id, version_id, CAST(day AS TEXT), outcome, calls FROM prediction_day",
    )


def _grouped(house: House) -> list[tuple[object, ...]]:
    """The same from the reported calls themselves."""
    day = (
        "DATE(occurred_at)"
        if house.portal.store.is_sqlite
        else ("CAST(CAST(occurred_at AT TIME ZONE 'UTC' AS DATE) AS TEXT)")
    )
    if house.portal.store.is_sqlite:
        number = "output GLOB '*[0-9]*' AND output NOT GLOB '*[a-df-zA-DF-Z]*'"
    else:
        number = "output ~ '^[0-9.]+$'"
    outcome = f"CASE WHEN error <> '' THEN 'error' WHEN {number} THEN 'number' ELSE output END"
    return _rows(
        house,
        f"SELECT model_id, version_id, {day}, {outcome}, COUNT(*) FROM prediction "  # noqa: S608
        f"GROUP BY model_id, version_id, {day}, {outcome}",
    )


def _rows(house: House, sql: str) -> list[tuple[object, ...]]:
    return sorted(tuple(row) for row in house.portal.store.rows(text(sql)))
