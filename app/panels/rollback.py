"""Going back on the Model page: an alias set back to what was approved and live before."""

from __future__ import annotations

import streamlit as st

from app.panels import ways
from app.panels.shown import CHAMPION, Shown
from app.session import act, portal
from app.ui import words
from app.ui.dialogs import signed
from app.ui.markup import label, note, paragraph, show
from auth.actors import Actor
from catalog.releases.promotions.rollbacks import Earlier
from catalog.releases.states import STANDING, PromotionState, Route


def button(shown: Shown, *, by: Actor) -> None:
    """The way back, for whoever may go it, where there is one."""
    held = shown.model.alias(CHAMPION)
    if not _has_earlier(shown, held.number if held else 0):
        return
    if not portal().rollbacks.may(shown.model.resource, by=by):
        return
    if st.button("Roll back", key="roll-back", icon=":material/undo:"):
        st.dialog(label(f"Roll back {shown.model.name}"), width="medium")(_sure)(shown)


def _has_earlier(shown: Shown, live: int) -> bool:
    """Whether another version was live as champion on an approval that stands."""
    return any(
        one.state in STANDING
        and one.alias == CHAMPION
        and one.route is not Route.RETIREMENT
        and one.promotion is PromotionState.APPLIED
        and one.version_number != live
        for one in shown.briefs
    )


def _sure(shown: Shown) -> None:
    held = shown.model.alias(CHAMPION)
    choices = act(lambda by: portal().rollbacks.choices(shown.model.id, CHAMPION, by=by))
    if not choices:
        show(note("No version was live before on an approval that still stands."))
        return
    chosen = st.selectbox("Set back to", choices, format_func=_called, key="roll-back-to")
    was = f"v{held.number}" if held else "nothing"
    leaves = f"leaves v{held.number} for" if held else "is nowhere and comes to"
    show(
        paragraph(
            f"@{CHAMPION} {leaves} v{chosen.version_number}, usually within seconds. One signature "
            "is enough, because this version was approved by others when it went live; its files "
            "must be the same. It is recorded as a release of its own."
        )
    )
    why = st.text_area(
        "Reason (required)",
        value=f"Rolled back from {was} to v{chosen.version_number}.",
        key="roll-back-why",
    )
    told = st.container()
    if not signed("Leave it", f"Set back to v{chosen.version_number}"):
        return
    with told:
        made = act(lambda by: portal().rollbacks.roll_back(chosen.version_id, CHAMPION, why, by=by))
    if made is not None:
        st.switch_page(ways.to("release"), query_params={"id": made.number})


def _called(one: Earlier) -> str:
    return f"v{one.version_number}, live from {words.day(one.live_since)} by {one.request_number}"
