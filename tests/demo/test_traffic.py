"""A simulated month: really scored, always the same, and reported like any application would."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

import pytest

from app.demo.organisation import APPLICATIONS, CALLS, live_versions
from app.demo.traffic import BATCH_ROWS, PAUSES_SECONDS, Batch, Row, report, simulated_month
from app.demo.training import LoggedVersion
from ledger.errors import Invalid, Refused, Unauthenticated, Unavailable

UNTIL = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
SEED = 7


@pytest.fixture(scope="module")
def month(versions: list[LoggedVersion]) -> list[Batch]:
    return list(simulated_month(versions, UNTIL, SEED))


def rows_of(batches: list[Batch]) -> list[Row]:
    return [row for batch in batches for row in batch.rows]


def moment(row: Row) -> datetime:
    return datetime.fromisoformat(str(row["occurred_at"]))


def without_latency(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "latency_ms"}


def test_a_month_holds_15_to_30_thousand_calls_of_three_applications(month: list[Batch]) -> None:
    rows = rows_of(month)
    assert 15_000 <= len(rows) <= 30_000
    assert {batch.application for batch in month} == {item.key for item in APPLICATIONS}
    assert all(0 < len(batch.rows) <= BATCH_ROWS for batch in month)
    assert all(UNTIL - timedelta(days=30) < moment(row) <= UNTIL for row in rows)
    assert len({str(row["prediction_id"]) for row in rows}) == len(rows)
    assert all(cast("float", row["latency_ms"]) > 0 for row in rows)
    json.dumps(rows, allow_nan=False)


def test_only_live_versions_are_called(month: list[Batch], versions: list[LoggedVersion]) -> None:
    numbers = {(item.name, item.key): str(item.version) for item in versions}
    live = {(name, numbers[name, key]) for (name, _), key in live_versions().items()}
    assert {(row["model"], row["version"]) for row in rows_of(month)} == live


def test_the_same_seed_makes_the_same_calls(
    month: list[Batch], versions: list[LoggedVersion]
) -> None:
    again = list(simulated_month(versions, UNTIL, SEED))
    assert list(map(without_latency, rows_of(again))) == list(map(without_latency, rows_of(month)))


def test_a_month_reported_a_day_later_repeats_the_ids_of_the_days_in_common(
    month: list[Batch], versions: list[LoggedVersion]
) -> None:
    later = rows_of(list(simulated_month(versions, UNTIL + timedelta(days=1), SEED)))
    first = {str(row["prediction_id"]): without_latency(row) for row in rows_of(month)}
    common = [row for row in later if moment(row) <= UNTIL and row["model"] == "credit-pd"]
    assert common
    assert all(first[str(row["prediction_id"])] == without_latency(row) for row in common)


def test_every_answer_is_the_models_own(month: list[Batch], versions: list[LoggedVersion]) -> None:
    live = {(v.name, str(v.version)): v for v in versions}
    for row in rows_of(month)[::500]:
        version = live[str(row["model"]), str(row["version"])]
        if "error" in row or version.name != "loan-lgd":
            continue
        seen = cast("dict[str, object]", row["features"])
        is_same = (version.evaluation[list(seen)] == list(seen.values())).all(axis="columns")
        asked = version.evaluation[is_same]
        assert row["output"] == round(float(version.fitted.predict(asked)[0]), 4)


def test_branches_are_busy_on_weekdays_and_closed_on_sundays(month: list[Batch]) -> None:
    days = Counter(moment(row).weekday() for row in rows_of(month) if row["model"] == "slip-digits")
    assert days[6] == 0
    assert min(days[day] for day in range(5)) > days[5] > 0


def test_one_application_reports_a_few_errors(month: list[Batch]) -> None:
    failed = Counter(str(row["model"]) for row in rows_of(month) if "error" in row)
    assert list(failed) == ["slip-digits"]
    calls = sum(row["model"] == "slip-digits" for row in rows_of(month))
    assert 0.01 < failed["slip-digits"] / calls < 0.05
    assert all(("error" in row) != ("output" in row) for row in rows_of(month))


def test_one_live_model_has_not_been_called_for_a_week(month: list[Batch]) -> None:
    last = {str(row["model"]): moment(row) for row in rows_of(month)}
    silent = [name for name, at in last.items() if UNTIL - at > timedelta(days=7)]
    assert silent == ["health-progression"]
    assert len(last) == len(CALLS)


class Desk(ThreadingHTTPServer):
    """A small HTTP server that answers what it is told to and remembers what it was sent."""

    def __init__(self, answers: list[tuple[int, object]]) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.answers = answers
        self.asked: list[tuple[str, str, list[Row]]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answering(BaseHTTPRequestHandler):
    """Answers with the next of the desk's answers, and with the last one for ever."""

    def do_POST(self) -> None:
        desk = cast("Desk", self.server)
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        desk.asked.append((self.path, self.headers["Authorization"], sent["predictions"]))
        status, answer = desk.answers.pop(0) if len(desk.answers) > 1 else desk.answers[0]
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Desk([(200, {"accepted": 1, "refused": []})]) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def one_batch() -> Batch:
    row: Row = {"prediction_id": "a", "output": "approve"}
    return Batch("loan-desk", UNTIL.date(), (row,))


def test_calls_are_posted_with_the_applications_token(desk: Desk) -> None:
    lines: list[str] = []
    assert report(desk.address, "secret", [one_batch(), one_batch()], lines.append) == 2
    path, authorization, rows = desk.asked[0]
    assert (path, authorization) == ("/api/v1/predictions", "Bearer secret")
    assert rows == list(one_batch().rows)
    assert lines[-1] == "loan-desk: 20 Nov 2026 reported, 2 calls so far"


def test_a_busy_server_is_asked_again(desk: Desk) -> None:
    desk.answers = [(503, {}), (503, {}), (200, {})]
    waited: list[float] = []
    sent = report(desk.address, "t", [one_batch()], lambda _: None, wait=waited.append)
    assert (sent, waited) == (1, [0.5, 1.0])


def test_a_server_that_is_away_is_named_after_all_tries() -> None:
    waited: list[float] = []
    with pytest.raises(Unavailable, match="loan-desk: ConnectError") as refusal:
        report("http://127.0.0.1:9", "t", [one_batch()], lambda _: None, wait=waited.append)
    assert tuple(waited) == PAUSES_SECONDS
    assert "load the demo again" in refusal.value.hint


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        (401, {}, Unauthenticated),
        (403, {}, Refused),
        (422, {"error": "invalid"}, Invalid),
        (200, {"refused": [{"prediction_id": "a"}]}, Invalid),
    ],
)
def test_a_refusal_is_not_retried_and_names_the_remedy(
    desk: Desk, status: int, answer: object, error: type[Invalid]
) -> None:
    desk.answers = [(status, answer)]
    with pytest.raises(error) as refusal:
        report(desk.address, "t", [one_batch()], lambda _: None)
    assert "loan-desk" in refusal.value.message
    assert refusal.value.hint
    assert len(desk.asked) == 1
