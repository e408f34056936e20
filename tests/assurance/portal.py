"""A stand-in for the portal: a process with a secret in its environment that has a model explained.

`python -m tests.assurance.portal explain|load MODEL SAMPLE LIMITS` prints a line of JSON. `load` is
what must never be done in the product: the model is loaded in an ordinary child process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from catalog.assurance.runner import ExplainInput, Limits, explain
from ledger.errors import CountersignError

_UNSANDBOXED = """
import json, sys
import mlflow.pyfunc, pandas
rows = pandas.read_csv(sys.argv[2])
print(json.dumps(list(mlflow.pyfunc.load_model(sys.argv[1]).predict(rows))))
"""


def run_unsandboxed(model: Path, sample: Path) -> list[str]:
    """Load a model the way one would without a sandbox and return its answers."""
    command = [sys.executable, "-c", _UNSANDBOXED, str(model), str(sample)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answers: list[str] = json.loads(done.stdout.splitlines()[-1])
    return answers


def main() -> None:
    how, model, sample, limits = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
    (model / "portal-process").write_text(str(os.getpid()))
    if how == "load":
        print(json.dumps({"predictions": run_unsandboxed(model, sample)}))
        return
    try:
        result = explain(
            ExplainInput(model, sample),
            Limits(**json.loads(limits)),
            lambda progress: print(json.dumps(asdict(progress)), flush=True),
        )
    except CountersignError as problem:
        said = {"error": problem.message, "code": problem.code, "hint": problem.hint}
        print(json.dumps(said))
    else:
        print(json.dumps(asdict(result)))


if __name__ == "__main__":
    main()
