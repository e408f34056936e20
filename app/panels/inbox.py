"""The inbox: what waits for a person, what they follow, what is done, and when they are away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import streamlit as st

from app.panels.brief import card, names_in, since
from app.panels.release_drafts import TITLE
from app.session import did, portal
from app.ui import page, words
from app.ui.feedback import empty
from app.ui.markup import note, show
from auth.absences import LONGEST
from auth.actors import Actor
from catalog.releases.decisions.briefs import Brief
from catalog.releases.decisions.docket import PAGE
from catalog.releases.states import Route

SHOWN: Final = ("Waits for me", "I follow", "Done", TITLE)
_URGENT: Final = "Emergencies"
_TODAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)


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


def head(
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
            format="YYYY-MM-DD",
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
        "No release request waits for you",
        "Requests that you may decide arrive here, and your own when changes are asked for.",
    ),
    "follow": (
        "You follow nothing",
        "What you ask for and somebody else has to decide stands here until it is decided.",
    ),
    "done": ("Nothing is done yet", "What you asked for or decided is kept here."),
}


def _cards(briefs: Sequence[Brief], kind: str, by: Actor, now: datetime) -> None:
    names = names_in(briefs)
    for title, group in grouped(briefs, now, closed=kind == "done"):
        show(page.group(title, len(group)))
        for brief in group[:PAGE]:
            card(brief, names, by, now, asked_of=kind == "waits")
        if len(group) > PAGE:
            show(note(f"{len(group) - PAGE:,} more; decide these first, or open Releases."))
    if not briefs:
        said, next_step = _NOTHING[kind]
        empty(said, next_step)


def grouped(
    briefs: Sequence[Brief], now: datetime, *, closed: bool = False
) -> list[tuple[str, list[Brief]]]:
    """Requests by how long they wait, or how long ago they were closed; no empty groups.

    What is an emergency and still open comes before all.
    """
    long_ago, this_week, today = (
        ("Earlier", "This week", "Today")
        if closed
        else ("Waiting more than a week", "This week", "Today")
    )
    groups: dict[str, list[Brief]] = {_URGENT: [], long_ago: [], this_week: [], today: []}
    for brief in briefs:
        if brief.route is Route.EMERGENCY and not closed:
            groups[_URGENT].append(brief)
            continue
        waited = now - since(brief)
        title = today if waited < _TODAY else this_week if waited < _WEEK else long_ago
        groups[title].append(brief)
    found = [(title, group) for title, group in groups.items() if group]
    return found[::-1] if closed else found
