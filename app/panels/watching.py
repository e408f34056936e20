"""Watching: the button on a model, and the list of what one watches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import streamlit as st

from app.panels import ways
from app.panels.links import link, model_link
from app.session import did, portal
from app.ui import page, words
from app.ui.feedback import empty
from app.ui.markup import label, note, paragraph, show
from auth.access import Resource, Verdict, decide
from auth.actors import Actor, Kind
from catalog.notifications.watches import On, Watch
from catalog.registry.models import Model
from catalog.registry.named import Named, named

WATCH: Final = "Watch"
UNWATCH: Final = "Stop watching"
_ANYWHERE: Final = "Anywhere"
_KINDS: Final[Mapping[On, str]] = {On.MODEL: "Models", On.ALIAS: "Aliases", On.DOMAIN: "Domains"}


def offer(model: Model, *, by: Actor) -> str:
    """What the menu of a model offers: to watch it, or to stop."""
    watched = portal().watches.is_on(On.MODEL, model.id, by=by)
    return UNWATCH if watched or (watched is None and model.owner_id == by.id) else WATCH


def change(offered: str, model: Model) -> None:
    """Do what the menu offered."""
    desk = portal().watches
    if offered == WATCH:
        if did(lambda by: desk.start(On.MODEL, model.id, by=by)):
            st.toast("You are told when its versions or aliases change.")
        return

    def stop(by: Actor) -> None:
        if desk.is_on(On.MODEL, model.id, by=by):
            desk.stop(On.MODEL, model.id, by=by)
        if model.owner_id == by.id:
            desk.silence(model.id, by=by)

    if did(stop):
        st.toast("You are told no more.")


def domain_button(domain: str, *, by: Actor) -> None:
    """Watch a whole domain, or stop, where one looks at its models."""
    if by.kind is not Kind.PERSON or not _may_see(domain, by):
        return
    desk = portal().watches
    if desk.is_on(On.DOMAIN, domain, by=by):
        if st.button(
            label(f"Stop watching {domain}"),
            icon=":material/visibility_off:",
            key="watch-this-domain",
        ) and did(lambda here: desk.stop(On.DOMAIN, domain, by=here)):
            st.rerun()
    elif st.button(
        label(f"Watch {domain}"),
        icon=":material/visibility:",
        key="watch-this-domain",
        help="You are told when versions or aliases of its models change.",
    ) and did(lambda here: desk.start(On.DOMAIN, domain, by=here)):
        st.rerun()


def watched(by: Actor) -> None:
    """Everything one watches, with the way to stop, and a way to watch more."""
    desk = portal().watches
    found = desk.of(by=by)
    silenced = desk.silenced(by=by)
    ids = {one.target for one in found if one.on is On.MODEL} | set(silenced)
    with portal().store.read() as session:
        models = named(session, ids, by=by)
    with page.card("watch-more"):
        _more([one for one in portal().models.domains() if _may_see(one, by)])
    show(note("You always hear of the models you own and of the releases you asked for."))
    if not found:
        empty(
            "You watch nothing yet",
            "Watch a model from its page, or an alias or a whole domain here.",
            page=ways.to("discover"),
            link="Find a model",
        )
    for on, title in _KINDS.items():
        of_kind = [one for one in found if one.on is on]
        if of_kind:
            show(page.group(title, len(of_kind)))
        for one in of_kind:
            _row(one, models)
    if silenced:
        show(page.group("Silenced", len(silenced)))
    for model_id in silenced:
        _silenced(model_id, models)


def _silenced(model_id: str, models: Mapping[str, Named]) -> None:
    with _line(f"silenced-{model_id}"):
        _model(model_id, models)
        if st.button("Hear of it again", key=f"hear-{model_id}") and did(
            lambda by: portal().watches.stop(On.MODEL, model_id, by=by)
        ):
            st.rerun()


def _row(one: Watch, models: Mapping[str, Named]) -> None:
    key = f"{one.on}-{one.target}-{one.within}"
    with _line(key):
        if one.on is On.MODEL:
            _model(one.target, models)
        elif one.on is On.ALIAS:
            show(paragraph(f"{one.target}, {f'in {one.within}' if one.within else 'anywhere'}"))
        else:
            link(one.target, "discover", icon=":material/search:", domain=one.target)
        show(note(f"since {words.day(one.since)}"), width="content")
        if st.button("Stop", key=f"stop-{key}") and did(
            lambda by: portal().watches.stop(one.on, one.target, within=one.within, by=by)
        ):
            st.rerun()


def _line(key: str) -> st.delta_generator.DeltaGenerator:
    return st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key=f"row-{key}",
    )


def _model(model_id: str, models: Mapping[str, Named]) -> None:
    model = models.get(model_id)
    if model is None:
        show(paragraph("A model that you may no longer see"))
        return
    model_link(model.name, model)


def _may_see(domain: str, by: Actor) -> Verdict:
    return decide(by, "model:read", Resource("domain", domain, domain))


def _more(domains: Sequence[str]) -> None:
    show(page.section("Watch more"))
    left, middle, right = st.columns([0.42, 0.38, 0.2], vertical_alignment="bottom")
    alias = left.text_input(
        "Alias", key="watch-alias", placeholder="champion, or champion-*", max_chars=64
    )
    within = middle.selectbox("In", [_ANYWHERE, *domains], key="watch-within")
    if right.button(
        "Watch alias", key="watch-alias-go", disabled=not alias, width="stretch"
    ) and did(
        lambda here: portal().watches.start(
            On.ALIAS, alias or "", within="" if within == _ANYWHERE else within, by=here
        )
    ):
        st.rerun()
    left, right = st.columns([0.8, 0.2], vertical_alignment="bottom")
    domain = left.selectbox(
        "Domain", domains, index=None, placeholder="Choose a domain", key="watch-domain"
    )
    if right.button(
        "Watch domain", key="watch-domain-go", disabled=not domain, width="stretch"
    ) and did(lambda here: portal().watches.start(On.DOMAIN, domain or "", by=here)):
        st.rerun()
