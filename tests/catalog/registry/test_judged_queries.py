"""How well a search answers what was judged by hand, on both engines."""

from __future__ import annotations

import statistics

import pytest

from ledger.store import Store
from tests.catalog.registry.judged.judgements import fill, models, ndcg, queries, top

# What was reached when the rule was settled, a little rounded down: a change must not lose it.
FLOOR = 0.84


def test_the_judged_queries_are_many_and_speak_of_models_that_are_there() -> None:
    names = {row.name for row in models()}
    asked = queries()
    assert len(asked) >= 60
    assert len({query.text for query in asked}) == len(asked)
    for query in asked:
        assert set(query.grades) <= names, query.text
        assert 3 in query.grades.values(), query.text


def test_both_engines_answer_the_judged_queries_alike_and_well(
    sqlite_store: Store, postgres_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    finders = {"SQLite FTS5": fill(sqlite_store), "PostgreSQL tsvector": fill(postgres_store)}
    ranked = {
        engine: [top(finder, query.text) for query in queries()]
        for engine, finder in finders.items()
    }
    reached = {
        engine: [ndcg(found, query.grades) for found, query in zip(lists, queries(), strict=True)]
        for engine, lists in ranked.items()
    }
    mean = {engine: statistics.mean(values) for engine, values in reached.items()}
    overlaps = [
        len(set(ours) & set(theirs)) / max(len(ours), len(theirs), 1)
        for ours, theirs in zip(*ranked.values(), strict=True)
    ]
    with capsys.disabled():
        told = ", ".join(f"{engine} {value:.3f}" for engine, value in mean.items())
        overlap = statistics.mean(overlaps)
        print(f"\nNDCG@10 of {len(queries())} judged queries: {told}; overlap {overlap:.0%}")
    ours, theirs = mean.values()
    assert abs(ours - theirs) <= 0.02
    assert statistics.mean(overlaps) >= 0.9
    weakest = sorted(zip(reached["SQLite FTS5"], queries(), strict=True), key=lambda one: one[0])
    assert min(ours, theirs) >= FLOOR, [(query.text, value) for value, query in weakest[:15]]
