"""The list of all release requests one may see, and its table for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Final

import streamlit as st

from app.panels import release_routes, ways
from app.panels.brief import card, names_in
from app.panels.links import link
from app.session import actor, later, portal
from app.ui import page, paging, words
from app.ui.feedback import empty, notice
from app.ui.markup import join, show, strong
from auth.actors import Actor
from catalog.registry.inventory.spreadsheet import neutral
from catalog.releases.decisions.briefs import Brief
from catalog.releases.decisions.docket import PAGE, Docketed, Wanted
from catalog.releases.states import OPEN, State

_ALL: Final = "All models"
_MOST_EXPORTED: Final = 10_000


def releases(*, by: Actor) -> None:
    """All requests one may see, by state and model, a page at a time."""
    desk = portal().docket
    wanted, model_name, number = _asked(desk.page(Wanted(), by=by, limit=0))
    found = desk.page(wanted, by=by, limit=PAGE, offset=(number - 1) * PAGE)
    _counted(found, wanted, model_name)
    names = names_in(found.briefs)
    now = portal().clock.now()
    for brief in found.briefs:
        card(brief, names, by, now, asked_of=False)
    if not found.briefs:
        _none(wanted)
    if found.total > PAGE:
        paging.foot(number, PAGE, found.total)


def _asked(everything: Docketed) -> tuple[Wanted, str, int]:
    ids = {name: one for one, name in everything.models}
    _unknown([state.value for state, _count in everything.by_state], [_ALL, *ids])
    left, right = st.columns([0.72, 0.28], vertical_alignment="top")
    states = left.pills(
        "State",
        [state.value for state, _count in everything.by_state],
        selection_mode="multi",
        key="state",
        bind="query-params",
    )
    model = right.selectbox("Model", [_ALL, *ids], key="model", bind="query-params")
    wanted = Wanted(frozenset(State(one) for one in states), ids.get(model or "", ""))
    return wanted, model or _ALL, paging.asked()


def _unknown(states: Sequence[str], models: Sequence[str]) -> None:
    """Say what the address asks for that there is not, before it is left out."""
    for name, known in (("state", states), ("model", models)):
        for asked in st.query_params.get_all(name):
            if asked not in known:
                notice(
                    f"No release request you may see has the {name} {asked[:80]!r}.",
                    "What is shown leaves it out; choose another below.",
                )


def _counted(found: Docketed, wanted: Wanted, model_name: str) -> None:
    said = words.plural(found.total, "request")
    states = [state.value.lower() for state in State if state in wanted.states]
    narrowed = [*states, model_name] if model_name != _ALL else states
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key="found",
    ):
        show(
            join((strong(said), f" {words.listing(narrowed)}" if narrowed else " in all")),
            width="content",
        )
        if found.total:
            st.download_button(
                "Export as CSV",
                later(lambda by: _exported(wanted, by)),
                "releases.csv",
                "text/csv",
                icon=":material/download:",
                on_click="ignore",
                key="export",
            )


def _exported(wanted: Wanted, by: Actor) -> str:
    found = portal().docket.page(wanted, by=by, limit=_MOST_EXPORTED)
    people = {one.requested_by for one in found.briefs}
    people |= {one.decided_by for one in found.briefs}
    return as_csv(found.briefs, portal().people.names(people))


def as_csv(briefs: Sequence[Brief], names: Mapping[str, str]) -> str:
    """The requests as a table for a spreadsheet; no cell of it can act as a formula."""
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(
        (
            "number",
            "model",
            "version",
            "alias",
            "way",
            "state",
            "asked by",
            "asked at (UTC)",
            "decided by",
            "decided at (UTC)",
            "promotion",
            "promoted at (UTC)",
        )
    )
    for one in briefs:
        table.writerow(
            neutral(cell)
            for cell in (
                one.number,
                one.model_name,
                str(one.version_number),
                one.alias,
                release_routes.words_of(one.route, one.requested_by) or "Release",
                one.state.value,
                names.get(one.requested_by, ""),
                one.requested_at.isoformat(timespec="seconds"),
                names.get(one.decided_by, ""),
                one.decided_at.isoformat(timespec="seconds") if one.decided_at else "",
                one.promotion.value if one.promotion else "",
                one.promoted_at.isoformat(timespec="seconds") if one.promoted_at else "",
            )
        )
    return written.getvalue()


def _none(wanted: Wanted) -> None:
    if wanted.states or wanted.model_id:
        empty("No request is like that", "Choose another state or model.")
    else:
        empty(
            "Nobody has asked for a release yet",
            "Open a model, choose a version and ask for it to become champion.",
            page=ways.to("discover"),
            link="Find a model",
        )


def choose_one() -> None:
    """No request was named: offer those that are open."""
    page.head("Releases", "Which request?", "Choose one of those that are still open.")
    here = actor()
    found = portal().docket.page(Wanted(OPEN), by=here)
    names = names_in(found.briefs)
    now = portal().clock.now()
    for brief in found.briefs:
        card(brief, names, here, now, asked_of=False)
    if not found.briefs:
        empty("No request is open", "Decided ones are listed under Releases.")
    way_back()


def way_back() -> None:
    """Back to the list."""
    link("All release requests", "releases", icon=":material/arrow_back:")
