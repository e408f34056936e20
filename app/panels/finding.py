"""One finding: what is wrong, what was done about it, and what this reader may do now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import streamlit as st

from app.panels.findings import severity, state, when
from app.panels.links import link
from app.session import act, did, portal
from app.ui import chips, page, tables, words
from app.ui.dialogs import signed
from app.ui.feedback import notice, problem
from app.ui.markup import Markup, note, paragraph, quote, show, tag
from auth.actors import Actor
from catalog.releases.decisions.emergencies import REMEDY
from catalog.releases.findings.finding import (
    UNEXPLAINED,
    Finding,
    FindingState,
    Kind,
)
from catalog.releases.findings.findings import May
from catalog.releases.findings.opening import LONGEST_DAYS
from ledger.errors import NotFound


def one(asked: str, *, by: Actor) -> None:
    """One finding: what is wrong, what was done about it, and what this reader may do now."""
    try:
        found = portal().findings.get(asked, by=by)
        may = portal().findings.may(asked, by=by)
    except NotFound as error:
        page.head(("Findings", "Which one?"), "No such finding")
        problem(error)
        link("All findings", "findings", icon=":material/arrow_back:")
        return
    today = portal().clock.now().date()
    able = _reviewers(found, by)
    names = portal().people.names(
        {found.owner_id, found.opened_by, found.remedied_by, found.closed_by}
    )
    page.head(("Findings", found.number), found.title)
    if able == []:
        notice(
            "Nobody can review this emergency, so its approval lapses after its day.",
            REMEDY,
        )
    with page.card("finding"):
        show(
            page.section(found.kind.capitalize(), state(found, today)),
            tables.facts(facts(found, names, today, able=able)),
            paragraph(found.detail) if found.detail else "",
        )
        with st.container(horizontal=True, key="finding-links"):
            model = portal().models.get(found.model_id, by=by)
            if model.gone_at is None:
                link(found.model_name, "model", model=model, icon=":material/deployed_code:")
            if found.request_id:
                link("The release request", "release", id=found.request_id)
            if found.reverted_by:
                link("The rollback", "release", id=found.reverted_by)
    if found.remedy or found.closed_why:
        with page.card("remedy"):
            show(page.section("What was done"), *story(found, names))
    if may.remedy or may.close or may.assign:
        _bar(found, may, by=by)
    elif found.stands:
        show(note(_next_step(found, closing=False)))


def _reviewers(found: Finding, by: Actor) -> list[str] | None:
    """The names of those who may review an emergency that waits for it; None for anything else."""
    if found.kind is not Kind.EMERGENCY or not found.stands:
        return None
    return [one.name for one in portal().findings.owners(found.id, by=by)]


def _bar(found: Finding, may: May, *, by: Actor) -> None:
    closing = bool(may.close)
    with page.decision_bar(found.number, tag("span", _next_step(found, closing=closing))):
        is_review = found.kind is Kind.EMERGENCY
        giving = "Another owner or day" if found.owner_id else "Give it to somebody"
        if may.assign and st.button(giving, key="assign"):
            st.dialog(giving, width="medium")(_assign)(found, by)
        remedied = "Say why it was needed" if is_review else "It was put right"
        # Who reviews an emergency accounts for none of it.
        accounts = may.remedy and not (is_review and closing)
        if accounts and st.button(remedied, key="remedy", type="primary"):
            st.dialog("Say what was done", width="medium")(_sign)(found, "remedy")
        if closing:
            is_open = found.state is FindingState.OPEN
            if not is_open and st.button("Not put right", key="reopen"):
                st.dialog("Open it again", width="medium")(_sign)(found, "reopen")
            closed = "Review" if is_review else "Close"
            if st.button(closed, key="close"):
                st.dialog(f"{closed} it", width="medium")(_sign)(found, "close")


def facts(
    found: Finding,
    names: Mapping[str, str],
    today: date,
    *,
    able: Sequence[str] | None = None,
) -> list[tuple[str, object]]:
    """What is known of it, in a column; `able` are those who may review an emergency."""
    owned = "Reviewed by" if found.kind is Kind.EMERGENCY else "Put right by"
    owner = names.get(found.owner_id, "Nobody yet")
    if able is not None and owner not in able:
        owner = "Nobody yet"
    told: list[tuple[str, object]] = [
        ("Severity", severity(found)),
        (owned, owner),
    ]
    if able is not None:
        told.append(
            ("May review it", words.listing(list(able)) if able else chips.gap("Nobody can yet"))
        )
    told.append(("Due", when(found, today)))
    if found.version_number:
        alias = f" @{found.alias}" if found.alias else ""
        told.append(("Version", f"v{found.version_number}{alias}"))
    opened = names.get(found.opened_by, "Countersign")
    told.append(("Opened", f"{words.moment(found.opened_at)} by {opened}"))
    if found.until:
        told.append(("Happened", _window(found)))
    if found.took is not None:
        told.append(("Found within", words.span(found.took.total_seconds())))
    if found.reverted_by and found.reverted_at:
        told.append(
            ("Set back", f"{words.moment(found.reverted_at)} by Countersign, as its policy says")
        )
    elif found.not_reverted:
        told.append(("Not set back", found.not_reverted))
    return told


def _window(found: Finding) -> str:
    if found.until is None:
        return ""
    if found.since is None or words.moment(found.since) == words.moment(found.until):
        return words.moment(found.until)
    return f"between {words.moment(found.since)} and {words.moment(found.until)}"


def story(found: Finding, names: Mapping[str, str]) -> list[Markup]:
    """What its owner said was done, and what whoever closed it saw."""
    told = []
    if found.remedy and found.remedied_at:
        who = names.get(found.remedied_by, "Somebody")
        told.append(quote(found.remedy, f"{who}, {words.moment(found.remedied_at)}"))
    if found.closed_why and found.closed_at:
        who = names.get(found.closed_by, "Countersign")
        told.append(
            quote(found.closed_why, f"{found.state} by {who}, {words.moment(found.closed_at)}")
        )
    return told


def _next_step(found: Finding, *, closing: bool) -> str:
    if found.kind is Kind.EMERGENCY and closing:
        return (
            "Look whether it was needed and whether the version holds up. If so, review it; if "
            "not, revoke the approval on the request."
        )
    if found.kind is Kind.EMERGENCY:
        return "Somebody who neither asked, built nor approved it reviews it, or it lapses."
    if closing:
        return "Look whether it was put right, and close it or open it again."
    if found.state is FindingState.OPEN and found.kind in UNEXPLAINED and found.alias:
        return "It closes by itself when the alias is set back. Else say what was done."
    if found.state is FindingState.OPEN:
        return "Put it right, then say what was done; somebody else closes it."
    return "Somebody who had no part in it looks, and closes it."


_ACTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "remedy": ("What was done (required)", "What you changed, and where it can be seen", "Sign"),
    "close": ("What you looked at (required)", "How you know that it was put right", "Close it"),
    "reopen": ("What is still wrong (required)", "What its owner has to do", "Open it again"),
}


def _sign(found: Finding, verb: str) -> None:
    label, placeholder, button = _ACTS[verb]
    show(paragraph("Your name, the time and these words are kept in the audit trail."))
    said = st.text_area(label, key=f"said-{verb}", placeholder=placeholder)
    told = st.container()
    if not signed("Keep reading", button):
        return
    with told:
        if act(_verb(found.id, verb, said)) is not None:
            st.rerun()


def _verb(finding_id: str, verb: str, said: str) -> Callable[[Actor], Finding]:
    desk = portal().findings
    verbs = {"remedy": desk.remedy, "close": desk.close, "reopen": desk.reopen}
    return lambda by: verbs[verb](finding_id, said, by=by)


def _assign(found: Finding, by: Actor) -> None:
    people = {one.id: one.name for one in portal().findings.owners(found.id, by=by)}
    today = portal().clock.now().date()
    owner = st.selectbox(
        "Put right by",
        list(people),
        index=list(people).index(found.owner_id) if found.owner_id in people else None,
        format_func=lambda one: people[one],
        key="new-owner",
    )
    due_on = st.date_input(
        "Due",
        value=max(found.due_on, today),
        min_value=today,
        max_value=today + timedelta(days=LONGEST_DAYS),
        key="new-day",
        format="YYYY-MM-DD",
    )
    show(note(f"Due {words.day(due_on)}."))
    why = st.text_area("Reason (required)", key="why-assign", placeholder="Why it changes")
    signed = st.button("Sign", key="sign", type="primary", disabled=owner is None)
    if signed and did(
        lambda here: portal().findings.assign(
            found.id, why, owner_id=str(owner), due_on=due_on, by=here
        )
    ):
        st.rerun()
