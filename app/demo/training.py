"""Trains the demo's models and logs every version to MLflow, as a data scientist would."""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import numpy as np
import pandas as pd
import sklearn
import skops

from app.demo import datasets
from app.demo.datasets import DemoData
from app.demo.estimators import (
    Fitted,
    FittedClassifier,
    classes_of,
    columns_of,
    fit,
    measure,
    training_rows,
)
from app.demo.models import BOOSTED, FOREST, LOGISTIC, MODELS, RIDGE, DemoModel, Family, Recipe
from ledger.errors import Unavailable

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.data.pandas_dataset import PandasDataset
    from mlflow.entities.model_registry import ModelVersion


VERSION_TAG: Final = "countersign.demo.version"
SAMPLE_FILE: Final = "evaluation_sample.parquet"
SAMPLE_ROWS: Final = 200
PREDICTIONS_FILE: Final = "evaluation_predictions.parquet"
EXAMPLE_ROWS: Final = 5

# skops refuses to read back what it was not told to trust; these are scikit-learn's own trees.
TRUSTED_TYPES: Final[Mapping[Family, list[str]]] = {
    LOGISTIC: [],
    RIDGE: [],
    FOREST: ["sklearn.tree._tree.Tree"],
    BOOSTED: ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"],
}
# Given, because MLflow would otherwise start a process for each version to find them out.
REQUIREMENTS: Final = (
    f"scikit-learn=={sklearn.__version__}",
    f"skops=={skops.__version__}",
    f"pandas=={pd.__version__}",
    f"numpy=={np.__version__}",
)


@dataclass(frozen=True, eq=False)
class LoggedVersion:
    """A version of the demo as it stands in MLflow, with the fitted model still in memory.

    `evaluation` holds the held-out rows, with just the columns this version reads. `was_logged` is
    False where an earlier load had logged it already.
    """

    model: DemoModel
    recipe: Recipe
    version: int
    run_id: str
    model_id: str
    fitted: Fitted
    evaluation: pd.DataFrame
    evaluation_digest: str
    metrics: Mapping[str, float]
    was_logged: bool

    @property
    def name(self) -> str:
        """The registered model's name."""
        return self.model.name

    @property
    def key(self) -> str:
        """The recipe's key, `v4`; what the release plan calls the version."""
        return self.recipe.key

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes in the model's order; empty for a regression."""
        return classes_of(self.model, self.fitted)


def train_and_log(tracking_uri: str, progress: Callable[[str], None]) -> list[LoggedVersion]:
    """Train every version of the demo and log those that MLflow does not hold yet.

    Loading again after an interruption goes on where it stopped. One line of progress per version.

    Raises:
        Unavailable: MLflow does not answer, or refuses to take a version.
    """
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    try:
        with _quiet_mlflow(tracking_uri) as client:
            return _log_all(client, progress)
    except MlflowException as error:
        raise Unavailable(
            f"MLflow at {tracking_uri} did not take the demo's models.",
            hint="Check that the MLflow server is running and may be written to, then load the"
            " demo again: it goes on where it stopped.",
            code="demo-mlflow-unavailable",
        ) from error


@dataclass(frozen=True, eq=False)
class _Trained:
    """A version that has been trained and measured, on its way to MLflow."""

    model: DemoModel
    recipe: Recipe
    data: DemoData
    fitted: Fitted
    metrics: dict[str, float]
    evaluation: PandasDataset

    @property
    def held_out(self) -> pd.DataFrame:
        """The held-out rows, with the columns this version reads."""
        return self.data.evaluation[columns_of(self.recipe, self.data)]


def _log_all(client: MlflowClient, progress: Callable[[str], None]) -> list[LoggedVersion]:
    total = sum(len(model.recipes) for model in MODELS)
    versions: list[LoggedVersion] = []
    for model in MODELS:
        experiment = _experiment(client, model.domain)
        _register(client, model)
        held = {
            found.tags[VERSION_TAG]: found
            for found in client.search_model_versions(f"name='{model.name}'")
            if VERSION_TAG in found.tags
        }
        for recipe in model.recipes:
            trained = _train(model, recipe)
            found = held.get(recipe.key)
            version = _log(client, experiment, trained) if found is None else found
            versions.append(
                LoggedVersion(
                    model=model,
                    recipe=recipe,
                    version=int(version.version),
                    run_id=str(version.run_id),
                    model_id=str(version.source).removeprefix("models:/"),
                    fitted=trained.fitted,
                    evaluation=trained.held_out,
                    evaluation_digest=trained.evaluation.digest,
                    metrics=trained.metrics,
                    was_logged=found is None,
                )
            )
            done = "trained and logged" if found is None else "was already in MLflow"
            progress(f"{model.name} version {version.version} {done}, {len(versions)} of {total}")
    return versions


def _train(model: DemoModel, recipe: Recipe) -> _Trained:
    data = datasets.load(model.data)
    fitted = fit(model, recipe)
    return _Trained(
        model=model,
        recipe=recipe,
        data=data,
        fitted=fitted,
        metrics=measure(model, recipe, fitted),
        evaluation=_dataset(data, "evaluation", data.evaluation),
    )


def answered_rows(
    model: DemoModel, data: DemoData, fitted: Fitted, held_out: pd.DataFrame
) -> pd.DataFrame:
    """Truth and answer for every held-out row: with them, versions can be compared row by row.

    A binary classifier's score is the probability of the second of its classes in their order.
    """
    rows = pd.DataFrame(
        {
            "label": data.evaluation[data.target].to_numpy(),
            "prediction": fitted.predict(held_out),
        }
    )
    if model.positive is not None:
        place = classes_of(model, fitted).index(model.positive)
        rows["score"] = cast("FittedClassifier", fitted).predict_proba(held_out)[:, place]
    return rows


def _experiment(client: MlflowClient, domain: str) -> str:
    found = client.get_experiment_by_name(domain)
    return str(found.experiment_id if found else client.create_experiment(domain))


def _register(client: MlflowClient, model: DemoModel) -> None:
    """Make the registered model, unless it is there: an existing one keeps its own words."""
    if client.search_registered_models(f"name='{model.name}'"):
        return
    client.create_registered_model(
        model.name,
        tags={
            "owner": model.owner.email,
            "domain": model.domain,
            "task": model.task,
            "key_metric": model.key_metric,
            "countersign.demo": "true",
        },
        description=model.purpose,
    )


def _dataset(data: DemoData, part: str, rows: pd.DataFrame) -> PandasDataset:
    """The rows as MLflow knows a data set: name, digest, schema, and where they come from."""
    from mlflow.data.code_dataset_source import CodeDatasetSource  # noqa: PLC0415
    from mlflow.data.pandas_dataset import from_pandas  # noqa: PLC0415

    generator = CodeDatasetSource({"generator": "app.demo.datasets", "note": data.source})
    source = generator if data.is_synthetic else data.source
    return from_pandas(rows, source=source, targets=data.target, name=f"{data.name}-{part}")


def _log(client: MlflowClient, experiment: str, trained: _Trained) -> ModelVersion:
    """Log one version: its run with data, parameters and metrics, its file, its registration.

    The registration comes last and in one call, so that an interruption leaves a run without a
    version and never a version without its tags.
    """
    import mlflow  # noqa: PLC0415

    model, recipe, data = trained.model, trained.recipe, trained.data
    rows = training_rows(recipe, data)
    about = {"owner": model.owner.email, "domain": model.domain, "task": model.task}
    tags = {
        "mlflow.user": recipe.author.email,
        "mlflow.source.name": "app.demo.training",
        **about,
    }
    words = {"description": data.description, "licence": data.licence}
    with mlflow.start_run(
        experiment_id=experiment,
        run_name=f"{model.name} {recipe.key}",
        tags=tags,
        description=recipe.description or None,
    ) as run:
        mlflow.log_inputs(
            [_dataset(data, "training", rows), trained.evaluation],
            ["training", "evaluation"],
            [words, words],
        )
        mlflow.log_params(
            {
                "family": recipe.family,
                **recipe.settings,
                "features": trained.held_out.shape[1],
                "training_rows": len(rows),
                "seed": datasets.SEED,
            }
        )
        answers = trained.fitted.predict(trained.held_out)
        info = mlflow.sklearn.log_model(
            trained.fitted,
            name=model.name,
            signature=mlflow.models.infer_signature(trained.held_out, answers),
            input_example=trained.held_out.head(EXAMPLE_ROWS),
            pip_requirements=list(REQUIREMENTS),
            skops_trusted_types=TRUSTED_TYPES[recipe.family],
            tags=tags,
        )
        mlflow.log_metrics(trained.metrics, model_id=info.model_id, dataset=trained.evaluation)
        with tempfile.TemporaryDirectory() as folder:
            sample = Path(folder) / SAMPLE_FILE
            trained.held_out.head(SAMPLE_ROWS).to_parquet(sample, index=False)
            mlflow.log_artifact(str(sample))
            kept = Path(folder) / PREDICTIONS_FILE
            answered_rows(trained.model, trained.data, trained.fitted, trained.held_out).to_parquet(
                kept, index=False
            )
            mlflow.log_artifact(str(kept))
    return client.create_model_version(
        model.name,
        source=f"models:/{info.model_id}",
        run_id=run.info.run_id,
        model_id=info.model_id,
        tags={VERSION_TAG: recipe.key, "author": recipe.author.email, **about},
        description=recipe.description or None,
    )


_ENVIRONMENT: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}


@contextmanager
def _quiet_mlflow(tracking_uri: str) -> Iterator[MlflowClient]:
    """MLflow's client, pointed at that server and silent, for as long as the block lasts.

    MLflow keeps its address and its habits in process-wide state; all of it is put back.
    """
    before = dict(os.environ)
    os.environ.update(_ENVIRONMENT)
    import mlflow  # noqa: PLC0415

    logger = logging.getLogger("mlflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    mlflow.set_tracking_uri(tracking_uri)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield mlflow.MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
    finally:
        # MLflow mirrors the address it was given in the environment; an empty one means none.
        mlflow.set_tracking_uri(before.get("MLFLOW_TRACKING_URI", ""))
        logger.setLevel(level)
        for name in _ENVIRONMENT.keys() | {"MLFLOW_TRACKING_URI"}:
            if name in before:
                os.environ[name] = before[name]
            else:
                os.environ.pop(name, None)
