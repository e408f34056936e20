"""A real MLflow server with the demo's models in it, started once for these tests."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import IO

import pytest

from app.demo.training import LoggedVersion, train_and_log

START_SECONDS = 180.0


@pytest.fixture(scope="session")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an empty MLflow server that serves its own artifacts."""
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "mlflow", "server"),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db"),
        *("--artifacts-destination", str(folder / "artifacts")),
    ]
    environment = {
        **os.environ,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    ) as server:
        assert server.stdout is not None
        started = threading.Event()
        lines: list[str] = []
        reader = threading.Thread(target=_read, args=(server.stdout, lines, started), daemon=True)
        reader.start()
        try:
            assert started.wait(START_SECONDS), "".join(lines)
            assert server.poll() is None, "".join(lines)
            yield f"http://127.0.0.1:{port}"
        finally:
            # The whole group: uvicorn's worker is a child of the process we started.
            os.killpg(server.pid, 15)
            server.wait(30)
            reader.join(10)


def _read(stream: IO[str], lines: list[str], started: threading.Event) -> None:
    """Keep what the server says, so that its pipe never fills, and notice when it is up."""
    for line in stream:
        lines.append(line)
        if "Application startup complete" in line:
            started.set()
    started.set()


@pytest.fixture(scope="session")
def first_load(mlflow_uri: str) -> tuple[list[LoggedVersion], list[str], float]:
    """The versions of the first load into the empty server, its lines of progress, its seconds."""
    lines: list[str] = []
    began = time.monotonic()
    versions = train_and_log(mlflow_uri, lines.append)
    return versions, lines, time.monotonic() - began


@pytest.fixture(scope="session")
def versions(first_load: tuple[list[LoggedVersion], list[str], float]) -> list[LoggedVersion]:
    """The versions as they were logged."""
    return first_load[0]
