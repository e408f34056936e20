"""A draft of a policy on its way to be published."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.panels import policy_trials as trials
from app.panels.policy_words import gates_table, governs_words, panels_words, rechecks_words
from app.session import act, did, portal
from app.ui import page, tables
from app.ui.markup import paragraph, show
from app.ui.tables import Column, Row
from auth.actors import Actor
from catalog.releases.policies.law import Policy
from catalog.releases.policies.reading import NotAPolicy, pack_text, packs, read

_DRAFT: Final = "policy-draft"


def write(by: Actor) -> None:
    """The tab where a policy is written, read as it is typed, tried on the past and published."""
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
        trials.draw(tried_on, by, is_of_draft=is_of_draft)


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
