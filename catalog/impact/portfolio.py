"""The portfolio: which models are in use, how much, how well, and what somebody says that is worth.

Every count is a sum over reported calls. Every value is such a count times what a named person
declared one outcome to be worth; nothing else here is money.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Executable, Row, bindparam, func
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from auth.access import decide
from auth.actors import Actor
from catalog.impact import live
from catalog.impact.calls import WINDOW_DAYS, Calls, calls_since
from catalog.impact.declared_values import Declared, in_force
from catalog.impact.health import Health, judge
from catalog.monitoring.tables import PredictionDayRow
from catalog.registry.models import MODEL, Model, load_models, resource
from catalog.registry.tables import AliasRow, ModelRow, VersionRow
from ledger.acts import Ledger

# Of the live models of which nothing is known, so many are listed; the others are counted.
_MOST_QUIET: Final = 100
_AT_ONCE: Final = 10_000


@dataclass(frozen=True)
class Line:
    """One model in use."""

    model: Model
    owner_id: str
    version_number: int
    live_since: datetime
    calls: int
    errors: int
    by_outcome: tuple[tuple[str, int], ...]
    by_day: tuple[tuple[date, int], ...]
    applications: tuple[tuple[str, int], ...]
    latency_ms: float | None
    last_call: datetime | None
    declared: tuple[Declared, ...]
    value_eur: Decimal | None
    health: Health
    why: str


@dataclass(frozen=True)
class Portfolio:
    """All models in use over the last 30 days."""

    lines: tuple[Line, ...]
    since: date
    until: date
    # Live models of which nothing is known: nobody calls them, and nobody said what they are worth.
    quiet: int = 0

    @property
    def size(self) -> int:
        """How many models are in use; `lines` has all that something is known of."""
        return len(self.lines) + self.quiet

    def number(self, health: Health) -> int:
        """How many models are in this state of health."""
        return len(self.having(health)) + (self.quiet if health is Health.UNKNOWN else 0)

    @property
    def calls_by_day(self) -> tuple[tuple[date, int], ...]:
        """Calls of all models on each day of the window, days without calls included."""
        total: dict[date, int] = defaultdict(int)
        for line in self.lines:
            for day, calls in line.by_day:
                total[day] += calls
        days = (self.until - self.since).days + 1
        return tuple(
            (day, total.get(day, 0))
            for day in (self.since + timedelta(days=n) for n in range(days))
        )

    @property
    def calls(self) -> int:
        """Calls of all models in the window."""
        return sum(line.calls for line in self.lines)

    @property
    def value_eur(self) -> Decimal:
        """The declared value of all outcomes in the window."""
        return sum((line.value_eur or Decimal(0) for line in self.lines), Decimal(0))

    def having(self, health: Health) -> tuple[Line, ...]:
        """The models in this state of health."""
        return tuple(line for line in self.lines if line.health is health)


class Impact:
    """The desk for what models are worth."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def portfolio(self, *, by: Actor, model_id: str = "", most: int = _MOST_QUIET) -> Portfolio:
        """The models that have a champion and that the actor may see, busiest first.

        Of those of which nothing is known only so many are read that there are `most` lines.
        """
        today = self._ledger.clock.now().date()
        since = today - timedelta(days=WINDOW_DAYS - 1)
        with self._ledger.store.read() as session:
            connection = session.connection()
            if model_id:
                found, count = list(connection.execute(_LIVE, {"models": [model_id]})), 1
            else:
                count = live.number(connection, by=by)
                known = live.known(connection)
                known |= set(live.some(connection, most, by=by))
                found = [
                    row
                    for ids in _portions(sorted(known))
                    for row in connection.execute(_LIVE, {"models": ids})
                ]
            rows = [row for row in found if decide(by, "impact:read", resource(row))]
            lines = _lines(session, rows, since, self._ledger.clock.now()) if rows else []
        lines.sort(key=lambda line: (-line.calls, line.model.name))
        quiet = 0 if model_id else max(0, count - len(lines))
        return Portfolio(tuple(lines), since, today, quiet)

    def calls_a_day(self, model_ids: set[str]) -> dict[str, float]:
        """The reported calls of each of these models a day, over the last 30 days."""
        since = self._ledger.clock.now().date() - timedelta(days=WINDOW_DAYS - 1)
        row = PredictionDayRow
        with self._ledger.store.read() as session:
            counted = session.exec(
                select(row.model_id, func.sum(row.calls))
                .where(col(row.model_id).in_(model_ids), col(row.day) >= since)
                .group_by(col(row.model_id))
            )
            return {model_id: int(calls) / WINDOW_DAYS for model_id, calls in counted}


def _lines(session: Session, rows: list[Row[Any]], since: date, now: datetime) -> list[Line]:
    """These live models with their calls and worth. Five questions, however many models."""
    status = {row.id: row.status for row in rows}
    models = {model.id: model for model in load_models(session, rows)}
    champions = {
        model.id: champion
        for model in models.values()
        if (champion := model.alias("champion")) is not None
    }
    calls_of = calls_since(session, champions, since)
    declared = in_force(session, champions)
    lines = []
    for model_id, champion in champions.items():
        model, calls = models[model_id], calls_of.get(model_id, Calls())
        said = declared.get(model_id, ())
        health, why = judge(calls.total, calls.errors, calls.last_call, status[model_id] or "", now)
        lines.append(
            Line(
                model=model,
                owner_id=model.owner_id,
                version_number=champion.number,
                live_since=champion.since,
                calls=calls.total,
                errors=calls.errors,
                by_outcome=tuple(calls.by_outcome.most_common()),
                by_day=tuple(sorted(calls.by_day.items())),
                applications=tuple(calls.by_application.most_common()),
                latency_ms=calls.latency_ms,
                last_call=calls.last_call,
                declared=said,
                value_eur=sum(
                    (one.value_eur * calls.by_outcome[one.outcome] for one in said),
                    Decimal(0),
                )
                if said
                else None,
                health=health,
                why=why,
            )
        )
    return lines


def _portions(ids: list[str]) -> Iterator[list[str]]:
    """As many as a database takes in one question."""
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]


# Asked on every click on Home, Model, Release and Impact: built once, answered in columns.
_LIVE: Final[Executable] = (
    columns(*MODEL, col(VersionRow.status))
    .join(AliasRow, col(AliasRow.model_id) == col(ModelRow.id))
    .join(VersionRow, col(VersionRow.id) == col(AliasRow.version_id), isouter=True)
    .where(
        col(ModelRow.gone_at).is_(None),
        col(AliasRow.alias) == "champion",
        col(ModelRow.id).in_(bindparam("models", expanding=True)),
    )
)
