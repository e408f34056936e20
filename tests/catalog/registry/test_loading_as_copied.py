"""What the Load tab shows runs as it was copied: the right MLflow, and rows the model takes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from catalog.registry.input_example import tabular
from catalog.registry.mlflow.server import MlflowServer
from catalog.registry.snippets import before, snippets
from catalog.registry.version import signature_of
from tests.catalog.registry.test_snippets import VERSION

NAME = "copied-score"
_SAVE = """
import mlflow
import pandas as pd

class Score(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["income"] / (1 + model_input["loans"])

rows = pd.DataFrame({"income": [41500.0, 10.0], "loans": [4, 0], "grade": ["A", "B"]})
with mlflow.start_run():
    mlflow.pyfunc.log_model(
        name="m", python_model=Score(), input_example=rows, registered_model_name="copied-score"
    )
"""


def shell(folder: Path, first: str, python: str) -> str:
    file = folder / "copied.py"
    file.write_text(python)
    script = f"{first}\n'{sys.executable}' '{file}'"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_code_that_is_shown_runs_as_it_was_copied(mlflow_server: str, tmp_path: Path) -> None:
    first = before(mlflow_server, "default")
    shell(tmp_path, first[0].code, _SAVE)
    place = MlflowServer(mlflow_server)
    (seen,) = place.versions(NAME)
    told = place.details(seen)
    version = replace(
        VERSION, number=seen.number, flavors=told.flavors, signature=signature_of(told.signature)
    )
    ways = snippets(NAME, version, example=tabular(told.example.body))
    code = next(one.code for one in ways if one.title == "Python, any flavor")
    assert '"income": 41500.0' in code
    printed = code.replace("model.predict(rows)", "print(list(model.predict(rows)))")
    assert shell(tmp_path, first[0].code, printed) == "[8300.0]\n"
    # In a notebook there is no shell: Python says the same.
    assert shell(tmp_path, "unset MLFLOW_TRACKING_URI", first[1].code + printed) == "[8300.0]\n"
