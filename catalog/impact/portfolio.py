"""The portfolio: which models are in use, how much, how well, and what somebody says that is worth.

Every count is a sum over reported calls. Every value is such a count times what a named person
declared one outcome to be worth; nothing else here is money.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import BindParameter, Executable, Row, bindparam, func
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from auth.access import Verdict, decide
from auth.actors import Actor
from catalog.impact import live
from catalog.impact.tables import DeclaredValueRow
from catalog.monitoring.tables import PredictionDayRow
from catalog.registry.models import MODEL, Model, load_models, resource
from catalog.registry.tables import AliasRow, ModelRow, VersionRow
from ledger.acts import Ledger
from ledger.errors import Invalid, NotFound
from ledger.ids import new_id

# Health, from what was reported: the share of calls that failed, and how long nobody has called.
ERROR_SHARE_LIMIT: Final = 0.01
SILENT_AFTER: Final = timedelta(days=7)
WINDOW_DAYS: Final = 30
LONGEST_OUTCOME: Final = 120
_LONGEST_REASON: Final = 500
# Of the live models of which nothing is known, so many are listed; the others are counted.
_MOST_QUIET: Final = 100
_AT_ONCE: Final = 10_000
_LARGEST_EUR: Final = Decimal(1_000_000)


class Health(StrEnum):
    """How a live model does, in words a stakeholder uses."""

    WORKS = "Works as expected"
    ATTENTION = "Needs attention"
    SILENT = "Nobody calls it"
    UNKNOWN = "Not watched"


@dataclass(frozen=True)
class Declared:
    """What an outcome is worth, who says so, since when, and why."""

    id: str
    model_id: str
    outcome: str
    value_eur: Decimal
    reason: str
    declared_by: str
    declared_at: datetime


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

    def may_declare(self, model: Model, *, by: Actor) -> Verdict:
        """Whether the actor may say what an outcome of this model is worth."""
        return decide(by, "value:declare", model.resource)

    def declare(
        self, model_id: str, outcome: str, value_eur: Decimal, reason: str, *, by: Actor
    ) -> Declared:
        """Say what one outcome of a model is worth, in euro. The newest saying counts."""
        outcome, reason = " ".join(outcome.split()), reason.strip()
        if not 1 <= len(outcome) <= LONGEST_OUTCOME:
            raise Invalid("Name the outcome, as the application reports it.", code="no-outcome")
        if not 1 <= len(reason) <= _LONGEST_REASON:
            raise Invalid(
                f"Say in 1 to {_LONGEST_REASON} characters why it is worth that.", code="no-reason"
            )
        if not value_eur.is_finite() or abs(value_eur) > _LARGEST_EUR:
            raise Invalid("The value of one outcome is a number of euro, at most a million.")
        with self._ledger.act("value:declare", actor=by.id, resource=f"model:{model_id}") as act:
            row = act.session.get(ModelRow, model_id)
            if row is None or row.gone_at or not decide(by, "model:read", resource(row)):
                raise NotFound("There is no such model.", hint="Choose one under Impact.")
            decide(by, "value:declare", resource(row)).insist()
            said = DeclaredValueRow(
                id=new_id("val"),
                model_id=model_id,
                outcome=outcome,
                value_eur=value_eur,
                reason=reason,
                declared_by=by.id,
                declared_at=act.at,
            )
            act.session.add(said)
            act.facts |= {"value_eur": str(value_eur), "declaration": said.id}
            act.texts |= {"outcome": outcome, "reason": reason}
        return _declared(said)


@dataclass
class _Counted:
    """The reported calls of one model in the window."""

    by_outcome: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    by_day: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    by_application: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    errors: int = 0
    calls: int = 0
    latency_ms: float = 0.0
    last_call: datetime | None = None


def _lines(session: Session, rows: list[Row[Any]], since: date, now: datetime) -> list[Line]:
    """These live models with their calls and worth. Five questions, however many models."""
    status = {row.id: row.status for row in rows}
    models = {model.id: model for model in load_models(session, rows)}
    champions = {
        model.id: champion
        for model in models.values()
        if (champion := model.alias("champion")) is not None
    }
    counted = _counted(session, list(champions), since)
    last_calls = {model_id: one.last_call for model_id, one in counted.items()}
    # Who was called in the window was called last in it; only the others are asked for before.
    silent = [model_id for model_id in champions if model_id not in counted]
    if silent:
        found = session.connection().execute(_LAST_CALLS, {"models": silent})
        last_calls |= dict(found.all())
    declared = _in_force(session, list(champions))
    lines = []
    for model_id, champion in champions.items():
        model, calls = models[model_id], counted.get(model_id, _Counted())
        said = declared.get(model_id, ())
        last_call = last_calls.get(model_id)
        health, why = judge(calls.calls, calls.errors, last_call, status[model_id] or "", now)
        lines.append(
            Line(
                model=model,
                owner_id=model.owner_id,
                version_number=champion.number,
                live_since=champion.since,
                calls=calls.calls,
                errors=calls.errors,
                by_outcome=_most_first(calls.by_outcome),
                by_day=tuple(sorted(calls.by_day.items())),
                applications=_most_first(calls.by_application),
                latency_ms=calls.latency_ms / calls.calls if calls.calls else None,
                last_call=last_call,
                declared=said,
                value_eur=sum(
                    (one.value_eur * calls.by_outcome.get(one.outcome, 0) for one in said),
                    Decimal(0),
                )
                if said
                else None,
                health=health,
                why=why,
            )
        )
    return lines


def _counted(session: Session, model_ids: list[str], since: date) -> dict[str, _Counted]:
    found: dict[str, _Counted] = defaultdict(_Counted)
    connection, asked = session.connection(), {"models": model_ids, "since": since}
    # Two questions instead of one by everything: a month of a busy portfolio is thousands of rows.
    for (
        model_id,
        application_id,
        outcome,
        is_error,
        calls,
        latency,
        last,
    ) in connection.execute(_BY_OUTCOME, asked):
        one = found[model_id]
        one.by_outcome[outcome] += int(calls)
        one.by_application[application_id] += int(calls)
        one.calls += int(calls)
        one.errors += int(calls) if is_error else 0
        one.latency_ms += float(latency)
        one.last_call = last if one.last_call is None else max(one.last_call, last)
    for model_id, day, calls in connection.execute(_BY_DAY, asked):
        found[model_id].by_day[day] = int(calls)
    return found


def _portions(ids: list[str]) -> Iterator[list[str]]:
    """As many as a database takes in one question."""
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]


def _most_first(counts: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda one: -one[1]))


def judge(
    calls: int, errors: int, last_call: datetime | None, status: str, now: datetime
) -> tuple[Health, str]:
    """How a live model does, and the sentence that says why."""
    if status and status != "READY":
        return Health.ATTENTION, f"MLflow says the live version is {status.lower()}."
    if last_call is None:
        return Health.UNKNOWN, "No application reports its calls, so nobody would notice a fault."
    silent = now - last_call
    if silent > SILENT_AFTER:
        return Health.SILENT, f"The last call was {silent.days} days ago."
    if calls and errors / calls > ERROR_SHARE_LIMIT:
        return (
            Health.ATTENTION,
            f"{errors:,} of {calls:,} calls failed, more than {ERROR_SHARE_LIMIT:.0%}.",
        )
    if errors:
        return Health.WORKS, f"{errors:,} of {calls:,} calls failed in the last {WINDOW_DAYS} days."
    return Health.WORKS, f"None of {calls:,} calls failed in the last {WINDOW_DAYS} days."


def _in_force(session: Session, model_ids: list[str]) -> dict[str, tuple[Declared, ...]]:
    newest: dict[str, dict[str, Declared]] = defaultdict(dict)
    for row in session.connection().execute(_DECLARED, {"models": model_ids}):
        newest[row.model_id][row.outcome] = _declared(row)
    return {model_id: tuple(said.values()) for model_id, said in newest.items()}


def _declared(row: DeclaredValueRow | Row[Any]) -> Declared:
    return Declared(
        row.id,
        row.model_id,
        row.outcome,
        Decimal(row.value_eur),
        row.reason,
        row.declared_by,
        row.declared_at,
    )


# Asked on every click on Home, Model, Release and Impact: built once, answered in columns.
_MODELS: Final[BindParameter[Any]] = bindparam("models", expanding=True)
_LIVE: Final[Executable] = (
    columns(*MODEL, col(VersionRow.status))
    .join(AliasRow, col(AliasRow.model_id) == col(ModelRow.id))
    .join(VersionRow, col(VersionRow.id) == col(AliasRow.version_id), isouter=True)
    .where(
        col(ModelRow.gone_at).is_(None),
        col(AliasRow.alias) == "champion",
        col(ModelRow.id).in_(_MODELS),
    )
)
_LAST_CALLS: Final[Executable] = (
    columns(col(PredictionDayRow.model_id), func.max(PredictionDayRow.last_at))
    .where(col(PredictionDayRow.model_id).in_(_MODELS))
    .group_by(col(PredictionDayRow.model_id))
)
_WINDOW: Final = (
    col(PredictionDayRow.model_id).in_(_MODELS),
    col(PredictionDayRow.day) >= bindparam("since"),
)
_OUTCOME: Final = (
    col(PredictionDayRow.model_id),
    col(PredictionDayRow.application_id),
    col(PredictionDayRow.outcome),
    col(PredictionDayRow.is_error),
)
_BY_OUTCOME: Final[Executable] = (
    columns(
        *_OUTCOME,
        func.sum(PredictionDayRow.calls),
        func.sum(PredictionDayRow.latency_ms),
        func.max(PredictionDayRow.last_at),
    )
    .where(*_WINDOW)
    .group_by(*_OUTCOME)
)
_BY_DAY: Final[Executable] = (
    columns(
        col(PredictionDayRow.model_id),
        col(PredictionDayRow.day),
        func.sum(PredictionDayRow.calls),
    )
    .where(*_WINDOW)
    .group_by(col(PredictionDayRow.model_id), col(PredictionDayRow.day))
)
_DECLARED: Final[Executable] = (
    columns(
        col(DeclaredValueRow.id),
        col(DeclaredValueRow.model_id),
        col(DeclaredValueRow.outcome),
        col(DeclaredValueRow.value_eur),
        col(DeclaredValueRow.reason),
        col(DeclaredValueRow.declared_by),
        col(DeclaredValueRow.declared_at),
    )
    .where(col(DeclaredValueRow.model_id).in_(_MODELS))
    .order_by(col(DeclaredValueRow.declared_at))
)
