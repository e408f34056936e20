"""The card's editor: each field with its question, its rule, and what is wrong with it so far.

A draft stays in the session, whichever tab or page is open, until it is published or thrown away.
It knows the revision it began with: publishing over a newer one is told, and nothing is lost.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Final

import streamlit as st

from app.panels import card_revisions
from app.panels.shown import Shown
from app.session import act, portal
from app.ui import chips, feedback, page, tables, words
from app.ui.markup import Markup, join, note, show, strong, tag
from catalog.registry.cards.body import Assessment, CardBody, Figure, Risk, changed
from catalog.registry.cards.cards import Card
from catalog.registry.cards.rules import (
    APPROACHES,
    FIELDS,
    LONGEST_NAME,
    TITLES,
    Field,
    Problem,
    completeness,
    problems,
)
from catalog.registry.models import Model

_OPEN: Final = "card-editor"
# The parts of a field that has rows, with the label of each.
_PARTS: Final[dict[str, tuple[type, tuple[str, ...]]]] = {
    "risks": (Risk, ("Risk", "What is done about it")),
    "assessments": (Assessment, ("Group at risk", "Benefits", "Harms", "What is done")),
    "figures": (Figure, ("Metric", "Value", "Slice", "Lower bound", "Upper bound")),
}


@dataclass(frozen=True)
class Draft:
    """Words that are not published yet, and the revision they began with."""

    based_on: int
    body: CardBody


def is_open() -> bool:
    """Whether the editor was opened, by the address."""
    return st.query_params.get("write") == "card"


def open_it() -> None:
    """Show the editor instead of the card."""
    st.query_params["write"] = "card"


def close_it() -> None:
    """Show the card again; the draft stays."""
    st.query_params.pop("write", None)


def has_draft(model: Model) -> bool:
    """Whether there are words of this person that are not published."""
    return _place(model) in st.session_state


def begin_with(model: Model, body: CardBody, based_on: int) -> None:
    """Make these words the draft, over whatever draft there was."""
    _forget(model)
    st.session_state[_place(model)] = Draft(based_on, body)


def panel(shown: Shown, newest: Card | None) -> None:
    """All fields, the score as it would be, and the way to publish."""
    model = shown.model
    draft = _draft(model, newest)
    left, right = st.columns([0.62, 0.38])
    with left, page.card("card-editor"):
        show(
            page.section(
                "Write the card",
                f"from revision {draft.based_on}" if draft.based_on else "the first revision",
            ),
            note("One entry a line. What MLflow knows is filled in by machine: leave it out."),
        )
        values = {field.key: _field(model, field, draft.body) for field in FIELDS}
    body = CardBody(**values)
    st.session_state[_place(model)] = draft = replace(draft, body=body)
    with right, page.card("card-so-far"):
        _so_far(shown, newest, draft)


def _so_far(shown: Shown, newest: Card | None, draft: Draft) -> None:
    told = completeness(draft.body)
    wrong = problems(draft.body)
    before = newest.body if newest else CardBody()
    differs = [TITLES[one] for one in changed(before, draft.body)]
    show(
        page.section("How complete is it?", join((strong(str(told.score)), " of 100"))),
        tables.facts([(f"{one.title}, {one.weight}", one.missing) for one in told.missing])
        if told.missing
        else note("Nothing is missing."),
        note(f"Changed: {words.listing(differs)}." if differs else "Nothing is changed yet."),
        join([chips.flagged("Fail", str(one)) for one in wrong]) if wrong else "",
    )
    if newest is not None and newest.revision != draft.based_on:
        _overtaken(shown, newest, draft)
    if st.button(
        "Publish the card",
        type="primary",
        key="card-publish",
        icon=":material/publish:",
        disabled=bool(wrong) or not differs,
    ):
        made = act(
            lambda by: portal().cards.publish(
                shown.model.id, draft.body, based_on=draft.based_on, by=by
            )
        )
        if made is not None:
            _forget(shown.model)
            close_it()
            card_revisions.show_newest()
            st.rerun()
    with st.container(horizontal=True, key="card-leave"):
        if st.button("Keep the draft and read", key="card-keep"):
            close_it()
            st.rerun()
        if differs and st.button("Throw the draft away", key="card-drop"):
            _drop(shown.model)
    show(note("The draft stays in this browser session until you publish it or sign out."))


def _overtaken(shown: Shown, newest: Card, draft: Draft) -> None:
    """Somebody published meanwhile: say what, and let the author decide."""
    who = portal().people.names({newest.published_by}).get(newest.published_by, "Somebody")
    feedback.notice(
        f"{who} published revision {newest.revision} since you began.",
        "Your draft is kept. Read what is different below, then go on from that revision.",
    )
    show(card_revisions.difference(newest.body, draft.body, f"r{newest.revision}", "Your draft"))
    if st.button(f"Go on from revision {newest.revision}", key="card-rebase"):
        st.session_state[_place(shown.model)] = replace(draft, based_on=newest.revision)
        st.rerun()


@st.dialog("Throw the draft away")
def _drop(model: Model) -> None:
    show(tag("p", "What you wrote and did not publish is gone then, and nobody else has it."))
    if st.button("Throw it away", type="primary", key="card-drop-sure"):
        _forget(model)
        close_it()
        st.rerun()


# -- the draft in the session --------------------------------------------------------------------


def _place(model: Model) -> str:
    return f"card-draft-{model.id}"


def _draft(model: Model, newest: Card | None) -> Draft:
    kept = st.session_state.get(_place(model))
    if isinstance(kept, Draft):
        return kept
    return Draft(newest.revision if newest else 0, newest.body if newest else CardBody())


def _forget(model: Model) -> None:
    st.session_state.pop(_place(model), None)
    for field in FIELDS:
        for key in [one for one in st.session_state if str(one).startswith(_key(model, field))]:
            del st.session_state[key]


def _key(model: Model, field: Field) -> str:
    return f"card-field-{model.id}-{field.key}"


# -- the fields ----------------------------------------------------------------------------------


def _field(model: Model, field: Field, body: CardBody) -> Any:  # noqa: ANN401 - a value of CardBody
    key, value = _key(model, field), getattr(body, field.key)
    if field.sort in {"risks", "assessments", "figures"}:
        written: Any = _rows(field, key, value)
    elif field.sort == "choice":
        written = st.selectbox(
            field.title,
            APPROACHES,
            index=APPROACHES.index(value) if value in APPROACHES else None,
            placeholder=field.asks,
            key=key,
        )
    elif field.sort == "name":
        written = st.text_input(field.title, value, max_chars=LONGEST_NAME, key=key)
    else:
        written = _lines(
            st.text_area(field.title, "\n".join(value), height=96, placeholder=field.asks, key=key)
        )
    told = written if isinstance(written, tuple) else " ".join((written or "").split())
    alone: dict[str, Any] = {field.key: told}
    wrong = problems(CardBody(**alone))
    if wrong:
        show(*(_problem(one) for one in wrong))
    return told


def _problem(problem: Problem) -> Markup:
    said = chips.flagged("Fail", f"{problem} {problem.remedy}")
    return tag("p", said, cls="cs-note")


def _lines(written: str | None) -> tuple[str, ...]:
    lines = (" ".join(line.split()) for line in (written or "").splitlines())
    return tuple(line for line in lines if line)


def _rows(field: Field, key: str, value: tuple[Any, ...]) -> tuple[Any, ...]:
    """One row of inputs for each part, and an empty one for the next."""
    made, labels = _PARTS[field.key]
    names = [one.name for one in fields(made)]
    shown = max(len(value) + 1, int(st.session_state.get(f"{key}-rows", 0)))
    st.session_state[f"{key}-rows"] = shown
    show(tag("h3", field.title, " ", tag("span", field.asks, cls="cs-note"), cls="cs-group"))
    found = []
    for row in range(shown):
        part = value[row] if row < len(value) else made()
        said = []
        # Sentences need room: two beside each other. Figures are short, and all stand in a row.
        is_short = field.sort == "figures"
        columns = st.columns(len(names) if is_short else 2)
        for place, (name, label) in enumerate(zip(names, labels, strict=True)):
            titled = f"{label} {row + 1}" if row else label
            value_of, at = getattr(part, name), f"{key}-{row}-{name}"
            with columns[place % len(columns)]:
                said.append(
                    st.text_input(titled, value_of, key=at)
                    if is_short
                    else st.text_area(titled, value_of, key=at, height=72)
                )
        found.append(made(*(" ".join((one or "").split()) for one in said)))
    return tuple(one for one in found if one != made())
