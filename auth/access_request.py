"""One request to be let in: where it stands, and who may do what about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session, col, select

from auth.access import ANYTHING, Resource, Verdict, decide
from auth.actors import Actor, Kind
from auth.tables import AccessRequestRow, GrantRow, PrincipalRow
from ledger.errors import Conflict


class State(StrEnum):
    """Where an access request stands."""

    PENDING = "Pending"
    ACCEPTED = "Accepted"
    REFUSED = "Refused"
    WITHDRAWN = "Withdrawn"
    EXPIRED = "Expired"


class Verb(StrEnum):
    """What can be done to an access request; the last of them is done by the calendar."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"


TRANSITIONS: Final[Mapping[tuple[State, Verb], State]] = {
    (State.PENDING, Verb.ACCEPT): State.ACCEPTED,
    (State.PENDING, Verb.REFUSE): State.REFUSED,
    (State.PENDING, Verb.WITHDRAW): State.WITHDRAWN,
    (State.PENDING, Verb.EXPIRE): State.EXPIRED,
    (State.ACCEPTED, Verb.EXPIRE): State.EXPIRED,
}


@dataclass(frozen=True)
class AccessRequest:
    """A request as it stands at the moment it is read.

    `until` is the last day asked for or given, by UTC days; `is_taken_back` says that the access it
    gave was taken back since.
    """

    id: str
    resource_id: str
    principal_id: str
    name: str
    kind: Kind
    purpose: str
    until: date | None
    state: State
    asked_at: datetime
    decided_by: str
    decided_at: datetime | None
    reason: str
    is_taken_back: bool

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to answer."""
        return self.state is State.PENDING


def may_ask(by: Actor, where: Resource) -> Verdict:
    """Who asks to be let in: a person or an application that may know of it and is kept out."""
    if by.kind is Kind.SYSTEM:
        return Verdict(False, "Countersign itself asks for nothing.", "not-a-person")
    return decide(by, "access:ask", where)


def may_answer(by: Actor, asked_by: str, where: Resource) -> Verdict:
    """Who lets somebody in: the owner or a governance admin, and never the one who asked."""
    if by.kind is not Kind.PERSON:
        return Verdict(False, "Only a person decides.", "not-a-person")
    if by.id == asked_by:
        return Verdict(
            False,
            "You asked for this access, so somebody else decides.",
            "requester",
            "Its owner or a governance admin finds it in their inbox.",
        )
    if by.id == where.owner_id and decide(by, "model:read", where):
        return Verdict(True, f"{by.name} owns it.")
    return decide(by, "access:decide", where)


def may_withdraw(by: Actor, row: AccessRequestRow) -> Verdict:
    """Only the one who asked takes a request back."""
    if by.id != row.principal_id:
        return Verdict(False, "Only who asked can withdraw.", "not-requester")
    return Verdict(True, "You asked for it.")


def may_see(by: Actor, row: AccessRequestRow, where: Resource | None) -> bool:
    """Who reads a request: who asked, who may answer, and who may see who may do what."""
    if by.id == row.principal_id or decide(by, "person:read", ANYTHING):
        return True
    return where is not None and bool(may_answer(by, row.principal_id, where))


def after(state: State, verb: Verb) -> State:
    """The state a verb leads to. Raises Conflict when the table has no such way."""
    following = TRANSITIONS.get((state, verb))
    if following is None:
        raise Conflict(
            f"This request is {state.lower()}, so it is too late for that.",
            hint="Reload the page to see who did what in the meantime.",
            code="wrong-state",
        )
    return following


def standing(row: AccessRequestRow | Row[Any], now: datetime) -> State:
    """Where a request stands at a moment: once its last day is over it has expired."""
    state = State(row.state)
    is_over = row.until is not None and end_of(row.until) <= now
    return TRANSITIONS.get((state, Verb.EXPIRE), state) if is_over else state


def end_of(day: date) -> datetime:
    """The moment after the last of a day in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)


# Every request with its asker and the role it gave: built once.
ASKED: Final = (
    select(AccessRequestRow, PrincipalRow.name, PrincipalRow.kind, GrantRow.id)
    .join(PrincipalRow, col(PrincipalRow.id) == col(AccessRequestRow.principal_id))
    .outerjoin(GrantRow, col(GrantRow.id) == col(AccessRequestRow.grant_id))
)


def read_one(session: Session, request_id: str, now: datetime) -> AccessRequest:
    """One request, that is there, as it stands at a moment."""
    return read_all(session, ASKED.where(AccessRequestRow.id == request_id), now)[0]


def read_all(session: Session, query: Any, now: datetime) -> list[AccessRequest]:  # noqa: ANN401 - a select
    """What a question beginning with ASKED finds, as it stands at a moment."""
    rows: Sequence[tuple[AccessRequestRow, str, str, str | None]] = session.exec(query).all()
    return [
        AccessRequest(
            row.id,
            row.resource_id,
            row.principal_id,
            name,
            Kind(kind),
            row.purpose,
            row.until,
            standing(row, now),
            row.asked_at,
            row.decided_by,
            row.decided_at,
            row.reason,
            row.state == State.ACCEPTED and grant_id is None,
        )
        for row, name, kind, grant_id in rows
    ]
