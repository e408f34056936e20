"""Model: what it is, what is live and why, on what it rests, who uses it and what it is worth."""

from __future__ import annotations

import streamlit as st

from app.panels import model
from app.panels.chosen import asked_model
from app.panels.shown import read
from app.session import portal, require

who = require("model:read")
asked = asked_model("model", "Which model?", by=who)
if asked is not None:
    portal().mirror_hints.opened(asked, by=who)
    shown = read(asked, by=who)
    model.head(shown, by=who)
    tabs = st.tabs(list(model.TABS), key="tab", bind="query-params", on_change="rerun")
    for name, tab in zip(model.TABS, tabs, strict=True):
        # Only the open one is built: the others would cost as much and nobody sees them.
        if tab.open:
            with tab:
                model.TABS[name](shown, who)
    model.foot(shown)
