"""The numbers of two versions in a table: how far they moved, how sure that is, and why."""

from __future__ import annotations

from typing import Final

from app.panels import assurance
from app.ui import chips, tables, words
from app.ui.markup import Markup, join, mono, note, strong, tag
from app.ui.tables import Column
from catalog.lineage.comparison import Comparison
from catalog.lineage.intervals import Interval
from catalog.lineage.measured import Measured, Reads

_MOST_SHOWN: Final = 12
_MOST_FOLDED: Final = 200
_SMALL, _LARGE, _HUGE = 1e-4, 1_000, 1e12
WORDS: Final[dict[Reads, tuple[str, str]]] = {
    "better": ("Pass", "Better"),
    "worse": ("Fail", "Worse"),
    "within noise": ("None", "Within noise"),
    "not judged": ("Missing", "Not judged"),
    "same": ("None", "Same"),
    "different": ("None", "Different"),
    "not comparable": ("Missing", "Measured on other rows"),
}


def counts(told: Comparison) -> Markup:
    """How many numbers are better, worse, within noise, not judged."""
    found: dict[Reads, int] = {}
    for one in told.numbers:
        found[one.reads] = found.get(one.reads, 0) + 1
    return join(
        chips.status(word, f"{found[reads]:,} {said.lower()}")
        for reads, (word, said) in WORDS.items()
        if found.get(reads)
    )


def table(told: Comparison) -> Markup:
    """One row per metric and data set; what decides stands first, many are folded away."""
    if not told.numbers:
        return note(
            "Neither run measured anything. Log metrics with the data set they were measured on: "
            "then they can be compared."
        )
    first, rest = told.numbers[:_MOST_SHOWN], told.numbers[_MOST_SHOWN:]
    folded = rest[:_MOST_FOLDED]
    more = len(rest) - len(folded)
    return join(
        (
            _table(told, first),
            tag(
                "details",
                tag("summary", f"Show {words.plural(len(folded), 'more metric')}"),
                _table(told, folded),
            )
            if folded
            else "",
            note(f"{words.plural(more, 'more metric')} in the export.") if more > 0 else "",
        )
    )


def _table(told: Comparison, numbers: tuple[Measured, ...]) -> Markup:
    before, after = told.before.called, told.after.called
    columns = [
        Column("Metric", lead=True),
        Column(before, "right", assured=assurance.RUN),
        Column(after, "right", assured=assurance.RUN),
        Column("Change", "right", assured=assurance.DIFFERENCE),
        Column("Result"),
        Column("How sure"),
        Column("On"),
    ]
    labels = words.metrics(one.number.name for one in told.numbers)
    rows = [_row(one, labels[one.number.name]) for one in numbers]
    return tables.table(columns, rows, f"Metrics of {before} and {after}")


def _row(one: Measured, called: str) -> tuple[object, ...]:
    number = one.number
    word, said = WORDS[one.reads]
    way = f"{number.better} is better" if number.better else "no direction known"
    return (
        tables.two(called, way),
        _figure(number.before, one.before),
        _figure(number.after, one.after, is_new=True),
        _moved(one),
        chips.mark(word, said),
        _basis(one),
        tables.two(number.dataset, mono(number.dataset_digest))
        if number.dataset_digest
        else "no data set named",
    )


def figure(value: float | None, *, is_signed: bool = False) -> str:
    """A metric's value with as many decimals as its size asks for."""
    if value is None:
        return "\N{EN DASH}"
    size = abs(value)
    if size >= _HUGE or 0 < size < _SMALL:
        told = f"{value:.3g}".replace("-", "\N{MINUS SIGN}")
    else:
        told = words.thousands(value, 1 if size >= _LARGE else 4)
    return f"+{told}" if is_signed and value > 0 else told


def limits(interval: Interval, *, is_signed: bool = False) -> str:
    """The two ends of an interval: `0.791 to 0.833`."""
    low, high = (figure(end, is_signed=is_signed) for end in (interval.low, interval.high))
    return f"{low} to {high}"


def _figure(value: float | None, interval: Interval | None, *, is_new: bool = False) -> Markup:
    main = strong(figure(value)) if is_new else figure(value)
    return tables.two(main, limits(interval) if interval else "")


def _moved(one: Measured) -> Markup | None:
    delta = one.number.delta
    if delta is None:
        return None
    told = figure(delta, is_signed=True)
    if one.difference is None:
        return tables.two(told, "")
    return join(
        (
            tables.two(told, limits(one.difference, is_signed=True)),
            whisker(one.difference),
        )
    )


def whisker(interval: Interval) -> Markup:
    """The interval of a difference as a line, with zero in the middle."""
    reach = max(abs(interval.low), abs(interval.high), abs(interval.value)) or 1.0
    low, middle, high = (
        50 + 48 * end / reach for end in (interval.low, interval.value, interval.high)
    )
    return tag(
        "span",
        tag("i", style=f"left:{low:.1f}%;width:{high - low:.1f}%"),
        tag("b", style=f"left:{middle:.1f}%"),
        cls="cs-whisker",
        role="img",
        aria_label=f"95 % interval {limits(interval, is_signed=True)}, around zero in the middle",
    )


def _basis(one: Measured) -> Markup:
    is_known = one.before is not None or one.after is not None
    return tag("span", one.basis.capitalize() if not is_known else one.basis, cls="cs-quiet")
