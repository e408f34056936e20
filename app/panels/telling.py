"""How one wants to be told: for each kind of notice, and through which channels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import streamlit as st

from app.notice_words import HOWS, KINDS
from app.session import act, did, portal
from app.ui import chips, page, tables, words
from app.ui.dialogs import signed
from app.ui.markup import Markup, join, mono, note, paragraph, show
from app.ui.tables import Column
from auth.actors import Actor
from catalog.notifications.channels import EVERYWHERE, MAIL, Channel, Way
from catalog.notifications.deliveries import Delivery, State
from catalog.notifications.kinds import How, Kind

_WAYS: Final[Mapping[Way, str]] = {
    Way.SLACK: "Slack",
    Way.TEAMS: "Teams",
    Way.WEBHOOK: "Webhook",
}
_EVERYWHERE: Final = "All domains"
_STATES: Final[Mapping[State, tuple[str, str]]] = {
    State.QUEUED: ("Queued", "Queued"),
    State.SENDING: ("Running", "Being sent"),
    State.SENT: ("Done", "Sent"),
    State.FAILED: ("Failed", "Failed"),
    State.SKIPPED: ("None", "Not needed any more"),
}
_REASONS: Final[Mapping[str, str]] = {
    "no-answer": "the channel did not answer",
    "interrupted": "it was being sent when the worker ended; it may have arrived",
    "too-late": "it was tried for a day",
    "host-not-allowed": "the operator does not allow the host any more",
    "private-address": "the host leads into a private network",
    "no-address": "the address is none of this kind",
    "sealed-elsewhere": "the address cannot be opened: add the channel again",
    "nothing-to-say": "there was nothing left to say",
    "channel-removed": "the channel was removed",
}


def preferences(by: Actor) -> None:
    """For each kind of notice, how one is told."""
    chosen = portal().channels.preferences(by=by)
    hows = list(HOWS)
    with page.card("preferences"):
        show(page.section("How you are told"), note(_outside(by)))
        for kind, said in KINDS.items():
            key = f"prefer-{kind}"
            st.selectbox(
                said,
                hows,
                index=hows.index(chosen[kind]),
                format_func=HOWS.__getitem__,
                key=key,
                on_change=_prefer,
                args=(kind, key),
            )


def _prefer(kind: Kind, key: str) -> None:
    how = How(st.session_state[key])
    did(lambda by: portal().channels.prefer(kind, how, by=by))


def _outside(by: Actor) -> str:
    here = portal().settings
    if not here.mail_url:
        return (
            "No letters are sent from here yet: whoever runs Countersign can name a mail gateway. "
            "At once and once a day then reach only your channels and this page."
        )
    return (
        f"Letters go to {by.email}. At once also goes to your own channels; once a day is one "
        f"letter from {here.digest_hour:02d}:00 UTC on, with what you have not read by then."
    )


def channels(by: Actor) -> None:
    """One's channels, what became of what was sent, and the way to add one."""
    found = portal().channels.of(by=by)
    with page.card("channels"):
        show(page.section("Channels"))
        if not found:
            show(paragraph("You have no channel yet: what is told at once arrives here alone."))
        for one in found:
            _channel(one)
        _add(by)
    sent = portal().deliveries.of(by=by)
    if sent:
        names = {one.id: one.name for one in found} | {MAIL: "Letter"}
        with page.card("deliveries"):
            show(page.section("Sent lately"), _deliveries(sent, names))


def _channel(one: Channel) -> None:
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key=f"row-{one.id}",
    ):
        whose = f"for {_scope(one.team_domain)}" if one.team_domain else "yours"
        show(
            tables.two(one.name, join((_WAYS[one.way], " to ", mono(one.host), f", {whose}"))),
        )
        if st.button("Remove", key=f"remove-{one.id}"):
            st.dialog("Remove this channel?", width="medium")(_remove)(one)


def _scope(domain: str) -> str:
    return "a team, all domains" if domain == EVERYWHERE else f"a team, {domain}"


def _remove(one: Channel) -> None:
    show(
        paragraph(
            f"Nothing goes to {one.name} any more, and its address is forgotten. "
            "To have it again, it must be added anew."
        )
    )
    if signed("Keep", "Remove") and did(lambda by: portal().channels.remove(one.id, by=by)):
        st.rerun()


def _add(by: Actor) -> None:
    hosts = portal().channels.hosts
    if st.button("Add a channel", key="channel-add", disabled=not hosts):
        st.dialog("Add a channel", width="medium")(_form)(by)
    allowed = f"Allowed hosts: {words.listing(list(hosts))}." if hosts else ""
    show(note(allowed or "No host is allowed yet: whoever runs Countersign names those that are."))


def _form(by: Actor) -> None:
    show(paragraph("Paste the address of an incoming webhook. It is sealed and not shown again."))
    ways = list(_WAYS)
    way = st.selectbox("Kind", ways, format_func=_WAYS.__getitem__, key="channel-way")
    name = st.text_input("Name", key="channel-name", max_chars=80, placeholder="Risk team")
    url = st.text_input("Address", key="channel-url", type="password", max_chars=2000)
    team = ""
    if portal().channels.may_add_for_a_team(by=by):
        mine = "Me"
        domains = [mine, _EVERYWHERE, *portal().models.domains()]
        chosen = st.selectbox("Who hears", domains, key="channel-team")
        team = {mine: "", _EVERYWHERE: EVERYWHERE}.get(chosen or mine, chosen or "")
    if st.button("Add", type="primary", key="channel-sign"):
        made = act(
            lambda here: portal().channels.add(
                way or Way.WEBHOOK, name or "", (url or "").strip(), team_domain=team, by=here
            )
        )
        if made is not None:
            st.rerun()


def _deliveries(sent: list[Delivery], names: Mapping[str, str]) -> Markup:
    rows = [
        (
            names.get(one.channel_id, "A channel that was removed"),
            chips.mark(*_STATES[one.state]),
            _reason(one.reason),
            words.moment(one.ended_at or one.queued_at),
        )
        for one in sent
    ]
    columns = (Column("Through", lead=True), Column("State"), Column("Why"), Column("When"))
    return tables.table(columns, rows, "The last ten deliveries")


def _reason(code: str) -> str:
    if code.startswith("answered-"):
        return f"the channel answered {code.removeprefix('answered-')}"
    return _REASONS.get(code, code.replace("-", " "))
