"""Findings on a screen: what is to be put right, by whom, until when, and who saw that it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import streamlit as st

from app.panels import ways
from app.panels.links import link
from app.session import act, actor, did, portal
from app.ui import cards, chips, page, paging, tables, words
from app.ui.dialogs import signed
from app.ui.feedback import empty, problem
from app.ui.markup import Markup, join, label, note, paragraph, quote, show, tag
from app.ui.tables import Column, Row
from auth.access import decide
from auth.actors import Actor
from catalog.registry.models import Model, Version
from catalog.releases.findings.detection import Detection
from catalog.releases.findings.finding import (
    STANDING,
    UNEXPLAINED,
    Finding,
    FindingState,
    Kind,
    Severity,
)
from catalog.releases.findings.findings import PAGE, May, Waiting, Wanted
from catalog.releases.findings.opening import LONGEST_DAYS, LONGEST_TITLE
from ledger.errors import NotFound

STANDS: Final = "To be put right"
MINE: Final = "Mine"
ALL: Final = "All"
_USUAL_TIME: Final = timedelta(days=14)
_SHOWN: Final = (STANDS, MINE, ALL)


# -- the list --------------------------------------------------------------------------------------


def every(*, by: Actor) -> None:
    """All findings one may see, what is due first at the top, a page at a time."""
    page.head(
        "Decide",
        "Findings",
        "What is to be put right. Its owner says what was done; somebody else looks and closes it.",
    )
    took = portal().findings.detection(by=by)
    if took.findings:
        show(note(detected(took)))
    shown = st.segmented_control(
        "Shown", _SHOWN, default=STANDS, required=True, key="shown", bind="query-params"
    )
    kinds = st.pills(
        "What it is",
        [kind.value for kind in Kind],
        selection_mode="multi",
        format_func=str.capitalize,
        key="kind",
        bind="query-params",
    )
    wanted = Wanted(
        states=frozenset() if shown == ALL else STANDING,
        kinds=frozenset(Kind(one) for one in kinds),
        owner_id=by.id if shown == MINE else "",
    )
    number = paging.asked()
    found = portal().findings.page(wanted, by=by, offset=(number - 1) * PAGE)
    now = portal().clock.now()
    names = portal().people.names({one.owner_id for one in found.findings})
    late = f"Findings, {found.overdue:,} of them overdue" if found.overdue else "Findings"
    show(page.group(late, found.total))
    for one in found.findings:
        _card(one, names, now.date())
    if not found.findings:
        empty(
            "Nothing is to be put right" if shown != ALL else "Nothing was ever found",
            "Conditions of approvals, emergency releases to be reviewed, and moves that nobody "
            "approved arrive here. A reviewer opens others from the Model page.",
        )
    if found.total > PAGE:
        paging.foot(number, PAGE, found.total)


def _card(one: Finding, names: Mapping[str, str], today: date) -> None:
    where = f" · v{one.version_number}" if one.version_number else ""
    cards.inbox_card(
        cards.Waiting(
            f"{one.model_name}: {one.title}",
            f"{one.kind.capitalize()}, {one.severity}. {_whose(one, names, today)}",
            f"{one.number}{where}",
            state(one, today),
            icon=":material/report:",
        ),
        one.id,
        ways.to("findings"),
        {"id": one.number},
    )


def _whose(one: Finding, names: Mapping[str, str], today: date) -> str:
    """Who puts it right and by when, or what became of it."""
    if not one.stands:
        return f"{one.state} {words.moment(one.closed_at)}." if one.closed_at else f"{one.state}."
    if not one.owner_id:
        return f"Nobody owns it yet: {when(one, today)}."
    return f"{names[one.owner_id]} puts it right: {when(one, today)}."


def detected(took: Detection) -> str:
    """How soon what moved outside the process was found, in a sentence."""
    if took.median is None or took.worst is None:
        return ""
    moves = words.plural(took.findings, "change")
    worst = words.span(took.worst.total_seconds())
    middle = words.span(took.median.total_seconds())
    if took.findings == 1:
        return f"In the last 30 days 1 change outside the process was found, within {worst}."
    if middle == worst:
        within = f"each within {worst}"
    else:
        within = f"half of them within {middle}, the slowest within {worst}"
    return f"In the last 30 days {moves} outside the process were found: {within}."


def waiting(found: Waiting, *, most: int | None = None) -> None:
    """What waits for this person, as cards under their title; nothing where nothing does.

    Where `most` are shown the rest is in the inbox.
    """
    if not found.findings:
        return
    shown = found.findings[:most]
    names = portal().people.names({one.owner_id for one in shown})
    today = portal().clock.now().date()
    show(page.group("Findings", len(found.findings), has_more=found.has_more))
    for one in shown:
        _card(one, names, today)
    if len(shown) < len(found.findings):
        link("The others in your inbox", "inbox", icon=":material/inbox:")
    elif found.has_more:
        link("More wait: all findings", "findings", icon=":material/report:")


# -- one of them -----------------------------------------------------------------------------------


def one(asked: str, *, by: Actor) -> None:
    """One finding: what is wrong, what was done about it, and what this reader may do now."""
    try:
        found = portal().findings.get(asked, by=by)
        may = portal().findings.may(asked, by=by)
    except NotFound as error:
        page.head(("Findings", "Which one?"), "No such finding")
        problem(error)
        link("All findings", "findings")
        return
    today = portal().clock.now().date()
    names = portal().people.names(
        {found.owner_id, found.opened_by, found.remedied_by, found.closed_by}
    )
    page.head(("Findings", found.number), found.title)
    with page.card("finding"):
        show(
            page.section(found.kind.capitalize(), state(found, today)),
            tables.facts(facts(found, names, today)),
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


def _bar(found: Finding, may: May, *, by: Actor) -> None:
    closing = bool(may.close)
    with page.decision_bar(found.number, tag("span", _next_step(found, closing=closing))):
        giving = "Another owner or day" if found.owner_id else "Give it to somebody"
        if may.assign and st.button(giving, key="assign"):
            st.dialog(giving, width="medium")(_assign)(found, by)
        if may.remedy and st.button("It was put right", key="remedy", type="primary"):
            st.dialog("Say what was done", width="medium")(_sign)(found, "remedy")
        if closing:
            if st.button("Not put right", key="reopen"):
                st.dialog("Open it again", width="medium")(_sign)(found, "reopen")
            if st.button("Close", key="close"):
                st.dialog("Close it", width="medium")(_sign)(found, "close")


def facts(found: Finding, names: Mapping[str, str], today: date) -> list[tuple[str, object]]:
    """What is known of it, in a column."""
    told: list[tuple[str, object]] = [
        ("Severity", found.severity.capitalize()),
        ("Put right by", names.get(found.owner_id, "Nobody yet")),
        ("Due", when(found, today)),
    ]
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
    if signed("Keep reading", button) and act(_verb(found.id, verb, said)) is not None:
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
    )
    why = st.text_area("Reason (required)", key="why-assign", placeholder="Why it changes")
    signed = st.button("Sign", key="sign", type="primary", disabled=owner is None)
    if signed and did(
        lambda here: portal().findings.assign(
            found.id, why, owner_id=str(owner), due_on=due_on, by=here
        )
    ):
        st.rerun()


# -- opening one by hand ---------------------------------------------------------------------------


def opener(model: Model, version: Version, *, by: Actor) -> None:
    """The button for whoever may open a finding on a version."""
    if decide(by, "finding:open", model.resource) and st.button(
        "Open a finding", key="open-finding", icon=":material/report:"
    ):
        st.dialog(label(f"A finding on {model.name} v{version.number}"), width="medium")(_open)(
            model, version
        )


def _open(model: Model, version: Version) -> None:
    people = portal().findings.people(model, by=actor())
    today = portal().clock.now().date()
    title = st.text_input("What is wrong (required)", key="finding-title", max_chars=LONGEST_TITLE)
    detail = st.text_area(
        "How it was seen (required)", key="finding-detail", placeholder="What you did, and saw"
    )
    left, middle, right = st.columns(3)
    severity = left.selectbox(
        "Severity", [one.value for one in Severity], index=2, format_func=str.capitalize
    )
    ids = list(people)
    owner = middle.selectbox(
        "Put right by",
        ids,
        index=ids.index(model.owner_id) if model.owner_id in ids else None,
        format_func=lambda one: people[one],
    )
    due_on = right.date_input(
        "Due",
        value=today + _USUAL_TIME,
        min_value=today,
        max_value=today + timedelta(days=LONGEST_DAYS),
    )
    if not st.button("Open it", key="sign", type="primary", disabled=owner is None):
        return
    made = act(
        lambda by: portal().findings.open(
            version.id,
            title,
            detail,
            severity=Severity(severity),
            owner_id=str(owner),
            due_on=due_on,
            by=by,
        )
    )
    if made is not None:
        st.switch_page(ways.to("findings"), query_params={"id": made.number})


# -- pieces for other screens ----------------------------------------------------------------------


def table_of(findings: Sequence[Finding], names: Mapping[str, str], today: date) -> Markup:
    """Findings, one row each."""
    return tables.table(
        (
            Column("Finding", lead=True),
            Column("Severity"),
            Column("Put right by"),
            Column("Due"),
            Column("State"),
        ),
        [
            Row(
                (
                    tables.two(one.title, f"{one.number}, {one.kind}"),
                    one.severity.capitalize(),
                    names.get(one.owner_id, "Nobody yet"),
                    when(one, today),
                    state(one, today),
                )
            )
            for one in findings
        ],
        "Findings",
    )


def when(finding: Finding, today: date) -> str:
    """Its day, and how far away that is while it stands."""
    day = words.day(finding.due_on)
    return f"{day}, {words.due(finding.due_on, today).lower()}" if finding.stands else day


def state(finding: Finding, today: date) -> Markup:
    """Where it stands; what stands after its day is overdue."""
    if finding.is_overdue(today):
        return chips.status("Overdue")
    if finding.remedy and finding.stands:
        return join((chips.status(finding.state), tag("span", " to be looked at", cls="cs-quiet")))
    return chips.status(finding.state)
