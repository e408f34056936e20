"""`countersign run` on a fresh machine: a real MLflow, the portal and the worker, together."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.settings import ROOT

_PATIENCE = 180


def _free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


class House:
    """A run in its own data folder, and what it has said so far."""

    def __init__(self, folder: Path) -> None:
        self.port, self.mlflow_port = _free_ports(2)
        self.environment = {
            **{n: v for n, v in os.environ.items() if n in {"PATH", "HOME", "TMPDIR", "LANG"}},
            "DATA_DIR": str(folder),
            "PORT": str(self.port),
            "MLFLOW_PORT": str(self.mlflow_port),
            "DEMO": "0",
        }
        self.said = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "countersign", "run"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def hear(self, words: str) -> None:
        """Listen until the words were said."""
        assert self.process.stdout
        deadline = time.monotonic() + _PATIENCE
        while words not in self.said:
            left = deadline - time.monotonic()
            assert left > 0, f"{words!r} was not said within {_PATIENCE} s, but:\n{self.said}"
            if select.select([self.process.stdout], [], [], left)[0]:
                chunk = os.read(self.process.stdout.fileno(), 65536)
                assert chunk, f"{words!r} was never said, but:\n{self.said}"
                self.said += chunk.decode()

    def again(self, **changed: str) -> subprocess.CompletedProcess[str]:
        """Start another run beside this one."""
        return subprocess.run(
            [sys.executable, "-m", "countersign", "run"],
            cwd=ROOT,
            env=self.environment | changed,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    started = House(tmp_path_factory.mktemp("house"))
    yield started
    if started.process.poll() is None:
        os.killpg(started.process.pid, signal.SIGKILL)
        started.process.wait()


def _status(url: str) -> int:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own loopback
        return int(answer.status)


def test_the_portal_answers_and_tells_the_first_administrator_where_to_begin(house: House) -> None:
    house.hear("Ctrl-C ends everything.")
    address = re.search(r"(http://127\.0\.0\.1:\d+/idp/set-up\?code=\S+)", house.said)
    assert address
    assert _status(address[1]) == 200
    assert _status(f"http://127.0.0.1:{house.port}/readyz") == 200


def test_mlflow_comes_up_beside_it(house: House) -> None:
    house.hear("MLflow answers after")
    assert house.said.index("The portal is starting") < house.said.index("MLflow is starting")
    assert _status(f"http://127.0.0.1:{house.mlflow_port}/health") == 200


def test_a_second_run_on_the_same_folder_is_refused_in_words(house: House) -> None:
    other = [str(port) for port in _free_ports(2)]
    refused = house.again(PORT=other[0], MLFLOW_PORT=other[1])
    assert refused.returncode == 2
    assert "is running on" in refused.stderr
    assert "set another DATA_DIR" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_port_in_use_is_refused_in_words(house: House, tmp_path: Path) -> None:
    refused = house.again(DATA_DIR=str(tmp_path))
    assert refused.returncode == 2
    assert f"Port {house.port} on 127.0.0.1 cannot be used" in refused.stderr
    assert "PORT=" in refused.stderr


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"DATA_DIR": "/dev/null/here"}, "cannot be written"),
        ({"MLFLOW_TRACKING_URI": "mlflow"}, "MLFLOW_TRACKING_URI is no web address"),
        ({"PORT": "many"}, "PORT is 'many'"),
        ({"HOST": "nowhere.invalid"}, "no address of this machine"),
        ({"DATABASE_URL": "mysql://c@h/d"}, "Countersign cannot use"),
        ({"DATABASE_URL": "postgresql://c:hush@127.0.0.1:1/d"}, "cannot be used"),
    ],
)
def test_a_wrong_setting_is_refused_in_words(
    house: House, tmp_path: Path, changed: dict[str, str], words: str
) -> None:
    ports = [str(port) for port in _free_ports(2)]
    beside = {"DATA_DIR": str(tmp_path), "PORT": ports[0], "MLFLOW_PORT": ports[1]}
    refused = house.again(**(beside | changed))
    assert refused.returncode == 2
    assert words in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "hush" not in refused.stderr


def test_ctrl_c_ends_everything_and_frees_the_ports(house: House) -> None:
    assert house.process.stdout
    os.killpg(house.process.pid, signal.SIGINT)
    rest = house.process.stdout.read().decode()  # open until the last of them has gone
    assert house.process.wait(60) == 0
    assert "Traceback" not in rest
    for port in (house.port, house.mlflow_port):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
