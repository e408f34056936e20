"""Callers: which applications a model was called by, beside those that said they rely on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import Executable, bindparam, case, func
from sqlalchemy import select as columns
from sqlmodel import col

from auth.tables import PrincipalRow
from catalog.applications.consumers import Consumer
from catalog.monitoring.tables import PredictionDayRow
from catalog.registry.models import Model
from catalog.registry.tables import VersionRow
from ledger.acts import Ledger

WINDOW_DAYS: Final = 30
Mismatch = Literal["", "unregistered", "never-called", "another-version"]


@dataclass(frozen=True)
class Caller:
    """An application that was seen calling a model.

    `calls` counts the last 30 days; `number` is the version it called last.
    """

    application_id: str
    name: str
    calls: int
    last_at: datetime
    number: int


@dataclass(frozen=True)
class Use:
    """One application with one alias: what it said and what was seen, and where the two differ."""

    application_id: str
    name: str
    consumer: Consumer | None
    caller: Caller | None
    mismatch: Mismatch
    reason: str


class Callers:
    """The desk that lays what was seen beside what was said."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def of(self, model: Model) -> list[Caller]:
        """The applications that called any version of a model, busiest first."""
        now = self._ledger.clock.now()
        since = (now - timedelta(days=WINDOW_DAYS - 1)).date()
        with self._ledger.store.read() as session:
            rows = session.connection().execute(_CALLED, {"model": model.id, "since": since})
            found: dict[str, Caller] = {}
            for application_id, name, number, calls, last_at in rows:
                before = found.get(application_id)
                newest = before is None or last_at > before.last_at
                found[application_id] = Caller(
                    application_id,
                    name,
                    int(calls) + (before.calls if before else 0),
                    last_at if newest or before is None else before.last_at,
                    number if newest or before is None else before.number,
                )
        return sorted(found.values(), key=lambda one: (-one.calls, one.name, one.application_id))


def uses(model: Model, consumers: Sequence[Consumer], callers: Sequence[Caller]) -> list[Use]:
    """Every application that relies on a model or was seen calling it; mismatches first."""
    seen = {one.application_id: one for one in callers}
    told = [_told(model, one, seen.get(one.application_id)) for one in consumers]
    said = {one.application_id for one in consumers}
    untold = [
        Use(
            one.application_id,
            one.name,
            None,
            one,
            "unregistered",
            f"{one.name} calls it without being registered.",
        )
        for one in callers
        if one.application_id not in said
    ]
    return sorted([*untold, *told], key=lambda one: (one.mismatch == "", one.name))


def _told(model: Model, consumer: Consumer, caller: Caller | None) -> Use:
    name, alias = consumer.application, consumer.alias
    held = model.alias(alias)
    mismatch: Mismatch = ""
    reason = ""
    if caller is None:
        mismatch, reason = "never-called", f"{name} is registered and never called."
    elif held is not None and caller.number != held.number and caller.last_at > held.since:
        mismatch = "another-version"
        reason = f"{name} called v{caller.number} last, while @{alias} is v{held.number}."
    return Use(consumer.application_id, name, consumer, caller, mismatch, reason)


_DAY: Final = PredictionDayRow
_CALLED: Final[Executable] = (
    columns(
        col(_DAY.application_id),
        col(PrincipalRow.name),
        col(VersionRow.number),
        func.sum(case((col(_DAY.day) >= bindparam("since"), col(_DAY.calls)), else_=0)),
        func.max(col(_DAY.last_at)),
    )
    .join(VersionRow, col(VersionRow.id) == col(_DAY.version_id))
    .join(PrincipalRow, col(PrincipalRow.id) == col(_DAY.application_id))
    .where(col(_DAY.model_id) == bindparam("model"))
    .group_by(col(_DAY.application_id), col(PrincipalRow.name), col(VersionRow.number))
)
