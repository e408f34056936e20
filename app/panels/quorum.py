"""Whether a release can be decided at all: panel by panel in words, and loudly where it cannot."""

from __future__ import annotations

from collections.abc import Callable

from app.ui import chips, words
from app.ui.feedback import notice
from catalog.releases.decisions.deciders import Outlook
from catalog.releases.policies.law import Policy
from catalog.releases.states import Route


def facts(
    outlook: Outlook, name: Callable[[str], str], *, is_asked: bool = True
) -> list[tuple[str, object]]:
    """Each panel: how many are needed, who agreed, and who could."""
    told: list[tuple[str, object]] = []
    for one in outlook.benches:
        said = f"{len(one.agreed)} of {one.needed} agreed" if is_asked else f"{one.needed} needed"
        if one.agreed:
            said += f": {words.listing([name(who) for who in one.agreed])}"
        if one.open:
            could = words.listing([name(who) for who in one.could]) if one.could else "nobody"
            said += f"; {could} could"
        is_short = len(one.could) < one.open
        told.append((f"Agreement: {one.role}", chips.gap(said) if is_short else said))
    return told


def warnings(outlook: Outlook, route: Route, *, by: str = "") -> None:
    """Why a release could never be approved, or its emergency never reviewed, and who helps."""
    if not outlook.decidable:
        notice(outlook.decidable.reason, outlook.decidable.hint)
    if route is Route.EMERGENCY:
        review = outlook.reviewable(by=by)
        if not review:
            notice(review.reason, review.hint)


def review_words(outlook: Outlook) -> object:
    """Who could review an emergency afterwards."""
    names = [one.name for one in outlook.reviewers]
    if not names:
        return chips.gap("Nobody can yet")
    return f"{words.listing(names)}, but not whoever approves it"


def asks_of(policy: Policy) -> str:
    """`1 independent validator and 2 approvers`."""
    return words.listing(
        [
            f"{'every' if one.needed == 'all' else one.needed} {one.role}"
            f"{'' if one.needed in {1, 'all'} else 's'}"
            for one in policy.approvals
        ]
    )
