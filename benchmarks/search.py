"""Search over 100,000 models: how long an answer takes on each engine, and the index to be built.

The queries are drawn from all deciles of how many models a word stands in; every word that stands
in 30 % of the models or more is asked for as well.
"""

from __future__ import annotations

import gc
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from app import migrate
from auth.actors import Actor
from benchmarks import population
from benchmarks.figures import Figure
from catalog.registry.search.finder import Finder
from catalog.registry.search.indexer import Indexer
from catalog.registry.search.questions import Question
from catalog.registry.search.words import stop_words, words_in
from ledger.clock import SystemClock
from ledger.store import Store, sqlite_url
from tests import postgres

QUERIES: Final = 300
PAGE: Final = 25
BROAD: Final = 0.3
SYSTEM: Final = Actor.system("demo")
INDEXER: Final = Actor.system("mirror")
_WARM_UP: Final = 10
_CHANGES: Final = 30


def measure(models: int = population.MODELS) -> list[Figure]:
    """The figures of both engines."""
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as folder:
        store = Store(sqlite_url(Path(folder) / "countersign.db"))
        figures = list(_figures("sqlite", store, models))
        store.close()
    with postgres.running() as server:
        store = Store(server.new_database())
        figures += list(_figures("postgresql", store, models))
        store.close()
    return figures


def _figures(engine: str, store: Store, models: int) -> Iterator[Figure]:
    migrate.to_head(store)
    population.populate(store, models)
    indexer = Indexer(store)
    gc.collect()
    gc.freeze()  # as the worker does
    began = time.perf_counter()
    indexer.run(by=INDEXER)
    built = time.perf_counter() - began
    yield Figure(f"search {engine}: first index of {models:,} models", built, "s", 30.0)
    finder = Finder(store, SystemClock())
    finder.warm()
    queries = drawn(store)
    for facets, median, most in ((False, 15.0, 50.0), (True, 60.0, 200.0)):
        spent = [_timed(_asks(finder, query, facets=facets)) for query in queries][_WARM_UP:]
        said = "with all facets" if facets else "ranked, with snippets"
        yield Figure(f"search {engine}: {said}, p50", statistics.median(spent), "ms", median)
        yield Figure(f"search {engine}: {said}, p95", percentile(spent, 0.95), "ms", most)
    ids = [row.id for row in store.rows("SELECT id FROM model ORDER BY id LIMIT 3000")]
    changed = random.Random(population.SEED).sample(ids, min(_CHANGES, len(ids)))  # noqa: S311
    spent = []
    for model_id in changed:
        indexer.mark([model_id])
        spent.append(_timed(lambda: indexer.run(by=INDEXER)))
    name = f"search {engine}: one changed model indexed again, p50"
    yield Figure(name, statistics.median(spent), "ms", 50.0)


def _asks(finder: Finder, query: str, *, facets: bool) -> Callable[[], object]:
    return lambda: finder.find(Question(query), by=SYSTEM, limit=PAGE, facets=facets)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not pass."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def drawn(store: Store) -> list[str]:
    """One to three words each, from every decile of how many models a word stands in."""
    standing: Counter[str] = Counter()
    total = 0
    for (description,) in store.rows("SELECT description FROM model"):
        total += 1
        standing.update(set(words_in(description)) - stop_words())
    ranked = sorted(standing, key=lambda word: (-standing[word], word))
    broad = [word for word in ranked if standing[word] >= BROAD * total]
    choose = random.Random(population.SEED)  # noqa: S311 - a benchmark, repeatable
    deciles = [
        ranked[len(ranked) * place // 10 : len(ranked) * (place + 1) // 10] for place in range(10)
    ]
    queries = []
    for number in range(QUERIES):
        words = [choose.choice(deciles[choose.randrange(10)]) for _ in range(1 + number % 3)]
        if broad and number % 4 == 0:
            words[0] = choose.choice(broad)
        queries.append(" ".join(words))
    return [*queries, *broad]
