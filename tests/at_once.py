"""Doing things at the same moment: each act starts only when all the others have started too."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar

from ledger.acts import Ledger
from ledger.clock import Clock
from ledger.errors import CountersignError

_Result = TypeVar("_Result")
_PATIENCE_S = 20


class _MeetingClock:
    """Holds everybody who asks for the time in a new thread until all of them have asked."""

    def __init__(self, clock: Clock, people: int) -> None:
        self._clock = clock
        self._all_here = threading.Barrier(people)
        self._met: set[int] = set()

    def now(self) -> datetime:
        me = threading.get_ident()
        if me not in self._met:
            self._met.add(me)
            self._all_here.wait(_PATIENCE_S)
        return self._clock.now()


def at_once(
    ledger: Ledger, acts: Sequence[Callable[[], _Result]]
) -> list[_Result | CountersignError]:
    """Run acts in threads that meet inside their transactions; returns results or refusals.

    An act reads the clock as the first thing in its transaction, so the clock is where they meet.
    """
    usual = ledger.clock
    ledger.clock = _MeetingClock(usual, len(acts))

    def outcome(act: Callable[[], _Result]) -> _Result | CountersignError:
        try:
            return act()
        except CountersignError as refusal:
            return refusal

    try:
        with ThreadPoolExecutor(len(acts)) as threads:
            return list(threads.map(outcome, acts))
    finally:
        ledger.clock = usual
