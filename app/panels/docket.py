"""Release requests as people meet them: what waits for them, and the list of all."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import streamlit as st

from app.panels import ways
from app.panels.links import link
from app.session import actor, did, later, portal
from app.ui import chips, page, paging, words
from app.ui.cards import Waiting, inbox_card
from app.ui.feedback import empty
from app.ui.markup import Markup, join, note, show, strong
from auth.absences import LONGEST
from auth.actors import Actor
from catalog.releases.briefs import Brief
from catalog.releases.docket import PAGE, Docketed, Wanted
from catalog.releases.gates.asking import Answer
from catalog.releases.states import PromotionState, State

SHOWN: Final = ("Waits for me", "I follow", "Done")
_TODAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)
_ALL: Final = "All models"
_MOST_EXPORTED: Final = 10_000


# -- the inbox -------------------------------------------------------------------------------------


def choose_shown() -> str:
    """Which part of the inbox is open."""
    chosen = st.segmented_control(
        "Show",
        SHOWN,
        default=SHOWN[0],
        key="show",
        bind="query-params",
        required=True,
        label_visibility="collapsed",
    )
    return chosen or SHOWN[0]


def inbox_head(
    waiting: Sequence[Brief],
    now: datetime,
    *,
    others: Sequence[datetime] = (),
    has_more: bool = False,
) -> None:
    """The title, with how much waits and how long the oldest of it has waited.

    `others` are the times since when something else waits, or some of them.
    """
    times = [*(since(one) for one in waiting), *others]
    page.head("Decide", "Inbox", how_much_waits(times, now, has_more=has_more))


def how_much_waits(times: Sequence[datetime], now: datetime, *, has_more: bool = False) -> str:
    """How much waits for a person, and for how long; `times` are since when, or some of them."""
    if not times:
        return "Nothing waits for you."
    things = words.plural(len(times), "thing")
    longest = words.span((now - min(times)).total_seconds())
    if has_more:
        return f"More than {things} wait for you. One of them has waited {longest}."
    verb = "waits" if len(times) == 1 else "wait"
    return f"{things} {verb} for you. The oldest has waited {longest}."


def absence(*, by: Actor) -> None:
    """Until when this person is away; they are given nothing to read first meanwhile."""
    until = portal().absences.until(by=by)
    today = portal().clock.now().date()
    said = f"Away until {words.day(until)}" if until else "I am away"
    with st.popover(said, icon=":material/event_busy:", key="absence"):
        chosen = st.date_input(
            "Away to the end of",
            value=until or today + timedelta(days=7),
            min_value=today,
            max_value=today + LONGEST,
            key="away-until",
        )
        show(note("Others are given requests to read first. You may still decide."))
        if st.button("Say so", key="say-away") and did(
            lambda here: portal().absences.say(chosen, by=here)
        ):
            st.rerun()
        if (
            until
            and st.button("I am back", key="say-back")
            and did(lambda here: portal().absences.say(None, by=here))
        ):
            st.rerun()


def inbox(shown: str, waiting: Sequence[Brief], *, by: Actor, now: datetime) -> None:
    """The open part of the inbox."""
    desk = portal().docket
    if shown == SHOWN[1]:
        _cards(desk.followed(by=by), "follow", by, now)
    elif shown == SHOWN[2]:
        _cards(desk.done(by=by), "done", by, now)
    else:
        _cards(waiting, "waits", by, now)


_NOTHING: Final = {
    "waits": (
        "That is all that waits for you",
        "Requests that you may decide arrive here, and your own when changes are asked for.",
    ),
    "follow": (
        "You follow nothing",
        "What you ask for and somebody else has to decide stands here until it is decided.",
    ),
    "done": ("Nothing is done yet", "What you asked for or decided is kept here."),
}


def _cards(briefs: Sequence[Brief], kind: str, by: Actor, now: datetime) -> None:
    names = portal().people.names(
        {one.requested_by for one in briefs}
        | {one.decided_by for one in briefs}
        | {one.reviewer_id for one in briefs}
    )
    for title, group in grouped(briefs, now, closed=kind == "done"):
        show(page.group(title, len(group)))
        for brief in group[:PAGE]:
            _card(brief, names, by, now, asked_of=kind == "waits")
        if len(group) > PAGE:
            show(note(f"{len(group) - PAGE:,} more; decide these first, or open Releases."))
    if not briefs or kind == "waits":
        said, next_step = _NOTHING[kind]
        empty(said, next_step)


def grouped(
    briefs: Sequence[Brief], now: datetime, *, closed: bool = False
) -> list[tuple[str, list[Brief]]]:
    """Requests by how long they wait, or how long ago they were closed; no empty groups."""
    long_ago, this_week, today = (
        ("Earlier", "This week", "Today")
        if closed
        else ("Waiting more than a week", "This week", "Today")
    )
    groups: dict[str, list[Brief]] = {long_ago: [], this_week: [], today: []}
    for brief in briefs:
        waited = now - since(brief)
        title = today if waited < _TODAY else this_week if waited < _WEEK else long_ago
        groups[title].append(brief)
    found = [(title, group) for title, group in groups.items() if group]
    return found[::-1] if closed else found


def since(brief: Brief) -> datetime:
    """Since when it waits: since it was asked, or since it came back."""
    asked_now = brief.is_open and brief.state is not State.CHANGES_REQUESTED
    return brief.requested_at if asked_now else brief.changed_at


def _card(
    brief: Brief, names: Mapping[str, str], by: Actor, now: datetime, *, asked_of: bool
) -> None:
    about = f"{brief.number} · asked by {names.get(brief.requested_by, 'somebody unknown')}"
    waited = words.span((now - since(brief)).total_seconds())
    if brief.is_open and brief.reviewer_id:
        who = names.get(brief.reviewer_id, "somebody")
        about += f" · {'you read' if brief.reviewer_id == by.id else f'{who} reads'} it first"
    chip = chips.status(brief.state)
    if asked_of and brief.state is not State.CHANGES_REQUESTED:
        chip = chips.status("Waits", f"Waits {waited}")
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


def act_asked(brief: Brief, by: Actor) -> str:
    """What the person is asked to do, as a title."""
    if brief.state is State.CHANGES_REQUESTED and brief.requested_by == by.id:
        return f"Change and send again: {move(brief)}"
    return f"Decide: {move(brief)}"


def move(brief: Brief) -> str:
    """`credit-pd v5 to champion`."""
    return f"{brief.model_name} v{brief.version_number} to {brief.alias}"


def because(brief: Brief, names: Mapping[str, str]) -> str:
    """Where the request stands, in one sentence."""
    who = names.get(brief.decided_by, "Somebody unknown")
    when = words.moment(brief.decided_at) if brief.decided_at else ""
    match brief.state:
        case State.CHANGES_REQUESTED:
            return f"{who} asked for changes: {brief.decided_why}"
        case State.PENDING_REVIEW:
            return f"The worker is reading the files of v{brief.version_number}."
        case State.IN_REVIEW:
            return gates_words(brief)
        case State.APPROVED | State.CONDITIONALLY_APPROVED:
            return f"{brief.state} by {who}, {when}. {promoted_words(brief)}"
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
            return f"The alias was moved in MLflow, {at}."
        case PromotionState.FAILED:
            return f"The alias was not moved: stopped, {at}."
        case PromotionState.QUEUED:
            return "The alias is about to be moved in MLflow."
        case _:
            return ""


# -- the list of all -------------------------------------------------------------------------------


def releases(*, by: Actor) -> None:
    """All requests one may see, by state and model, a page at a time."""
    desk = portal().docket
    wanted, model_name, number = _asked(desk.page(Wanted(), by=by, limit=0))
    found = desk.page(wanted, by=by, limit=PAGE, offset=(number - 1) * PAGE)
    _counted(found, wanted, model_name)
    names = portal().people.names(
        {one.requested_by for one in found.briefs}
        | {one.decided_by for one in found.briefs}
        | {one.reviewer_id for one in found.briefs}
    )
    now = portal().clock.now()
    for brief in found.briefs:
        _card(brief, names, by, now, asked_of=False)
    if not found.briefs:
        _none(wanted)
    if found.total > PAGE:
        paging.foot(number, PAGE, found.total)


def _asked(everything: Docketed) -> tuple[Wanted, str, int]:
    left, right = st.columns([0.72, 0.28], vertical_alignment="bottom")
    states = left.pills(
        "State",
        [state.value for state, _count in everything.by_state],
        selection_mode="multi",
        key="state",
        bind="query-params",
    )
    ids = {name: one for one, name in everything.models}
    model = right.selectbox("Model", [_ALL, *ids], key="model", bind="query-params")
    wanted = Wanted(frozenset(State(one) for one in states), ids.get(model or "", ""))
    return wanted, model or _ALL, paging.asked()


def _counted(found: Docketed, wanted: Wanted, model_name: str) -> None:
    said = words.plural(found.total, "request")
    states = [state.value.lower() for state in State if state in wanted.states]
    narrowed = [*states, model_name] if model_name != _ALL else states
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key="found",
    ):
        show(
            join((strong(said), f" {words.listing(narrowed)}" if narrowed else " in all")),
            width="content",
        )
        if found.total:
            st.download_button(
                "Export as CSV",
                later(lambda by: _exported(wanted, by)),
                "releases.csv",
                "text/csv",
                icon=":material/download:",
                on_click="ignore",
                key="export",
            )


def _exported(wanted: Wanted, by: Actor) -> str:
    found = portal().docket.page(wanted, by=by, limit=_MOST_EXPORTED)
    people = {one.requested_by for one in found.briefs}
    people |= {one.decided_by for one in found.briefs}
    return as_csv(found.briefs, portal().people.names(people))


def as_csv(briefs: Sequence[Brief], names: Mapping[str, str]) -> str:
    """The requests as a table for a spreadsheet; no cell of it can act as a formula."""
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(
        (
            "number",
            "model",
            "version",
            "alias",
            "state",
            "asked by",
            "asked at (UTC)",
            "decided by",
            "decided at (UTC)",
            "promotion",
            "promoted at (UTC)",
        )
    )
    for one in briefs:
        table.writerow(
            harmless(cell)
            for cell in (
                one.number,
                one.model_name,
                str(one.version_number),
                one.alias,
                one.state.value,
                names.get(one.requested_by, ""),
                one.requested_at.isoformat(timespec="seconds"),
                names.get(one.decided_by, ""),
                one.decided_at.isoformat(timespec="seconds") if one.decided_at else "",
                one.promotion.value if one.promotion else "",
                one.promoted_at.isoformat(timespec="seconds") if one.promoted_at else "",
            )
        )
    return written.getvalue()


def harmless(cell: str) -> str:
    """A cell that a spreadsheet shows instead of computing it."""
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell


def _none(wanted: Wanted) -> None:
    if wanted.states or wanted.model_id:
        empty("No request is like that", "Choose another state or model.")
    else:
        empty(
            "Nobody has asked for a release yet",
            "Open a model, choose a version and ask for it to become champion.",
            page=ways.to("discover"),
            link="Find a model",
        )


# -- ways into one request -------------------------------------------------------------------------


def choose_one() -> None:
    """No request was named: offer those that are open."""
    page.head("Releases", "Which request?", "Choose one of those that are still open.")
    here = actor()
    open_ones = frozenset({State.PENDING_REVIEW, State.IN_REVIEW, State.CHANGES_REQUESTED})
    found = portal().docket.page(Wanted(open_ones), by=here)
    names = portal().people.names({one.requested_by for one in found.briefs})
    now = portal().clock.now()
    for brief in found.briefs:
        _card(brief, names, here, now, asked_of=False)
    if not found.briefs:
        empty("No request is open", "Decided ones are listed under Releases.")
    way_back()


def way_back() -> None:
    """Back to the list."""
    link("All release requests", "releases", icon=":material/arrow_back:")


def lead_of(found: Docketed) -> Markup:
    """How many requests stand where, as chips."""
    return chips.row(
        *(chips.status(state, f"{count} {state.value.lower()}") for state, count in found.by_state)
    )
