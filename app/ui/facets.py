"""Facets: the ways to narrow a search, each with how many it would leave, kept in the address."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import streamlit as st

from app.ui.markup import Markup, option

MOST_SHOWN: Final = 8


def facet(
    title: str,
    counts: Sequence[tuple[str, int]],
    key: str,
    chosen: Collection[str] = (),
) -> None:
    """The most common values and those chosen; the choice lives in the URL under `key`.

    What is less common is chosen from a list that is searched by typing. Nothing is drawn where
    there is no value.
    """
    known = dict(counts)
    listed = dict(counts[:MOST_SHOWN])
    listed |= {value: known.get(value, 0) for value in chosen if value not in listed}
    if not listed:
        return
    # The count is drawn by a stylesheet: inside the label it would become part of the URL.
    rules = "".join(
        f".st-key-{key} button:nth-of-type({place}) p::after{{content:'{count:,}'}}"
        for place, count in enumerate(listed.values(), start=1)
    )
    with st.container(key=f"facet-{key}", gap=None):
        st.pills(
            title,
            list(listed),
            format_func=option,
            selection_mode="multi",
            key=key,
            bind="query-params",
            width="stretch",
        )
        st.html(Markup(f"<style>{rules}</style>"))
        rest = [value for value in known if value not in listed]
        if rest:
            _more(title, key, {value: known[value] for value in rest})


def _more(title: str, key: str, rest: dict[str, int]) -> None:
    field = f"{key}-more"
    st.selectbox(
        f"More of: {title}",
        list(rest),
        index=None,
        format_func=lambda value: f"{value} ({rest[value]:,})",
        placeholder=f"{len(rest):,} more…",
        label_visibility="collapsed",
        key=field,
        on_change=_add,
        args=(key, field),
    )


def _add(key: str, field: str) -> None:
    """Choose one of the less common values too, and leave the list as it was."""
    added = st.session_state[field]
    if added is not None:
        st.session_state[key] = [*st.session_state.get(key, ()), added]
        st.session_state[field] = None
