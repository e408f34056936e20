"""The tabs of the Access page: people, roles, grants, tokens, and who asks to be let in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import streamlit as st

from app.panels import access_requests, mlflow_users
from app.panels.everybody import known
from app.panels.grants import grants
from app.panels.people import people
from app.panels.roles import roles
from app.panels.tokens import tokens
from auth.access import ANYTHING, decide
from auth.actors import Actor

TABS: Final = ("People", "Grants", "Roles", "Tokens", "Access requests", "MLflow users")


def access(*, by: Actor) -> None:
    """The open tab; somebody who may not see people sees only their own tokens."""
    if not decide(by, "person:read", ANYTHING):
        tokens(by=by)
        return
    drawn: Sequence[Callable[[], None]] = (
        lambda: people(known(by=by), by),
        lambda: grants(known(by=by), by),
        roles,
        lambda: tokens(by=by),
        lambda: access_requests.everywhere(by=by),
        lambda: mlflow_users.users(known(by=by), by),
    )
    for tab, draw in zip(st.tabs(list(TABS), key="tab", bind="query-params"), drawn, strict=True):
        if tab.open:
            with tab:
                draw()
