"""Pictures of numbers, drawn from the palette: what drives a model, and how a number moved."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.ui import theme
from app.ui.theme import Palette

if TYPE_CHECKING:
    # Heavy to load, and only a page with a picture needs it.
    from plotly.basedatatypes import BaseFigure

# A chart is data for a drawing library in the browser; its keys are that library's.
Figure = dict[str, Any]

_FONT = "IBM Plex Sans, sans-serif"
_CONFIG = {"displayModeBar": False, "responsive": True}
_BAR_HEIGHT = 26
_ROOM_FOR_AXIS = 58
_MAX_NAME = 34


@dataclass(frozen=True)
class Series:
    """One line of a chart; an estimate is drawn dotted and must be said in words beside it."""

    name: str
    values: Sequence[float | None]
    is_estimate: bool = False


def plot(figure: Figure, alt: str, key: str) -> None:
    """Put an interactive chart on the screen; `alt` says in words what it shows."""
    checked = _checked(json.dumps(figure))
    st.plotly_chart(checked, theme=None, config=_CONFIG, alt=alt, key=key)


@lru_cache(maxsize=64)
def _checked(written: str) -> BaseFigure:
    # Plotly checks every value of a figure (2 to 4 ms); a rerun shows the same picture again.
    from plotly.graph_objects import Figure as Checked  # noqa: PLC0415

    return Checked(json.loads(written))


def framed(colours: Palette, height: int, more: Figure) -> Figure:
    """The layout every picture has, with what is special about this one laid over it."""
    # Colours are written into every figure: a Plotly template is validated anew on each rerun.
    axis = {
        "gridcolor": colours.line,
        "zeroline": False,
        "automargin": True,
        "ticks": "outside",
        "ticklen": 5,
        "tickcolor": "rgba(0,0,0,0)",
        "fixedrange": True,
        "tickfont": {"color": colours.ink2, "size": 12},
        "title": {"font": {"color": colours.ink2, "size": 12}, "standoff": 10},
    }
    layout: Figure = {
        "height": height,
        "margin": {"l": 4, "r": 12, "t": 8, "b": 4},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": _FONT, "size": 13, "color": colours.ink},
        "showlegend": False,
        "hoverlabel": {
            "bgcolor": colours.card,
            "bordercolor": colours.line2,
            "font": {"family": _FONT, "size": 12.5, "color": colours.ink},
        },
        "bargap": 0.38,
        "xaxis": axis | {"linecolor": colours.line2},
        "yaxis": axis,
    }
    return _merge(layout, more)


def _merge(before: Figure, change: Figure) -> Figure:
    merged = dict(before)
    for name, value in change.items():
        old = merged.get(name)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[name] = _merge(merged[name], value) if both else value
    return merged


def plain(name: str) -> str:
    """A name as the chart library may show it: it reads a few tags, so none is left in."""
    short = name if len(name) <= _MAX_NAME else name[: _MAX_NAME - 1] + "…"
    return short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def bar_importance(
    names: Sequence[str],
    values: Sequence[float],
    *,
    unit: str,
    colours: Palette | None = None,
) -> Figure:
    """How much each feature moves the model on average, the strongest at the top.

    `values` are mean absolute contributions in `unit`.
    """
    colours = colours or theme.palette()
    pairs = sorted(zip(values, names, strict=True))
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": [value for value, _ in pairs],
        # Positions, not names: two features whose names are cut alike must stay two bars.
        "y": list(range(len(pairs))),
        "text": [f"{value:.3g}" for value, _ in pairs],
        "textposition": "outside",
        "cliponaxis": False,
        "textfont": {"color": colours.ink, "size": 12},
        "marker": {"color": colours.series1},
        "customdata": [plain(name) for _, name in pairs],
        "hovertemplate": "%{customdata}<br>%{x:.4g} " + plain(unit) + "<extra></extra>",
    }
    layout = framed(
        colours,
        _BAR_HEIGHT * len(pairs) + _ROOM_FOR_AXIS,
        {
            "xaxis": {"rangemode": "tozero", "title": {"text": plain(unit)}},
            "yaxis": {
                "showgrid": False,
                "tickvals": list(range(len(pairs))),
                "ticktext": [plain(name) for _, name in pairs],
                "tickfont": {"color": colours.ink},
            },
            "margin": {"l": 4, "r": 44, "t": 8, "b": 4},
        },
    )
    return {"data": [bars], "layout": layout}


def dependence_scatter(
    x: Sequence[float] | Sequence[str],
    y: Sequence[float],
    *,
    feature: str,
    unit: str,
    colours: Palette | None = None,
) -> Figure:
    """How a feature's value moves the prediction: one dot per row, contribution in `unit`.

    Words on x make a chart by category.
    """
    colours = colours or theme.palette()
    is_words = bool(x) and isinstance(x[0], str)
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": [plain(str(value)) for value in x] if is_words else list(x),
        "y": list(y),
        "marker": {"color": colours.series1, "size": 6, "opacity": 0.55},
        "hovertemplate": "%{x}<br>%{y:.3g} " + plain(unit) + "<extra></extra>",
    }
    layout = framed(
        colours,
        320,
        {
            "xaxis": {
                "title": {"text": plain(feature)},
                "type": "category" if is_words else "linear",
            },
            "yaxis": {
                "title": {"text": f"Contribution, {plain(unit)}"},
                "zeroline": True,
                "zerolinecolor": colours.line2,
            },
            "hovermode": "closest",
        },
    )
    return {"data": [dots], "layout": layout}


@dataclass(frozen=True)
class Contribution:
    """How much one feature's value moved one prediction."""

    feature: str
    value: str
    amount: float


def contributions(
    base: float,
    parts: Sequence[Contribution],
    total: float,
    *,
    unit: str,
    colours: Palette | None = None,
) -> Figure:
    """One prediction explained: from the average, feature by feature, to what the model said.

    `base`, the amounts and `total` are in `unit`; the strongest feature comes first.
    """
    colours = colours or theme.palette()
    ordered = sorted(parts, key=lambda part: -abs(part.amount))
    starts = list(accumulate((part.amount for part in ordered), initial=base))[:-1]
    last = len(ordered) + 1
    hover = "%{customdata}<br>%{text} " + plain(unit) + "<extra></extra>"
    names = [f"{plain(part.feature)} = {plain(part.value)}" for part in ordered]
    moves = {
        "type": "bar",
        "orientation": "h",
        "y": list(range(1, last)),
        "base": starts,
        "x": [part.amount for part in ordered],
        "text": [_signed(part.amount) for part in ordered],
        "textposition": "none",
        "marker": {
            "color": [colours.series2 if part.amount > 0 else colours.series1 for part in ordered]
        },
        "customdata": names,
        "hovertemplate": hover,
    }
    # At the right of every bar: left of one they would run into the names on a narrow screen.
    amounts = [
        {
            "x": start + max(part.amount, 0),
            "y": row,
            "text": _signed(part.amount),
            "showarrow": False,
            "xanchor": "left",
            "font": {"color": colours.ink, "size": 12},
        }
        for row, (start, part) in enumerate(zip(starts, ordered, strict=True), 1)
    ]
    ends = {
        "type": "scatter",
        "textfont": {"color": colours.ink, "size": 12},
        "cliponaxis": False,
        "mode": "markers+text",
        "y": [0, last],
        "x": [base, total],
        "text": [_figure(base), _figure(total)],
        "textposition": "middle right",
        "marker": {"symbol": "line-ns", "size": 18, "line": {"color": colours.ink, "width": 3}},
        "customdata": ["Average prediction", "This prediction"],
        "hovertemplate": hover,
    }
    reached = [*starts, base, total]
    room = (max(reached) - min(reached) or 1) * 0.3
    layout = framed(
        colours,
        _BAR_HEIGHT * (last + 1) + _ROOM_FOR_AXIS,
        {
            "xaxis": {
                "title": {"text": plain(unit)},
                "range": [min(reached) - room * 0.1, max(reached) + room],
            },
            "annotations": amounts,
            "yaxis": {
                "showgrid": False,
                "range": [last + 0.6, -0.6],
                "tickvals": list(range(last + 1)),
                "ticktext": [
                    "Average prediction",
                    *(f"{name}" for name in names),
                    "This prediction",
                ],
                "tickfont": {"color": colours.ink},
            },
        },
    )
    return {"data": [moves, ends], "layout": layout}


def _figure(value: float) -> str:
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


def _signed(value: float) -> str:
    return f"{value:+.3g}".replace("-", "\N{MINUS SIGN}")


def lines(
    x: Sequence[str],
    series: Sequence[Series],
    *,
    unit: str,
    limit: float | None = None,
    colours: Palette | None = None,
) -> Figure:
    """How numbers moved, each line named at its end; `limit` is drawn dashed with its value.

    `x` are dates in ISO form or words.
    """
    colours = colours or theme.palette()
    inks = (colours.series1, colours.series2, colours.series3)
    data: list[Figure] = []
    named: list[Figure] = []
    solid = -1
    for place, one in enumerate(series):
        # An estimate goes on with the line before it, in the same colour.
        solid += 0 if one.is_estimate and solid >= 0 else 1
        ink = inks[solid % len(inks)]
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": plain(one.name),
                "x": list(x),
                "y": list(one.values),
                "line": {"color": ink, "width": 2, "dash": "dot" if one.is_estimate else "solid"},
                "hovertemplate": "%{x}<br>%{y:.4g} " + plain(unit) + "<extra></extra>",
            }
        )
        goes_on = place + 1 < len(series) and series[place + 1].is_estimate
        known = [(at, y) for at, y in zip(x, one.values, strict=True) if y is not None]
        if known and not goes_on:
            at, last = known[-1]
            end = _end(at, last, f"{plain(one.name)} {last:.3g}", ink)
            # At the right edge it is placed by the picture: the axis would make room for it.
            named.append(end | {"xref": "paper", "x": 1} if at == x[-1] else end)
    shapes: list[Figure] = []
    if limit is not None:
        rule = {"color": colours.fail, "width": 1.5, "dash": "dash"}
        shapes.append(
            {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": limit, "y1": limit}
            | {"line": rule}
        )
        named.append(_end(1, limit, f"limit {limit:.3f}", colours.fail) | {"xref": "paper"})
    layout = framed(
        colours,
        280,
        {
            "xaxis": {"showgrid": False},
            "margin": {"l": 4, "r": 110, "t": 26, "b": 4},
            "shapes": shapes,
            "annotations": [*named, _unit_note(unit, colours)],
            "hovermode": "x",
        },
    )
    return {"data": data, "layout": layout}


def _end(x: object, y: float, said: str, ink: str) -> Figure:
    place = {"x": x, "y": y, "xanchor": "left", "xshift": 6, "showarrow": False}
    return place | {"text": said, "font": {"color": ink, "size": 12.5}}


def _unit_note(unit: str, colours: Palette) -> Figure:
    place = {"xref": "paper", "yref": "paper", "x": 0, "y": 1, "xanchor": "left", "yshift": 22}
    font = {"color": colours.ink2, "size": 12}
    return place | {"showarrow": False, "text": plain(unit), "font": font}


def days(counts: Mapping[str, float], unit: str, alt: str, key: str, *, height: int = 180) -> None:
    """Amounts by day as bars from zero, the last one solid; light enough for a first picture.

    The keys are the days as they are written under the bars.
    """
    colours = theme.palette()
    last = len(counts) - 1
    faded = theme.faded(colours.series1, colours.card)
    bars = [
        {"value": value, "itemStyle": {"color": colours.series1 if at == last else faded}}
        for at, value in enumerate(counts.values())
    ]
    words = {"color": colours.ink2, "fontFamily": _FONT, "fontSize": 12}
    spec = {
        "animation": False,
        "grid": {"left": 4, "right": 8, "top": 12, "bottom": 4, "containLabel": True},
        "tooltip": {
            "trigger": "axis",
            "axisPointer": {"type": "none"},
            "backgroundColor": colours.card,
            "borderColor": colours.line2,
            "textStyle": {"color": colours.ink, "fontFamily": _FONT, "fontSize": 12},
        },
        "xAxis": {
            "type": "category",
            "data": list(counts),
            "axisTick": {"show": False},
            "axisLine": {"lineStyle": {"color": colours.line2}},
            "axisLabel": words,
        },
        "yAxis": {
            "type": "value",
            "min": 0,
            "splitNumber": 3,
            "axisLabel": words,
            "splitLine": {"lineStyle": {"color": colours.line}},
        },
        "series": [{"type": "bar", "name": unit, "data": bars, "barCategoryGap": "18%"}],
    }
    st.echarts_chart(spec, height=height, theme=None, renderer="svg", alt=alt, key=key)
