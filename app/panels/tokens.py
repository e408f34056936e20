"""Bearer tokens: one's own, and those of serving applications for an administrator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import streamlit as st

from app.session import act, did, portal
from app.ui import chips, page, tables, words
from app.ui.dialogs import signed
from app.ui.feedback import done, empty
from app.ui.markup import Markup, mono, note, paragraph, show
from app.ui.tables import Column, Row
from auth.access import ANYTHING, decide, may_anywhere
from auth.actors import Actor, Kind
from auth.people import Person
from auth.tokens import LONGEST_DAYS, LONGEST_LABEL, Token


def tokens(*, by: Actor) -> None:
    """Tokens that act as this person, and those of everybody for somebody who may revoke them."""
    kept = portal().tokens.listing(by=by)
    names = portal().people.names({one.principal_id for one in kept})
    may_issue = may_anywhere(by, "token:issue")
    mine = [one for one in kept if one.principal_id == by.id]
    others = [one for one in kept if one.principal_id != by.id]
    now = portal().clock.now()
    with page.card("my-tokens"):
        show(
            page.section("My tokens", words.plural(len(mine), "token")),
            paragraph(
                "A token acts as you in the API and in pipelines, with the roles you hold "
                "at that moment. It ends when you are disabled."
            ),
        )
        if mine:
            show(tokens_table(mine, names, now))
        else:
            empty("You have no token", "Make one for a pipeline or a notebook.")
        if st.button("Make a token", key="make-token", disabled=not may_issue):
            st.dialog("Make a token", width="medium", on_dismiss="rerun")(_make)(None)
    if decide(by, "application:register", ANYTHING):
        _applications(others, names, now, by)
    apart = [one for one in others if one.principal_id.startswith("per_")]
    if apart:
        with page.card("their-tokens"):
            show(
                page.section("Tokens of other people", words.plural(len(apart), "token")),
                tokens_table(apart, names, now),
            )
    _revoke([one for one in kept if one.revoked_at is None], names)


def tokens_table(kept: Sequence[Token], names: Mapping[str, str], now: datetime) -> Markup:
    """Tokens as they can be shown: never the token itself."""
    return tables.table(
        (
            Column("Token", lead=True),
            Column("Acts as"),
            Column("State"),
            Column("Made"),
            Column("Ends"),
        ),
        [
            Row(
                (
                    tables.two(one.label, mono(one.hint)),
                    names.get(one.principal_id, "Somebody unknown"),
                    state(one, now),
                    words.day(one.issued_at),
                    words.day(one.revoked_at or one.expires_at),
                )
            )
            for one in kept
        ],
        "Tokens",
    )


def state(token: Token, now: datetime) -> Markup:
    """Whether a token still opens the door."""
    if token.revoked_at is not None:
        return chips.mark("Revoked")
    return chips.mark("Expired") if token.expires_at <= now else chips.mark("Active")


def _applications(
    others: Sequence[Token], names: Mapping[str, str], now: datetime, by: Actor
) -> None:
    everybody = portal().people.everybody(by=by)
    known = [one for one in everybody if one.kind is Kind.APPLICATION]
    with page.card("applications"):
        show(
            page.section("Serving applications", words.plural(len(known), "application")),
            paragraph(
                "An application reports its calls and loads approved versions under a "
                "token of its own."
            ),
        )
        ids = {one.id for one in known}
        theirs = [one for one in others if one.principal_id in ids]
        if theirs:
            show(tokens_table(theirs, names, now))
        with st.container(horizontal=True):
            if st.button("Register an application", key="register"):
                st.dialog("Register an application", width="medium", on_dismiss="rerun")(
                    _register
                )()
            if known and st.button("Make a token for an application", key="make-app-token"):
                st.dialog("Make a token for an application", width="medium", on_dismiss="rerun")(
                    _make
                )(known)


def _register() -> None:
    show(paragraph("Its name stands on Impact beside the decisions it asked for."))
    name = st.text_input("Name", key="app-name", max_chars=120)
    if st.button("Register", type="primary", key="app-sign"):
        made = act(lambda by: portal().tokens.register_application(name or "", by=by))
        if made is not None:
            done(f"{made.name} is registered.", "Now make a token for it.")


def _make(applications: Sequence[Person] | None) -> None:
    chosen: Person | None = None
    if applications is not None:
        chosen = st.selectbox(
            "Application", applications, format_func=lambda one: one.name, key="token-app"
        )
    label = st.text_input("What it is for", key="token-label", max_chars=LONGEST_LABEL)
    days = st.number_input("Days it lasts", 1, LONGEST_DAYS, 90, key="token-days")
    show(paragraph("The token is shown once, here. Keep it where passwords are kept."))
    if not st.button("Make the token", type="primary", key="token-sign"):
        return
    desk, said, lasts = portal().tokens, label or "", int(days)
    made = act(
        lambda by: (
            desk.issue_for_application(chosen.id, said, by=by, days=lasts)
            if chosen is not None
            else desk.issue(said, by=by, days=lasts)
        )
    )
    if made is not None:
        token, secret = made
        st.code(secret, language=None, wrap_lines=True)
        done(f"Copy it now. It ends on {words.day(token.expires_at)}.")


def _revoke(active: Sequence[Token], names: Mapping[str, str]) -> None:
    if not active:
        return
    by_id = {one.id: one for one in active}
    with page.card("revoke"):
        show(page.section("End a token"))
        chosen = st.selectbox(
            "Token",
            list(by_id),
            index=None,
            format_func=lambda one: (
                f"{by_id[one].label}, {names.get(by_id[one].principal_id, '')}, {by_id[one].hint}"
            ),
            placeholder="Choose a token",
            key="revoke-token",
            label_visibility="collapsed",
        )
        if st.button("Revoke", key="revoke", disabled=chosen is None) and chosen:
            st.dialog("Revoke a token", width="medium")(_revoke_sure)(by_id[chosen])
        show(note("A revoked token is refused from the next call on."))


def _revoke_sure(token: Token) -> None:
    show(
        paragraph(
            f"Whatever uses the token \N{LEFT DOUBLE QUOTATION MARK}{token.label}"
            "\N{RIGHT DOUBLE QUOTATION MARK} is refused from its next call on. This cannot "
            "be undone; make a new token instead."
        )
    )
    if signed("Keep it", "Revoke") and did(lambda by: portal().tokens.revoke(token.id, by=by)):
        st.rerun()
