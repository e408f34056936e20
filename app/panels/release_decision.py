"""The end of the reviewer's screen: the bar that decides, the dialog that signs, the receipt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final

import streamlit as st

from app.panels import retirement
from app.panels.acts import reason_words
from app.panels.links import link
from app.panels.release_dossier import Dossier
from app.panels.release_routes import did
from app.panels.release_routes import state as state_chips
from app.panels.release_sheet import is_waiting_for_worker, verdict_chips
from app.session import act, portal
from app.ui import chips, page, tables, words
from app.ui.dialogs import signed
from app.ui.feedback import notice, progress
from app.ui.markup import (
    join,
    label,
    mono,
    note,
    paragraph,
    quote,
    sentence,
    show,
    strong,
    tag,
)
from auth.access import ANYTHING, decide
from auth.actors import Actor
from catalog.releases.conditions import MOST, Condition
from catalog.releases.findings.opening import LONGEST_DAYS, LONGEST_TITLE
from catalog.releases.promotions import Promotion
from catalog.releases.request import ReleaseRequest
from catalog.releases.states import AGREEING, PromotionState, Route, State, Verb
from ledger.errors import Conflict

_LOOK_AGAIN_S: Final = 2.0
_CLOSING: Final = (
    "release:approve",
    "release:approve-with-conditions",
    "release:reject",
    "release:withdraw",
    "release:expire",
    "release:revoke",
    "release:roll-back",
)
# How many conditions the dialog shows; kept while it is open.
_MORE: Final = "conditions-shown"
# The last of the numbered sections.
_NUMBER: Final = 10
# What came of signing on a page that is of the past, and the refusals that say that it is.
_SAID: Final = "said-of-a-request"
_LATE: Final = frozenset({"changed-since-review", "wrong-state", "version-gone"})
_USUAL_TIME: Final = timedelta(days=14)
_APPROVED: Final[Mapping[Route, str]] = {
    Route.RELEASE: "approved as",
    Route.EMERGENCY: "approved in an emergency as",
    Route.ROLLBACK: "set back as",
}
_ASK: Final = {
    Verb.APPROVE: ("Approve", "Sign and approve"),
    Verb.APPROVE_WITH_CONDITIONS: ("Approve with conditions", "Sign and approve"),
    Verb.REVOKE: ("Revoke", "Sign and revoke"),
    Verb.REQUEST_CHANGES: ("Request changes", "Sign and send back"),
    Verb.REJECT: ("Reject", "Sign and reject"),
    Verb.WITHDRAW: ("Withdraw", "Sign and withdraw"),
    Verb.RESUBMIT: ("Send again", "Sign and send again"),
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
    decision = request.decisions[-1]
    step = next((one for one in reversed(dossier.history) if one.act in _CLOSING), None)
    facts: list[tuple[str, object]] = []
    if step is not None:
        facts += [
            ("Audit record", f"No. {words.thousands(step.sequence)}"),
            ("Recorded", words.moment(step.at)),
        ]
        facts += [
            (f"{name.capitalize()} digest", mono(words.digest(digest)))
            for name, digest in step.digests
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
        if step is not None and decide(dossier.reader, "audit:read", ANYTHING):
            link(f"Audit record {step.sequence}", "audit", record=step.sequence)
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
    if sheet.may_revoke:
        told = tag("span", standing(dossier))
        with page.decision_bar(f"{request.number} stands", told, number=_NUMBER):
            _button(dossier, Verb.REVOKE)
        return
    if not request.is_open:
        return
    version = f"v{request.version_number}"
    if sheet.may_withdraw:
        with page.decision_bar("Your request", _requester_summary(dossier), number=_NUMBER):
            if sheet.may_resubmit:
                _button(dossier, Verb.RESUBMIT)
            _button(dossier, Verb.WITHDRAW)
            if not sheet.may_resubmit:
                st.button("Approve", key="approve", disabled=True)
        return
    concerned = sheet.may_decide or sheet.may_decide.code in {"author", "requester"}
    if not concerned:
        return
    why = "" if sheet.may_approve else sheet.may_approve.reason
    summary = join((*verdict_chips(sheet.gates), tag("span", why)))
    with page.decision_bar(f"Your decision on {version}", summary, number=_NUMBER):
        is_open = bool(sheet.may_decide)
        _button(dossier, Verb.REJECT, closed=not is_open)
        _button(dossier, Verb.REQUEST_CHANGES, closed=not is_open)
        if request.route not in {Route.EMERGENCY, Route.RETIREMENT}:
            _button(dossier, Verb.APPROVE_WITH_CONDITIONS, closed=not sheet.may_condition)
        _button(dossier, Verb.APPROVE, closed=not sheet.may_approve)


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


def _button(dossier: Dossier, verb: Verb, *, closed: bool = False) -> None:
    if st.button(_called(dossier, verb), key=verb.value, disabled=closed):
        _open(dossier, verb)


def _called(dossier: Dossier, verb: Verb) -> str:
    if verb is Verb.APPROVE and dossier.request.route is Route.EMERGENCY:
        return "Approve the emergency"
    return _ASK[verb][0]


def _open(dossier: Dossier, verb: Verb) -> None:
    request = dossier.request
    title = f"{_called(dossier, verb)}: {request.model_name} v{request.version_number}"
    st.dialog(label(title), width="medium")(_sign)(dossier, verb)


def _sign(dossier: Dossier, verb: Verb) -> None:
    request = dossier.request
    kept = "Your name, the time and your reason are kept in the audit trail and cannot be changed."
    show(paragraph(consequence(dossier, verb)), paragraph(kept))
    if verb is Verb.APPROVE and request.route is Route.EMERGENCY:
        review = dossier.outlook.reviewable(by=dossier.reader.id)
        if not review:
            notice(review.reason, review.hint)
    panel = _capacity(dossier) if verb in AGREEING else ""
    reason = st.text_area(
        "Reason (required)",
        key=f"reason-{verb.value}",
        placeholder=_PLACEHOLDER[verb],
    )
    conditions = _conditions(dossier) if verb is Verb.APPROVE_WITH_CONDITIONS else []
    told = st.container()
    if not signed("Keep reading", _ASK[verb][1]):
        return
    with told:
        if missing := still_missing(reason, conditions):
            notice(f"Still to be written: {words.listing(missing)}.", "Nothing is signed yet.")
            return
        signs = _verb(dossier, verb, reason, conditions, panel)
        if act(lambda by: _signed(signs, request, by)) is not None:
            st.session_state.pop(_MORE, None)
            st.rerun()


def still_missing(reason: str, conditions: Sequence[Condition]) -> list[str]:
    """All that has to be written before it can be signed, at once."""
    told = [] if reason.strip() else ["the reason"]
    told += [
        f"condition {place}" for place, one in enumerate(conditions, 1) if not one.asks.strip()
    ]
    return told


def _capacity(dossier: Dossier) -> str:
    """In which of their roles somebody agrees: chosen where there are several, else told."""
    mine = [one for one in dossier.outlook.people if one.person_id == dossier.reader.id]
    roles = mine[0].roles if mine else ()
    if len(roles) > 1:
        return st.radio(
            "You agree as",
            roles,
            format_func=str.capitalize,
            horizontal=True,
            key="panel",
            help="You hold several of the roles that must agree, and count once.",
        )
    if roles and len(dossier.sheet.seats) > 1:
        show(note(f"You agree as {roles[0]}."))
    return ""


def _signed(
    signs: Callable[[Actor], ReleaseRequest], request: ReleaseRequest, by: Actor
) -> ReleaseRequest:
    """What signing gave; where the page is of the past, that is said on the page as it is now."""
    try:
        return signs(by)
    except Conflict as late:
        if late.code not in _LATE:
            raise
        st.session_state[_SAID] = (request.id, late.message, late.hint)
        return request


def said_before(request: ReleaseRequest) -> None:
    """What came of signing on a page that was drawn before something happened, told once."""
    about, message, hint = st.session_state.pop(_SAID, ("", "", ""))
    if about == request.id:
        notice(message, hint)


def _conditions(dossier: Dossier) -> list[Condition]:
    """What is asked for afterwards, and by when: a line each."""
    today = dossier.now.date()
    shown = st.session_state.get(_MORE, 1)
    asked = []
    for place in range(shown):
        what, when = st.columns([0.72, 0.28])
        asks = what.text_input(
            f"Condition {place + 1}",
            key=f"condition-{place}",
            placeholder="What has to be done, and how it can be seen",
            max_chars=LONGEST_TITLE,
        )
        due_on = when.date_input(
            f"Due {place + 1}",
            value=today + _USUAL_TIME,
            min_value=today,
            max_value=today + timedelta(days=LONGEST_DAYS),
            key=f"condition-due-{place}",
            format="YYYY-MM-DD",
        )
        with when:
            show(note(words.day(due_on)))
        if asks.strip() or place == 0:
            asked.append(Condition(asks, due_on))
    if shown < MOST and st.button("Add a condition", key="add-condition"):
        st.session_state[_MORE] = shown + 1
        st.rerun(scope="fragment")
    return asked


def _verb(
    dossier: Dossier, verb: Verb, reason: str, conditions: Sequence[Condition], panel: str
) -> Callable[[Actor], ReleaseRequest]:
    desk, request_id, seen = portal().requests, dossier.request.id, dossier.request.digests
    if verb is Verb.REVOKE:
        return lambda by: portal().approvals.revoke(request_id, reason, by=by)
    if verb is Verb.WITHDRAW:
        return lambda by: desk.withdraw(request_id, reason, by=by)
    if verb is Verb.RESUBMIT:
        return lambda by: desk.resubmit(request_id, reason, by=by)
    return lambda by: desk.decide(
        request_id, verb, reason, conditions=conditions, panel=panel, seen=seen, by=by
    )


_PLACEHOLDER: Final = {
    Verb.APPROVE: "What you looked at, and why it is enough",
    Verb.APPROVE_WITH_CONDITIONS: "What you looked at, and why it may go live before the rest",
    Verb.REVOKE: "What has turned out, and what has to happen to the live version",
    Verb.REQUEST_CHANGES: "What has to be different before you can decide",
    Verb.REJECT: "What stands against it",
    Verb.WITHDRAW: "Why it is not asked any more",
    Verb.RESUBMIT: "What has changed since",
}


def consequence(dossier: Dossier, verb: Verb) -> str:
    """What signing will do, in one sentence."""
    if dossier.request.route is Route.RETIREMENT and verb in retirement.CONSEQUENCES:
        return retirement.consequence(dossier.request, verb)
    return _of_release(dossier, verb)


def _of_release(dossier: Dossier, verb: Verb) -> str:
    request = dossier.request
    version = f"v{request.version_number} of {request.model_name}"
    requester = dossier.name(request.requested_by)
    match verb:
        case Verb.REVOKE:
            return f"The approval of {version} is taken back. {_left_behind(dossier)}"
        case Verb.APPROVE | Verb.APPROVE_WITH_CONDITIONS:
            return _goes_live(dossier, verb)
        case Verb.REQUEST_CHANGES:
            return (
                f"The request goes back to {requester}, who can send it again or withdraw it; "
                "nothing is moved."
            )
        case Verb.REJECT:
            return f"The request is closed and {version} does not become {request.alias}."
        case Verb.WITHDRAW:
            return "Your request is closed; nothing is moved, and you can ask again later."
        case _:
            return "Your request goes to the approvers again, on the evidence as it is now."


def _left_behind(dossier: Dossier) -> str:
    """What becomes of the alias once its approval is taken back, by the policy in force."""
    request = dossier.request
    found = act(lambda by: portal().remedies.aftermath(request.id, by=by))
    if found is None:
        return ""
    here = f"v{request.version_number} is live as @{request.alias}"
    if not found.is_live:
        return "Nothing that is live rests on it alone: what was not moved yet stays where it is."
    if found.sets_back and found.to is not None:
        return (
            f"{here}, and the policy {found.policy} has it set back: within seconds Countersign "
            f"moves @{request.alias} in MLflow to v{found.to}, which was approved before. A "
            "finding says so."
        )
    if found.sets_back:
        return (
            f"{here}, and the policy {found.policy} would have it set back, but no other approval "
            "stands: it stays live, and a critical finding is opened for its owner."
        )
    return (
        f"{here} and stays so: the policy in force only reports it. A critical finding is opened "
        "for its owner, and Roll back on the Model page sets the alias back."
    )


def _goes_live(dossier: Dossier, verb: Verb) -> str:
    """What an approval leads to, and what it hangs on."""
    request = dossier.request
    version = f"v{request.version_number} of {request.model_name}"
    requester = dossier.name(request.requested_by)
    instead = f" in place of v{request.replaces}" if request.replaces else ""
    others = sum(seats.open for seats in dossier.sheet.seats) - 1
    if others > 0:
        return (
            f"Your agreement is recorded; {words.plural(others, 'more agreement')} "
            f"{'is' if others == 1 else 'are'} needed before {version} becomes "
            f"{request.alias}{instead}."
        )
    lapses = (
        f" Each condition is a finding of {requester}; one that stands after its day "
        "revokes the approval by itself."
        if verb is Verb.APPROVE_WITH_CONDITIONS
        else ""
    )
    if request.route is Route.EMERGENCY:
        law = dossier.sheet.policy.emergency
        days = f" within {words.plural(law.review_within_days, 'day')}" if law else ""
        who = words.listing(
            [one.name for one in dossier.outlook.reviewers if one.id != dossier.reader.id]
        )
        lapses = (
            " This is an emergency approval: gates do not hold it up, and it lapses unless "
            f"{who or 'somebody who had no part in it'} reviews it{days}."
        )
    return (
        f"{version} becomes {request.alias}{instead}: the worker moves the alias in "
        f"MLflow, usually within seconds.{lapses}"
    )
