"""A model file that is an attack, explained from the page as any other model would be."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import httpx

from app.demo.organisation import DAN
from app.settings import ROOT
from catalog.assurance.explanations import Explanation, ExplanationState
from tests.assurance.hostile_model import DEEDS
from tests.assurance.scene import scene
from tests.browser.conftest import Demo, Visit
from tests.cast import models_of
from tests.stack import plain_environment, until

MODEL: Final = "gift-from-a-stranger"
# One explanation at a time: this one may wait for those of the demo to be done.
MINUTES: Final = 240_000

# The stranger knows whom to attack, as anybody on the machine could find out.
_STRANGER: Final = """
import json
import hostile_model

class Stranger:
    def __init__(self, targets):
        hostile_model.TARGETS.update(targets)
        if "endless" in targets:
            getattr(hostile_model, targets["endless"])()
        self.report = []
        for name, deed in hostile_model.DEEDS.items():
            try:
                self.report.append(f"{name}: {deed()}")
            except BaseException as stopped:
                self.report.append(f"{name}: stopped by {type(stopped).__name__}")

    def predict(self, rows, params=None):
        return [self.report[i % len(self.report)] for i in range(len(rows))]

def _load_pyfunc(path):
    return Stranger(json.load(open(path)) | {"here": path})
"""
# Logged and registered as anybody with access to MLflow may do it, by a program of its own.
_LOGGING: Final = """
import sys
import mlflow, pandas
uri, name, *attacks = sys.argv[1:]
mlflow.set_tracking_uri(uri)
client = mlflow.MlflowClient()
client.create_registered_model(name)
rows = pandas.DataFrame({"income": [40.0, 30.5, 52.0] * 40, "debt": [10.0, 4.5, 1.0] * 40})
rows.to_parquet("evaluation_sample.parquet", index=False)
for attack in attacks:
    with mlflow.start_run() as run:
        info = mlflow.pyfunc.log_model(
            name=name, loader_module="stranger", data_path=attack,
            code_paths=["stranger.py", "hostile_model.py"], pip_requirements=[],
            signature=mlflow.models.infer_signature(rows, ["word"]),
        )
        mlflow.log_artifact("evaluation_sample.parquet")
    client.create_model_version(
        name, f"models:/{info.model_id}", run.info.run_id, model_id=info.model_id
    )
"""


def _register(demo: Demo, folder: Path, *attacks: dict[str, Any]) -> None:
    """A version for each attack."""
    shutil.copy(ROOT / "tests" / "assurance" / "hostile_model.py", folder)
    (folder / "stranger.py").write_text(_STRANGER)
    files = []
    for number, attack in enumerate(attacks, 1):
        files.append(folder / f"attack-{number}.json")
        files[-1].write_text(json.dumps(attack))
    made = subprocess.run(
        [sys.executable, "-c", _LOGGING, demo.stack.mlflow_uri, MODEL, *map(str, files)],
        cwd=folder,
        env=plain_environment() | {"MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr


def test_a_hostile_model_explained_from_the_page_is_told_of_and_hurts_nobody(
    demo: Demo, visit: Visit, tmp_path: Path
) -> None:
    stack = demo.stack
    programs = {
        number: command
        for number, command in stack.processes().items()
        if "countersign" in command or "mlflow server" in command
    }
    worker = next(number for number, command in programs.items() if command.endswith("worker "))
    with scene("self") as outside:
        targets = outside.targets(
            portal=worker, secret="hush-hush", secret_file=str(stack.folder / "demo-passwords.txt")
        )
        _register(demo, tmp_path, targets, {**targets, "endless": "leave"})
        until(lambda: len(_versions(demo)) == 2, "the catalog lists both versions")

        dan = visit(DAN)
        for number in (1, 2):
            dan.open(f"/explain?name={MODEL}&version={number}")
            dan.page.get_by_role("button", name="Compute the explanation").click()
            dan.reads("Being explained")
        dan.reads("It could not be explained", within=MINUTES)
        dan.reads("The model ")
        dan.reads_not("Traceback")
        dan.reads_not("Incident")
        dan.shot("hostile-2-leaves")
        dan.open(f"/explain?name={MODEL}&version=1")
        dan.reads("The model file tried to open a network connection", within=MINUTES)
        dan.shot("hostile-1-attacks")
        traces = outside.traces()

    first, second = (_explanation(demo, number) for number in (1, 2))
    assert first.state is ExplanationState.DONE
    assert first.result
    report = dict(str(line).split(": ", 1) for line in first.result.predictions)
    assert set(report) <= set(DEEDS)
    assert {name: done for name, done in report.items() if "stopped by" not in done} == {}
    assert traces == set()
    assert second.state is ExplanationState.FAILED
    assert second.problem.startswith("The model ")
    assert second.hint
    assert programs.items() <= stack.processes().items()
    assert httpx.get(f"{stack.url}/readyz", trust_env=False).json()["status"] == "ready"


def _versions(demo: Demo) -> list[str]:
    desks = demo.stack.portal
    person = desks.people.by_email(DAN.email)
    assert person
    by = desks.people.actor(person.id)
    models = [one for one in models_of(desks, by=by) if one.name == MODEL]
    return [version.id for model in models for version in reversed(desks.models.versions(model))]


def _explanation(demo: Demo, number: int) -> Explanation:
    desks = demo.stack.portal
    person = desks.people.by_email(DAN.email)
    assert person
    by = desks.people.actor(person.id)
    version = desks.models.version(desks.models.find(MODEL, by=by), number)
    found = desks.explanations.of(version.id, by=by)
    assert found
    return found
