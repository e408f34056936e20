"""Two versions of a model side by side: numbers on the same rows first, then all that differs."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.panels import deprecation, sources, ways
from app.panels.chosen import asked_number
from app.panels.links import link
from app.panels.shown import Shown
from app.ui import chips, feedback, page, tables, words
from app.ui.markup import Markup, join, mono, note, show, strong
from app.ui.tables import Change, Column
from catalog.lineage.difference import Difference, Judgement, Number, Property, difference
from catalog.registry.measures import Better
from catalog.registry.models import Version

_MOST_SAME: Final = 12
_WORDS: Final[dict[Judgement, tuple[str, str]]] = {
    "better": ("Pass", "Better"),
    "worse": ("Fail", "Worse"),
    "same": ("None", "Same"),
    "different": ("None", "Different"),
    "not comparable": ("Missing", "Measured on other rows"),
}


def choose(shown: Shown) -> tuple[Version, Version] | None:
    """The two versions to compare, kept in the address; the newest and the one before at first."""
    model, versions = shown.model, shown.versions
    if len(versions) < 2:  # noqa: PLR2004 - it takes two
        page.head("Find", f"{model.name}: one version is no comparison")
        feedback.empty(
            "There is nothing to compare with yet",
            "The next version that is registered in MLflow can be compared with this one.",
            page=ways.to("model"),
            link=f"Back to {model.name}",
            query=ways.of(model),
        )
        return None
    numbers = [one.number for one in versions]
    right = _number(shown, "right", _later(shown))
    left = _number(shown, "left", _earlier(shown, right))

    def fields() -> None:
        for key, said, number in (("left", "From", left), ("right", "To", right)):
            st.selectbox(
                said,
                numbers,
                index=numbers.index(number),
                format_func=lambda one: _called(shown, one),
                key=f"compare-{key}",
                on_change=_keep,
            )

    page.head(
        (model.domain, model.name, "Compare"),
        f"What is different in v{right}?" if left != right else "Choose two versions",
        f"{model.name} v{left} against v{right}.",
        actions=fields,
    )
    link(f"Back to {model.name}", "model", model=model, icon=":material/deployed_code:")
    before, after = shown.number(left), shown.number(right)
    if before is None or after is None or before == after:
        feedback.empty("This is one and the same version", "Choose another one at the top.")
        return None
    return before, after


def _later(shown: Shown) -> int:
    return (shown.next or shown.subject or shown.versions[0]).number


def _earlier(shown: Shown, right: int) -> int:
    version = shown.number(right)
    before = shown.before(version) if version else None
    return before.number if before else shown.versions[0].number


def _number(shown: Shown, key: str, fallback: int) -> int:
    number = asked_number(st.query_params.get(key, ""), fallback)
    if number is not None and shown.number(number) is not None:
        return number
    feedback.notice(
        f"{shown.model.name} has no version {number}.", f"Shown is v{fallback} instead."
    )
    return fallback


def _keep() -> None:
    for key in ("left", "right"):
        st.query_params[key] = str(st.session_state[f"compare-{key}"])


def _called(shown: Shown, number: int) -> str:
    version = shown.number(number)
    aliases = " ".join(f"@{one}" for one in version.aliases) if version else ""
    return f"v{number} {aliases}".strip()


def panel(shown: Shown, before: Version, after: Version) -> None:
    """Everything that differs, on one screen."""
    deprecation.warn(shown, before, after)
    told = difference(before, after, shown.runs, _directions(shown))
    names = f"v{before.number}", f"v{after.number}"
    with page.card("numbers"):
        show(page.section("Measured", _verdict(told)), _numbers(shown, told, *names))
    left, right = st.columns(2)
    with left:
        with page.card("parameters"):
            show(
                page.section("Parameters", _count(told.parameters)), _table(told.parameters, names)
            )
        with page.card("data"):
            show(page.section("Data", _count(told.data)), _table(told.data, names))
    with right, page.card("signature", stretch=True):
        show(page.section("Signature", _count(told.signature)), _table(told.signature, names))
    with page.card("others"):
        show(page.section("In words", _count(told.others)), _table(told.others, names))
    show(
        sources.source(
            shown.states,
            shown.now,
            "Numbers, parameters and data are self-reported by the runs; digests say which rows.",
        )
    )


def _directions(shown: Shown) -> dict[str, Better]:
    measure = shown.measure
    return dict.fromkeys(measure.names, measure.better) if measure else {}


def _verdict(told: Difference) -> Markup:
    counts: dict[Judgement, int] = {}
    for one in told.numbers:
        counts[one.judgement] = counts.get(one.judgement, 0) + 1
    marks = [
        chips.status(word, f"{counts[judgement]} {said.lower()}")
        for judgement, (word, said) in _WORDS.items()
        if counts.get(judgement)
    ]
    return join(marks)


def _numbers(shown: Shown, told: Difference, before: str, after: str) -> Markup:
    if not told.numbers:
        return note("Neither run measured anything on a named data set.")
    deciding = set(shown.measure.names) if shown.measure else set()
    ordered = sorted(
        told.numbers, key=lambda one: (one.name not in deciding, one.delta is None, one.name)
    )
    rows = [
        tables.Row(
            (
                tables.two(one.name, _direction(one, one.name in deciding)),
                _figure(one.before),
                strong(_figure(one.after)),
                _delta(one),
                _judged(one),
                tables.two(one.dataset, mono(one.dataset_digest))
                if one.dataset_digest
                else "no data set named",
            )
        )
        for one in ordered
    ]
    columns = [
        Column("Metric", lead=True),
        Column(before, "right"),
        Column(after, "right"),
        Column("Change", "right"),
        Column("Reads"),
        Column("On"),
    ]
    return tables.table(columns, rows, f"Metrics of {before} and {after}")


def _direction(one: Number, decides: bool) -> str:  # noqa: FBT001 - a fact about the row
    way = f"{one.better} is better" if one.better else "no direction known"
    return f"decides; {way}" if decides else way


def _figure(value: float | None) -> str:
    return words.figure(value, 4)


def _delta(one: Number) -> str:
    if one.delta is None:
        return "\N{EN DASH}"
    sign = "+" if one.delta > 0 else ""
    return f"{sign}{words.thousands(one.delta, 4)}"


def _judged(one: Number) -> Markup:
    word, said = _WORDS[one.judgement]
    return chips.mark(word, said)


def _count(properties: tuple[Property, ...]) -> str:
    differ = sum(not one.is_same for one in properties)
    same = len(properties) - differ
    return f"{differ} differ, {same} identical" if properties else "none"


def _table(properties: tuple[Property, ...], names: tuple[str, str]) -> Markup:
    if not properties:
        return note("Neither version says anything here.")
    differ = [Change(one.name, one.before, one.after) for one in properties if not one.is_same]
    same = [one for one in properties if one.is_same]
    about = f"What differs between {names[0]} and {names[1]}"
    told = "; ".join(f"{one.name} {one.before}" for one in same[:_MOST_SAME])
    more = len(same) - _MOST_SAME
    told += f"; {more} more" if more > 0 else ""
    return join(
        (
            tables.difference(differ, *names, about) if differ else "",
            note(f"Identical: {told}.") if same else "",
        )
    )
