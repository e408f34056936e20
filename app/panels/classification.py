"""What an administrator says of a model: its owner, domain and task, and whose runs are whose."""

from __future__ import annotations

import streamlit as st

from app.panels.shown import Shown
from app.session import did, portal
from app.ui.markup import note, show
from auth.actors import Actor, Kind
from catalog.registry.models import TASKS


@st.dialog("Classify this model", width="medium")
def dialog(shown: Shown, *, by: Actor) -> None:
    """Name owner, domain and task; and say whose work the runs of an MLflow user are."""
    here, model = portal(), shown.model
    people = {
        one.id: one
        for one in here.people.everybody(by=by)
        if one.kind is Kind.PERSON and one.is_enabled
    }
    ids = list(people)
    show(note("MLflow's tags are shown and never trusted; what is said here counts."))
    with st.form("classify", border=False):
        owner = st.selectbox(
            "Owner",
            ids,
            index=ids.index(model.owner_id) if model.owner_id in people else None,
            format_func=lambda one: people[one].name,
            placeholder="Who answers for it",
        )
        domain = st.text_input("Domain", model.domain or model.tags.get("domain", ""), max_chars=80)
        task = st.selectbox(
            "What it predicts",
            TASKS,
            index=TASKS.index(model.task) if model.task in TASKS else None,
            placeholder="The policy measures each kind by its own number",
        )
        sent = st.form_submit_button("Classify", type="primary")
    if sent and did(
        lambda who: here.models.classify(
            model.id, by=who, owner_id=owner or "", domain=domain or "", task=task or ""
        )
    ):
        st.rerun()
    if here.authorship.may_map(by=by):
        _mapping(shown, ids, {one: person.name for one, person in people.items()})


def _mapping(shown: Shown, ids: list[str], names: dict[str, str]) -> None:
    users = sorted({run.user for run in shown.runs.values() if run.user})
    if not users:
        return
    show(note("Runs name these MLflow users. You vouch for the versions that name one now."))
    with st.form("map-user", border=False):
        user = st.selectbox("MLflow user", users)
        person = st.selectbox("is the work of", ids, index=None, format_func=lambda one: names[one])
        sent = st.form_submit_button("Say so")
    if sent and did(
        lambda by: portal().authorship.map_user(shown.model.server, user or "", person or "", by=by)
    ):
        st.rerun()
