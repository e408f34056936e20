"""The demo is loaded into a server that is known to be ours, and into no other by accident."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import OWN_MLFLOW, from_environment
from app.start import programs
from app.worker import loads_demo

ELSEWHERE = {"MLFLOW_TRACKING_URI": "http://mlflow.example:5000"}


@pytest.mark.parametrize(
    ("given", "loads"),
    [
        ({}, False),  # `countersign worker` alone: whoever listens on MLFLOW_PORT
        ({"DEMO": ""}, False),
        ({"DEMO": "1"}, True),
        ({"DEMO": "0"}, False),
        ({OWN_MLFLOW: "1"}, True),
        ({OWN_MLFLOW: "0"}, False),
        ({OWN_MLFLOW: "1", "DEMO": "0"}, False),
        (ELSEWHERE, False),
        ({**ELSEWHERE, "DEMO": "1"}, True),
        ({**ELSEWHERE, OWN_MLFLOW: "1"}, False),
    ],
)
def test_a_worker_loads_the_demo_only_into_a_server_of_ours_or_when_told_to(
    tmp_path: Path, given: dict[str, str], *, loads: bool
) -> None:
    given = {**given, "DATA_DIR": str(tmp_path)}
    assert loads_demo(from_environment(given), given) == loads


@pytest.mark.parametrize(
    ("given", "loads"),
    [
        ({}, True),
        ({"DEMO": "0"}, False),
        (ELSEWHERE, False),
        ({**ELSEWHERE, OWN_MLFLOW: "1"}, False),
    ],
)
def test_a_run_tells_its_worker_whether_the_server_is_the_one_it_started(
    tmp_path: Path, given: dict[str, str], *, loads: bool
) -> None:
    given = {**given, "DATA_DIR": str(tmp_path)}
    seen = {one.name: one.environment for one in programs(from_environment(given), given)}
    assert loads_demo(from_environment(seen["worker"]), seen["worker"]) == loads
    assert OWN_MLFLOW not in seen.get("mlflow", {})
