"""A version on its way out: the notice wherever it appears, and the acts of those who decide it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

import streamlit as st

from app.panels import ways
from app.panels.links import link
from app.panels.shown import CHAMPION, Shown
from app.session import did, portal
from app.ui import chips, feedback, words
from app.ui.markup import Markup, label, paragraph, show
from auth.actors import Actor
from catalog.impact.calls import WINDOW_DAYS
from catalog.registry.deprecations import LONGEST_MESSAGE, Deprecation
from catalog.registry.models import Version

_USUAL_NOTICE: Final = timedelta(days=30)


def mark(said: Deprecation | None, today: date) -> list[Markup]:
    """The chip of a deprecated version, or none: `Deprecated from 1 Dec 2026, use v4`."""
    if said is None:
        return []
    instead = f", use {successor_words(said)}" if said.successor else ""
    if said.is_obsolete(today):
        return [chips.status("Obsolete", f"Obsolete since {words.day(said.ends_on)}{instead}")]
    return [chips.status("Deprecated", f"Deprecated from {words.day(said.ends_on)}{instead}")]


def successor_words(said: Deprecation) -> str:
    """The successor as it is called: `v4`, or `credit-pd v4` when it is of another model."""
    following = said.successor
    if following is None:
        return ""
    own = f"v{following.number}"
    return own if following.model_id == said.model_id else f"{following.model_name} {own}"


def notice(said: Deprecation | None, shown: Shown) -> None:
    """What a reader must know first of a version that goes: until when, why, what instead.

    The way to its successor stands under it.
    """
    if said is None:
        return
    who = shown.names.get(said.deprecated_by, "somebody")
    day = words.day(said.ends_on)
    first = (
        f"v{said.number} is obsolete: it must not be used since {day}."
        if said.is_obsolete(shown.now.date())
        else f"v{said.number} is deprecated: it must not be used from {day} on."
    )
    instead = f" Use {successor_words(said)} instead." if said.successor else ""
    feedback.notice(
        f"{first}{instead}", f"{said.message} \N{EM DASH} {who}, {words.moment(said.deprecated_at)}"
    )
    following = said.successor
    if following is None:
        return
    with st.container(horizontal=True, key=f"successor-of-{said.number}"):
        st.page_link(
            ways.to("model"),
            label=label(f"Open its successor, {successor_words(said)}"),
            icon=":material/deployed_code:",
            query_params={
                **ways.named(following.server, following.workspace, following.model_name),
                "tab": "Versions",
                "version": str(following.number),
            },
        )
        if following.model_id == shown.model.id:
            link(
                "Compare with its successor",
                "compare",
                model=shown.model,
                icon=":material/compare_arrows:",
                left=said.number,
                right=following.number,
            )


def of_version(shown: Shown, version: Version) -> None:
    """The notice of one version, unless it stands at the head of the page: the champion's does."""
    if version != shown.champion:
        notice(shown.deprecations.get(version.id), shown)


def acts(shown: Shown, version: Version, *, by: Actor) -> None:
    """What this person may do about the end of a version."""
    said = shown.deprecations.get(version.id)
    if not portal().deprecations.may_deprecate(shown.model, by=by):
        return
    with st.container(horizontal=True, vertical_alignment="center", key="deprecate-row"):
        said_on_button = "Change the deprecation" if said else "Deprecate this version"
        if st.button(said_on_button, key="deprecate", icon=":material/event_busy:"):
            st.dialog(label(f"Deprecate v{version.number}"), width="medium")(_deprecate)(
                shown, version, said, by
            )
        if said and st.button("Reinstate", key="reinstate", icon=":material/undo:"):
            st.dialog(label(f"Reinstate v{version.number}"), width="medium")(_reinstate)(version)


def _deprecate(shown: Shown, version: Version, said: Deprecation | None, by: Actor) -> None:
    today = shown.now.date()
    show(
        paragraph(
            f"{shown.model.name} v{version.number} stays where it is. Everybody who opens it, and "
            "every application that asks for it, is told not to use it from the day you name. It "
            "cannot be released any more."
        )
    )
    offered = successors(shown, version, by)
    kept = said.successor.version_id if said and said.successor else ""
    following = st.selectbox(
        "Successor",
        list(offered),
        index=list(offered).index(kept) if kept in offered else 0,
        format_func=lambda one: offered[one],
        key="deprecate-successor",
    )
    ends_on = st.date_input(
        "Must not be used from",
        value=max(said.ends_on, today) if said else today + _USUAL_NOTICE,
        min_value=today,
        key="deprecate-day",
        format="YYYY-MM-DD",
        help="A day of the calendar in UTC.",
    )
    message = st.text_area(
        "Message (required)",
        said.message if said else "",
        key="deprecate-message",
        placeholder="Why it goes, and what those who use it should do",
        max_chars=LONGEST_MESSAGE,
    )
    sure = _sure(shown, version, by)
    asked = st.button("Deprecate", type="primary", key="deprecate-sign", disabled=not sure)
    if asked and did(
        lambda who: portal().deprecations.deprecate(
            version.id,
            by=who,
            ends_on=ends_on,
            message=message or "",
            successor_id=following or "",
        )
    ):
        st.rerun()


def _sure(shown: Shown, version: Version, by: Actor) -> bool:
    """Whether the person said that a version in use may go; who is affected is named."""
    if CHAMPION not in version.aliases:
        return True
    told = who_uses(shown, version, by)
    feedback.notice(
        f"v{version.number} is the champion: {told or 'nobody is known to use it'}.",
        "Your message tells them what to move to." if told else "",
    )
    return st.checkbox(
        label(f"Deprecate the champion of {shown.model.name} all the same"), key="deprecate-sure"
    )


def who_uses(shown: Shown, version: Version, by: Actor) -> str:
    """Who relies on a version by its aliases and who called it, as a clause; empty for nobody."""
    relying = portal().consumers.of(shown.model.id, by=by)
    registered = sorted({one.application for one in relying if one.alias in version.aliases})
    calling = callers_of(shown, version)
    rely = f"{words.listing(registered)} {'relies' if len(registered) == 1 else 'rely'} on it"
    call = f"{words.listing(calling)} called it in the last {WINDOW_DAYS} days"
    return words.listing([rely] * bool(registered) + [call] * bool(calling))


def callers_of(shown: Shown, version: Version) -> list[str]:
    """The applications that called this version lately, by name."""
    line = shown.line
    if line is None or line.version_number != version.number:
        return []
    return [shown.name(one) for one, _calls in line.applications]


def successors(shown: Shown, version: Version, by: Actor) -> Mapping[str, str]:
    """What may follow: the other versions of this model, newest first, and live ones elsewhere."""
    gone = shown.deprecations
    offered = {"": "None: nothing replaces it"}
    for one in shown.versions.listed:
        if one.id != version.id and one.id not in gone:
            held = "".join(f" @{alias}" for alias in shown.aliases(one.id))
            offered[one.id] = f"v{one.number}{held}"
    for other in portal().deprecations.elsewhere(shown.model, by=by):
        offered[other.version_id] = f"{other.model_name} v{other.number} @{CHAMPION}"
    return offered


def _reinstate(version: Version) -> None:
    show(paragraph(f"v{version.number} may be used and released again, from the next click on."))
    reason = st.text_area("Reason (required)", key="reinstate-reason", max_chars=LONGEST_MESSAGE)
    if st.button("Reinstate", type="primary", key="reinstate-sign") and did(
        lambda by: portal().deprecations.reinstate(version.id, reason or "", by=by)
    ):
        st.rerun()
