"""A nursery of workers: the next one starts as soon as the last one was killed.

Started as a program with the drills in their order, such as `told*3 outside`.
Each worker is a process of its own that runs what `countersign worker` runs. It is forked from one
that has imported everything, so that a test of twenty kills does not pay for twenty imports.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

import mlflow  # noqa: F401 - what takes longest of a worker's start

from app import worker
from app.settings import from_environment

# Nobody kills the last one; the one before may wait to be killed from outside.
OUTSIDE = "outside"


def main(drills: list[str]) -> int:
    """Start one worker after the other, and say so."""
    assert threading.active_count() == 1, "a process with threads must not be forked"
    for drill in [*drills, ""]:
        child = os.fork()
        if child == 0:
            os.environ[worker.KILL_AT] = "" if drill == OUTSIDE else drill
            os._exit(worker.main(from_environment()))
        print("worker", child, drill or "last", flush=True)
        _, status = os.waitpid(child, 0)
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            print("ended by itself", child, status, flush=True)
            return 1
        print("killed", child, drill, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
