"""Distributions: what counts as changed, what is noise, and what stands first."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.lineage.distributions import differences, stability
from catalog.lineage.profile import ColumnProfile, Kind, Sample

SHARES = st.lists(st.floats(0.001, 1), min_size=2, max_size=12)


def numbers(name: str, values: list[float], missing: int = 0, digest: str = "") -> ColumnProfile:
    points = tuple(sorted(values))
    return ColumnProfile(
        name, "double", "number", len(values) + missing, missing, digest, 0.0, points
    )


def texts(name: str, counts: dict[str, int], others: int = 0) -> ColumnProfile:
    rows = sum(counts.values()) + others
    return ColumnProfile(
        name, "string", "category", rows, 0, "", None, (), tuple(counts.items()), others
    )


def other(name: str) -> ColumnProfile:
    return ColumnProfile(name, "timestamp[us]", "other", 200, 0)


def sample(*columns: ColumnProfile) -> Sample:
    return Sample(columns[0].rows, columns[0].rows, 0, columns)


def normal(seed: int, shift: float = 0.0, n: int = 200) -> list[float]:
    return [float(one) for one in np.random.default_rng(seed).normal(shift, 1, n)]


@given(SHARES, st.data())
@settings(max_examples=60)
def test_the_stability_index_is_never_negative_and_the_same_both_ways(
    before: list[float], data: st.DataObject
) -> None:
    after = data.draw(st.lists(st.floats(0.001, 1), min_size=len(before), max_size=len(before)))
    assert stability(before, after) >= 0
    assert stability(before, after) == pytest.approx(stability(after, before))
    assert stability(before, before) == 0


def test_the_stability_index_is_the_textbook_s() -> None:
    # (0.3 - 0.2) ln(0.3/0.2) + (0.7 - 0.8) ln(0.7/0.8)
    assert stability((0.2, 0.8), (0.3, 0.7)) == pytest.approx(0.0539, abs=1e-4)


def test_what_moved_stands_first_and_what_is_chance_is_called_noise() -> None:
    before = sample(
        numbers("same", normal(1)),
        numbers("shifted", normal(2)),
        numbers("far", normal(3)),
        texts("city", {"York": 100, "Bath": 100}),
        numbers("gone", normal(4)),
    )
    after = sample(
        numbers("same", normal(5)),
        numbers("shifted", normal(6, 1.0)),
        numbers("far", normal(7, 4.0)),
        texts("city", {"York": 104, "Bath": 96}),
        numbers("new", normal(8)),
    )
    told = differences(before, after)
    assert [(one.name, one.state) for one in told] == [
        ("far", "changed"),
        ("shifted", "changed"),
        ("gone", "removed"),
        ("new", "added"),
        ("same", "within noise"),
        ("city", "within noise"),
    ]
    assert told[0].test == "Kolmogorov-Smirnov"
    assert told[0].statistic is not None
    assert told[0].statistic > 0.9


def test_among_many_columns_chance_alone_changes_hardly_any() -> None:
    names = [f"c{at}" for at in range(200)]
    before = sample(*(numbers(name, normal(at)) for at, name in enumerate(names)))
    after = sample(*(numbers(name, normal(at + 1_000)) for at, name in enumerate(names)))
    assert sum(one.state == "changed" for one in differences(before, after)) <= 1


def test_one_digest_is_identical_without_a_test() -> None:
    one = numbers("a", normal(1), digest="d1")
    (told,) = differences(sample(one), sample(one))
    assert (told.state, told.psi, told.test) == ("identical", 0.0, "")


def test_few_rows_are_not_tested() -> None:
    (told,) = differences(sample(numbers("a", [1.0] * 5)), sample(numbers("a", [9.0] * 5)))
    assert (told.state, told.test) == ("within noise", "too few rows for a test")


def test_more_gaps_are_a_change() -> None:
    (told,) = differences(
        sample(numbers("a", normal(1))), sample(numbers("a", normal(2, n=100), missing=100))
    )
    assert told.state == "changed"
    assert told.labels[-1] == "missing"
    assert told.shares[1][-1] == 0.5


COLUMNS: dict[str, ColumnProfile] = {
    "number": numbers("x", normal(1)),
    "constant": numbers("x", [3.0] * 200),
    "gaps": numbers("x", [], missing=200),
    "category": texts("x", {"a": 150, "b": 50}),
    "many": texts("x", {f"v{at}": 2 for at in range(30)}, others=140),
    "one text": texts("x", {"a": 200}),
    "other": other("x"),
}


@pytest.mark.parametrize(("one", "two"), list(itertools.product(COLUMNS, repeat=2)))
def test_any_kind_of_column_meets_any_other(one: str, two: str) -> None:
    (told,) = differences(sample(COLUMNS[one]), sample(COLUMNS[two]))
    kinds: tuple[Kind, Kind] = COLUMNS[one].kind, COLUMNS[two].kind
    assert (told.state == "other kind") == (kinds[0] != kinds[1])
    assert len(told.labels) == len(told.shares[0]) == len(told.shares[1])
    for shares in told.shares:
        assert not shares or sum(shares) == pytest.approx(1)
    if one == two:
        assert told.state in {"within noise", "identical"}
