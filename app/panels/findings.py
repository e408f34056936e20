"""Findings in lists: what is to be put right, by whom and until when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import streamlit as st

from app.panels import ways
from app.panels.links import link
from app.session import portal
from app.ui import cards, chips, page, paging, tables, words
from app.ui.feedback import empty, problem
from app.ui.markup import Markup, join, note, show, strong, tag
from app.ui.tables import Column, Row
from auth.actors import Actor
from catalog.registry.models import Model
from catalog.releases.findings.detection import Detection
from catalog.releases.findings.finding import (
    STANDING,
    Finding,
    Kind,
)
from catalog.releases.findings.findings import PAGE, Waiting, Wanted
from ledger.errors import NotFound, Refused

STANDS: Final = "To be put right"
MINE: Final = "Mine"
ALL: Final = "All"
_SHOWN: Final = (STANDS, MINE, ALL)


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
    model = _model_asked(by)
    wanted = Wanted(
        states=frozenset() if shown == ALL else STANDING,
        kinds=frozenset(Kind(one) for one in kinds),
        model_id=model.id if model else "",
        owner_id=by.id if shown == MINE else "",
    )
    number = paging.asked()
    found = portal().findings.page(wanted, by=by, offset=(number - 1) * PAGE)
    if not found.findings and found.total:
        # Further than the list goes: its last page is what there is.
        number = paging.last(found.total, PAGE)
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


def _model_asked(by: Actor) -> Model | None:
    """The model whose findings alone are asked for, with the way back to all of them."""
    asked = st.query_params.get("model", "")
    if not asked:
        return None
    try:
        model = portal().models.get(asked, by=by)
    except (NotFound, Refused) as error:
        problem(error)
        return None
    with st.container(horizontal=True, vertical_alignment="center", key="of-model"):
        show(tag("span", "Only those of ", strong(model.name)), width="content")
        st.page_link(ways.to("findings"), label="Show all", icon=":material/close:")
    return model


def _card(one: Finding, names: Mapping[str, str], today: date) -> None:
    where = f" · v{one.version_number}" if one.version_number else ""
    cards.inbox_card(
        cards.Waiting(
            f"{one.model_name}: {one.title}",
            f"{one.kind.capitalize()}. {_whose(one, names, today)}",
            f"{one.number}{where}",
            join((severity(one), " ", state(one, today))),
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
    if one.kind is Kind.EMERGENCY:
        if one.owner_id:
            return f"{names[one.owner_id]} reviews it: {when(one, today)}."
        return f"Nobody can review it yet: {when(one, today)}. A governance admin gives the role."
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


def table_of(findings: Sequence[Finding], names: Mapping[str, str], today: date) -> Markup:
    """Findings, one row each."""
    return tables.table(
        (
            Column("Finding", lead=True),
            Column("Severity"),
            Column("Put right or reviewed by"),
            Column("Due"),
            Column("State"),
        ),
        [
            Row(
                (
                    tables.two(one.title, f"{one.number}, {one.kind}"),
                    severity(one),
                    names.get(one.owner_id, "Nobody yet"),
                    when(one, today),
                    state(one, today),
                )
            )
            for one in findings
        ],
        "Findings",
    )


def severity(one: Finding) -> Markup:
    """How bad it is, as a chip; what is closed is marked quietly."""
    said = one.severity.capitalize()
    return chips.status(said) if one.stands else chips.fact(said)


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
