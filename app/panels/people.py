"""People: who is known, how they are invited, and how they are sent away."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.panels.everybody import Known, one_person, turned_to
from app.session import act, did, portal
from app.ui import chips, page, tables, words
from app.ui.dialogs import opens, signed
from app.ui.feedback import done
from app.ui.markup import Markup, join, label, note, paragraph, show, tag
from app.ui.tables import Column, Row
from auth import invitations
from auth.access import ANYTHING, decide
from auth.actors import Actor
from auth.people import Person


def people(everybody: Known, by: Actor) -> None:
    """The tab: everybody, and what can be done about one of them."""
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="found"
    ):
        show(note(words.plural(len(everybody.people), "person", "people")), width="content")
        opens("Add a person", decide(by, "person:add", ANYTHING), _add)
    with page.card("people"):
        show(people_table(everybody, turned_to(everybody.people, "people-page")))
    with page.card("person"):
        show(page.section("One person"))
        chosen = one_person(everybody.people, "person")
        if chosen is not None:
            _person_buttons(chosen, by)


def people_table(everybody: Known, listed: Sequence[Person]) -> Markup:
    """These people, with what they hold."""
    rows = [
        Row(
            (
                tables.two(one.name, one.email),
                chips.mark("Active") if one.is_enabled else chips.mark("Disabled"),
                _held(everybody, one.id),
                words.day(one.created_at),
            )
        )
        for one in listed
    ]
    return tables.table(
        (Column("Person", lead=True), Column("State"), Column("Roles"), Column("Known since")),
        rows,
        "People",
    )


def _held(everybody: Known, person_id: str) -> Markup | str:
    held = everybody.held_by(person_id)
    if not held:
        return "No role yet"
    return join(
        [
            tag(
                "span",
                f"{one.role.value.capitalize()} on {everybody.scope(one.scope)}",
                cls="cs-main",
            )
            for one in held
        ]
    )


def _person_buttons(one: Person, by: Actor) -> None:
    may_add, may_disable = (decide(by, p, ANYTHING) for p in ("person:add", "person:disable"))
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Invite again", key="invite", disabled=not (may_add and one.is_enabled)):
            code = act(lambda here: portal().people.invite_again(one.id, by=here))
            if code is not None:
                st.dialog(label(f"Invitation for {one.name}"), width="medium")(_invitation)(code)
        if one.is_enabled:
            if st.button("Disable", key="disable", disabled=not may_disable):
                st.dialog(label(f"Disable {one.name}"), width="medium")(_disable)(one)
        elif st.button("Enable", key="enable", disabled=not may_disable) and did(
            lambda here: portal().people.enable(one.id, by=here)
        ):
            st.rerun()
    if not may_disable:
        show(note(f"{may_disable.reason} {may_disable.hint}"))


def _add() -> None:
    show(paragraph("They get an invitation link that you hand over; it sets their password."))
    name = st.text_input("Name", key="new-name", max_chars=120)
    email = st.text_input("E-mail address", key="new-email", max_chars=256)
    if st.button("Add and invite", type="primary", key="new-sign"):
        made = act(lambda by: portal().people.add(name or "", email or "", by=by))
        if made is not None:
            person, code = made
            done(f"{person.name} is known now.", "Give them a role under Grants.")
            _invitation(code)


def _invitation(code: str) -> None:
    hours = int(invitations.LASTS.total_seconds() // 3600)
    show(
        paragraph(f"Hand this link over yourself. It is shown once, works once, for {hours} hours.")
    )
    st.code(invitation_link(code), language=None, wrap_lines=True)


def invitation_link(code: str) -> str:
    """Where an invited person sets a password."""
    return f"{portal().settings.public_url}/idp/invitation?code={code}"


def _disable(one: Person) -> None:
    show(
        paragraph(
            f"{one.name} is signed out everywhere on their next click, and their tokens end. "
            "Their roles and what they did stay on record."
        )
    )
    if signed("Keep", "Disable") and did(lambda by: portal().people.disable(one.id, by=by)):
        st.rerun()
