"""Discover: the search box, the ways to narrow, and a card for each model that was found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from zlib import crc32

import streamlit as st

from app.panels import deprecation, sources, ways
from app.panels.chosen import asked_number
from app.session import portal
from app.ui import cards, chips, feedback, page, words
from app.ui.facets import facet
from app.ui.markup import Markup, join, note, show, strong
from auth.actors import Actor
from catalog.registry.deprecations import Deprecation
from catalog.registry.mirror import MirrorState
from catalog.registry.search import Found, Hit, Order, Question, search

PAGE: Final = 10
LIVE: Final = "champion"
_BEFORE: Final = "discover-asked-before"
_FIRST: Final = "discover-asked-first"
_ORDERS: Final = {
    "Best match": Order.BEST_MATCH,
    "Newest": Order.NEWEST,
    "Best measured": Order.BEST_METRIC,
}


def head(states: Sequence[MirrorState]) -> None:
    """The title, how many models there are and how old that is, and the search box."""
    now = portal().clock.now()
    models, servers = sum(state.models for state in states), len(states)
    held = f"{words.plural(models, 'registered model')} on {words.plural(servers, 'MLflow server')}"
    page.head("Find", "Discover models", f"{held}. {sources.mirrored(states, now)}.")
    st.text_input(
        "Search models",
        type="search",
        live="250ms",
        key="q",
        bind="query-params",
        icon=":material/search:",
        placeholder="Name, what it does, tag, domain or owner",
        label_visibility="collapsed",
        max_chars=200,
    )


def asked() -> tuple[Question, Order, int]:
    """What is asked by the fields and the address: the question, the order, the first place."""
    text, order = _values("q"), _values("sort")
    question = Question(
        text=text[0] if text else "",
        domains=frozenset(_values("domain")),
        live_only=LIVE in _values("live"),
    )
    chosen = _ORDERS.get(order[0] if order else "", Order.BEST_MATCH)
    return question, chosen, (_number(question) - 1) * PAGE


def _number(question: Question) -> int:
    """Which page is asked for: another question begins on its first one."""
    turned = st.session_state.get(_page_key(question))
    if turned:
        return int(turned)
    if st.session_state.setdefault(_FIRST, question) == question:
        return asked_number(st.query_params.get("page", ""), 1) or 1
    # The page of the question before leaves the address one click later: at this moment the
    # address would be written with the words that were asked before.
    if st.session_state.get(_BEFORE) == question:
        st.query_params.pop("page", None)
    st.session_state[_BEFORE] = question
    return 1


def _page_key(question: Question) -> str:
    about = (question.text, sorted(question.domains), question.live_only)
    return f"page-{crc32(repr(about).encode())}"


def _values(key: str) -> list[str]:
    """What a field holds; before it is drawn for the first time, what the address says."""
    if key not in st.session_state:
        return st.query_params.get_all(key)
    held = st.session_state[key]
    return [str(one) for one in (held if isinstance(held, list) else [held]) if one]


def look(question: Question, order: Order, start: int, *, by: Actor) -> Found:
    """One page of what was found, with the numbers that decide by the policy in force."""
    here = portal()
    measures = here.policies.in_force.policy.measures()

    def page_from(place: int) -> Found:
        return search(
            here.store, question, by=by, limit=PAGE, offset=place, order=order, measures=measures
        )

    found = page_from(start)
    # An old address may ask for a page that is not there any more.
    return found if found.hits or not found.total else page_from(0)


def facets(found: Found) -> None:
    """The ways to narrow, each with how many models it would leave."""
    chosen = dict.fromkeys(_values("domain"), 0)
    with st.container(key="facets"):
        facet("Domain", {**chosen, **dict(found.domains)}, "domain")
        facet("Live as", {LIVE: found.live}, "live")


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
            list(_ORDERS),
            default="Best match",
            key="sort",
            bind="query-params",
            label_visibility="collapsed",
            required=True,
        )
    if order is Order.BEST_METRIC:
        show(note(_why_this_order(found)))
    if not found.total:
        _nothing(question)
        return
    start = start if start < found.total else 0
    calls = portal().impact.calls_a_day({hit.model.id for hit in found.hits})
    live = {version_id for hit in found.hits if (version_id := _live_version(hit))}
    going = portal().deprecations.among(live, by=by)
    for place, hit in enumerate(found.hits):
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
            # One field for each question: another question must not find this one's page in it.
            key = _page_key(question)
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
    if champion is not None:
        marks.append(chips.alias(LIVE, champion.number))
        if said is not None:
            marks += deprecation.mark(said, portal().clock.now().date())
    elif hit.number is not None:
        marks.append(chips.status("None", f"Not live, newest is v{hit.number}"))
    owner = f"owned by {hit.owner}" if hit.owner else "nobody owns it yet"
    about = " · ".join(one for one in (model.domain or "No domain yet", model.task, owner) if one)
    return cards.Result(
        model.name, model.description, about, marks, tuple(_figures(hit, calls_a_day))
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
    narrowed += [f"in {words.listing(sorted(question.domains))}"] * bool(question.domains)
    narrowed += [f"live as {LIVE}"] * question.live_only
    told = f" {', '.join(narrowed)}" if narrowed else f", {found.live} of them live as {LIVE}"
    return join((strong(words.plural(found.total, "model")), told))


def _why_this_order(found: Found) -> str:
    if found.measure is None:
        return (
            "Models that predict the same kind of thing stand together, each kind ordered by the "
            "number that decides for it. Only those measured on the same data can be compared."
        )
    policy = portal().policies.in_force.policy
    way = "highest" if found.measure.better == "higher" else "lowest"
    rows = {hit.key.dataset_digest for hit in found.hits if hit.key}
    alike = (
        "All were measured on the same rows."
        if len(rows) == 1
        else "Only those measured on the same data set can be compared."
    )
    return (
        f"By {found.measure.label} on {found.measure.context} data, {way} first, as policy "
        f"{policy.name} v{policy.version} decides. {alike}"
    )


def _nothing(question: Question) -> None:
    if question == Question():
        feedback.empty(
            "There is no model you may see yet",
            "Models appear here within a minute of being registered in MLflow, once you hold a "
            "role on them.",
        )
        return
    feedback.empty(
        "No model matches", "Take a filter away, or search for a word from its description."
    )
    st.button("Show all models", on_click=_clear, key="clear", icon=":material/search:")


def _clear() -> None:
    st.session_state["q"] = ""
    for facet_key in ("domain", "live"):
        st.session_state[facet_key] = []
