"""One live model for somebody who does not build models."""

from __future__ import annotations

import streamlit as st

from app.panels import health, worth
from app.panels.brief import towards
from app.panels.impact import Business, calls_chart, choose, week_words
from app.panels.links import link
from app.ui import page, tables, tiles, words
from app.ui.feedback import empty
from app.ui.markup import note, paragraph, show
from app.ui.tables import Column
from app.ui.tiles import Tile
from auth.actors import Actor
from catalog.impact.calls import WINDOW_DAYS
from catalog.impact.health import Health
from catalog.impact.portfolio import Line
from catalog.registry.models import Model


def one_pager(business: Business, model: Model, *, by: Actor) -> None:
    """One model for somebody who does not build models."""
    line = next((one for one in business.portfolio.lines if one.model.id == model.id), None)
    page.head(
        ("Impact", model.domain or model.name),
        f"What {model.name} does for the business",
        model.description.strip() or "MLflow has no description of this model.",
        actions=lambda: choose(business, model),
    )
    if line is None:
        empty("No version of it is live", "It counts from the day a version becomes champion.")
        return
    show(tiles.tiles(_tiles(line, business)))
    left, right = st.columns([0.62, 0.38], gap="small")
    with left, page.card("worth", stretch=True):
        worth.table(line, business)
        worth.declare_button(line, by)
    with right:
        with page.card("how"):
            show(
                page.section("How it does", health.chip(line)),
                paragraph(line.why),
                tables.facts(_facts(line, business)),
            )
        with page.card("who"):
            _who_calls(line, business)
    with page.card("calls"):
        show(
            page.section("Decisions a day", f"{words.thousands(line.calls)} in {WINDOW_DAYS} days")
        )
        calls_chart(business.portfolio, "impact-calls-one")
    link("Open the model", "model", model=model)


def _tiles(line: Line, business: Business) -> list[Tile]:
    by_day = [float(calls) for _day, calls in business.portfolio.calls_by_day]
    value, unit = words.money(line.value_eur) if line.value_eur is not None else ("Not yet", "")
    return [
        Tile(
            "Live version",
            f"v{line.version_number}",
            comparison=f"champion since {words.day(line.live_since)}",
        ),
        Tile(
            "Decisions a day",
            *words.compact(line.calls / WINDOW_DAYS),
            comparison=week_words(by_day[:-1]),
            bars=by_day,
            bars_say=f"Decisions on each of the last {len(by_day)} days",
        ),
        Tile("Value declared", value, unit, comparison=f"in the last {WINDOW_DAYS} days"),
    ]


def _facts(line: Line, business: Business) -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = [("Owner", business.name(line.owner_id))]
    if line.health is not Health.WORKS:
        facts.append(("Next step", f"{business.name(line.owner_id)} {health.NEXT[line.health]}."))
    facts.append(("Last call", words.moment(line.last_call) if line.last_call else "None reported"))
    if line.latency_ms is not None:
        took = f"{words.thousands(line.latency_ms)} ms" if line.latency_ms >= 1 else "under 1 ms"
        facts.append(("An answer takes", f"{took} on average"))
    facts += [
        ("Waits for a decision", f"Version {one.version_number} {towards(one)}, {one.number}")
        for one in business.waiting
    ]
    return facts


def _who_calls(line: Line, business: Business) -> None:
    rows = [(business.name(one), words.thousands(calls)) for one, calls in line.applications]
    show(
        page.section("Who asks it"),
        tables.table(
            (Column("Application", lead=True), Column("Decisions", "right")),
            rows,
            "Applications that call the model",
        )
        if rows
        else note("No application has reported a call in this time."),
    )
