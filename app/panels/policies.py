"""The tabs of the Policies page, and what is in force."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.panels import policy_told
from app.panels import policy_trials as trials
from app.panels.policy_draft import write
from app.panels.policy_history import history
from app.panels.policy_words import (
    day_words,
    gates_table,
    governs_words,
    law_facts,
    panels_words,
)
from app.session import did, portal
from app.ui import page, tables, words
from app.ui.dialogs import signed
from app.ui.feedback import empty
from app.ui.markup import Markup, mono, note, paragraph, show
from app.ui.tables import Column, Row
from auth.actors import Actor
from catalog.releases.policies.law import Published


def draw(by: Actor) -> None:
    """The tabs of the page; only the one that is open is drawn."""
    policy_told.told()
    tabs = st.tabs(list(TABS), key=policy_told.TAB, bind="query-params", on_change="rerun")
    for name, tab in zip(TABS, tabs, strict=True):
        if tab.open:
            with tab:
                TABS[name](by)


def _in_force(by: Actor) -> None:
    desk = portal().policies
    found = desk.in_force()
    may = desk.may_publish(by=by)
    with page.card("in-force"):
        show(page.section("In force", words.plural(len(found), "policy", "policies")))
        if not found:
            empty(
                "No policy is in force",
                "Nothing may be released. A governance admin publishes one under Write.",
            )
            return
        show(_overview(found))
        show(
            note(
                "A release is governed by the first of these that covers it. What none covers "
                "cannot be released."
            )
        )
    chosen = st.query_params.get("policy", found[0].policy.name)
    names = [one.policy.name for one in found]
    with page.card("one"):
        name = st.selectbox(
            "Policy",
            names,
            index=names.index(chosen) if chosen in names else 0,
            format_func=lambda one: next(p.policy.title for p in found if p.policy.name == one),
            key="policy-shown",
        )
        one = next(one for one in found if one.policy.name == name)
        show(*_whole(one))
        if may and st.button("End this policy", key="end-policy"):
            st.dialog("End this policy", width="medium")(_end_sure)(one)


def _overview(found: tuple[Published, ...]) -> Markup:
    return tables.table(
        (
            Column("Policy", lead=True, words=True),
            Column("Governs"),
            Column("Who has to agree"),
            Column("Gates", "right"),
            Column("Priority", "right"),
        ),
        [
            Row(
                (
                    tables.two(one.policy.title, f"{one.policy.name} v{one.policy.version}"),
                    governs_words(one.policy.applies_to),
                    panels_words(one.policy),
                    str(len(one.policy.gates)),
                    "Last resort" if one.is_last_resort else str(one.policy.priority),
                )
            )
            for one in found
        ],
        "Policies in force",
    )


def _whole(one: Published) -> tuple[Markup, ...]:
    policy = one.policy
    facts = [*law_facts(policy), ("Digest", mono(words.digest(one.digest)))]
    sources = tables.table(
        (Column("Rests on", lead=True), Column("By"), Column("Date")),
        [
            Row((tables.two(source.title, source.note), source.by, day_words(source.date)))
            for source in policy.sources
        ],
        "Sources",
    )
    return (
        page.section(policy.title, f"{policy.name} v{policy.version}"),
        paragraph(policy.purpose) if policy.purpose else note("It says nothing of its purpose."),
        tables.facts(facts),
        sources if policy.sources else note("It names no source."),
        gates_table(policy.gates),
    )


def _end_sure(one: Published) -> None:
    policy = one.policy
    show(
        paragraph(
            f"{policy.title} stops governing at once. What no other policy covers cannot be "
            "released any more; open requests it governs go back, to be read again under the "
            "policy that governs them then, if there is one."
        )
    )
    if one.is_last_resort:
        show(
            paragraph(
                "It is the last resort, shipped with Countersign. Without it, nothing goes live "
                "that no published policy covers, until a baseline is published."
            )
        )
    why = st.text_area("Reason (required)", key="end-why", max_chars=4000)
    if signed("Keep it", "Sign and end") and did(
        lambda by: portal().policies.end(policy.name, why, by=by)
    ):
        policy_told.tell(
            f"{policy.title} has ended.", "What no other policy covers cannot be released now."
        )


TABS: Final = {
    policy_told.IN_FORCE: _in_force,
    "Write": write,
    "Ask again": trials.draw_again,
    "History": history,
}
