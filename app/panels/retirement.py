"""Taking a live version out of service: asked on the Model page, and said of such a request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import streamlit as st

from app.panels import deprecation, ways
from app.panels.shown import CHAMPION, Shown
from app.session import act, portal
from app.ui.dialogs import signed
from app.ui.markup import label, note, paragraph, show
from auth.access import decide
from auth.actors import Actor
from catalog.registry.deprecations import Farewell
from catalog.registry.models import Version
from catalog.releases.requests.request import ReleaseRequest
from catalog.releases.states import State, Verb

_USUAL_NOTICE: Final = timedelta(days=30)
OUTCOMES: Final[Mapping[State, str]] = {
    State.APPROVED: "It was approved that {version} is no longer {alias}.",
    State.REVOKED: "The approval to take {alias} away from {version} was taken back.",
    State.REJECTED: "{version} stays {alias}.",
}
CONSEQUENCES: Final[Mapping[Verb, str]] = {
    Verb.APPROVE: "The worker takes @{alias} away from {version} in MLflow, usually within "
    "seconds. Whoever loads the model by this alias finds nothing then. It is undone with Roll "
    "back on the Model page, or by another release.",
    Verb.REJECT: "The request is closed and {version} stays {alias}.",
    Verb.REVOKE: "The approval is taken back: what was not taken away yet stays. MLflow is not "
    "changed: if the alias is gone already, a finding is opened, and Roll back on the Model page "
    "brings it back.",
}


def outcome(request: ReleaseRequest) -> str:
    """What became of a request to take an alias away, in a sentence."""
    return _said(OUTCOMES.get(request.state, "The request was closed; nothing was moved."), request)


def consequence(request: ReleaseRequest, verb: Verb) -> str:
    """What signing will do, in words."""
    return _said(CONSEQUENCES[verb], request)


def _said(words_of: str, request: ReleaseRequest) -> str:
    return words_of.format(version=f"v{request.version_number}", alias=request.alias)


def button(shown: Shown, *, by: Actor) -> None:
    """The way out of service of what is live, for whoever may ask for it."""
    live = shown.champion
    if live is None or not decide(by, "release:request", shown.model.resource):
        return
    if not portal().retirements.may(live.id, CHAMPION, by=by):
        return
    if st.button("Retire", key="retire", icon=":material/block:"):
        title = label(f"Retire {shown.model.name} v{live.number}")
        st.dialog(title, width="medium")(_ask)(shown, live, by)


def _ask(shown: Shown, live: Version, by: Actor) -> None:
    show(
        paragraph(
            f"You ask that @{CHAMPION} be taken away from v{live.number}, so that nothing of "
            f"{shown.model.name} is live under it. Whoever loads it by this alias finds nothing "
            "then. An approver decides."
        )
    )
    relied_on = deprecation.who_uses(shown, live, by)
    said = shown.deprecations.get(live.id)
    show(
        note(
            f"v{live.number} is in use: {relied_on}." if relied_on else "Nobody is known to use it."
        )
    )
    why = st.text_area("Reason (required)", key="retire-why")
    may_tell = portal().deprecations.may_deprecate(shown.model, by=by)
    farewell = None
    if said is None and relied_on and may_tell:
        farewell = _farewell(shown, live, why, by)
    told = st.container()
    if not signed("Leave it", "Ask for its retirement"):
        return
    with told:
        made = act(
            lambda who: portal().retirements.retire(
                live.id, CHAMPION, why, farewell=farewell, by=who
            )
        )
    if made is not None:
        st.switch_page(ways.to("release"), query_params={"id": made.number})


def _farewell(shown: Shown, live: Version, why: str, by: Actor) -> Farewell:
    """What those are told who use it: a day, and what comes instead."""
    offered = deprecation.successors(shown, live, by)
    following = st.selectbox(
        "Successor", list(offered), format_func=lambda one: offered[one], key="retire-successor"
    )
    today = shown.now.date()
    ends_on = st.date_input(
        "Must not be used from",
        value=today + _USUAL_NOTICE,
        min_value=today,
        key="retire-day",
        format="YYYY-MM-DD",
        help="A day of the calendar in UTC. It can be approved from this day on.",
    )
    show(note(f"v{live.number} is deprecated with your reason as soon as you ask: they are told."))
    return Farewell(ends_on, why, following or "")
