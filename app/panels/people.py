"""Who may do what: people, roles, grants and the links between MLflow's users and people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeVar

import streamlit as st

from app.panels import access_requests
from app.panels.acts import permission_words
from app.panels.chosen import one_model
from app.panels.tokens import tokens
from app.session import act, did, portal
from app.ui import chips, page, tables, words
from app.ui.feedback import done, empty
from app.ui.markup import Markup, join, label, mono, note, paragraph, show, tag
from app.ui.tables import Column, Row
from auth import invitations
from auth.access import ANYTHING, Resource, Verdict, decide
from auth.actors import EVERYTHING, Actor, Kind, Scope
from auth.grants import Grant
from auth.people import Person
from auth.permissions import GIVABLE_ROLES, PERMISSIONS, ROLE_PERMISSIONS, Role

_PAGE: Final = 50
TABS: Final = ("People", "Grants", "Roles", "Tokens", "Access requests", "MLflow users")
_T = TypeVar("_T")
_ABOUT: Final[Mapping[Role, str]] = {
    Role.VIEWER: "Reads models, releases and impact",
    Role.BUSINESS_OWNER: "Says what outcomes are worth",
    Role.MODEL_DEVELOPER: "Builds versions and asks for their release",
    Role.MODEL_OWNER: "Answers for a model and asks for releases",
    Role.INDEPENDENT_VALIDATOR: "Checks versions without having built them",
    Role.APPROVER: "Decides release requests",
    Role.GOVERNANCE_ADMIN: "Gives and takes access, and classifies models",
    Role.AUDITOR: "Reads everything, changes nothing",
}


@dataclass(frozen=True)
class Known:
    """Everybody who is known, and what was given to them."""

    people: tuple[Person, ...]
    applications: tuple[Person, ...]
    grants: tuple[Grant, ...]
    models: Mapping[str, str]

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The names of everybody by id."""
        return {one.id: one.name for one in (*self.people, *self.applications)}

    @cached_property
    def to_people(self) -> list[Grant]:
        """What was given to people; an application's one role is not given here."""
        ids = {one.id for one in self.people}
        return [one for one in self.grants if one.principal_id in ids]

    @cached_property
    def _held(self) -> Mapping[str, list[Grant]]:
        held: dict[str, list[Grant]] = {}
        for one in self.grants:
            held.setdefault(one.principal_id, []).append(one)
        return held

    def held_by(self, person_id: str) -> list[Grant]:
        """What somebody holds."""
        return self._held.get(person_id, [])

    def scope(self, scope: Scope) -> str:
        """A scope in words."""
        if scope.kind == "model":
            return f"model {self.models.get(scope.id, scope.id)}"
        return "everything" if scope.kind == "everything" else f"domain {scope.id}"


def known(*, by: Actor) -> Known:
    """Everybody, for somebody who may see that. Raises Refused."""
    everybody = portal().people.everybody(by=by)
    grants = tuple(portal().grants.everywhere(by=by))
    on_models = {one.scope.id for one in grants if one.scope.kind == "model"}
    return Known(
        tuple(one for one in everybody if one.kind is Kind.PERSON),
        tuple(one for one in everybody if one.kind is Kind.APPLICATION),
        grants,
        portal().models.names(on_models),
    )


def access(*, by: Actor) -> None:
    """The open tab; somebody who may not see people sees only their own tokens."""
    if not decide(by, "person:read", ANYTHING):
        tokens(by=by)
        return
    drawn: Sequence[Callable[[], None]] = (
        lambda: _people(known(by=by), by),
        lambda: _grants(known(by=by), by),
        _roles,
        lambda: tokens(by=by),
        lambda: access_requests.everywhere(by=by),
        lambda: _mappings(known(by=by), by),
    )
    for tab, draw in zip(st.tabs(list(TABS), key="tab", bind="query-params"), drawn, strict=True):
        if tab.open:
            with tab:
                draw()


# -- people ----------------------------------------------------------------------------------------


def _people(everybody: Known, by: Actor) -> None:
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="found"
    ):
        show(note(words.plural(len(everybody.people), "person", "people")), width="content")
        _opens("Add a person", decide(by, "person:add", ANYTHING), _add)
    with page.card("people"):
        show(people_table(everybody, _turned_to(everybody.people, "people-page")))
    with page.card("person"):
        show(page.section("One person"))
        chosen = _one_person(everybody.people, "person")
        if chosen is not None:
            _person_buttons(chosen, by)


def _turned_to(listed: Sequence[_T], key: str) -> Sequence[_T]:
    """One page of a long list, with the way to the others above it."""
    pages = -(-len(listed) // _PAGE)
    if pages < 2:  # noqa: PLR2004 - one page needs no way to another
        return listed
    turned = st.pagination(pages, key=key, bind="query-params")
    start = (min(int(turned or 1), pages) - 1) * _PAGE
    return listed[start : start + _PAGE]


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


def _one_person(people: Sequence[Person], key: str) -> Person | None:
    by_id = {one.id: one for one in people}
    chosen = st.selectbox(
        "Person",
        list(by_id),
        index=None,
        format_func=lambda one: f"{by_id[one].name}, {by_id[one].email}",
        placeholder="Choose a person",
        key=f"chosen-{key}",
        label_visibility="collapsed",
    )
    return by_id.get(chosen or "")


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
    if _confirmed("Keep", "Disable") and did(lambda by: portal().people.disable(one.id, by=by)):
        st.rerun()


def _confirmed(keep: str, go: str) -> bool:
    with st.container(horizontal=True, horizontal_alignment="right"):
        back = st.button(keep, key="confirm-back")
        sure = st.button(go, type="primary", key="confirm")
    if back:
        st.rerun()
    return sure


def _opens(said: str, verdict: Verdict, dialog: Callable[[], None]) -> None:
    if st.button(said, key=f"open-{said.lower().replace(' ', '-')}", disabled=not verdict):
        st.dialog(said, width="medium", on_dismiss="rerun")(dialog)()
    if not verdict:
        show(note(verdict.hint), width="content")


# -- grants ----------------------------------------------------------------------------------------


def _grants(everybody: Known, by: Actor) -> None:
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="found"
    ):
        show(note(words.plural(len(everybody.to_people), "grant")), width="content")
        _opens("Give a role", decide(by, "grant:give", ANYTHING), lambda: _give(everybody, by))
    left, right = st.columns([0.6, 0.4], gap="small")
    with left, page.card("grants"):
        show(grants_table(everybody, _turned_to(everybody.to_people, "grants-page")))
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
        format_func=lambda one: f"{one.value.capitalize()}: {_ABOUT[one].lower()}",
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
    if _confirmed("Keep it", "Take back") and did(lambda by: portal().grants.take(grant.id, by=by)):
        st.rerun()


def _why(everybody: Known, by: Actor) -> None:
    show(page.section("Who may do what, and why"))
    person = _one_person([one for one in everybody.people if one.is_enabled], "why")
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


# -- roles and MLflow users ------------------------------------------------------------------------


def _roles() -> None:
    with page.card("roles"):
        show(
            page.section("What each role may do", "the same for everybody who holds it"),
            roles_table(),
            note(
                "Whoever asked for a release or built its version never decides it, whatever "
                "their roles."
            ),
        )


def roles_table() -> Markup:
    """Permissions by role: one row for each thing that can be done."""
    given = GIVABLE_ROLES
    offered = sorted(
        {one for role in given for one in ROLE_PERMISSIONS[role]}, key=permission_words
    )
    rows = [
        Row(
            (
                permission_words(one),
                *(
                    chips.mark("Allowed", "Yes") if one in ROLE_PERMISSIONS[role] else None
                    for role in given
                ),
            )
        )
        for one in offered
    ]
    columns = (Column("May", lead=True), *(Column(role.value.capitalize()) for role in given))
    return tables.table(columns, rows, "Permissions by role")


def _mappings(everybody: Known, by: Actor) -> None:
    seen = portal().authorship.users_seen(by=by)
    linked = {
        (server, user): person for server, user, person in portal().authorship.mappings(by=by)
    }
    with page.card("mappings"):
        show(
            page.section("MLflow users", words.plural(len(seen), "user")),
            paragraph(
                "MLflow has no accounts: its user is whatever the client wrote. Linking one to a "
                "person makes that person the author of its runs, so that they cannot approve them."
            ),
        )
        if not seen:
            empty("MLflow names no user yet", "Users appear when a version has a run.")
            return
        show(
            tables.table(
                (
                    Column("MLflow user", lead=True),
                    Column("Server"),
                    Column("Person"),
                    Column("Versions", "right"),
                ),
                [
                    Row(
                        (
                            mono(user),
                            server,
                            everybody.names.get(linked.get((server, user), ""))
                            or chips.mark("Missing", "Nobody yet"),
                            words.thousands(versions),
                        )
                    )
                    for server, user, versions in seen
                ],
                "MLflow users and the people behind them",
            )
        )
        _opens(
            "Link a user to a person",
            decide(by, "authorship:assign", ANYTHING),
            lambda: _map([(server, user) for server, user, _n in seen], everybody),
        )


def _map(users: Sequence[tuple[str, str]], everybody: Known) -> None:
    chosen = st.selectbox(
        "MLflow user", users, format_func=lambda one: f"{one[1]} on {one[0]}", key="map-user"
    )
    names = {one.id: one.name for one in everybody.people}
    person = st.selectbox(
        "Person", list(names), format_func=lambda one: names[one], key="map-person"
    )
    show(
        paragraph(
            f"You vouch that {names.get(person or '', 'this person')} built the versions that name "
            "this user now. Later ones are not vouched for until you link again, but this person "
            "cannot approve any of them."
        )
    )
    if st.button("Link", type="primary", key="map-sign") and did(
        lambda by: portal().authorship.map_user(chosen[0], chosen[1], person or "", by=by)
    ):
        st.rerun()
