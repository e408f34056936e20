"""The model being explained, its sample, and the one class whose score is being explained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

Stranger = Any
"""Somebody else's object, of whose type nothing is known."""

Matrix = np.ndarray[Any, np.dtype[np.float64]]
LOG_ODDS, PROBABILITY, UNITS = "log-odds", "probability", "prediction units"
DECISION_SCORE, SHARE = "decision score", "share of predictions"


class CannotExplainError(Exception):
    """The model or the sample cannot be explained; `code` says which of the two, the text why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True)
class Subject:
    """One model, its input columns and the class asked about (`None`: it predicts a number).

    `native` tells scikit-learn's own object from a predict function about which nothing is known.
    """

    model: Stranger
    native: bool
    as_array: bool
    sample: pd.DataFrame
    classes: tuple[str, ...]
    target: int | None

    def inputs(self, rows: pd.DataFrame) -> Stranger:
        """Return rows in the shape the model was trained on."""
        return rows.to_numpy() if self.as_array else rows

    def predict(self, rows: pd.DataFrame) -> list[float | str]:
        """Return what the model itself answers to each row: a label or a number."""
        answer = _plain(self.model.predict(self.inputs(rows)))
        if answer.ndim == 2:  # noqa: PLR2004 - one column per class: the label is the largest
            return [self.classes[k] for k in answer.argmax(axis=1)]
        numeric = answer.dtype.kind in "fiu"
        return [float(a) if numeric and not self.classes else str(a) for a in answer]

    def score(self, method: str, rows: pd.DataFrame) -> Matrix:
        """Return the score of the target class for each row, as `method` of the model tells it."""
        answer = _plain(getattr(self.model, method)(self.inputs(rows)))
        if method == "predict" and self.target is not None and answer.ndim == 1:
            return np.asarray(answer.astype(str) == self.classes[self.target], dtype=float)
        return self.of_target(answer)

    def of_target(self, values: Stranger, *, row_axes: int = 1) -> Matrix:
        """Cut the target class out of scores that may carry one more axis than their rows."""
        values = np.asarray(values, dtype=float)
        if values.ndim > row_axes:
            values = values[..., self.target or 0]
            return np.asarray(values)
        # With two classes a library keeps one score, in favour of the second.
        favours_other = len(self.classes) == 2 and self.target == 0  # noqa: PLR2004
        return np.asarray(-values if favours_other else values)

    def answers(self) -> tuple[str, str]:
        """Return the method of the model that any explainer can follow, and what it speaks in."""
        if self.native and hasattr(self.model, "predict_proba"):
            return "predict_proba", PROBABILITY
        if self.native and hasattr(self.model, "decision_function"):
            return "decision_function", DECISION_SCORE
        return "predict", SHARE if self.classes else UNITS


def subject_of(
    model: Stranger, sample: pd.DataFrame, target_class: str | None, *, native: bool, as_array: bool
) -> Subject:
    """Look at a model's first answers and settle which class is explained.

    Without a wish: the second of two classes, of several the one predicted most often.

    Raises:
        CannotExplainError: the class asked for is not one of the model's.
    """
    bare = Subject(model, native, as_array, sample, (), None)
    answer = _plain(model.predict(bare.inputs(sample)))
    if native and hasattr(model, "classes_"):
        classes = tuple(str(c) for c in model.classes_)
    elif answer.ndim > 1:
        columns = getattr(model.predict(bare.inputs(sample.head(1))), "columns", None)
        classes = tuple(str(c) for c in (range(answer.shape[1]) if columns is None else columns))
    elif answer.dtype.kind not in "fiu":
        classes = tuple(sorted({str(a) for a in answer}))
    else:
        classes = ()
    if target_class is not None and target_class not in classes:
        known = ", ".join(classes[:20]) or "none: it predicts a number"
        raise CannotExplainError("unknown-class", known)
    named = Subject(model, native, as_array, sample, classes, None)
    if target_class is not None:
        target: int | None = classes.index(target_class)
    elif len(classes) == 2:  # noqa: PLR2004
        target = 1
    elif classes:
        predicted = named.predict(sample)
        target = max(range(len(classes)), key=lambda k: predicted.count(classes[k]))
    else:
        target = None
    return Subject(model, native, as_array, sample, classes, target)


def _plain(answer: Stranger) -> np.ndarray[Any, Any]:
    """Return an answer as an array with one axis, or two where there is a column per class."""
    array = np.asarray(answer)
    if array.ndim == 2 and array.shape[1] == 1:  # noqa: PLR2004
        array = array[:, 0]
    return array


# --- columns and their pieces -----------------------------------------------------------------


def coded(sample: pd.DataFrame) -> tuple[Matrix, Callable[[Matrix], pd.DataFrame]]:
    """Return the sample as numbers, and the way back that keeps every type as it was.

    An explainer mixes whole values of rows, so a position in the list of a column's values is all
    it needs; text, dates and missing values then need no arithmetic.
    """
    known = {c: sample[c].drop_duplicates() for c in sample.columns}
    codes = [pd.factorize(sample[c], use_na_sentinel=False)[0] for c in sample.columns]

    def decode(numbers: Matrix) -> pd.DataFrame:
        places = numbers.astype(int)
        columns = {
            c: values.iloc[places[:, j]].reset_index(drop=True)
            for j, (c, values) in enumerate(known.items())
        }
        return pd.DataFrame(columns)

    return np.column_stack(codes).astype(float), decode


def dense(transformed: Stranger) -> Matrix:
    """Return a transformed sample as a plain matrix of numbers, sparse or not."""
    if hasattr(transformed, "toarray"):
        transformed = transformed.toarray()
    return np.asarray(transformed, dtype=float)


def owners(transform: Callable[[Stranger], Stranger], subject: Subject) -> list[int] | None:
    """Return, for each column of the transformed sample, the one input column it is made of.

    A piece belongs to an input if it comes out the same while every other input is held still;
    that is tried, because the names of pieces cannot be taken apart safely. A piece that never
    moves may belong to anybody. `None`: some piece mixes several inputs.
    """
    sample = subject.sample
    whole = dense(transform(subject.inputs(sample)))
    owner = [-1] * whole.shape[1]
    first = sample.iloc[[0] * len(sample)].reset_index(drop=True)
    for j, column in enumerate(sample.columns):
        only = first.copy()
        only[column] = sample[column]
        pieces = dense(transform(subject.inputs(only)))
        same = ((pieces == whole) | (np.isnan(pieces) & np.isnan(whole))).all(axis=0)
        owner = [j if o < 0 and same[k] else o for k, o in enumerate(owner)]
    return None if -1 in owner else owner
