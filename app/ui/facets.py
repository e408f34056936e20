"""Facets: the ways to narrow a search, each with how many it would leave, kept in the address."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app.ui.markup import Markup


def facet(title: str, counts: Mapping[str, int], key: str) -> list[str]:
    """The values chosen among those counted; the choice lives in the URL under `key`."""
    # The count is drawn by a stylesheet: inside the label it would become part of the URL.
    rules = "".join(
        f".st-key-{key} button:nth-of-type({place}) p::after{{content:'{count:,}'}}"
        for place, count in enumerate(counts.values(), start=1)
    )
    with st.container(key=f"facet-{key}", gap=None):
        chosen = st.pills(
            title,
            list(counts),
            selection_mode="multi",
            key=key,
            bind="query-params",
            width="stretch",
        )
        st.html(Markup(f"<style>{rules}</style>"))
    return list(chosen)
