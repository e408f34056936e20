"""The frame of a screen: its head with one question as the title, its cards, rail and bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.ui import chips
from app.ui.markup import Markup, join, show, tag, text


def head(
    group: str | Sequence[str],
    title: str,
    lead: object = "",
    *,
    chips: Sequence[Markup] = (),
    actions: Callable[[], None] | None = None,
) -> None:
    """Where this is, the one h1, chips and a lead; `actions` draws the buttons at the right.

    At most one of the buttons is primary.
    """
    trail = group if isinstance(group, str) else " / ".join(part for part in group if part)
    words = Markup(
        tag("p", trail, cls="cs-trail")
        + tag("h1", title, cls="cs-title")
        + (tag("div", *chips, cls="cs-chips") if chips else "")
        + (tag("p", lead, cls="cs-lead") if lead else "")
    )
    if actions is None:
        show(words)
        return
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="bottom",
        key="head",
    ):
        show(words)
        with st.container(horizontal=True, width="content", key="head-actions"):
            actions()


def section(
    title: str, note: object = "", *, number: int | None = None, anchor: str | None = None
) -> Markup:
    """The heading of a card; `note` stands at the right, `anchor` is where a rail leads to."""
    before = tag("span", str(number), cls="cs-number") if number is not None else ""
    heading = tag("h2", before, title)
    side = tag("div", note, cls="cs-aside") if note else ""
    return tag("div", heading, side, cls="cs-section", id=anchor)


def group(title: str, count: int | None = None, *, has_more: bool = False) -> Markup:
    """A small heading over a run of cards, with how many there are, at least."""
    counted = f" {count:,}{'+' if has_more else ''}" if count is not None else ""
    number = tag("span", counted, cls="cs-quiet") if counted else ""
    return tag("h2", title, number, cls="cs-group")


def card(key: str, *, stretch: bool = False) -> DeltaGenerator:
    """A bordered card to be entered with `with`; `stretch` makes cards in a row equally high."""
    return st.container(border=True, key=f"panel-{key}", height="stretch" if stretch else "content")


def columns(*cards: object) -> Markup:
    """Pieces of one card beside each other; on a phone they stack."""
    return tag("div", *(tag("div", piece) for piece in cards), cls="cs-columns")


@dataclass(frozen=True)
class Stop:
    """One section of a long screen, as the rail names it; `word` is a status of the vocabulary."""

    anchor: str
    title: str
    said: str = ""
    word: str = ""


def rail(stops: Sequence[Stop]) -> Markup:
    """The sections of a long screen as links, showing where something is wrong."""
    links = (
        tag(
            "a",
            tag("span", stop.title),
            tag("span", stop.said, cls=f"cs-t-{chips.look(stop.word).tone}") if stop.said else "",
            href=f"#{stop.anchor}",
        )
        for stop in stops
    )
    return tag("nav", *links, cls="cs-rail", aria_label="Sections of this page")


@contextmanager
def decision_bar(title: str, summary: object, *, number: int | None = None) -> Iterator[None]:
    """The bar at the foot: summary left; the buttons drawn inside stand right, of equal weight."""
    before = tag("span", str(number), cls="cs-number") if number is not None else ""
    with (
        st.bottom,
        st.container(
            horizontal=True,
            horizontal_alignment="distribute",
            vertical_alignment="center",
            key="decision",
        ),
    ):
        show(
            tag("h2", before, title, cls="cs-bar-title"),
            tag("div", summary, cls="cs-bar-note"),
        )
        with st.container(horizontal=True, width="content", key="decision-buttons"):
            yield


def person(name: str, role: str) -> None:
    """Who is signed in, under the navigation."""
    with st.sidebar:
        show(tag("div", tag("strong", name), tag("span", role), cls="cs-person"))


def cover(lead: str, *, asked: str = "", countersigned: str = "") -> Markup:
    """The head of the sign-in page: what Countersign is, over two signature lines."""
    lines = (
        tag("div", tag("em", name or Markup("&nbsp;")), tag("span", act))
        for name, act in ((asked, "asked"), (countersigned, "countersigned"))
    )
    return join(
        (
            tag("p", cls="cs-logo", role="img", aria_label="Countersign"),
            tag("h1", text("Nothing ships on"), Markup("<br>"), "one signature.", cls="cs-title"),
            tag("p", lead, cls="cs-lead"),
            tag("div", *lines, cls="cs-lines", aria_hidden="true"),
        )
    )
