"""What the demo puts into MLflow, asked of a real MLflow server."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import mlflow
import numpy as np
import pandas as pd
import pytest

from app.demo import datasets
from app.demo.estimators import Fitted, FittedClassifier, fit
from app.demo.models import MODELS
from app.demo.organisation import CALLS, RELEASES
from app.demo.training import (
    PREDICTIONS_FILE,
    SAMPLE_FILE,
    SAMPLE_ROWS,
    VERSION_TAG,
    LoggedVersion,
    train_and_log,
)
from catalog.lineage.kept_rows import KeptRows, alone
from ledger.errors import Unavailable

DECLINE_AT = next(
    outcome.threshold
    for calls in CALLS
    for outcome in calls.outcomes
    if (calls.model, outcome.word) == ("credit-pd", "decline")
)


@pytest.fixture(scope="module")
def client(mlflow_uri: str) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(tracking_uri=mlflow_uri, registry_uri=mlflow_uri)


@pytest.fixture
def pointed_at_mlflow(mlflow_uri: str) -> Iterator[None]:
    """MLflow's own process-wide address, for what takes no other."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(mlflow_uri)
    yield
    mlflow.set_tracking_uri(before)


def digest(fitted: Fitted, rows: pd.DataFrame) -> str:
    """SHA-256 of a model's answers, numbers to nine places."""
    answers = fitted.predict(rows)
    if answers.dtype.kind == "f":
        answers = np.round(answers.astype("float64"), 9)
    return hashlib.sha256("\n".join(map(str, answers)).encode()).hexdigest()


def by_key(versions: list[LoggedVersion], name: str, key: str) -> LoggedVersion:
    return next(version for version in versions if (version.name, version.key) == (name, key))


def test_the_whole_demo_is_in_mlflow_within_100_seconds(
    first_load: tuple[list[LoggedVersion], list[str], float], client: mlflow.MlflowClient
) -> None:
    versions, lines, seconds = first_load
    print(f"demo trained and logged in {seconds:.1f} s")
    assert seconds < 100.0
    assert len(lines) == len(versions) == sum(len(model.recipes) for model in MODELS) >= 25
    assert all(version.was_logged for version in versions)
    registered = {model.name: model for model in client.search_registered_models()}
    assert set(registered) == {model.name for model in MODELS}
    assert len(registered) >= 8
    for model in MODELS:
        found = registered[model.name]
        assert found.description == model.purpose
        assert found.tags["owner"] == model.owner.email
        assert found.tags["domain"] == model.domain
        assert found.aliases == {}, "aliases are moved by releases only"


def test_version_numbers_follow_the_recipes(versions: list[LoggedVersion]) -> None:
    assert all(f"v{version.version}" == version.key for version in versions)


def test_every_version_can_be_followed_back_to_its_run_and_its_data(
    versions: list[LoggedVersion], client: mlflow.MlflowClient
) -> None:
    for version in versions:
        held = client.get_model_version(version.name, str(version.version))
        assert held.run_id == version.run_id
        assert held.source == f"models:/{version.model_id}"
        assert held.tags[VERSION_TAG] == version.key
        assert (held.description or "") == version.recipe.description
        run = client.get_run(version.run_id)
        experiment = client.get_experiment(run.info.experiment_id)
        assert experiment.name == version.model.domain
        assert run.data.tags["mlflow.user"] == version.recipe.author.email
        assert run.data.params["family"] == version.recipe.family
        assert run.inputs is not None
        assert run.outputs is not None
        contexts = {
            next(tag.value for tag in used.tags if tag.key == "mlflow.data.context"): used.dataset
            for used in run.inputs.dataset_inputs
        }
        assert contexts["training"].name == f"{version.model.data}-training"
        assert contexts["evaluation"].name == f"{version.model.data}-evaluation"
        assert contexts["evaluation"].digest == version.evaluation_digest
        assert [output.model_id for output in run.outputs.model_outputs] == [version.model_id]


def test_every_metric_names_the_data_it_was_measured_on(
    versions: list[LoggedVersion], client: mlflow.MlflowClient
) -> None:
    for version in versions:
        logged = client.get_logged_model(version.model_id)
        assert logged.metrics is not None
        assert {metric.key: metric.value for metric in logged.metrics} == version.metrics
        assert version.model.key_metric in version.metrics
        for metric in logged.metrics:
            assert metric.dataset_name == f"{version.model.data}-evaluation"
            assert metric.dataset_digest == version.evaluation_digest


def test_a_model_read_back_from_mlflow_answers_as_it_did_in_memory(
    versions: list[LoggedVersion], pointed_at_mlflow: None, tmp_path: Path
) -> None:
    for version in versions:
        folder = mlflow.artifacts.download_artifacts(
            f"models:/{version.model_id}",
            dst_path=str(tmp_path / version.model_id),
        )
        sample = pd.read_parquet(
            mlflow.artifacts.download_artifacts(
                run_id=version.run_id,
                artifact_path=SAMPLE_FILE,
                dst_path=str(tmp_path / version.run_id),
            )
        )
        read_back = mlflow.pyfunc.load_model(folder)
        inputs = read_back.metadata.get_input_schema().input_names()
        assert read_back.metadata.saved_input_example_info is not None
        assert list(sample.columns) == inputs == list(version.evaluation.columns)
        assert 0 < len(sample) <= SAMPLE_ROWS
        assert digest(read_back, sample) == digest(version.fitted, sample)


def test_every_version_leaves_truth_and_answer_of_each_held_out_row(
    versions: list[LoggedVersion], pointed_at_mlflow: None, tmp_path: Path
) -> None:
    for version in versions:
        kept = pd.read_parquet(
            mlflow.artifacts.download_artifacts(
                run_id=version.run_id,
                artifact_path=PREDICTIONS_FILE,
                dst_path=str(tmp_path / version.run_id),
            )
        )
        assert len(kept) == len(version.evaluation)
        rows = KeptRows(
            tuple(kept["label"]),
            tuple(kept["prediction"]),
            tuple(kept["score"]) if "score" in kept else (),
            is_classes=bool(version.classes),
        )
        found = alone(rows)
        told = {"accuracy", "auc", "mae", "rmse", "r2"} & version.metrics.keys() & found.keys()
        assert told
        for name in told:
            assert found[name].value == pytest.approx(version.metrics[name], abs=1e-6)


def test_loading_again_logs_nothing_and_trains_the_same_models(
    versions: list[LoggedVersion], mlflow_uri: str, client: mlflow.MlflowClient
) -> None:
    before_load = (mlflow.get_tracking_uri(), dict(os.environ))
    again = train_and_log(mlflow_uri, lambda _: None)
    assert (mlflow.get_tracking_uri(), dict(os.environ)) == before_load
    assert not any(version.was_logged for version in again)
    for before, after in zip(versions, again, strict=True):
        assert (before.name, before.version) == (after.name, after.version)
        assert (before.run_id, before.model_id) == (after.run_id, after.model_id)
        assert before.evaluation_digest == after.evaluation_digest
        assert digest(before.fitted, before.evaluation) == digest(after.fitted, after.evaluation)
    assert len(client.search_model_versions()) == len(versions)


def test_a_load_that_was_interrupted_goes_on_where_it_stopped(
    versions: list[LoggedVersion], mlflow_uri: str, client: mlflow.MlflowClient
) -> None:
    lost = by_key(versions, "wine-origin", "v3")
    client.delete_model_version(lost.name, str(lost.version))
    again = train_and_log(mlflow_uri, lambda _: None)
    assert [version.key for version in again if version.was_logged] == ["v3"]
    found = by_key(again, "wine-origin", "v3")
    assert digest(found.fitted, found.evaluation) == digest(lost.fitted, lost.evaluation)


def test_every_kind_of_model_is_there(versions: list[LoggedVersion]) -> None:
    assert {version.model.task for version in versions} == {
        "binary classification",
        "multi-class classification",
        "regression",
    }
    with_words = [v for v in versions if "purpose" in v.evaluation.columns]
    assert with_words, "a pipeline with categorical columns"


def test_a_released_version_is_no_worse_than_the_champion_before_it(
    versions: list[LoggedVersion],
) -> None:
    champions: dict[str, LoggedVersion] = {}
    for release in RELEASES:
        version = by_key(versions, release.model, release.version)
        champion = champions.get(release.model)
        if release.decision == "approve":
            assert champion is None or not is_worse(version, champion)
            champions[release.model] = version


@pytest.mark.parametrize(("name", "key"), [("claim-triage", "v4"), ("slip-digits", "v4")])
def test_a_version_worse_than_the_champion_is_asked_for(
    versions: list[LoggedVersion], name: str, key: str
) -> None:
    assert is_worse(by_key(versions, name, key), by_key(versions, name, "v3"))


def is_worse(version: LoggedVersion, champion: LoggedVersion) -> bool:
    metric = version.model.key_metric
    assert version.evaluation_digest == champion.evaluation_digest
    gain = version.metrics[metric] - champion.metrics[metric]
    return gain < 0 if version.model.higher_is_better else gain > 0


def test_which_model_predicts_loan_default_best_is_a_fair_question(
    versions: list[LoggedVersion],
) -> None:
    candidates = [v for v in versions if "loan default" in v.model.purpose]
    assert len({v.name for v in candidates}) >= 2
    assert len({v.evaluation_digest for v in candidates}) == 1
    assert len({round(v.metrics["auc"], 4) for v in candidates}) == len(candidates)


def test_one_open_request_is_for_a_version_without_a_description(
    versions: list[LoggedVersion],
) -> None:
    asked = [by_key(versions, item.model, item.version) for item in RELEASES if item.is_open]
    assert [version.name for version in asked if not version.recipe.description] == [
        "health-progression"
    ]


def test_one_open_request_scores_better_and_treats_women_worse(
    versions: list[LoggedVersion],
) -> None:
    champion = by_key(versions, "credit-pd", "v4")
    unfair = by_key(versions, "credit-pd", "v5")
    assert unfair.metrics["auc"] > champion.metrics["auc"]
    assert impact_ratio(unfair) < 0.8
    assert impact_ratio(champion) > 0.95


def impact_ratio(version: LoggedVersion) -> float:
    """Approval rate of women over that of men, at the threshold the loan desk uses."""
    sex = datasets.load(version.model.data).evaluation["sex"]
    fitted = cast("FittedClassifier", version.fitted)
    is_default = fitted.predict_proba(version.evaluation)[:, version.classes.index("yes")]
    assert DECLINE_AT is not None
    is_approved = pd.Series(is_default < DECLINE_AT)
    return float(is_approved[sex == "female"].mean() / is_approved[sex == "male"].mean())


def test_training_twice_gives_the_same_answers(versions: list[LoggedVersion]) -> None:
    for version in versions:
        again = fit(version.model, version.recipe)
        assert digest(again, version.evaluation) == digest(version.fitted, version.evaluation)


def test_an_mlflow_that_does_not_answer_is_named_with_a_remedy() -> None:
    with pytest.raises(Unavailable, match=r"http://127\.0\.0\.1:9 ") as refusal:
        train_and_log("http://127.0.0.1:9", lambda _: None)
    assert "load the demo again" in refusal.value.hint
