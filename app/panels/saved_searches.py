"""Saved searches: what somebody asks again and again, kept under a name."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs, urlencode

import streamlit as st

from app.panels import ways
from app.panels.narrowing import STATE
from app.session import did, portal
from app.ui.markup import label, note, option, option_of, show
from auth.actors import Actor
from catalog.registry.search.questions import FACETS, Question
from catalog.registry.search.saved import LONGEST_NAME, SavedSearch

_SAVED: Final = "search-was-saved"


def menu(question: Question, *, by: Actor) -> None:
    """One's saved searches, and the way to keep the one that is asked now."""
    if not portal().saved_searches.may_save(by=by):
        return
    kept = portal().saved_searches.of(by)
    with st.popover("Saved searches", icon=":material/bookmark:", key="saved-searches"):
        if not kept:
            show(note("Nothing is saved yet. Search, narrow, then keep it here under a name."))
        for one in kept:
            _one(one)
        if question.is_open:
            return
        if st.session_state.pop(_SAVED, False):
            st.session_state["save-name"], st.session_state["save-notifies"] = "", False
        name = st.text_input("Name", key="save-name", max_chars=LONGEST_NAME)
        notifies = st.checkbox("Tell me when another model matches", key="save-notifies")
        if st.button("Save this search", key="save") and did(
            lambda here: portal().saved_searches.save(name, state(), notifies=notifies, by=here)
        ):
            st.session_state[_SAVED] = True
            st.rerun()


def state() -> str:
    """What is asked now, as it stands in the address; the page is no part of the question."""
    given = {
        key: [option_of(one) if key in FACETS else one for one in st.query_params.get_all(key)]
        for key in STATE
        if key in st.query_params
    }
    return urlencode(given, doseq=True)


def _address(state: str) -> dict[str, list[str]]:
    """A kept question as Discover's fields take it from their address."""
    return {
        key: [option(one) if key in FACETS else one for one in values]
        for key, values in parse_qs(state).items()
    }


def _one(one: SavedSearch) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"saved-{one.id}"):
        st.page_link(ways.to("discover"), label=label(one.name), query_params=_address(one.state))
        told = "Stop telling me" if one.notifies else "Tell me of new ones"
        if st.button(told, key=f"notify-{one.id}", type="tertiary") and did(
            lambda here: portal().saved_searches.notify(one.id, notifies=not one.notifies, by=here)
        ):
            st.rerun()
        if st.button("Rename or delete", key=f"change-{one.id}", type="tertiary"):
            st.dialog("Change a saved search", width="small")(_change)(one)


def _change(one: SavedSearch) -> None:
    name = st.text_input("Name", value=one.name, key=f"name-{one.id}", max_chars=LONGEST_NAME)
    if st.button("Rename", key=f"rename-{one.id}", disabled=name == one.name) and did(
        lambda here: portal().saved_searches.rename(one.id, name, by=here)
    ):
        st.rerun()
    show(note("Deleted, it also stops telling you of new models. The models stay."))
    if st.button("Delete this search", key=f"delete-{one.id}") and did(
        lambda here: portal().saved_searches.delete(one.id, by=here)
    ):
        st.rerun()
