"""Where the facts on a screen come from, and how old they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from app.ui import words
from app.ui.markup import Markup, join, tag, text
from catalog.registry.mirror.state import MirrorState

# The mirror looks every half minute: after this the person is told that something is wrong.
STALE_AFTER: Final = timedelta(minutes=5)


def mirrored(states: Sequence[MirrorState], now: datetime) -> str:
    """How old the copy of MLflow is, in words: `Mirrored from MLflow 2 minutes ago`."""
    seen = [state.succeeded_at for state in states if state.succeeded_at]
    if not seen:
        read = sum(state.crawl_read for state in states if state.crawl_began_at)
        if read:
            return (
                f"MLflow is being read for the first time: {words.thousands(read)} entries so far"
            )
        return "MLflow has not been read yet"
    oldest = min(seen)
    age = words.ago(oldest, now)
    if any(state.problem for state in states):
        return f"MLflow does not answer; what you see was mirrored {age}, {words.moment(oldest)}"
    if is_away(states, now):
        return f"Nobody has looked at MLflow since {words.moment(oldest)}, {age}"
    return f"Mirrored from MLflow {age}"


def is_away(states: Sequence[MirrorState], now: datetime) -> bool:
    """Whether what is shown of MLflow is older than it should be."""
    return any(
        state.problem or state.succeeded_at is None or now - state.succeeded_at > STALE_AFTER
        for state in states
    )


def source(states: Sequence[MirrorState], now: datetime, *others: str) -> Markup:
    """The line at the foot of a screen: MLflow's age, then what else the screen rests on."""
    age = mirrored(states, now)
    at = max((s.succeeded_at for s in states if s.succeeded_at), default=None)
    moment = f", {words.moment(at)}" if at and not is_away(states, now) else ""
    told = [f"{age}{moment}.", *others]
    return tag("p", join([text(one) for one in told], " "), cls="cs-note")
