"""The Model screen: its head, the overview that answers most questions, and its tabs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import streamlit as st

from app.panels import (
    card,
    champion,
    classification,
    consumers,
    deprecation,
    discussion,
    glance,
    health,
    in_short,
    loading,
    locked,
    model_findings,
    releases_of,
    retirement,
    rollback,
    sources,
    vendor,
    version_history,
    versions,
    watching,
    ways,
)
from app.panels.shown import CHAMPION, Shown
from app.session import portal
from app.ui import feedback, page, tables, words
from app.ui.markup import show, text
from auth.access import decide
from auth.actors import Actor


def head(shown: Shown, *, by: Actor) -> None:
    """Its name, domain, aliases, health and what it does; the way to ask for a release."""
    model = shown.model
    marks = [model_findings.alias(shown, one.name, one.number) for one in model.aliases]
    if shown.line is not None:
        marks.append(health.chip(shown.line))
    marks += [*classification.facts_of(model), *vendor.mark(shown.subject), *locked.mark(model)]
    page.head(
        tuple(one for one in (model.domain or "No domain yet", ways.place(model), "Model") if one),
        model.name,
        model.description or "Nobody has described this model in MLflow yet.",
        chips=marks,
        actions=lambda: _actions(shown, by=by),
    )
    model_findings.head(shown)
    if shown.champion is not None:
        deprecation.notice(shown.deprecations.get(shown.champion.id), shown)


def _actions(shown: Shown, *, by: Actor) -> None:
    model, candidate = shown.model, shown.next or shown.subject
    may = decide(by, "release:request", model.resource)
    if (
        may
        and candidate is not None
        and st.button("Request release", type="primary", icon=":material/approval:", key="ask")
    ):
        query = ways.of(model, version=str(candidate.number), alias=CHAMPION)
        st.switch_page(ways.to("request"), query_params=query)
    more = {"Compare versions": "compare", "Explain": "explain", "Lineage": "lineage"}
    watch = watching.offer(model, by=by)
    choices = [watch, *more, *(["Classify"] if portal().models.may_classify(by=by) else [])]
    choices += (
        ["Move to another stage"] if decide(by, "model:stage:prepare", model.resource) else []
    )
    choices += locked.offered(model, by=by)
    chosen = st.menu_button("More", choices, key="more")
    if chosen in more:
        st.switch_page(ways.to(more[chosen]), query_params=ways.of(model))
    locked.change(chosen or "", model)
    if chosen == watch:
        watching.change(watch, model)
    if chosen == "Classify":
        classification.dialog(shown, by=by)
    if chosen == "Move to another stage":
        classification.stage_dialog(model, by=by)


def overview(shown: Shown, *, by: Actor) -> None:
    """What is live and why, what comes next, what changed, what drives it, what it is worth."""
    subject = shown.subject
    if subject is None:
        feedback.empty(
            "This model has no version yet",
            "Register one in MLflow: it appears here within a minute.",
        )
        return
    with page.card("history"):
        version_history.history(shown)
    left, right = st.columns([0.56, 0.44])
    with left, page.card("live", stretch=True):
        champion.live(shown, subject)
        with st.container(horizontal=True, key="live-acts"):
            rollback.button(shown, by=by)
            retirement.button(shown, by=by)
    with right, page.card("glance", stretch=True):
        show(page.section("At a glance"), tables.facts(glance.glance(shown, subject)))
        classification.used_for(shown.model)
    left, right = st.columns([0.56, 0.44])
    with left, page.card("next", stretch=True):
        champion.coming(shown, by=by)
    with right, page.card("changed", stretch=True):
        in_short.changed(shown, subject, by=by)
        in_short.drivers(shown, subject, by=by)


def foot(shown: Shown) -> None:
    """Where all this comes from, and how old it is."""
    others = ["Releases and owners from Countersign's own record"]
    if shown.line is not None:
        others.append("calls as the applications reported them")
    show(
        sources.source(shown.states, shown.now, f"{', '.join(others)}, {words.moment(shown.now)}."),
        text(""),
    )


# What each tab shows, in the order they stand in.
TABS: Final[Mapping[str, Callable[[Shown, Actor], None]]] = {
    "Overview": lambda shown, by: overview(shown, by=by),
    "Card": lambda shown, by: card.panel(shown, by=by),
    "Versions": lambda shown, by: versions.panel(shown, by=by),
    "Data and parameters": lambda shown, _by: versions.data(shown),
    "Consumers": lambda shown, by: consumers.panel(shown, by=by),
    "Load": lambda shown, _by: loading.panel(shown),
    "Releases": lambda shown, _by: releases_of.panel(shown),
    "Discussion": lambda shown, by: discussion.panel(shown, by=by),
}
