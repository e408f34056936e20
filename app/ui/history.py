"""The browser's address and its way back: what is shown, and from there to what was before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer
from streamlit.runtime.scriptrunner import get_script_run_ctx

_COMPONENT: Final = "countersign.history"


@cache
def _component() -> ComponentRenderer:
    return st.components.v2.component(_COMPONENT, js="history.mjs", isolate_styles=False)


def keep(steps: Mapping[str, Sequence[str]]) -> None:
    """Have the browser remember one entry for each page and each step on it. It shows nothing.

    `steps` names, by the last part of a page's path, the parameters a choice of which is a step.
    """
    with st.sidebar:
        _component()(key="history", height="content", data={"steps": dict(steps)})


def is_restoring() -> bool:
    """Whether this run shows an address that was gone back to: then it says what holds.

    Streamlit gives a field that is kept in the address its value when the field is drawn; what is
    read of it before is still of the place that was left.
    """
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation
