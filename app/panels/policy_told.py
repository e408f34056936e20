"""What has just become law, told on the tab where it stands, once the page is drawn anew."""

from __future__ import annotations

from typing import Final, NoReturn

import streamlit as st

from app.ui.feedback import done

TAB: Final = "tab"
IN_FORCE: Final = "In force"
_TOLD: Final = "policies-told"


def tell(said: str, more: str, *, policy: str = "") -> NoReturn:
    """Draw the page anew with what is in force, a policy of it opened, and say what happened."""
    st.session_state[_TOLD] = (said, more)
    if policy:
        st.query_params["policy"] = policy
    st.rerun()


def told() -> None:
    """Say what happened, if something did, and open what is in force."""
    if _TOLD not in st.session_state:
        return
    said, more = st.session_state.pop(_TOLD)
    st.session_state[TAB] = IN_FORCE
    done(said, more)
