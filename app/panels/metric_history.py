"""The metrics of a model from version to version, as its runs reported them."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.panels import assurance
from app.panels.shown import CHAMPION, Shown
from app.session import portal
from app.ui import charts, page, words
from app.ui.markup import join, note, option, show
from app.ui.metric_chart import Measured, Rows, metric_history
from catalog.registry.measures import DIRECTIONS

_MOST_METRICS: Final = 12
_MOST_LINES: Final = 8
_UNNAMED: Final = "rows nobody named"


def panel(shown: Shown) -> None:
    """One metric over all versions; another one is a click away, and the address keeps it."""
    names = offered(shown)
    if not names:
        return
    with page.card("metric-history"):
        show(page.section("How good were the versions?", assurance.RUNS.chip))
        labels = words.metrics(names)
        metric = st.pills(
            "Metric",
            names,
            default=names[0],
            format_func=lambda name: option(labels[name]),
            key="metric",
            bind="query-params",
            label_visibility="collapsed",
            required=True,
        )
        metric = metric or names[0]
        rows = history(shown, metric)
        told = sum(len(one.numbers) for one in rows)
        charts.plot(
            metric_history(rows, f"{labels[metric]}{_better(shown, metric)}"),
            f"{labels[metric]} of {words.plural(told, 'version')}, one line for each content "
            "of a data set",
            "metric-history-chart",
        )
        named = [one.name for one in rows if one.is_named]
        show(
            note(
                join(
                    (
                        "Joined only where the rows are the same: ",
                        words.listing(named) if named else "no run named its rows",
                        ". ",
                        f"@{CHAMPION} is the diamond. " if shown.champion else "",
                        "Hollow points stand alone: their rows have no digest."
                        if len(named) < len(rows)
                        else "",
                    )
                )
            )
        )


def _better(shown: Shown, metric: str) -> str:
    """Which way is better, where the policy or the name says it."""
    measure = shown.measure
    known = DIRECTIONS.get(metric.lower())
    better = measure.better if measure and metric in measure.names else known
    return f" ({better} is better)" if better else ""


def offered(shown: Shown) -> list[str]:
    """The metrics there are, the deciding one first, then those that most versions have."""
    deciding = set(shown.measure.names) if shown.measure else set()
    counts = portal().models.measured(shown.model)
    ranked = sorted(counts, key=lambda name: (name not in deciding, -counts[name], name))
    return ranked[:_MOST_METRICS]


def history(shown: Shown, metric: str) -> list[Rows]:
    """A metric by the content of the data set it was measured on; the content used last first."""
    champion = shown.model.alias(CHAMPION)
    found: dict[tuple[str, str], list[Measured]] = {}
    for one in portal().models.told(shown.model, metric):
        where = f"{one.dataset} {one.dataset_digest}".strip() or _UNNAMED
        found.setdefault((one.dataset, one.dataset_digest), []).append(
            Measured(
                one.number,
                one.value,
                f"{where}, {words.day(one.created_at)}",
                champion is not None and one.number == champion.number,
            )
        )
    # A run reports each number twice: with its rows and without. The one with rows is told.
    told = {n.version for (_, digest), numbers in found.items() if digest for n in numbers}
    rows = [
        Rows(f"{name} {digest}" if digest else _UNNAMED, kept, is_named=bool(digest))
        for (name, digest), numbers in found.items()
        if (kept := [n for n in numbers if digest or n.version not in told])
    ]
    rows.sort(key=lambda one: (not one.is_named, -one.numbers[-1].version, one.name))
    return rows[:_MOST_LINES]
