"""The time to detect: how soon what moved outside the process was found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from sqlalchemy import Executable, bindparam
from sqlalchemy import select as columns
from sqlmodel import Session, col

from auth.actors import Actor
from catalog.registry.tables import ModelRow
from catalog.registry.visible import VISIBLE, seen_by
from catalog.releases.findings.finding import Kind
from catalog.releases.tables import FindingRow
from ledger.store import UtcDateTime

LOOKED_BACK: Final = timedelta(days=30)
_MOST_LOOKED_AT: Final = 10_000


@dataclass(frozen=True)
class Detection:
    """How long it took to find what moved in MLflow, at most: of so many, the median and the worst.

    Each is counted from the last reading that showed it as it was.
    """

    findings: int
    median: timedelta | None
    worst: timedelta | None


def detection(session: Session, by: Actor, *, now: datetime) -> Detection:
    """How long it took, of what this person may see and the last 30 days."""
    asked = {**seen_by(by, "release:read"), "after": now - LOOKED_BACK}
    rows = session.connection().execute(_TOOK, asked).all()
    took = [max(opened_at - since, timedelta(0)) for opened_at, since in rows]
    return Detection(len(took), median(took) if took else None, max(took, default=None))


# The newest ones, where there are more than anybody needs for a median.
_TOOK: Final[Executable] = (
    columns(col(FindingRow.opened_at), col(FindingRow.since))
    .where(
        col(ModelRow.id) == col(FindingRow.model_id),
        VISIBLE,
        col(FindingRow.kind) == Kind.OUTSIDE,
        col(FindingRow.since).is_not(None),
        col(FindingRow.opened_at) > bindparam("after", type_=UtcDateTime()),
    )
    .order_by(col(FindingRow.place).desc())
    .limit(_MOST_LOOKED_AT)
)
