"""The changes in MLflow that ask for an explanation, read in order from where one stopped.

A writer on PostgreSQL may take a number and commit after another one took a later number. So it is
first asked up to where everything is committed, while nobody writes; what comes later waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Executable, bindparam, func, or_, text, update
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from catalog.registry.mirror.pen import Kind
from catalog.registry.tables import WATCHED, ChangeRow, MirrorStateRow, ModelRow
from catalog.releases.tables import ReconciliationRow, WatchedServerRow
from ledger.store import Store

# Enough to know that many wait.
_MOST_COUNTED: Final = 500
_JOURNAL: Final = "registry_change"


@dataclass(frozen=True)
class Moved:
    """Something that became different in MLflow in the window `(since, until]`.

    Attributes:
        since: nothing for an alias of a model that was made after its server was watched.
    """

    sequence: int
    model_id: str
    version_id: str
    kind: Kind
    name: str
    before: str
    after: str
    since: datetime | None
    until: datetime
    by_promotion: str


class ChangeJournal:
    """Where one stopped reading, kept in the database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(self, *, at: datetime) -> None:
        """Watch the servers that have been read as a whole by now, if they are not watched yet."""
        with self._store.read() as session:
            fresh = session.connection().execute(_UNWATCHED).all()
        if fresh:
            # Asked after the crawls were over: all that they met has a number by now.
            newest = self.newest()
            with self._store.write() as session:
                for server, crawled_at in fresh:
                    session.add(
                        WatchedServerRow(server=server, sequence=newest, since=crawled_at or at)
                    )

    def reached(self, session: Session) -> int:
        """The last change that was looked at."""
        row = session.get(ReconciliationRow, _JOURNAL)
        return row.sequence if row else 0

    @staticmethod
    def looked_at(session: Session) -> datetime | None:
        """When the last change that was looked at was; None before the first look."""
        row = session.get(ReconciliationRow, _JOURNAL)
        return row.at if row else None

    def waiting(self, session: Session) -> int:
        """How many changes nobody has looked at yet, of those that ask for an explanation."""
        reached = self.reached(session)
        newest = int(session.connection().execute(_NEWEST).scalar() or 0)
        return len(self.after(session, reached, newest, _MOST_COUNTED)) if newest > reached else 0

    def newest(self) -> int:
        """The newest change up to which all are there for good."""
        with self._store.read() as session:
            reached = self.reached(session)
            newest = int(session.connection().execute(_NEWEST).scalar() or 0)
        if newest <= reached or self._store.is_sqlite:
            return max(newest, reached)
        with self._store.write() as session:
            session.connection().execute(_NOBODY_WRITES)
            return int(session.connection().execute(_NEWEST).scalar() or 0)

    @staticmethod
    def after(session: Session, sequence: int, until: int, limit: int) -> list[Moved]:
        """The next changes that ask for an explanation; none that was there before."""
        asked = {"after": sequence, "until": until, "limit": limit}
        return [Moved(*row) for row in session.connection().execute(_NEXT, asked)]

    @staticmethod
    def advance(session: Session, reached: int, to: int, *, at: datetime) -> bool:
        """Remember to have looked so far. Returns whether nobody else did meanwhile."""
        row = session.exec(
            select(ReconciliationRow).where(ReconciliationRow.journal == _JOURNAL).with_for_update()
        ).first()
        if row is None:
            if reached:
                return False
            session.add(ReconciliationRow(journal=_JOURNAL, sequence=to, at=at))
            session.flush()
            return True
        moved = session.connection().execute(
            update(ReconciliationRow)
            .where(
                col(ReconciliationRow.journal) == _JOURNAL,
                col(ReconciliationRow.sequence) == reached,
            )
            .values(sequence=to, at=at)
        )
        return moved.rowcount == 1


_NEWEST: Final = columns(func.max(col(ChangeRow.sequence)))
# Waits for those who write and keeps others waiting, for as long as one number is read.
_NOBODY_WRITES: Final = text("LOCK TABLE registry_change IN SHARE MODE")
_UNWATCHED: Final = columns(col(MirrorStateRow.server), col(MirrorStateRow.crawled_at)).where(
    col(MirrorStateRow.crawled_at).is_not(None),
    col(MirrorStateRow.server).not_in(columns(col(WatchedServerRow.server))),
)
# An alias without a window was there before, unless its model was made since.
IS_NEWS: Final = (
    columns(col(ModelRow.id))
    .where(
        col(ModelRow.id) == col(ChangeRow.model_id),
        col(WatchedServerRow.server) == col(ModelRow.server),
        col(WatchedServerRow.sequence) < col(ChangeRow.sequence),
        col(WatchedServerRow.since) < col(ModelRow.created_at),
    )
    .exists()
)
_NEXT: Final[Executable] = (
    columns(
        col(ChangeRow.sequence),
        col(ChangeRow.model_id),
        col(ChangeRow.version_id),
        col(ChangeRow.kind),
        col(ChangeRow.name),
        col(ChangeRow.before),
        col(ChangeRow.after),
        col(ChangeRow.since),
        col(ChangeRow.until),
        col(ChangeRow.by_promotion),
    )
    .where(
        text(WATCHED),
        col(ChangeRow.sequence) > bindparam("after"),
        col(ChangeRow.sequence) <= bindparam("until"),
        or_(col(ChangeRow.since).is_not(None), IS_NEWS),
    )
    .order_by(col(ChangeRow.sequence))
    .limit(bindparam("limit"))
)
