"""How a metric moved from version to version: only numbers on the same rows are joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.ui import theme
from app.ui.charts import Figure, framed, plain
from app.ui.theme import Palette

_HEIGHT = 300


@dataclass(frozen=True)
class Measured:
    """One version's number; `said` is what one reads over it."""

    version: int
    value: float
    said: str
    is_champion: bool = False


@dataclass(frozen=True)
class Rows:
    """The numbers measured on one content of one data set; unnamed rows are joined by nothing."""

    name: str
    numbers: Sequence[Measured]
    is_named: bool = True


def metric_history(rows: Sequence[Rows], unit: str, *, colours: Palette | None = None) -> Figure:
    """One line for each content of a data set, the newest first; the champion is a diamond."""
    colours = colours or theme.palette()
    inks = (colours.series1, colours.series2, colours.series3)
    data: list[Figure] = []
    named: list[Figure] = []
    for place, one in enumerate(rows):
        ink = inks[place] if place < len(inks) and one.is_named else colours.ink2
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers" if one.is_named else "markers",
                "name": plain(one.name),
                "x": [number.version for number in one.numbers],
                "y": [number.value for number in one.numbers],
                "line": {"color": ink, "width": 2},
                "marker": {
                    "color": [ink if one.is_named else colours.card for _ in one.numbers],
                    "size": [14 if number.is_champion else 7 for number in one.numbers],
                    "symbol": [
                        "diamond" if number.is_champion else "circle" for number in one.numbers
                    ],
                    "line": {"color": ink, "width": 1.5},
                },
                "customdata": [plain(number.said) for number in one.numbers],
                "hovertemplate": "v%{x}: %{y:.4g}<br>%{customdata}<extra></extra>",
            }
        )
        named += [_champion(number, ink) for number in one.numbers if number.is_champion]
    numbers = {number.version for one in rows for number in one.numbers}
    layout = framed(
        colours,
        _HEIGHT,
        {
            "xaxis": {
                "title": {"text": "Version"},
                "showgrid": False,
                "tickprefix": "v",
                "tickformat": "d",
                **({"dtick": 1} if len(numbers) <= 20 else {}),  # noqa: PLR2004 - as many fit
            },
            "yaxis": {"title": {"text": plain(unit)}},
            "annotations": named,
            "margin": {"l": 4, "r": 24, "t": 24, "b": 4},
            "hovermode": "closest",
        },
    )
    return {"data": data, "layout": layout}


def _champion(number: Measured, ink: str) -> Figure:
    return {
        "x": number.version,
        "y": number.value,
        "yshift": 16,
        "xanchor": "right",
        "showarrow": False,
        "text": f"champion v{number.version}",
        "font": {"color": ink, "size": 12.5},
    }
