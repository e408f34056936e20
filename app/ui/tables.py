"""Tables people read: plain records, the gate table, facts, and what differs between two things."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from app.ui import chips
from app.ui.markup import Markup, join, mono, tag, text

Align = Literal["left", "right"]
Tint = Literal["", "fail", "attention", "changed"]

_NOTHING = "\N{EN DASH}"


@dataclass(frozen=True)
class Column:
    """A column's title; figures are aligned right, the lead column stays bold on a phone.

    `assured` says of its numbers who computed them. A column of `words`, not names, cuts none.
    """

    title: str
    align: Align = "left"
    lead: bool = False
    assured: chips.Assured | None = None
    words: bool = False

    @property
    def heading(self) -> Markup:
        """The title, and under it who computed what stands below."""
        return two(self.title, self.assured.short) if self.assured else text(self.title)

    @property
    def label(self) -> str:
        """The title in words, for records on a phone."""
        return f"{self.title}, {self.assured.word}" if self.assured else self.title


@dataclass(frozen=True)
class Row:
    """One record; text cells are escaped, `None` reads as a dash."""

    cells: Sequence[object]
    tint: Tint = ""


def two(main: object, under: object) -> Markup:
    """A cell of two lines: what it is, and a quiet remark."""
    return join((tag("span", main, cls="cs-main"), tag("small", under) if under else ""))


def link(said: object, address: str) -> Markup:
    """Words in a cell that lead to another screen; the address is relative to this one."""
    return tag("a", said, href=address, cls="cs-way")


def table(columns: Sequence[Column], rows: Iterable[Row | Sequence[object]], about: str) -> Markup:
    """A table that becomes records on a phone; `about` names it for a screen reader."""
    return _table(columns, [row if isinstance(row, Row) else Row(row) for row in rows], about, "")


def _table(columns: Sequence[Column], rows: Sequence[Row], about: str, cls: str) -> Markup:
    head = tag("tr", *(tag("th", c.heading, scope="col", cls=_cell(c)) for c in columns))
    body = (
        tag(
            "tr",
            *(
                tag("td", _said(cell), cls=_cell(column), data_label=column.label)
                for column, cell in zip(columns, row.cells, strict=True)
            ),
            cls=f"cs-row-{row.tint}" if row.tint else "",
        )
        for row in rows
    )
    caption = tag("caption", about)
    # One column under a heading of its own needs no second one: only a screen reader is told it.
    kind = " ".join(filter(None, ("cs-table", "cs-alone" if len(columns) == 1 else "", cls)))
    return tag("table", caption, tag("thead", head), tag("tbody", *body), cls=kind)


def _cell(column: Column) -> str:
    said = {
        "cs-r": column.align == "right",
        "cs-lead-cell": column.lead,
        "cs-words": column.words,
    }
    return " ".join(name for name, holds in said.items() if holds)


def _said(cell: object) -> Markup:
    return text(_NOTHING if cell is None or cell == "" else cell)


@dataclass(frozen=True)
class Evidence:
    """What a gate's verdict rests on; `rules` are shown when it is opened, as (label, value)."""

    title: str
    digest: str = ""
    rules: Sequence[tuple[str, object]] = ()


@dataclass(frozen=True)
class Gate:
    """One question a release has to answer, with the words of its answer already chosen."""

    control: str
    asks: str
    verdict: Literal["pass", "fail", "missing"]
    required: str
    observed: str
    evidence: Evidence | None = None
    instead: str = field(default="", kw_only=True)
    produced_by: str = field(default="", kw_only=True)
    verified: bool | None = field(default=None, kw_only=True)
    age: str = field(default="", kw_only=True)


_GATE_COLUMNS = (
    Column("Control", lead=True),
    Column("Verdict"),
    Column("Required", "right"),
    Column("Observed", "right"),
    Column("Evidence"),
    Column("Produced by"),
    Column("Age", "right"),
)
_TINTS: dict[str, Tint] = {"pass": "", "fail": "fail", "missing": "attention"}


def gate_table(gates: Iterable[Gate]) -> Markup:
    """Gates with their evidence; only those that fail or lack evidence stand out."""
    rows = [
        Row(
            (
                two(gate.control, gate.asks),
                chips.mark(gate.verdict.capitalize()),
                gate.required,
                tag("strong", gate.observed or "none"),
                _evidence(gate),
                two(gate.produced_by or _NOTHING, _assurance(gate.verified)),
                gate.age,
            ),
            _TINTS[gate.verdict],
        )
        for gate in gates
    ]
    return _table(_GATE_COLUMNS, rows, "Gates", "cs-gates")


def _evidence(gate: Gate) -> Markup:
    if gate.evidence is None:
        return text(gate.instead or _NOTHING)
    evidence = gate.evidence
    digest = tag("span", evidence.digest, cls="cs-mono cs-digest") if evidence.digest else ""
    if not evidence.rules:
        return join((tag("span", evidence.title, cls="cs-main"), digest))
    opened = tag("details", tag("summary", evidence.title), facts(evidence.rules))
    return join((opened, digest))


def _assurance(verified: bool | None) -> str:  # noqa: FBT001
    if verified is None:
        return ""
    return "verified" if verified else "self-reported"


def facts(items: Iterable[tuple[str, object]]) -> Markup:
    """Labels and values under each other; `None` reads as a dash."""
    pairs = (tag("div", tag("dt", label), tag("dd", _said(value))) for label, value in items)
    return tag("dl", *pairs, cls="cs-facts")


@dataclass(frozen=True)
class Change:
    """One property of two things; `consequence` says in words what the difference means.

    A value is set in the fixed-width face, unless it is prose.
    """

    name: str
    before: str | None
    after: str | None
    consequence: str = ""
    is_prose: bool = False

    @property
    def is_same(self) -> bool:
        """Whether both things agree here."""
        return self.before == self.after


def _set(change: Change, said: str) -> Markup:
    return text(said) if change.is_prose else mono(said)


def difference(changes: Sequence[Change], before: str, after: str, about: str) -> Markup:
    """Two things side by side: what differs first and tinted, what agrees said in words."""
    ordered = sorted(changes, key=lambda change: change.is_same)
    rows = [
        Row(
            (
                change.name,
                _set(change, change.before) if change.before else None,
                tag("span", "identical", cls="cs-quiet")
                if change.is_same
                else two(_set(change, change.after or _NOTHING), change.consequence),
            ),
            "" if change.is_same else "changed",
        )
        for change in ordered
    ]
    shown = (Column("What", lead=True), Column(before), Column(after))
    return _table(shown, rows, about, "cs-diff")
