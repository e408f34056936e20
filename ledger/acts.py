"""One verb, one transaction, one audit record: the only way anything in Countersign changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, text
from sqlmodel import Session

from ledger import trail
from ledger.clock import Clock
from ledger.errors import CountersignError, Unavailable
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


class Ledger:
    """The record room: opens acts and writes them down, whatever becomes of them."""

    def __init__(self, store: Store, clock: Clock, journal: Journal) -> None:
        self.store = store
        self.clock = clock
        self.journal = journal

    @contextmanager
    def act(self, name: str, *, actor: str, resource: str) -> Iterator[Act]:
        """Do something on the record.

        The block checks access, changes rows through `act.session` and says what it did. Leaving it
        appends the record and commits both. A CountersignError rolls the change back, commits a
        record of the refusal with the error's code, and goes on to the caller.

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
        """Record that a look was refused: once an hour for the same one, then only counted."""
        at = self.clock.now()
        key = {
            "actor": actor,
            "act": name,
            "resource": resource,
            "reason": refusal.code,
            "hour": at.replace(minute=0, second=0, microsecond=0),
        }
        with self.store.write() as session:
            times = session.connection().execute(_COUNT_REFUSAL, key).scalar_one()
            if times == 1:
                act = Act(session, at, self.journal, resource)
                trail.append(session, self._entry(name, actor, act, trail.REFUSED, refusal.code))
        refusal.is_recorded = True

    def _record_refusal(
        self, name: str, actor: str, resource: str, act: Act | None, refusal: CountersignError
    ) -> None:
        try:
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
            resource=act.resource,
            outcome=outcome,
            reason=reason,
            at=act.at,
            facts=act.facts,
            digests=act.digests,
            texts=texts,
        )


_COUNT_REFUSAL = text(
    "INSERT INTO refusal_count (actor, act, resource, reason, hour, times) "
    "VALUES (:actor, :act, :resource, :reason, :hour, 1) "
    "ON CONFLICT (actor, act, resource, reason, hour) "
    "DO UPDATE SET times = refusal_count.times + 1 RETURNING times"
).bindparams(bindparam("hour", type_=UtcDateTime))
