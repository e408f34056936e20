"""Cards that lead somewhere as a whole: a model that was found, an act that waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import Page

from app.ui.markup import Markup, label, marked_label, show, tag


@dataclass(frozen=True)
class Result:
    """A registered model as a search finds it; figures are (value, what it is).

    The name is in parts, each with whether it is marked; `where` says where else it was found.
    """

    name: Sequence[tuple[str, bool]]
    does: str
    about: str
    marks: Sequence[Markup] = ()
    figures: Sequence[tuple[str, str]] = ()
    where: Markup | None = None


def result_card(
    result: Result, key: str, page: Page | str, query: Mapping[str, str] | None = None
) -> None:
    """A found model; the whole card is a link, without a reload of the app."""
    figures = (tag("p", tag("strong", value), tag("span", what)) for value, what in result.figures)
    with _linked(key):
        st.page_link(
            page,
            label=marked_label(result.name),
            icon=":material/deployed_code:",
            query_params=query,
        )
        if result.marks:
            show(tag("div", *result.marks, cls="cs-chips"), width="content")
        show(
            tag(
                "div",
                tag(
                    "div",
                    tag("p", result.does or "No description yet.", cls="cs-does"),
                    tag("p", result.where, cls="cs-does cs-where") if result.where else "",
                    tag("p", result.about, cls="cs-note"),
                ),
                tag("div", *figures, cls="cs-figures"),
                cls="cs-found",
            )
        )


@dataclass(frozen=True)
class Waiting:
    """An act that waits for a person; `due` is a chip that stands at the right."""

    act: str
    because: str
    about: str = ""
    due: Markup | None = None
    icon: str = ":material/approval:"


def inbox_card(
    waiting: Waiting, key: str, page: Page | str, query: Mapping[str, str] | None = None
) -> None:
    """An act that waits; the title is the act asked and the whole card leads to it."""
    about = tag("span", waiting.about, cls="cs-note") if waiting.about else ""
    with _linked(f"inbox-{key}"):
        st.page_link(page, label=label(waiting.act), icon=waiting.icon, query_params=query)
        if waiting.due is not None:
            show(tag("div", waiting.due, cls="cs-due"), width="content")
        show(tag("p", waiting.because, " ", about, cls="cs-because"))


def _linked(key: str) -> DeltaGenerator:
    return st.container(
        border=True, horizontal=True, vertical_alignment="center", gap="small", key=f"result-{key}"
    )
