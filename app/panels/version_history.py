"""The versions of a model in a line: where each stands, and by whose act."""

from __future__ import annotations

from typing import Final

from app.panels import alias_history, assurance, deprecation
from app.panels.shown import CHAMPION, Shown
from app.ui import page, timeline, words
from app.ui.markup import Markup, join, note, show, text
from app.ui.timeline import Point
from catalog.registry.models import Version
from catalog.releases.decisions.briefs import Brief
from catalog.releases.states import STANDING, PromotionState, Route, State

_MOST_POINTS: Final = 7


def history(shown: Shown) -> None:
    """The newest versions and the live one on a line, and what was live before."""
    show(
        page.section("Version history", _since(shown)),
        timeline.timeline([_point(shown, one) for one in _told(shown)]),
        note(alias_history.answer(shown, CHAMPION, shown.now - alias_history.LOOK_BACK)),
    )


def _since(shown: Shown) -> Markup:
    first = shown.versions.listed[-1]
    count = words.plural(len(shown.versions), "version")
    hidden = len(shown.versions) - _MOST_POINTS
    older = f", {hidden} older under Versions" if hidden > 0 else ""
    since = f"{count} since {words.day(first.created_at)}{older}"
    if not any(shown.key(one) for one in _told(shown)):
        return text(since)
    return join((f"{since}, numbers ", assurance.RUNS.chip))


def _told(shown: Shown) -> list[Version]:
    """The newest few and the live one, oldest first."""
    kept = list(shown.versions[:_MOST_POINTS])
    champion = shown.champion
    if champion is not None and champion not in kept:
        kept[-1] = champion
    return kept[::-1]


def _point(shown: Shown, version: Version) -> Point:
    state, says, who = standing(shown, version)
    key = shown.key(version)
    number = f"{key.measure.label} {words.figure(key.value)} · " if key else ""
    return Point(
        f"v{version.number}",
        state,
        says,
        f"{number}{words.day(version.created_at)}",
        who,
        version.aliases,
        deprecation.mark(shown.deprecations.get(version.id), shown.now.date()),
    )


def standing(shown: Shown, version: Version) -> tuple[timeline.State, str, str]:
    """Where a version stands: how it is drawn, in words, and by whose act."""
    alias = shown.model.alias(CHAMPION)
    if alias is not None and alias.number == version.number:
        approval = shown.approval(version)
        who = agreed(shown, approval) if approval else "no approval here"
        return "live", f"Live since {words.day(alias.since)}", who
    asked = shown.requests(version)
    if not asked:
        return "past", "Not asked for", ""
    newest = asked[0]
    by_whom = f"requested by {shown.name(newest.requested_by)}"
    if newest.is_open:
        return "waits", "Waits for a decision", by_whom
    if newest.state is State.REJECTED:
        return "rejected", "Rejected", f"by {shown.name(newest.decided_by)}"
    if newest.promotion is PromotionState.APPLIED:
        at = words.day(newest.promoted_at or newest.changed_at)
        then = "" if newest.state in STANDING else f", then {newest.state.value.lower()}"
        was = "live" if newest.alias == CHAMPION else f"@{newest.alias}"
        said = "Retired" if newest.route is Route.RETIREMENT else f"Was {was} from"
        return "past", f"{said} {at}{then}", agreed(shown, newest)
    return "past", newest.state.value, by_whom


def agreed(shown: Shown, brief: Brief) -> str:
    """By whose act a version went live: approved, or put back as what was live before."""
    act = "put back" if brief.route is Route.ROLLBACK else "approved"
    return f"{act} by {shown.name(brief.decided_by)}"
