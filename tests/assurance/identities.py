"""Becoming somebody else, on a machine with fewer walls, and then running a command.

`python identities.py WHO LACKS -- COMMAND` where WHO is `self` or `nobody` and LACKS is `nothing`,
`namespaces` or `landlock`: the kernel then answers as if it had never had them.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import tempfile
from pathlib import Path

NOBODY = 65534
_NEW_MOUNTS, _BIND, _REC, _PRIVATE = 0x20000, 4096, 16384, 1 << 18
_LIBC = ctypes.CDLL(None, use_errno=True)
# unshare on x86_64 and aarch64; the three of Landlock are the same on both
_LACKING = {"nothing": [], "namespaces": [272, 97], "landlock": [444, 445, 446]}


def _mount(source: str, target: Path, kind: str, flags: int, data: str) -> None:
    texts = (source.encode(), str(target).encode(), kind.encode())
    if _LIBC.mount(*texts, ctypes.c_ulong(flags), data.encode()):
        problem = os.strerror(ctypes.get_errno())
        sys.exit(f"Mounting {target} failed ({problem}): run these tests with CAP_SYS_ADMIN.")


def _open_the_way_to(needed: list[Path]) -> None:
    """Let everybody reach the interpreter and the project, for this process tree only.

    Where a folder on the way is root's alone, an empty open one is laid over it and what is needed
    is shown again below, at the same path.
    """
    if _LIBC.unshare(_NEW_MOUNTS):
        sys.exit("A mount namespace is needed to test as an ordinary user: run as root.")
    _mount("none", Path("/"), "", _REC | _PRIVATE, "")
    hidden: dict[Path, list[Path]] = {}
    for path in needed:
        closed = [p for p in (*reversed(path.parents), path) if not p.stat().st_mode & 0o001]
        if closed:
            hidden.setdefault(closed[0], []).append(path)
    for closed_folder, paths in hidden.items():
        aside = {path: Path(tempfile.mkdtemp(prefix="countersign-aside-")) for path in paths}
        for path, place in aside.items():
            _mount(str(path), place, "", _BIND | _REC, "")
        _mount("none", closed_folder, "tmpfs", 0, "mode=0755")
        for path, place in aside.items():
            path.mkdir(parents=True, exist_ok=True)
            _mount(str(place), path, "", _BIND | _REC, "")
            _LIBC.umount2(str(place).encode(), 2)
            place.rmdir()


def _forget(calls: list[int]) -> None:
    """Make the kernel answer "no such call" to these, here and in whatever is started from here."""
    if not calls:
        return
    step = struct.Struct("HBBI").pack
    program = step(0x20, 0, 0, 0)
    for call in calls:
        program += step(0x15, 0, 1, call) + step(0x06, 0, 0, 0x00050000 | 38)
    program += step(0x06, 0, 0, 0x7FFF0000)
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    _LIBC.prctl(38, 1, 0, 0, 0)
    if _LIBC.prctl(22, 2, header, 0, 0):
        sys.exit("The kernel has no seccomp filter.")


def main() -> None:
    who, lacks, _, *command = sys.argv[1:]
    if who == "nobody":
        prefixes = (sys.prefix, sys.base_prefix, Path(__file__).parents[2])
        _open_the_way_to([Path(p).resolve() for p in prefixes])
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        if not os.access(command[0], os.X_OK):
            sys.exit(f"{command[0]} is closed to ordinary users: make it readable for all.")
    _forget(_LACKING[lacks])
    os.execv(command[0], command)  # noqa: S606 - our own command, and no shell is wanted


if __name__ == "__main__":
    main()
