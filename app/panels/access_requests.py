"""Access requests as people meet them: to be answered, one's own, and all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app.panels import ways
from app.panels.locked import chip, last_day
from app.session import did, portal
from app.ui import cards, chips, feedback, page, tables, words
from app.ui.markup import Markup, join, label, note, paragraph, quote, show
from app.ui.tables import Column
from auth.access_request import AccessRequest
from auth.access_requests import LONGEST_STATEMENT, PAGE
from auth.actors import Actor, Kind
from catalog.registry.locked import Summary


def waiting(*, by: Actor) -> list[AccessRequest]:
    """What waits for this person's answer."""
    return portal().access_requests.waiting(by=by)


def answers(found: Sequence[AccessRequest], *, by: Actor) -> None:
    """A card for each request that waits, with the two answers."""
    if not found:
        return
    known = portal().models.summaries([one.resource_id for one in found], by=by)
    show(page.group("Access requests", len(found)))
    for one in found[:PAGE]:
        _answer_card(one, known.get(one.resource_id))
    if len(found) > PAGE:
        show(note(f"{len(found) - PAGE:,} more; answer these first."))


def _answer_card(one: AccessRequest, about: Summary | None) -> None:
    called = about.name if about else "a model that is gone"
    waited = words.span((portal().clock.now() - one.asked_at).total_seconds())
    with page.card(f"access-{one.id}"):
        show(
            page.section(
                f"Let {one.name} into {called}?", chips.status("Waits", f"Waits {waited}")
            ),
            quote(one.purpose, f"{_who(one)}, {words.moment(one.asked_at)}"),
            note(_how_long(one)),
        )
        with st.container(horizontal=True, key=f"access-acts-{one.id}"):
            _buttons(one, called)


def _buttons(one: AccessRequest, called: str) -> None:
    if st.button("Accept", key=f"accept-{one.id}", icon=":material/key:"):
        st.dialog(label(f"Let {one.name} into {called}"), width="medium")(_accept)(one)
    if st.button("Refuse", key=f"refuse-{one.id}", icon=":material/block:"):
        st.dialog(label(f"Refuse {one.name}"), width="medium")(_refuse)(one)


def _who(one: AccessRequest) -> str:
    return f"{one.name}, a serving application" if one.kind is Kind.APPLICATION else one.name


def _how_long(one: AccessRequest) -> str:
    if one.until is None:
        return "Asked without an end."
    return f"Asked until {words.day(one.until)}, that day included."


def _accept(one: AccessRequest) -> None:
    show(
        paragraph(
            f"{one.name} reads all of this one model from the next click on. It is recorded under "
            "your name, and a governance admin can take it back."
        )
    )
    until = last_day("Access lasts", portal().clock.now().date(), one.until, f"accept-{one.id}")
    reason = st.text_area(
        "Reason (optional)", key=f"accept-why-{one.id}", max_chars=LONGEST_STATEMENT
    )
    if st.button("Let them in", type="primary", key="accept-sign") and did(
        lambda by: portal().access_requests.accept(one.id, by=by, reason=reason or "", until=until)
    ):
        st.rerun()


def _refuse(one: AccessRequest) -> None:
    show(paragraph(f"{one.name} reads your reason, and may ask again."))
    reason = st.text_area(
        "Reason (required)", key=f"refuse-why-{one.id}", max_chars=LONGEST_STATEMENT
    )
    if st.button("Refuse", type="primary", key="refuse-sign") and did(
        lambda by: portal().access_requests.refuse(one.id, reason or "", by=by)
    ):
        st.rerun()


# -- one's own -------------------------------------------------------------------------------------


def mine(*, by: Actor, is_open: bool) -> None:
    """What this person asked for, those that wait or those that are answered."""
    found = [one for one in portal().access_requests.mine(by=by) if one.is_open is is_open]
    if not found:
        return
    known = portal().models.summaries([one.resource_id for one in found], by=by)
    show(page.group("Access you asked for", len(found)))
    for one in found:
        about = known.get(one.resource_id)
        if about is None:
            show(note(join((chip(one), " A model that is gone."))))
            continue
        cards.inbox_card(
            cards.Waiting(
                f"Access to {about.name}",
                one.reason or one.purpose,
                words.moment(one.decided_at or one.asked_at),
                chip(one),
                icon=":material/key:",
            ),
            f"access-{one.id}",
            ways.to("model"),
            ways.named(about.server, about.workspace, about.name),
        )


# -- all of them -----------------------------------------------------------------------------------


def everywhere(*, by: Actor) -> None:
    """All requests for those who may see who may do what, a page at a time; open ones first."""
    here = portal()
    answers(waiting(by=by), by=by)
    number = int(st.session_state.get("access-page") or 1)
    found = here.access_requests.page(by=by, offset=(number - 1) * PAGE)
    with page.card("access-requests"):
        show(page.section("Access requests", words.plural(found.total, "request")))
        if not found.total:
            feedback.empty(
                "Nobody has asked for access yet",
                "A model is restricted from its page, under More; who is kept out asks there.",
            )
            return
        known = here.models.summaries([one.resource_id for one in found.requests], by=by)
        names = here.people.names({one.decided_by for one in found.requests} - {""})
        show(table(found.requests, known, names))
        if found.total > PAGE:
            st.pagination(-(-found.total // PAGE), key="access-page")


def table(
    found: Sequence[AccessRequest], known: Mapping[str, Summary], names: Mapping[str, str]
) -> Markup:
    """Requests with who asked for what, why, and what became of it."""
    return tables.table(
        (
            Column("Who", lead=True),
            Column("Model"),
            Column("For"),
            Column("State"),
            Column("Until"),
            Column("Answered by"),
        ),
        [
            (
                tables.two(one.name, words.moment(one.asked_at)),
                known[one.resource_id].name if one.resource_id in known else "gone",
                one.purpose,
                chip(one),
                words.day(one.until) if one.until else None,
                tables.two(names.get(one.decided_by, ""), one.reason) if one.decided_by else None,
            )
            for one in found
        ],
        "Access requests",
    )
