"""Run the benchmarks: all of them, or the one that is named. Writes benchmarks/results.json."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Final

from benchmarks import yardstick
from benchmarks.figures import Figure

BENCHMARKS: Final = ("reruns", "crawl", "search", "against_mlflow", "at_scale", "guard")
RESULTS: Final = Path(__file__).parent / "results.json"


def main(wanted: list[str]) -> int:
    """Measure, print, keep. Returns 1 when a target was missed."""
    unknown = set(wanted) - set(BENCHMARKS)
    if unknown:
        print(f"There is no benchmark {unknown.pop()!r}. There are: {', '.join(BENCHMARKS)}.")
        return 2
    figures: list[Figure] = [yardstick.measure("before")]
    for name in wanted or BENCHMARKS:
        figures += importlib.import_module(f"benchmarks.{name}").measure()
    figures.append(yardstick.measure("after"))
    RESULTS.write_text(json.dumps([figure.plain() for figure in figures], indent=2) + "\n")
    for figure in figures:
        print(figure.line())
    print(f"Written to {RESULTS}")
    return 1 if any(figure.plain()["met"] is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
