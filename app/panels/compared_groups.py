"""What two versions differ in besides their numbers: changed groups first, the rest in words."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.ui import chips, page, tables, words
from app.ui.markup import Markup, join, note, show, tag
from app.ui.tables import Change
from catalog.lineage.comparison import Comparison, Group, State
from catalog.lineage.difference import Property
from catalog.lineage.signatures import ColumnChange

# What people wrote in sentences.
_PROSE: Final = frozenset({"card", "words"})
_MOST_SHOWN: Final = 15
_MOST_FOLDED: Final = 300
_MOST_SAME: Final = 12
_LONGEST: Final = 300
_STATES: Final[dict[State, tuple[str, str]]] = {
    "changed": ("Warning", "Changed"),
    "not recorded": ("Missing", "Not recorded"),
    "identical": ("Identical", "Identical"),
}


def answer(said: str, why: str) -> Markup:
    """The answer in a sentence, and what can have made the difference."""
    return join((tag("p", tag("strong", said), cls="cs-sentence"), tag("p", why, cls="cs-text")))


def causes(told: Comparison) -> Markup:
    """What can have made the difference, ranked: what changed, what nobody knows, what did not."""
    rows = [
        (one.title, chips.mark(*_STATES[one.state]), one.said if one.said != one.state else None)
        for one in told.causes
    ]
    columns = [tables.Column("What can have made the difference", lead=True)]
    columns += [tables.Column("State"), tables.Column("How far")]
    return tables.table(columns, rows, "What can have made the difference")


def changed(told: Comparison) -> None:
    """One card for each group in which anything differs, two beside each other."""
    groups = [one for one in told.groups if one.changes or _breaks(told, one)]
    columns = st.columns(2) if len(groups) > 1 else [st.container()]
    for place, group in enumerate(groups):
        with columns[place % len(columns)], page.card(f"group-{group.key.replace(' ', '-')}"):
            show(page.section(group.title, group.said), _changes(told, group))


def _breaks(told: Comparison, group: Group) -> bool:
    return group.key == "inputs" and bool(told.signature.changes)


def _changes(told: Comparison, group: Group) -> Markup:
    names = told.before.called, told.after.called
    if group.key == "inputs" and told.signature.is_known:
        rows = [_column(one) for one in told.signature.changes]
        head = _callers(told)
    else:
        is_prose = group.key in _PROSE
        rows, head = [_row(one, is_prose=is_prose) for one in group.changes], Markup("")
    about = f"{group.title}: what differs between {names[0]} and {names[1]}"
    folded = rows[_MOST_SHOWN : _MOST_SHOWN + _MOST_FOLDED]
    more = len(rows) - _MOST_SHOWN - len(folded)
    return join(
        (
            head,
            tables.difference(rows[:_MOST_SHOWN], *names, about),
            tag(
                "details",
                tag("summary", f"Show {words.plural(len(folded), 'more difference')}"),
                tables.difference(folded, *names, about),
            )
            if folded
            else "",
            note(f"{words.plural(more, 'more difference')} in the export.") if more > 0 else "",
            _same(group.same),
        )
    )


def _row(one: Property, *, is_prose: bool) -> Change:
    return Change(_short(one.name), _short(one.before), _short(one.after), is_prose=is_prose)


def _short(said: str | None) -> str:
    told = said if said is not None else "not set"
    return told if len(told) <= _LONGEST else told[: _LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _column(one: ColumnChange) -> Change:
    before, after = one.before or "not there", one.after or "not there"
    return Change(f"{one.side} {_short(one.name)}", before, after, one.breaks)


def _callers(told: Comparison) -> Markup:
    breaking = len(told.signature.breaking)
    if not breaking:
        who = f"Whoever calls {told.before.called} can call {told.after.called} unchanged"
        return note(chips.mark("Pass", who))
    return note(
        chips.mark(
            "Warning",
            f"Callers of {told.before.called} must be changed for "
            f"{words.plural(breaking, 'column')}",
        )
    )


def _same(same: tuple[Property, ...]) -> Markup:
    if not same:
        return Markup("")
    told = "; ".join(f"{_short(one.name)} {_short(one.before)}" for one in same[:_MOST_SAME])
    more = len(same) - _MOST_SAME
    if more <= 0:
        return note(f"Identical: {told}.")
    return tag(
        "details",
        tag("summary", f"{words.plural(len(same), 'fact')} identical"),
        note(f"{told}; {more:,} more in the export."),
    )


def unchanged(told: Comparison) -> None:
    """The groups in which nothing differs, and those of which nobody knows, in words."""
    rest = [one for one in told.groups if not one.changes and not _breaks(told, one)]
    if not rest:
        return
    with page.card("unchanged"):
        show(
            page.section("The rest", "nothing differs, as far as it is recorded"),
            tables.facts(
                [(one.title, join((chips.mark(*_STATES[one.state]), _told(one)))) for one in rest]
            ),
        )


def _told(group: Group) -> Markup:
    if group.state == "identical":
        return join((" ", _same(group.same))) if group.same else Markup("")
    return tag("span", f": {group.said}", cls="cs-quiet")
