"""Measures: which number says how good a version is, and on which rows it was measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from catalog.registry.models import Metric, Run

Better = Literal["higher", "lower"]

# Which way is better, for the names that runs commonly give. A name that is not here has none: a
# difference in it is shown without calling it better or worse.
DIRECTIONS: Final[Mapping[str, Better]] = {
    **dict.fromkeys(
        (
            "accuracy",
            "accuracy_score",
            "auc",
            "average_precision",
            "balanced_accuracy",
            "f1",
            "f1_score",
            "gini",
            "precision",
            "precision_score",
            "r2",
            "r2_score",
            "recall",
            "recall_score",
            "roc_auc",
        ),
        "higher",
    ),
    **dict.fromkeys(
        (
            "brier",
            "brier_score",
            "log_loss",
            "mae",
            "mape",
            "mean_absolute_error",
            "mean_squared_error",
            "mse",
            "rmse",
            "root_mean_squared_error",
        ),
        "lower",
    ),
}


@dataclass(frozen=True)
class Measure:
    """What decides for a task: the names runs give it, its label, and the use of its data."""

    names: tuple[str, ...]
    label: str
    better: Better
    context: str


@dataclass(frozen=True)
class Reading:
    """A measure as read from a version, with the data set it was measured on."""

    measure: Measure
    value: float
    dataset: str
    dataset_digest: str


def reading(
    measure: Measure | None, metrics: Iterable[Metric], uses: Mapping[str, frozenset[str]]
) -> Reading | None:
    """The deciding number of a version, if it was measured on data its run used for that.

    `uses` says what the run used each data set for, by digest. A number on rows that nobody named
    decides nothing.
    """
    if measure is None:
        return None
    found = [
        metric
        for metric in metrics
        if metric.name in measure.names
        and measure.context in uses.get(metric.dataset_digest, frozenset())
        and math.isfinite(metric.value)
    ]
    if not found:
        return None
    # With several data sets the least favourable one is told, as the gate does.
    sign = 1.0 if measure.better == "higher" else -1.0
    told = min(found, key=lambda metric: (sign * metric.value, metric.dataset_digest))
    return Reading(measure, told.value, told.dataset, told.dataset_digest)


def uses_of(run: Run | None) -> dict[str, frozenset[str]]:
    """What a run used each data set for, by digest."""
    uses: dict[str, frozenset[str]] = {}
    for data in run.datasets if run else ():
        uses[data.digest] = uses.get(data.digest, frozenset()) | {data.context}
    return uses
