"""Narrowing: what is asked by the fields and the address of Discover, and the fields themselves."""

from __future__ import annotations

from typing import Final
from zlib import crc32

import streamlit as st

from app.panels.chosen import asked_number
from app.session import portal
from app.ui import history
from app.ui.facets import facet
from app.ui.markup import option_of
from auth.actors import Actor
from catalog.registry.search.questions import FACETS, MOST_VALUES, Found, Order, Question, Range

PAGE: Final = 10
LIVE: Final = "champion"
ORDERS: Final = {
    "Best match": Order.BEST_MATCH,
    "Last changed": Order.NEWEST,
    "Best measured": Order.BEST_METRIC,
    "Name": Order.NAME,
}
# What the fields are called. The second group is folded until something in it is chosen.
TITLES: Final = {
    "domain": "Domain",
    "task": "Task",
    "live": "Live as",
    "owner": "Owner",
    "stage": "Lifecycle stage",
    "tier": "Model tier",
    "class": "Regulatory class",
    "framework": "Framework",
    "data": "Data set",
    "tag": "Tag",
    "card": "Model card complete",
    "changed": "Changed",
}
_ALWAYS: Final = ("domain", "task", "live", "owner")
_METRIC: Final = "metric"
_LEAST: Final = "least"
_MOST: Final = "most"
_EXACT: Final = "exact"
# What of the address is the question.
STATE: Final = ("q", *FACETS, _METRIC, _LEAST, _MOST, _EXACT, "sort")
# What is chosen, not typed: each choice is a step that the way back leads over.
STEPS: Final = {"discover": (*FACETS, _METRIC, "sort")}
_FIRST: Final = "discover-asked-first"
_ANY: Final = "Any number"


def asked() -> tuple[Question, Order, int]:
    """What is asked by the fields and the address: the question, the order, the first place."""
    text, order = _one("q"), _one("sort")
    chosen = {
        facet: frozenset(values[:MOST_VALUES]) for facet in FACETS if (values := _values(facet))
    }
    metric = _one(_METRIC)
    question = Question(
        text=text,
        chosen=chosen,
        range=Range("" if metric == _ANY else metric[:250], _limit(_LEAST), _limit(_MOST)),
        verbatim=bool(text) and st.query_params.get(_EXACT, "") == text,
    )
    asked_order = ORDERS.get(order, Order.BEST_MATCH)
    return question, asked_order, (_number(question, asked_order) - 1) * PAGE


def _number(question: Question, order: Order) -> int:
    """Which page is asked for: another question or order begins on its first one."""
    key = page_key(question, order)
    if history.is_restoring():
        number = asked_number(st.query_params.get("page", ""), 1) or 1
        st.session_state[_FIRST] = key
        if key in st.session_state:
            st.session_state[key] = number
        return number
    turned = st.session_state.get(key)
    if turned:
        return int(turned)
    # In this run the address may still be that of the question before, with its page.
    if st.session_state.setdefault(_FIRST, key) == key:
        return asked_number(st.query_params.get("page", ""), 1) or 1
    return 1


def page_key(question: Question, order: Order) -> str:
    """The field that turns the pages of this question in this order, and of no other."""
    chosen = sorted((facet, sorted(values)) for facet, values in question.chosen.items())
    about = (question.text, chosen, question.range, question.verbatim, order)
    return f"page-{crc32(repr(about).encode())}"


def _values(key: str) -> list[str]:
    """What a field holds; before it is drawn, or when gone back to, what the address says."""
    if key not in st.session_state or history.is_restoring():
        return [option_of(one) for one in st.query_params.get_all(key) if one]
    held = st.session_state[key]
    return [str(one) for one in (held if isinstance(held, list) else [held]) if one]


def _one(key: str) -> str:
    values = _values(key)
    return values[0] if values else ""


def _limit(key: str) -> float | None:
    """A limit as typed; what is no number limits nothing, and the field says so."""
    try:
        value = float(_one(key).replace(",", "."))
    except ValueError:
        return None
    return value if abs(value) < 1e300 else None  # noqa: PLR2004 - no number of a model's


def facets(found: Found, question: Question, *, by: Actor) -> None:
    """The ways to narrow, each with how many models it would leave."""
    folded = [one for one in TITLES if one not in _ALWAYS]
    with st.container(key="facets"):
        for one in _ALWAYS:
            _facet(one, found, question)
        is_open = bool(question.range) or any(one in question.chosen for one in folded)
        with st.expander("More ways to narrow", expanded=is_open):
            for one in folded:
                _facet(one, found, question)
            _range(question, by=by)


def _facet(one: str, found: Found, question: Question) -> None:
    counts, chosen = found.facets.get(one, ()), sorted(question.chosen.get(one, ()))
    facet(TITLES[one], counts, one, chosen)


def _range(question: Question, *, by: Actor) -> None:
    """A number the version that stands for the model must reach, and not pass."""
    names = portal().finder.metrics(by=by)
    chosen = question.range.metric or _one(_METRIC)
    if chosen and chosen not in names and chosen != _ANY:
        names = [*names, chosen]
    if not names:
        return
    st.selectbox("Measured", [_ANY, *names], key=_METRIC, bind="query-params")
    if _one(_METRIC) in {"", _ANY}:
        return
    for key, title in ((_LEAST, "At least"), (_MOST, "At most")):
        typed = st.text_input(title, key=key, bind="query-params", max_chars=24)
        if typed and _limit(key) is None:
            st.error("This is no number. Write it like 0.8.")


def take_words_as_typed(text: str) -> None:
    """Search for what was typed, corrected or not."""
    st.query_params[_EXACT] = text


def take_words_as_meant(text: str) -> None:
    """Search for what was meant."""
    st.session_state["q"] = text
