"""How a live model does, in words a stakeholder uses."""

from __future__ import annotations

from typing import Final

from app.ui import chips
from app.ui.markup import Markup
from catalog.impact.health import Health
from catalog.impact.portfolio import Line

# The status word of one model, and what is said of many.
WORDS: Final = {
    Health.WORKS: "Work as expected",
    Health.ATTENTION: "Need attention soon",
    Health.SILENT: "Silent",
    Health.UNKNOWN: "Not watched",
}
MANY: Final = WORDS | {
    Health.ATTENTION: "Need attention",
    Health.SILENT: "Nobody calls them",
}
# What the owner does next.
NEXT: Final = {
    Health.ATTENTION: "finds out why and mends it, or asks to go back to the version before",
    Health.SILENT: "finds out whether the business still needs it",
    Health.UNKNOWN: "connects the application that uses it, so that its calls are counted",
}


def chip(line: Line) -> Markup:
    """The health of a live model as a status chip."""
    return chips.status(WORDS[line.health], line.health.value)


def mark(line: Line) -> Markup:
    """The same without a background, for tables."""
    return chips.mark(WORDS[line.health], line.health.value)
