"""AI use case: what models are wanted for, which serve it, and what does not agree."""

from __future__ import annotations

import streamlit as st

from app.panels import use_cases
from app.session import act, actor, portal

here = actor()
asked = st.query_params.get("id", "")
found = act(lambda by: portal().use_cases.get(asked, by=by)) if asked else None
if found is not None:
    use_cases.one(found, by=here)
else:
    use_cases.listing(by=here)
