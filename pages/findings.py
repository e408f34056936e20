"""Findings: what is to be put right, by whom, until when; and one of them in full."""

from __future__ import annotations

import streamlit as st

from app.panels import finding, findings
from app.session import require

by = require("release:read")
asked = st.query_params.get("id", "")
if asked:
    finding.one(asked, by=by)
else:
    findings.every(by=by)
