"""One release request: what is asked, what it rests on, and the decision."""

from __future__ import annotations

import streamlit as st

from app.panels import docket, release_decision, release_dossier, release_sheet
from app.session import actor, portal

asked = st.query_params.get("id", "")
if not asked:
    docket.choose_one()
    st.stop()
dossier = release_dossier.read(portal(), asked, by=actor())
if dossier is None:
    docket.way_back()
    st.stop()
release_sheet.draw(dossier, first=release_decision.receipt)
release_decision.bar(dossier)
