"""Troubles: what is wrong with one of many is told to the operator once, and hides no other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from ledger.errors import Unavailable

# Not about one of them: our own database is away.
_OURS: Final = frozenset({"database-unavailable", "trail-unavailable"})


class Troubles:
    """What could not be done lately, so that it is told once and not at each try.

    `room` is the module in whose name it is told.
    """

    def __init__(self, room: str) -> None:
        self._log = logging.getLogger(room)
        self._known: dict[str, str] = {}

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
            if self._known.get(key) != said:
                self._log.exception("%s; it is tried again", what)
            self._known[key] = said
        else:
            self._known.pop(key, None)

    def each(self, ids: Iterable[str], verb: Callable[[str], object], what: str) -> list[str]:
        """Do it for each, apart; returns those for which it was done. `what` is said with the id.

        Raises:
            Unavailable: our own database is away.
        """
        done = []
        for one in ids:
            with self.apart(f"{what}:{one}", f"{one} {what}"):
                if verb(one):
                    done.append(one)
        return done
