"""Intervals: against published values and a second implementation, and where they say nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import r2_score, roc_auc_score

from catalog.lineage.intervals import Interval, apart, hanley_mcneil, paired_shares, wilson
from catalog.lineage.kept_rows import KeptRows, alone, delong, paired

ROWS = st.integers(1, 100_000)


@given(ROWS, st.data())
@settings(max_examples=60, deadline=None)
def test_wilson_is_the_one_of_scipy(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    told = wilson(k / n, n)
    known = stats.binomtest(k, n).proportion_ci(method="wilson")
    assert told is not None
    assert told.low == pytest.approx(known.low, abs=1e-9)
    assert told.high == pytest.approx(known.high, abs=1e-9)
    assert 0 <= told.low <= told.value <= told.high <= 1


@given(ROWS, st.floats(0, 1))
@settings(max_examples=60)
def test_a_share_and_its_complement_have_mirrored_limits(n: int, share: float) -> None:
    one, other = wilson(share, n), wilson(1 - share, n)
    assert one is not None
    assert other is not None
    assert one.low == pytest.approx(1 - other.high, abs=1e-9)


@pytest.mark.parametrize(
    ("share", "n"), [(0.5, 0), (0.5, -1), (math.nan, 10), (math.inf, 10), (1.01, 10), (-0.1, 10)]
)
def test_no_rows_or_no_share_has_no_interval(share: float, n: int) -> None:
    assert wilson(share, n) is None


def test_wilson_covers_about_95_of_100_true_shares() -> None:
    draw = np.random.default_rng(1)
    for share in (0.05, 0.5, 0.9):
        found = [wilson(k / 80, 80) for k in draw.binomial(80, share, 2_000)]
        covered = np.mean([one is not None and one.low <= share <= one.high for one in found])
        assert 0.925 < covered < 0.975


def test_newcombe_s_own_example_comes_out() -> None:
    # Newcombe (1998), table II, contrast (a): 56/70 against 48/80 has 0.0524 to 0.3339.
    told = apart(wilson(48 / 80, 80), wilson(56 / 70, 70))
    assert told is not None
    assert (round(told.low, 4), round(told.high, 4)) == (0.0524, 0.3339)


@given(st.floats(0, 1), ROWS, st.floats(0, 1), ROWS)
@settings(max_examples=60)
def test_swapping_the_sides_turns_the_difference_round(
    one: float, n: int, two: float, m: int
) -> None:
    told, turned = apart(wilson(one, n), wilson(two, m)), apart(wilson(two, m), wilson(one, n))
    assert told is not None
    assert turned is not None
    assert told.low == pytest.approx(-turned.high)
    assert told.excludes_zero == turned.excludes_zero
    assert told.low <= told.value <= told.high


def test_a_difference_needs_both_sides() -> None:
    assert apart(None, wilson(0.5, 10)) is None
    assert apart(wilson(0.5, 10), None) is None


def test_hanley_and_mcneil_s_own_example_comes_out() -> None:
    # Hanley and McNeil (1982): 0.893 on 51 diseased and 58 healthy has an error of 0.032.
    told = hanley_mcneil(0.893, 51, 58)
    assert told is not None
    assert (told.high - told.low) / 2 / 1.96 == pytest.approx(0.032, abs=0.001)
    assert told.n == 109


@pytest.mark.parametrize(
    ("area", "positives", "negatives"),
    [(0.0, 9, 9), (1.0, 9, 9), (math.nan, 9, 9), (0.8, 0, 9), (0.8, 9, 0), (1.5, 9, 9)],
)
def test_an_area_at_the_end_or_without_a_class_has_no_interval(
    area: float, positives: int, negatives: int
) -> None:
    assert hanley_mcneil(area, positives, negatives) is None


@given(st.integers(0, 50), st.integers(0, 50), st.integers(100, 500))
@settings(max_examples=60)
def test_rows_that_split_both_ways_alike_are_noise(lost: int, won: int, n: int) -> None:
    told, turned = paired_shares(lost, won, n), paired_shares(won, lost, n)
    assert told is not None
    assert turned is not None
    assert told.low == pytest.approx(-turned.high)
    assert not (lost == won and told.excludes_zero)


@pytest.mark.parametrize(("lost", "won", "n"), [(0, 0, 0), (-1, 0, 5), (3, 3, 5)])
def test_counts_that_cannot_be_have_no_interval(lost: int, won: int, n: int) -> None:
    assert paired_shares(lost, won, n) is None


# -- from rows that were kept -----------------------------------------------------------------


def classified(seed: int, n: int = 300, noise: float = 0.0) -> KeptRows:
    draw = np.random.default_rng(5)
    truth = draw.random(n) < 0.4
    score = 1 / (1 + np.exp(-(draw.normal(size=n) + 2 * truth - 1)))
    score = np.clip(score + np.random.default_rng(seed).normal(0, noise, n), 0, 1)
    return KeptRows(
        tuple("yes" if one else "no" for one in truth),
        tuple("yes" if one > 0.5 else "no" for one in score),
        tuple(float(one) for one in score),
        is_classes=True,
    )


def test_areas_by_delong_are_scikit_learn_s_and_their_error_is_the_bootstrap_s() -> None:
    rows, other = classified(1), classified(2, noise=0.3)
    truth = [one == "yes" for one in rows.label]
    told = delong(truth, rows.score, other.score)
    assert told is not None
    assert told.difference is not None
    assert told.before.value == pytest.approx(roc_auc_score(truth, rows.score))
    assert told.after.value == pytest.approx(roc_auc_score(truth, other.score))
    draw, moved = np.random.default_rng(3), []
    labels, one, two = np.array(truth), np.array(rows.score), np.array(other.score)
    for _ in range(300):
        pick = draw.integers(0, len(labels), len(labels))
        moved.append(
            roc_auc_score(labels[pick], two[pick]) - roc_auc_score(labels[pick], one[pick])
        )
    width = (told.difference.high - told.difference.low) / 2 / 1.96
    assert width == pytest.approx(np.std(moved), rel=0.2)


def test_a_version_against_itself_moved_nothing() -> None:
    for name, told in paired(classified(1), classified(1)).items():
        assert told.difference is not None, name
        assert told.difference.value == 0
        assert not told.difference.excludes_zero


def test_swapping_two_versions_turns_every_difference_round() -> None:
    one, two = classified(1), classified(2, noise=0.3)
    there, back = paired(one, two), paired(two, one)
    assert set(there) == {
        *("accuracy", "error_rate", "auc", "gini", "precision", "recall", "f1"),
        *("brier", "log_loss"),
    }
    for name, told in there.items():
        turned = back[name].difference
        assert told.difference is not None
        assert turned is not None
        assert told.difference.low == pytest.approx(-turned.high, abs=1e-9), name


def test_mean_errors_are_resampled_with_both_versions_together() -> None:
    draw = np.random.default_rng(4)
    truth = draw.normal(size=400)
    near = KeptRows(tuple(truth), tuple(truth + draw.normal(0, 1.0, 400)))
    nearer = KeptRows(tuple(truth), tuple(truth + 0.95 * (np.array(near.prediction) - truth)))
    told = paired(near, nearer)
    assert set(told) == {"mae", "mse", "rmse", "r2"}
    assert told["r2"].before.value == pytest.approx(r2_score(truth, near.prediction))
    moved = told["rmse"].difference
    assert moved is not None
    assert moved.high < 0
    assert moved.value == pytest.approx(-0.05 * told["rmse"].before.value)
    # Unpaired, the two intervals overlap: that the rows are the same is what tells them apart.
    assert told["rmse"].after.high > told["rmse"].before.low


@pytest.mark.parametrize(
    "rows",
    [
        KeptRows((), ()),
        KeptRows(("a", "b", "c"), ("a", "b", "c"), is_classes=True),
        KeptRows(("yes",) * 30, ("yes",) * 30, (0.5,) * 30, is_classes=True),
        KeptRows((1.0, 2.0), (math.nan, 2.0)),
        KeptRows(("no", "yes"), ("no", "yes"), (math.nan, 0.5), is_classes=True),
    ],
)
def test_rows_that_say_little_give_few_numbers_and_no_fault(rows: KeptRows) -> None:
    for one in alone(rows).values():
        assert isinstance(one, Interval)
        assert one.low <= one.value <= one.high
    assert "auc" not in alone(rows)


def test_other_rows_are_not_paired() -> None:
    one = classified(1)
    assert paired(one, KeptRows(one.label[::-1], one.prediction, one.score, is_classes=True)) == {}
