"""The Notifications screen and the bell that leads to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import streamlit as st

from app.notice_words import KINDS, Told, told
from app.panels import ways
from app.panels.links import link, model_link
from app.panels.telling import channels, preferences
from app.panels.watching import watched
from app.session import actor, portal
from app.ui import page, paging, words
from app.ui.feedback import empty
from app.ui.markup import label, note, show, strong
from auth.actors import Actor
from catalog.notifications.kinds import Kind
from catalog.notifications.notices import MOST_COUNTED, PAGE, Listed

_ALL: Final = "All kinds"


def bell(here: Actor) -> None:
    """How much one has not read, and the way there: on every screen."""
    unread = portal().notices.unread(here.id)
    number = f"{unread}+" if unread >= MOST_COUNTED else str(unread)
    with st.container(key="bell-unread" if unread else "bell", width="content"):
        st.page_link(
            ways.to("notifications"),
            label=f"{number} unread" if unread else "Notifications",
            icon=":material/notifications:",
            help=f"Notifications: {number} unread",
        )


def head(*, by: Actor) -> None:
    """The title, with how much is unread."""
    unread = portal().notices.unread(by.id)
    number = (
        f"{MOST_COUNTED} or more notices"
        if unread >= MOST_COUNTED
        else words.plural(unread, "notice")
    )
    lead = f"{number} you have not read." if unread else "You have read everything."
    page.head("Watch", "Notifications", lead)


def listed(by: Actor) -> None:
    """One's notices, unread first, by day, a page at a time."""
    desk = portal().notices
    kind, number = _asked()
    found = desk.page(by=by, kinds=[kind] if kind else list(Kind), offset=(number - 1) * PAGE)
    _bar(found, number)
    if not found.total:
        empty(
            "Nobody has told you anything yet",
            "Watch a model, an alias or a domain: what changes there arrives here.",
            page=ways.to("discover"),
            link="Find a model",
        )
        return
    said = told(portal(), found.notices, by=by)
    for title, run in _runs(said):
        show(page.group(title))
        for one in run:
            _card(one)
    if found.total > PAGE:
        paging.foot(number, PAGE, found.total)


def _asked() -> tuple[Kind | None, int]:
    by_words = {said: kind for kind, said in KINDS.items()}
    chosen = st.selectbox(
        "Kind",
        [_ALL, *by_words],
        key="kind",
        bind="query-params",
        label_visibility="collapsed",
    )
    return by_words.get(chosen or ""), paging.asked()


def _bar(found: Listed, number: int) -> None:
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key="found",
    ):
        show(
            strong(words.plural(found.total, "notice")),
            f", {words.thousands(found.unread)} unread",
            width="content",
        )
        if found.unread:
            here = [one.event_id for one in found.notices if one.read_at is None]
            with st.container(horizontal=True, width="content", key="mark"):
                st.button(
                    "Mark this page read",
                    key=f"mark-page-{number}",
                    disabled=not here,
                    on_click=lambda: portal().notices.read(here, by=actor()),
                )
                st.button(
                    "Mark all read",
                    key="mark-all",
                    on_click=lambda: portal().notices.read_all(by=actor()),
                )


def _runs(said: Sequence[Told]) -> list[tuple[str, list[Told]]]:
    """Notices by day, the unread ones apart."""
    runs: dict[str, list[Told]] = {}
    for one in said:
        day = words.day(one.notice.at)
        runs.setdefault(day if one.notice.read_at else f"{day}, unread", []).append(one)
    return list(runs.items())


def _card(one: Told) -> None:
    notice = one.notice
    key = f"notice{'-unread' if notice.read_at is None else ''}-{notice.event_id}"
    with st.container(border=True, key=f"result-{key}", gap="small"):
        _title(one)
        about = f"{words.moment(notice.at)}. {one.because}"
        show(note(f"{one.detail} {about}" if one.detail else about))


def _title(one: Told) -> None:
    if one.request:
        link(one.title, "release", icon=":material/approval:", id=one.request)
    elif one.finding:
        link(one.title, "findings", icon=":material/report:", id=one.finding)
    elif one.model is not None and not one.model.is_gone:
        model_link(one.title, one.model, one.place)
    else:
        st.markdown(f"**{label(one.title)}**")


TABS: Final[Mapping[str, Callable[[Actor], None]]] = {
    "Notices": listed,
    "What I watch": watched,
    "Preferences": preferences,
    "Channels": channels,
}
