"""MLflow servers without their imports: what `mlflow server` runs, forked from one that has them.

Tests start, stop and start again some twenty servers, and each would spend seven seconds of a
processor on imports. The nursery is a program of its own that has imported them once. Told of a
command line, an environment and a folder, it forks a child that runs the very command of MLflow's
own client there, and tells its number.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

# What takes longest of a start and asks nothing of the environment. `mlflow.server` is not among
# them: it asks as it is imported, and whether it is served it learns from uvicorn being there.
_IMPORTED: Final = (
    *("flask", "fastapi", "graphene", "joserfc.jwt", "uvicorn.main", "flask_wtf"),
    *("uvicorn.protocols.http.h11_impl", "mlflow.pyfunc", "mlflow.webhooks.delivery"),
    *("mlflow.store.tracking.sqlalchemy_store", "mlflow.store.model_registry.sqlalchemy_store"),
    *("mlflow.store.artifact.artifact_repository_registry", "mlflow.store.db.utils"),
)


@dataclass(frozen=True)
class Child:
    """A server that was started: the leader of a process group, and where it writes its log."""

    pid: int
    log: Path

    def has_ended(self, within: float = 0.0) -> bool:
        """Whether its process is gone, waited for so many seconds."""
        try:
            watched = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            return bool(select.select([watched], [], [], within)[0])
        finally:
            os.close(watched)

    def kill(self) -> None:
        """End it and its group at once, whatever they are doing."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        assert self.has_ended(within=40), f"process {self.pid} does not end"


def start(arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> Child:
    """Run `mlflow` with these arguments; it may still be starting."""
    log = folder / "server.log"
    order = {
        "arguments": list(arguments),
        "environment": dict(environment),
        "folder": str(folder),
        "log": str(log),
    }
    nursery, turn = _nursery()
    assert nursery.stdin
    assert nursery.stdout
    with turn:
        nursery.stdin.write(json.dumps(order) + "\n")
        nursery.stdin.flush()
        return Child(int(nursery.stdout.readline()), log)


@cache
def _nursery() -> tuple[subprocess.Popen[str], threading.Lock]:
    """The nursery of this test process; it ends when nobody can tell it anything any more."""
    nursery = subprocess.Popen(
        [sys.executable, "-m", "tests.mlflow_nursery"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    atexit.register(nursery.kill)
    return nursery, threading.Lock()


# -- in the nursery --------------------------------------------------------------------------------


def main() -> None:
    """Fork a server for each line of the standard input."""
    gc.disable()
    for name in _IMPORTED:
        importlib.import_module(name)
    gc.freeze()
    gc.enable()
    assert "mlflow.server" not in sys.modules
    assert threading.active_count() == 1, "a process with threads must not be forked"
    # Nobody waits for them here: who started one looks at its process.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                _serve(json.loads(line))
                code = 0
            except SystemExit as ended:
                code = int(ended.code or 0)
            finally:
                os._exit(code)
        print(child, flush=True)


def _serve(order: dict[str, Any]) -> None:
    """Become `python -m mlflow ...`, in a session of its own."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    written = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for mine, given in ((nothing, 0), (written, 1), (written, 2)):
        os.dup2(mine, given)
    sys.path[0] = order["folder"]
    sys.path += os.environ.get("PYTHONPATH", "").split(os.pathsep)
    mlflow_server = importlib.import_module("mlflow.server")
    # MLflow would start this command in a new interpreter, and wait for it.
    mlflow_server._exec_cmd = _become  # type: ignore[attr-defined]
    sys.argv = ["mlflow", *order["arguments"]]
    importlib.import_module("mlflow.cli").cli()


def _become(command: Sequence[str], *, extra_env: Mapping[str, str], **_: object) -> None:
    """Run a `python -m module ...` in this process."""
    os.environ.update(extra_env)
    assert command[1] == "-m", command
    sys.argv = [command[2], *command[3:]]
    runpy.run_module(command[2], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
