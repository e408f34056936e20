"""An explanation adds up to what the model says, whatever kind of model it is."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest

from catalog.assurance.runner import ExplainInput, ExplainResult, Limits, Progress, explain
from ledger.errors import Invalid, NotFound
from tests.assurance import models
from tests.assurance.forked import forking

LIMITS = Limits(seconds=120, rows=60)
# kind of model: explainer, space, classes, features
EXPECTED = {
    "forest": ("tree", "probability", 2, 3),
    "forest_of_three": ("tree", "probability", 3, 3),
    "forest_of_amounts": ("tree", "prediction units", 0, 3),
    "logistic_pipeline": ("linear", "log-odds", 2, 5),
    "logistic_of_three": ("linear", "log-odds", 3, 3),
    "boosted": ("tree", "log-odds", 2, 3),
    "boosted_pipeline": ("tree", "log-odds", 2, 5),
    "boosted_on_native_categories": ("permutation", "probability", 2, 5),
    "ridge": ("linear", "prediction units", 0, 3),
    "mixing_pipeline": ("permutation", "probability", 2, 3),
    "predict_only": ("permutation", "prediction units", 0, 2),
}


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    people = models.people(150)
    people.assign(target="not an input").to_csv(folder / "people.csv")
    people.to_parquet(folder / "people.parquet")
    split = people.to_dict(orient="split", index=False)
    (folder / "people.json").write_text(json.dumps({"dataframe_split": split}))
    return folder


@pytest.fixture(scope="module")
def explained(
    samples: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[ExplainResult]]]:
    """Every kind of model, explained two at a time."""
    folder = tmp_path_factory.mktemp("models")
    suffixes = ("csv", "parquet", "json")
    with forking(), ThreadPoolExecutor(2) as pool:
        jobs = {}
        for i, (name, save) in enumerate(models.KINDS.items()):
            save(folder / name)
            given = ExplainInput(folder / name, samples / f"people.{suffixes[i % 3]}")
            jobs[name] = pool.submit(explain, given, LIMITS, lambda _: None)
        yield jobs


@pytest.mark.parametrize("kind", EXPECTED)
def test_every_row_adds_up_to_what_the_model_says(
    kind: str, explained: dict[str, Future[ExplainResult]]
) -> None:
    result = explained[kind].result()
    explainer, space, classes, features = EXPECTED[kind]
    assert (result.explainer, result.space) == (explainer, space)
    assert (len(result.classes), len(result.features)) == (classes, features)
    assert result.additivity_error < 1e-4 * max(1.0, *map(abs, result.outputs))
    assert result.rows_explained == len(result.shap) == len(result.values) == 60
    assert result.sandbox == "A"
    assert not any("tried to" in said for said in result.warnings)
    by_hand = [math.fsum(abs(r[j]) for r in result.shap) / 60 for j in range(features)]
    assert list(result.importance) == pytest.approx(by_hand)
    assert json.loads(json.dumps(asdict(result), allow_nan=False))["sample_rows"] == 150


def test_pieces_of_a_column_are_summed_back_to_the_column_itself(
    explained: dict[str, Future[ExplainResult]],
) -> None:
    result = explained["logistic_pipeline"].result()
    assert list(result.features) == models.NUMBERS + models.WORDS
    importance = dict(zip(result.features, result.importance, strict=True))
    # The size of the city was drawn apart from everything: its namesake's pieces are not its own.
    assert importance["city"] > 10 * importance["city_size"]
    assert {row[3] for row in result.values} <= set(models.people()["city"])


def test_a_wrong_tree_explanation_is_noticed_and_replaced(
    explained: dict[str, Future[ExplainResult]],
) -> None:
    result = explained["boosted_on_native_categories"].result()
    assert result.explainer == "permutation"
    assert "set aside: its sums were off by up to" in result.warnings[0]
    importance = dict(zip(result.features, result.importance, strict=True))
    assert importance["city"] > importance["age"]


def test_the_known_effect_of_a_known_function_is_found(
    explained: dict[str, Future[ExplainResult]],
) -> None:
    result = explained["predict_only"].result()
    income, debt = result.values[0][:2]
    assert isinstance(income, float)
    assert isinstance(debt, float)
    assert result.outputs[0] == pytest.approx(2 * income - 3 * debt)
    # Of a weighted sum, the contribution is the weight times the distance from the background.
    effects = [(row[0], values[0]) for row, values in zip(result.shap, result.values, strict=True)]
    (first, at), (second, then) = effects[:2]
    assert isinstance(at, float)
    assert isinstance(then, float)
    assert first - second == pytest.approx(2 * (at - then))


def test_any_class_may_be_asked_for_and_progress_is_told(samples: Path, tmp_path: Path) -> None:
    models.boosted(tmp_path / "m")
    seen: list[Progress] = []
    given = ExplainInput(tmp_path / "m", samples / "people.csv", target_class="no")
    result = explain(given, LIMITS, seen.append)
    assert result.explained_class == "no"
    assert result.classes == ("no", "yes")
    assert result.additivity_error < 1e-6
    likely = [p for p, o in zip(result.predictions, result.outputs, strict=True) if o > 0]
    assert set(likely) == {"no"}
    assert seen[0].step == "Loading the model"


@pytest.mark.parametrize(
    ("wish", "columns", "code"),
    [("maybe", models.NUMBERS, "unknown-class"), (None, ["income"], "sample-lacks-columns")],
)
def test_a_question_that_cannot_be_answered_is_refused_in_words(
    wish: str | None, columns: list[str], code: str, tmp_path: Path
) -> None:
    models.boosted(tmp_path / "m")
    models.people(20)[columns].to_csv(tmp_path / "sample.csv")
    given = ExplainInput(tmp_path / "m", tmp_path / "sample.csv", target_class=wish)
    with pytest.raises(Invalid) as refused:
        explain(given, LIMITS, lambda _: None)
    assert refused.value.code == code
    assert refused.value.hint


def test_a_folder_that_holds_no_model_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no MLflow model"):
        explain(ExplainInput(tmp_path, tmp_path / "x.csv"), LIMITS, lambda _: None)


def test_what_a_killed_worker_left_is_swept_up_once_it_is_old(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    old, young = tmp_path / "countersign-explain-old", tmp_path / "countersign-explain-young"
    for folder in (old, young):
        (folder / "in").mkdir(parents=True)
    os.utime(old, (0, 0))
    models.ridge(tmp_path / "m")
    explain(ExplainInput(tmp_path / "m", samples / "people.csv"), LIMITS, lambda _: None)
    assert {p.name for p in tmp_path.iterdir()} == {"m", young.name}
