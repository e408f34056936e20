"""Explaining without the imports: what the runner starts, forked from a process that has them.

Each explanation is three seconds of imports and little else. Where a test is about what is
explained, the runner's program is forked from a nursery that has imported it once, started by the
same interpreter with the same almost empty environment; folder, files, locks and sandbox are those
of each job. What a process of its own keeps away is shown by `test_hostile_models`.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, Final

import pytest

from app.settings import ROOT
from catalog.assurance import runner

_MOST: Final = 1 << 16
_WIDTH: Final = 12


class Nursery:
    """Starts processes as `subprocess` does, as far as the runner asks of it."""

    def __init__(self, folder: Path) -> None:
        self._address = str(folder / "line")
        self._program = subprocess.Popen(
            [sys.executable, "-B", "-m", "tests.assurance.forked", self._address],
            env={
                "MLFLOW_DISABLE_TELEMETRY": "true",
                **{f"{name}_NUM_THREADS": "1" for name in runner._THREADS},
            },
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        assert self._program.stdout
        assert self._program.stdout.readline() == b"ready\n"

    def Popen(  # noqa: N802 - as it is called
        self,
        _command: list[str],
        *,
        stdin: IO[bytes],
        stdout: int,
        stderr: IO[bytes],
        env: Mapping[str, str],
        cwd: Path,
        start_new_session: bool,
    ) -> Forked:
        """Start the runner's program, whatever the command says."""
        assert start_new_session
        line = socket.socket(socket.AF_UNIX)
        line.connect(self._address)
        order = json.dumps({"environment": dict(env), "folder": str(cwd)}).encode()
        socket.send_fds(line, [order], [stdin.fileno(), stdout, stderr.fileno()])
        return Forked(line)

    def close(self) -> None:
        """Take no more orders."""
        self._program.kill()
        self._program.communicate()


class Forked:
    """A process that was forked."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._status: int | None = None
        self.pid = int(self._heard())

    def poll(self) -> int | None:
        """Its status, if it has ended."""
        has_news = self._status is None and select.select([self._line], [], [], 0)[0]
        return self.wait() if has_news else self._status

    def wait(self) -> int:
        """Until it has ended."""
        if self._status is None:
            self._status = int(self._heard())
            self._line.close()
        return self._status

    def _heard(self) -> bytes:
        # One number of a fixed width at a time, as the keeper says it.
        return self._line.recv(_WIDTH, socket.MSG_WAITALL)


@contextmanager
def forking() -> Iterator[None]:
    """Have explanations forked for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        nursery = Nursery(Path(folder))
        patch.setattr(runner, "subprocess", SimpleNamespace(Popen=nursery.Popen))
        try:
            yield
        finally:
            nursery.close()


# -- in the nursery --------------------------------------------------------------------------------


def main(address: str) -> None:
    """Fork a keeper for each order; it has one child, and says its number and its status."""
    gc.disable()
    program = importlib.import_module("catalog.assurance.shap_program")
    sys.path.pop(0)
    gc.freeze()
    gc.enable()
    assert threading.active_count() == 1, "a process with threads must not be forked"
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen()
        print("ready", flush=True)
        while True:
            line, _ = door.accept()
            if os.fork() == 0:
                door.close()
                _keep(line, program.main)
            line.close()


def _keep(line: socket.socket, run: Callable[[], None]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    words, files, _, _ = socket.recv_fds(line, _MOST, 3)
    child = os.fork()
    if child == 0:
        line.close()
        _become(json.loads(words), files, run)
    for file in files:
        os.close(file)
    line.sendall(b"%*d" % (_WIDTH, child))
    _, status = os.waitpid(child, 0)
    line.sendall(b"%*d" % (_WIDTH, os.waitstatus_to_exitcode(status)))
    os._exit(0)


def _become(order: dict[str, Any], files: list[int], run: Callable[[], None]) -> None:
    """Be what the runner starts: a session of its own, with its folder, files and environment."""
    os.setsid()
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    # Its parent is the keeper, which ends with it.
    job = json.loads(Path(f"/proc/self/fd/{files[0]}").read_bytes()) | {"parent": os.getppid()}
    given = os.memfd_create("job")
    os.write(given, json.dumps(job).encode())
    os.lseek(given, 0, os.SEEK_SET)
    for number, file in enumerate((given, *files[1:])):
        os.dup2(file, number)
    for file in (given, *files):
        os.close(file)
    code = 1
    try:
        run()
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1])
