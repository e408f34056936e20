"""Discover: find a model by what it does, and see at once what is live, whose it is, how good."""

from __future__ import annotations

import streamlit as st

from app.panels import discover, narrowing
from app.session import portal, require

who = require("model:read")
question, order, start = narrowing.asked()
discover.head(portal().models.mirrored(), question, by=who)
found = discover.look(question, order, start, by=who)
left, right = st.columns([0.22, 0.78], gap="medium")
with left:
    narrowing.facets(found, question, by=who)
with right:
    discover.results(found, question, order, start, by=who)
