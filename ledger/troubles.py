"""Troubles: what is wrong with one of many is told to the operator once, and hides no other.

What failed is left alone for a second, then for twice as long each time, for ten minutes at most: a
refusal is written down at each try, and nobody would read one a second.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ledger.clock import Clock
from ledger.errors import Unavailable

# Not about one of them: our own database is away.
_OURS: Final = frozenset({"database-unavailable", "trail-unavailable"})
_FIRST: Final = timedelta(seconds=1)
_LONGEST: Final = timedelta(minutes=10)


@dataclass(frozen=True)
class _Trouble:
    said: str
    pause: timedelta
    until: datetime


class Troubles:
    """What could not be done lately, so that it is told once and not at each try.

    `room` is the module in whose name it is told.
    """

    def __init__(self, room: str, clock: Clock) -> None:
        self._log = logging.getLogger(room)
        self._clock = clock
        self._known: dict[str, _Trouble] = {}

    def rests(self, key: str) -> bool:
        """Whether it failed lately and is left alone for now."""
        known = self._known.get(key)
        return known is not None and self._clock.now() < known.until

    @contextmanager
    def apart(self, key: str, what: str) -> Iterator[None]:
        """Do something for one of many; where it fails its traceback is logged and others go on.

        It is told again when it fails for another reason, or after it went well in between.

        Raises:
            Unavailable: it is not this one: our own database is away.
        """
        try:
            yield
        except Exception as problem:
            if isinstance(problem, Unavailable) and problem.code in _OURS:
                raise
            said = f"{type(problem).__name__}: {problem}"
            known = self._known.get(key)
            if known is None or known.said != said:
                self._log.exception("%s; it is tried again", what)
            pause = min(2 * known.pause, _LONGEST) if known else _FIRST
            self._known[key] = _Trouble(said, pause, self._clock.now() + pause)
        else:
            self._known.pop(key, None)

    def each(self, ids: Iterable[str], verb: Callable[[str], object], what: str) -> list[str]:
        """Do it for each that does not rest, apart; returns those for which it was done.

        `what` is said with the id.

        Raises:
            Unavailable: our own database is away.
        """
        done = []
        for one in ids:
            key = f"{what}:{one}"
            if self.rests(key):
                continue
            with self.apart(key, f"{one} {what}"):
                if verb(one):
                    done.append(one)
        return done
