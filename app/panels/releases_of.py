"""The releases of one model: what was asked, what was decided and why, and what came of it."""

from __future__ import annotations

from app.panels import release_routes, ways
from app.panels.brief import moved, towards
from app.panels.shown import Shown
from app.ui import cards, feedback, page, words
from app.ui.markup import show
from catalog.releases.decisions.briefs import Brief
from catalog.releases.states import PromotionState


def panel(shown: Shown) -> None:
    """One card for each request, newest first; each leads to the request itself."""
    if not shown.briefs:
        feedback.empty(
            "Nobody has asked for a release yet",
            "A model developer or owner asks with Request release, above.",
        )
        return
    show(page.group("Requests", len(shown.briefs)))
    for brief in shown.briefs:
        cards.inbox_card(
            cards.Waiting(
                f"v{brief.version_number} {towards(brief)}",
                story(shown, brief),
                brief.number,
                release_routes.state(brief.route, brief.requested_by, brief.state),
            ),
            f"release-{brief.id}",
            ways.to("release"),
            {"id": brief.id},
        )


def story(shown: Shown, brief: Brief) -> str:
    """A request in words: who asked, who decided and why, and whether the alias was moved."""
    asked = f"{shown.name(brief.requested_by)}, {words.moment(brief.requested_at)}"
    told = [f"{asked}: asked. “{brief.reason}”"]
    if brief.decided_as and brief.decided_at:
        said = f" “{brief.decided_why}”" if brief.decided_why else ""
        told.append(
            f"{shown.name(brief.decided_by)}, {words.moment(brief.decided_at)}: "
            f"{release_routes.did(brief.route, brief.decided_as).lower()}.{said}"
        )
    if brief.promotion is PromotionState.APPLIED and brief.promoted_at:
        told.append(f"{moved(brief)} in MLflow {words.moment(brief.promoted_at)}.")
    elif brief.promotion is PromotionState.QUEUED:
        told.append("The alias is on its way into MLflow.")
    elif brief.promotion is PromotionState.FAILED:
        told.append("The alias was not moved: open the request for the reason.")
    return " ".join(told)
