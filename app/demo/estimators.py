"""How the demo's models are trained and measured: from a recipe to a fitted scikit-learn model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    f1_score,
    log_loss,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from app.demo import datasets
from app.demo.datasets import DemoData
from app.demo.models import BINARY, FOREST, LOGISTIC, REGRESSION, RIDGE, DemoModel, Recipe


class Fitted(Protocol):
    """A trained scikit-learn model."""

    def predict(self, rows: pd.DataFrame) -> NDArray[np.generic]:
        """One answer per row: a class or a number."""
        ...


class FittedClassifier(Fitted, Protocol):
    """A trained classifier."""

    classes_: NDArray[np.str_]

    def predict_proba(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        """Rows x classes, in the order of `classes_`."""
        ...


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep scikit-learn and its libraries to one thread: the demo shares its machine."""
    with threadpool_limits(1):
        yield


def classes_of(model: DemoModel, fitted: Fitted) -> tuple[str, ...]:
    """The classes in the model's order; empty for a regression."""
    if model.task == REGRESSION:
        return ()
    return tuple(str(label) for label in cast("FittedClassifier", fitted).classes_)


def columns_of(recipe: Recipe, data: DemoData) -> list[str]:
    """The columns a version reads, in their order in the data set."""
    return [name for name in data.features if not recipe.features or name in recipe.features]


def training_rows(recipe: Recipe, data: DemoData) -> pd.DataFrame:
    """The rows a version learns from: all columns, and the target."""
    return data.training.head(recipe.rows or len(data.training))


def fit(model: DemoModel, recipe: Recipe) -> Fitted:
    """Train one version: the same recipe gives the same model."""
    data = datasets.load(model.data)
    columns = columns_of(recipe, data)
    rows = training_rows(recipe, data)
    numbers = [name for name in columns if pd.api.types.is_float_dtype(rows[name])]
    words = [name for name in columns if name not in numbers]
    is_linear = recipe.family in {LOGISTIC, RIDGE}
    estimator = _estimator(model, recipe)
    if words:
        prepare = ColumnTransformer(
            [
                ("words", OneHotEncoder(handle_unknown="ignore", sparse_output=False), words),
                ("numbers", StandardScaler() if is_linear else "passthrough", numbers),
            ]
        )
        estimator = Pipeline([("columns", prepare), ("model", estimator)])
    elif is_linear:
        estimator = Pipeline([("scale", StandardScaler()), ("model", estimator)])
    with one_thread():
        return cast("Fitted", estimator.fit(rows[columns], rows[data.target]))


def _estimator(model: DemoModel, recipe: Recipe) -> Pipeline:
    """The bare estimator of a recipe. scikit-learn is untyped: a pipeline stands for all."""
    settings: dict[str, float | str] = dict(recipe.settings)
    if settings.pop("balanced", 0):
        settings["class_weight"] = "balanced"
    is_regression = model.task == REGRESSION
    if recipe.family == RIDGE:
        return Ridge(**settings)
    if recipe.family == LOGISTIC:
        return LogisticRegression(max_iter=2_000, **settings)
    if recipe.family == FOREST:
        forest = RandomForestRegressor if is_regression else RandomForestClassifier
        return forest(random_state=datasets.SEED, n_jobs=1, **settings)
    boosted = HistGradientBoostingRegressor if is_regression else HistGradientBoostingClassifier
    return boosted(random_state=datasets.SEED, early_stopping=False, **settings)


def measure(model: DemoModel, recipe: Recipe, fitted: Fitted) -> dict[str, float]:
    """The metrics of a fitted version on the held-out rows; errors in units of the target."""
    data = datasets.load(model.data)
    truth = data.evaluation[data.target]
    features = data.evaluation[columns_of(recipe, data)]
    answers = fitted.predict(features)
    if model.task == REGRESSION:
        return {
            "mae": float(mean_absolute_error(truth, answers)),
            "rmse": float(root_mean_squared_error(truth, answers)),
            "r2": float(r2_score(truth, answers)),
        }
    shares = cast("FittedClassifier", fitted).predict_proba(features)
    classes = list(classes_of(model, fitted))
    metrics = {
        "accuracy": float(accuracy_score(truth, answers)),
        "log_loss": float(log_loss(truth, shares, labels=classes)),
    }
    if model.task == BINARY:
        is_positive = truth == model.positive
        share = shares[:, classes.index(str(model.positive))]
        metrics["auc"] = float(roc_auc_score(is_positive, share))
        metrics["gini"] = 2.0 * metrics["auc"] - 1.0
        metrics["brier"] = float(brier_score_loss(is_positive, share))
    else:
        metrics["auc"] = float(roc_auc_score(truth, shares, multi_class="ovr", labels=classes))
        metrics["macro_f1"] = float(f1_score(truth, answers, average="macro"))
    return metrics
