"""The walls around somebody else's program: a child that sees its inputs and nothing else.

Every wall is put up by the child itself, in a process that has been forked after the heavy imports
(a lock put on later would miss the threads that those imports started). The kernel's own means are
enough, reached through ctypes: namespaces, an empty root, no capabilities, Landlock, seccomp and
resource limits. A wall that cannot be built ends the child; it never falls back half-built.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
import sysconfig
import traceback
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from catalog.assurance.system_calls import refusing_program

if TYPE_CHECKING:
    from collections.abc import Callable

Level = Literal["A", "B", "C"]
"""A: namespaces and everything below. B: Landlock, seccomp, limits. C: limits alone: no sandbox."""

BROKEN = 97
"""Exit status of a child whose walls could not be built."""
TOO_LONG_ON_CPU = 128 + signal.SIGXCPU

_SCRATCH = Path("/scratch")
_INPUTS = Path("/in")
_DEVICES = (Path("/dev/null"), Path("/dev/zero"), Path("/dev/urandom"))
_THREADS = 64
_OPEN_FILES = 64
# Above the accounts and below the identities that containers and systemd give away.
_FIRST_JOB_UID, _JOB_UIDS = 62_000, 3_000


@dataclass(frozen=True)
class Walls:
    """What one job may see and use; `workshop` is an empty folder on which its root is built."""

    level: Level
    inputs: Path
    workshop: Path
    libraries: tuple[Path, ...]
    memory_bytes: int
    cpu_seconds: int
    scratch_bytes: int


def libraries() -> tuple[Path, ...]:
    """Return the folders Python and its packages are read from, without the project's own."""
    # Not simply sys.path: an editable install puts the checkout there, and the data folder with it.
    named = {sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")}
    installed = {p for p in sys.path if Path(p).name in {"site-packages", "dist-packages"}}
    system = {"/usr/lib", "/usr/lib64", "/usr/local/lib", str(Path(sys.base_prefix) / "lib")}
    wanted = sorted({Path(p).resolve() for p in named | installed | system if Path(p).is_dir()})
    return tuple(p for p in wanted if not any(other in p.parents for other in wanted))


def strongest(walls: Walls) -> Level:
    """Return the best level this machine can build, found by building it once in a spare child."""
    for level in ("A", "B"):
        if sys.platform == "linux" and run(replace(walls, level=level), lambda _: None, 2) == 0:
            return level
    return "C"


def run(walls: Walls, work: Callable[[Path], None], keep: int) -> int:
    """Call `work` with the inputs folder, in a locked child; return its exit status, shell style.

    `keep` is the only file descriptor that stays open. Only a single-threaded child can enter a
    user namespace, and only a second fork is inside the new process namespace.
    """
    inside = lambda: _lock_and_work(walls, work, keep)  # noqa: E731
    if walls.level != "A":
        return _in_child(inside, walls.cpu_seconds)

    def outer() -> int:
        _leave_namespaces()
        return _in_child(inside, walls.cpu_seconds)

    return _in_child(outer, walls.cpu_seconds)


def _in_child(act: Callable[[], int], cpu_seconds: int) -> int:
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        status = BROKEN
        try:
            die_with(parent)
            status = act()
        except BaseException:  # noqa: BLE001 - nothing may unwind into the parent's stack
            traceback.print_exc()
        finally:
            os._exit(status)
    ended, used = os.wait4(child, 0)[1:]
    if os.WIFSIGNALED(ended) and used.ru_utime + used.ru_stime >= cpu_seconds:
        return TOO_LONG_ON_CPU  # as process 1 of its namespace it only dies of the later SIGKILL
    status = os.waitstatus_to_exitcode(ended)
    return status if status >= 0 else 128 - status


def _lock_and_work(walls: Walls, work: Callable[[Path], None], keep: int) -> int:
    inputs = walls.inputs
    if walls.level == "A":
        _build_root(walls)
        inputs = _INPUTS
    _close_all_but(keep)
    home = str(_SCRATCH) if walls.level == "A" else str(inputs)
    os.environ.clear()
    os.environ.update(HOME=home, TMPDIR=home, OMP_NUM_THREADS="1")
    os.chdir(inputs)
    if sys.platform == "linux":
        _drop_identity(change_uid=walls.level == "A" and os.geteuid() == 0)
    _limit(walls)
    if walls.level != "C":
        _restrict_paths(
            (*walls.libraries, inputs), writable=_SCRATCH if home != str(inputs) else None
        )
        _filter_calls()
    work(inputs)
    return 0


# --- the kernel's calls -----------------------------------------------------------------------

_LIBC = ctypes.CDLL(None, use_errno=True)
_MACHINE = 0 if platform.machine() == "x86_64" else 1

_UNSHARE_NS, _UNSHARE_USER = 0x00020000, 0x10000000
_UNSHARE_REST = 0x20000000 | 0x40000000 | 0x08000000 | 0x04000000  # pid, net, ipc, uts
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = (
    *(1, 2, 4, 8, 32),
    *(4096, 16384, 1 << 18),
)
_PIVOT_ROOT, _CAPSET, _SECCOMP = ((155, 41), (126, 91), (317, 277))
_MOUNT_SETATTR, _LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 442, 444, 445, 446


def _checked(result: int, what: str) -> int:
    if result < 0:
        problem = ctypes.get_errno()
        raise OSError(problem, f"{what}: {os.strerror(problem)}")
    return result


def _call(what: str, number: int, *arguments: int | bytes | None) -> int:
    # Without the explicit long a pointer-sized zero would be passed as a 32-bit int.
    longs = (ctypes.c_long(a) if isinstance(a, int) else a for a in arguments)
    return _checked(int(_LIBC.syscall(ctypes.c_long(number), *longs)), what)


def _prctl(option: int, value: int = 0) -> int:
    zero = ctypes.c_ulong(0)
    return int(_LIBC.prctl(option, ctypes.c_ulong(value), zero, zero, zero))


def _mount(
    source: Path | None, target: Path, kind: str = "", flags: int = 0, data: str = ""
) -> None:
    encoded = (str(source or "none").encode(), str(target).encode(), kind.encode() or None)
    result = _LIBC.mount(*encoded, ctypes.c_ulong(flags), data.encode() or None)
    _checked(int(result), f"mount {target}")


def die_with(parent: int) -> None:
    """Arrange to be killed when the parent goes, so that no job outlives the one who asked."""
    if sys.platform != "linux":
        return
    _checked(_prctl(1, signal.SIGKILL), "parent death signal")
    if os.getppid() not in {parent, 0}:  # 0: the parent lives outside this process namespace
        os._exit(BROKEN)


# --- namespaces and the empty root ------------------------------------------------------------


def _leave_namespaces() -> None:
    user, group = os.geteuid(), os.getegid()
    flags = _UNSHARE_NS | _UNSHARE_REST | (_UNSHARE_USER if user else 0)
    _checked(int(_LIBC.unshare(flags)), "unshare")
    if user:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    die_with(os.getppid())  # a change of identity clears the signal


def _build_root(walls: Walls) -> None:
    """Make an empty root with read-only views of the libraries and the inputs, and enter it.

    There is no /proc, no /etc and no program in it. Parents of a shown folder are new and open to
    all, so that an interpreter kept where only root may look can still import after the drop.
    """
    root = walls.workshop
    os.umask(0o022)
    _mount(None, Path("/"), flags=_REC | _PRIVATE)
    _mount(None, root, "tmpfs", _NOSUID | _NODEV, "size=1m,mode=0755")
    for link in (Path("/lib"), Path("/lib64")):
        if link.is_symlink():
            _below(root, link).symlink_to(link.readlink())
    for library in walls.libraries:
        _show(library, _below(root, library))
    _show(walls.inputs, _below(root, _INPUTS))
    for device in _DEVICES:
        _show(device, _below(root, device), device=True)
    scratch = _below(root, _SCRATCH)
    scratch.mkdir()
    options = f"size={walls.scratch_bytes},mode=1777"
    _mount(None, scratch, "tmpfs", _NOSUID | _NODEV | _NOEXEC, options)
    os.chdir(root)
    _call("pivot_root", _PIVOT_ROOT[_MACHINE], b".", b".")
    _checked(int(_LIBC.umount2(b".", 2)), "leave the old root")
    os.chdir("/")
    _mount(None, Path("/"), flags=_REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV)


def _below(root: Path, path: Path) -> Path:
    place = root / path.relative_to("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _show(source: Path, place: Path, *, device: bool = False) -> None:
    if device:
        place.touch()
    else:
        place.mkdir(parents=True, exist_ok=True)
    # An ordinary user may not take a folder apart from what is mounted below it: hence recursive.
    _mount(source, place, flags=_BIND | _REC)
    attributes = struct.pack("QQQQ", _RDONLY | _NOSUID | (0 if device else _NODEV), 0, 0, 0)
    here, recursive = -100, 0x8000
    _call(f"protect {place}", _MOUNT_SETATTR, here, bytes(place), recursive, attributes, 32)


# --- identity, limits, paths ------------------------------------------------------------------


def _close_all_but(keep: int) -> None:
    nothing = os.open("/dev/null", os.O_RDWR)
    for standard in {0, 1, 2} - {keep}:
        os.dup2(nothing, standard)
    os.closerange(3, keep)
    os.closerange(max(keep, 2) + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _drop_identity(*, change_uid: bool) -> None:
    for capability in range(64):
        if _prctl(24, capability) < 0:  # the bounding set; past the last one, or not ours to drop
            break
    if change_uid:
        job = _FIRST_JOB_UID + int.from_bytes(os.urandom(4)) % _JOB_UIDS
        os.setgroups([])
        os.setresgid(job, job, job)
        os.setresuid(job, job, job)
    _checked(_prctl(1, signal.SIGKILL), "parent death signal")
    _checked(_prctl(4, 0), "not dumpable")
    _checked(_prctl(38, 1), "no new privileges")
    version_3 = struct.pack("Ii", 0x20080522, 0)
    _call("capset", _CAPSET[_MACHINE], version_3, bytes(24))


def _limit(walls: Walls) -> None:
    # One second between the polite signal and the one that cannot be ignored.
    ceilings = {
        resource.RLIMIT_AS: (walls.memory_bytes, walls.memory_bytes),
        resource.RLIMIT_CPU: (walls.cpu_seconds, walls.cpu_seconds + 1),
        resource.RLIMIT_FSIZE: (walls.scratch_bytes, walls.scratch_bytes),
        resource.RLIMIT_NOFILE: (_OPEN_FILES, _OPEN_FILES),
        resource.RLIMIT_CORE: (0, 0),
    }
    if walls.level == "A":
        # Counted per user: without a namespace of its own it would count the user's whole desktop.
        ceilings[resource.RLIMIT_NPROC] = (_THREADS, _THREADS)
    for kind, ceiling in ceilings.items():
        with suppress(ValueError):  # already lower than we ask
            resource.setrlimit(kind, ceiling)


def _restrict_paths(readable: tuple[Path, ...], *, writable: Path | None) -> None:
    abi = _call("Landlock", _LANDLOCK_CREATE, None, 0, 1)
    execute, write_file, read_file, read_folder = 1, 2, 4, 8
    # Each version of Landlock knows more: 13 rights on files, then moving, cutting, device control;
    # binding and connecting TCP; abstract sockets and signals to processes outside.
    handled = (1 << 13 + sum(abi >= since for since in (2, 3, 5))) - 1
    tcp, scopes = (3 if abi >= since else 0 for since in (4, 6))
    rules = struct.pack("QQQ", handled, tcp, scopes)
    ruleset = _call("Landlock rules", _LANDLOCK_CREATE, rules, len(rules), 0)
    allowed = dict.fromkeys(readable, read_file | read_folder)
    allowed |= dict.fromkeys(_DEVICES, read_file)
    allowed[_DEVICES[0]] = read_file | write_file
    if writable is not None:
        allowed[writable] = handled & ~execute
    for path, access in allowed.items():
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        _call(f"Landlock {path}", _LANDLOCK_ADD, ruleset, 1, struct.pack("=Qi", access, place), 0)
        os.close(place)
    _call("Landlock lock", _LANDLOCK_RESTRICT, ruleset, 0)
    os.close(ruleset)


def _filter_calls() -> None:
    program = refusing_program(os.getpid())
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    set_filter, on_every_thread = 1, 1
    _call("seccomp", _SECCOMP[_MACHINE], set_filter, on_every_thread, header)
