"""Facets: the ways to narrow a search, each with how many it would leave, kept in the address."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import streamlit as st

from app.ui.markup import Markup, note, option, show

MOST_SHOWN: Final = 8


def facet(
    title: str,
    counts: Sequence[tuple[str, int]],
    key: str,
    chosen: Collection[str] = (),
    total: int | None = None,
) -> None:
    """The most common values and those chosen; the choice lives in the URL under `key`.

    Nothing is drawn where no value would narrow what `total` counts.
    """
    listed = dict(counts[:MOST_SHOWN])
    listed |= {value: dict(counts).get(value, 0) for value in chosen if value not in listed}
    if not chosen and all(count == total for count in listed.values()):
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
        if len(counts) > len(listed):
            show(note(f"{len(counts) - len(listed):,} more: type their names above."))
