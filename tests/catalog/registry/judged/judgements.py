"""Reads the judged queries, and says how good a ranking is."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from catalog.registry.search.finder import Finder
from catalog.registry.search.indexer import Indexer
from catalog.registry.search.questions import Question
from catalog.registry.tables import ModelRow
from ledger.clock import SetClock
from ledger.store import Store
from tests.cast import AT, SYSTEM

_HERE: Final = Path(__file__).parent
TOP: Final = 10


@dataclass(frozen=True)
class Query:
    """What somebody types, and the grade (1 to 3) of each model that answers it at all."""

    text: str
    grades: dict[str, int]


def _lines(file: str) -> list[list[str]]:
    told = (_HERE / file).read_text().splitlines()
    return [[part.strip() for part in line.split("|")] for line in told if line and line[0] != "#"]


def queries() -> list[Query]:
    """Every judged query."""
    return [
        Query(
            text,
            {
                name.strip(): grade
                for grade, names in zip((3, 2, 1), graded, strict=True)
                for name in names.split(",")
                if name.strip()
            },
        )
        for text, *graded in _lines("queries.txt")
    ]


def models() -> list[ModelRow]:
    """The small catalog."""
    rows = []
    for name, domain, does, tags in _lines("models.txt"):
        told = dict(one.split(": ") for one in tags.split(", "))
        rows.append(
            ModelRow(
                id=f"mdl_{name}",
                server="main",
                workspace="default",
                name=name,
                description=does,
                tags=json.dumps(told, sort_keys=True),
                domain=domain,
                created_at=AT,
                updated_at=AT,
                seen_at=AT,
            )
        )
    return rows


def fill(store: Store) -> Finder:
    """Put the small catalog into a database and index it."""
    with store.write() as session:
        session.add_all(models())
    Indexer(store).run(by=SYSTEM)
    return Finder(store, SetClock(AT))


def top(finder: Finder, text: str) -> list[str]:
    """The names of the first ten."""
    found = finder.find(Question(text), by=SYSTEM, limit=TOP, facets=False)
    return [hit.model.name for hit in found.hits]


def ndcg(ranked: Sequence[str], grades: dict[str, int]) -> float:
    """Normalised discounted cumulative gain of the first ten, with gain 2^grade - 1.

    Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20(4),
    2002, with the gain of Burges and others, ICML 2005.
    """
    best = sorted(grades.values(), reverse=True)
    return _gain([grades.get(name, 0) for name in ranked]) / _gain(best)


def _gain(grades: Sequence[int]) -> float:
    return sum((2.0**grade - 1) / math.log2(2 + place) for place, grade in enumerate(grades[:TOP]))
