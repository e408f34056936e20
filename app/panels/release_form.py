"""Asking for a release: the version, the alias, what the gates would say, and the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import streamlit as st

from app.panels import quorum, release_drafts, ways
from app.panels.chosen import asked_number
from app.panels.links import link
from app.panels.release_drafts import Typed
from app.panels.release_people import why_not
from app.panels.release_sheet import gate_row, verdict_chips
from app.session import act, portal
from app.ui import chips, page, tables, words
from app.ui.feedback import empty, notice
from app.ui.markup import join, note, paragraph, quote, show, tag, text
from auth.actors import Actor
from catalog.registry.models import Model, Version
from catalog.releases.decisions.deciders import Outlook
from catalog.releases.decisions.docket import Wanted
from catalog.releases.gates.asking import Answer
from catalog.releases.gates.waiting import waiting_for_files
from catalog.releases.requests.drafts import ReleaseDraft
from catalog.releases.requests.sheet import Preview
from catalog.releases.states import OPEN, Route

_TINTS: Final[Mapping[str, tables.Tint]] = {
    "pass": "",
    "fail": "fail",
    "missing": "attention",
}
# Refusals of a person rather than of the version: what the gates say is worth knowing all the same.
_WORTH_KNOWING: Final = frozenset({"no-role", "asked-already"})
USUAL_ALIASES: Final = ("champion", "challenger", "candidate", "shadow", "canary", "rollback")


@dataclass(frozen=True)
class Asking:
    """What is about to be asked: this alias onto this version."""

    model: Model
    version: Version
    alias: str


def head(model: Model) -> None:
    """The question this screen answers."""
    page.head(
        ("Releases", model.name),
        f"Which version of {model.name} should go live?",
        "Another person decides. Nothing is moved before they have.",
    )


def choose(model: Model, draft: ReleaseDraft | None) -> Asking | None:
    """The version and the alias, kept in the address; nothing while the model has no version.

    What the address does not say is as it was in the draft.
    """
    versions = portal().models.versions(model)
    if not versions:
        empty(
            f"{model.name} has no version yet",
            "Register one in MLflow; it appears here within a minute.",
        )
        return None
    by_number = {one.number: one for one in versions}
    with page.card("what"):
        left, right = st.columns(2)
        newest = draft.version_number if draft else versions[0].number
        wanted = asked_number(st.query_params.get("version", ""), newest)
        number = left.selectbox(
            "Version",
            list(by_number),
            index=list(by_number).index(wanted) if wanted in by_number else 0,
            format_func=lambda one: _version_words(by_number[one]),
            key=release_drafts.field("asked-version"),
        )
        meant = st.query_params.get("alias", draft.alias if draft else "champion")
        offered = _aliases(model, meant)
        alias = right.selectbox(
            "Alias",
            offered,
            index=offered.index(meant),
            format_func=lambda one: _alias_words(model, one),
            key=release_drafts.field("asked-alias"),
            accept_new_options=True,
            help="Choose one of these, or type another name.",
        )
        chosen = by_number[int(number)]
        _keep_in_address(chosen.number, str(alias))
        show(note(chosen.description.strip() or "This version has no description in MLflow."))
    return Asking(model, chosen, str(alias))


def _version_words(version: Version) -> str:
    held = "".join(f" @{alias}" for alias in version.aliases)
    return f"v{version.number}{held}, registered {words.day(version.created_at)}"


def _aliases(model: Model, asked: str) -> list[str]:
    held = [alias.name for alias in model.aliases]
    return list(dict.fromkeys([*USUAL_ALIASES, *held, asked]))


def _alias_words(model: Model, name: str) -> str:
    held = model.alias(name)
    return f"{name}, now v{held.number}" if held else f"{name}, on no version now"


def _keep_in_address(version: int, alias: str) -> None:
    for name, value in (("version", str(version)), ("alias", alias)):
        if st.query_params.get(name) != value:
            st.query_params[name] = value


def preview(asking: Asking, draft: ReleaseDraft | None, *, by: Actor) -> None:
    """What the gates say now, who may approve, and the button; or why it may not be asked for."""
    found = act(lambda here: portal().requests.preview(asking.version.id, asking.alias, by=here))
    if found is None:
        return
    if not found.may_request:
        with page.card("ask"):
            _refused(asking, found, draft, by)
        if found.may_request.code in _WORTH_KNOWING:
            with page.card("gates"):
                _gates(asking, found)
        return
    has_route = found.policy is not None and found.policy.emergency is not None
    ticked = st.session_state.get(
        release_drafts.field("emergency"), draft is not None and draft.is_emergency
    )
    route = Route.EMERGENCY if has_route and ticked else Route.RELEASE
    outlook = portal().deciders.if_asked(
        asking.version.id, asking.alias, is_emergency=route is Route.EMERGENCY, by=by
    )
    left, right = st.columns([0.64, 0.36], gap="medium")
    with left, page.card("gates"):
        _gates(asking, found)
    with right, page.card("deciders"):
        _deciders(outlook, route)
    with page.card("ask"):
        _ask(asking, found, outlook, route, draft)


def _refused(asking: Asking, found: Preview, draft: ReleaseDraft | None, by: Actor) -> None:
    verdict = found.may_request
    show(page.section("It cannot be asked for"), paragraph(verdict.reason), note(verdict.hint))
    if verdict.code == "asked-already":
        _open_instead(asking, by)
    if draft is not None and draft.reason:
        show(quote(draft.reason, "your draft"))


def _open_instead(asking: Asking, by: Actor) -> None:
    about = (asking.version.number, asking.alias)
    for brief in portal().docket.briefs(Wanted(OPEN, asking.model.id), by=by):
        if (brief.version_number, brief.alias) == about:
            link(f"Open {brief.number}", "release", id=brief.number)


def _gates(asking: Asking, found: Preview) -> None:
    now = portal().clock.now()
    if found.policy is None:
        show(page.section("What the gates say now"), note(found.may_request.reason))
        return
    if not found.may_tell_apart:
        notice(found.may_tell_apart.reason, found.may_tell_apart.hint)
    policy = f"policy {found.policy.name} v{found.policy.version}"
    version, instead = f"v{asking.version.number}", f"v{found.replaces}"
    versus = f"{version} against {instead}" if found.replaces else f"{version}, the first one live"
    later = waiting_for_files(found.policy, found.gates)
    asked_now = tuple(gate for gate in found.gates if gate.id not in later)
    told = [*verdict_chips(asked_now)]
    if later:
        told.append(chips.status("Waits", f"{len(later)} once sent"))
    rows = [(gate_row(gate, now), gate.id in later) for gate in found.gates]
    show(
        page.section("What the gates say now", join((*told, policy))),
        tables.table(
            (
                tables.Column("Control", lead=True),
                tables.Column("Verdict"),
                tables.Column("Required", "right"),
                tables.Column("Observed", "right"),
            ),
            [
                tables.Row(
                    (
                        tables.two(row.control, row.asks),
                        chips.mark("Waits", "Answered once sent")
                        if is_later
                        else chips.mark(row.verdict.capitalize()),
                        row.required,
                        row.observed,
                    ),
                    "" if is_later else _TINTS[row.verdict],
                )
                for row, is_later in rows
            ],
            "Gates",
        ),
        note(f"{versus}. The files are read after the request is sent; the gates are asked again."),
    )


def _deciders(outlook: Outlook, route: Route) -> None:
    names = {one.person_id: one.name for one in outlook.people}
    rows = [
        (
            one.name,
            chips.mark("Allowed", "May approve")
            if one.verdict
            else tables.two(
                chips.mark("Refused", "May not"), why_not(one, is_asked=False) or one.verdict.reason
            ),
        )
        for one in outlook.people
    ]
    told = quorum.facts(outlook, lambda one: names.get(one, "somebody"), is_asked=False)
    if route is Route.EMERGENCY:
        told.append(("Could review it afterwards", quorum.review_words(outlook)))
    show(page.section("Who may approve"))
    quorum.warnings(outlook, route)
    show(
        tables.facts(told),
        tables.table(
            (tables.Column("Person", lead=True), tables.Column("Your request")),
            rows,
            "Who decides on this model",
        )
        if rows
        else "",
        note("Whoever asks or built the version never approves, and one person counts once."),
    )


def _ask(
    asking: Asking, found: Preview, outlook: Outlook, route: Route, draft: ReleaseDraft | None
) -> None:
    is_emergency = route is Route.EMERGENCY
    show(page.section("Ask for it"), tag("p", *_sentence(asking, found, outlook, route)))
    waiting = waiting_for_files(found.policy, found.gates) if found.policy else frozenset()
    standing = [
        gate.title.lower()
        for gate in found.gates
        if gate.answer is not Answer.PASS and gate.id not in waiting
    ]
    policy = found.policy
    if policy is not None and policy.emergency is not None:
        st.checkbox(
            "This is an emergency",
            value=draft is not None and draft.is_emergency,
            key=release_drafts.field("emergency"),
            help="One person decides alone, and gates do not hold it up. Somebody who had no "
            f"part in it reviews it within {policy.emergency.review_within_days} days, or the "
            "approval lapses.",
        )
        if is_emergency:
            days = words.plural(policy.emergency.review_within_days, "day")
            against = f" though these do not pass: {words.listing(standing)}" if standing else ""
            notice(
                f"An emergency: one person can approve it alone{against}.",
                "Governance admins, auditors, the owner and everybody who watches the model are "
                f"told. Somebody who had no part in it reviews it within {days}, or the approval "
                "lapses.",
            )
    if standing and not is_emergency:
        notice(
            f"As it stands this cannot be approved: {words.listing(standing)}.",
            "You can ask now and mend it while the request is open, or mend it first.",
        )
    reason = st.text_area(
        "Reason (required)",
        value=draft.reason if draft else "",
        key=release_drafts.field("reason"),
        placeholder="Why it cannot wait, and what is known to be wrong with it"
        if is_emergency
        else "What is better, for whom, and what an approver should look at",
    )
    said = "Ask for this emergency release" if is_emergency else "Ask for this release"
    typed = Typed(asking.version.id, asking.alias, reason, is_emergency)
    with st.container(horizontal=True):
        is_sent = st.button(said, type="primary", key="ask")
        release_drafts.keep(typed)
    release_drafts.told(typed, draft)
    if not is_sent:
        return
    made = act(
        lambda by: portal().requests.request(
            asking.version.id,
            asking.alias,
            reason,
            is_emergency=is_emergency,
            draft_id=release_drafts.in_address(),
            by=by,
        )
    )
    if made is not None:
        st.switch_page(ways.to("release"), query_params={"id": made.number})


def _sentence(asking: Asking, found: Preview, outlook: Outlook, route: Route) -> list[object]:
    instead = f" in place of v{found.replaces}" if found.replaces else ""
    needed = (
        quorum.asks_of(found.policy)
        if found.policy is not None and route is Route.RELEASE
        else f"1 {outlook.benches[0].role}"
        if outlook.benches
        else "somebody else"
    )
    who = outlook.able()
    can = f"{words.listing(who)} can decide." if who and outlook.decidable else ""
    return [
        text(f"v{asking.version.number} becomes "),
        chips.alias(asking.alias),
        text(f"{instead} once approved by {needed}. {can}"),
    ]
