"""How far the rows of two versions differ, column by column: what moved most stands first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final, Literal

from catalog.lineage.profile import ColumnProfile, Sample

State = Literal["changed", "within noise", "identical", "added", "removed", "other kind"]

BINS: Final = 10
# An empty bin would make the index infinite; the usual remedy is a row's worth of nothing.
_SMALLEST: Final = 1e-4
_RISK: Final = 0.05
_FEWEST: Final = 20
_ORDER: Final[dict[State, int]] = {
    "other kind": 0,
    "changed": 1,
    "added": 2,
    "removed": 2,
    "within noise": 3,
    "identical": 4,
}


@dataclass(frozen=True)
class ColumnDifference:
    """One column of two samples.

    `psi` is the population stability index over `labels`, whose shares before and after are given;
    `statistic` is Kolmogorov and Smirnov's for numbers and chi-square for texts, `p` its chance
    under no change. All are empty where only one side has the column or there are too few rows.
    """

    name: str
    state: State
    before: ColumnProfile | None
    after: ColumnProfile | None
    psi: float | None = None
    test: str = ""
    statistic: float | None = None
    p: float | None = None
    labels: tuple[str, ...] = ()
    shares: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())


@lru_cache(maxsize=128)
def differences(before: Sample, after: Sample) -> tuple[ColumnDifference, ...]:
    """Every column of either sample, the most changed first.

    A column has changed when its test leaves chance out at 5 % shared among all columns (Dunn 1961,
    the Bonferroni correction): with many columns some would seem to have changed by chance alone.
    """
    old = {one.name: one for one in before.columns}
    new = {one.name: one for one in after.columns}
    both = max(1, len(old.keys() & new.keys()))
    found = [_one(name, old.get(name), new.get(name), _RISK / both) for name in old.keys() | new]
    return tuple(sorted(found, key=lambda one: (_ORDER[one.state], -(one.psi or 0), one.name)))


def _one(
    name: str, old: ColumnProfile | None, new: ColumnProfile | None, risk: float
) -> ColumnDifference:
    if old is None or new is None:
        return ColumnDifference(name, "added" if old is None else "removed", old, new)
    if old.kind != new.kind:
        return ColumnDifference(name, "other kind", old, new)
    same = old.digest == new.digest and (old.rows, old.missing) == (new.rows, new.missing)
    if old.kind == "other":
        return ColumnDifference(name, "identical" if same else "within noise", old, new)
    labels, counts = _binned(old, new) if old.kind == "number" else _counted(old, new)
    shares = _shares(counts[0]), _shares(counts[1])
    if same and old.digest:
        return ColumnDifference(name, "identical", old, new, 0.0, labels=labels, shares=shares)
    test, statistic, p = _tested(old, new, counts)
    changed = p is not None and p < risk
    return ColumnDifference(
        name,
        "changed" if changed else "within noise",
        old,
        new,
        stability(*shares),
        test,
        statistic,
        p,
        labels,
        shares,
    )


def stability(before: Sequence[float], after: Sequence[float]) -> float:
    """The population stability index of two lists of shares over the same bins.

    Siddiqi (2006), Credit Risk Scorecards: below 0.1 little moved, above 0.25 much. It is the
    symmetric divergence of Jeffreys (1946).
    """
    told = 0.0
    for old, new in zip(before, after, strict=True):
        was, now = max(old, _SMALLEST), max(new, _SMALLEST)
        told += (now - was) * math.log(now / was)
    return told


def _shares(counts: Sequence[float]) -> tuple[float, ...]:
    total = sum(counts)
    return tuple(one / total if total else 0.0 for one in counts)


Counts = tuple[tuple[float, ...], tuple[float, ...]]


def _binned(old: ColumnProfile, new: ColumnProfile) -> tuple[tuple[str, ...], Counts]:
    """Rows per tenth of the values before, and the gaps: the tenths need not be of one width."""
    points = old.points or new.points
    cuts = sorted({points[len(points) * at // BINS] for at in range(1, BINS)}) if points else []
    ends = [f"< {_short(cuts[0])}"] if cuts else ["all"]
    ends += [f"{_short(low)} to {_short(high)}" for low, high in pairwise(cuts)]
    ends += [f"\N{GREATER-THAN OR EQUAL TO} {_short(cuts[-1])}"] if cuts else []
    return (*ends, "missing"), (_per_bin(old, cuts), _per_bin(new, cuts))


def _per_bin(column: ColumnProfile, cuts: list[float]) -> tuple[float, ...]:
    counts = [0] * (len(cuts) + 1)
    for point in column.points:
        counts[sum(point >= cut for cut in cuts)] += 1
    # The points stand for all known rows.
    each = column.known / len(column.points) if column.points else 0.0
    return (*(count * each for count in counts), float(column.missing))


def _counted(old: ColumnProfile, new: ColumnProfile) -> tuple[tuple[str, ...], Counts]:
    before, after = dict(old.values), dict(new.values)
    names = sorted(before.keys() | after.keys(), key=lambda one: (-before.get(one, 0), one))
    # What is not among the most frequent of one side may be among its others.
    rest = float(old.others), float(new.others)
    return (*names, "others", "missing"), (
        (*(float(before.get(one, 0)) for one in names), rest[0], float(old.missing)),
        (*(float(after.get(one, 0)) for one in names), rest[1], float(new.missing)),
    )


def _tested(
    old: ColumnProfile, new: ColumnProfile, counts: Counts
) -> tuple[str, float | None, float | None]:
    if min(old.rows, new.rows) < _FEWEST:
        return "too few rows for a test", None, None
    from scipy import stats  # noqa: PLC0415 - half a second, only where rows are compared

    if old.kind == "number" and old.points and new.points and not (old.missing or new.missing):
        told = stats.ks_2samp(old.points, new.points)
        return "Kolmogorov-Smirnov", float(told.statistic), float(told.pvalue)
    rows = [pair for pair in zip(*counts, strict=True) if sum(pair)]
    if len(rows) < 2:  # noqa: PLR2004 - one bin cannot differ
        return "chi-square", 0.0, 1.0
    found = stats.chi2_contingency([list(side) for side in zip(*rows, strict=True)])
    return "chi-square", float(found.statistic), float(found.pvalue)


def _short(value: float) -> str:
    if 1_000 <= abs(value) < 1e12:  # noqa: PLR2004 - from here on exponents, below it decimals
        return f"{value:,.0f}".replace("-", "\N{MINUS SIGN}")
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")
