"""What the guard costs each request: CPU of a guarded server against an unguarded one.

Both serve the same, in turns within one run; CPU is that of the server's whole process group.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final

import httpx

from benchmarks.figures import Figure
from tests.guard.scene import KEY, guarded, make, public
from tests.stack import MlflowServer

_TARGET_MS: Final = 1.0
_CALLS: Final = 50
_TURNS: Final = 20
_API: Final = "/api/2.0/mlflow"
_TICK: Final = os.sysconf("SC_CLK_TCK")


def measure() -> list[Figure]:
    """Milliseconds of CPU that the guard adds to a read, a free move and an upload."""
    with tempfile.TemporaryDirectory() as folder:
        servers = {
            True: guarded(Path(folder, "guarded"), COUNTERSIGN_GUARD_PUBLIC_KEY=public(KEY)),
            False: MlflowServer(Path(folder, "unguarded")),
        }
        try:
            for server in servers.values():
                server.folder.mkdir()
                server.start()
                server.wait()
            return _compared(servers)
        finally:
            for server in servers.values():
                server.stop()


def _compared(servers: dict[bool, MlflowServer]) -> list[Figure]:
    folders = {which: make(server.client, "m")[0].folder for which, server in servers.items()}
    asked: dict[str, Callable[[httpx.Client, str], httpx.Response]] = {
        "reading a version": lambda c, _: c.get(
            f"{_API}/model-versions/get", params={"name": "m", "version": "1"}
        ),
        "moving an alias that is free": lambda c, _: c.post(
            f"{_API}/registered-models/alias",
            json={"name": "m", "alias": "challenger", "version": "1"},
        ),
        "uploading a file": lambda c, f: c.put(
            f"/api/2.0/mlflow-artifacts/artifacts/{f}/a.txt", content="x" * 1000
        ),
    }
    figures = []
    for name, ask in asked.items():
        spent: dict[bool, list[float]] = {True: [], False: []}
        for turn in range(_TURNS):
            # Short turns, each side first as often: what else runs disturbs both alike.
            for which in (turn % 2 == 0, turn % 2 == 1):
                spent[which].append(_cpu_ms(servers[which], folders[which], ask))
        pairs = zip(spent[True], spent[False], strict=True)
        added = median(one - other for one, other in pairs)
        without = median(spent[False])
        figures += [
            Figure(f"guard: CPU of {name}", median(spent[True]), "ms", baseline=without),
            Figure(f"guard: added to {name}", added, "ms", target=_TARGET_MS),
        ]
    return figures


def _cpu_ms(
    server: MlflowServer, folder: str, ask: Callable[[httpx.Client, str], httpx.Response]
) -> float:
    """CPU of the server for one of many calls."""
    with httpx.Client(base_url=server.uri, trust_env=False, timeout=60) as caller:
        assert ask(caller, folder).is_success
        before = _seconds(server.group)
        for _ in range(_CALLS):
            assert ask(caller, folder).is_success
    return (_seconds(server.group) - before) * 1000 / _CALLS


def _seconds(group: int) -> float:
    """CPU that the processes of a group have used so far."""
    used = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        if int(words[2]) == group:
            used += int(words[11]) + int(words[12])
    return used / _TICK
