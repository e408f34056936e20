"""The input example of a version: a few rows as the model takes them, to read and to copy."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.session import portal
from app.ui import page, tables, words
from app.ui.markup import Markup, join, mono, note, show, tag
from app.ui.tables import Column
from catalog.registry.input_example import NOT_READ, InputExample, Table, Told
from catalog.registry.models import Version

_MOST_ROWS: Final = 3
_MOST_FIELDS: Final = 20
_LONGEST: Final = 60
_COPY_HEIGHT: Final = 160
_REMARK: Final = (
    "The button in its corner copies it. Whoever saved the version chose these rows: "
    "self-reported. Digest "
)


def panel(version: Version) -> None:
    """Fields down and rows across, since a model has more of the first than people read rows."""
    found = portal().input_examples.of(version)
    title = page.section("Input example", f"v{version.number}, as saved with the model")
    told = NOT_READ if found is None else found.told
    if found is None or told is not None:
        show(title, _none(told or NOT_READ))
        return
    show(title, _shown(found))
    st.code(found.copied, language="json", height=_COPY_HEIGHT)
    show(
        note(
            join(
                (
                    _REMARK,
                    mono(words.digest(found.digest)),
                    f", read {words.day(found.read_at)}.",
                )
            )
        )
    )


def _none(told: Told) -> Markup:
    return note(f"{told.said} {told.remedy}")


def _shown(found: InputExample) -> Markup:
    table = found.table
    if table is None:
        return note("It is no table of plain values; this is what the model takes:")
    some = table.rows[:_MOST_ROWS]
    drawn = tables.table(_columns(len(some)), _records(table, len(some)), "Input example")
    if len(table.fields) > _MOST_FIELDS:
        fields = words.plural(len(table.fields), "field")
        drawn = tag("details", tag("summary", f"Show all {fields}"), drawn)
    more = len(table.rows) - len(some)
    return join((drawn, note(f"{words.plural(more, 'more row')} below.") if more > 0 else ""))


def _columns(rows: int) -> list[Column]:
    return [
        Column("Field", lead=True),
        *(Column(f"Row {n + 1}", "right") for n in range(rows)),
    ]


def _records(table: Table, rows: int) -> list[list[object]]:
    return [
        [_plain(name), *(_value(table.rows[n][place]) for n in range(rows))]
        for place, name in enumerate(table.fields)
    ]


def _value(value: object) -> object:
    if value is None or isinstance(value, bool):
        return tag("span", {None: "null", True: "true", False: "false"}[value], cls="cs-quiet")
    return _plain(str(value))


def _plain(said: str) -> str:
    """A stranger's text on one line, shortened, with what cannot be printed marked."""
    line = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in said)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}\N{HORIZONTAL ELLIPSIS}"
