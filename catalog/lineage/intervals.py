"""How sure a number is: 95 % intervals of shares and areas, from counts alone, and of differences.

Closed forms, so that a page can ask for them on every click. `None` stands wherever the formula
says nothing: no rows, no number, or a number at the end of its scale where its error vanishes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

LEVEL: Final = 0.95
Z: Final = NormalDist().inv_cdf((1 + LEVEL) / 2)


@dataclass(frozen=True)
class Interval:
    """A number with the limits within which it lies in 95 of 100 such measurements, on `n` rows."""

    value: float
    low: float
    high: float
    method: str
    n: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole of it lies on one side of zero."""
        return self.low > 0 or self.high < 0

    def scaled(self, factor: float, shift: float = 0.0) -> Interval:
        """The interval of `factor * number + shift`, on the same rows."""
        ends = sorted((factor * self.low + shift, factor * self.high + shift))
        return Interval(factor * self.value + shift, ends[0], ends[1], self.method, self.n)


def wilson(share: float, n: int) -> Interval | None:
    """The score interval of a share of `n` rows: Wilson (1927), J. Am. Stat. Assoc. 22, 209-212.

    The same limits as `scipy.stats.binomtest(k, n).proportion_ci(method="wilson")`, without the
    import of it on a page's path.
    """
    if n <= 0 or not math.isfinite(share) or not 0 <= share <= 1:
        return None
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    # At the ends the limit is the share itself; rounding must not put it on the other side.
    low = min(max(middle - half, 0.0), share)
    return Interval(share, low, max(min(middle + half, 1.0), share), "Wilson score", n)


def hanley_mcneil(area: float, positives: int, negatives: int) -> Interval | None:
    """The interval of an area under the ROC curve from the two class counts alone.

    Hanley and McNeil (1982), Radiology 143, 29-36, formula 1, with the exponential approximation
    of Q1 and Q2.
    """
    if positives <= 0 or negatives <= 0 or not math.isfinite(area) or not 0 < area < 1:
        return None
    q1, q2, square = area / (2 - area), 2 * area**2 / (1 + area), area**2
    variance = (
        area * (1 - area) + (positives - 1) * (q1 - square) + (negatives - 1) * (q2 - square)
    ) / (positives * negatives)
    half = Z * math.sqrt(max(variance, 0.0))
    low, high = max(area - half, 0.0), min(area + half, 1.0)
    return Interval(area, low, high, "Hanley-McNeil", positives + negatives)


def apart(before: Interval | None, after: Interval | None) -> Interval | None:
    """The interval of `after - before` from the two intervals, as if measured on different rows.

    The square-and-add rule: Newcombe (1998), Statist. Med. 17, 873-890, method 10, for shares;
    Zou and Donner (2008), Statist. Med. 27, 1693-1702, for any interval. On the same rows two
    versions mostly err together, so that the true interval is narrower: this one is cautious.
    """
    if before is None or after is None:
        return None
    delta = after.value - before.value
    below = math.hypot(after.value - after.low, before.high - before.value)
    above = math.hypot(after.high - after.value, before.value - before.low)
    method = before.method if before.method == after.method else f"{before.method}, {after.method}"
    return Interval(
        delta, delta - below, delta + above, f"{method}, added in squares", min(before.n, after.n)
    )


def paired_shares(only_before: int, only_after: int, n: int) -> Interval | None:
    """The interval of a difference of two shares on the same `n` rows, from the rows they split.

    `only_before` rows were right before and wrong after, `only_after` the other way round. The
    adjusted Wald interval of Bonett and Price (2012), J. Educ. Behav. Stat. 37, 479-488.
    """
    if n <= 0 or min(only_before, only_after) < 0 or only_before + only_after > n:
        return None
    lost, won = (only_before + 1) / (n + 2), (only_after + 1) / (n + 2)
    half = Z * math.sqrt((lost + won - (won - lost) ** 2) / (n + 2))
    middle = won - lost
    low, high = max(middle - half, -1.0), min(middle + half, 1.0)
    return Interval((only_after - only_before) / n, low, high, "paired, Bonett-Price", n)
