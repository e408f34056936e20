"""Deliveries: each notice through each channel, from queued to sent, failed or skipped.

The key (event, person, channel) makes a delivery once. Before a channel is called the delivery is
marked `sending`; a worker that dies in between leaves it so. What then happens depends on what the
other end can do: a letter and a webhook carry the delivery's id, by which a repeat can be dropped,
so they are sent again; a chat cannot tell a repeat, so it is left, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, exists, literal, literal_column
from sqlalchemy import select as columns
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, or_, select

from auth.access import ANYTHING, decide
from auth.actors import Actor
from auth.holders import holds
from auth.tables import PrincipalRow
from catalog.notifications.channels import EVERYWHERE, MAIL, Way
from catalog.notifications.kinds import DEFAULTS, How, Kind
from catalog.notifications.notices import Occasion
from catalog.notifications.tables import ChannelRow, DeliveryRow, NoticeRow, PreferenceRow
from ledger.clock import Clock
from ledger.jobs import Jobs
from ledger.store import Store, UtcDateTime

DELIVER: Final = "deliver"
AGAIN: Final = "deliver-again"
# How many are carried out by one durable job: one that hangs holds up no more than these.
BAG: Final = 20
GIVEN_UP_AFTER: Final = timedelta(days=1)
DIGEST: Final = "digest:"
_FIRST_WAIT: Final = timedelta(seconds=2)
_LONGEST_WAIT: Final = timedelta(minutes=10)
_MOST_AT_ONCE: Final = 500
# Whoever can drop a repeat gets one after a crash; the others do not.
_SENT_AGAIN: Final = frozenset({Way.MAIL, Way.WEBHOOK})
_COLUMNS: Final = [
    "event_id",
    "person_id",
    "channel_id",
    "state",
    "attempts",
    "queued_at",
    "reason",
]


class State(StrEnum):
    """How far a delivery is."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"


_OVER: Final = frozenset({State.SENT, State.FAILED, State.SKIPPED})


@dataclass(frozen=True)
class Claim:
    """A delivery that is about to be sent: nobody else sends this attempt."""

    event_id: str
    person_id: str
    channel_id: str
    way: Way
    sealed: str
    attempt: int

    @property
    def id(self) -> str:
        """What the other end knows a repeat by: the same at every attempt."""
        return f"{self.event_id}.{self.person_id}.{self.channel_id}"


@dataclass(frozen=True)
class Delivery:
    """How far one delivery is, for whoever it is for."""

    channel_id: str
    state: State
    queued_at: datetime
    ended_at: datetime | None
    reason: str


class Deliveries:
    """What is on its way out."""

    def __init__(self, store: Store, clock: Clock, jobs: Jobs, *, has_mail: bool) -> None:
        self._store = store
        self._clock = clock
        self._jobs = jobs
        self._has_mail = has_mail

    # -- queueing ------------------------------------------------------------------------------

    def queue(self, session: Session, occasion: Occasion, *, by: Actor) -> None:
        """Queue what an event's notices are sent through, and ask for it to be carried out.

        Once for an event: what somebody prefers later changes nothing of what was queued.
        """
        decide(by, "notice:write", ANYTHING).insist()
        before = select(DeliveryRow.event_id).where(DeliveryRow.event_id == occasion.event_id)
        if session.exec(before.limit(1)).first() is not None:
            return
        now = self._clock.now()
        told = col(NoticeRow.event_id) == occasion.event_id
        at_once = _prefers(How.AT_ONCE, col(NoticeRow.person_id), occasion.kind)
        ways = [
            _rows(occasion.event_id, col(NoticeRow.person_id), col(ChannelRow.id), now).where(
                told,
                at_once,
                col(ChannelRow.owner_id) == col(NoticeRow.person_id),
                col(ChannelRow.removed_at).is_(None),
                col(ChannelRow.team_domain) == "",
            ),
            _rows(occasion.event_id, col(ChannelRow.owner_id), col(ChannelRow.id), now).where(
                col(ChannelRow.removed_at).is_(None),
                col(ChannelRow.team_domain).in_([EVERYWHERE, occasion.model.domain or EVERYWHERE]),
                holds("model:read", col(ChannelRow.owner_id), occasion.model, at=now),
            ),
        ]
        if self._has_mail:
            ways.append(
                _rows(occasion.event_id, col(NoticeRow.person_id), literal(MAIL), now).where(
                    told,
                    at_once,
                    col(PrincipalRow.id) == col(NoticeRow.person_id),
                    col(PrincipalRow.email).is_not(None),
                )
            )
        for way in ways:
            self._insert(session, way)
        self._ask(session, occasion.event_id)

    def queue_digests(self, day: str, *, by: Actor) -> None:
        """Queue the letter of one day for everybody who has something unread for it."""
        decide(by, "notice:write", ANYTHING).insist()
        if not self._has_mail:
            return
        event = f"{DIGEST}{day}"
        person = col(NoticeRow.person_id)
        wants = or_(
            *((col(NoticeRow.kind) == kind) & _prefers(How.DIGEST, person, kind) for kind in Kind)
        )
        rows = (
            _rows(event, person, literal(MAIL), self._clock.now())
            .where(
                col(NoticeRow.read_at).is_(None),
                wants,
                col(PrincipalRow.id) == person,
                col(PrincipalRow.email).is_not(None),
                col(PrincipalRow.disabled_at).is_(None),
            )
            .distinct()
        )
        with self._store.write() as session:
            self._insert(session, rows)
            waiting = select(DeliveryRow.person_id).where(
                DeliveryRow.event_id == event,
                DeliveryRow.state == State.QUEUED,
                DeliveryRow.attempts == 0,
            )
            for person_id in session.exec(waiting).all():
                self._enqueue(session, event, person_id, person_id)

    def _insert(self, session: Session, rows: Any) -> None:  # noqa: ANN401 - a SELECT
        insert = sqlite.insert if self._store.is_sqlite else postgresql.insert
        session.connection().execute(
            insert(DeliveryRow).from_select(_COLUMNS, rows).on_conflict_do_nothing()
        )

    def _ask(self, session: Session, event_id: str) -> None:
        query = select(DeliveryRow.person_id).where(DeliveryRow.event_id == event_id)
        people = session.exec(query.distinct().order_by(DeliveryRow.person_id)).all()
        for start in range(0, len(people), BAG):
            bag = people[start : start + BAG]
            self._enqueue(session, event_id, bag[0], bag[-1])

    def _enqueue(self, session: Session, event_id: str, first: str, last: str) -> None:
        payload = {"event": event_id, "first": first, "last": last}
        self._jobs.enqueue(session, DELIVER, f"{DELIVER}:{event_id}:{first}", payload)

    # -- carrying out --------------------------------------------------------------------------

    def due(self, event_id: str, first: str, last: str) -> list[tuple[str, str]]:
        """What of a bag was not tried or was broken off, as (person, channel).

        What did not arrive has a job of its own when its time comes.
        """
        query = (
            select(DeliveryRow.person_id, DeliveryRow.channel_id)
            .where(
                DeliveryRow.event_id == event_id,
                col(DeliveryRow.person_id).between(first, last),
                or_(
                    (col(DeliveryRow.state) == State.QUEUED) & (col(DeliveryRow.attempts) == 0),
                    col(DeliveryRow.state) == State.SENDING,
                ),
            )
            .order_by(DeliveryRow.person_id, DeliveryRow.channel_id)
        )
        with self._store.read() as session:
            return list(session.exec(query))

    def claim(self, event_id: str, person_id: str, channel_id: str) -> Claim | None:
        """Mark a delivery as being sent, or say that there is nothing to send any more."""
        now = self._clock.now()
        with self._store.write() as session:
            row = session.get_one(
                DeliveryRow, (event_id, person_id, channel_id), with_for_update=True
            )
            if row.state in _OVER:
                return None
            channel = None if channel_id == MAIL else session.get(ChannelRow, channel_id)
            way = Way.MAIL if channel is None else Way(channel.kind)
            if channel is not None and channel.removed_at is not None:
                _end(session, row, State.SKIPPED, "channel-removed", now)
                return None
            if row.state == State.SENDING and way not in _SENT_AGAIN:
                _end(session, row, State.FAILED, "interrupted", now)
                return None
            if now - row.queued_at > GIVEN_UP_AFTER:
                _end(session, row, State.FAILED, row.reason or "too-late", now)
                return None
            row.state, row.attempts, row.called_at = State.SENDING, row.attempts + 1, now
            row.next_try_at = None
            session.add(row)
            sealed = channel.address if channel is not None else ""
            return Claim(event_id, person_id, channel_id, way, sealed, row.attempts)

    def sent(self, claim: Claim) -> None:
        """It arrived at the channel."""
        self._ended(claim, State.SENT, "")

    def fail(self, claim: Claim, reason: str) -> None:
        """It will never arrive, for this reason."""
        self._ended(claim, State.FAILED, reason)

    def skip(self, claim: Claim, reason: str) -> None:
        """There is nothing to send, for this reason."""
        self._ended(claim, State.SKIPPED, reason)

    def put_back(self, claim: Claim, reason: str) -> None:
        """It did not arrive this time; it is tried again, ever more rarely, for a day."""
        self._ended(claim, State.QUEUED, reason)

    def ask_again(self, *, by: Actor) -> int:
        """Ask for everything whose time has come again, each by itself. Returns how many.

        A job does not wait for its next try: a gateway that is away would hold up every other
        channel. Asking twice for the same try is asking once.
        """
        decide(by, "notice:write", ANYTHING).insist()
        now = self._clock.now()
        with self._store.write() as session:
            rows = session.exec(
                select(DeliveryRow)
                .where(col(DeliveryRow.next_try_at) <= now)
                .order_by(col(DeliveryRow.next_try_at))
                .limit(_MOST_AT_ONCE)
            ).all()
            for row in rows:
                row.next_try_at = None
                session.add(row)
                payload = {
                    "event": row.event_id,
                    "person": row.person_id,
                    "channel": row.channel_id,
                }
                key = f"{AGAIN}:{'.'.join(payload.values())}:{row.attempts}"
                self._jobs.enqueue(session, AGAIN, key, payload)
        return len(rows)

    def of(self, *, by: Actor, limit: int = 10) -> list[Delivery]:
        """One's newest deliveries."""
        query = (
            select(DeliveryRow)
            .where(DeliveryRow.person_id == by.id)
            .order_by(col(DeliveryRow.queued_at).desc())
            .limit(limit)
        )
        with self._store.read() as session:
            return [
                Delivery(row.channel_id, State(row.state), row.queued_at, row.ended_at, row.reason)
                for row in session.exec(query)
            ]

    def _ended(self, claim: Claim, state: State, reason: str) -> None:
        with self._store.write() as session:
            row = session.get_one(
                DeliveryRow,
                (claim.event_id, claim.person_id, claim.channel_id),
                with_for_update=True,
            )
            # A worker that slept too long must not overwrite what another one found out since.
            if row.state == State.SENDING and row.attempts == claim.attempt:
                _end(session, row, state, reason, self._clock.now())


def _end(session: Session, row: DeliveryRow, state: State, reason: str, now: datetime) -> None:
    row.state, row.reason = state, reason
    row.ended_at = now if state in _OVER else None
    wait = min(_FIRST_WAIT * 2 ** min(max(row.attempts - 1, 0), 16), _LONGEST_WAIT)
    row.next_try_at = now + wait if state is State.QUEUED else None
    session.add(row)


def _rows(event_id: str, person: Any, channel: Any, now: datetime) -> Any:  # noqa: ANN401 - SQL
    return columns(
        literal(event_id),
        person,
        channel,
        literal(str(State.QUEUED)),
        literal_column("0"),
        literal(now, UtcDateTime),
        literal(""),
    )


def _prefers(how: How, person: Any, kind: Kind) -> ColumnElement[bool]:  # noqa: ANN401 - a column
    """Whether somebody wants to be told of this kind in this way, chosen or not."""
    chosen = exists().where(
        col(PreferenceRow.person_id) == person, col(PreferenceRow.kind) == str(kind)
    )
    this = chosen.where(col(PreferenceRow.how) == str(how))
    return or_(this, ~chosen) if DEFAULTS[kind] is how else this
