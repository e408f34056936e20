"""What a draft would take over from which policy, and what it says of a version one chooses."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.panels.policy_tried import model_links
from app.panels.release_sheet import gate_row
from app.session import act, portal
from app.ui import chips, page, tables, words
from app.ui.feedback import notice
from app.ui.markup import Markup, join, note, show
from app.ui.tables import Column, Row
from auth.actors import Actor
from catalog.releases.gates.asking import Answer
from catalog.releases.policies.law import Policy
from catalog.releases.trials.preview import Foreseen, LiveName, Shift

_NOBODY = "No policy"
_NEWEST = 50


def reach(shifts: Sequence[Shift], by: Actor) -> Markup:
    """Which live versions and models go from one policy to another."""
    if not shifts:
        return note("Of the models you may see, it would govern none as they are classified now.")
    ids = {one.model_id for shift in shifts for one in shift.named}
    linked = model_links(ids, by)

    def named(shift: Shift) -> Markup:
        told = [
            join((linked(one.model_id, f"{one.model} v{one.version}"), f" @{one.alias}"))
            for one in shift.named
        ]
        more = shift.live - len(told)
        return join([*told, *[f"and {more} more"] * (more > 0)], ", ")

    return tables.table(
        (
            Column("Governed today by", lead=True, words=True),
            Column("Then by"),
            Column("Live versions"),
            Column("Models", "right"),
        ),
        [
            Row(
                (
                    one.today or chips.gap(_NOBODY),
                    one.then or chips.mark("Fail", f"{_NOBODY}: not to be released"),
                    tables.two(words.thousands(one.live), named(one)),
                    words.thousands(one.models),
                )
            )
            for one in shifts
        ],
        "What would be governed by another policy",
    )


def on_version(draft: Policy, shifts: Sequence[Shift]) -> None:
    """Choose a version, and see what the draft says of its release as of now."""
    live = {one.model: one for shift in shifts for one in shift.named}
    with page.card("preview"):
        show(page.section("On a version", "With the evidence of now; nothing is asked for"))
        left, middle, right = st.columns(3)
        name = left.selectbox(
            "Model",
            list(live),
            index=None,
            placeholder="Choose one it would govern, or type a name",
            key="preview-model",
            accept_new_options=True,
        )
        model = act(lambda here: portal().models.find(str(name), by=here)) if name else None
        if model is None:
            return
        numbers = portal().models.numbers(model, limit=_NEWEST)
        at = live.get(model.name)
        number = middle.selectbox(
            "Version",
            numbers,
            index=_place(numbers, at),
            format_func=lambda one: f"v{one}",
            key=f"preview-version-{model.id}",
        )
        aliases = list(dict.fromkeys([*_aliases(draft, at), *(one.name for one in model.aliases)]))
        alias = right.selectbox(
            "Alias", aliases, key=f"preview-alias-{model.id}", accept_new_options=True
        )
        if number is None or not alias:
            show(note(f"{model.name} has no version yet."))
            return
        version = portal().models.version(model, int(number))
        said = act(lambda here: portal().previews.of_version(draft, version.id, alias, by=here))
        if said is not None:
            _foreseen(said)


def _aliases(draft: Policy, at: LiveName | None) -> list[str]:
    return [*([at.alias] if at else []), *(draft.applies_to.aliases or ["champion"])]


def _place(numbers: list[int], at: LiveName | None) -> int | None:
    if not numbers:
        return None
    return numbers.index(at.version) if at and at.version in numbers else 0


def _foreseen(said: Foreseen) -> None:
    if not said.is_governed:
        by_whom = said.governed_by or "no policy"
        notice(
            "The draft would not govern this release.",
            f"It would be governed by {by_whom}. This is what the draft would say of it.",
        )
    if not said.may_tell_apart:
        notice(said.may_tell_apart.reason, said.may_tell_apart.hint)
    now = portal().clock.now()
    many = {one: sum(gate.answer is one for gate in said.gates) for one in Answer}
    show(
        chips.row(*(chips.count(many[one], one.value) for one in Answer if many[one])),
        tables.gate_table(gate_row(gate, now) for gate in said.gates),
    )
