"""The screen of somebody who is not signed in: what Countersign is, and one button."""

from __future__ import annotations

import streamlit as st

from app.session import portal
from app.ui import feedback, page
from app.ui.markup import note, show
from auth.administrators import is_set_up
from ledger.errors import Unauthenticated

_LEAD = "Find models, decide which go live, and prove how it was decided."
# With these nobody was signed in a moment ago, so there is no ending to explain.
_NEVER_IN = frozenset({"anonymous", "no-session"})


def draw(why: Unauthenticated) -> None:
    """Draw it, with the reason when a session has just ended."""
    with st.container(key="cover"):
        show(page.cover(_LEAD))
        if why.code not in _NEVER_IN:
            feedback.problem(why)
        with page.card("sign-in"):
            if st.button("Sign in", type="primary", icon=":material/login:", width="stretch"):
                st.login("local")
            show(
                note(
                    "You stay signed in for up to 8 hours on this device. "
                    "Every decision you take is recorded under your name."
                )
            )
        show(note(_who_helps()))


def _who_helps() -> str:
    with portal().store.read() as session:
        if is_set_up(session):
            return "No account? A governance admin gives access."
    return "Nobody can sign in yet: open the set-up address that was printed on the terminal."
