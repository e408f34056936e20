"""Artifact readings: whose files are read again, because an alias stands on them.

MLflow tells nobody when somebody writes over a version's files. What is live is read again on a
schedule, so many at a time, those that were read longest ago first.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlmodel import col, or_, select

from auth.access import ANYTHING, decide
from auth.actors import Actor
from catalog.registry.tables import AliasRow, ModelRow, VersionRow
from ledger.clock import Clock
from ledger.jobs import Jobs
from ledger.store import Store

JOB: Final = "read-artifacts"
EVERY: Final = timedelta(hours=24)
# A round asks for no more than this; each may be many gigabytes.
MOST_A_ROUND: Final = 20


class ArtifactReadings:
    """The desk that has files read again."""

    def __init__(self, store: Store, clock: Clock, jobs: Jobs) -> None:
        self._store = store
        self._clock = clock
        self._jobs = jobs

    def ask(self, *, by: Actor, every: timedelta = EVERY, most: int = MOST_A_ROUND) -> int:
        """Have the files read that were tried longest ago, if that is long enough.

        One that cannot be read waits for its turn like all others. Returns how many were asked for.
        """
        decide(by, "mirror:write", ANYTHING).insist()
        now = self._clock.now()
        tried = col(VersionRow.artifact_tried_at)
        due = (
            select(VersionRow)
            .join(ModelRow, col(ModelRow.id) == col(VersionRow.model_id))
            .where(
                col(VersionRow.gone_at).is_(None),
                col(ModelRow.gone_at).is_(None),
                VersionRow.status == "READY",
                col(VersionRow.id).in_(select(AliasRow.version_id)),
                or_(tried.is_(None), tried <= now - every),
            )
            .order_by(tried.is_not(None), tried, col(VersionRow.id))
            .limit(most)
            .with_for_update(of=VersionRow)
        )
        with self._store.write() as session:
            rows = session.exec(due).all()
            for row in rows:
                row.artifact_tried_at = now
                session.add(row)
                key = f"{JOB}:{row.id}:{now:%Y%m%dT%H%M%S}"
                self._jobs.enqueue(session, JOB, key, {"version": row.id})
        return len(rows)

    def subject(self, version_id: str) -> tuple[str, int] | None:
        """The model's id and the number of a version, if both are still there."""
        query = (
            select(VersionRow.model_id, VersionRow.number)
            .join(ModelRow, col(ModelRow.id) == col(VersionRow.model_id))
            .where(
                VersionRow.id == version_id,
                col(VersionRow.gone_at).is_(None),
                col(ModelRow.gone_at).is_(None),
            )
        )
        with self._store.read() as session:
            return session.exec(query).first()
