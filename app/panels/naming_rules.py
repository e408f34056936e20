"""Naming rules on the screen: those in force, and a new one written, tried and published."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.session import act, did, portal
from app.ui import chips, page, tables, words
from app.ui.feedback import empty
from app.ui.markup import Markup, mono, note, paragraph, show
from app.ui.tables import Column, Row
from auth.access import ANYTHING, Verdict, decide
from auth.actors import Actor
from catalog.registry.inventory.naming import Rule, Trial, Written
from catalog.registry.inventory.template import KINDS, LONGEST_TEMPLATE

_EVERYTHING: Final = "All models without a rule of their domain"
_TRIED: Final = "naming-tried"
_MOST_SHOWN: Final = 50


def panel(by: Actor) -> None:
    """The rules, and the form in which one is written, tried and published."""
    desk = portal().naming
    verdict = decide(by, "naming:publish", ANYTHING)
    rules, ended = desk.in_force(), desk.ended()
    names = portal().people.names({one.published_by for one in (*rules, *ended)})
    with page.card("rules"):
        show(page.section("Naming rules in force", words.plural(len(rules), "rule")))
        if rules:
            show(_table(rules, names))
            if verdict:
                _end(rules)
        else:
            empty(
                "No rule is in force",
                "Any name may be asked for. Write a rule and try it on the present inventory.",
            )
        if ended:
            with st.expander(f"{words.plural(len(ended), 'rule')} of before"):
                show(_table(ended, names))
    left, right = st.columns([0.56, 0.44], gap="medium")
    with left, page.card("write"):
        _write(verdict, by)
    with right, page.card("language"):
        show(page.section("How a rule is written"), _language())


def _table(rules: list[Rule], names: dict[str, str]) -> Markup:
    return tables.table(
        (
            Column("For", lead=True),
            Column("Template"),
            Column("Message and example"),
            Column("Version", "right"),
            Column("In force"),
        ),
        [
            Row(
                (
                    one.domain or _EVERYTHING,
                    mono(one.template),
                    tables.two(one.message, one.example),
                    words.thousands(one.version),
                    tables.two(
                        f"since {words.day(one.published_at)}"
                        if one.ended_at is None
                        else f"{words.day(one.published_at)} to {words.day(one.ended_at)}",
                        f"by {names.get(one.published_by, 'somebody')}",
                    ),
                )
            )
            for one in rules
        ],
        "Naming rules",
    )


def _end(rules: list[Rule]) -> None:
    by_id = {one.id: one for one in rules}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Rule",
            list(by_id),
            index=None,
            format_func=lambda one: f"{by_id[one].domain or _EVERYTHING}: {by_id[one].template}",
            placeholder="Choose a rule to end",
            key="end-rule",
            label_visibility="collapsed",
        )
        if st.button("End it", key="end", disabled=chosen is None) and chosen:
            st.dialog("End this naming rule", width="medium")(_end_sure)(by_id[chosen])


def _end_sure(rule: Rule) -> None:
    show(
        paragraph(
            f"From then on requests are not held to {rule.template}. Requests that were asked for "
            "stay as they are."
        )
    )
    if st.button("End it", type="primary", key="end-sign") and did(
        lambda by: portal().naming.end(rule.id, by=by)
    ):
        st.rerun()


def _write(verdict: Verdict, by: Actor) -> None:
    domains = ["", *portal().models.domains()]
    show(page.section("Write a rule and try it"))
    with st.form("naming", border=False):
        domain = st.selectbox(
            "For", domains, format_func=lambda one: one or _EVERYTHING, key="rule-domain"
        )
        template = st.text_input(
            "Template",
            key="rule-template",
            max_chars=LONGEST_TEMPLATE,
            placeholder="{domain}-{purpose}-{kind:pd|lgd}",
        )
        message = st.text_input(
            "Message to whoever breaks it",
            key="rule-message",
            max_chars=300,
            placeholder="A name is the domain, what it is for, and its kind.",
        )
        example = st.text_input(
            "A name that follows it", key="rule-example", max_chars=200, placeholder="lending-x-pd"
        )
        tried = st.form_submit_button("Try it on the inventory")
        sent = st.form_submit_button("Publish", type="primary", disabled=not verdict)
    written = Written(domain or "", template or "", message or "", example or "")
    if sent and did(lambda by: portal().naming.publish(written, by=by)):
        st.session_state.pop(_TRIED, None)
        st.rerun()
    if not verdict:
        show(note(verdict.hint))
    if tried:
        st.session_state[_TRIED] = _try(written)
    kept: Trial | None = st.session_state.get(_TRIED)
    if kept is not None:
        _told(kept, written, by)


def _try(written: Written) -> Trial | None:
    models = sum(state.models for state in portal().models.mirrored())
    bar = st.progress(0.0, "Trying it on the inventory")

    def told(checked: int) -> None:
        share = min(checked / models, 1.0) if models else 1.0
        bar.progress(share, f"{words.plural(checked, 'model')} tried")

    tried = act(
        lambda by: portal().naming.trial(
            written.template, written.domain, by=by, limit=_MOST_SHOWN, progress=told
        )
    )
    bar.empty()
    return tried


def _told(trial: Trial, written: Written, by: Actor) -> None:
    verb = "follows" if trial.checked == 1 else "follow"
    if not trial.broken:
        show(
            chips.status(
                "Pass", f"{words.plural(trial.checked, 'model')} {verb} it, none breaks it"
            )
        )
        return
    show(
        chips.status(
            "Warning",
            f"{words.thousands(trial.broken)} of {words.plural(trial.checked, 'model')} break it",
        ),
        tables.table(
            (Column("Model", lead=True), Column("Domain"), Column("Why")),
            [(mono(one.name), one.domain, one.why) for one in trial.first],
            "Models whose names break the rule",
        ),
        note(
            "They keep their names and what is live stays live; only a new request for one of "
            "them would be refused."
        ),
    )
    if trial.broken > len(trial.first):
        show(note(f"The first {len(trial.first)} by name are shown; the file holds all."))
    st.download_button(
        "Download all of them",
        lambda: portal().naming.broken_csv(written.template, written.domain, by=by),
        "names-that-break-the-rule.csv",
        "text/csv",
        on_click="ignore",
        key="broken",
    )


def _language() -> Markup:
    return tables.facts(
        [
            ("{domain}", KINDS["domain"]),
            *((f"{{purpose:{kind}}}", said) for kind, said in KINDS.items() if kind != "domain"),
            ("{purpose}", "a word; the name of a part is only there to be read"),
            ("{kind:pd|lgd}", "one of the choices"),
            ("[-{digits}]", "may be missing"),
            ("credit-", "letters, digits, - _ . and spaces stand for themselves"),
        ]
    )
