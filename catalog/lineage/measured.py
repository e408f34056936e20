"""The numbers of two versions beside each other, each with how sure it is and how that is known."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from catalog.lineage.difference import Number
from catalog.lineage.intervals import Interval, apart, hanley_mcneil, wilson
from catalog.lineage.kept_rows import KeptRows, Paired, alone, paired
from catalog.registry.models import Metric, Run

Reads = Literal[
    "better", "worse", "same", "within noise", "not judged", "different", "not comparable"
]

# The many names of one number, to the one by which its interval is known.
SAME: Final[Mapping[str, str]] = {
    "accuracy_score": "accuracy",
    "roc_auc": "auc",
    "precision_score": "precision",
    "recall_score": "recall",
    "f1_score": "f1",
    "brier_score": "brier",
    "brier_score_loss": "brier",
    "mean_absolute_error": "mae",
    "mean_squared_error": "mse",
    "root_mean_squared_error": "rmse",
    "r2_score": "r2",
}
_SHARES: Final = frozenset({"accuracy", "error_rate"})
_AREAS: Final = frozenset({"auc", "gini"})
_OF_ROWS: Final = frozenset({"mae", "mse", "rmse", "r2", "brier", "log_loss", "f1"})
# What MLflow's evaluator calls the four counts.
_COUNTS: Final = ("true_positives", "false_positives", "true_negatives", "false_negatives")
# Further away than rounding from what the run said: the kept rows are not those of the number.
_ROUNDING: Final = 5e-4


@dataclass(frozen=True)
class Measured:
    """A metric of two versions on one data set, with intervals where there is a way to them.

    `basis` says the method and the rows, or why there is no interval.
    """

    number: Number
    before: Interval | None
    after: Interval | None
    difference: Interval | None
    basis: str

    @property
    def reads(self) -> Reads:
        """Better or worse only where the difference's interval leaves zero out.

        Without an interval nobody can tell it from noise: it is not judged.
        """
        judgement = self.number.judgement
        if judgement in {"same", "not comparable"}:
            return judgement
        if self.difference is None:
            return "not judged" if judgement in {"better", "worse"} else judgement
        if not self.difference.excludes_zero:
            return "within noise"
        return judgement


@dataclass(frozen=True)
class Kept:
    """The rows two versions kept; `same` when they are known to be of the same data."""

    before: KeptRows | None = None
    after: KeptRows | None = None


NOTHING_KEPT: Final = Kept()


def measured(
    numbers: Iterable[Number],
    metrics: tuple[tuple[Metric, ...], tuple[Metric, ...]],
    runs: tuple[Run | None, Run | None],
    kept: Kept = NOTHING_KEPT,
) -> tuple[Measured, ...]:
    """Give every number what interval it can have, from kept rows first, then from counts."""
    together = paired(kept.before, kept.after) if kept.before and kept.after else {}
    sides = (
        alone(kept.before) if kept.before and not together else {},
        alone(kept.after) if kept.after and not together else {},
    )
    counts = _counts(metrics[0]), _counts(metrics[1])
    rows = _rows(runs[0]), _rows(runs[1])
    return tuple(_one(number, together, sides, counts, rows) for number in numbers)


def _one(
    number: Number,
    together: Mapping[str, Paired],
    sides: tuple[Mapping[str, Interval], Mapping[str, Interval]],
    counts: tuple[_Counts, _Counts],
    rows: tuple[_Rows, _Rows],
) -> Measured:
    name = SAME.get(number.name, number.name)
    both = together.get(name)
    if both and _agrees(both.before, number.before) and _agrees(both.after, number.after):
        return Measured(
            number,
            both.before,
            both.after,
            both.difference,
            _basis(both.difference or both.after, "rows that both runs kept"),
        )
    place = number.dataset, number.dataset_digest
    before = _side(name, number.before, sides[0], counts[0].get(place, {}), rows[0].get(place))
    after = _side(name, number.after, sides[1], counts[1].get(place, {}), rows[1].get(place))
    if before is None and after is None:
        return Measured(number, None, None, None, _why_not(name, both))
    moved = apart(before, after) if number.delta is not None else None
    if moved is not None:
        return Measured(number, before, after, moved, _basis(moved, "rows, taken as unpaired"))
    known = after or before
    return Measured(number, before, after, None, _basis(known, "rows") if known else "")


def _agrees(interval: Interval, value: float | None) -> bool:
    return value is not None and math.isclose(
        interval.value, value, rel_tol=_ROUNDING, abs_tol=_ROUNDING
    )


def _side(
    name: str,
    value: float | None,
    kept: Mapping[str, Interval],
    counts: Mapping[str, int],
    rows: int | None,
) -> Interval | None:
    if value is None:
        return None
    own = kept.get(name)
    if own is not None and _agrees(own, value):
        return own
    if name in _SHARES:
        return wilson(value, rows or 0)
    return _from_counts(name, value, counts) if counts else None


def _from_counts(name: str, value: float, counts: Mapping[str, int]) -> Interval | None:
    right, missed = counts["true_positives"], counts["false_negatives"]
    false, rest = counts["false_positives"], counts["true_negatives"]
    if name == "precision":
        return wilson(value, right + false)
    if name == "recall":
        return wilson(value, right + missed)
    if name == "gini":
        area = hanley_mcneil((value + 1) / 2, right + missed, rest + false)
        return area.scaled(2, -1) if area else None
    return hanley_mcneil(value, right + missed, rest + false) if name == "auc" else None


def _basis(interval: Interval, what: str) -> str:
    return f"{interval.method}, {interval.n:,} {what}"


def _why_not(name: str, both: Paired | None) -> str:
    if both is not None:
        return "no interval: the rows that were kept give other numbers than the runs"
    if name in _SHARES:
        return "no interval: nobody said on how many rows"
    if name in _AREAS:
        return "no interval: the run kept neither its rows nor its four counts"
    if name in {"precision", "recall"}:
        return "no interval: the counts behind it are not known"
    if name in _OF_ROWS:
        return "no interval: the run did not keep its rows"
    return "no interval: no method is known for it"


_Place = tuple[str, str]
_Counts = Mapping[_Place, Mapping[str, int]]
_Rows = Mapping[_Place, int]


def _counts(metrics: tuple[Metric, ...]) -> _Counts:
    """The four counts of a binary classifier, per data set, where all four were logged whole."""
    found: dict[_Place, dict[str, int]] = {}
    for one in metrics:
        if one.name in _COUNTS and one.value >= 0 and float(one.value).is_integer():
            found.setdefault((one.dataset, one.dataset_digest), {})[one.name] = int(one.value)
    return {place: counts for place, counts in found.items() if len(counts) == len(_COUNTS)}


def _rows(run: Run | None) -> _Rows:
    return {
        (data.name, data.digest): data.rows
        for data in (run.datasets if run else ())
        if data.rows is not None
    }
