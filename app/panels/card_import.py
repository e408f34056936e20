"""A card brought as a file: first what it would change, field by field, then one act."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.panels import card_editor, card_revisions
from app.panels.shown import Shown
from app.session import act, portal
from app.ui import chips, page, tables, words
from app.ui.markup import Markup, join, note, paragraph, show
from app.ui.tables import Column
from catalog.registry.cards.body import CardBody
from catalog.registry.cards.cards import Card
from catalog.registry.cards.file import Left
from catalog.registry.cards.importing import Fault, Plan

_TRIED: Final = "card-tried"
_MOST_SHOWN: Final = 50


def is_open() -> bool:
    """Whether somebody is bringing a file, by the address."""
    return st.query_params.get("write") == "file"


def open_it() -> None:
    """Ask for a file instead of showing the card."""
    st.query_params["write"] = "file"


def close_it() -> None:
    """Show the card again, and forget the file."""
    st.query_params.pop("write", None)
    st.session_state.pop(_TRIED, None)


def panel(shown: Shown, newest: Card | None) -> None:
    """The file, what it would make of the card, and the way to publish that."""
    left, right = st.columns([0.38, 0.62])
    with left, page.card("card-file"):
        plan = _tried(shown, newest)
        if plan is not None:
            _acts(shown, plan)
        if st.button("Back to the card", key="card-file-leave"):
            close_it()
            st.rerun()
    with right:
        for place, told in enumerate(_told(newest, plan) if plan else (_nothing(),)):
            with page.card(f"card-file-{place}"):
                show(told)


def _tried(shown: Shown, newest: Card | None) -> Plan | None:
    show(
        page.section("Bring a card as a file"),
        paragraph(
            "A README.md as on Hugging Face, a CycloneDX JSON file, or one of the files that this "
            "page gives out. What it does not say stays as it is."
        ),
    )
    given = st.file_uploader(
        "README.md or JSON", type=["md", "json"], key="card-file-given", max_upload_size=1
    )
    if given is None:
        st.session_state.pop(_TRIED, None)
        return None
    based_on = newest.revision if newest else 0
    # Tried anew once somebody has published: what would change is another thing then.
    asked = (given.file_id, shown.model.id, based_on)
    kept = st.session_state.get(_TRIED)
    if kept is None or kept[0] != asked:
        data = given.getvalue()
        plan = act(
            lambda by: portal().card_import.dry_run(shown.model, data, by=by, based_on=based_on)
        )
        kept = st.session_state[_TRIED] = (asked, plan, data)
        if plan is None:
            # The reason stands in place; a click on anything else tries the file again.
            st.session_state.pop(_TRIED)
    tried: Plan | None = kept[1]
    return tried


def _acts(shown: Shown, plan: Plan) -> None:
    before, after = plan.completeness_before, plan.completeness_after
    faults = [
        chips.flagged("Fail", words.plural(len(plan.faults), "field is", "fields are") + " wrong")
    ]
    show(
        tables.facts(
            [
                ("Read as", plan.kind),
                ("Based on", f"revision {plan.based_on}" if plan.based_on else "no card yet"),
                ("Would change", words.plural(len(plan.changes), "field")),
                ("Complete", f"{before} of 100 now, {after} of 100 then"),
            ]
        ),
        join(faults) if plan.faults else "",
    )
    if st.button(
        f"Publish revision {plan.based_on + 1}",
        type="primary",
        key="card-file-publish",
        icon=":material/publish:",
        disabled=not plan.may_be_published,
    ):
        data: bytes = st.session_state[_TRIED][2]
        made = act(
            lambda by: portal().card_import.run(shown.model, data, based_on=plan.based_on, by=by)
        )
        if made is not None:
            close_it()
            card_revisions.show_newest()
            st.rerun()
    if card_editor.has_draft(shown.model):
        show(note("You have a draft of this card; editing the file's words takes its place."))
    if plan.changes and st.button("Edit it first", key="card-file-edit", icon=":material/edit:"):
        card_editor.begin_with(shown.model, plan.body, plan.based_on)
        close_it()
        card_editor.open_it()
        st.rerun()


def _told(newest: Card | None, plan: Plan) -> list[Markup]:
    before = newest.body if newest else CardBody()
    now = f"r{plan.based_on}" if plan.based_on else "Now"
    changed = join(
        (
            page.section("What the file would change", words.plural(len(plan.changes), "field")),
            card_revisions.difference(before, plan.body, now, "In the file")
            if plan.changes
            else note("The file says what the card says already."),
        )
    )
    return [changed, *([_faults(plan.faults)] if plan.faults else []), _left(plan.left)]


def _nothing() -> Markup:
    return join(
        (
            page.section("What the file would change"),
            note("No file yet. It is tried first, and nothing is published by that."),
        )
    )


def _faults(faults: tuple[Fault, ...]) -> Markup:
    rows = [(one.line or None, one.said, one.remedy) for one in faults[:_MOST_SHOWN]]
    columns = [Column("Line", "right"), Column("What is wrong", lead=True), Column("What to do")]
    return join((page.section("What is wrong"), tables.table(columns, rows, "What is wrong")))


def _left(left: tuple[Left, ...]) -> Markup:
    if not left:
        return note("Everything in the file was understood.")
    rows = [(one.line or None, one.what, one.why) for one in left[:_MOST_SHOWN]]
    columns = [Column("Line", "right"), Column("Not taken over", lead=True), Column("Why")]
    more = len(left) - len(rows)
    return join(
        (
            page.section("What is not taken over"),
            tables.table(columns, rows, "What is not taken over"),
            note(f"And {words.thousands(more)} more.") if more > 0 else "",
        )
    )
