"""One command starts everything, and nothing of it outlives the command."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app import watchdog
from app.settings import ROOT, from_environment, without_password
from app.start import programs
from tests.household import MARK

Start = Callable[[str], "Run"]
_SOON = 20


class Run:
    """A household that was started, and what it has said so far."""

    def __init__(self, folder: Path, story: str) -> None:
        self.folder = folder
        self.said = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.household", str(folder), story],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def hear(self, words: str) -> str:
        """Listen until the words were said."""
        assert self.process.stdout
        deadline = time.monotonic() + _SOON
        while words not in self.said:
            left = deadline - time.monotonic()
            assert left > 0, f"{words!r} was not said within {_SOON} s, but:\n{self.said}"
            if select.select([self.process.stdout], [], [], left)[0]:
                chunk = os.read(self.process.stdout.fileno(), 65536)
                assert chunk, f"{words!r} was never said, but:\n{self.said}"
                self.said += chunk.decode()
        return self.said

    def end(self) -> int:
        """Wait for the end. Returns the exit code."""
        assert self.process.stdout
        self.said += self.process.stdout.read().decode()
        return self.process.wait(_SOON)

    def everybody(self) -> set[int]:
        """Who belongs to the household at this moment, by process number."""
        wanted = f"{watchdog.MARK}={MARK}{self.folder.name}".encode()
        found = set()
        for one in Path("/proc").glob("[0-9]*"):
            try:
                if wanted in (one / "environ").read_bytes().split(b"\0"):
                    found.add(int(one.name))
            except OSError:
                continue
        return found


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    runs: list[Run] = []

    def start(story: str) -> Run:
        runs.append(Run(tmp_path_factory.mktemp(story), story))
        return runs[-1]

    yield start
    for run in runs:
        run.process.kill()
        run.process.wait()
        watchdog.end_all(MARK + run.folder.name, grace=0)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_ending_signal_ends_everybody_and_is_no_failure(
    start: Start, how: signal.Signals
) -> None:
    run = start("peace")
    run.hear("waiting")
    run.hear("here")
    assert len(run.everybody()) == 3
    run.process.send_signal(how)
    assert run.end() == 0
    assert run.everybody() == set()


def test_ctrl_c_reaches_the_whole_process_group_and_ends_it_quietly(start: Start) -> None:
    run = start("peace")
    run.hear("here")
    run.hear("waiting")
    for pid in run.everybody():
        assert os.getpgid(pid) == run.process.pid
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.end() == 0
    assert "Traceback" not in run.said
    assert "by itself" not in run.said
    assert run.everybody() == set()


def test_a_supervisor_killed_outright_leaves_nobody_behind(start: Start) -> None:
    run = start("peace")
    run.hear("here")
    run.hear("waiting")
    run.process.kill()
    run.end()  # the output is open until the last of them has gone
    assert run.everybody() == set()


def test_a_program_that_will_not_end_is_killed_after_the_grace(start: Start) -> None:
    run = start("stubborn")
    run.hear("never")
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0
    assert run.everybody() == set()


def test_the_end_of_the_portal_ends_the_run_with_its_exit_code(start: Start) -> None:
    run = start("vital")
    assert run.end() == 7
    assert "The portal has ended by itself (exit code 7)" in run.said
    assert "my last words" in run.said
    assert run.everybody() == set()


def test_any_other_program_that_dies_is_started_again(start: Start) -> None:
    run = start("again")
    said = run.hear("back again")
    assert "The worker has ended by itself (exit code 3)" in said
    assert "started again in 1 s" in said
    assert run.process.poll() is None


def test_a_program_sees_the_environment_it_was_given_and_nothing_else(start: Start) -> None:
    said = start("bare").hear("waiting")
    seen = {word.strip("',[]") for word in said.partition("sees ")[2].splitlines()[0].split()}
    assert seen - {"LC_CTYPE"} == {"PATH", watchdog.MARK}


def test_a_flood_of_output_is_kept_in_logs_of_bounded_size(start: Start) -> None:
    run = start("loud")
    run.hear("waiting")
    logs = list(run.folder.glob("portal.log*"))
    assert len(logs) > 1
    assert all(log.stat().st_size <= 5_100_000 for log in logs)
    assert all(log.stat().st_mode & 0o077 == 0 for log in logs)


# -- who gets what ---------------------------------------------------------------------------------

GIVEN = {
    "PATH": "/bin",
    "MLFLOW_TRACKING_URI": "http://ann:word@mlflow.example:5000/x",
    "MLFLOW_TRACKING_PASSWORD": "word",
    "MLFLOW_TRACKING_TOKEN": "word",
    "AWS_SECRET_ACCESS_KEY": "word",
    "DATABASE_URL": "postgresql://c:word2@db/c",
    "STREAMLIT_SERVER_PORT": "1",
    "SOMEBODY_ELSES": "secret",
}


def _environments(folder: Path, given: dict[str, str]) -> dict[str, dict[str, str]]:
    given = {**given, "DATA_DIR": str(folder)}
    return {p.name: dict(p.environment) for p in programs(from_environment(given), given)}


def test_credentials_of_mlflow_reach_only_the_worker(tmp_path: Path) -> None:
    seen = _environments(tmp_path, GIVEN)
    assert set(seen) == {"portal", "worker"}
    assert "word" in seen["worker"].values()
    assert seen["worker"]["MLFLOW_TRACKING_URI"] == GIVEN["MLFLOW_TRACKING_URI"]
    assert seen["portal"]["MLFLOW_TRACKING_URI"] == "http://mlflow.example:5000/x"
    assert "word" not in seen["portal"].values()


def test_our_own_mlflow_learns_neither_database_nor_credentials(tmp_path: Path) -> None:
    given = {name: value for name, value in GIVEN.items() if name != "MLFLOW_TRACKING_URI"}
    seen = _environments(tmp_path, given)
    assert set(seen) == {"portal", "mlflow", "worker"}
    assert not {"DATABASE_URL", "DATA_DIR", *(n for n in GIVEN if "word" in GIVEN[n])} & set(
        seen["mlflow"]
    )
    assert seen["mlflow"]["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert seen["mlflow"]["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_nobody_gets_what_countersign_does_not_know(tmp_path: Path) -> None:
    for environment in _environments(tmp_path, GIVEN).values():
        assert not {"SOMEBODY_ELSES", "STREAMLIT_SERVER_PORT"} & set(environment)


def test_an_address_is_shown_without_the_password_in_it() -> None:
    assert without_password("https://ann:word@host:1/p?q=1") == "https://host:1/p?q=1"
    assert without_password("http://host") == "http://host"
