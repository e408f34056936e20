"""Opening a finding on a version by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import streamlit as st

from app.panels import ways
from app.session import act, actor, portal
from app.ui.markup import label
from auth.access import decide
from auth.actors import Actor
from catalog.registry.models import Model, Version
from catalog.releases.findings.finding import (
    Severity,
)
from catalog.releases.findings.opening import LONGEST_DAYS, LONGEST_TITLE

_USUAL_TIME: Final = timedelta(days=14)


def opener(model: Model, version: Version, *, by: Actor) -> None:
    """The button for whoever may open a finding on a version."""
    if decide(by, "finding:open", model.resource) and st.button(
        "Open a finding", key="open-finding", icon=":material/report:"
    ):
        st.dialog(label(f"A finding on {model.name} v{version.number}"), width="medium")(_open)(
            model, version
        )


def _open(model: Model, version: Version) -> None:
    people = portal().findings.people(model, by=actor())
    today = portal().clock.now().date()
    title = st.text_input("What is wrong (required)", key="finding-title", max_chars=LONGEST_TITLE)
    detail = st.text_area(
        "How it was seen (required)", key="finding-detail", placeholder="What you did, and saw"
    )
    left, middle, right = st.columns(3)
    severity = left.selectbox(
        "Severity", [one.value for one in Severity], index=2, format_func=str.capitalize
    )
    ids = list(people)
    owner = middle.selectbox(
        "Put right by",
        ids,
        index=ids.index(model.owner_id) if model.owner_id in ids else None,
        format_func=lambda one: people[one],
    )
    due_on = right.date_input(
        "Due",
        value=today + _USUAL_TIME,
        min_value=today,
        max_value=today + timedelta(days=LONGEST_DAYS),
        format="YYYY-MM-DD",
    )
    if not st.button("Open it", key="sign", type="primary", disabled=owner is None):
        return
    made = act(
        lambda by: portal().findings.open(
            version.id,
            title,
            detail,
            severity=Severity(severity),
            owner_id=str(owner),
            due_on=due_on,
            by=by,
        )
    )
    if made is not None:
        st.switch_page(ways.to("findings"), query_params={"id": made.number})
