"""What a locked model tried to do besides answering: told to people, never relied upon.

Python reports its own acts before they happen. A model written to hide can act without Python, and
the walls hold all the same; this is for saying what an ordinary hostile file was up to.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Final

KINDS: Final = {
    "network": "open a network connection",
    "program": "start another program",
    "process": "reach another process",
    "write": "change files that are not its own",
    "read": "read files that are not its own",
}
_PROGRAM = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty")
_PROCESS = ("os.kill", "os.killpg")
_WRITE = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.chown", "os.truncate")
_FILES = ("open", "os.listdir", "os.scandir", "sqlite3.connect")
# What a numerical library looks up about the machine it runs on.
_COMMON = ("/usr/", "/sys/", "/dev/", "/etc/localtime", "/proc/self/", "/proc/cpuinfo", "/proc/mem")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def watch(
    own: tuple[str, ...], tell: Callable[[str], None]
) -> Callable[[str, tuple[object, ...]], None]:
    """Return an audit hook that tells each kind of attempt once; `own` are the model's folders."""
    told: set[str] = set()
    mine = (*(f"{folder}/" for folder in own), *_COMMON)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        with suppress(Exception):  # an exception here would stop the act and become part of it
            kind = _kind(event, arguments, mine)
            if kind and kind not in told:
                told.add(kind)
                tell(kind)

    return hook


def _kind(event: str, arguments: tuple[object, ...], mine: tuple[str, ...]) -> str:
    if event.startswith("socket."):
        return "" if event == "socket.gethostname" else "network"
    if event in _PROGRAM or event in _PROCESS:
        return "program" if event in _PROGRAM else "process"
    path = arguments[0] if event in (*_FILES, *_WRITE) else None
    if not isinstance(path, (str, bytes, os.PathLike)):
        return ""  # not about a file, or about one that is already open
    place = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - words only: nothing is looked up
    if f"{place}/".startswith(mine):
        return ""
    if place.startswith("/proc/"):
        return "process"
    flags = arguments[2] if event == "open" else 0
    writes = event in _WRITE or (isinstance(flags, int) and flags & _WRITING)
    return "write" if writes else "read"


def sentence(kinds: set[str]) -> str:
    """Say what was tried, for a person; empty if nothing was."""
    tried = [words for kind, words in KINDS.items() if kind in kinds]
    if not tried:
        return ""
    *most, last = tried
    said = f"{', '.join(most)} and {last}" if most else last
    return f"The model file tried to {said}; the sandbox does not allow it."
