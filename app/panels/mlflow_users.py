"""The users that MLflow names, linked to people, so that nobody approves what they built."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.panels.everybody import Known
from app.session import did, portal
from app.ui import chips, page, tables, words
from app.ui.dialogs import opens
from app.ui.feedback import empty
from app.ui.markup import mono, paragraph, show
from app.ui.tables import Column, Row
from auth.access import ANYTHING, decide
from auth.actors import Actor


def users(everybody: Known, by: Actor) -> None:
    """The users that MLflow names, and the people behind them."""
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
                            or chips.gap("Nobody yet"),
                            words.thousands(versions),
                        )
                    )
                    for server, user, versions in seen
                ],
                "MLflow users and the people behind them",
            )
        )
        opens(
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
