"""What is to be put right about a model, said at the top of its page and beside its aliases."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.panels import ways
from app.panels.shown import Shown
from app.ui import chips, words
from app.ui.markup import Markup, join, show, tag
from catalog.releases.findings.finding import UNEXPLAINED, Finding, Severity

_WORST_FIRST: Final = tuple(reversed(Severity))


def worst(shown: Shown) -> Finding | None:
    """The worst of those that stand."""
    return min(shown.findings, key=lambda one: _WORST_FIRST.index(one.severity), default=None)


def in_words(shown: Shown) -> str:
    """`3 open findings: 1 high, 2 low`, the worst first."""
    counted = {one: sum(found.severity is one for found in shown.findings) for one in _WORST_FIRST}
    how_bad = ", ".join(f"{number} {one}" for one, number in counted.items() if number)
    return f"{words.plural(len(shown.findings), 'open finding')}: {how_bad}"


def head(shown: Shown) -> None:
    """How many stand and how bad they are, with the way to them; nothing where none does."""
    first = worst(shown)
    if first is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="model-findings"):
        show(chips.status(first.severity.capitalize(), in_words(shown)), width="content")
        show(tag("span", first.title, cls="cs-quiet"), width="content")
        st.page_link(
            ways.to("findings"),
            label="Its findings",
            icon=":material/report:",
            query_params={"model": shown.model.id},
        )


def alias(shown: Shown, name: str, number: int) -> Markup:
    """An alias on its version; where it is astray, that it moved outside the process."""
    held = chips.alias(name, number)
    found = [one for one in shown.findings if one.kind in UNEXPLAINED and one.alias == name]
    if not found:
        return held
    said = chips.status(found[0].severity.capitalize(), found[0].kind)
    return join((held, " ", said))
