"""The revisions of a card: who published which, what was different, and how to go back."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.panels.shown import Shown
from app.session import did, portal
from app.ui import page, tables, words
from app.ui.markup import Markup, join, mono, note, show, tag
from app.ui.tables import Column, Row
from catalog.registry.cards.body import CardBody, changed, entries
from catalog.registry.cards.cards import Card, Revision
from catalog.registry.cards.rules import TITLES

_MOST: Final = 20
_KEY: Final = "revision"


def asked(newest: Card | None) -> int | None:
    """The revision in the address, if it can be one."""
    given = st.query_params.get(_KEY, "")
    if newest is None or not given.isdecimal() or not 1 <= len(given) <= 9:  # noqa: PLR2004
        return None
    return int(given) if 1 <= int(given) <= newest.revision else None


def show_newest() -> None:
    """Forget which revision was read."""
    st.query_params.pop(_KEY, None)
    st.session_state.pop("card-revision", None)


def panel(shown: Shown, newest: Card, *, may_write: bool) -> None:
    """The list of revisions; one of them against the one before it."""
    found = portal().cards.revisions(shown.model, limit=_MOST)
    names = portal().people.names({one.published_by for one in found})
    with page.card("card-revisions"):
        show(
            page.section("Revisions of the card", f"{newest.revision}, none of them can change"),
            tables.table(
                [
                    Column("Revision", lead=True),
                    Column("Complete", "right"),
                    Column("Published by"),
                    Column("When", "right"),
                    Column("Digest"),
                ],
                [_row(one, names.get(one.published_by, "somebody")) for one in found],
                "Revisions of the card",
            ),
        )
        if newest.revision > 1:
            _one(shown, newest, may_write=may_write)


def _row(one: Revision, author: str) -> list[object]:
    again = f"revision {one.restored_from} again" if one.restored_from else ""
    return [
        tables.two(f"Revision {one.number}", again),
        f"{one.completeness} of 100",
        author,
        words.moment(one.published_at),
        mono(words.digest(one.digest)),
    ]


def _one(shown: Shown, newest: Card, *, may_write: bool) -> None:
    numbers = list(range(newest.revision, 0, -1))
    wanted = asked(newest) or newest.revision
    number = st.selectbox(
        "Read a revision, and what it changed",
        numbers,
        index=numbers.index(wanted),
        format_func=lambda one: f"Revision {one}",
        key="card-revision",
        on_change=_keep,
    )
    card = portal().cards.revision(shown.model, number) if number != newest.revision else newest
    before = portal().cards.revision(shown.model, number - 1) if number > 1 else None
    if before is None:
        show(note("It was the first."))
    elif before.body == card.body:
        show(note(f"It says the same as revision {before.revision}."))
    else:
        show(difference(before.body, card.body, f"r{before.revision}", f"r{card.revision}"))
    if (
        may_write
        and number != newest.revision
        and st.button(f"Publish revision {number} again", key="card-restore")
    ):
        _restore(shown, number, newest.revision)


def _keep() -> None:
    st.query_params[_KEY] = str(st.session_state["card-revision"])


def difference(before: CardBody, after: CardBody, left: str, right: str) -> Markup:
    """What two texts of a card say differently, field by field."""
    rows = [
        Row((TITLES[key], _said(before, key), _said(after, key)), "changed")
        for key in changed(before, after)
    ]
    columns = [Column("Field", lead=True), Column(left), Column(right)]
    return tables.table(columns, rows, "What differs")


def _said(body: CardBody, key: str) -> Markup:
    said = entries(body, key)
    if not said:
        return tag("span", "nothing", cls="cs-quiet")
    return join(tag("span", one, cls="cs-main") for one in said)


@st.dialog("Publish an older revision again")
def _restore(shown: Shown, number: int, newest: int) -> None:
    show(
        tag(
            "p",
            f"Revision {newest + 1} will say what revision {number} said. Nothing is lost: "
            f"revision {newest} stays in the list, and the act is recorded under your name.",
        )
    )
    if st.button(f"Publish revision {number} again", type="primary", key="card-restore-sure") and (
        did(lambda by: portal().cards.restore(shown.model.id, number, based_on=newest, by=by))
    ):
        show_newest()
        st.rerun()
