"""The inventory on the screen: its gaps, and the file by which it is brought in and taken out."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.panels.links import link
from app.session import act, portal
from app.ui import chips, page, paging, tables, words
from app.ui.feedback import done, empty
from app.ui.markup import note, paragraph, show
from app.ui.tables import Column, Row
from auth.access import ANYTHING, decide
from auth.actors import Actor
from catalog.registry.inventory.file import COLUMNS, MOST_ROWS
from catalog.registry.inventory.gaps import Counted, Gap
from catalog.registry.inventory.plan import Plan

_PAGE: Final = 10
_MOST_SHOWN: Final = 100
_TRIED: Final = "inventory-tried"
_DONE: Final = "inventory-imported"


def panel(by: Actor) -> None:
    """What is still to be said of the models, and the way to say it of many at once."""
    counted = portal().inventory_gaps.counted(by=by)
    left, right = st.columns([0.5, 0.5], gap="medium")
    with left, page.card("gaps"):
        _gaps(counted, by)
    with right:
        with page.card("use-cases"):
            total = portal().use_cases.count(by=by)
            show(
                page.section("AI use cases", words.plural(total, "use case")),
                paragraph("What models are wanted for: the parents of the models."),
            )
            link("All AI use cases", "use_case", icon=":material/flag:")
        with page.card("export"):
            _export(by)
        with page.card("import"):
            _import(by)


def _gaps(counted: Counted, by: Actor) -> None:
    at = words.moment(counted.at)
    show(page.section("Gaps", f"{words.plural(counted.models, 'model')}, {at}"))
    if not counted.models:
        empty("There is no model yet", "Models appear here when they are registered in MLflow.")
        return
    found = [gap for gap in Gap if counted.gaps[gap]]
    others = [gap.value for gap in Gap if not counted.gaps[gap]]
    rows = [
        Row(
            (
                chips.gap(gap),
                words.thousands(counted.gaps[gap]),
                words.percent(counted.gaps[gap] / counted.models),
            ),
            "attention",
        )
        for gap in found
    ]
    if rows:
        show(
            tables.table(
                (Column("Gap", lead=True), Column("Models", "right"), Column("Share", "right")),
                rows,
                "Gaps of the inventory",
            )
        )
    if others:
        show(note(f"Met by no model: {'; '.join(others).lower().replace('ai use', 'AI use')}."))
    if not found:
        return
    chosen = st.selectbox("Show the models of", found, key="gap", bind="query-params")
    gap = Gap(chosen) if chosen else found[0]
    start = paging.start(counted.gaps[gap], _PAGE)
    for model in portal().inventory_gaps.models(gap, by=by, limit=_PAGE, offset=start):
        link(model.name, "model", model=model, icon=":material/deployed_code:")


def _export(by: Actor) -> None:
    verdict = decide(by, "inventory:export", ANYTHING)
    domains = ["", *portal().models.domains()]
    show(
        page.section("Export"),
        paragraph("All models as a table. Imported again it changes nothing."),
    )
    domain = st.selectbox(
        "Domain",
        domains,
        format_func=lambda one: one or "All domains",
        key="export-domain",
        label_visibility="collapsed",
    )
    if st.button("Make the file", key="export", disabled=not verdict):
        made = act(lambda here: portal().inventory_import.export(by=here, domain=domain or ""))
        if made is not None:
            st.download_button(
                "Download inventory.csv",
                made,
                "inventory.csv",
                "text/csv",
                type="primary",
                on_click="ignore",
                key="download",
            )
    if not verdict:
        show(note(verdict.hint))


def _import(by: Actor) -> None:
    verdict = decide(by, "inventory:import", ANYTHING)
    show(
        page.section("Import"),
        paragraph(
            f"A CSV file of up to {words.thousands(MOST_ROWS)} rows, UTF-8, with some of the "
            f"columns {words.listing(COLUMNS)}. A blank cell leaves what is there; owner is an "
            "e-mail address. First it is only tried."
        ),
    )
    if not verdict:
        show(note(verdict.hint))
        return
    given = st.file_uploader("CSV file", type="csv", key="import-file", max_upload_size=5)
    if (said := st.session_state.pop(_DONE, None)) is not None:
        done(*said)
    if given is None:
        st.session_state.pop(_TRIED, None)
        return
    kept = st.session_state.get(_TRIED)
    if kept is None or kept[0] != given.file_id:
        with st.spinner("Trying the file"):
            plan = act(lambda here: portal().inventory_import.dry_run(given.getvalue(), by=here))
        kept = st.session_state[_TRIED] = (given.file_id, plan)
        if plan is None:
            return
    if kept[1] is None:
        show(note("This file cannot be read. Choose another one."))
        return
    _plan(kept[1], given.getvalue())


def _plan(plan: Plan, data: bytes) -> None:
    """What the file would do, and the button that does it."""
    if plan.problems:
        wrong = len({one.row for one in plan.problems})
        show(
            chips.status("Fail", f"{words.plural(wrong, 'row')} wrong"),
            tables.table(
                (
                    Column("Row", "right"),
                    Column("Column"),
                    Column("What is wrong", lead=True),
                ),
                [
                    (words.thousands(one.row), one.column, tables.two(one.said, one.remedy))
                    for one in plan.problems[:_MOST_SHOWN]
                ],
                "Rows that are wrong",
            ),
        )
    if plan.changes:
        show(
            chips.status("Waits", f"{words.plural(plan.models, 'model')} would change"),
            tables.table(
                (
                    Column("Row", "right"),
                    Column("Model", lead=True),
                    Column("What"),
                    Column("Before"),
                    Column("After"),
                ),
                [
                    (
                        words.thousands(one.row),
                        one.model,
                        one.column.replace("_", " "),
                        one.before,
                        one.after,
                    )
                    for one in plan.changes[:_MOST_SHOWN]
                ],
                "What would change",
            ),
        )
    hidden = max(len(plan.changes), len(plan.problems)) - _MOST_SHOWN
    if hidden > 0:
        show(note(f"The first {_MOST_SHOWN} are shown; the API answers with 1,000."))
    if not plan.changes and not plan.problems:
        show(paragraph("Nothing would change: the catalog says what the file says."))
    if plan.problems:
        show(note("Nothing is imported while a row is wrong. Correct the file and choose it anew."))
    if plan.may_run and st.button(
        f"Change {words.plural(plan.models, 'model')}", type="primary", key="import-run"
    ):
        with st.spinner("Importing, all or nothing"):
            ran = act(lambda by: portal().inventory_import.run(data, by=by))
        if ran is not None:
            del st.session_state[_TRIED]
            st.session_state[_DONE] = (
                f"{words.plural(ran.models, 'model')} changed, in one act.",
                f"The record holds the file's digest, {words.digest(ran.digest)}.",
            )
            st.rerun()
