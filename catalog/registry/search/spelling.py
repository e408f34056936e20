"""Spelling: which word that stands in some model was meant by one that stands in none."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Final

from rapidfuzz import process
from rapidfuzz.distance import OSA
from sqlalchemy import Executable, bindparam, select
from sqlmodel import Session, col

from catalog.registry.search.tables import SearchWordRow

SHORTEST: Final = 4
_TWO_SLIPS_FROM: Final = 6
_MOST_CANDIDATES: Final = 24
_SINCE: Final[Executable] = (
    select(col(SearchWordRow.id), col(SearchWordRow.word))
    .where(col(SearchWordRow.id) > bindparam("id"))
    .order_by(col(SearchWordRow.id))
)


class Vocabulary:
    """The words of all models, as this process knows them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._words: list[str] = []
        self._stamp = -1

    def words(self, session: Session, stamp: int) -> Sequence[str]:
        """The words as the index is at this stamp, by the alphabet. Words are only ever added."""
        with self._lock:
            if self._stamp < stamp:
                rows: Sequence[Any] = session.connection().execute(_SINCE, {"id": self._last}).all()
                self._words = sorted([*self._words, *(row.word for row in rows)])
                self._last = rows[-1].id if rows else self._last
                self._stamp = stamp
            return self._words


def near(word: str, words: Sequence[str]) -> list[tuple[str, int]]:
    """Words a slip or two away, with how many; two neighbours swapped are one slip (OSA).

    A word of four or five letters may have one slip, a longer one two; what is shorter is neither
    mended nor offered. Digits are no spelling.
    """
    if len(word) < SHORTEST or not word.isalpha():
        return []
    slips = 2 if len(word) >= _TWO_SLIPS_FROM else 1
    found = process.extract(
        word,
        words,
        scorer=OSA.distance,
        score_cutoff=slips,
        limit=_MOST_CANDIDATES,
    )
    # People seldom err in the first letter.
    return sorted(
        (
            (str(one), int(distance))
            for one, distance, _ in found
            # A short word is one slip away from too many: "lone" means no "one".
            if one != word and len(one) >= SHORTEST
        ),
        key=lambda one: (one[1] + (one[0][:1] != word[:1]), one[0]),
    )
