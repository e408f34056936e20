"""What runs on every click: who is here, what they may open, and the screen they asked for."""

from __future__ import annotations

import streamlit as st

from app import signed_out
from app.panels import narrowing, notices
from app.screens import GROUPS, PAGES
from app.session import actor, admit, show_failure, sign_out
from app.ui import history, page, theme
from auth.actors import Actor
from ledger.errors import CountersignError, Unauthenticated


def _who() -> tuple[Actor | None, CountersignError | None]:
    try:
        return actor(), None
    except CountersignError as error:
        return None, error


def _main() -> None:
    theme.configure()
    theme.apply()
    here, problem = _who()
    # All screens are known to everybody, so that no address is lost before signing in; a hidden one
    # is no locked one, so each is asked for again before it runs.
    groups: dict[str, list[st.Page]] = {group: [] for group in GROUPS}
    screens = {}
    for screen in PAGES:
        shown = here is not None and screen.in_navigation and screen.may_open(here)
        made = screen.page(shown=shown)
        groups[screen.group].append(made)
        screens[made.url_path] = screen
    chosen = st.navigation(groups, position="sidebar" if here else "hidden", expanded=True)
    if here is None:
        if isinstance(problem, Unauthenticated):
            signed_out.draw(problem)
        elif problem is not None:
            show_failure(problem)
        return
    history.keep(narrowing.STEPS)
    page.person(here.name, here.role_words())
    notices.bell(here)
    with st.sidebar:
        if st.button("Sign out", key="sign-out", type="tertiary"):
            sign_out()
    asked = screens[chosen.url_path]
    if not asked.may_open(here):
        page.head(asked.group, asked.title)
    admit(here, *asked.permissions)
    try:
        chosen.run()
    except Exception as error:  # noqa: BLE001 - the last boundary: nobody is shown a traceback
        show_failure(error)


_main()
