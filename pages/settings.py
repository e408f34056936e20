"""Settings: the MLflow servers, the state of the inventory, and the rules for names."""

from __future__ import annotations

import streamlit as st

from app.panels import settings
from app.session import require
from app.ui import page

who = require("settings:read")
page.head("Run", "Settings", "What Countersign reads, what it knows of it, and how it is named.")
tabs = st.tabs(list(settings.TABS), key="tab", bind="query-params", on_change="rerun")
for name, tab in zip(settings.TABS, tabs, strict=True):
    if tab.open:
        with tab:
            settings.TABS[name](who)
