"""Loading MLflow: three seconds, in whichever thread asks first, and whole for all of them."""

from __future__ import annotations

import subprocess
import sys

from app.settings import ROOT

_PROGRAM = """
import threading
from catalog.registry.mlflow.server import MlflowServer
from ledger.errors import CountersignError

begin, said = threading.Barrier(6), []

def ask(number):
    server = MlflowServer("http://127.0.0.1:9")
    begin.wait()
    try:
        server.model("m") if number % 2 else server.workspaces()
    except CountersignError as problem:
        said.append(type(problem.__cause__).__name__)

threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
for one in threads:
    one.start()
for one in threads:
    one.join()
print(sorted(said))
"""


def test_threads_that_ask_at_once_each_reach_the_network_and_none_half_a_module() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        cwd=ROOT,
        env={"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    said = answer.stdout.splitlines()[-1]
    assert said == str(["MlflowException"] * 3 + ["ServerInfoRequestError"] * 3), answer.stderr
