"""The panels' own words: what is said of numbers, gates, sources and differences."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.panels import explanation, sources
from app.panels.chosen import asked_number
from catalog.assurance.runner import ExplainResult
from catalog.lineage.difference import Difference, difference
from catalog.registry.measures import Measure, reading
from catalog.registry.mirror.state import MirrorState
from catalog.registry.models import Dataset, Metric, Run, Version

NOW = datetime(2026, 11, 20, 9, 12, tzinfo=UTC)
AUC = Measure(("auc", "roc_auc"), "AUC", "higher", "evaluation")


def state(ago: timedelta, problem: str = "") -> MirrorState:
    return MirrorState("main", NOW, NOW - ago, problem, 8, 28)


def version(number: int, *metrics: Metric, inputs: tuple[str, ...] = ("age",)) -> Version:
    return Version(
        id=f"ver_{number}",
        model_id="mdl",
        number=number,
        created_at=NOW,
        source="models:/m",
        run_id=f"run{number}",
        description=f"Version {number}",
        status="READY",
        tags={},
        flavors=("sklearn",),
        signature={"inputs": tuple((name, "double") for name in inputs)},
        gone_at=None,
        metrics=metrics,
    )


def run(number: int, digest: str, **params: str) -> Run:
    data = Dataset("loans", digest, "evaluation", "code", "", (), 2_400)
    return Run(f"run{number}", "r", "Retail", "ada", "FINISHED", NOW, NOW, params, {}, (data,))


def told(old_digest: str, new_digest: str, old: float, new: float, name: str = "auc") -> Difference:
    before = version(1, Metric(name, old, "loans", old_digest))
    after = version(2, Metric(name, new, "loans", new_digest), inputs=("age", "sex"))
    runs = {"run1": run(1, old_digest, depth="4"), "run2": run(2, new_digest, depth="6")}
    return difference(before, after, runs, {})


def test_a_fresh_mirror_says_only_how_old_it_is() -> None:
    assert (
        sources.mirrored([state(timedelta(minutes=2))], NOW) == "Mirrored from MLflow 2 minutes ago"
    )


def test_a_mirror_whose_server_is_away_says_so() -> None:
    said = sources.mirrored([state(timedelta(minutes=12), "no answer")], NOW)
    assert said.startswith("MLflow does not answer; what you see was mirrored 12 minutes ago")


def test_a_mirror_that_never_looked_promises_nothing() -> None:
    assert sources.mirrored([], NOW) == "MLflow has not been read yet"


@pytest.mark.parametrize(
    ("old", "new", "name", "judged"),
    [
        (0.7, 0.8, "auc", "better"),
        (0.8, 0.7, "auc", "worse"),
        (0.2, 0.1, "brier", "better"),
        (0.7, 0.7, "auc", "same"),
        (0.7, 0.8, "home_made", "different"),
    ],
)
def test_a_number_on_the_same_rows_is_judged_by_its_direction(
    old: float, new: float, name: str, judged: str
) -> None:
    (number,) = told("d1", "d1", old, new, name).numbers
    assert number.judgement == judged


def test_numbers_on_other_rows_are_not_compared() -> None:
    numbers = told("d1", "d2", 0.7, 0.8).numbers
    assert {number.judgement for number in numbers} == {"not comparable"}


def test_a_difference_names_parameters_data_columns_and_words() -> None:
    found = told("d1", "d2", 0.7, 0.8)
    assert [one.name for one in found.parameters if not one.is_same] == ["depth"]
    assert [one.name for one in found.data if not one.is_same] == ["evaluation"]
    assert [one.name for one in found.signature if not one.is_same] == ["input sex"]
    assert "Description" in [one.name for one in found.others if not one.is_same]


def test_the_deciding_number_is_read_only_from_evaluation_data() -> None:
    metrics = (Metric("auc", 0.99, "train", "t1"), Metric("auc", 0.7, "test", "e1"))
    uses = {"t1": frozenset({"training"}), "e1": frozenset({"evaluation"})}
    found = reading(AUC, metrics, uses)
    assert found is not None
    assert found.value == 0.7


def test_a_number_on_unnamed_rows_decides_nothing() -> None:
    assert reading(AUC, (Metric("auc", 0.99, "", ""),), {}) is None


RESULT = ExplainResult(
    features=("age", "region"),
    explainer="tree",
    space="log-odds",
    classes=("no", "yes"),
    explained_class="yes",
    base_value=-1.0,
    importance=(0.3, 0.1),
    row_numbers=(0, 1),
    shap=((0.3, -0.1), (-0.3, 0.1)),
    values=((48.0, "north"), (None, "south")),
    outputs=(-0.8, -1.2),
    predictions=("no", "yes"),
    rows_explained=2,
    sample_rows=2,
    background_rows=2,
    additivity_error=0.0,
    sandbox="A",
    seconds=1.0,
    warnings=(),
)


def test_a_feature_of_words_is_shown_by_category() -> None:
    assert explanation.pairs(RESULT, 1) == (["north", "south"], [-0.1, 0.1])


def test_a_missing_number_has_no_place_on_a_numeric_axis() -> None:
    assert explanation.pairs(RESULT, 0) == ([48.0], [0.3])


def test_a_row_of_many_features_keeps_its_sum() -> None:
    many = replace(
        RESULT,
        features=tuple(f"f{n}" for n in range(30)),
        values=(tuple(float(n) for n in range(30)),),
        shap=(tuple(n / 100 for n in range(30)),),
    )
    parts = explanation.contributions(many, 0)
    assert len(parts) == 11
    assert sum(part.amount for part in parts) == pytest.approx(sum(many.shap[0]))


@pytest.mark.parametrize(
    ("given", "number"), [("4", 4), ("v4", 4), ("", 1), ("<b>", 1), ("-3", 1), ("9" * 40, 1)]
)
def test_a_version_in_an_address_is_a_number_or_nothing(given: str, number: int) -> None:
    assert asked_number(given, 1) == number
