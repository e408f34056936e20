"""Serving applications report their calls through the API, a batch at a time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.api import create_api
from ledger.clock import iso
from tests.api.test_release_story import client
from tests.cast import House


@pytest.fixture
def robot(house: House) -> TestClient:
    house.credit()
    _token, secret = house.portal.tokens.issue_for_application(
        house.robot.id, "loan desk", by=house.grace
    )
    headers = {"Authorization": f"Bearer {secret}"}
    return TestClient(create_api(house.portal), headers=headers, raise_server_exceptions=False)


def call(house: House, number: int, **more: object) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "prediction_id": f"call-{number}",
        "occurred_at": iso(house.clock.now()),
        "model": "credit-pd",
        "version": 1,
        "output": "repaid",
        "latency_ms": 12.5,
    }
    return {**plain, **more}


def send(robot: TestClient, *rows: object) -> dict[str, Any]:
    # A number beyond what a float holds can be written in JSON, though not by Python.
    body = json.dumps({"predictions": list(rows)}).replace('"huge"', "1e400")
    answer = robot.post("/predictions", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_a_call_reported_twice_counts_once(house: House, robot: TestClient) -> None:
    first = send(robot, call(house, 1), call(house, 2), call(house, 2))
    assert (first["accepted"], first["repeated"], first["refused"]) == (2, 1, [])
    again = send(robot, call(house, 2), call(house, 3))
    assert (again["accepted"], again["repeated"]) == (1, 1)
    (line,) = house.portal.impact.portfolio(by=house.carol).lines
    assert line.calls == 3
    assert line.applications == ((house.robot.id, 3),)


def test_each_row_is_refused_for_itself_at_its_place(house: House, robot: TestClient) -> None:
    told = send(
        robot,
        call(house, 0),
        call(house, 1, version=99),
        call(house, 2, surprise="x"),
        {"prediction_id": "call-3"},
        call(house, 4, latency_ms=-1),
        call(house, 5, output=None),
        call(house, 6, output=None, error="timeout"),
        call(house, 7, version=10**30),
        call(house, 8, output="huge"),
        call(house, 9, prediction_id="a\x00b"),
        call(house, 10, output="a\x00b"),
        call(house, 11, model="a\x00b"),
        call(house, 12),
    )
    assert told["accepted"] == 3
    assert [(row["index"], row["code"]) for row in told["refused"]] == [
        (1, "no-such-version"),
        (2, "malformed"),
        (3, "malformed"),
        (4, "bad-latency"),
        (5, "bad-output"),
        (7, "no-such-version"),
        (8, "bad-output"),
        (9, "bad-id"),
        (10, "bad-output"),
        (11, "no-such-version"),
    ]
    assert all(row["detail"] for row in told["refused"])


@pytest.mark.parametrize(("rows", "status"), [(0, 422), (1001, 422), (1000, 200)])
def test_a_batch_has_one_to_a_thousand_rows(
    house: House, robot: TestClient, rows: int, status: int
) -> None:
    batch = [call(house, number) for number in range(rows)]
    answer = robot.post("/predictions", json={"predictions": batch})
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["accepted"] == rows


def test_a_person_reports_no_calls(small_house: House) -> None:
    small_house.credit()
    alice = client(small_house, small_house.alice)
    for rows in ([call(small_house, 1)], [{"unreadable": True}]):
        answer = alice.post("/predictions", json={"predictions": rows})
        assert (answer.status_code, answer.json()["error"]) == (403, "not-an-application")
