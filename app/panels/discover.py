"""Discover: the search box, the ways to narrow, and a card for each model that was found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from app.panels import (
    found_models,
    narrowing,
    nothing_found,
    saved_searches,
    sources,
    watching,
    ways,
)
from app.panels.narrowing import LIVE, ORDERS, PAGE, page_key
from app.session import portal
from app.ui import cards, page, words
from app.ui.markup import Markup, join, label, note, show, strong
from auth.actors import Actor
from catalog.registry.mirror.state import MirrorState
from catalog.registry.search.questions import Correction, Found, Hit, Order, Question
from catalog.registry.search.words import LONGEST_QUERY

# From how many letters on it is said how many there may be.
_NEARLY_ALL: Final = 160


def head(states: Sequence[MirrorState], question: Question, *, by: Actor) -> None:
    """The title, how many models there are and how old that is, and the search box."""
    now = portal().clock.now()
    models, servers = portal().finder.size(by=by), len(states)
    held = f"{words.plural(models, 'registered model')} on {words.plural(servers, 'MLflow server')}"
    page.head(
        "Find",
        "Discover models",
        f"{held}. {sources.mirrored(states, now)}.",
        actions=lambda: _actions(question, by=by),
    )
    st.text_input(
        "Search models",
        type="search",
        live="60ms",
        key="q",
        bind="query-params",
        icon=":material/search:",
        placeholder="Name, what it does, tag, domain or owner",
        label_visibility="collapsed",
        max_chars=LONGEST_QUERY,
    )
    if len(question.text) > _NEARLY_ALL:
        show(note(f"{len(question.text)} of at most {LONGEST_QUERY} letters."))


def _actions(question: Question, *, by: Actor) -> None:
    """What can be kept of what is asked: the search, and the domain it is narrowed to."""
    domains = question.chosen.get("domain", frozenset())
    if len(domains) == 1:
        watching.domain_button(next(iter(domains)), by=by)
    saved_searches.menu(question, by=by)


def look(question: Question, order: Order, start: int, *, by: Actor) -> Found:
    """One page of what was found, with the numbers that decide by the policy in force."""
    here = portal()
    measures = here.policies.measures()

    def page_from(place: int) -> Found:
        return here.finder.find(
            question, by=by, limit=PAGE, offset=place, order=order, measures=measures
        )

    found = page_from(start)
    # An old address may ask for a page that is not there any more.
    return found if found.hits or not found.total else page_from(0)


def results(found: Found, question: Question, order: Order, start: int, *, by: Actor) -> None:
    """The models that were found, one card each, and the way to the next ones."""
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key="found",
    ):
        show(_summary(found, question))
        st.segmented_control(
            "Order",
            list(ORDERS),
            default="Best match",
            key="sort",
            bind="query-params",
            label_visibility="collapsed",
            required=True,
        )
    if found.correction is not None:
        _corrected(found.correction)
    if found.relaxed:
        show(note(_relaxed(found.absent)))
    if order is Order.BEST_METRIC and found.total:
        show(note(_why_this_order(found)))
    if not found.total:
        nothing_found.panel(question, by=by)
        return
    start = start if start < found.total else 0
    calls = portal().impact.calls_a_day({hit.model.id for hit in found.hits if not hit.is_locked})
    live = {version_id for hit in found.hits if (version_id := found_models.live_version(hit))}
    going = portal().deprecations.among(live, by=by)
    is_grouped = order is Order.BEST_METRIC and found.measure is None
    for place, hit in enumerate(found.hits):
        if is_grouped and (not place or hit.model.task != found.hits[place - 1].model.task):
            show(page.group(_kind(hit)))
        cards.result_card(
            found_models.card(
                hit, calls.get(hit.model.id), going.get(found_models.live_version(hit))
            ),
            f"hit-{place}",
            ways.to("model"),
            ways.of(hit.model),
        )
    pages = -(-found.total // PAGE)
    if pages > 1:
        with st.container(
            horizontal=True,
            horizontal_alignment="distribute",
            vertical_alignment="center",
            key="paging",
        ):
            last = start + len(found.hits)
            show(note(f"{start + 1} to {last} of {found.total:,}"), width="content")
            # One field for each question: another one must not find this one's page in it.
            key = page_key(question, order)
            st.pagination(pages, default=start // PAGE + 1, key=key, on_change=_turn, args=(key,))


def _turn(key: str) -> None:
    st.query_params["page"] = str(st.session_state[key])


def _corrected(correction: Correction) -> None:
    """What was searched for instead of what was typed, and the way to the other one."""
    with st.container(horizontal=True, vertical_alignment="center", key="correction"):
        if correction.is_applied:
            show(join(("Showing results for ", strong(correction.meant), ".")), width="content")
            st.button(
                f"Search instead for “{label(correction.typed)}”",
                key="as-typed",
                type="tertiary",
                on_click=narrowing.take_words_as_typed,
                args=(correction.typed,),
            )
        else:
            show("Nothing holds a word exactly as typed.", width="content")
            st.button(
                f"Search for “{label(correction.meant)}”",
                key="as-meant",
                type="tertiary",
                on_click=narrowing.take_words_as_meant,
                args=(correction.meant,),
            )


def _relaxed(absent: Sequence[str]) -> str:
    if not absent:
        return "No model holds all of these words. These hold some of them."
    return (
        f"No model holds {words.listing([f'“{one}”' for one in absent])}. These hold other words."
    )


def _summary(found: Found, question: Question) -> Markup:
    chosen = [words.listing(sorted(values)) for values in question.chosen.values() if values]
    told = f" for “{question.text}”" if question.text else ""
    told += f" narrowed to {', '.join(chosen)}" if chosen else ""
    if question.range:
        least, most = question.range.least, question.range.most
        limits = [f"at least {least:g}"] if least is not None else []
        limits += [f"at most {most:g}"] if most is not None else []
        told += f" with {question.range.metric} {' and '.join(limits)}"
    told = told or f", {found.live:,} of them live as {LIVE}"
    return join((strong(words.plural(found.total, "model")), told))


def _kind(hit: Hit) -> str:
    """What models of a run of hits predict, and by which number they are ordered."""
    task = hit.model.task.capitalize() or "No task yet"
    if hit.key is None:
        return f"{task}, not measured by what decides"
    way = "highest" if hit.key.measure.better == "higher" else "lowest"
    return f"{task}, {way} {hit.key.measure.label} first"


def _why_this_order(found: Found) -> str:
    if found.measure is None:
        return (
            "Numbers of different tasks cannot be compared, so each task has its own list, ordered "
            "by the number that decides for it; the one with most measured models comes first. "
            "Within a list, only those measured on the same data can be compared."
        )
    policy = portal().policies.measuring(found.measure)
    way = "highest" if found.measure.better == "higher" else "lowest"
    rows = {hit.key.dataset_digest for hit in found.hits if hit.key}
    alike = (
        "All were measured on the same rows."
        if len(rows) == 1
        else "Only those measured on the same data set can be compared."
    )
    return (
        f"By {found.measure.label} on {found.measure.context} data, {way} first, "
        f"{f'as policy {policy.name} v{policy.version} decides' if policy else ''}. {alike}"
    )
