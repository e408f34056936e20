"""Policies on the screen: what is in force, what was, and a draft on its way to be published."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.panels import policy_trials as trials
from app.session import act, did, portal
from app.ui import chips, page, tables, words
from app.ui.feedback import empty
from app.ui.markup import Markup, mono, note, paragraph, show
from app.ui.tables import Column, Row
from auth.actors import Actor
from catalog.releases.policies.law import AppliesTo, Policy, Published
from catalog.releases.policies.questions import AllGate, AnyGate, SomeGate
from catalog.releases.policies.reading import NotAPolicy, pack_text, packs, read
from catalog.releases.policies.shelf import Edition

_DRAFT: Final = "policy-draft"


def draw(by: Actor) -> None:
    """The tabs of the page; only the one that is open is drawn."""
    tabs = st.tabs(list(TABS), key="tab", bind="query-params", on_change="rerun")
    for name, tab in zip(TABS, tabs, strict=True):
        if tab.open:
            with tab:
                TABS[name](by)


# -- in force --------------------------------------------------------------------------------------


def _in_force(by: Actor) -> None:
    desk = portal().policies
    found = desk.in_force()
    may = desk.may_publish(by=by)
    with page.card("in-force"):
        show(page.section("In force", words.plural(len(found), "policy", "policies")))
        if not found:
            empty(
                "No policy is in force",
                "Nothing may be released. A governance admin publishes one under Write.",
            )
            return
        show(_overview(found))
        show(note("A release is governed by the first of these that covers it."))
    chosen = st.query_params.get("policy", found[0].policy.name)
    names = [one.policy.name for one in found]
    with page.card("one"):
        name = st.selectbox(
            "Policy",
            names,
            index=names.index(chosen) if chosen in names else 0,
            format_func=lambda one: next(p.policy.title for p in found if p.policy.name == one),
            key="policy-shown",
        )
        one = next(one for one in found if one.policy.name == name)
        show(*_whole(one))
        # What is shipped steps back by itself as soon as a policy is published.
        is_published = may and any(edition.ended_at is None for edition in desk.editions(name))
        if is_published and st.button("End this policy", key="end-policy"):
            st.dialog("End this policy", width="medium")(_end_sure)(one.policy)


def _overview(found: tuple[Published, ...]) -> Markup:
    return tables.table(
        (
            Column("Policy", lead=True),
            Column("Governs"),
            Column("Who has to agree"),
            Column("Gates", "right"),
            Column("Priority", "right"),
        ),
        [
            Row(
                (
                    tables.two(one.policy.title, f"{one.policy.name} v{one.policy.version}"),
                    governs_words(one.policy.applies_to),
                    panels_words(one.policy),
                    str(len(one.policy.gates)),
                    str(one.policy.priority),
                )
            )
            for one in found
        ],
        "Policies in force",
    )


def governs_words(rule: AppliesTo) -> str:
    """Which releases a policy governs, in words."""
    said = [
        f"tier {words.listing([str(one) for one in rule.tiers])}" if rule.tiers else "",
        f"class {words.listing(rule.classes)}" if rule.classes else "",
        f"domain {words.listing(rule.domains)}" if rule.domains else "",
        f"@{', @'.join(rule.aliases)}" if rule.aliases else "",
        words.listing(rule.tasks) if rule.tasks else "",
    ]
    return "; ".join(one for one in said if one) or "Every release"


def panels_words(policy: Policy) -> str:
    """Who has to agree, in words."""
    return words.listing(
        [
            f"every {panel.role}"
            if panel.needed == "all"
            else words.plural(int(panel.needed), panel.role)
            for panel in policy.approvals
        ]
    )


def rechecks_words(policy: Policy) -> str:
    """Which gates what is live is asked again, and how often."""
    titles = {gate.id: gate.title for gate in policy.gates}
    said = [
        f"{words.listing([titles[gate] for gate in one.gates])} "
        f"every {words.plural(one.every_days, 'day')}"
        for one in policy.rechecks
    ]
    return "; ".join(said) or "Nothing"


def _whole(one: Published) -> tuple[Markup, ...]:
    policy = one.policy
    facts: list[tuple[str, object]] = [
        ("Governs", governs_words(policy.applies_to)),
        ("Who has to agree", panels_words(policy)),
        (
            "Open requests",
            f"closed after {policy.limits.expire_after_days} days in which nothing was done",
        ),
        ("Asked again once live", rechecks_words(policy)),
        ("Digest", mono(words.digest(one.digest))),
    ]
    sources = tables.table(
        (Column("Rests on", lead=True), Column("By"), Column("Date")),
        [
            Row((tables.two(source.title, source.note), source.by, source.date))
            for source in policy.sources
        ],
        "Sources",
    )
    return (
        page.section(policy.title, f"{policy.name} v{policy.version}"),
        paragraph(policy.purpose) if policy.purpose else note("It says nothing of its purpose."),
        tables.facts(facts),
        sources if policy.sources else note("It names no source."),
        gates_table(policy.gates),
    )


def gates_table(gates: list[AnyGate]) -> Markup:
    """The gates of a policy, those that lie in others below them."""
    rows: list[Row] = []

    def add(gate: AnyGate, inside: str) -> None:
        rows.append(Row((tables.two(gate.title, inside), tables.two(gate.asks, gate.kind))))
        if isinstance(gate, AllGate | SomeGate):
            for part in gate.gates:
                add(part, f"in {gate.title}")

    for gate in gates:
        add(gate, "")
    return tables.table((Column("Gate", lead=True), Column("Asks")), rows, "Gates of the policy")


def _end_sure(policy: Policy) -> None:
    show(
        paragraph(
            f"{policy.title} stops governing at once. What no other policy covers may not be "
            "released; open requests it governs are sent back when somebody decides."
        )
    )
    why = st.text_area("Why", key="end-why", max_chars=4000)
    if st.button("End it", type="primary", key="end-sign") and did(
        lambda by: portal().policies.end(policy.name, why, by=by)
    ):
        st.rerun()


# -- before ----------------------------------------------------------------------------------------


def _history(_by: Actor) -> None:
    editions = portal().policies.editions()
    names = portal().people.names(
        {one.published_by for one in editions} | {one.ended_by for one in editions}
    )
    with page.card("history"):
        show(page.section("What was published", words.plural(len(editions), "version")))
        if not editions:
            empty(
                "Nothing was published yet",
                "The baseline that comes with Countersign is in force until then.",
            )
            return
        show(_editions(editions, names))
        chosen = st.selectbox(
            "Version",
            range(len(editions)),
            index=None,
            format_func=lambda n: f"{editions[n].policy.name} v{editions[n].policy.version}",
            placeholder="Choose one to read as it was written",
            key="edition",
        )
        if chosen is not None:
            one = editions[chosen]
            st.code(one.text, language="yaml", line_numbers=True)
            st.download_button(
                "Download",
                one.text.encode(),
                file_name=f"{one.policy.name}-v{one.policy.version}.yaml",
                mime="application/yaml",
            )


def _editions(editions: list[Edition], names: dict[str, str]) -> Markup:
    return tables.table(
        (Column("Policy", lead=True), Column("Digest"), Column("Published"), Column("Ended")),
        [
            Row(
                (
                    tables.two(one.policy.title, f"{one.policy.name} v{one.policy.version}"),
                    mono(words.digest(one.digest)),
                    tables.two(
                        words.moment(one.published_at),
                        f"by {names.get(one.published_by, 'somebody')}",
                    ),
                    chips.mark("Pass", "In force")
                    if one.ended_at is None
                    else tables.two(
                        words.moment(one.ended_at), f"by {names.get(one.ended_by, 'somebody')}"
                    ),
                )
            )
            for one in editions
        ],
        "Published versions",
    )


# -- a draft ---------------------------------------------------------------------------------------


def _write(by: Actor) -> None:
    may = portal().policies.may_publish(by=by)
    tried_on = trials.asked_for(trials.TRIAL, by)
    if tried_on is not None and _DRAFT not in st.session_state:
        st.session_state[_DRAFT] = tried_on.written
    left, right = st.columns([0.58, 0.42], gap="medium")
    with left, page.card("draft"):
        show(page.section("A draft", "YAML; nothing binds anybody until it is published"))
        _begin_with()
        text = st.text_area(
            "Policy",
            key=_DRAFT,
            height=520,
            label_visibility="collapsed",
            placeholder="Begin with one that is shipped, or paste your own.",
        )
    with right, page.card("reading"):
        show(page.section("What it says"))
        policy = _read(text)
        if policy is not None:
            tried, publish = st.columns(2)
            if tried.button("Try it on the past", key="try-policy", width="stretch"):
                asked = act(lambda here: portal().trials.request(text, by=here))
                if asked is not None:
                    st.query_params[trials.TRIAL] = asked
                    st.rerun()
            if publish.button(
                "Publish",
                key="publish-policy",
                type="primary",
                width="stretch",
                disabled=not may,
                help=may.reason,
            ):
                st.dialog("Publish this policy", width="medium")(_publish_sure)(policy, text)
            show(
                tables.facts(
                    [
                        ("Governs", governs_words(policy.applies_to)),
                        ("Who has to agree", panels_words(policy)),
                        ("Asked again once live", rechecks_words(policy)),
                    ]
                ),
                gates_table(policy.gates),
            )
    if tried_on is not None:
        is_of_draft = policy is not None and policy.digest == tried_on.policy_digest
        trials.draw(tried_on, is_of_draft=is_of_draft)


def _begin_with() -> None:
    shipped = {one.policy.name: one.policy.title for one in packs()}
    in_force = {
        one.policy.name: one.text for one in portal().policies.editions() if one.ended_at is None
    }

    def take() -> None:
        name = st.session_state["policy-begin"]
        if name:
            st.session_state[_DRAFT] = in_force.get(name) or pack_text(name)

    st.selectbox(
        "Begin with",
        list(shipped | dict.fromkeys(in_force, "")),
        index=None,
        format_func=lambda one: f"{shipped.get(one) or one}{' (in force)' * (one in in_force)}",
        placeholder="Begin with one that is shipped or in force",
        key="policy-begin",
        on_change=take,
        label_visibility="collapsed",
    )


def _read(text: str) -> Policy | None:
    """The policy, or every problem with its line and its remedy."""
    if not text.strip():
        show(
            paragraph("What you write is read as you go: its problems stand here with their lines.")
        )
        return None
    try:
        return read(text)
    except NotAPolicy as told:
        show(
            tables.table(
                (Column("Line", "right"), Column("What is wrong", lead=True), Column("Remedy")),
                [
                    Row((str(one.line), tables.two(one.message, one.where), one.remedy))
                    for one in told.problems
                ],
                "Problems",
            )
        )
        return None


def _publish_sure(policy: Policy, text: str) -> None:
    show(
        paragraph(
            f"{policy.title}, version {policy.version}, governs from now on: "
            f"{governs_words(policy.applies_to).lower()}. Open requests bound to another policy "
            "are sent back to be read again when somebody decides on them."
        )
    )
    why = st.text_area("Why", key="publish-why", max_chars=4000)
    if st.button("Publish", type="primary", key="publish-sign") and did(
        lambda by: portal().policies.publish(text, why, by=by)
    ):
        st.query_params.pop(trials.TRIAL, None)
        st.query_params["tab"] = "In force"
        st.rerun()


TABS: Final = {
    "In force": _in_force,
    "Write": _write,
    "Ask again": trials.draw_again,
    "History": _history,
}
