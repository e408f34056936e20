"""Sessions: who is signed in, as the server knows it, asked again on every click."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Final

from sqlalchemy import bindparam, select
from sqlmodel import col

from auth.actors import Actor
from auth.people import Person, load_actor
from auth.tables import SessionRow
from ledger.acts import Ledger
from ledger.errors import Unauthenticated

LASTS: Final = timedelta(hours=8)
IDLE: Final = timedelta(hours=2)
_SEEN_EVERY: Final = timedelta(minutes=1)


class Sessions:
    """The door: it knows who came in, and lets nobody act who was sent away since."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def start(self, person: Person) -> str:
        """Begin a session for somebody whose password was right. Returns its id."""
        session_id = secrets.token_urlsafe(24)
        with self._ledger.act(
            "session:start", actor=person.id, resource=f"person:{person.id}"
        ) as act:
            load_actor(act.session, person.id, at=act.at)
            act.session.add(
                SessionRow(
                    id=session_id,
                    principal_id=person.id,
                    started_at=act.at,
                    seen_at=act.at,
                    expires_at=act.at + LASTS,
                )
            )
        return session_id

    def who_is(self, session_id: str) -> Actor:
        """The person behind a session, with the roles held now. Raises Unauthenticated."""
        now = self._ledger.clock.now()
        with self._ledger.store.read() as session:
            row = session.connection().execute(_SESSION, {"id": session_id}).first()
            if row is None:
                raise _over("You are not signed in.", "no-session")
            actor = load_actor(session, row.principal_id, at=now, session_id=session_id)
            if row.ended_at is not None:
                raise _over("You were signed out.", "session-ended")
            if row.expires_at <= now or row.seen_at + IDLE <= now:
                raise _over("Your session has ended after a while.", "session-expired")
        if now - row.seen_at > _SEEN_EVERY:
            with self._ledger.store.write() as session:
                fresh = session.get_one(SessionRow, session_id)
                fresh.seen_at = now
                session.add(fresh)
        return actor

    def end(self, session_id: str) -> None:
        """Sign out."""
        with self._ledger.store.read() as session:
            row = session.get(SessionRow, session_id)
        if row is None or row.ended_at is not None:
            return
        with self._ledger.act(
            "session:end", actor=row.principal_id, resource=f"person:{row.principal_id}"
        ) as act:
            fresh = act.session.get_one(SessionRow, session_id)
            fresh.ended_at = act.at
            act.session.add(fresh)


def _over(message: str, code: str) -> Unauthenticated:
    return Unauthenticated(message, hint="Sign in again to go on.", code=code)


# Asked on every click of everybody, so it is built once.
_SESSION: Final = select(
    col(SessionRow.principal_id),
    col(SessionRow.seen_at),
    col(SessionRow.expires_at),
    col(SessionRow.ended_at),
).where(col(SessionRow.id) == bindparam("id"))
