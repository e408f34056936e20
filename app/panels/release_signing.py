"""Signing a decision: the button, the dialog that says what it will do, and what came too late."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

import streamlit as st

from app.panels import retirement
from app.panels.release_dossier import Dossier
from app.session import act, portal
from app.ui import words
from app.ui.dialogs import signed
from app.ui.feedback import notice
from app.ui.markup import (
    label,
    note,
    paragraph,
    show,
)
from auth.actors import Actor
from catalog.releases.decisions.conditions import MOST, Condition
from catalog.releases.findings.opening import LONGEST_DAYS, LONGEST_TITLE
from catalog.releases.requests.request import ReleaseRequest
from catalog.releases.states import AGREEING, Route, Verb
from ledger.errors import Conflict

# How many conditions the dialog shows; kept while it is open.
_MORE: Final = "conditions-shown"
# What came of signing on a page that is of the past, and the refusals that say that it is.
_SAID: Final = "said-of-a-request"
_LATE: Final = frozenset({"changed-since-review", "wrong-state", "version-gone"})
_USUAL_TIME: Final = timedelta(days=14)
_ASK: Final = {
    Verb.APPROVE: ("Approve", "Sign and approve"),
    Verb.APPROVE_WITH_CONDITIONS: ("Approve with conditions", "Sign and approve"),
    Verb.REVOKE: ("Revoke", "Sign and revoke"),
    Verb.REQUEST_CHANGES: ("Request changes", "Sign and send back"),
    Verb.REJECT: ("Reject", "Sign and reject"),
    Verb.WITHDRAW: ("Withdraw", "Sign and withdraw"),
    Verb.RESUBMIT: ("Send again", "Sign and send again"),
}


def button(dossier: Dossier, verb: Verb, *, closed: bool = False) -> None:
    """The button of a verb; it opens the dialog in which it is signed."""
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
    return lambda by: portal().decisions.decide(
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
    way_back = (
        "Roll back on the Model page sets the alias back."
        if found.to is not None
        else "no other approval stands that the alias could be set back to."
    )
    return (
        f"{here} and stays so: the policy in force only reports it. A critical finding is opened "
        f"for its owner, and {way_back}"
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
