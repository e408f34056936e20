"""A draft of a policy on its way to be published."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.panels import policy_told
from app.panels import policy_trials as trials
from app.panels.policy_reach import on_version, reach
from app.panels.policy_words import gates_table, gates_words, law_facts
from app.session import act, did, portal
from app.ui import page, tables
from app.ui.dialogs import signed
from app.ui.markup import Markup, join, mono, note, paragraph, show
from app.ui.tables import Column, Row
from auth.actors import Actor
from catalog.releases.policies.law import Policy
from catalog.releases.policies.reading import NotAPolicy, Problem, pack_text, packs, read

_DRAFT: Final = "policy-draft"
# What stood in the field before it was begun anew, until it is brought back.
_BEFORE: Final = "policy-draft-before"
_LONGEST_LINE: Final = 100


def write(by: Actor) -> None:
    """The tab where a policy is written, read, tried on the past and published."""
    may = portal().policies.may_publish(by=by)
    tried_on = trials.asked_for(trials.TRIAL, by)
    if _DRAFT not in st.session_state:
        st.session_state[_DRAFT] = (
            portal().drafts.of(by=by) if tried_on is None else tried_on.written
        )
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
            on_change=_keep,
        )
        show(
            note(
                "It is read, and kept for you alone, when you leave the field or press Ctrl+Enter "
                "(Command+Enter on a Mac)."
            )
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
                st.dialog("Publish this policy", width="large")(_publish_sure)(policy, text, by)
            shifts = portal().previews.shifts(policy, by=by)
            show(
                page.group("What goes over to another policy"),
                reach(shifts, by),
                page.group("What it says in words"),
                tables.facts(law_facts(policy)),
                gates_table(policy.gates),
            )
    if policy is not None:
        on_version(policy, shifts)
    if tried_on is not None:
        is_of_draft = policy is not None and policy.digest == tried_on.policy_digest
        trials.draw(tried_on, by, is_of_draft=is_of_draft)


def _keep() -> None:
    did(lambda by: portal().drafts.keep(st.session_state[_DRAFT], by=by))


def _begin_with() -> None:
    shipped = {one.policy.name: one.policy.title for one in packs()}
    in_force = {
        one.policy.name: one.text for one in portal().policies.editions() if one.ended_at is None
    }

    def take() -> None:
        name = st.session_state["policy-begin"]
        if name:
            before = st.session_state[_DRAFT]
            if before not in {*in_force.values(), *(pack_text(one) for one in shipped)}:
                st.session_state[_BEFORE] = before
            st.session_state[_DRAFT] = in_force.get(name) or pack_text(name)
            _keep()

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
    before = st.session_state.get(_BEFORE, "")
    if before.strip() and before != st.session_state[_DRAFT]:
        st.button("Bring back what stood here before", key="policy-draft-back", on_click=_back)


def _back() -> None:
    st.session_state[_DRAFT] = st.session_state.pop(_BEFORE)
    st.session_state["policy-begin"] = None
    _keep()


def _read(text: str) -> Policy | None:
    """The policy, or every problem with its line and its remedy."""
    if not text.strip():
        show(paragraph("What it says stands here, or its problems with their lines and remedies."))
        return None
    try:
        return read(text)
    except NotAPolicy as told:
        show(
            tables.table(
                (Column("Line", "right"), Column("What is wrong", lead=True), Column("Remedy")),
                [
                    Row((str(one.line), tables.two(one.message, _line(text, one)), one.remedy))
                    for one in told.problems
                ],
                "Problems",
            )
        )
        return None


def _line(text: str, told: Problem) -> Markup:
    """The line itself, as the editor shows none of their numbers, and where in the policy it is."""
    written = text.splitlines()[told.line - 1 : told.line]
    quoted = [mono(line.strip()[:_LONGEST_LINE]) for line in written if line.strip()]
    return join([*quoted, *[f"in {told.where}"] * bool(told.where)], " ")


def _publish_sure(policy: Policy, text: str, by: Actor) -> None:
    show(
        paragraph(
            f"{policy.title}, version {policy.version}, is in force from now on. {_SENT_BACK}"
        ),
        reach(portal().previews.shifts(policy, by=by), by),
        tables.facts([*law_facts(policy), ("Gates", gates_words(policy))]),
    )
    why = st.text_area("Reason (required)", key="publish-why", max_chars=4000)
    if signed("Keep writing", "Sign and publish") and did(
        lambda by: portal().policies.publish(text, why, by=by)
    ):
        did(lambda by: portal().drafts.keep("", by=by))
        st.query_params.pop(trials.TRIAL, None)
        policy_told.tell(
            f"{policy.title}, version {policy.version}, is in force.",
            f"It stands below as it was published, and your draft is cleared. {_SENT_BACK}",
            policy=policy.name,
        )


_SENT_BACK: Final = (
    "Open requests that it governs and that were read under another policy go back by themselves, "
    "to be read again."
)
