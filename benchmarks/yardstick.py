"""How fast this machine is just now: the same small work each time, so that days can be compared.

A figure of one day is to be read against that of another by the ratio of their yardsticks.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import time
from typing import Final

from benchmarks.figures import Figure

ROUNDS: Final = 9
_ROWS: Final = 20_000


def measure(moment: str) -> Figure:
    """The median CPU of some JSON, some sorting and some SQLite, before or after the others."""
    return Figure(
        f"yardstick, {moment}", statistics.median(_cpu_ms() for _ in range(ROUNDS)), "ms CPU"
    )


def _cpu_ms() -> float:
    began = time.process_time()
    rows = [(number, f"model-{number * 7919 % _ROWS:05}") for number in range(_ROWS)]
    told = json.loads(json.dumps([{"id": number, "name": name} for number, name in rows]))
    told.sort(key=lambda one: one["name"])
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE model (id INTEGER PRIMARY KEY, name TEXT)")
        database.executemany("INSERT INTO model VALUES (:id, :name)", told)
        database.execute("SELECT name FROM model ORDER BY name DESC").fetchall()
    return (time.process_time() - began) * 1000
