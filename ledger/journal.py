"""The journal of domain events: written by the act itself, acted on later by whoever subscribes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from ledger.ids import new_id
from ledger.jobs import Jobs
from ledger.tables import DomainEventRow


@dataclass(frozen=True)
class Subscription:
    """`job` is asked for, once per event, when an event called `event` is written."""

    event: str
    job: str


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
        event_id = new_id("evt")
        session.add(
            DomainEventRow(
                id=event_id, name=name, subject=subject, payload=json.dumps(dict(payload)), at=at
            )
        )
        for subscription in self._subscriptions:
            if subscription.event == name:
                self._jobs.enqueue(
                    session,
                    subscription.job,
                    f"{subscription.job}:{event_id}",
                    {"subject": subject, **payload},
                )
        return event_id
