"""Two distributions over the same bins as one small picture, without axes and without a library."""

from __future__ import annotations

from collections.abc import Sequence

from app.ui import words
from app.ui.markup import Markup, tag, text

_SMALLEST_BAR = 1.5
_MOST_BINS = 14


def key(before: str, after: str) -> Markup:
    """Which colour is which side."""
    return tag(
        "p",
        tag("span", cls="cs-key", aria_hidden="true"),
        text(before),
        Markup("&emsp;"),
        tag("span", cls="cs-key cs-key-2", aria_hidden="true"),
        text(after),
        cls="cs-note",
    )


def picture(
    labels: Sequence[str], before: Sequence[float], after: Sequence[float], say: str
) -> Markup:
    """The shares of two sides, bin by bin beside each other; `say` is what a screen reader says.

    Bins in which neither side has anything are left out, and beyond 14 the rest is put together.
    """
    bins = [
        (label, was, now)
        for label, was, now in zip(labels, before, after, strict=True)
        if was or now
    ]
    if len(bins) > _MOST_BINS:
        rest = bins[_MOST_BINS - 1 :]
        together = ("the rest", sum(was for _, was, _ in rest), sum(now for *_, now in rest))
        bins = [*bins[: _MOST_BINS - 1], together]
    top = max((max(was, now) for _, was, now in bins), default=0) or 1
    drawn = (
        tag(
            "span",
            tag("i", style=f"height:{max(was / top * 100, _SMALLEST_BAR):.1f}%"),
            tag("b", style=f"height:{max(now / top * 100, _SMALLEST_BAR):.1f}%"),
            title=f"{label}: {words.percent(was)} and {words.percent(now)}",
        )
        for label, was, now in bins
    )
    ends = (tag("span", bins[0][0]), tag("span", bins[-1][0])) if bins else ()
    return Markup(
        tag("div", *drawn, cls="cs-dist", role="img", aria_label=say)
        + tag("div", *ends, cls="cs-ends", aria_hidden="true")
    )
