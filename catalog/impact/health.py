"""Health: how a live model does, from what was reported of it, and the sentence that says why."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from catalog.impact.calls import WINDOW_DAYS

# The share of calls that failed, and how long nobody has called.
ERROR_SHARE_LIMIT: Final = 0.01
SILENT_AFTER: Final = timedelta(days=7)


class Health(StrEnum):
    """How a live model does, in words a stakeholder uses."""

    WORKS = "Works as expected"
    ATTENTION = "Needs attention"
    SILENT = "Nobody calls it"
    UNKNOWN = "Not watched"


def judge(
    calls: int, errors: int, last_call: datetime | None, status: str, now: datetime
) -> tuple[Health, str]:
    """How a live model does, and the sentence that says why."""
    if status and status != "READY":
        return Health.ATTENTION, f"MLflow says the live version is {status.lower()}."
    if last_call is None:
        return Health.UNKNOWN, "No application reports its calls, so nobody would notice a fault."
    silent = now - last_call
    if silent > SILENT_AFTER:
        return Health.SILENT, f"The last call was {silent.days} days ago."
    if calls and errors / calls > ERROR_SHARE_LIMIT:
        return (
            Health.ATTENTION,
            f"{errors:,} of {calls:,} calls failed, more than {ERROR_SHARE_LIMIT:.0%}.",
        )
    if errors:
        return Health.WORKS, f"{errors:,} of {calls:,} calls failed in the last {WINDOW_DAYS} days."
    return Health.WORKS, f"None of {calls:,} calls failed in the last {WINDOW_DAYS} days."
