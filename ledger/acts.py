"""One verb, one transaction, one audit record: the only way anything in Countersign changes.

Malformed input is no act: a verb looks at the shape of what it was given before it opens its act,
and saying that an alias has a space in it leaves no record. From then on every refusal leaves one.
A refusal at the door, and one about something that does not exist (or may not be known), are
recorded once an hour and then counted, because anybody can cause as many as they like.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import bindparam, text
from sqlmodel import Session

from ledger import trail
from ledger.clock import Clock
from ledger.errors import CountersignError, NotFound, Unavailable
from ledger.journal import Journal
from ledger.store import Store, UtcDateTime


@dataclass
class Act:
    """An act under way: its transaction, and what its record will say."""

    session: Session
    at: datetime
    journal: Journal
    resource: str
    facts: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    reason: str = "ok"
    sequence: int = 0

    def emit(self, event: str, subject: str, **payload: str) -> str:
        """Append a domain event in this act's transaction."""
        return self.journal.append(self.session, event, subject, payload, at=self.at)


class _Look(NamedTuple):
    """A refused look, as often as it happens within one hour."""

    actor: str
    act: str
    resource: str
    reason: str
    hour: datetime


class _Tally:
    """Refused looks that were counted and are not written down yet.

    The first of an hour is written at once. The others wait here for up to a minute, so that a
    stranger who knocks a thousand times does not cost a thousand transactions.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[_Look, int] = {}
        self._written_at: datetime | None = None

    def has_counted(self, look: _Look) -> bool:
        """Count one more of a look that was written before; else say that it was not."""
        with self._lock:
            if look not in self._waiting:
                return False
            self._waiting[look] += 1
            return True

    def take(self, at: datetime, *, at_once: bool = False) -> dict[_Look, int]:
        """What is to be written now: nothing, until a minute has gone by since the last time."""
        with self._lock:
            self._written_at = self._written_at or at
            if not at_once and at - self._written_at < _COUNTED_FOR:
                return {}
            self._written_at = at
            due = {look: times for look, times in self._waiting.items() if times}
            # What this hour has written is known; what an earlier one has, is forgotten.
            hour = _hour(at)
            self._waiting = {look: 0 for look in self._waiting if look.hour == hour}
            return due

    def put(self, looks: Mapping[_Look, int]) -> None:
        """Remember looks that are written, with what was counted and is not."""
        with self._lock:
            for look, times in looks.items():
                self._waiting[look] = self._waiting.get(look, 0) + times


class Ledger:
    """The record room: opens acts and writes them down, whatever becomes of them."""

    def __init__(self, store: Store, clock: Clock, journal: Journal) -> None:
        self.store = store
        self.clock = clock
        self.journal = journal
        self._tally = _Tally()
        store.before_closing(self._write_counts)

    @contextmanager
    def act(self, name: str, *, actor: str, resource: str) -> Iterator[Act]:
        """Do something on the record.

        The block checks access, changes rows through `act.session` and says what it did. Leaving it
        appends the record and commits both. A CountersignError rolls the change back, commits a
        record of the refusal with the error's code, and goes on to the caller. What does not exist
        is recorded by its kind only, as a refused look: its name is whatever the caller wrote.

        Raises:
            Unavailable: the record could not be written, so the act did not happen.
        """
        act: Act | None = None
        try:
            with self.store.write() as session:
                act = Act(session, self.clock.now(), self.journal, resource)
                yield act
                act.sequence = trail.append(
                    session, self._entry(name, actor, act, trail.DONE, act.reason)
                )
        except Unavailable:
            raise
        except CountersignError as refusal:
            self._record_refusal(name, actor, resource, act, refusal)
            refusal.is_recorded = True
            raise

    def refuse_look(
        self, name: str, *, actor: str, resource: str, refusal: CountersignError
    ) -> None:
        """Record that a look was refused: once an hour for the same one, then only counted.

        Raises:
            Unavailable: it could not be written down.
        """
        at = self.clock.now()
        look = _Look(actor, name, _named(resource), refusal.code, _hour(at))
        if not self._tally.has_counted(look):
            with self.store.write() as session:
                if _counted(session, look, 1) == 1:
                    act = Act(session, at, self.journal, look.resource)
                    trail.append(
                        session, self._entry(name, actor, act, trail.REFUSED, refusal.code)
                    )
            self._tally.put({look: 0})
        self._write_down(self._tally.take(at))
        refusal.is_recorded = True

    def _write_counts(self) -> None:
        self._write_down(self._tally.take(self.clock.now(), at_once=True))

    def _write_down(self, looks: Mapping[_Look, int]) -> None:
        if not looks:
            return
        try:
            with self.store.write() as session:
                # In one order everywhere: two writers of the same counts must not wait in a ring.
                for look, times in sorted(looks.items()):
                    _counted(session, look, times)
        except Exception:
            self._tally.put(looks)
            raise

    def _record_refusal(
        self, name: str, actor: str, resource: str, act: Act | None, refusal: CountersignError
    ) -> None:
        named = act.resource if act else resource
        try:
            if isinstance(refusal, NotFound) or not trail.is_fit(named):
                self.refuse_look(name, actor=actor, resource=trail.unknown(named), refusal=refusal)
                return
            with self.store.write() as session:
                told = Act(session, self.clock.now(), self.journal, resource)
                if act is not None:
                    # The texts are dropped: a refused act keeps no free text of anybody.
                    told = Act(session, told.at, self.journal, act.resource, act.facts, act.digests)
                trail.append(session, self._entry(name, actor, told, trail.REFUSED, refusal.code))
        except CountersignError as error:
            raise Unavailable(
                "The audit trail cannot be written, so Countersign refuses to act.",
                hint="Tell the operator: the database is full, read-only or away.",
                code="trail-unavailable",
            ) from error

    @staticmethod
    def _entry(name: str, actor: str, act: Act, outcome: str, reason: str) -> trail.Entry:
        texts: Mapping[str, str] = act.texts if outcome == trail.DONE else {}
        return trail.Entry(
            act=name,
            actor=actor,
            resource=_named(act.resource),
            outcome=outcome,
            reason=reason,
            at=act.at,
            facts={name: trail.fit(value) for name, value in act.facts.items()},
            digests={name: trail.fit(value) for name, value in act.digests.items()},
            texts=texts,
        )


def _named(resource: str) -> str:
    """A resource as a record may name it."""
    return resource if trail.is_fit(resource) else trail.unknown(resource)


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _counted(session: Session, look: _Look, times: int) -> int:
    """How often a look was refused in its hour, these times included."""
    values = {**look._asdict(), "more": times}
    return int(session.connection().execute(_COUNT_REFUSAL, values).scalar_one())


_COUNTED_FOR: Final = timedelta(minutes=1)
_COUNT_REFUSAL: Final = text(
    "INSERT INTO refusal_count (actor, act, resource, reason, hour, times) "
    "VALUES (:actor, :act, :resource, :reason, :hour, :more) "
    "ON CONFLICT (actor, act, resource, reason, hour) "
    "DO UPDATE SET times = refusal_count.times + :more RETURNING times"
).bindparams(bindparam("hour", type_=UtcDateTime))
