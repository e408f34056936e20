"""A month of calls to the live demo models, each really scored, reported through the API."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, TypeAlias, cast
from uuid import UUID, uuid5
from zlib import crc32

import httpx
import numpy as np
import pandas as pd

from app.demo.estimators import FittedClassifier, one_thread
from app.demo.organisation import CALLS, Calls, live_versions
from app.demo.training import LoggedVersion
from ledger.clock import iso
from ledger.errors import Invalid, Refused, Unauthenticated, Unavailable

DAYS: Final = 30
BATCH_ROWS: Final = 500
SATURDAY: Final = 5
SUNDAY: Final = 6
# Any fixed value will do; it only keeps our ids apart from everybody else's.
ID_SPACE: Final = UUID("5f0f6c1e-6f0e-4b57-9a3e-2d2c6b8f41aa")

TIMEOUT_SECONDS: Final = 30.0
PAUSES_SECONDS: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
BUSY: Final = frozenset({429, 502, 503, 504})
DETAIL_CHARACTERS: Final = 300

Value: TypeAlias = str | float
Row: TypeAlias = dict[str, Value | dict[str, Value]]


@dataclass(frozen=True)
class Batch:
    """At most 500 calls of one application on one day, as `POST /api/v1/predictions` takes them."""

    application: str
    day: date
    rows: tuple[Row, ...]


def simulated_month(
    versions: Sequence[LoggedVersion], until: datetime, seed: int
) -> Iterator[Batch]:
    """The calls of the 30 days up to `until`, oldest first; the same seed makes the same calls.

    A call belongs to its calendar day whatever `until` is, so that a month that is reported again,
    or a day later, repeats the ids of the calls they have in common. Only latency is measured anew.

    Raises:
        ValueError: `until` has no time zone, or a version that should be live is not given.
    """
    if until.tzinfo is None:
        msg = "a simulated month needs an end with its time zone"
        raise ValueError(msg)
    end = until.astimezone(UTC)
    start = end - timedelta(days=DAYS)
    names = list(dict.fromkeys(calls.application.key for calls in CALLS))
    live = [(calls, _live_version(versions, calls)) for calls in CALLS]
    for offset in range(DAYS + 1):
        day = (start + timedelta(days=offset)).date()
        for application in names:
            rows = [
                row
                for calls, version in live
                if calls.application.key == application
                for row in _day_of_calls(calls, version, day, seed)
                if start < _moment(row) <= end - timedelta(days=calls.silent_days)
            ]
            rows.sort(key=_moment)
            for first in range(0, len(rows), BATCH_ROWS):
                yield Batch(application, day, tuple(rows[first : first + BATCH_ROWS]))


def _live_version(versions: Sequence[LoggedVersion], calls: Calls) -> LoggedVersion:
    key = live_versions()[calls.model, calls.alias]
    for version in versions:
        if (version.name, version.key) == (calls.model, key):
            return version
    msg = f"{calls.model} {key} should be live but was not trained"
    raise ValueError(msg)


def _moment(row: Row) -> datetime:
    return datetime.fromisoformat(str(row["occurred_at"]))


def _day_of_calls(calls: Calls, version: LoggedVersion, day: date, seed: int) -> list[Row]:
    """One application's calls of one model on one whole day."""
    place = f"{calls.application.key}/{calls.model}"
    rng = np.random.default_rng([seed, crc32(place.encode()), day.toordinal()])
    usual = {SATURDAY: calls.saturday, SUNDAY: calls.sunday}.get(day.weekday(), calls.weekday)
    count = int(rng.poisson(usual))
    if not count:
        return []
    opens, closes = (hour * 3_600.0 for hour in calls.hours)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    seconds = rng.uniform(opens, closes, count)
    drawn = rng.integers(0, len(version.evaluation), count)
    has_failed = rng.random(count) < calls.error_share

    # A day is scored in one go, like a queue drained once a day; the time it takes is the real one.
    asked = version.evaluation.iloc[drawn]
    began = time.perf_counter()
    with one_thread():
        outputs = _outputs(calls, version, asked)
    latency_ms = (time.perf_counter() - began) * 1_000.0 / count

    reported = list(calls.features) or [str(column) for column in asked.columns]
    features = asked[reported].to_dict(orient="records")
    rows: list[Row] = []
    for index, (output, seen) in enumerate(zip(outputs, features, strict=True)):
        answer: Row = {"error": calls.error} if has_failed[index] else {"output": output}
        at = midnight + timedelta(milliseconds=round(float(seconds[index]) * 1_000.0))
        rows.append(
            {
                "prediction_id": str(uuid5(ID_SPACE, f"{seed}/{place}/{day}/{index}")),
                "occurred_at": iso(at),
                "model": version.name,
                "version": str(version.version),
                **answer,
                "latency_ms": round(latency_ms, 4),
                "features": {str(name): value for name, value in seen.items()},
            }
        )
    return rows


def _outputs(calls: Calls, version: LoggedVersion, asked: pd.DataFrame) -> list[Value]:
    """What the application makes of the answers: its own words, the class, or a number."""
    if not version.classes:
        return [round(float(number), 4) for number in version.fitted.predict(asked).astype(float)]
    words = {outcome.answer: outcome.word for outcome in calls.outcomes}
    first = next((outcome for outcome in calls.outcomes if outcome.threshold is not None), None)
    if first is None or first.threshold is None:
        answers = [str(answer) for answer in version.fitted.predict(asked)]
        return [words.get(answer, answer) for answer in answers]
    shares = cast("FittedClassifier", version.fitted).predict_proba(asked)
    is_first = shares[:, version.classes.index(first.answer)] >= first.threshold
    others = next(outcome.word for outcome in calls.outcomes if outcome is not first)
    return [first.word if chosen else others for chosen in is_first]


def report(
    base_url: str,
    token: str,
    batches: Iterable[Batch],
    progress: Callable[[str], None],
    *,
    wait: Callable[[float], None] = time.sleep,
) -> int:
    """Report the calls of one application, whose token it is, and answer how many were sent.

    A server that is away or busy is asked again after 0.5, 1, 2, 4 and 8 seconds; rows that had
    arrived before are recognised by their prediction_id.

    Raises:
        Unavailable: Countersign did not answer in that time.
        Unauthenticated, Refused, Invalid: Countersign does not take the calls; nothing is retried.
    """
    sent = 0
    headers = {"Authorization": f"Bearer {token}"}
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
    with httpx.Client(
        base_url=base_url, headers=headers, limits=limits, timeout=TIMEOUT_SECONDS, trust_env=False
    ) as client:
        for batch in batches:
            _check(batch, _post(client, batch, wait))
            sent += len(batch.rows)
            progress(f"{batch.application}: {_day(batch)} reported, {sent:,} calls so far")
    return sent


def _post(client: httpx.Client, batch: Batch, wait: Callable[[float], None]) -> httpx.Response:
    """The answer to one batch, asked for until there is one."""
    told = "no connection"
    for pause in (*PAUSES_SECONDS, None):
        try:
            response = client.post("/api/v1/predictions", json={"predictions": batch.rows})
        except httpx.TransportError as error:
            told = type(error).__name__
        else:
            if response.status_code not in BUSY:
                return response
            told = f"HTTP {response.status_code}"
        if pause is not None:
            wait(pause)
    raise Unavailable(
        f"Countersign at {client.base_url} did not take the calls of {batch.application}: {told}.",
        hint="Check that the portal is running, then load the demo again: it goes on where it"
        " stopped.",
        code="demo-report-unavailable",
    )


def _check(batch: Batch, response: httpx.Response) -> None:
    """Raise what the answer means, unless every row was taken."""
    calls = f"the calls of {batch.application} on {_day(batch)}"
    if response.status_code == httpx.codes.UNAUTHORIZED:
        raise Unauthenticated(
            f"Countersign does not know the token that reports {calls}.",
            hint=f"Make a token for {batch.application} on the Access page.",
            code="demo-report-token",
        )
    if response.status_code == httpx.codes.FORBIDDEN:
        raise Refused(
            f"The token of {batch.application} may not report {calls}.",
            hint="Make its token on the Access page with the right to report predictions.",
            code="demo-report-refused",
        )
    if not response.is_success:
        raise Invalid(
            f"Countersign refused {calls} with HTTP {response.status_code}:"
            f" {response.text[:DETAIL_CHARACTERS]}",
            hint="Check that the portal and the demo are of the same version.",
            code="demo-report-invalid",
        )
    refused = response.json().get("refused")
    if refused:
        raise Invalid(
            f"Countersign refused {len(refused):,} of {len(batch.rows):,} of {calls}: {refused[0]}",
            hint="The catalog may not have seen the demo's models yet: wait for the mirror, then"
            " load the demo again.",
            code="demo-report-rows",
        )


def _day(batch: Batch) -> str:
    return f"{batch.day.day} {batch.day:%b %Y}"
