"""A nursery of workers or portals: the next one starts as soon as the last one was killed.

Started as a program with what it brings up and the drills in their order, such as
`worker told*3 outside`. Each child is a process of its own that runs what `countersign worker` or
`countersign portal` runs. It is forked from one that has imported everything, so that a test of
twenty kills does not pay for twenty imports.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Final

from app import drills
from app.settings import from_environment

# Nobody kills the last one; the one before may wait to be killed from outside.
OUTSIDE = "outside"


def _worker() -> int:
    from app.worker import main as work  # noqa: PLC0415 - a portal needs nothing of it

    return work(from_environment())


def _portal() -> int:
    # Importing it reads the environment, drill included: each child does so for itself.
    from app.server import serve  # noqa: PLC0415

    serve(from_environment())
    return 0


CHILDREN: Final[Mapping[str, Callable[[], int]]] = {"worker": _worker, "portal": _portal}
# What takes longest of a start.
_IMPORTED: Final = {
    "worker": ("mlflow", "mlflow.store.artifact.artifact_repository_registry", "app.worker"),
    "portal": ("streamlit", "pandas", "pyarrow", "plotly.io", "app.api", "app.session"),
}


def main(kind: str, *orders: str) -> int:
    """Start one child after the other, and say so."""
    gc.disable()
    for name in _IMPORTED[kind]:
        importlib.import_module(name)
    gc.freeze()
    gc.enable()
    assert threading.active_count() == 1, "a process with threads must not be forked"
    for drill in [*orders, ""]:
        child = os.fork()
        if child == 0:
            os.environ[drills.KILL_AT] = "" if drill == OUTSIDE else drill
            os._exit(CHILDREN[kind]())
        print(kind, child, drill or "last", flush=True)
        _, status = os.waitpid(child, 0)
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            print("ended by itself", child, status, flush=True)
            return 1
        print("killed", child, drill, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
