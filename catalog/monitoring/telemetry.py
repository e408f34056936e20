"""Telemetry: serving applications report each call once, and every count is made of those rows."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sqlmodel import Session, col, select

from auth.access import Verdict, decide
from auth.actors import Actor, Kind
from auth.tables import PrincipalRow
from catalog.monitoring.tables import PredictionDayRow, PredictionRow
from catalog.registry.models import resource
from catalog.registry.tables import ModelRow, VersionRow
from ledger.acts import Ledger
from ledger.clock import as_utc
from ledger.errors import CountersignError, Invalid, NotFound

MOST_ROWS: Final = 1000
_LONGEST_ID: Final = 200
_LONGEST_OUTPUT: Final = 500
_LARGEST_FEATURES: Final = 20_000
_LARGEST_VERSION: Final = 2**31 - 1
_AHEAD: Final = timedelta(minutes=5)
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LONGEST_LATENCY_MS: Final = 86_400_000  # a day
# A numeric output has no classes to count by; all of them are one outcome.
NUMBER: Final = "number"


@dataclass(frozen=True)
class Prediction:
    """One reported call: an output or an error, and how long it took in milliseconds."""

    prediction_id: str
    occurred_at: datetime
    model: str
    version: int
    output: str | float | bool | None
    latency_ms: float
    error: str = ""
    features: Mapping[str, object] = field(default_factory=dict)
    server: str = ""
    workspace: str = ""


@dataclass(frozen=True)
class RefusedRow:
    """A row that was not taken, and why."""

    index: int
    prediction_id: str
    code: str
    detail: str


@dataclass(frozen=True)
class Receipt:
    """What became of a batch."""

    accepted: int
    repeated: int
    refused: tuple[RefusedRow, ...]


class Telemetry:
    """The desk that takes reports of calls."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def report(self, batch: Sequence[Prediction], *, by: Actor) -> Receipt:
        """Take a batch; each row stands for itself, and a row that came before changes nothing.

        Raises:
            Refused: only a registered application reports calls.
            Invalid: the batch is empty or holds more than 1,000 rows.
        """
        if not 1 <= len(batch) <= MOST_ROWS:
            raise Invalid(
                f"The batch has {len(batch):,} rows.", hint=f"Send 1 to {MOST_ROWS:,} at a time."
            )
        with self._ledger.act(
            "prediction:report", actor=by.id, resource=f"application:{by.id}"
        ) as act:
            may_report(by).insist()
            # Batches of one application queue, so that two of them count the same call once.
            act.session.get(PrincipalRow, by.id, with_for_update=True)
            desk = _Batch(act.session, by, act.at)
            refused: list[RefusedRow] = []
            taken: list[PredictionRow] = []
            repeated = 0
            ids = [row.prediction_id for row in batch if _is_text(row.prediction_id)]
            known = _known(act.session, by.id, ids)
            for index, row in enumerate(batch):
                try:
                    made = desk.row(row)
                except CountersignError as error:
                    refused.append(
                        RefusedRow(index, row.prediction_id[:80], error.code, error.message)
                    )
                    continue
                if made.prediction_id in known:
                    repeated += 1
                    continue
                known.add(made.prediction_id)
                taken.append(made)
            act.session.add_all(taken)
            _count(act.session, taken)
            act.facts |= {
                "accepted": str(len(taken)),
                "repeated": str(repeated),
                "refused": str(len(refused)),
            }
        return Receipt(len(taken), repeated, tuple(refused))


def may_report(by: Actor) -> Verdict:
    """Who reports calls: a registered application, which the token names."""
    if by.kind is not Kind.APPLICATION:
        return Verdict(
            False,
            "Only a serving application reports predictions.",
            "not-an-application",
            "A governance admin registers it and makes its token on the Access page.",
        )
    return Verdict(True, f"{by.name} is a serving application.")


class _Batch:
    """The checks of one batch, with the models it names looked up once."""

    def __init__(self, session: Session, by: Actor, at: datetime) -> None:
        self._session = session
        self._by = by
        self._at = at
        self._versions: dict[tuple[str, str, str, int], tuple[str, str] | CountersignError] = {}

    def row(self, given: Prediction) -> PredictionRow:
        _insist_on_id(given.prediction_id)
        occurred_at = _occurred(given.occurred_at, self._at)
        if not 0 <= given.latency_ms <= _LONGEST_LATENCY_MS:  # false for what is no number as well
            raise Invalid(
                f"latency_ms is a number of milliseconds from 0 to {_LONGEST_LATENCY_MS:,}.",
                code="bad-latency",
            )
        if (given.output is None) == (not given.error):
            raise Invalid("A row has either an output or an error.", code="bad-output")
        if isinstance(given.output, float) and not math.isfinite(given.output):
            raise Invalid("output is no finite number.", code="bad-output")
        output = "" if given.output is None else _plain(given.output)
        if not (_is_text(output) and _is_text(given.error)):
            raise Invalid("output or error holds a character that is no text.", code="bad-output")
        features = json.dumps(dict(given.features), sort_keys=True) if given.features else ""
        if len(output) > _LONGEST_OUTPUT or len(given.error) > _LONGEST_OUTPUT:
            raise Invalid(f"output or error exceeds {_LONGEST_OUTPUT} characters.", code="too-long")
        if len(features) > _LARGEST_FEATURES:
            raise Invalid(f"features exceed {_LARGEST_FEATURES:,} characters.", code="too-long")
        model_id, version_id = self._called(given)
        return PredictionRow(
            application_id=self._by.id,
            prediction_id=given.prediction_id,
            occurred_at=occurred_at,
            received_at=self._at,
            model_id=model_id,
            version_id=version_id,
            output=output,
            error=given.error,
            latency_ms=given.latency_ms,
            features=features,
        )

    def _called(self, given: Prediction) -> tuple[str, str]:
        key = (given.server, given.workspace, given.model, given.version)
        if key not in self._versions:
            self._versions[key] = self._find(given)
        found = self._versions[key]
        if isinstance(found, CountersignError):
            raise found
        return found

    def _find(self, given: Prediction) -> tuple[str, str] | CountersignError:
        none = NotFound(
            f"There is no version {given.version} of a model {given.model[:80]!r}.",
            code="no-such-version",
        )
        named = (given.model, given.server, given.workspace)
        if not (1 <= given.version <= _LARGEST_VERSION and all(map(_is_text, named))):
            return none  # the databases do not even take the question
        query = select(ModelRow).where(
            ModelRow.name == given.model, col(ModelRow.gone_at).is_(None)
        )
        if given.server:
            query = query.where(ModelRow.server == given.server)
        if given.workspace:
            query = query.where(ModelRow.workspace == given.workspace)
        models = [
            row
            for row in self._session.exec(query)
            if decide(self._by, "prediction:report", resource(row))
        ]
        if len(models) > 1:
            return Invalid(
                f"Several models are called {given.model[:80]!r}; name server and workspace.",
                code="ambiguous-name",
            )
        version = (
            self._session.exec(
                select(VersionRow).where(
                    VersionRow.model_id == models[0].id,
                    VersionRow.number == given.version,
                    col(VersionRow.gone_at).is_(None),
                )
            ).first()
            if models
            else None
        )
        if version is None:
            return none
        return version.model_id, version.id


def _occurred(given: datetime, now: datetime) -> datetime:
    """When a call was, in UTC: its day is the day there. Raises Invalid."""
    if given.tzinfo is None:
        raise Invalid("occurred_at needs a time zone, such as Z.", code="bad-time")
    try:
        at = as_utc(given)
    except OverflowError as error:  # the first and the last day of the calendar
        raise Invalid("occurred_at is out of the calendar.", code="bad-time") from error
    if at > now + _AHEAD:
        raise Invalid("occurred_at lies in the future.", code="bad-time")
    if at < _EARLIEST:
        raise Invalid("occurred_at lies before the year 2000.", code="bad-time")
    return at


def _insist_on_id(given: str) -> None:
    if not 1 <= len(given) <= _LONGEST_ID:
        raise Invalid(f"prediction_id has 1 to {_LONGEST_ID} characters.", code="bad-id")
    if not _is_text(given):
        raise Invalid("prediction_id holds a character that is no text.", code="bad-id")


def _known(session: Session, application_id: str, ids: list[str]) -> set[str]:
    return set(
        session.exec(
            select(PredictionRow.prediction_id).where(
                PredictionRow.application_id == application_id,
                col(PredictionRow.prediction_id).in_(ids),
            )
        )
    )


def _count(session: Session, taken: list[PredictionRow]) -> None:
    groups: dict[tuple[str, str, str, date, str], list[PredictionRow]] = defaultdict(list)
    for row in taken:
        key = (
            row.model_id,
            row.version_id,
            row.application_id,
            row.occurred_at.date(),
            outcome_of(row.output, row.error),
        )
        groups[key].append(row)
    for (model_id, version_id, application_id, day, outcome), rows in sorted(groups.items()):
        last = max(row.occurred_at for row in rows)
        there = session.get(
            PredictionDayRow,
            (model_id, version_id, application_id, day, outcome),
            with_for_update=True,
        )
        if there is None:
            there = PredictionDayRow(
                model_id=model_id,
                version_id=version_id,
                application_id=application_id,
                day=day,
                outcome=outcome,
                is_error=bool(rows[0].error),
                calls=0,
                latency_ms=0.0,
                last_at=last,
            )
        there.calls += len(rows)
        there.latency_ms += sum(row.latency_ms for row in rows)
        there.last_at = max(there.last_at, last)
        session.add(there)


def outcome_of(output: str, error: str) -> str:
    """What a call counts as: its class, one name for all numbers, or an error."""
    if error:
        return "error"
    try:
        float(output)
    except ValueError:
        return output
    return NUMBER


def _is_text(given: str) -> bool:
    """Whether both databases can keep it: no zero byte, no half of a surrogate pair."""
    return "\x00" not in given and not any("\ud800" <= one <= "\udfff" for one in given)


def _plain(output: str | float | bool) -> str:  # noqa: FBT001 - a class may be a truth value
    return json.dumps(output) if isinstance(output, bool) else str(output)
