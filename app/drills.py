"""Drills: a program that is told to kill itself where its work can least stand it."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from typing import Final

# The point at which this process kills itself, for an operator's drill and for the tests.
KILL_AT: Final = "COUNTERSIGN_DRILL_KILL_AT"

_LOG: Final = logging.getLogger(__name__)


def drill() -> Callable[[str], None]:
    """A drill's order to die at a named point, at once or the nth time (`told*7`), or nothing."""
    wanted, _, times = os.environ.get(KILL_AT, "").partition("*")
    left = [int(times or 1)]
    lock = threading.Lock()

    def at_point(point: str) -> None:
        if point != wanted:
            return
        with lock:
            left[0] -= 1
            if left[0] == 0:
                _LOG.warning("drill: killed at %s", point)
                os.kill(os.getpid(), signal.SIGKILL)

    return at_point
