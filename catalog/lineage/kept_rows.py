"""The rows a run kept: truth and answer row by row, and what they say of two versions together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from catalog.lineage.intervals import LEVEL, Interval, Z, paired_shares, wilson

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

RESAMPLES: Final = 2_000
SEED: Final = 20_261_120
_AT_ONCE: Final = 4_000_000  # resampled rows held in memory together: 32 MB
_SMALLEST_SHARE: Final = 1e-15
_FEWEST: Final = 10  # of each class: DeLong's variance is an asymptotic one


@dataclass(frozen=True)
class KeptRows:
    """Truth, answer and score of the same rows in the same order; `score` may be empty.

    A score is the probability (or any growing function of it) of the second of the two labels in
    their order, as scikit-learn counts classes. Labels are all texts or all numbers.
    """

    label: tuple[str | float, ...]
    prediction: tuple[str | float, ...]
    score: tuple[float, ...] = ()
    is_classes: bool = False

    @property
    def classes(self) -> tuple[str | float, ...]:
        """The labels that occur, in order."""
        return tuple(sorted(set(self.label), key=lambda one: (isinstance(one, str), one)))


@dataclass(frozen=True)
class Paired:
    """A number of two versions on the same rows, and the interval of what it moved by."""

    before: Interval
    after: Interval
    difference: Interval | None


@lru_cache(maxsize=64)
def paired(before: KeptRows, after: KeptRows) -> Mapping[str, Paired]:
    """What two versions score on the same rows, by the usual names; nothing if they are not.

    Shares by Bonett and Price, areas by DeLong, mean errors and ratios by the paired bootstrap.
    """
    if not before.label or before.label != after.label or before.is_classes != after.is_classes:
        return {}
    found: dict[str, Paired] = {}
    if before.is_classes:
        found |= _shares(before, after)
        found |= _areas(before, after)
    found |= _resampled(before, after)
    for name in ("precision", "recall"):
        if name in found:
            sides = (_of_few(name, before), _of_few(name, after))
            if sides[0] is not None and sides[1] is not None:
                found[name] = Paired(sides[0], sides[1], found[name].difference)
    return found


def alone(rows: KeptRows) -> Mapping[str, Interval]:
    """What one version scores on the rows it kept."""
    return {name: one.after for name, one in paired(rows, rows).items()}


def _shares(before: KeptRows, after: KeptRows) -> dict[str, Paired]:
    import numpy as np  # noqa: PLC0415 - only where rows were kept

    truth = np.array(before.label, dtype=object)
    was = np.array(before.prediction, dtype=object) == truth
    now = np.array(after.prediction, dtype=object) == truth
    sides = wilson(float(was.mean()), len(was)), wilson(float(now.mean()), len(now))
    moved = paired_shares(int((was & ~now).sum()), int((now & ~was).sum()), len(was))
    if sides[0] is None or sides[1] is None:
        return {}
    accuracy = Paired(sides[0], sides[1], moved)
    wrong = Paired(
        sides[0].scaled(-1, 1), sides[1].scaled(-1, 1), moved.scaled(-1) if moved else None
    )
    return {"accuracy": accuracy, "error_rate": wrong}


def _of_few(name: str, rows: KeptRows) -> Interval | None:
    """Precision or recall with its own denominator: the rows called positive, or that are so."""
    positive = rows.classes[1]
    of = rows.prediction if name == "precision" else rows.label
    right = sum(
        one == other == positive for one, other in zip(rows.label, rows.prediction, strict=True)
    )
    among = sum(one == positive for one in of)
    return wilson(right / among, among) if among else None


def _areas(before: KeptRows, after: KeptRows) -> dict[str, Paired]:
    if len(before.classes) != 2 or not (before.score and after.score):  # noqa: PLR2004 - two classes
        return {}
    positive = before.classes[1]
    area = delong([one == positive for one in before.label], before.score, after.score)
    if area is None:
        return {}
    gini = Paired(
        area.before.scaled(2, -1),
        area.after.scaled(2, -1),
        area.difference.scaled(2) if area.difference else None,
    )
    return {"auc": area, "gini": gini}


def delong(
    positive: list[bool], before: tuple[float, ...], after: tuple[float, ...]
) -> Paired | None:
    """Two areas under the ROC curve on the same rows, and the interval of their difference.

    DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44, 837-845, by midranks: Sun and Xu
    (2014), IEEE Signal Process. Lett. 21, 1389-1393.
    """
    import numpy as np  # noqa: PLC0415 - only where rows were kept

    is_positive = np.array(positive, dtype=bool)
    scores = np.array([before, after], dtype=float)
    m, n = int(is_positive.sum()), int((~is_positive).sum())
    if min(m, n) < _FEWEST or not np.isfinite(scores).all():
        return None
    ranks = np.array([_midranks(row) for row in scores])
    own = np.array([_midranks(row[is_positive]) for row in scores])
    other = np.array([_midranks(row[~is_positive]) for row in scores])
    areas = (ranks[:, is_positive].mean(axis=1) - (m + 1) / 2) / n
    won = (ranks[:, is_positive] - own) / n
    lost = 1 - (ranks[:, ~is_positive] - other) / m
    spread = np.cov(won) / m + np.cov(lost) / n
    sides = []
    for place in (0, 1):
        half = Z * float(np.sqrt(spread[place, place]))
        area = float(areas[place])
        sides.append(Interval(area, max(area - half, 0), min(area + half, 1), "DeLong", m + n))
    delta = float(areas[1] - areas[0])
    variance = float(spread[0, 0] + spread[1, 1] - 2 * spread[0, 1])
    half = Z * max(variance, 0.0) ** 0.5
    moved = Interval(delta, delta - half, delta + half, "paired, DeLong", m + n)
    return Paired(sides[0], sides[1], moved)


def _midranks(values: Numbers) -> Numbers:
    import numpy as np  # noqa: PLC0415 - only where rows were kept

    ordered = np.sort(values)
    below = np.searchsorted(ordered, values, "left")
    upto = np.searchsorted(ordered, values, "right")
    return (below + upto + 1) / 2.0


# A metric as a function of means over rows: its columns, and what is made of their means.
_Ratio = Callable[[Any], Any]


def _resampled(before: KeptRows, after: KeptRows) -> dict[str, Paired]:
    """Metrics that are functions of means over rows, by resampling both versions' rows together.

    The percentile bootstrap of Efron (1979), Ann. Statist. 7, 1-26; 2,000 resamples, fixed seed.
    """
    import numpy as np  # noqa: PLC0415 - only where rows were kept

    sides = [_columns(one) for one in (before, after)]
    names = [name for name in sides[0] if name in sides[1]]
    if not names:
        return {}
    blocks = [side[name][0] for side in sides for name in names]
    wide = np.column_stack(blocks)
    if not np.isfinite(wide).all():
        return {}
    drawn = _means(wide)
    told: dict[str, Paired] = {}
    place = 0
    ends: dict[tuple[int, str], tuple[float, Any]] = {}
    for at, side in enumerate(sides):
        for name in names:
            block, of = side[name]
            width = block.shape[1]
            with np.errstate(divide="ignore", invalid="ignore"):
                value = float(of(block.mean(axis=0)[None, :])[0])
                ends[at, name] = value, of(drawn[:, place : place + width])
            place += width
    n = len(wide)
    for name in names:
        (was, was_drawn), (now, now_drawn) = ends[0, name], ends[1, name]
        one = _percentile(was, was_drawn, n)
        two = _percentile(now, now_drawn, n)
        moved = _percentile(now - was, now_drawn - was_drawn, n)
        if one is not None and two is not None:
            told[name] = Paired(one, two, moved)
    return told


def _columns(rows: KeptRows) -> dict[str, tuple[Any, _Ratio]]:
    """Per metric the columns whose means it is made of (rows x columns), and how."""
    import numpy as np  # noqa: PLC0415 - only where rows were kept

    mean: _Ratio = lambda of: of[:, 0]  # noqa: E731
    if not rows.is_classes:
        truth = np.array(rows.label, dtype=float)
        off = np.array(rows.prediction, dtype=float) - truth
        absolute, square = np.abs(off)[:, None], (off**2)[:, None]
        # Round the middle: a variance is a small difference of large squares otherwise.
        middle = truth - truth.mean()
        around = np.column_stack((off**2, middle, middle**2))
        return {
            "mae": (absolute, mean),
            "mse": (square, mean),
            "rmse": (square, lambda of: np.sqrt(of[:, 0])),
            "r2": (around, lambda of: 1 - of[:, 0] / (of[:, 2] - of[:, 1] ** 2)),
        }
    if len(rows.classes) != 2:  # noqa: PLR2004 - two classes
        return {}
    positive = rows.classes[1]
    truth = np.array([one == positive for one in rows.label], dtype=float)
    said = np.array([one == positive for one in rows.prediction], dtype=float)
    right, rest = truth * said, np.column_stack((truth, said))
    counts = np.column_stack((right, rest))
    told: dict[str, tuple[Any, _Ratio]] = {
        "precision": (counts, lambda of: of[:, 0] / of[:, 2]),
        "recall": (counts, lambda of: of[:, 0] / of[:, 1]),
        "f1": (counts, lambda of: 2 * of[:, 0] / (of[:, 1] + of[:, 2])),
    }
    if rows.score and min(rows.score) >= 0 and max(rows.score) <= 1:
        share = np.array(rows.score, dtype=float)
        kept = np.clip(share, _SMALLEST_SHARE, 1 - _SMALLEST_SHARE)
        loss = -(truth * np.log(kept) + (1 - truth) * np.log(1 - kept))
        told["brier"] = (((share - truth) ** 2)[:, None], mean)
        told["log_loss"] = (loss[:, None], mean)
    return told


def _means(wide: Numbers) -> Numbers:
    """The column means of every resample: resamples x columns."""
    import numpy as np  # noqa: PLC0415 - only where rows were kept

    draw = np.random.default_rng(SEED)
    n = len(wide)
    at_once = max(1, _AT_ONCE // n)
    pieces = []
    for start in range(0, RESAMPLES, at_once):
        size = min(at_once, RESAMPLES - start)
        picks = draw.integers(0, n, (size, n)) + np.arange(size)[:, None] * n
        weights = np.bincount(picks.ravel(), minlength=size * n).reshape(size, n)
        pieces.append(weights @ wide / n)
    return np.concatenate(pieces)


def _percentile(value: float, drawn: Numbers, n: int) -> Interval | None:
    import numpy as np  # noqa: PLC0415 - only where rows were kept

    known = drawn[np.isfinite(drawn)]
    # A ratio that many resamples cannot form is too rare to say anything of.
    if not np.isfinite(value) or len(known) < LEVEL * len(drawn):
        return None
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    method = f"bootstrap, {RESAMPLES:,} resamples"
    return Interval(value, min(float(low), value), max(float(high), value), method, n)
