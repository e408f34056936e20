"""The rows two versions were measured on, column by column; what moved most is drawn first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import streamlit as st

from app.panels import assurance
from app.panels.compared_numbers import figure
from app.session import did, portal, require
from app.ui import chips, distributions, feedback, page, tables, words
from app.ui.markup import Markup, join, note, paragraph, show, strong, tag
from auth.actors import Actor
from catalog.lineage.comparison import Comparison
from catalog.lineage.distributions import ColumnDifference, State
from catalog.lineage.profiles import LARGEST_TABLE_BYTES, SAMPLE, Known, ProfileState
from ledger.errors import CountersignError

_EVERY: Final = "2s"
_MOST_DRAWN: Final = 6
_MOST_LISTED: Final = 200
_MOST_SAME: Final = 12
_LITTLE, _MUCH = 0.1, 0.25
_TINY: Final = 0.001
_STATES: Final[dict[State, tuple[str, str]]] = {
    "changed": ("Warning", "Changed"),
    "other kind": ("Warning", "Another kind of value"),
    "added": ("Warning", "Added"),
    "removed": ("Warning", "Removed"),
    "within noise": ("None", "Within noise"),
    "identical": ("Identical", "Identical"),
}


def panel(told: Comparison, *, by: Actor) -> None:
    """The distributions; how far they are, or why there are none."""
    known = _known(told, by=by)
    if len(known) < len(_ids(told)) and _ask(told, known, by=by):
        known = _known(told, by=by)
    failed = {key: one for key, one in known.items() if one.state is ProfileState.FAILED}
    if any(one.state is ProfileState.QUEUED for one in known.values()):
        _wait(told)
    elif failed:
        _failed(told, failed)
    elif told.columns:
        with page.card("rows"):
            _columns(told)
    elif len(known) == len(_ids(told)):
        with page.card("rows"):
            _nothing(told)


def _ids(told: Comparison) -> tuple[str, ...]:
    return tuple(dict.fromkeys((told.before.version.id, told.after.version.id)))


def _known(told: Comparison, *, by: Actor) -> dict[str, Known]:
    return portal().profiles.of(_ids(told), by=by)


def _ask(told: Comparison, known: Mapping[str, Known], *, by: Actor) -> bool:
    """The first comparison of a version has its rows read; nobody needs to press anything."""
    here = portal().profiles
    sides = [one for one in (told.before, told.after) if one.version.id not in known]
    if not all(here.may_request(one.model, by=by) for one in sides):
        return False
    try:
        here.request({one.version.id for one in sides}, by=by)
    except CountersignError:
        return False  # somebody else asked at the same moment, or a version is gone by now
    return True


@st.fragment(run_every=_EVERY)
def _wait(told: Comparison) -> None:
    # Only this part runs again while it waits, so it asks for itself who is here.
    known = _known(told, by=require("model:read"))
    waiting = [one for one in known.values() if one.state is ProfileState.QUEUED]
    if not waiting:
        st.rerun()
    asked = words.ago(min(one.requested_at for one in waiting), portal().clock.now())
    size = LARGEST_TABLE_BYTES // 1024**2
    with page.card("rows-under-way"):
        show(
            page.section("Rows and environment"),
            feedback.progress(
                "The worker reads what the runs left: packages, sample rows, answers row by row",
                1 - len(waiting) / len(_ids(told)) or None,
                f"Asked for {asked}; at most {size} MB of each run, in a locked process. The "
                "differences are then judged row by row. You may leave and come back.",
            ),
        )


def _failed(told: Comparison, failed: Mapping[str, Known]) -> None:
    with page.card("rows-failed"):
        show(page.section("Rows and environment", "could not be read"))
        for one in (told.before, told.after):
            if (known := failed.get(one.version.id)) is not None:
                problem = CountersignError(f"{one.called}: {known.problem}", hint=known.hint)
                feedback.problem(problem)
        if st.button("Try again", key="profile-again") and did(
            lambda who: portal().profiles.request(tuple(failed), by=who)
        ):
            st.rerun()


def _nothing(told: Comparison) -> None:
    missing = [
        side.called
        for side, found in zip((told.before, told.after), told.profiles, strict=True)
        if found is None or found.sample is None
    ]
    show(
        page.section("Rows, column by column"),
        paragraph(
            f"{words.listing(missing)} left no sample of rows. Leave {SAMPLE} in the run, up to a "
            "few thousand evaluation rows: then distributions are compared here."
        ),
        _notes(told),
    )


def _columns(told: Comparison) -> None:
    before, after = told.before.called, told.after.called
    moved = [one for one in told.columns if one.state not in {"within noise", "identical"}]
    drawn = [one for one in told.columns if one.labels and one.state != "identical"][:_MOST_DRAWN]
    quiet = {"identical", "added", "removed"}  # these are said in words
    rest = [one for one in told.columns if one not in drawn and one.state not in quiet]
    same = [one.name for one in told.columns if one.state == "identical"]
    show(
        page.section("Rows, column by column", _extent(told)),
        paragraph(_said(told, moved)),
        distributions.key(before, f"{after}; numbers in tenths of {before}'s") if drawn else "",
        tag("div", *(_drawn(one) for one in drawn), cls="cs-columns") if drawn else "",
        _listed(rest) if rest else "",
        _same(same),
        _notes(told),
    )


def _extent(told: Comparison) -> Markup:
    rows = [one.sample.read for one in told.profiles if one is not None and one.sample is not None]
    read = f"{SAMPLE}, {' and '.join(words.thousands(one) for one in rows)} rows, "
    return join((read, assurance.ROWS.chip))


def _said(told: Comparison, moved: list[ColumnDifference]) -> str:
    if all(one.state == "identical" for one in told.columns):
        return "Both runs left the same rows: every column is identical, value by value."
    if not moved:
        return "Other rows, but no column differs by more than chance explains."
    told_of = []
    for side, state in ((told.before, "removed"), (told.after, "added")):
        if own := [one.name for one in moved if one.state == state]:
            told_of.append(f"Only {side.called} has {_few(own)}.")
    if differ := [one for one in moved if one.state not in {"added", "removed"}]:
        verb = "differs" if len(differ) == 1 else "differ"
        count = words.plural(len(differ), "column")
        told_of.insert(0, f"{count} {verb} by more than chance explains.")
    return " ".join(told_of)


def _drawn(one: ColumnDifference) -> Markup:
    measured = f"PSI {figure(one.psi)}, {_size(one.psi)}" if one.psi is not None else ""
    tested = ""
    if one.p is not None and one.statistic is not None:
        chance = "p < 0.001" if one.p < _TINY else f"p = {one.p:.3f}"
        tested = f"; {one.test} {one.statistic:.3g}, {chance}"
    elif one.test:
        tested = f"; {one.test}"
    word, said = _STATES[one.state]
    return tag(
        "div",
        tag("p", strong(one.name), " ", chips.mark(word, said)),
        distributions.picture(
            one.labels, *one.shares, f"{one.name}: {said.lower()}, {measured}{tested}"
        ),
        note(f"{measured}{tested}"),
    )


def _size(psi: float | None) -> str:
    if psi is None or psi < _LITTLE:
        return "little"
    return "much" if psi > _MUCH else "some"


def _listed(rest: list[ColumnDifference]) -> Markup:
    rows = [
        (one.name, chips.mark(*_STATES[one.state]), figure(one.psi), _type(one))
        for one in rest[:_MOST_LISTED]
    ]
    columns = [
        tables.Column("Column", lead=True),
        tables.Column("State"),
        tables.Column("PSI", "right"),
        tables.Column("Type"),
    ]
    told = tables.table(columns, rows, "Columns that are not drawn")
    return tag("details", tag("summary", f"Show {words.plural(len(rest), 'more column')}"), told)


def _type(one: ColumnDifference) -> str:
    kinds = [side.type for side in (one.before, one.after) if side is not None]
    return " to ".join(dict.fromkeys(kinds))


def _same(same: list[str]) -> Markup:
    if not same:
        return Markup("")
    return note(f"Identical: {_few(same)}.")


def _few(names: list[str]) -> str:
    more = len(names) - _MOST_SAME
    return ", ".join(names[:_MOST_SAME]) + (f" and {more:,} more" if more > 0 else "")


def _notes(told: Comparison) -> Markup:
    return join(
        note(f"{side.called}: {one}")
        for side, found in zip((told.before, told.after), told.profiles, strict=True)
        for one in (found.notes if found else ())
    )
