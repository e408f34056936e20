"""Nobody stays behind: the programs of a run end with it, also when it is killed outright (Linux).

Every program carries the run's mark in its environment, and so does whatever it starts. A twin of
the supervisor waits on a pipe that only the supervisor holds open; when that closes without a
goodbye, the twin ends everybody who carries the mark.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MARK: Final = "COUNTERSIGN_RUN"
IS_LINUX: Final = sys.platform == "linux"
_GOODBYE: Final = b"."
_ENDING_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
# A killed process is gone in an instant, unless the kernel holds it in a device that hangs.
_KILL_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Watchdog:
    """The supervisor's end of the pipe."""

    pid: int
    pipe: int

    def dismiss(self) -> None:
        """Say goodbye: the supervisor has cleared up itself."""
        os.write(self.pipe, _GOODBYE)
        os.close(self.pipe)
        os.waitpid(self.pid, 0)


def watch(mark: str, *, grace: float) -> Watchdog:
    """Start the twin. To be called before the first thread."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(writing)
            for one in _ENDING_SIGNALS:
                signal.signal(one, signal.SIG_IGN)
            if os.read(reading, 1) != _GOODBYE:
                end_all(mark, grace=grace)
        finally:
            os._exit(0)
    os.close(reading)
    return Watchdog(pid, writing)


def end_all(mark: str, *, grace: float) -> None:
    """Ask everybody who carries the mark to end; kill who is still there after `grace` seconds."""
    for what, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, _KILL_SECONDS)):
        told: set[int] = set()
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            handles = _carriers(mark)
            if not handles:
                return
            try:
                for pid in handles.keys() - told:
                    _send(handles[pid], what)
                    told.add(pid)
                # Whoever goes may have started somebody in the meantime: then look again.
                select.select(list(handles.values()), [], [], left)
            finally:
                for handle in handles.values():
                    os.close(handle)


def _carriers(mark: str) -> dict[int, int]:
    """The processes that carry the mark, each with a handle that outlives a reused number."""
    wanted = f"{MARK}={mark}".encode()
    found: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and wanted in _environment(folder):
            try:
                handle = os.pidfd_open(int(folder.name))
            except OSError:
                continue
            if wanted in _environment(folder):
                found[int(folder.name)] = handle
            else:
                os.close(handle)
    return found


def _environment(folder: Path) -> list[bytes]:
    try:
        return (folder / "environ").read_bytes().split(b"\0")
    except OSError:
        return []  # It has gone, or belongs to somebody else.


def _send(handle: int, what: signal.Signals) -> None:
    try:
        signal.pidfd_send_signal(handle, what)
    except ProcessLookupError:
        return
