"""A restricted model: what may be known of it from outside, and the way to be let in."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import streamlit as st

from app.session import did, portal
from app.ui import chips, feedback, page, tables, words
from app.ui.markup import Markup, label, note, paragraph, quote, show
from auth.access_request import AccessRequest, State, may_ask
from auth.access_requests import LONGEST_STATEMENT
from auth.actors import Actor
from catalog.registry.locked import Summary
from catalog.registry.models import Model
from catalog.registry.restrictions import LONGEST_REASON

RESTRICT: Final = "Restrict"
LIFT: Final = "Open to everybody"
_USUAL: Final = timedelta(days=90)


def mark(model: Model | Summary) -> list[Markup]:
    """The chip of a restricted model, or none."""
    return [chips.fact("Restricted")] if model.restricted_at is not None else []


def panel(summary: Summary, *, by: Actor) -> None:
    """What everybody in its scope may know of a model, and how to be let in."""
    here = portal()
    newest = here.access_requests.newest(summary.id, by=by)
    waits = newest is not None and newest.is_open
    names = here.people.names({summary.owner_id, newest.decided_by if newest else ""} - {""})
    may = may_ask(by, summary.resource)

    def ask() -> None:
        if may and not waits:
            pressed = st.button(
                "Ask for access", type="primary", icon=":material/key:", key="ask-access"
            )
            if pressed:
                st.dialog("Ask for access", width="medium")(_ask)(summary)

    page.head(
        (summary.domain or "No domain yet", "Model"),
        summary.name,
        summary.description or "Nobody has described this model in MLflow yet.",
        chips=[*mark(summary), *([chips.fact(summary.task)] if summary.task else [])],
        actions=ask,
    )
    left, right = st.columns([0.56, 0.44])
    with left, page.card("locked", stretch=True):
        show(
            page.section("This model is restricted"),
            paragraph(
                "You may know that it is there and what it is for. Its versions, numbers, data "
                "and explanations are open to those who are let in."
            ),
            quote(summary.restricted_why) if summary.restricted_why else "",
            tables.facts(
                [
                    ("Owner", names.get(summary.owner_id) or chips.gap("nobody yet")),
                    ("Restricted since", _since(summary)),
                    ("Who lets in", _who_answers(summary, names.get(summary.owner_id, ""))),
                ]
            ),
        )
    with right, page.card("my-request", stretch=True):
        show(page.section("Your access"))
        if newest is None:
            feedback.empty("You have not asked yet", "Say what you need it for with the button.")
        else:
            show(*story(newest, names))
        if newest is not None and waits:
            _withdraw_button(newest)


def _since(summary: Summary) -> str | None:
    return words.moment(summary.restricted_at) if summary.restricted_at else None


def _who_answers(summary: Summary, owner: str) -> str:
    return f"{owner}, or a governance admin" if summary.owner_id else "a governance admin"


def story(one: AccessRequest, names: dict[str, str]) -> list[Markup]:
    """Where a request stands, what was asked, and what was answered."""
    who = names.get(one.decided_by, "Somebody")
    when = words.moment(one.decided_at) if one.decided_at else ""
    until = f" until {words.day(one.until)}, that day included" if one.until else ""
    said = {
        State.PENDING: f"You asked {words.moment(one.asked_at)}{until}. Nobody has answered yet.",
        State.ACCEPTED: f"{who} let you in{until}, {when}."
        + (" The access was taken back since." if one.is_taken_back else ""),
        State.REFUSED: f"{who} refused, {when}.",
        State.WITHDRAWN: f"You withdrew it, {when}.",
        State.EXPIRED: f"It ended on {words.day(one.until)}." if one.until else "It ended.",
    }[one.state]
    answer = [quote(one.reason, who)] if one.reason else []
    return [chips.row(chip(one)), paragraph(said), *answer, note(f"For: {one.purpose}")]


def chip(one: AccessRequest) -> Markup:
    """The state of a request as a chip."""
    if one.is_taken_back:
        return chips.status("None", "Taken back")
    return chips.status(one.state.value)


def _withdraw_button(one: AccessRequest) -> None:
    if st.button("Withdraw the request", key="withdraw-access", icon=":material/undo:") and did(
        lambda by: portal().access_requests.withdraw(one.id, by=by)
    ):
        st.rerun()


def _ask(summary: Summary) -> None:
    today = portal().clock.now().date()
    show(
        paragraph(
            f"The owner of {summary.name} or a governance admin reads what you write. Access is "
            "for reading, from the next click after they accept."
        )
    )
    purpose = st.text_area(
        "What do you need it for? (required)",
        key="access-purpose",
        max_chars=LONGEST_STATEMENT,
        placeholder="The work it serves, and what you will look at",
    )
    until = last_day("For how long", today, None, "access-ask")
    if st.button("Ask", type="primary", key="access-sign") and did(
        lambda by: portal().access_requests.ask(summary.id, purpose or "", by=by, until=until)
    ):
        st.rerun()


def last_day(title: str, today: date, asked: date | None, key: str) -> date | None:
    """The last day of access, or none: it lasts until it is taken back.

    Who asked for access until a day is let in until a day, that one or another.
    """
    kind = (
        "Until a day"
        if asked
        else st.segmented_control(
            title,
            ("Until a day", "Until taken back"),
            default="Until taken back",
            required=True,
            key=f"{key}-kind",
        )
    )
    if kind != "Until a day":
        return None
    return st.date_input(
        "Last day",
        value=max(asked, today) if asked else today + _USUAL,
        min_value=today,
        key=f"{key}-day",
        format="YYYY-MM-DD",
        help="A day of the calendar in UTC, included.",
    )


# -- restricting -----------------------------------------------------------------------------------


def offered(model: Model, *, by: Actor) -> list[str]:
    """What the menu of a model offers to those who may restrict it."""
    if not portal().restrictions.may_restrict(model.resource, by=by):
        return []
    return [RESTRICT if model.restricted_at is None else LIFT]


def change(chosen: str, model: Model) -> None:
    """Open the dialog of what the menu offered."""
    if chosen == RESTRICT:
        st.dialog(label(f"Restrict {model.name}"), width="medium")(_restrict)(model)
    if chosen == LIFT:
        st.dialog(label(f"Open {model.name} to everybody"), width="medium")(_lift)(model)


def _restrict(model: Model) -> None:
    show(
        paragraph(
            f"Everybody in {model.domain or 'its domain'} may still find {model.name} and read "
            "what it is for and whose it is. Its versions, numbers, data and explanations are "
            "open only to its owner, to approvers, validators, auditors and governance admins, "
            "and to those who ask and are let in. It counts from the next click."
        )
    )
    reason = st.text_area("Reason (required)", key="restrict-reason", max_chars=LONGEST_REASON)
    if st.button("Restrict", type="primary", key="restrict-sign") and did(
        lambda by: portal().restrictions.restrict(model.id, reason or "", by=by)
    ):
        st.rerun()


def _lift(model: Model) -> None:
    show(
        paragraph(
            f"Everybody who may read models in {model.domain or 'its domain'} reads all of "
            f"{model.name} from the next click. Access that was given stays given."
        )
    )
    reason = st.text_area("Reason (required)", key="lift-reason", max_chars=LONGEST_REASON)
    if st.button("Open it", type="primary", key="lift-sign") and did(
        lambda by: portal().restrictions.lift(model.id, reason or "", by=by)
    ):
        st.rerun()
