"""Numbers at a glance: a value with its unit, one comparison in words, and how it got there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.ui import chips
from app.ui.markup import Markup, tag

# So that a small amount is still seen to be there.
_SMALLEST_BAR = 4.0


@dataclass(frozen=True)
class Tile:
    """One number; `bars` are its last 12 to 30 values, oldest first, in words in `bars_say`."""

    label: str
    value: str
    unit: str = ""
    comparison: str = ""
    bars: Sequence[float] = ()
    bars_say: str = ""


def tiles(shown: Iterable[Tile]) -> Markup:
    """Tiles in a row of equal cards."""
    return tag("div", *(_tile(tile) for tile in shown), cls="cs-tiles")


def _tile(tile: Tile) -> Markup:
    unit = tag("span", tile.unit, cls="cs-unit") if tile.unit else ""
    return tag(
        "div",
        tag("p", tile.label, cls="cs-tile-label"),
        tag("p", tile.value, unit, cls="cs-tile-value"),
        tag("p", tile.comparison, cls="cs-tile-note") if tile.comparison else "",
        bars(tile.bars, tile.bars_say) if tile.bars else "",
        cls="cs-tile",
    )


def bars(values: Sequence[float], say: str) -> Markup:
    """A small history without axes, the last value solid; `say` is what a screen reader says."""
    top = max(values, default=0) or 1
    drawn = (
        tag("i", style=f"height:{max(value / top * 100, _SMALLEST_BAR):.0f}%") for value in values
    )
    return tag("div", *drawn, cls="cs-bars", role="img", aria_label=say or "History")


@dataclass(frozen=True)
class Share:
    """How many of a whole are in one state; `word` sets shape and colour, `said` is read."""

    word: str
    count: int
    said: str = ""


def shares(parts: Sequence[Share]) -> Markup:
    """A whole divided by state, each with its count and a bar."""
    total = sum(part.count for part in parts) or 1
    rows = (
        tag(
            "div",
            chips.mark(part.word, part.said),
            tag("span", str(part.count), cls="cs-share-count"),
            tag(
                "span",
                tag("i", style=f"width:{part.count / total * 100:.1f}%"),
                cls=f"cs-share-bar cs-t-{chips.look(part.word).tone}",
                aria_hidden="true",
            ),
        )
        for part in parts
    )
    return tag("div", *rows, cls="cs-shares")
