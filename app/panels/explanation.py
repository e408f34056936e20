"""What drives a version: overall, by feature and for one row, and how that was computed."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.panels import deprecation, sources, vendor
from app.panels.chosen import asked_number
from app.panels.links import link
from app.panels.shown import Shown
from app.session import did, portal, require
from app.ui import charts, chips, feedback, page, tables, words
from app.ui.charts import Contribution
from app.ui.markup import Markup, join, mono, note, paragraph, show, strong
from auth.actors import Actor
from catalog.assurance.explanations import Explanation, ExplanationState
from catalog.assurance.runner import ExplainResult
from catalog.registry.models import Version
from ledger.errors import CountersignError

_MOST_BARS: Final = 12
_MOST_PARTS: Final = 10
_EVERY: Final = "2s"
SPACES: Final = {
    "log-odds": "log-odds: 0 is even odds, each 0.7 about doubles or halves them",
    "probability": "probability, between 0 and 1",
    "prediction units": "the units of the prediction itself",
    "decision score": "the model's own decision score, which is no probability",
    "share of predictions": "the share of answers that name this class, between 0 and 1",
}
EXPLAINERS: Final = {
    "tree": "exact for trees (SHAP, tree explainer)",
    "linear": "exact for linear models (SHAP, linear explainer)",
    "permutation": "from outside, by exchanging values (SHAP, permutation explainer)",
}
SANDBOXES: Final = {
    "A": "own namespaces, no network, no secrets, nothing to write to (level A)",
    "B": "no network, no secrets, no files but its own; shared process list (level B)",
    "C": "limits on time and memory only: this machine has no stronger walls (level C)",
}
_LIMITS: Final = (
    "Contributions say what the model used, not what causes the outcome in the world.",
    "Features that move together share their contributions: a small bar proves no feature unused.",
    "This does not show that the model is fair, right, or right for other rows than these.",
)


def choose(shown: Shown) -> Version | None:
    """The version to explain, kept in the address; the live one at first."""
    model, subject = shown.model, shown.subject
    if subject is None:
        page.head("Find", f"What drives {model.name}?")
        feedback.empty(
            "This model has no version yet",
            "Register one in MLflow: it appears here within a minute.",
        )
        return None
    numbers = shown.versions.numbers
    wanted = asked_number(st.query_params.get("version", ""), subject.number)
    known = shown.number(wanted)

    def field() -> None:
        st.selectbox(
            "Version",
            numbers,
            index=numbers.index((known or subject).number),
            format_func=shown.called,
            key="explain-version",
            on_change=_keep,
        )

    page.head(
        (model.domain, model.name, "Explain"),
        f"What drives {model.name} v{wanted}?",
        model.description,
        actions=field,
    )
    link(f"Back to {model.name}", "model", model=model, icon=":material/deployed_code:")
    deprecation.notice(shown.deprecations.get(known.id) if known else None, shown)
    if known is None:
        feedback.empty(
            f"{model.name} has no version {wanted}", "Choose one of its versions at the top."
        )
    return known


def _keep() -> None:
    st.query_params["version"] = str(st.session_state["explain-version"])
    for key in ("row", "feature"):
        if key in st.query_params:
            del st.query_params[key]


def panel(shown: Shown, version: Version, *, by: Actor) -> None:
    """The explanation of a version, how far it is, or the way to have it computed."""
    if version.is_external:
        vendor.panel(version)
        return
    told = portal().explanations.of(version.id, by=by)
    if told is None:
        _ask(shown, version, by=by)
    elif told.is_under_way:
        _wait(version)
    elif told.result is None:
        _failed(shown, version, told, by=by)
    else:
        _result(shown, told, told.result)


def _ask(shown: Shown, version: Version, *, by: Actor) -> None:
    with page.card("ask"):
        show(
            page.section("Not explained yet"),
            paragraph(
                "Countersign fetches the version's files, loads them in a locked child process and "
                "follows up to 200 rows of the run's evaluation sample through the model. It "
                "usually takes a minute. You may leave and come back."
            ),
        )
        _button(shown, version, "Compute the explanation", by=by)


def _button(shown: Shown, version: Version, said: str, *, by: Actor) -> None:
    may = portal().explanations.may_request(shown.model, by=by)
    asked = st.button(
        said, type="primary", icon=":material/bar_chart:", disabled=not may, key="compute"
    )
    if not may:
        show(note(f"{may.reason} {may.hint}"))
    if asked and did(lambda who: portal().explanations.request(version.id, by=who)):
        st.rerun()


@st.fragment(run_every=_EVERY)
def _wait(version: Version) -> None:
    # Only this part runs again while it waits, so it asks for itself who is here.
    told = portal().explanations.of(version.id, by=require("explanation:read"))
    if told is None or not told.is_under_way:
        st.rerun()
    share = told.done / told.total if told.total else None
    counted = f", {told.done:,} of {told.total:,}" if told.total else ""
    step = told.step or "Waiting for the worker"
    asked = words.ago(told.requested_at, portal().clock.now())
    with page.card("under-way"):
        show(
            page.section("Being explained"),
            feedback.progress(
                f"{step}{counted}", share, f"Asked for {asked}. You may leave and come back."
            ),
        )


def _failed(shown: Shown, version: Version, told: Explanation, *, by: Actor) -> None:
    with page.card("failed"):
        when = words.moment(told.finished_at or told.requested_at)
        show(page.section("It could not be explained", when))
        feedback.problem(CountersignError(told.problem or "It failed.", hint=told.hint))
        if told.state is ExplanationState.FAILED:
            _button(shown, version, "Try again", by=by)


def _result(shown: Shown, told: Explanation, result: ExplainResult) -> None:
    unit = result.space
    ranked = sorted(
        range(len(result.features)), key=lambda place: (-result.importance[place], place)
    )
    if result.explained_class is not None:
        others = ", ".join(one for one in result.classes if one != result.explained_class)
        show(
            paragraph(
                join(
                    (
                        "Explained is the answer ",
                        strong(result.explained_class),
                        f", against {others[:200]}." if others else ".",
                        f" Contributions are in {SPACES.get(unit, unit)}.",
                    )
                )
            )
        )
    else:
        show(paragraph(f"Explained is the number the model answers, in {SPACES.get(unit, unit)}."))
    left, right = st.columns(2)
    with left, page.card("overall", stretch=True):
        _overall(result, ranked, unit)
    with right, page.card("dependence", stretch=True):
        _dependence(result, ranked, unit)
    left, right = st.columns([0.6, 0.4])
    with left, page.card("row", stretch=True):
        _row(result, unit)
    with right, page.card("computed", stretch=True):
        show(page.section("How it was computed"), tables.facts(computed(told, result)))
        show(
            page.section("What it may not be used to conclude"),
            *[paragraph(one) for one in _LIMITS],
        )
    show(sources.source(shown.states, shown.now))


def _overall(result: ExplainResult, ranked: list[int], unit: str) -> None:
    top = ranked[:_MOST_BARS]
    hidden = len(ranked) - len(top)
    show(
        page.section(
            "Overall", f"mean absolute contribution, {words.plural(result.rows_explained, 'row')}"
        )
    )
    names = [result.features[place] for place in top]
    first = f"{names[0]} moves it most" if names else "nothing"
    charts.plot(
        charts.bar_importance(names, [result.importance[place] for place in top], unit=unit),
        f"What drives the model: {first}",
        "plot-importance",
    )
    if hidden > 0:
        rest = sum(result.importance[place] for place in ranked[_MOST_BARS:])
        show(note(f"{words.plural(hidden, 'more feature')}, {rest:.3g} {unit} together."))


def _dependence(result: ExplainResult, ranked: list[int], unit: str) -> None:
    names = [result.features[place] for place in ranked]
    show(page.section("How one feature acts", "each dot is a row"))
    wanted = st.query_params.get("feature", "")
    chosen = st.selectbox(
        "Feature",
        range(len(names)),
        index=names.index(wanted) if wanted in names else 0,
        format_func=lambda place: names[place],
        key="explain-feature",
        label_visibility="collapsed",
        on_change=_keep_feature,
        args=(names,),
    )
    place = ranked[chosen]
    xs, ys = pairs(result, place)
    charts.plot(
        charts.dependence_scatter(xs, ys, feature=result.features[place], unit=unit),
        f"Contribution of {result.features[place]} against its value, {len(ys)} rows",
        "plot-dependence",
    )


def _keep_feature(names: list[str]) -> None:
    st.query_params["feature"] = names[st.session_state["explain-feature"]]


def pairs(result: ExplainResult, place: int) -> tuple[list[float] | list[str], list[float]]:
    """A feature's values and contributions, row by row; words make it categories."""
    values = [row[place] for row in result.values]
    amounts = [row[place] for row in result.shap]
    if any(isinstance(value, str) for value in values):
        return ["missing" if value is None else str(value) for value in values], amounts
    kept = [
        (float(value), amount)
        for value, amount in zip(values, amounts, strict=True)
        if value is not None and not isinstance(value, str)
    ]
    return [value for value, _ in kept], [amount for _, amount in kept]


def _row(result: ExplainResult, unit: str) -> None:
    numbers = list(result.row_numbers)
    wanted = asked_number(st.query_params.get("row", ""), numbers[0] if numbers else None)
    place = numbers.index(wanted) if wanted in numbers else 0
    show(page.section("One row", "from the average answer to this one"))
    chosen = st.selectbox(
        "Row of the sample",
        range(len(numbers)),
        index=place,
        format_func=lambda at: f"Row {numbers[at]:,}, answer {_answer(result, at)}",
        key="explain-row",
        on_change=_keep_row,
        args=(numbers,),
        label_visibility="collapsed",
    )
    parts = contributions(result, chosen)
    share = f" (score {result.outputs[chosen]:.3g} {unit})" if result.classes else f" {unit}"
    show(note(join(("The model answers ", strong(_answer(result, chosen)), share, "."))))
    charts.plot(
        charts.contributions(
            result.base_value, parts, result.base_value + sum(result.shap[chosen]), unit=unit
        ),
        f"Row {numbers[chosen]}: {parts[0].feature if parts else 'nothing'} moves it most",
        "plot-row",
    )


def _keep_row(numbers: list[int]) -> None:
    st.query_params["row"] = str(numbers[st.session_state["explain-row"]])


def _answer(result: ExplainResult, at: int) -> str:
    return value_words(result.predictions[at])


def value_words(value: float | str | None) -> str:
    """A value of a row as people write it."""
    if value is None:
        return "missing"
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"


def contributions(result: ExplainResult, at: int) -> list[Contribution]:
    """What moved one row's answer, strongest first; the weakest features are put together."""
    pieces = sorted(
        zip(result.features, result.values[at], result.shap[at], strict=True),
        key=lambda piece: -abs(piece[2]),
    )
    told = [Contribution(name, value_words(value), amount) for name, value, amount in pieces]
    if len(told) <= _MOST_PARTS + 1:
        return told
    rest = told[_MOST_PARTS:]
    together = sum(one.amount for one in rest)
    return [*told[:_MOST_PARTS], Contribution(f"{len(rest)} others", "all", together)]


def computed(told: Explanation, result: ExplainResult) -> list[tuple[str, object]]:
    """The facts by which an explanation can be judged and repeated."""
    asked = portal().people.names({told.requested_by}).get(told.requested_by, "somebody")
    facts: list[tuple[str, object]] = [
        ("When", words.moment(told.finished_at or told.requested_at)),
        ("Asked by", asked),
        ("Method", EXPLAINERS.get(result.explainer, result.explainer)),
        ("Rows", _rows(result)),
        ("Sample", told.sample),
        ("Sums off by", f"at most {result.additivity_error:.1e} {result.space}"),
        ("Sandbox", SANDBOXES.get(result.sandbox, result.sandbox)),
        ("Took", words.span(result.seconds)),
        ("Files", _digest(told.artifacts_digest)),
        ("Result", _digest(told.result_digest)),
        ("Mark", chips.mark("Verified", "verified: computed by Countersign")),
    ]
    facts += [("Note", one) for one in result.warnings]
    return facts


def _rows(result: ExplainResult) -> str:
    explained = f"{words.plural(result.rows_explained, 'row')} of {result.sample_rows:,} explained"
    return f"{explained}, against a background of {result.background_rows:,}"


def _digest(digest: str) -> Markup:
    return mono(words.digest(digest) if digest else "\N{EN DASH}")
