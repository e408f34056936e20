"""The journal of domain events: written by the act itself, acted on later by whoever subscribes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import Session, col, select

from ledger.ids import new_id
from ledger.jobs import Jobs
from ledger.tables import DomainEventRow

_LOOKED_BACK: Final = 50


@dataclass(frozen=True)
class Event:
    """Something that happened, as it was written down."""

    id: str
    name: str
    subject: str
    payload: Mapping[str, str]
    at: datetime


@dataclass(frozen=True)
class Subscription:
    """`job` is asked for, once per event, when an event called `event` is written.

    `wanted` may say, in the transaction of the event, that nobody cares and no job is needed.
    """

    event: str
    job: str
    wanted: Callable[[Session, Event], bool] | None = None


class Journal:
    """Who wants to hear of what. Filled once, where the program is put together."""

    def __init__(self, jobs: Jobs, subscriptions: tuple[Subscription, ...] = ()) -> None:
        self._jobs = jobs
        self._subscriptions = subscriptions

    def append(
        self,
        session: Session,
        name: str,
        subject: str,
        payload: Mapping[str, str],
        *,
        at: datetime,
    ) -> str:
        """Write the event and ask for each subscriber's job in the same transaction."""
        event = Event(new_id("evt"), name, subject, dict(payload), at)
        session.add(
            DomainEventRow(
                id=event.id, name=name, subject=subject, payload=json.dumps(event.payload), at=at
            )
        )
        for subscription in self._subscriptions:
            if subscription.event == name and (
                subscription.wanted is None or subscription.wanted(session, event)
            ):
                self._jobs.enqueue(
                    session,
                    subscription.job,
                    f"{subscription.job}:{event.id}",
                    {"subject": subject, **payload, "event": event.id},
                )
        return event.id


def event_of(session: Session, event_id: str) -> Event | None:
    """An event as it was written down."""
    row = session.get(DomainEventRow, event_id)
    if row is None:
        return None
    return Event(row.id, row.name, row.subject, json.loads(row.payload), row.at)


def last_event(
    session: Session, name: str, subject: str, *, before: datetime, having: Mapping[str, str]
) -> Event | None:
    """The newest earlier event called so about a subject, whose payload says this."""
    rows = session.exec(
        select(DomainEventRow)
        .where(
            DomainEventRow.subject == subject,
            DomainEventRow.name == name,
            DomainEventRow.at < before,
        )
        .order_by(col(DomainEventRow.at).desc())
        .limit(_LOOKED_BACK)
    )
    for row in rows:
        payload = json.loads(row.payload)
        if having.items() <= payload.items():
            return Event(row.id, row.name, row.subject, payload, row.at)
    return None
