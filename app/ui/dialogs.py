"""Dialogs that ask once, in words, before something is done: the way in, and the two ways out."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app.ui.markup import note, show
from auth.access import Verdict


def opens(said: str, verdict: Verdict, dialog: Callable[[], None]) -> None:
    """The button that opens a dialog, or why this person may not press it."""
    if st.button(said, key=f"open-{said.lower().replace(' ', '-')}", disabled=not verdict):
        st.dialog(said, width="medium", on_dismiss="rerun")(dialog)()
    if not verdict:
        show(note(verdict.hint), width="content")


def signed(keep: str, go: str) -> bool:
    """Two buttons: one closes the dialog and leaves all as it is; whether the other was pressed."""
    with st.container(horizontal=True, horizontal_alignment="right"):
        back = st.button(keep, key="keep")
        sure = st.button(go, key="sign", type="primary")
    if back:
        st.rerun()
    return sure
