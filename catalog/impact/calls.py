"""The calls of live models in the last 30 days, as applications reported them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import BindParameter, Executable, bindparam, func, select
from sqlmodel import Session, col

from catalog.monitoring.tables import PredictionDayRow

WINDOW_DAYS: Final = 30


@dataclass
class Calls:
    """The calls of one model since a day; the last one may be from before it."""

    by_outcome: Counter[str] = field(default_factory=Counter)
    by_day: dict[date, int] = field(default_factory=dict)
    by_application: Counter[str] = field(default_factory=Counter)
    errors: int = 0
    latency_sum_ms: float = 0.0
    last_call: datetime | None = None

    @property
    def total(self) -> int:
        """All calls."""
        return self.by_outcome.total()

    @property
    def latency_ms(self) -> float | None:
        """How long an answer took on average; None without a call."""
        return self.latency_sum_ms / self.total if self.total else None


def calls_since(session: Session, model_ids: Collection[str], since: date) -> dict[str, Calls]:
    """What was reported of each of these models since a day; nothing of most of them."""
    found: dict[str, Calls] = defaultdict(Calls)
    connection, asked = session.connection(), {"models": list(model_ids), "since": since}
    # Two questions instead of one by everything: a month of a busy portfolio is thousands of rows.
    for row in connection.execute(_BY_OUTCOME, asked):
        one, calls = found[row.model_id], int(row.calls)
        one.by_outcome[row.outcome] += calls
        one.by_application[row.application_id] += calls
        one.errors += calls if row.is_error else 0
        one.latency_sum_ms += float(row.latency_ms)
        one.last_call = row.last_at if one.last_call is None else max(one.last_call, row.last_at)
    for model_id, day, calls in connection.execute(_BY_DAY, asked):
        found[model_id].by_day[day] = int(calls)
    # Who was called in the window was called last in it; only the others are asked for before.
    silent = [model_id for model_id in model_ids if model_id not in found]
    if silent:
        for model_id, last_at in connection.execute(_LAST_CALLS, {"models": silent}):
            found[model_id].last_call = last_at
    return dict(found)


# Asked on every click on Home, Model, Release and Impact: built once, answered in columns.
_DAY: Final = PredictionDayRow
_MODELS: Final[BindParameter[Any]] = bindparam("models", expanding=True)
_WINDOW: Final = (col(_DAY.model_id).in_(_MODELS), col(_DAY.day) >= bindparam("since"))
_OUTCOME: Final = (
    col(_DAY.model_id),
    col(_DAY.application_id),
    col(_DAY.outcome),
    col(_DAY.is_error),
)
_BY_OUTCOME: Final[Executable] = (
    select(
        *_OUTCOME,
        func.sum(_DAY.calls).label("calls"),
        func.sum(_DAY.latency_ms).label("latency_ms"),
        func.max(_DAY.last_at).label("last_at"),
    )
    .where(*_WINDOW)
    .group_by(*_OUTCOME)
)
_BY_DAY: Final[Executable] = (
    select(col(_DAY.model_id), col(_DAY.day), func.sum(_DAY.calls))
    .where(*_WINDOW)
    .group_by(col(_DAY.model_id), col(_DAY.day))
)
_LAST_CALLS: Final[Executable] = (
    select(col(_DAY.model_id), func.max(_DAY.last_at))
    .where(col(_DAY.model_id).in_(_MODELS))
    .group_by(col(_DAY.model_id))
)
