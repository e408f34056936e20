"""Absences: until which day somebody is away, so that nothing is given to them meanwhile."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Final

from sqlalchemy import bindparam
from sqlalchemy import select as columns
from sqlmodel import Session, col

from auth.actors import Actor, Kind
from auth.tables import AbsenceRow, PrincipalRow
from ledger.acts import Ledger
from ledger.errors import Invalid, Refused

LONGEST: Final = timedelta(days=366)


class Absences:
    """The desk where people say that they are away."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def until(self, *, by: Actor) -> date | None:
        """The last day on which this person is away; None for somebody who is here."""
        with self._ledger.store.read() as session:
            row = session.get(AbsenceRow, by.id)
        gone = row is not None and row.until >= self._ledger.clock.now().date()
        return row.until if row is not None and gone else None

    def say(self, until: date | None, *, by: Actor) -> None:
        """Be away to the end of a day (UTC), or back with None.

        Raises:
            Invalid: the day lies in the past or more than a year ahead.
            Refused: only people are away.
        """
        today = self._ledger.clock.now().date()
        if until is not None and not today <= until <= today + LONGEST:
            raise Invalid(
                "Nobody is away until that day.",
                hint="Choose a day from today on, within a year.",
                code="bad-day",
            )
        with self._ledger.act("absence:say", actor=by.id, resource=f"person:{by.id}") as act:
            if by.kind is not Kind.PERSON:
                raise Refused("Only people are away.", code="not-a-person")
            # One at a time, also the first one, for which there is no row yet.
            act.session.get_one(PrincipalRow, by.id, with_for_update=True)
            row = act.session.get(AbsenceRow, by.id)
            if until is None:
                if row is not None:
                    act.session.delete(row)
            else:
                row = row or AbsenceRow(person_id=by.id, until=until)
                row.until = until
                act.session.add(row)
                act.facts["until"] = until.isoformat()


def away(session: Session, people: Collection[str], today: date) -> set[str]:
    """Those of these people who are away on a day."""
    asked = {"people": list(people), "today": today}
    return set(session.connection().execute(_AWAY, asked).scalars())


_AWAY: Final = columns(col(AbsenceRow.person_id)).where(
    col(AbsenceRow.person_id).in_(bindparam("people", expanding=True)),
    col(AbsenceRow.until) >= bindparam("today"),
)
