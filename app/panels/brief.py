"""A release request in brief: its card in a list, and where it stands in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from app.panels import release_routes, ways
from app.session import portal
from app.ui import chips, words
from app.ui.cards import Waiting, inbox_card
from app.ui.markup import Markup, join
from auth.actors import Actor
from catalog.releases.decisions.briefs import Brief
from catalog.releases.gates.asking import Answer
from catalog.releases.states import PromotionState, Route, State


def card(
    brief: Brief, names: Mapping[str, str], by: Actor, now: datetime, *, asked_of: bool
) -> None:
    """A request among others; `asked_of` where this person is asked to act on it."""
    about = f"{brief.number} · asked by {names.get(brief.requested_by, 'somebody unknown')}"
    waited = words.span((now - since(brief)).total_seconds())
    if brief.is_open and brief.reviewer_id:
        who = names.get(brief.reviewer_id, "somebody")
        about += f" · {'you read' if brief.reviewer_id == by.id else f'{who} reads'} it first"
    chip = release_routes.state(brief.route, brief.requested_by, brief.state)
    if asked_of and brief.state is not State.CHANGES_REQUESTED:
        way = release_routes.mark(brief.route, brief.requested_by)
        chip = join((way, " ", chips.status("Waits", f"Waits {waited}")))
    chip = join((chip, *(join((" ", one)) for one in until(brief, now))))
    inbox_card(
        Waiting(
            act_asked(brief, by) if asked_of else move(brief),
            because(brief, names),
            f"{about}, {words.moment(brief.requested_at)}",
            chip,
            icon=":material/approval:",
        ),
        brief.id,
        ways.to("release"),
        {"id": brief.number},
    )


def until(brief: Brief, now: datetime) -> list[Markup]:
    """How long it may still wait: for its decision, and before it is closed by itself."""
    told = [chips.due(brief.decide_by, now.date())] if brief.decide_by else []
    expires = [chips.expires(brief.expires_at.date(), now.date())] if brief.expires_at else []
    return [*told, *expires]


def since(brief: Brief) -> datetime:
    """Since when it waits: since it was asked, or since it came back."""
    asked_now = brief.is_open and brief.state is not State.CHANGES_REQUESTED
    return brief.requested_at if asked_now else brief.changed_at


def act_asked(brief: Brief, by: Actor) -> str:
    """What the person is asked to do, as a title."""
    if brief.state is State.CHANGES_REQUESTED and brief.requested_by == by.id:
        return f"Change and send again: {move(brief)}"
    return f"Decide: {move(brief)}"


def move(brief: Brief) -> str:
    """`credit-pd v5 to @champion`, or `credit-pd v5 no longer @champion`."""
    return f"{brief.model_name} v{brief.version_number} {towards(brief)}"


def towards(brief: Brief) -> str:
    """`to @champion`, or `no longer @champion` where it is to be taken away."""
    return f"{'no longer' if brief.route is Route.RETIREMENT else 'to'} @{brief.alias}"


def because(brief: Brief, names: Mapping[str, str]) -> str:
    """Where the request stands, in one sentence."""
    who = names.get(brief.decided_by, "Somebody unknown")
    when = words.moment(brief.decided_at) if brief.decided_at else ""
    match brief.state:
        case State.CHANGES_REQUESTED:
            return f"{who} asked for changes: {brief.decided_why}"
        case State.PENDING_REVIEW:
            reads = f"The worker is reading the files of v{brief.version_number}."
            return f"It cannot be read: {brief.problem}" if brief.problem else reads
        case State.IN_REVIEW:
            return gates_words(brief)
        case State.APPROVED | State.CONDITIONALLY_APPROVED:
            stands = release_routes.state_words(brief.route, brief.state)
            how, due = f"{stands} by {who}", ""
            if brief.route is Route.ROLLBACK:
                how = f"Set back by {who}"
            elif brief.route is Route.EMERGENCY:
                is_due = brief.state is State.CONDITIONALLY_APPROVED
                how = f"Approved in an emergency by {who}"
                due = " Its review is due." if is_due else " It was reviewed since."
            return f"{how}, {when}.{due} {promoted_words(brief)}"
        case State.REVOKED | State.REJECTED:
            return f"{brief.state} by {who}, {when}: {brief.decided_why}"
        case _:
            return f"{brief.state}, {when or words.moment(brief.changed_at)}."


def gates_words(brief: Brief) -> str:
    """How many gates pass, and which stand in the way."""
    failing, missing = brief.answering(Answer.FAIL), brief.answering(Answer.MISSING)
    total = len(brief.answers)
    if not total:
        return "The gates were not asked yet."
    if not failing and not missing:
        return f"All {total} gates pass." if total > 1 else "The gate passes."
    told = []
    if failing:
        told.append(
            f"{words.plural(len(failing), 'gate')} of {total} "
            f"{'fails' if len(failing) == 1 else 'fail'} ({_listed(failing)})"
        )
    if missing:
        told.append(
            f"{len(missing)} {'is' if len(missing) == 1 else 'are'} missing ({_listed(missing)})"
        )
    return f"{' and '.join(told)}."


def _listed(titles: list[str]) -> str:
    return words.listing([title.lower() for title in titles])


def promoted_words(brief: Brief) -> str:
    """What became of an approval in MLflow."""
    at = words.moment(brief.promoted_at) if brief.promoted_at else ""
    match brief.promotion:
        case PromotionState.APPLIED:
            return f"{moved(brief)} in MLflow, {at}."
        case PromotionState.FAILED:
            return f"The alias was not moved: stopped, {at}."
        case PromotionState.QUEUED:
            return "The alias is about to be moved in MLflow."
        case _:
            return ""


def moved(brief: Brief) -> str:
    """What was done to the alias: `The alias was moved`, or taken away."""
    done = "taken away" if brief.route is Route.RETIREMENT else "moved"
    return f"The alias was {done}"


def names_in(briefs: Sequence[Brief]) -> dict[str, str]:
    """The names of those whom the cards of these requests mention."""
    return portal().people.names(
        {one.requested_by for one in briefs}
        | {one.decided_by for one in briefs}
        | {one.reviewer_id for one in briefs}
    )
