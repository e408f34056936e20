"""Answers: the last pages that were found, each told again only while it is still the whole truth.

An answer holds for one actor with the roles of this moment, at one state of the index, while
nothing waits to be indexed, and until the next model stops being new.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from auth.actors import Actor
from catalog.registry.measures import Measure
from catalog.registry.search.questions import CHANGED_BANDS, Found, Order, Question
from catalog.registry.search.shelf import Shelf

# About 60 kB each with all facets.
_MOST_KEPT: Final = 128


@dataclass(frozen=True)
class Asking:
    """A question with everything else that its answer depends on, but the catalog and the time."""

    question: Question
    by: Actor
    limit: int
    offset: int
    order: Order
    measures: Mapping[str, Measure]
    facets: bool
    snippets: bool

    @property
    def is_timed(self) -> bool:
        """Whether the answer says how long ago models changed."""
        return self.facets or bool(self.question.chosen.get("changed"))

    def key(self, stamp: int) -> Hashable:
        """The same as one value. Who asks is in it, with every role: no two see each other's."""
        question = self.question
        chosen = frozenset((name, frozenset(held)) for name, held in question.chosen.items())
        return (
            stamp,
            self.by,
            (question.text, question.verbatim, question.range, chosen),
            (self.limit, self.offset, self.order, self.facets, self.snippets),
            tuple(self.measures.items()),
        )


@dataclass(frozen=True)
class _Kept:
    found: Found
    since: datetime
    until: datetime | None


class Answers:
    """Keeps the answers that were asked for last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._times: tuple[int, npt.NDArray[np.float64]] | None = None

    def known(self, key: Hashable, at: datetime) -> Found | None:
        """The answer, if it was found before and still holds at this moment."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            # A clock that was set back makes models new again.
            if at < kept.since or (kept.until is not None and at > kept.until):
                del self._kept[key]
                return None
            self._kept.move_to_end(key)
            return kept.found

    def keep(self, key: Hashable, found: Found, at: datetime, until: datetime | None) -> None:
        """Remember an answer that was found at this moment."""
        with self._lock:
            self._kept[key] = _Kept(found, at, until)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)

    def steady_until(self, shelf: Shelf, at: datetime) -> datetime | None:
        """The last moment at which the same models are new as at this one."""
        with self._lock:
            times = self._times
        if times is None or times[0] != shelf.stamp:
            times = (shelf.stamp, np.sort(shelf.changed))
            with self._lock:
                self._times = times
        ends = []
        for days in CHANGED_BANDS.values():
            since = (at - timedelta(days=days)).timestamp()
            place = int(np.searchsorted(times[1], since))
            if place < len(times[1]):
                ends.append(at + timedelta(seconds=float(times[1][place]) - since))
        return min(ends, default=None)
