"""How long an open request may wait: until which day it is decided, and when it is closed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, func
from sqlalchemy import select as columns
from sqlmodel import Session, col

from catalog.releases.policies.law import TimeLimits
from catalog.releases.states import OPEN, ROUNDS, State
from catalog.releases.tables import DecisionRow, RequestRow

# It is its reviewers' turn.
WAITS: Final = frozenset({State.PENDING_REVIEW, State.IN_REVIEW})


def decide_by(limits: TimeLimits, state: State | str, since: datetime) -> date | None:
    """The last day for a decision; nothing where the policy names none or nobody is to decide.

    `since` is when it was put before its reviewers as it is: asked for, sent again, or read anew.
    """
    if limits.decide_within_days is None or state not in WAITS:
        return None
    return (since + timedelta(days=limits.decide_within_days)).date()


def closes(limits: TimeLimits, row: RequestRow, since: datetime, now: datetime) -> str:
    """Why an open request is to be closed now; empty while it may wait."""
    if row.state not in OPEN:
        return ""
    days = limits.expire_after_days
    if now - row.changed_at >= timedelta(days=days):
        return f"Nothing was done on it for {days} days, as long as its policy allows."
    last_day = decide_by(limits, row.state, since)
    if limits.undecided == "close" and last_day is not None and now.date() > last_day:
        return f"It was not decided within {limits.decide_within_days} days, as its policy asks."
    return ""


def is_half_over(limits: TimeLimits, row: RequestRow, since: datetime, now: datetime) -> bool:
    """Whether half of the time is over in which reviewers are to act."""
    is_late = now - row.changed_at > timedelta(days=limits.expire_after_days) / 2
    within = limits.decide_within_days
    return is_late or (within is not None and now - since > timedelta(days=within) / 2)


def put_again(session: Session, ids: Collection[str]) -> dict[str, datetime]:
    """When requests were put before their reviewers again last: sent again, or read anew."""
    found = session.connection().execute(_ROUNDS, {"requests": list(ids)}) if ids else ()
    return {one.request_id: one.at for one in found}


_ROUNDS: Final = (
    columns(col(DecisionRow.request_id), func.max(col(DecisionRow.at)).label("at"))
    .where(
        col(DecisionRow.request_id).in_(bindparam("requests", expanding=True)),
        col(DecisionRow.verb).in_(sorted(ROUNDS)),
    )
    .group_by(col(DecisionRow.request_id))
)
