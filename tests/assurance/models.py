"""Real models of every kind, trained in a moment and saved by MLflow itself."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
import mlflow
import mlflow.pyfunc
import mlflow.sklearn
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

NUMBERS = ["income", "debt", "age"]
WORDS = ["city", "city_size"]  # one name begins with the other, as their one-hot pieces will
ROWS = 400


def people(rows: int = ROWS) -> pd.DataFrame:
    """Synthetic people, some without a known age."""
    draw = np.random.default_rng(7)
    return pd.DataFrame(
        {
            "income": draw.normal(40, 12, rows).round(1),
            "debt": draw.normal(10, 6, rows).round(1),
            "age": draw.integers(18, 80, rows).astype(float),
            "city": draw.choice(["York", "Bath", "Ely", "Hull", "Wells", "Truro"], rows),
            "city_size": draw.choice(["small", "large"], rows),
        }
    )


def repaid(frame: pd.DataFrame) -> pd.Series:
    """Whether they paid back: income helps, debt hurts, and some cities do too."""
    luck = np.random.default_rng(8).normal(0, 4, len(frame))
    bonus = frame["city"].map({"York": 9, "Bath": -9, "Ely": 6, "Hull": -5, "Wells": 0, "Truro": 8})
    score = frame["income"] - 40 - (frame["debt"] - 10) + bonus + luck
    return score.gt(0).map({True: "yes", False: "no"})


def grade(frame: pd.DataFrame) -> pd.Series:
    """Three classes by income."""
    return pd.cut(frame["income"], [-100, 35, 45, 200], labels=["low", "middle", "high"]).astype(
        str
    )


def by_column(words: BaseEstimator) -> ColumnTransformer:
    return ColumnTransformer([("n", StandardScaler(), NUMBERS), ("w", words, WORDS)])


class Threshold(PythonModel):
    """A predict function about which nothing else is known."""

    def predict(
        self,
        context: object,  # noqa: ARG002 - MLflow's own signature
        model_input: pd.DataFrame,
        params: object = None,  # noqa: ARG002 - likewise
    ) -> np.ndarray[Any, Any]:
        return np.asarray(2.0 * model_input["income"] - 3.0 * model_input["debt"])


def _saved(folder: Path, model: BaseEstimator, frame: pd.DataFrame, how: str) -> None:
    trusted = ["sklearn.tree._tree.Tree"] if how == "skops" else None
    mlflow.sklearn.save_model(
        model,
        folder,
        signature=mlflow.models.infer_signature(frame, model.predict(frame)),
        serialization_format=how,
        skops_trusted_types=trusted,
        pip_requirements=[],
    )


def forest(folder: Path) -> None:
    x, y = people()[NUMBERS], repaid(people())
    _saved(folder, RandomForestClassifier(20, random_state=0).fit(x, y), x, "skops")


def forest_of_three(folder: Path) -> None:
    x, y = people()[NUMBERS], grade(people())
    model = RandomForestClassifier(20, n_jobs=2, random_state=0).fit(x, y)
    _saved(folder, model, x, "cloudpickle")


def forest_of_amounts(folder: Path) -> None:
    x, y = people()[NUMBERS], people()["income"] ** 2
    model = RandomForestRegressor(20, random_state=0).fit(x, y)
    _saved(folder, model, x, "cloudpickle")


def logistic_pipeline(folder: Path) -> None:
    x, y = people(), repaid(people())
    one_hot = OneHotEncoder(handle_unknown="ignore")
    _saved(folder, make_pipeline(by_column(one_hot), LogisticRegression()).fit(x, y), x, "skops")


def logistic_of_three(folder: Path) -> None:
    x, y = people()[NUMBERS], grade(people())
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)
    _saved(folder, model, x, "cloudpickle")


def boosted(folder: Path) -> None:
    x, y = people()[NUMBERS], repaid(people())
    model = HistGradientBoostingClassifier(max_iter=30).fit(x, y)
    _saved(folder, model, x, "cloudpickle")


def boosted_pipeline(folder: Path) -> None:
    x, y = people(), repaid(people())
    one_hot = OneHotEncoder(sparse_output=False)
    model = make_pipeline(by_column(one_hot), HistGradientBoostingClassifier(max_iter=30))
    _saved(folder, model.fit(x, y), x, "cloudpickle")


def boosted_on_native_categories(folder: Path) -> None:
    """The kind that a tree explainer gets wrong without a word."""
    x, y = people(), repaid(people())
    model = HistGradientBoostingClassifier(max_iter=30, categorical_features=[3, 4])
    _saved(folder, make_pipeline(by_column(OrdinalEncoder()), model).fit(x, y), x, "cloudpickle")


def ridge(folder: Path) -> None:
    x, y = people()[NUMBERS], people()["income"] * 3 - people()["debt"]
    _saved(folder, make_pipeline(StandardScaler(), Ridge()).fit(x, y), x, "skops")


def mixing_pipeline(folder: Path) -> None:
    x, y = people()[NUMBERS], repaid(people())
    model = make_pipeline(StandardScaler(), PCA(2), LogisticRegression()).fit(x, y)
    _saved(folder, model, x, "cloudpickle")


def predict_only(folder: Path) -> None:
    x = people()[["income", "debt"]]
    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # as a notebook's class would be
    mlflow.pyfunc.save_model(
        folder,
        python_model=Threshold(),
        signature=mlflow.models.infer_signature(x, np.zeros(len(x))),
        pip_requirements=[],
    )


KINDS: dict[str, Callable[[Path], None]] = {
    kind.__name__: kind
    for kind in (
        *(forest, forest_of_three, forest_of_amounts, logistic_pipeline, logistic_of_three),
        *(boosted, boosted_pipeline, boosted_on_native_categories, ridge, mixing_pipeline),
        predict_only,
    )
}
