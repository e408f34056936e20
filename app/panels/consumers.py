"""Who uses a model: the applications that said so beside those that were seen calling it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from app.panels import assurance
from app.panels.shown import CHAMPION, Shown
from app.session import did, portal
from app.ui import chips, feedback, page, tables, words
from app.ui.markup import Markup, label, note, paragraph, show
from app.ui.tables import Column
from auth.actors import Actor
from catalog.applications.consumers import (
    LONGEST_CONTACT,
    LONGEST_PURPOSE,
    Consumer,
    Criticality,
    Relies,
)
from catalog.monitoring.callers import WINDOW_DAYS, Use, uses
from catalog.registry.models import Model

_USUAL: Final = (CHAMPION, "challenger", "candidate", "shadow", "canary", "rollback")
_WORDS: Final = {
    "": ("Verified", "As registered"),
    "unregistered": ("Warning", "Calls it without being registered"),
    "never-called": ("Missing", "Registered and never called"),
    "another-version": ("Warning", "Calls another version"),
}


def panel(shown: Shown, *, by: Actor) -> None:
    """The table of consumers and callers, and the ways to register one and to end that."""
    here, model = portal(), shown.model
    registered = here.consumers.of(model.id, by=by)
    found = uses(model, registered, here.callers.of(model))
    offered = here.consumers.applications(model.resource, by=by)
    with page.card("consumers"):
        show(page.section("Who uses it", _counted(found)))
        if found:
            show(table(found), *_mismatches(found), note(_source()))
        else:
            feedback.empty(
                "Nobody uses this model as far as anybody knows",
                "An application appears here when it is registered, or when it reports a call.",
            )
        if offered:
            with st.container(horizontal=True, key="consumer-acts"):
                if st.button("Register a consumer", key="consumer-new", icon=":material/add_link:"):
                    st.dialog("Register a consumer", width="medium")(_register)(model, offered)
                if registered and st.button(
                    "End a registration", key="consumer-old", icon=":material/link_off:"
                ):
                    st.dialog("End a registration", width="medium")(_end)(registered)


def _counted(found: Sequence[Use]) -> str:
    said = len({one.application_id for one in found if one.consumer})
    seen = len({one.application_id for one in found if one.caller and one.caller.calls})
    return f"{said} registered, {seen} seen calling in {WINDOW_DAYS} days"


def _source() -> str:
    return (
        f"Calls are those the applications reported over the last {WINDOW_DAYS} days; the last "
        "call is the last ever reported."
    )


def table(found: Sequence[Use]) -> Markup:
    """What each application said of itself, what was seen of it, and whether the two agree."""
    return tables.table(
        (
            Column("Application", lead=True),
            Column("Relies on"),
            Column("For"),
            Column("Criticality"),
            Column("Calls", "right", assured=assurance.APPLICATIONS),
            Column("Last call", "right"),
            Column("Reads"),
        ),
        [_row(one) for one in found],
        "Consumers",
    )


def _row(use: Use) -> tables.Row:
    said, seen = use.consumer, use.caller
    return tables.Row(
        (
            tables.two(use.name, said.contact if said else "nobody to tell"),
            chips.alias(said.alias) if said else None,
            said.purpose if said else None,
            said.criticality.value if said else None,
            words.thousands(seen.calls) if seen else None,
            tables.two(words.moment(seen.last_at), f"v{seen.number}") if seen else None,
            chips.mark(*_WORDS[use.mismatch]),
        ),
        "attention" if use.mismatch else "",
    )


def _mismatches(found: Sequence[Use]) -> list[Markup]:
    old = [one for one in found if one.mismatch == "another-version"]
    return [note(chips.flagged("Warning", one.reason)) for one in old]


def _register(model: Model, offered: Sequence[tuple[str, str]]) -> None:
    names = dict(offered)
    show(
        paragraph(
            "It stands on this page, and is named to whoever is about to deprecate what it uses."
        )
    )
    application = st.selectbox(
        "Application", list(names), format_func=lambda one: names[one], key="consumer-application"
    )
    held = [one.name for one in model.aliases]
    alias = st.selectbox("Alias", list(dict.fromkeys([*held, *_USUAL])), key="consumer-alias")
    purpose = st.text_area(
        "What for (required)",
        key="consumer-purpose",
        max_chars=LONGEST_PURPOSE,
        placeholder="What the application decides or shows with it",
    )
    contact = st.text_input(
        "Contact (required)",
        key="consumer-contact",
        max_chars=LONGEST_CONTACT,
        placeholder="Who is told: a person, a team or an address",
    )
    criticality = st.segmented_control(
        "Criticality",
        [one.value for one in Criticality],
        default=Criticality.MEDIUM.value,
        required=True,
        key="consumer-criticality",
        help="What happens to the application's work when the model fails.",
    )
    relies = Relies(alias or "", purpose or "", contact or "", criticality or "")
    if st.button("Register", type="primary", key="consumer-sign") and did(
        lambda by: portal().consumers.register(
            model.id, relies, by=by, application_id=application or ""
        )
    ):
        st.rerun()


def _end(registered: Sequence[Consumer]) -> None:
    named = {one.id: f"{one.application} on @{one.alias}" for one in registered}
    chosen = st.selectbox(
        "Registration", list(named), format_func=lambda one: named[one], key="consumer-ended"
    )
    show(
        paragraph(
            "If the application goes on calling, it stands here as a caller that is not registered."
        )
    )
    if st.button(label("End it"), type="primary", key="consumer-end-sign") and did(
        lambda by: portal().consumers.end(chosen or "", by=by)
    ):
        st.rerun()
