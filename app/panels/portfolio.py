"""All models in use: what they do for the business, in the words of those who pay for them."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.panels import health
from app.panels.brief import gates_words
from app.panels.impact import Business, calls_chart, choose, unbroken, week_words
from app.panels.links import link
from app.ui import chips, page, tables, tiles, words
from app.ui.feedback import empty
from app.ui.markup import join, note, show, tag
from app.ui.tables import Column, Row
from app.ui.tiles import Share, Tile
from catalog.impact.calls import WINDOW_DAYS
from catalog.impact.health import Health
from catalog.impact.portfolio import Portfolio
from catalog.releases.decisions.briefs import Brief
from catalog.releases.states import Route, State

_MOST_NEEDED: Final = 8
_MOST_LINES: Final = 25


def head(business: Business) -> None:
    """The title, with what period the figures are of."""
    told = business.portfolio
    page.head(
        "Watch",
        "What our models do for the business",
        f"{words.day(told.since)} to {words.day(told.until)}. Calls are those that applications "
        "reported. Money is such a count times what a named person declared one outcome to be "
        "worth.",
        actions=lambda: choose(business, None),
    )
    link("What our models are used for", "use_case", icon=":material/flag:")


def overview(business: Business) -> None:
    """All models in use."""
    told = business.portfolio
    if not told.lines:
        empty(
            "No model is in use yet",
            "A model counts as in use when one of its versions is champion and an application "
            "reports its calls.",
        )
        return
    show(tiles.tiles(_tiles(business)))
    left, right = st.columns([0.62, 0.38], gap="small")
    with left, page.card("needed", stretch=True):
        _needed(business)
    with right:
        with page.card("health"):
            _health(told)
        with page.card("moved"):
            _moved(business)
    with page.card("calls"):
        show(
            page.section(
                "Decisions a day",
                f"{words.thousands(told.calls)} in {WINDOW_DAYS} days, all models",
            )
        )
        calls_chart(told, "impact-calls")
    with page.card("models"):
        _models(business)


def _tiles(business: Business) -> list[Tile]:
    """The four numbers a stakeholder asks for first."""
    told = business.portfolio
    by_day = [float(calls) for _day, calls in told.calls_by_day]
    whole_days = by_day[:-1]
    busy = [line for line in told.lines if line.calls]
    value, unit = words.money(told.value_eur)
    a_day, a_day_unit = words.compact(told.calls / WINDOW_DAYS)
    people = {said.declared_by for line in told.lines for said in line.declared}
    valued = [line for line in told.lines if line.declared]
    applications = {one for line in told.lines for one, _calls in line.applications}
    return [
        Tile(
            "Models in use",
            words.thousands(told.size),
            comparison=f"{len(busy)} of them called in the last {WINDOW_DAYS} days",
        ),
        Tile(
            "Decisions a day",
            a_day,
            a_day_unit,
            comparison=week_words(whole_days),
            bars=by_day,
            bars_say=f"Decisions on each of the last {len(by_day)} days",
        ),
        Tile(
            "Value declared",
            value,
            unit,
            comparison=f"{WINDOW_DAYS} days, {words.plural(len(valued), 'model')}, "
            f"declared by {words.plural(len(people), 'person', 'people')}",
        ),
        Tile(
            "Applications",
            str(len(applications)),
            comparison="report what they ask of models",
        ),
    ]


def _needed(business: Business) -> None:
    rows = _needed_rows(business)
    show(
        page.section("What needs a decision", words.plural(len(rows), "thing")),
        tables.table(
            (Column("What", lead=True), Column("Next step"), Column("Since", "right")),
            rows[:_MOST_NEEDED],
            "What needs a decision",
        )
        if rows
        else note("Nothing: every model works as expected and no request is open."),
        note(f"{len(rows) - _MOST_NEEDED} more below and under Releases.")
        if len(rows) > _MOST_NEEDED
        else "",
    )


def _needed_rows(business: Business) -> list[Row]:
    """Models that do not work as expected, then requests that wait, each with who acts next."""
    rows: list[Row] = []
    for how in (Health.ATTENTION, Health.SILENT, Health.UNKNOWN):
        rows += [
            Row(
                (
                    join(
                        (
                            chips.flagged(health.WORDS[how], f"{line.model.name}: {how.lower()}"),
                            tag("small", line.why),
                        )
                    ),
                    f"{business.name(line.owner_id)} {health.NEXT[how]}",
                    unbroken(words.day(line.last_call)) if line.last_call else "",
                )
            )
            for line in business.portfolio.having(how)
        ]
    for one in business.waiting:
        asked = (
            f"{one.model_name}: take {one.alias} away from version {one.version_number}?"
            if one.route is Route.RETIREMENT
            else f"{one.model_name}: make version {one.version_number} the {one.alias}?"
        )
        back = one.state is State.CHANGES_REQUESTED
        who = business.name(one.requested_by) if back else "An approver"
        rows.append(
            Row(
                (
                    join((chips.flagged(one.state, asked), tag("small", gates_words(one)))),
                    f"{who} {'changes and sends again' if back else 'decides'}, {one.number}",
                    unbroken(words.day(one.requested_at)),
                )
            )
        )
    return rows


def _health(told: Portfolio) -> None:
    parts = [Share(word, told.number(how), health.MANY[how]) for how, word in health.WORDS.items()]
    show(
        page.section(f"Health of the {words.plural(told.size, 'model')} in use"),
        tiles.shares(parts),
        note(
            "\N{LEFT DOUBLE QUOTATION MARK}Not watched\N{RIGHT DOUBLE QUOTATION MARK} means "
            "nobody would notice if the model went wrong."
        ),
    )


def _moved(business: Business) -> None:
    rows = [
        (
            tables.two(
                f"{one.model_name} v{one.version_number} is {_no_longer(one)}{one.alias}",
                f"{_instead(one)}approved by {business.name(one.decided_by)}",
            ),
            unbroken(words.day(one.promoted_at or one.changed_at)),
        )
        for one in business.moved[:5]
    ]
    show(
        page.section("What changed in 30 days"),
        tables.table(
            (Column("What", lead=True), Column("When", "right")), rows, "Promotions in 30 days"
        )
        if rows
        else note("Nothing went live in the last 30 days."),
    )


def _no_longer(one: Brief) -> str:
    return "no longer " if one.route is Route.RETIREMENT else ""


def _instead(one: Brief) -> str:
    if one.route is Route.RETIREMENT:
        return "retired, "
    return f"in place of v{one.replaces}, " if one.replaces else "the first one live, "


def _models(business: Business) -> None:
    told = business.portfolio
    rows = [
        (
            tables.two(line.model.name, line.model.domain or "No domain"),
            health.mark(line),
            tables.two(business.name(line.owner_id), ""),
            tables.two(f"v{line.version_number}", f"since {words.day(line.live_since)}"),
            words.thousands(line.calls),
            words.eur(line.value_eur) if line.value_eur is not None else "not declared",
        )
        for line in told.lines[:_MOST_LINES]
    ]
    show(
        page.section("Models in use", f"busiest first, {WINDOW_DAYS} days"),
        tables.table(
            (
                Column("Model", lead=True),
                Column("Health"),
                Column("Owner"),
                Column("Live"),
                Column("Decisions", "right"),
                Column("Value declared", "right"),
            ),
            rows,
            "Models in use",
        ),
        note("Choose a model at the top to read what its value is made of."),
    )
