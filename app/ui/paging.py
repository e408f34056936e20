"""Turning the pages of a long list; the open page is in the address."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.ui.markup import note, show

_KEY: Final = "page"
_MOST_DIGITS: Final = 7


def asked() -> int:
    """The number of the open page, from 1: for a list that is read before it is drawn."""
    kept = st.session_state.get(_KEY)
    given = str(kept if kept is not None else st.query_params.get(_KEY, "1"))
    return max(1, int(given)) if given.isdecimal() and len(given) <= _MOST_DIGITS else 1


def last(total: int, size: int) -> int:
    """The number of the last page, which is shown to who asks for a later one."""
    st.session_state.pop(_KEY, None)
    number = max(1, -(-total // size))
    st.query_params[_KEY] = str(number)
    return number


def foot(number: int, size: int, total: int) -> None:
    """What is drawn under a list: which part of it is shown, and the way to the others."""
    with st.container(horizontal=True, horizontal_alignment="distribute", key="paging"):
        first, last = (number - 1) * size + 1, min(number * size, total)
        show(note(f"{first:,}\N{EN DASH}{last:,} of {total:,}"), width="content")
        if total > size:
            st.pagination(-(-total // size), key=_KEY, bind="query-params")


def start(total: int, size: int, key: str = _KEY) -> int:
    """The way to other pages, drawn above a list. Returns where the open one begins, from 0."""
    pages = -(-total // size)
    if pages <= 1:
        return 0
    turned = st.pagination(pages, key=key, bind="query-params")
    return (min(int(turned or 1), pages) - 1) * size
