"""Access requests: somebody asks to be let into something restricted, somebody else answers.

An accepted request is a role on that one thing: viewer for a person, serving application for an
application. It may end by itself on a day, and a governance admin takes it back like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlmodel import col, func, select

from auth.access import ANYTHING, Resource, decide, insist_visible, is_let_in, may_anywhere
from auth.access_request import (
    ASKED,
    AccessRequest,
    State,
    Verb,
    after,
    end_of,
    may_answer,
    may_ask,
    may_see,
    may_withdraw,
    read_all,
    read_one,
    standing,
)
from auth.actors import Actor, Kind, Scope
from auth.grants import held_there, put_down
from auth.people import as_of_now
from auth.permissions import Role
from auth.places import Owned, Place
from auth.tables import AccessRequestRow, GrantRow, PrincipalRow
from ledger.acts import Act, Ledger
from ledger.errors import Conflict, Invalid, NotFound
from ledger.ids import new_id
from ledger.statements import statement

PAGE: Final = 25
_MOST_WAITING: Final = 200
_MOST_READ: Final = 10_000
LONGEST_STATEMENT: Final = 500
LONGEST_ACCESS: Final = timedelta(days=5 * 366)
_HINT: Final = "Yours are listed on the Model page and in your inbox."


@dataclass(frozen=True)
class Listed:
    """One page of requests, and how many there are in all."""

    requests: tuple[AccessRequest, ...]
    total: int


class AccessRequests:
    """The desk where access is asked for and given."""

    def __init__(self, ledger: Ledger, place: Place, owned_by: Owned) -> None:
        self._ledger = ledger
        self._place = place
        self._owned_by = owned_by

    # -- verbs ---------------------------------------------------------------------------------

    def ask(
        self, resource_id: str, purpose: str, *, by: Actor, until: date | None = None
    ) -> AccessRequest:
        """Ask to be let in, for a purpose and, if one likes, until a day.

        Raises:
            Invalid: no purpose, or a day that lies in the past or years ahead.
            NotFound: there is no such thing for this person.
            Conflict: they may read it already, or asked and wait for the answer.
        """
        purpose = statement(
            purpose,
            "purpose",
            longest=LONGEST_STATEMENT,
            hint="Say in a sentence what you need it for; whoever decides reads it.",
        )
        until = _day(until, self._ledger.clock.now().date())
        with self._ledger.act("access:ask", actor=by.id, resource=f"model:{resource_id}") as act:
            # One question of one person at a time.
            act.session.get(PrincipalRow, by.id, with_for_update=True)
            by = as_of_now(act.session, by, at=act.at)
            there = self._place(act.session, resource_id)
            if there is None:
                raise _no_such_thing()
            insist_visible(by, "access:ask", there, "such model", _no_such_thing().hint)
            may_ask(by, there).insist()
            if is_let_in(by, there):
                raise Conflict(
                    "You may read it already.", hint="Reload the page.", code="access-already"
                )
            _close_what_ended(act, by.id, resource_id)
            row = AccessRequestRow(
                id=new_id("acc"),
                resource_id=resource_id,
                principal_id=by.id,
                purpose=purpose,
                until=until,
                state=State.PENDING,
                asked_at=act.at,
            )
            act.session.add(row)
            act.facts |= _facts(row)
            act.texts["purpose"] = purpose
            act.emit("access:ask", row.id, model=resource_id, by=by.id)
            act.session.flush()
            return read_one(act.session, row.id, act.at)

    def withdraw(self, request_id: str, *, by: Actor) -> AccessRequest:
        """Take one's own request back."""
        with self._ledger.act(
            "access:withdraw", actor=by.id, resource=f"access-request:{request_id}"
        ) as act:
            by = as_of_now(act.session, by, at=act.at)
            row, _there = self._held(act, request_id, by)
            may_withdraw(by, row).insist()
            self._step(act, row, Verb.WITHDRAW, by)
            act.emit("access:withdraw", row.id, model=row.resource_id)
            act.session.flush()
            return read_one(act.session, row.id, act.at)

    def accept(
        self, request_id: str, *, by: Actor, reason: str = "", until: date | None = None
    ) -> AccessRequest:
        """Let somebody in: the role is given with this act.

        It lasts until this day, or the one they asked for, or until it is taken back.

        Raises:
            NotFound, Refused: no such request for this person; they asked for it themselves.
            Conflict: it was answered already.
        """
        if reason.strip():
            reason = statement(reason, "reason", longest=LONGEST_STATEMENT)
        until = _day(until, self._ledger.clock.now().date())
        with self._ledger.act(
            "access:accept", actor=by.id, resource=f"access-request:{request_id}"
        ) as act:
            by = as_of_now(act.session, by, at=act.at)
            row, there = self._held(act, request_id, by)
            may_answer(by, row.principal_id, there).insist()
            self._step(act, row, Verb.ACCEPT, by, reason)
            row.until = until or row.until
            grant = _let_in(act, row, there, by)
            row.grant_id = grant.id
            act.session.add(row)
            act.facts |= {"grant": grant.id, "role": grant.role}
            if row.until:
                act.facts["until"] = row.until.isoformat()
            act.emit("access:accept", row.id, model=row.resource_id, by=by.id, to=row.principal_id)
            act.session.flush()
            return read_one(act.session, row.id, act.at)

    def refuse(self, request_id: str, reason: str, *, by: Actor) -> AccessRequest:
        """Refuse a request, and say why: the one who asked reads it. Raises as `accept` does."""
        reason = statement(
            reason,
            "reason",
            longest=LONGEST_STATEMENT,
            hint="Say in a sentence why; whoever asked reads it.",
        )
        with self._ledger.act(
            "access:refuse", actor=by.id, resource=f"access-request:{request_id}"
        ) as act:
            by = as_of_now(act.session, by, at=act.at)
            row, there = self._held(act, request_id, by)
            may_answer(by, row.principal_id, there).insist()
            self._step(act, row, Verb.REFUSE, by, reason)
            act.emit("access:refuse", row.id, model=row.resource_id, by=by.id, to=row.principal_id)
            act.session.flush()
            return read_one(act.session, row.id, act.at)

    # -- looking -------------------------------------------------------------------------------

    def get(self, request_id: str, *, by: Actor) -> AccessRequest:
        """One request, for who asked, who may answer, and who may see who may do what."""
        now = self._ledger.clock.now()
        with self._ledger.store.read() as session:
            row = session.get(AccessRequestRow, request_id)
            there = self._place(session, row.resource_id) if row else None
            if row is None or not may_see(by, row, there):
                raise _no_such_request()
            return read_one(session, request_id, now)

    def newest(self, resource_id: str, *, by: Actor) -> AccessRequest | None:
        """What this person asked last for this thing."""
        query = (
            ASKED.where(
                AccessRequestRow.principal_id == by.id,
                AccessRequestRow.resource_id == resource_id,
            )
            .order_by(col(AccessRequestRow.asked_at).desc(), col(AccessRequestRow.id))
            .limit(1)
        )
        with self._ledger.store.read() as session:
            found = read_all(session, query, self._ledger.clock.now())
        return found[0] if found else None

    def mine(self, *, by: Actor, limit: int = PAGE) -> list[AccessRequest]:
        """What this person asked for, newest first."""
        query = (
            ASKED.where(AccessRequestRow.principal_id == by.id)
            .order_by(col(AccessRequestRow.asked_at).desc(), col(AccessRequestRow.id))
            .limit(limit)
        )
        with self._ledger.store.read() as session:
            return read_all(session, query, self._ledger.clock.now())

    def waiting(self, *, by: Actor) -> list[AccessRequest]:
        """What waits for this person's answer, oldest first: as the owner or as an admin."""
        query = ASKED.where(
            AccessRequestRow.state == State.PENDING, AccessRequestRow.principal_id != by.id
        )
        if not may_anywhere(by, "access:decide"):
            query = query.where(col(AccessRequestRow.resource_id).in_(self._owned_by(by.id)))
        query = query.order_by(col(AccessRequestRow.asked_at), col(AccessRequestRow.id))
        now = self._ledger.clock.now()
        found: list[AccessRequest] = []
        with self._ledger.store.read() as session:
            places: dict[str, Resource | None] = {}
            # What nobody can answer any more must not stand before what somebody can.
            for offset in range(0, _MOST_READ, _MOST_WAITING):
                rows = read_all(session, query.limit(_MOST_WAITING).offset(offset), now)
                for one in rows:
                    if one.resource_id not in places:
                        places[one.resource_id] = self._place(session, one.resource_id)
                    there = places[one.resource_id]
                    if one.is_open and there and may_answer(by, one.principal_id, there):
                        found.append(one)
                if len(rows) < _MOST_WAITING or len(found) >= _MOST_WAITING:
                    break
        return found[:_MOST_WAITING]

    def page(self, *, by: Actor, only_open: bool = False, offset: int = 0) -> Listed:
        """All requests, newest first, a page at a time. Raises Refused."""
        decide(by, "person:read", ANYTHING).insist()
        query, count = ASKED, select(func.count()).select_from(AccessRequestRow)
        if only_open:
            query = query.where(AccessRequestRow.state == State.PENDING)
            count = count.where(AccessRequestRow.state == State.PENDING)
        query = (
            query.order_by(col(AccessRequestRow.asked_at).desc(), col(AccessRequestRow.id))
            .limit(PAGE)
            .offset(offset)
        )
        with self._ledger.store.read() as session:
            found = read_all(session, query, self._ledger.clock.now())
            return Listed(tuple(found), session.exec(count).one())

    # -- the inside ----------------------------------------------------------------------------

    def _held(self, act: Act, request_id: str, by: Actor) -> tuple[AccessRequestRow, Resource]:
        """The request, held until the act is over: of two answers the second sees the first."""
        row = act.session.get(AccessRequestRow, request_id, with_for_update=True)
        there = self._place(act.session, row.resource_id) if row else None
        if row is None or there is None or not may_see(by, row, there):
            raise _no_such_request()
        act.facts |= _facts(row)
        return row, there

    @staticmethod
    def _step(act: Act, row: AccessRequestRow, verb: Verb, by: Actor, reason: str = "") -> None:
        row.state = after(standing(row, act.at), verb)
        row.decided_by, row.decided_at, row.reason = by.id, act.at, reason
        act.session.add(row)
        if reason:
            act.texts["reason"] = reason


def _let_in(act: Act, row: AccessRequestRow, where: Resource, by: Actor) -> GrantRow:
    """The role on this one thing, as it was given by somebody meanwhile or by this act."""
    asker = act.session.get_one(PrincipalRow, row.principal_id)
    if asker.disabled_at is not None:
        raise Conflict(
            f"{asker.name} is disabled and cannot be let in.",
            hint="Refuse the request, or have the account enabled first.",
            code="disabled",
        )
    role = Role.SERVING_APPLICATION if asker.kind == Kind.APPLICATION else Role.VIEWER
    scope = Scope(where.kind, where.id)
    there = held_there(act.session, asker.id, role, scope)
    if there is not None and (there.expires_at is None or there.expires_at > act.at):
        return there
    ends = end_of(row.until) if row.until else None
    return put_down(act.session, asker.id, role, scope, by=by, at=act.at, expires_at=ends)


def _close_what_ended(act: Act, principal_id: str, resource_id: str) -> None:
    """Close a question whose day went by unanswered. Raises Conflict when it still waits."""
    row = act.session.exec(
        select(AccessRequestRow).where(
            AccessRequestRow.principal_id == principal_id,
            AccessRequestRow.resource_id == resource_id,
            AccessRequestRow.state == State.PENDING,
        )
    ).first()
    if row is None:
        return
    if standing(row, act.at) is State.PENDING:
        raise Conflict(
            "You asked for it already, and nobody has answered yet.",
            hint="Withdraw that request first to ask for something else.",
            code="asked-already",
        )
    row.state = State.EXPIRED
    act.session.add(row)
    act.session.flush()


def _day(until: date | None, today: date) -> date | None:
    if until is not None and not today <= until <= today + LONGEST_ACCESS:
        raise Invalid(
            "Access ends today, or on a day in the next five years.",
            hint="Leave the day out to keep it until it is taken back.",
            code="bad-day",
        )
    return until


def _facts(row: AccessRequestRow) -> dict[str, str]:
    return {"request": row.id, "model": row.resource_id, "asker": row.principal_id}


def _no_such_thing() -> NotFound:
    return NotFound("There is no such model.", hint="Search for it under Discover.")


def _no_such_request() -> NotFound:
    return NotFound("There is no such access request.", hint=_HINT)
