"""The end of the reviewer's screen: the bar that decides, and the receipt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import streamlit as st

from app.panels import release_receipt, retirement
from app.panels.acts import reason_words
from app.panels.links import link
from app.panels.release_dossier import Dossier
from app.panels.release_routes import did
from app.panels.release_routes import state as state_chips
from app.panels.release_sheet import is_waiting_for_worker, verdict_chips
from app.panels.release_signing import button, said_before
from app.session import act, portal
from app.ui import chips, page, tables, words
from app.ui.feedback import progress
from app.ui.markup import (
    join,
    mono,
    note,
    quote,
    sentence,
    show,
    strong,
    tag,
)
from auth.access import ANYTHING, decide
from catalog.releases.promotions.outbox import Promotion
from catalog.releases.requests.request import ReleaseRequest
from catalog.releases.states import PromotionState, Route, State, Verb

_LOOK_AGAIN_S: Final = 2.0
# The last of the numbered sections; of a retirement fewer are asked.
_NUMBER: Final = 10
_OF_RETIREMENT: Final = 6
_APPROVED: Final[Mapping[Route, str]] = {
    Route.RELEASE: "approved as",
    Route.EMERGENCY: "approved in an emergency as",
    Route.ROLLBACK: "set back as",
}


# -- what came of it -------------------------------------------------------------------------------


def receipt(dossier: Dossier) -> None:
    """What has happened to the request, and what the worker is doing about it now."""
    request = dossier.request
    said_before(request)
    changed = request.state is State.IN_REVIEW and dossier.sheet.changed_since
    if request.state is State.PENDING_REVIEW or changed:
        with page.card("reading"):
            _follow(request, reads=True)
        return
    if request.is_open or not request.decisions:
        return
    decision, kept = request.decisions[-1], dossier.receipt
    facts: list[tuple[str, object]] = []
    if kept is not None:
        facts += [
            ("Audit record", f"No. {words.thousands(kept.sequence)}"),
            ("Recorded", words.moment(kept.recorded_at)),
        ]
        facts += [
            (f"{name.capitalize()} digest", mono(words.digest(digest)))
            for name, digest in sorted(kept.digests.items())
        ]
    who = f"{dossier.name(decision.person_id)}, {words.moment(decision.at)}"
    with page.card("receipt"):
        show(
            page.section(
                "Receipt", state_chips(request.route, request.requested_by, request.state)
            ),
            page.columns(
                join((sentence(strong(outcome(dossier))), tables.facts(facts))),
                quote(decision.reason, f"{did(request.route, decision.verb)} by {who}"),
            ),
        )
        if kept is not None:
            release_receipt.proof(dossier, kept)
        release_receipt.pack_button(request)
        if kept is not None and decide(dossier.reader, "audit:read", ANYTHING):
            link(f"Audit record {kept.sequence}", "audit", record=kept.sequence)
        if request.promotion is not None:
            _follow(request)
            if request.promotion.state is PromotionState.APPLIED:
                show(note(_as_mlflow_shows(dossier)))


def outcome(dossier: Dossier) -> str:
    """What became of a request, in a sentence."""
    if dossier.request.route is Route.RETIREMENT:
        return retirement.outcome(dossier.request)
    return _released(dossier)


def _released(dossier: Dossier) -> str:
    request = dossier.request
    version = f"v{request.version_number}"
    match request.state:
        case State.APPROVED:
            return f"{version} was {_APPROVED[request.route]} {request.alias}."
        case State.CONDITIONALLY_APPROVED:
            return _until_when(dossier)
        case State.REVOKED:
            return f"The approval of {version} as {request.alias} was taken back."
        case State.REJECTED:
            return f"{version} does not become {request.alias}."
        case State.WITHDRAWN:
            return "The request was taken back; nothing was moved."
        case _:
            return "The request was closed; nothing was moved."


def _until_when(dossier: Dossier) -> str:
    """Until when an approval on conditions stands by itself."""
    request = dossier.request
    days = [one.due_on for one in dossier.sheet.conditions if one.stands]
    until = f" until {words.day(min(days))}" if days else ""
    if request.route is Route.EMERGENCY:
        by_when = f" by {words.day(min(days))}" if days else ""
        return (
            f"v{request.version_number} was approved in an emergency as {request.alias}. Somebody "
            f"who had no part in it reviews it{by_when}, or the approval lapses by itself."
        )
    return (
        f"v{request.version_number} was approved as {request.alias} on conditions{until}; "
        "one that still stands after its day revokes the approval by itself."
    )


def _as_mlflow_shows(dossier: Dossier) -> str:
    request = dossier.request
    held = dossier.model.alias(request.alias)
    if held is None:
        return f"MLflow shows @{request.alias} on no version now."
    if held.number == request.version_number:
        return f"MLflow shows @{request.alias} on v{held.number} since {words.moment(held.since)}."
    return (
        f"MLflow shows @{request.alias} on v{held.number} now, "
        f"since {words.moment(held.since)}: it was moved again later."
    )


def _follow(request: ReleaseRequest, *, reads: bool = False) -> None:
    """Tell what the worker does, and look again until it has done it."""
    waits = reads or is_waiting_for_worker(request)
    watched = st.fragment(_watch, run_every=_LOOK_AGAIN_S if waits else None)
    watched(request.id, _stage(request), reads)


def _watch(request_id: str, stage: tuple[str, ...], reads: bool) -> None:  # noqa: FBT001
    found = act(lambda by: portal().requests.get(request_id, by=by))
    if found is None:
        return
    if _stage(found) != stage:
        st.rerun()
    if reads and found.problem:
        show(note("It is read again as soon as that is put right."))
    elif reads:
        show(
            progress(
                "The worker is reading what this request is decided on",
                None,
                "Every file gets its SHA-256 on record, and the gates are asked; then the request "
                "opens for review. You can leave and come back.",
            )
        )
    elif found.promotion is not None:
        show(promotion_words(found.promotion, found.route))


def _stage(request: ReleaseRequest) -> tuple[str, ...]:
    """What is other as soon as the worker did something."""
    promotion = request.promotion.state if request.promotion else ""
    digests = (request.policy_digest, request.snapshot_digest, request.manifest_digest)
    return (request.state, promotion, request.problem, *digests)


def promotion_words(promotion: Promotion, route: Route) -> object:
    """Where an approval on its way into MLflow stands."""
    is_retirement = route is Route.RETIREMENT
    towards = "away from" if is_retirement else "to"
    move = f"@{promotion.alias} {towards} v{promotion.version_number}"
    moving, moved = ("taking", "taken") if is_retirement else ("moving", "moved")
    if promotion.state is PromotionState.QUEUED and promotion.opens_at is not None:
        return progress(
            f"Waiting for the release window: {moving} {move} in MLflow",
            None,
            f"It is carried out from {words.moment(promotion.opens_at)} on, as the policy says.",
        )
    if promotion.state is PromotionState.QUEUED:
        return progress(
            f"Queued: {moving} {move} in MLflow",
            None,
            promotion.message
            or "The worker carries it out within seconds; when MLflow is away, as soon as it is "
            "back.",
        )
    at = words.moment(promotion.finished_at) if promotion.finished_at else ""
    if promotion.state is PromotionState.APPLIED:
        how = reason_words(promotion.code)
        return tag(
            "p",
            chips.status("Applied"),
            f" {move} {moved} in MLflow, {at}. ",
            tag("span", f"{how}." if how else "", cls="cs-quiet"),
        )
    return tag(
        "p",
        chips.status("Failed"),
        f" {promotion.message or reason_words(promotion.code)} Stopped {at}. ",
        tag("span", "Ask for the release again after reading what changed.", cls="cs-quiet"),
    )


# -- the bar ---------------------------------------------------------------------------------------


def bar(dossier: Dossier) -> None:
    """The decision, at the foot of the screen, for those whom it concerns."""
    sheet, request = dossier.sheet, dossier.request
    number = _OF_RETIREMENT if request.route is Route.RETIREMENT else _NUMBER
    if sheet.may_revoke:
        told = tag("span", standing(dossier))
        with page.decision_bar(f"{request.number} stands", told, number=number):
            button(dossier, Verb.REVOKE)
        return
    if not request.is_open:
        return
    version = f"v{request.version_number}"
    if sheet.may_withdraw:
        with page.decision_bar("Your request", _requester_summary(dossier), number=number):
            if sheet.may_resubmit:
                button(dossier, Verb.RESUBMIT)
            button(dossier, Verb.WITHDRAW)
            if not sheet.may_resubmit:
                st.button("Approve", key="approve", disabled=True)
        return
    concerned = sheet.may_decide or sheet.may_decide.code in {"author", "requester"}
    if not concerned:
        return
    why = "" if sheet.may_approve else sheet.may_approve.reason
    summary = join((*verdict_chips(sheet.gates), tag("span", why)))
    with page.decision_bar(f"Your decision on {version}", summary, number=number):
        is_open = bool(sheet.may_decide)
        button(dossier, Verb.REJECT, closed=not is_open)
        button(dossier, Verb.REQUEST_CHANGES, closed=not is_open)
        if request.route not in {Route.EMERGENCY, Route.RETIREMENT}:
            button(dossier, Verb.APPROVE_WITH_CONDITIONS, closed=not sheet.may_condition)
        button(dossier, Verb.APPROVE, closed=not sheet.may_approve)


def standing(dossier: Dossier) -> str:
    """What an approval that was given still rests on."""
    still = sum(one.stands for one in dossier.sheet.conditions)
    if still and dossier.request.route is Route.EMERGENCY:
        return "An emergency approval: its review is due."
    if still:
        return f"{words.plural(still, 'condition')} to be met."
    met = "Every condition is met. " if dossier.sheet.conditions else ""
    return f"{met}The approval holds until somebody revokes it."


def _requester_summary(dossier: Dossier) -> object:
    if dossier.sheet.may_resubmit:
        last = dossier.request.decisions[-1]
        return tag("span", f"{dossier.name(last.person_id)} asked for changes: {last.reason[:160]}")
    return tag("span", f"{dossier.sheet.may_decide.reason} {who_decides(dossier)}")


def who_decides(dossier: Dossier) -> str:
    """Who agreed, and whose agreement it waits for; or that too few hold the roles."""
    outlook = dossier.outlook
    if not outlook.decidable:
        return f"{outlook.decidable.reason} {outlook.decidable.hint}"
    agreed = [one.name for one in outlook.people if one.has_agreed_as]
    done = f"{words.listing(agreed)} {'has' if len(agreed) == 1 else 'have'} agreed. "
    able = outlook.able()
    who = words.listing(able) if able else "Nobody yet"
    may = "can decide" if len(able) > 1 else "can decide it"
    return f"{done if agreed else ''}{who} {may}."
