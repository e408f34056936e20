"""`make faults`: the drill of the promotions in full, on SQLite and on PostgreSQL.

APPROVALS, KILLS and DOWN_S of the environment make it smaller. The last line is JSON; the exit
code is 1 when an approval was lost or doubled, or when the queue took too long.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from tests import postgres
from tests.faults import stock
from tests.faults.promotions_drill import ALIASES, Drill, Outcome, Size
from tests.faults.workshop import Logged, train
from tests.stack import MlflowServer


def main() -> int:
    """Run both databases, one working while the other waits for its MLflow."""
    size = Size(
        approvals=int(os.environ.get("APPROVALS") or 1000),
        kills=int(os.environ.get("KILLS") or 3),
        down_s=float(os.environ.get("DOWN_S") or 600),
    )
    machine = Lock()
    with (
        tempfile.TemporaryDirectory(prefix="countersign-faults-") as named,
        postgres.running() as server,
        ThreadPoolExecutor(2) as threads,
    ):
        folder = Path(named)
        kept = folder / "kept"
        logged = _filled(folder / "mlflow", kept, size)

        def run(kind: str) -> Outcome:
            url = server.new_database() if kind == "postgresql" else ""
            with machine:
                drill = Drill(folder / kind, kept, logged, size, machine=machine, url=url)
            return drill.run()

        running = {kind: threads.submit(run, kind) for kind in ("sqlite", "postgresql")}
        outcomes = {kind: one.result() for kind, one in running.items()}
    print(json.dumps({kind: outcome.plain() for kind, outcome in outcomes.items()}))
    return 0 if all(one.is_right and one.is_quick for one in outcomes.values()) else 1


def _filled(folder: Path, kept: Path, size: Size) -> Logged:
    """Train a model and fill a folder with it."""
    folder.mkdir()
    server = MlflowServer(folder)
    server.start()
    try:
        server.wait()
        logged = train(server)
        stock.fill(kept, server, logged, models=size.models, aliases=ALIASES)
    finally:
        server.stop()
    return logged


if __name__ == "__main__":
    sys.exit(main())
