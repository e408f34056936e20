"""Discover: the search box, the ways to narrow, and a card for each model that was found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from app.panels import deprecation, narrowing, saved_searches, sources, watching, ways
from app.panels.narrowing import LIVE, ORDERS, PAGE, page_key
from app.session import portal
from app.ui import cards, chips, feedback, page, words
from app.ui.markup import Markup, join, label, note, show, strong, tag
from auth.actors import Actor
from catalog.registry.deprecations import Deprecation
from catalog.registry.mirror.state import MirrorState
from catalog.registry.search.questions import Correction, Found, Hit, Order, Question

_MARK: Final = "mark"


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
        live="100ms",
        key="q",
        bind="query-params",
        icon=":material/search:",
        placeholder="Name, what it does, tag, domain or owner",
        label_visibility="collapsed",
        max_chars=200,
    )


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
        show(note("No model holds all of these words. These hold most of them."))
    if order is Order.BEST_METRIC and found.total:
        show(note(_why_this_order(found)))
    if not found.total:
        _nothing(question)
        return
    start = start if start < found.total else 0
    calls = portal().impact.calls_a_day({hit.model.id for hit in found.hits if not hit.is_locked})
    live = {version_id for hit in found.hits if (version_id := _live_version(hit))}
    going = portal().deprecations.among(live, by=by)
    is_grouped = order is Order.BEST_METRIC and found.measure is None
    for place, hit in enumerate(found.hits):
        if is_grouped and (not place or hit.model.task != found.hits[place - 1].model.task):
            show(page.group(_kind(hit)))
        cards.result_card(
            card(hit, calls.get(hit.model.id), going.get(_live_version(hit))),
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


def _live_version(hit: Hit) -> str:
    champion = hit.model.alias(LIVE)
    return champion.version_id if champion else ""


def _turn(key: str) -> None:
    st.query_params["page"] = str(st.session_state[key])


def card(hit: Hit, calls_a_day: float | None, said: Deprecation | None = None) -> cards.Result:
    """What a card says of a model: what it does, where it stands, how good it is, how much used."""
    model = hit.model
    champion = model.alias(LIVE)
    marks: list[Markup] = []
    if hit.is_locked:
        marks.append(chips.fact("Restricted"))
    elif champion is not None:
        marks.append(chips.alias(LIVE, champion.number))
        if said is not None:
            marks += deprecation.mark(said, portal().clock.now().date())
    elif hit.number is not None:
        marks.append(chips.status("None", f"Not live, newest is v{hit.number}"))
    owner = f"owned by {hit.owner}" if hit.owner else "nobody owns it yet"
    said_of_it = (model.domain or "No domain yet", model.task, owner, ways.place(model))
    about = " · ".join(one for one in said_of_it if one)
    return cards.Result(model.name, _does(hit), about, marks, tuple(_figures(hit, calls_a_day)))


def _does(hit: Hit) -> str:
    """What the model does, with the words that were asked for marked; or where else they stand."""
    if hit.snippet is None:
        return hit.model.description
    told = join(tag(_MARK, text) if found else text for text, found in hit.snippet.parts)
    if hit.snippet.place == "description":
        return told
    said = f"{hit.model.description} · " if hit.model.description else ""
    return join((said, hit.snippet.place.capitalize(), " ", told))


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


def _figures(hit: Hit, calls_a_day: float | None) -> list[tuple[str, str]]:
    figures = []
    if hit.key is not None:
        figures.append(
            (
                f"{hit.key.measure.label} {words.figure(hit.key.value)}",
                f"v{hit.number} on {hit.key.dataset}",
            )
        )
    if calls_a_day is not None:
        figures.append((words.thousands(calls_a_day), "calls a day, 30 days"))
    return figures


def _summary(found: Found, question: Question) -> Markup:
    narrowed = [f"for “{question.text}”"] * bool(question.text)
    narrowed += [
        f"{words.listing(sorted(values))}" for values in question.chosen.values() if values
    ]
    if question.range:
        least, most = question.range.least, question.range.most
        limits = [f"at least {least:g}"] if least is not None else []
        limits += [f"at most {most:g}"] if most is not None else []
        narrowed.append(f"{question.range.metric} {' and '.join(limits)}")
    told = f" {', '.join(narrowed)}" if narrowed else f", {found.live:,} of them live as {LIVE}"
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


def _nothing(question: Question) -> None:
    if question.is_open:
        feedback.empty(
            "There is no model you may see yet",
            "Models appear here within a minute of being registered in MLflow, once you hold a "
            "role on them.",
        )
        return
    feedback.empty(
        "No model matches", "Take a filter away, or search for a word from its description."
    )
    st.button("Show all models", on_click=narrowing.clear, key="clear", icon=":material/search:")
