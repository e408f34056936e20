"""A real `mlflow server` of the test run: SQLite, its own artifacts, nothing but the registry."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx
import pytest

_START_SECONDS = 180.0


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that holds nothing yet; tests share it and name their models."""
    with running(tmp_path_factory.mktemp("mlflow-server")) as address:
        yield address


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Start a server on a free loopback port, and leave nothing of it behind."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
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
            assert started.wait(_START_SECONDS), "".join(lines)
            assert server.poll() is None, "".join(lines)
            health = httpx.get(f"{address}/health", timeout=60, trust_env=False)
            assert health.status_code == 200, health.text
            yield address
        finally:
            # The whole group: the worker is a child of the process that was started.
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(30)
            reader.join(10)


def _read(stream: IO[str], lines: list[str], started: threading.Event) -> None:
    """Keep what the server says, so that its pipe never fills, and notice when it is up."""
    for line in stream:
        lines.append(line)
        if "Application startup complete" in line:
            started.set()
    started.set()
