"""How many pass, are missing something or fail, of several sets of things beneath each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.ui import theme
from app.ui.charts import Figure, framed, plain
from app.ui.theme import Palette

_ROW = 44
_ROOM = 72


@dataclass(frozen=True)
class Verdicts:
    """One bar: what was asked, and how many of it pass, are missing something, fail."""

    name: str
    passes: int
    missing: int
    fails: int


def verdict_bars(rows: Sequence[Verdicts], *, colours: Palette | None = None) -> Figure:
    """A bar for each set, the first at the top; each part says its number and its word."""
    colours = colours or theme.palette()
    places = list(range(len(rows)))
    parts = [
        ("pass", [one.passes for one in rows], colours.ok_bg, colours.ok),
        ("missing", [one.missing for one in rows], colours.attention_bg, colours.attention),
        ("fail", [one.fails for one in rows], colours.fail_bg, colours.fail),
    ]
    bars: list[Figure] = [
        {
            "type": "bar",
            "orientation": "h",
            "name": word,
            # Positions, not names: two that are called alike stay two bars.
            "y": places,
            # Nothing at all is drawn of what is not there, also no border.
            "x": [count or None for count in counts],
            "text": [f"{count} {word}" if count else "" for count in counts],
            "textposition": "inside",
            "insidetextanchor": "middle",
            "textangle": 0,
            "constraintext": "none",
            "textfont": {"color": ink, "size": 12},
            "marker": {"color": ground, "line": {"color": ink, "width": 1}},
            "customdata": [plain(one.name) for one in rows],
            "hovertemplate": "%{customdata}<br>%{x} " + word + "<extra></extra>",
        }
        for word, counts, ground, ink in parts
    ]
    layout = framed(
        colours,
        _ROW * len(rows) + _ROOM,
        {
            "barmode": "stack",
            "showlegend": True,
            "legend": {
                "orientation": "h",
                "x": 0,
                "y": 1.02,
                "yanchor": "bottom",
                "traceorder": "normal",
                "font": {"color": colours.ink2, "size": 12},
            },
            "margin": {"l": 4, "r": 12, "t": 30, "b": 4},
            "xaxis": {"rangemode": "tozero", "tickformat": ",d", "nticks": 6},
            "yaxis": {
                "showgrid": False,
                "autorange": "reversed",
                "tickvals": places,
                "ticktext": [plain(one.name) for one in rows],
                "tickfont": {"color": colours.ink},
            },
        },
    )
    return {"data": bars, "layout": layout}
