"""Roles given to people on everything, a domain or a model: who holds what, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app.panels.acts import permission_words
from app.panels.chosen import one_model
from app.panels.everybody import Known, one_person, turned_to
from app.panels.roles import ABOUT
from app.session import act, did, portal
from app.ui import chips, page, tables, words
from app.ui.dialogs import opens, signed
from app.ui.markup import Markup, note, paragraph, show
from app.ui.tables import Column
from auth.access import ANYTHING, Resource, decide
from auth.actors import EVERYTHING, Actor, Scope
from auth.grants import Grant
from auth.permissions import GIVABLE_ROLES, PERMISSIONS, Role


def grants(everybody: Known, by: Actor) -> None:
    """What was given to whom, and the ways to give, to take back, and to ask why."""
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="found"
    ):
        show(note(words.plural(len(everybody.to_people), "grant")), width="content")
        opens("Give a role", decide(by, "grant:give", ANYTHING), lambda: _give(everybody, by))
    left, right = st.columns([0.6, 0.4], gap="small")
    with left, page.card("grants"):
        show(grants_table(everybody, turned_to(everybody.to_people, "grants-page")))
    with right:
        with page.card("why"):
            _why(everybody, by)
        with page.card("take"):
            _take(everybody, by)


def grants_table(everybody: Known, listed: Sequence[Grant]) -> Markup:
    """These roles given to people, newest first."""
    rows = [
        (
            everybody.names.get(one.principal_id, "Somebody unknown"),
            one.role.value.capitalize(),
            _upper(everybody.scope(one.scope)),
            tables.two(_giver(one.given_by, everybody.names), words.day(one.given_at)),
        )
        for one in listed
    ]
    return tables.table(
        (Column("Person", lead=True), Column("Role"), Column("On"), Column("Given by")),
        rows,
        "Grants",
    )


def _upper(said: str) -> str:
    return said[:1].upper() + said[1:]


def _giver(given_by: str, names: Mapping[str, str]) -> str:
    return names.get(given_by) or Actor.system(given_by.partition(":")[2]).name


def _give(everybody: Known, by: Actor) -> None:
    people = {one.id: one.name for one in everybody.people if one.is_enabled}
    person = st.selectbox(
        "Person", list(people), format_func=lambda one: people[one], key="give-person"
    )
    role = st.selectbox(
        "Role",
        list(GIVABLE_ROLES),
        format_func=lambda one: f"{one.value.capitalize()}: {ABOUT[one].lower()}",
        key="give-role",
    )
    scope = _scope("give", by)
    who = people.get(person or "", "They")
    show(paragraph(f"{who} may do this from the next click on. It is recorded under your name."))
    if st.button("Give the role", type="primary", key="give-sign") and did(
        lambda by: portal().grants.give(person or "", Role(role), scope, by=by)
    ):
        st.rerun()


def _scope(key: str, by: Actor) -> Scope:
    kind = st.segmented_control(
        "On",
        ("Everything", "A domain", "One model"),
        default="Everything",
        required=True,
        key=f"{key}-kind",
    )
    if kind == "A domain":
        offered = portal().models.domains()
        return Scope("domain", st.selectbox("Domain", offered, key=f"{key}-domain") or "")
    if kind == "One model":
        chosen = one_model("Model", f"{key}-model", by=by)
        return Scope("model", chosen.id if chosen else "")
    return EVERYTHING


def _take(everybody: Known, by: Actor) -> None:
    verdict = decide(by, "grant:take", ANYTHING)
    held = {one.id: one for one in everybody.to_people}
    names = everybody.names
    show(page.section("Take a role back"))
    chosen = st.selectbox(
        "Grant",
        list(held),
        index=None,
        format_func=lambda one: (
            f"{names[held[one].principal_id]}: {held[one].role} on "
            f"{everybody.scope(held[one].scope)}"
        ),
        placeholder="Choose what to take",
        key="take-grant",
        label_visibility="collapsed",
    )
    if st.button("Take back", key="take", disabled=not (verdict and chosen)) and chosen:
        one = held[chosen]
        st.dialog("Take a role back", width="medium")(_take_sure)(
            one, names[one.principal_id], everybody.scope(one.scope)
        )
    if not verdict:
        show(note(verdict.hint))


def _take_sure(grant: Grant, name: str, scope: str) -> None:
    show(
        paragraph(
            f"{name} stops being {grant.role} on {scope} with the next click. "
            "What they decided before stays decided."
        )
    )
    if signed("Keep it", "Take back") and did(lambda by: portal().grants.take(grant.id, by=by)):
        st.rerun()


def _why(everybody: Known, by: Actor) -> None:
    show(page.section("Who may do what, and why"))
    person = one_person([one for one in everybody.people if one.is_enabled], "why")
    permissions = sorted(PERMISSIONS, key=permission_words)
    permission = st.selectbox(
        "Act",
        permissions,
        index=permissions.index("release:decide"),
        format_func=permission_words,
        key="why-act",
        label_visibility="collapsed",
    )
    where = one_model("Where", "why-where", by=by, without="On everything")
    if person is None or permission is None:
        show(
            note(
                "Choose a person, an act and a model. The answer comes from the same law that "
                "every button and every verb asks."
            )
        )
        return
    resource: Resource = where.resource if where is not None else ANYTHING
    found = act(lambda here: portal().grants.why(person.id, permission, resource, by=here))
    if found is None:
        return
    _name, verdict = found
    show(
        chips.status("Allowed") if verdict else chips.status("Refused", "Not allowed"),
        paragraph(f"{verdict.reason} {verdict.hint}"),
    )
