"""What the live models do for the business, in the words of the people who pay for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

import streamlit as st

from app.panels.docket import gates_words
from app.panels.links import link
from app.portal import Portal
from app.session import act, portal
from app.ui import charts, chips, page, tables, tiles, words
from app.ui.feedback import empty
from app.ui.markup import Markup, join, note, paragraph, show, strong, tag
from app.ui.tables import Column, Row
from app.ui.tiles import Share, Tile
from auth.actors import Actor
from catalog.impact.calls import WINDOW_DAYS
from catalog.impact.declared_values import Declared
from catalog.impact.health import Health
from catalog.impact.portfolio import Line, Portfolio
from catalog.registry.models import Model
from catalog.releases.docket import Brief, Wanted
from catalog.releases.states import State

_ALL: Final = "All models"
_CHOSEN: Final = "impact-model"
_WEEK: Final = 7
_MOST_NEEDED: Final = 8
_MOST_OFFERED: Final = 200
_MOST_LINES: Final = 25
_MONTH: Final = timedelta(days=30)
_HEALTH: Final[Mapping[Health, tuple[str, str]]] = {
    Health.WORKS: ("Work as expected", "Work as expected"),
    Health.ATTENTION: ("Need attention soon", "Need attention"),
    Health.SILENT: ("Silent", "Nobody calls them"),
    Health.UNKNOWN: ("Not watched", "Not watched"),
}
_NEXT: Final[Mapping[Health, str]] = {
    Health.ATTENTION: "finds out why and mends it, or asks to go back to the version before",
    Health.SILENT: "finds out whether the business still needs it",
    Health.UNKNOWN: "connects the application that uses it, so that its calls are counted",
}
_OPEN: Final = frozenset({State.PENDING_REVIEW, State.IN_REVIEW, State.CHANGES_REQUESTED})
NUMBER_WORDS: Final = "any answer"


@dataclass(frozen=True)
class Business:
    """Everything the screen shows."""

    portfolio: Portfolio
    waiting: Sequence[Brief]
    moved: Sequence[Brief]
    names: Mapping[str, str]
    now: datetime

    def name(self, person_id: str) -> str:
        """The name behind an id."""
        return self.names.get(person_id, "Nobody")


def gather(desks: Portal, *, by: Actor, model_id: str = "") -> Business:
    """Read what the screen needs."""
    now = desks.clock.now()
    portfolio = desks.impact.portfolio(by=by, model_id=model_id)
    waiting = desks.docket.briefs(Wanted(_OPEN, model_id), by=by)
    moved = [
        one
        for one in desks.docket.moved_since(now - _MONTH, by=by)
        if not model_id or one.model_id == model_id
    ]
    people = {line.owner_id for line in portfolio.lines}
    people |= {said.declared_by for line in portfolio.lines for said in line.declared}
    people |= {one for line in portfolio.lines for one, _calls in line.applications}
    people |= {one.requested_by for one in (*waiting, *moved)}
    people |= {one.decided_by for one in moved}
    return Business(portfolio, waiting, moved, desks.people.names(people), now)


def unbroken(said: str) -> str:
    """A figure or date that stays on one line."""
    return said.replace(" ", "\N{NO-BREAK SPACE}")


def outcome_words(outcome: str) -> str:
    """An outcome as the business says it: numbers have no classes."""
    return NUMBER_WORDS if outcome == "number" else outcome


# -- all models ------------------------------------------------------------------------------------


def head(business: Business) -> None:
    """The title, with what period the figures are of."""
    told = business.portfolio
    page.head(
        "Watch",
        "What our models do for the business",
        f"{words.day(told.since)} to {words.day(told.until)}. Calls are those that applications "
        "reported. Money is such a count times what a named person declared one outcome to be "
        "worth.",
        actions=lambda: _choose(business, None),
    )
    link("What our models are used for", "use_case", icon=":material/flag:")


def asked(*, by: Actor) -> Model | None:
    """The model named in the address or just chosen; nothing means all of them."""
    given = st.session_state.get(_CHOSEN) or st.query_params.get("model", _ALL)
    same = portal().models.called(given, by=by) if given != _ALL else []
    if not same:
        if "model" in st.query_params:
            del st.query_params["model"]
        return None
    if st.query_params.get("model") != given:
        st.query_params["model"] = given
    return same[0]


def _choose(business: Business, chosen: Model | None) -> None:
    """The busiest models; any other is reached from its own page."""
    live = [line.model.name for line in business.portfolio.lines[:_MOST_OFFERED]]
    options = list(dict.fromkeys([_ALL, *live, *([chosen.name] if chosen else [])]))
    st.selectbox(
        "Model",
        options,
        index=options.index(chosen.name) if chosen else 0,
        key=_CHOSEN,
        label_visibility="collapsed",
    )


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
    show(tiles.tiles(tiles_of(business)))
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
        _calls_chart(told, "impact-calls")
    with page.card("models"):
        _models(business)


def tiles_of(business: Business) -> list[Tile]:
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


def week_words(by_day: Sequence[float]) -> str:
    """The last seven whole days against the seven before, in words."""
    last, before = sum(by_day[-_WEEK:]), sum(by_day[-2 * _WEEK : -_WEEK])
    if not before:
        return f"{words.thousands(last)} in the last 7 whole days"
    change = last / before - 1
    if round(abs(change) * 100) == 0:
        return "As many as in the week before"
    more = "more" if change > 0 else "fewer"
    return f"{words.percent(abs(change), 0)} {more} than in the week before"


def _needed(business: Business) -> None:
    rows = needed_of(business)
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


def needed_of(business: Business) -> list[Row]:
    """Models that do not work as expected, then requests that wait, each with who acts next."""
    rows: list[Row] = []
    for health in (Health.ATTENTION, Health.SILENT, Health.UNKNOWN):
        word, _many = _HEALTH[health]
        rows += [
            Row(
                (
                    join(
                        (
                            chips.flagged(word, f"{line.model.name}: {health.lower()}"),
                            tag("small", line.why),
                        )
                    ),
                    f"{business.name(line.owner_id)} {_NEXT[health]}",
                    unbroken(words.day(line.last_call)) if line.last_call else "",
                )
            )
            for line in business.portfolio.having(health)
        ]
    for one in business.waiting:
        asked = f"{one.model_name}: make version {one.version_number} the {one.alias}?"
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
    parts = [Share(word, told.number(health), many) for health, (word, many) in _HEALTH.items()]
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
                f"{one.model_name} v{one.version_number} is {one.alias}",
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


def _instead(one: Brief) -> str:
    return f"in place of v{one.replaces}, " if one.replaces else "the first one live, "


def _calls_chart(told: Portfolio, key: str) -> None:
    by_day = {_short(day): float(calls) for day, calls in told.calls_by_day}
    most = max(by_day, key=lambda day: by_day[day])
    charts.days(
        by_day,
        "decisions",
        f"Decisions on each day; the most, {words.thousands(by_day[most])}, on {most}. "
        "The last day is not over.",
        key,
    )


def _short(day: object) -> str:
    return words.day(day).rsplit(" ", 1)[0]  # type: ignore[arg-type]


def _models(business: Business) -> None:
    told = business.portfolio
    rows = [
        (
            tables.two(line.model.name, line.model.domain or "No domain"),
            chips.mark(_HEALTH[line.health][0], line.health.value),
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


# -- one model -------------------------------------------------------------------------------------


def one_pager(business: Business, model: Model, *, by: Actor) -> None:
    """One model for somebody who does not build models."""
    line = next((one for one in business.portfolio.lines if one.model.id == model.id), None)
    page.head(
        ("Impact", model.domain or model.name),
        f"What {model.name} does for the business",
        model.description.strip() or "MLflow has no description of this model.",
        actions=lambda: _choose(business, model),
    )
    if line is None:
        empty("No version of it is live", "It counts from the day a version becomes champion.")
        return
    show(tiles.tiles(_tiles_of_one(line, business)))
    left, right = st.columns([0.62, 0.38], gap="small")
    with left, page.card("worth", stretch=True):
        _worth(line, business)
        _declare_button(line, by)
    with right:
        with page.card("how"):
            show(
                page.section(
                    "How it does", chips.status(_HEALTH[line.health][0], line.health.value)
                ),
                paragraph(line.why),
                tables.facts(_facts_of_one(line, business)),
            )
        with page.card("who"):
            _who_calls(line, business)
    with page.card("calls"):
        show(
            page.section("Decisions a day", f"{words.thousands(line.calls)} in {WINDOW_DAYS} days")
        )
        _calls_chart(business.portfolio, "impact-calls-one")
    link("Open the model", "model", model=model)


def _tiles_of_one(line: Line, business: Business) -> list[Tile]:
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


def _worth(line: Line, business: Business) -> None:
    said = {one.outcome: one for one in line.declared}
    rows = [
        _worth_row(outcome, count, said.get(outcome), business)
        for outcome, count in line.by_outcome
    ]
    total = words.eur(line.value_eur) if line.value_eur is not None else "nothing declared yet"
    show(
        page.section("What it is worth", f"{WINDOW_DAYS} days: {total}"),
        tables.table(
            (
                Column("Outcome", lead=True),
                Column("Count", "right"),
                Column("Each", "right"),
                Column("Amount", "right"),
                Column("Declared by"),
            ),
            rows,
            "Outcomes and what they are worth",
        )
        if rows
        else note("No outcome was reported in this time."),
    )


def _worth_row(outcome: str, count: int, said: Declared | None, business: Business) -> Row:
    if said is None:
        return Row((outcome_words(outcome), words.thousands(count), None, None, "Nobody yet"))
    who = f"{business.name(said.declared_by)}, {words.day(said.declared_at)}"
    return Row(
        (
            tables.two(outcome_words(outcome), said.reason),
            words.thousands(count),
            unbroken(f"{words.thousands(said.value_eur, 2)} EUR"),
            strong(unbroken(words.eur(said.value_eur * count))),
            who,
        )
    )


def _facts_of_one(line: Line, business: Business) -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = [("Owner", business.name(line.owner_id))]
    if line.health is not Health.WORKS:
        facts.append(("Next step", f"{business.name(line.owner_id)} {_NEXT[line.health]}."))
    facts.append(("Last call", words.moment(line.last_call) if line.last_call else "None reported"))
    if line.latency_ms is not None:
        took = f"{words.thousands(line.latency_ms)} ms" if line.latency_ms >= 1 else "under 1 ms"
        facts.append(("An answer takes", f"{took} on average"))
    facts += [
        ("Waits for a decision", f"Version {one.version_number} as {one.alias}, {one.number}")
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


def _declare_button(line: Line, by: Actor) -> None:
    verdict = portal().declared_values.may_declare(line.model, by=by)
    if st.button("Declare what an outcome is worth", key="declare", disabled=not verdict):
        st.dialog("Declare what an outcome is worth", width="medium")(_declare)(line)
    if not verdict:
        show(note(f"{verdict.reason} {verdict.hint}"))


def _declare(line: Line) -> None:
    show(
        paragraph(
            f"From now on every such outcome of {line.model.name} counts with this amount, the "
            "past 30 days included. Your name, the date and your reason stand beside it."
        )
    )
    reported = [outcome for outcome, _count in line.by_outcome]
    declared = [one.outcome for one in line.declared if one.outcome not in reported]
    outcome = st.selectbox(
        "Outcome",
        [*reported, *declared],
        format_func=outcome_words,
        accept_new_options=True,
        key="declared-outcome",
    )
    typed = st.text_input(
        "Worth of one, in EUR", key="declared-eur", placeholder="For example 18.00"
    )
    why = st.text_area("Why it is worth that (required)", key="declared-why", max_chars=500)
    with st.container(horizontal=True, horizontal_alignment="right"):
        back = st.button("Keep as it is", key="declare-back")
        signed = st.button("Sign and declare", type="primary", key="declare-sign")
    if back:
        st.rerun()
    if not signed:
        return
    amount = euro(typed or "")
    if amount is None:
        st.error("Write the worth as a number of euro, for example 18.00.")
        return
    said = act(
        lambda by: portal().declared_values.declare(
            line.model.id, str(outcome or ""), amount, why, by=by
        )
    )
    if said is not None:
        st.rerun()


def euro(typed: str) -> Decimal | None:
    """An amount as people type it: `18`, `1,200.50`; nothing when it is no number."""
    try:
        amount = Decimal(typed.replace(",", "").replace("EUR", "").strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def source(business: Business) -> Markup:
    """Where the figures come from."""
    return note(
        "Source: calls reported by applications to Countersign, counted by day in UTC; last read "
        f"{words.moment(business.now)}. The last day is not over."
    )
