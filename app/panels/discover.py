"""Discover: the search box, the ways to narrow, and a card for each model that was found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from app.panels import sources, ways
from app.session import portal
from app.ui import cards, chips, feedback, page, words
from app.ui.facets import facet
from app.ui.markup import Markup, join, note, show, strong
from auth.actors import Actor
from catalog.registry.mirror import MirrorState
from catalog.registry.search import Found, Hit, Order, Question, search

PAGE: Final = 10
LIVE: Final = "champion"
_ORDERS: Final = {
    "Best match": Order.BEST_MATCH,
    "Newest": Order.NEWEST,
    "Best measured": Order.BEST_METRIC,
}


def head(states: Sequence[MirrorState]) -> None:
    """The title, how many models there are and how old that is, and the search box."""
    now = portal().clock.now()
    models, servers = sum(state.models for state in states), len(states)
    held = f"{words.plural(models, 'registered model')} on {words.plural(servers, 'MLflow server')}"
    page.head("Find", "Discover models", f"{held}. {sources.mirrored(states, now)}.")
    st.text_input(
        "Search models",
        type="search",
        live="250ms",
        key="q",
        bind="query-params",
        icon=":material/search:",
        placeholder="Name, what it does, tag, domain or owner",
        label_visibility="collapsed",
        max_chars=200,
    )


def asked() -> tuple[Question, Order, int]:
    """What is asked by the fields and the address: the question, the order, the first place."""
    domains = _chosen("domain")
    return (
        Question(
            text=str(st.session_state.get("q") or ""),
            domain=domains[0] if domains else "",
            live_only=LIVE in _chosen("live"),
        ),
        _ORDERS.get(str(st.session_state.get("sort") or ""), Order.BEST_MATCH),
        (_page_number() - 1) * PAGE,
    )


def look(question: Question, order: Order, start: int, *, by: Actor) -> Found:
    """One page of what was found, with the numbers that decide by the policy in force."""
    policy = portal().policies.in_force.policy
    return search(
        portal().store,
        question,
        by=by,
        limit=PAGE,
        offset=start,
        order=order,
        measures=policy.measures(),
    )
