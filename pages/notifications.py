"""Notifications: what this person was told, what they watch, and how they want to be told."""

from __future__ import annotations

import streamlit as st

from app.panels import notices
from app.session import actor

who = actor()
notices.head(by=who)
for name, tab in zip(
    notices.TABS,
    st.tabs(list(notices.TABS), key="tab", bind="query-params", on_change="rerun"),
    strict=True,
):
    if tab.open:
        with tab:
            notices.TABS[name](who)
