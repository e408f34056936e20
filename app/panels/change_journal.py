"""What changed in MLflow about a model: from what, to what, when, and what explains it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import streamlit as st

from app.panels.shown import Shown
from app.session import portal
from app.ui import chips, page, paging, tables, words
from app.ui.markup import Markup, mono, note, show
from app.ui.tables import Column
from catalog.registry.changes import Change, Kind
from catalog.releases.decisions.briefs import Brief

_PAGE: Final = 15
_LONGEST: Final = 160
# A window shorter than this is told as one moment.
_EXACT: Final = timedelta(minutes=2)
_ALL: Final = "Everything"
KINDS: Final[Mapping[str, tuple[Kind, ...]]] = {
    _ALL: (),
    "Aliases": ("alias",),
    "Versions that came or went": ("created", "deleted"),
    "Descriptions": ("description",),
    "Tags": ("tag",),
    "Files": ("artifact",),
    "Names": ("renamed",),
    "Status and stage in MLflow": ("status", "stage"),
}
_TITLES: Final[Mapping[Kind, str]] = {
    "description": "Description",
    "stage": "Stage in MLflow",
    "status": "Status in MLflow",
    "artifact": "Files",
    "renamed": "Name",
}


def panel(shown: Shown) -> None:
    """The changes of one kind or all, newest first, a page at a time."""
    with page.card("change-journal"):
        show(page.section("What changed in MLflow", "as read from it, newest first"))
        chosen = st.selectbox("What changed", list(KINDS), key="changed", bind="query-params")
        kinds = KINDS.get(chosen or _ALL, ())
        desk = portal().changes
        total = desk.count(shown.model, kinds=kinds)
        if not total:
            show(note("Nothing of that kind has changed since Countersign first read it."))
            return
        start = paging.start(total, _PAGE, key="changes-page")
        found = desk.of(shown.model, kinds=kinds, limit=_PAGE, offset=start)
        columns = [
            Column("What", lead=True),
            *(Column("From"), Column("To"), Column("When"), Column("Explained by")),
        ]
        show(tables.table(columns, [_row(shown, one) for one in found], "What changed in MLflow"))
        show(note(f"{words.plural(total, 'change')} in all. MLflow does not say who made one."))


def _row(shown: Shown, one: Change) -> list[object]:
    before, after = _values(one)
    return [what(one), before, after, when(one.since, one.until), _explained(shown, one)]


def what(one: Change) -> Markup | str:
    """What changed: an alias, a tag of a version, the model itself."""
    about = f" of v{one.number}" if one.number is not None else ""
    if one.kind == "alias":
        return chips.alias(one.name)
    if one.kind == "tag":
        return tables.two(f"Tag{about}", mono(one.name))
    if one.kind in {"created", "deleted"}:
        came = "registered" if one.kind == "created" else "deleted"
        return f"v{one.name} {came}" if one.name else f"The model was {came}"
    return f"{_TITLES[one.kind]}{about}"


def _values(one: Change) -> tuple[object, object]:
    if one.kind == "alias":
        return _pointed(one.before), _pointed(one.after)
    if one.kind == "artifact":
        return mono(words.digest(one.before)), mono(words.digest(one.after))
    return _short(one.before), _short(one.after)


def _pointed(number: str) -> str:
    return f"v{number}" if number else "not set"


def _short(said: str) -> str | None:
    return (said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…") or None


def when(since: datetime | None, until: datetime) -> str:
    """The window in which something happened, in words."""
    if since is None:
        return f"before it was first read, {words.moment(until)}"
    if until - since <= _EXACT:
        return words.moment(until)
    return f"between {words.moment(since)} and {words.moment(until)}"


def _explained(shown: Shown, one: Change) -> object:
    if one.since is None:
        return "There at the first reading"
    if one.kind != "alias":
        return "Made in MLflow"
    brief = _brief(shown, one)
    if brief is not None:
        return tables.two(brief.number, f"approved by {shown.name(brief.decided_by)}")
    if one.by_promotion:
        return "Countersign, on an approval"
    return chips.mark("Warning", "Outside Countersign")


def _brief(shown: Shown, one: Change) -> Brief | None:
    moved = one.by_promotion
    return next((each for each in shown.briefs if moved and each.promotion_id == moved), None)
