"""Opening a finding, and dropping those of a request, within the act that causes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import String, bindparam
from sqlmodel import Session, col, select

from auth.actors import Actor
from catalog.releases.findings.finding import (
    BINDING,
    STANDING,
    FindingState,
    FindingVerb,
    Kind,
    Severity,
    after,
)
from catalog.releases.tables import FindingRow
from ledger import trail
from ledger.acts import Act
from ledger.errors import Invalid
from ledger.ids import new_id
from ledger.statements import statement

LONGEST_TITLE: Final = 300
LONGEST_TEXT: Final = 4000
LONGEST_DAYS: Final = 2 * 366


@dataclass(frozen=True)
class Problem:
    """What is wrong, before it has a number.

    `cause` is given by what finds the same again: one cause opens one finding, ever.
    """

    kind: Kind
    severity: Severity
    title: str
    detail: str
    due_on: date
    owner_id: str
    model_id: str
    version_id: str = ""
    version_number: int | None = None
    alias: str = ""
    request_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    cause: str = ""


def open_finding(act: Act, found: Problem, *, by: Actor) -> FindingRow | None:
    """Open a finding in an act under way; None where its cause has opened one before."""
    session = act.session
    if found.cause and session.exec(_CAUSED, params={"cause": found.cause}).first() is not None:
        return None
    year = act.at.year
    row = FindingRow(
        id=new_id("fnd"),
        place=trail.next_in(session, "finding"),
        number=f"F-{year}-{trail.next_in(session, f'finding-{year}'):04d}",
        kind=found.kind,
        severity=found.severity,
        state=FindingState.OPEN,
        model_id=found.model_id,
        version_id=found.version_id,
        version_number=found.version_number,
        alias=found.alias,
        request_id=found.request_id,
        title=found.title,
        detail=found.detail,
        owner_id=found.owner_id,
        due_on=found.due_on,
        opened_by=by.id,
        opened_at=act.at,
        since=found.since,
        until=found.until,
        cause=found.cause or None,
    )
    session.add(row)
    session.flush()
    act.emit("finding:opened", row.id, model=found.model_id, kind=found.kind)
    return row


def drop_findings(act: Act, request_id: str, why: str, *, by: Actor) -> None:
    """What was a condition of something that came to nothing is a finding no more."""
    rows = act.session.exec(
        select(FindingRow).where(
            FindingRow.request_id == request_id, col(FindingRow.state).in_(STANDING)
        )
    )
    for row in rows.all():
        row.state = after(FindingState(row.state), FindingVerb.DROP)
        row.closed_by, row.closed_at, row.closed_why = by.id, act.at, why
        act.session.add(row)
        act.emit("finding:dropped", row.id, model=row.model_id)


def standing_conditions(session: Session, request_id: str) -> list[FindingRow]:
    """What an approval rests on and still stands; what was found since is none of it."""
    return list(
        session.exec(
            select(FindingRow)
            .where(
                FindingRow.request_id == request_id,
                col(FindingRow.state).in_(STANDING),
                col(FindingRow.kind).in_(BINDING),
            )
            .order_by(col(FindingRow.place))
        )
    )


def checked_title(given: str) -> str:
    """What has to be put right, in a sentence. Raises Invalid."""
    return statement(
        given,
        "condition",
        longest=LONGEST_TITLE,
        hint="Say in a sentence what has to be done.",
        shorter="Say the rest in the reason.",
    )


def checked_day(due_on: date, today: date) -> date:
    """A day by which it can be done. Raises Invalid."""
    if not 0 <= (due_on - today).days <= LONGEST_DAYS:
        raise Invalid(
            f"It cannot be due on {due_on.isoformat()}.",
            hint="Choose a day from today on, in the next two years.",
            code="bad-day",
        )
    return due_on


_CAUSED: Final = select(FindingRow.id).where(
    col(FindingRow.cause) == bindparam("cause", type_=String())
)
