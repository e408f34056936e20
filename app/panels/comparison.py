"""Two versions side by side: the answer in a sentence, then whatever differs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

import streamlit as st

from app.compared import Asked, compared
from app.panels import (
    assurance,
    compared_groups,
    compared_numbers,
    compared_pair,
    compared_rows,
    deprecation,
    sources,
)
from app.session import portal
from app.ui import chips, page, words
from app.ui.markup import note, show
from auth.actors import Actor
from catalog.lineage.answers import sentence, why
from catalog.lineage.comparison import Comparison
from catalog.lineage.report import as_csv, as_data, as_markdown

choose = compared_pair.choose
_FORMATS: Final = (
    ("Markdown", "md", "text/markdown"),
    ("CSV", "csv", "text/csv"),
    ("JSON", "json", "application/json"),
)


def panel(pair: Asked, *, by: Actor) -> None:
    """Everything that differs, on one screen."""
    told = compared(portal(), pair, by=by)
    _going(told, by=by)
    with page.card("answer"):
        show(
            page.section("In short", compared_numbers.counts(told)),
            compared_groups.answer(sentence(told, words.metric), why(told)),
            compared_groups.causes(told),
        )
        _export(told)
    with page.card("numbers"):
        show(page.section("Measured", assurance.RUNS.chip), compared_numbers.table(told))
    compared_rows.panel(told, by=by)
    compared_groups.changed(told)
    compared_groups.unchanged(told)
    here = portal()
    show(
        sources.source(
            tuple(here.models.mirrored()),
            here.clock.now(),
            "Numbers, parameters and data are self-reported by the runs; digests say which rows. "
            "Intervals are at 95 %, computed by Countersign.",
        )
    )


def _going(told: Comparison, *, by: Actor) -> None:
    """One quiet line for a version that is on its way out."""
    here = portal()
    sides = {one.version.id: one.called for one in (told.before, told.after)}
    for version_id, said in here.deprecations.among(sides, by=by).items():
        marks = deprecation.mark(said, here.clock.now().date())
        show(chips.row(chips.fact(sides[version_id]), *marks), note(said.message))


def _export(told: Comparison) -> None:
    with st.popover("Export", icon=":material/download:", key="export"):
        show(note("The whole comparison, what is identical too."))
        for title, ending, kind in _FORMATS:
            st.download_button(
                title,
                _written(told, ending),
                file_name=f"{_file(told)}.{ending}",
                mime=kind,
                key=f"export-{ending}",
                on_click="ignore",
            )


def _written(told: Comparison, ending: str) -> Callable[[], str]:
    """Written only when somebody takes it away."""
    now = portal().clock.now()

    def write() -> str:
        if ending == "md":
            return as_markdown(told, now)
        if ending == "csv":
            return as_csv(told)
        return json.dumps(as_data(told, now), indent=2, allow_nan=False)

    return write


def _file(told: Comparison) -> str:
    sides = (f"{one.model.name}-v{one.version.number}" for one in (told.before, told.after))
    plain = "-against-".join(sides)
    return "".join(one if one.isalnum() or one in "-_." else "-" for one in plain)[:120]
