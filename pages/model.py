"""Model: what it is, what is live and why, on what it rests, who uses it and what it is worth."""

from __future__ import annotations

import streamlit as st

from app.panels import model, releases_of, versions
from app.panels.chosen import asked_model
from app.session import require

who = require("model:read")
asked = asked_model("model", "Which model?", by=who)
if asked is not None:
    shown = model.read(asked, by=who)
    model.head(shown, by=who)
    tabs = dict(
        zip(model.TABS, st.tabs(model.TABS, key="tab", bind="query-params", on_change="rerun"))
    )
    # Only the open one is built: the others would cost as much and nobody sees them.
    with tabs["Overview"]:
        if tabs["Overview"].open:
            model.overview(shown, by=who)
    with tabs["Card"]:
        if tabs["Card"].open:
            model.card(shown)
    with tabs["Versions"]:
        if tabs["Versions"].open:
            versions.panel(shown, by=who)
    with tabs["Data and parameters"]:
        if tabs["Data and parameters"].open:
            versions.data(shown)
    with tabs["Releases"]:
        if tabs["Releases"].open:
            releases_of.panel(shown)
    model.foot(shown)
