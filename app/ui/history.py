"""The browser's way back: from any page to the one before it, as it was."""

from __future__ import annotations

from functools import cache
from typing import Final

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

_COMPONENT: Final = "countersign.history"


@cache
def _component() -> ComponentRenderer:
    return st.components.v2.component(_COMPONENT, js="history.mjs", isolate_styles=False)


def keep() -> None:
    """Have the browser remember one entry for each page, and no other. It shows nothing."""
    with st.sidebar:
        _component()(key="history", height="content")
