"""What a screen says when there is nothing, when something is refused, and how old it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import streamlit as st
from streamlit.navigation.page import Page

from app.ui import chips, words
from app.ui.markup import Markup, join, label, show, tag


class Problem(Protocol):
    """An error that speaks to the person: a sentence and the next step."""

    message: str
    hint: str


def empty(
    title: str,
    next_step: str,
    *,
    page: Page | str | None = None,
    link: str = "",
    query: Mapping[str, str] | None = None,
    key: str = "empty",
) -> None:
    """Nothing to show: say so in one bold sentence and what to do next, with a link to do it."""
    said = tag("div", tag("strong", title), tag("p", next_step), cls="cs-empty")
    if page is None:
        show(said)
        return
    with st.container(key=f"empty-{key}", horizontal_alignment="center"):
        show(said)
        st.page_link(page, label=label(link or title), query_params=query)


def problem(error: Problem) -> None:
    """A refusal or failure in place: what and why, then the remedy."""
    hint = f"  \n{label(error.hint)}" if error.hint else ""
    st.error(f"**{label(error.message)}**{hint}")


def notice(said: str, next_step: str = "") -> None:
    """Something a person should know before reading on."""
    st.warning(f"**{label(said)}**" + (f"  \n{label(next_step)}" if next_step else ""))


def done(said: str, next_step: str = "") -> None:
    """What has happened, after an act that is on the record."""
    st.success(f"**{label(said)}**" + (f"  \n{label(next_step)}" if next_step else ""))


def age_note(what: str, at: datetime | None, now: datetime) -> Markup:
    """How old the shown data are: `Mirrored 2 minutes ago, 20 Nov 2026, 09:12 UTC`."""
    said = f"{what} {words.ago(at, now)}, {words.moment(at)}" if at else f"{what}: not yet"
    return tag("p", said, cls="cs-note")


def progress(said: str, share: float | None, note: str = "") -> Markup:
    """Long work on its way: a bar for a share between 0 and 1, none while that is unknown."""
    known = share is not None
    filled = min(max(share or 0, 0), 1) * 100
    bar = tag(
        "span",
        tag("i", style=f"width:{filled:.0f}%"),
        cls="cs-progress" if known else "cs-progress cs-progress-open",
        role="progressbar",
        aria_label=said,
        aria_valuenow=f"{filled:.0f}" if known else None,
        aria_valuemin="0",
        aria_valuemax="100",
    )
    parts = (chips.mark("Running", said), bar, tag("p", note, cls="cs-note") if note else "")
    return tag("div", join(parts), cls="cs-work", role="status")
