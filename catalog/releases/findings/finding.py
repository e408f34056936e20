"""A finding as a value: its kinds, its states, and every way from one to another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Executable, Row, bindparam
from sqlalchemy import select as columns
from sqlmodel import Session, col

from catalog.registry.tables import ModelRow
from catalog.releases.tables import FindingRow
from ledger.errors import Conflict


class Kind(StrEnum):
    """What made it a finding."""

    CONDITION = "condition of an approval"
    EMERGENCY = "emergency release to be reviewed"
    OUTSIDE = "moved outside the process"
    UNAPPROVED = "live without an approval"
    RECHECK = "failed re-check"
    OBSERVATION = "observation"


class Severity(StrEnum):
    """How bad it is, the mildest first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class FindingState(StrEnum):
    """Where a finding stands."""

    OPEN = "Open"
    REMEDIED = "Remedied"
    CLOSED = "Closed"
    DROPPED = "Dropped"


class FindingVerb(StrEnum):
    """What can be done to a finding; the words of the trail and of the buttons."""

    REMEDY = "remedy"
    CLOSE = "close"
    REOPEN = "reopen"
    DROP = "drop"
    VERIFY = "verify"
    REVIEW = "review"


TRANSITIONS: Final[dict[tuple[FindingState, FindingVerb], FindingState]] = {
    # Whoever owns it says what was done; somebody else looks whether it was.
    (FindingState.OPEN, FindingVerb.REMEDY): FindingState.REMEDIED,
    (FindingState.REMEDIED, FindingVerb.CLOSE): FindingState.CLOSED,
    (FindingState.REMEDIED, FindingVerb.REOPEN): FindingState.OPEN,
    # An emergency is reviewed by who had no part in it, whether anybody accounted for it or not.
    (FindingState.OPEN, FindingVerb.REVIEW): FindingState.CLOSED,
    # Countersign itself saw in MLflow that it was put right.
    (FindingState.OPEN, FindingVerb.VERIFY): FindingState.CLOSED,
    (FindingState.REMEDIED, FindingVerb.VERIFY): FindingState.CLOSED,
    # What it was a condition of came to nothing.
    (FindingState.OPEN, FindingVerb.DROP): FindingState.DROPPED,
    (FindingState.REMEDIED, FindingVerb.DROP): FindingState.DROPPED,
}
STANDING: Final = frozenset({FindingState.OPEN, FindingState.REMEDIED})
# What happened in MLflow without an approval.
UNEXPLAINED: Final = frozenset({Kind.OUTSIDE, Kind.UNAPPROVED})
# While one of these stands after its day, the approval it belongs to lapses.
BINDING: Final = frozenset({Kind.CONDITION, Kind.EMERGENCY})


def after(state: FindingState, verb: FindingVerb) -> FindingState:
    """The state a verb leads to. Raises Conflict when the table has no such way."""
    following = TRANSITIONS.get((state, verb))
    if following is None:
        raise Conflict(
            f"This finding is {state.lower()}, so it is too late or too early for that.",
            hint="Reload the page to see who did what in the meantime.",
            code="wrong-state",
        )
    return following


@dataclass(frozen=True)
class Finding:
    """A finding as it stands.

    Attributes:
        due_on: the last day (UTC) on which it can be put right in time.
        since: for what happened in MLflow, the last moment at which it had not.
        until: for what happened in MLflow, the moment at which it certainly had.
        request_id: the release request it belongs to, empty for none.
        owner_id: whoever puts it right; empty while nobody owns it.
        reverted_by: the release request by which Countersign set the alias back by itself.
        not_reverted: why it did not, where the policy would have it.
    """

    id: str
    number: str
    kind: Kind
    severity: Severity
    state: FindingState
    model_id: str
    model_name: str
    version_id: str
    version_number: int | None
    alias: str
    request_id: str
    title: str
    detail: str
    owner_id: str
    due_on: date
    opened_by: str
    opened_at: datetime
    since: datetime | None
    until: datetime | None
    remedy: str
    remedied_by: str
    remedied_at: datetime | None
    closed_by: str
    closed_at: datetime | None
    closed_why: str
    reverted_at: datetime | None = None
    reverted_by: str = ""
    not_reverted: str = ""

    @property
    def took(self) -> timedelta | None:
        """How long it took at most to find what happened in MLflow, from the last good reading."""
        if self.kind is not Kind.OUTSIDE or self.since is None:
            return None
        return max(self.opened_at - self.since, timedelta(0))

    @property
    def stands(self) -> bool:
        """Whether somebody still has to do something about it."""
        return self.state in STANDING

    @property
    def waits_since(self) -> datetime:
        """Since when it waits for whoever has to act on it."""
        return self.remedied_at or self.opened_at

    def is_overdue(self, today: date) -> bool:
        """Whether it stands after its day."""
        return self.stands and today > self.due_on


def load_findings(session: Session, rows: Iterable[FindingRow | Row[Any]]) -> list[Finding]:
    """Rows as values, with the names of their models."""
    rows = list(rows)
    named = session.connection().execute(_NAMES, {"models": list({row.model_id for row in rows})})
    names = dict(named.all())
    return [_finding(row, names[row.model_id]) for row in rows]


def findings_of(session: Session, request_id: str) -> list[Finding]:
    """The findings of a release request, in the order in which they were opened."""
    rows = session.connection().execute(_OF_REQUEST, {"request": request_id}).all()
    return load_findings(session, rows) if rows else []


def _finding(row: FindingRow | Row[Any], model_name: str) -> Finding:
    return Finding(
        id=row.id,
        number=row.number,
        kind=Kind(row.kind),
        severity=Severity(row.severity),
        state=FindingState(row.state),
        model_id=row.model_id,
        model_name=model_name,
        version_id=row.version_id,
        version_number=row.version_number,
        alias=row.alias,
        request_id=row.request_id,
        title=row.title,
        detail=row.detail,
        owner_id=row.owner_id,
        due_on=row.due_on,
        opened_by=row.opened_by,
        opened_at=row.opened_at,
        since=row.since,
        until=row.until,
        remedy=row.remedy,
        remedied_by=row.remedied_by,
        remedied_at=row.remedied_at,
        closed_by=row.closed_by,
        closed_at=row.closed_at,
        closed_why=row.closed_why,
        reverted_at=row.reverted_at,
        reverted_by=row.reverted_by,
        not_reverted=row.not_reverted,
    )


# Asked on every click on a request: built once.
_NAMES: Final = columns(col(ModelRow.id), col(ModelRow.name)).where(
    col(ModelRow.id).in_(bindparam("models", expanding=True))
)
_OF_REQUEST: Final[Executable] = (
    columns(*FindingRow.__table__.columns)  # type: ignore[attr-defined]
    .where(col(FindingRow.request_id) == bindparam("request"))
    .order_by(col(FindingRow.place))
)
