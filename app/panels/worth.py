"""What a model is worth: its outcomes times what somebody declared one of them to be worth."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import streamlit as st

from app.panels.impact import Business, unbroken
from app.session import act, portal
from app.ui import page, tables, words
from app.ui.dialogs import signed
from app.ui.markup import note, paragraph, show, strong
from app.ui.tables import Column, Row
from auth.actors import Actor
from catalog.impact.calls import WINDOW_DAYS
from catalog.impact.declared_values import Declared
from catalog.impact.portfolio import Line


def outcome_words(outcome: str) -> str:
    """An outcome as the business says it: numbers have no classes."""
    return "any answer" if outcome == "number" else outcome


def table(line: Line, business: Business) -> None:
    """The outcomes of 30 days, and what they come to."""
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


def declare_button(line: Line, by: Actor) -> None:
    """The way to say what an outcome is worth, or why this person may not."""
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
    if not signed("Keep as it is", "Sign and declare"):
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
