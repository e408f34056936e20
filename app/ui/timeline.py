"""The history of a model's versions as one line: what was live, what is, what waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.ui import chips
from app.ui.markup import Markup, join, tag

State = Literal["live", "past", "waits", "rejected"]


@dataclass(frozen=True)
class Point:
    """One version: where it stands in words (`state_says`), its score and date, and who acted."""

    version: str
    state: State
    state_says: str
    detail: str = ""
    who: str = ""
    aliases: Sequence[str] = ()


def timeline(points: Sequence[Point]) -> Markup:
    """Versions oldest first along a line; on a phone newest first, down the page."""
    items = (
        tag(
            "li",
            tag("i", cls="cs-node", aria_hidden="true"),
            tag("p", tag("strong", point.version), join(map(chips.alias, point.aliases))),
            tag("p", point.state_says, cls="cs-state"),
            tag("p", point.detail, cls="cs-note") if point.detail else "",
            tag("p", point.who, cls="cs-note") if point.who else "",
            cls=f"cs-point cs-point-{point.state}",
        )
        for point in points
    )
    return tag("ol", *items, cls="cs-timeline")
