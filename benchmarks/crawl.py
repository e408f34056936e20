"""The cost of reading a whole registry: 10,000 models x 5 versions, beside the same pages bare.

Both are counted in seconds of CPU, here and in the MLflow server, because that is what a busy
machine leaves alone. The copy is complete before the crawl that is measured: it finds nothing new.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from app import migrate
from app.loops import MIRROR
from app.portal import build
from app.settings import from_environment
from benchmarks import mlflow_registry
from benchmarks.figures import Figure
from catalog.registry.mlflow.server import MlflowServer as Adapter
from ledger.jobs import NoJobs
from tests.stack import MlflowServer

MODELS: Final = int(os.environ.get("BENCH_MODELS", "10000"))
VERSIONS: Final = 5
AT_MOST: Final = 1.5
_TICKS: Final = os.sysconf("SC_CLK_TCK")


def measure() -> list[Figure]:
    """The first crawl, a crawl that finds nothing new, and the same pages read bare."""
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as folder:
        server = MlflowServer(Path(folder))
        mlflow_registry.write(server.database, models=MODELS, versions=VERSIONS)
        server.start()
        try:
            server.wait()
            return _figures(server, Path(folder))
        finally:
            server.stop()


def _figures(server: MlflowServer, folder: Path) -> list[Figure]:
    settings = from_environment({"DATA_DIR": str(folder), "MLFLOW_TRACKING_URI": server.uri})
    portal = build(settings, jobs=NoJobs())
    migrate.to_head(portal.store)
    place = Adapter(server.uri)
    next(place.model_pages(newest_first=True))  # both sides have imported what they need

    def bare() -> None:
        read = sum(len(page) for page in place.version_pages())
        read += sum(len(page) for page in place.model_pages())
        assert read == MODELS * (VERSIONS + 1)

    def crawl() -> None:
        state = portal.mirror.look(by=MIRROR, at_everything=True)
        assert (state.models, state.versions) == (MODELS, MODELS * VERSIONS)

    first = _cpu(server, crawl)
    baseline = _cpu(server, bare)
    again = _cpu(server, crawl)
    portal.store.close()
    size = f"{MODELS} x {VERSIONS}"
    return [
        Figure(f"crawl/first, {size}", first, "s CPU", AT_MOST * baseline, baseline),
        Figure(f"crawl/nothing new, {size}", again, "s CPU", AT_MOST * baseline, baseline),
    ]


def _cpu(server: MlflowServer, act: Callable[[], None]) -> float:
    """Seconds of CPU that an act costs here and in the server's processes."""
    before = time.process_time(), of_group(server.group)
    act()
    return time.process_time() - before[0] + of_group(server.group) - before[1]


def of_group(group: int) -> float:
    """Seconds of CPU that the living processes of a group have used (Linux)."""
    ticks = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS
