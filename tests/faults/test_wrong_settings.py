"""What an operator may get wrong: told in a sentence with its remedy, and nothing half done."""

from __future__ import annotations

import http.server
import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.settings import ROOT
from tests.faults.workshop import Logged, Workshop
from tests.stack import MlflowServer, free_ports, plain_environment, until


def _run(*before: str, **changed: str) -> subprocess.CompletedProcess[str]:
    ports = free_ports(2)
    return subprocess.run(
        [*before, sys.executable, "-m", "countersign", "run"],
        cwd=ROOT,
        env=plain_environment()
        | {"PORT": str(ports[0]), "MLFLOW_PORT": str(ports[1]), "DEMO": "0"}
        | changed,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def _is_told(refused: subprocess.CompletedProcess[str], sentence: str, remedy: str) -> None:
    assert refused.returncode == 2, refused.stderr
    assert sentence in refused.stderr
    assert remedy in refused.stderr
    assert "Traceback" not in refused.stdout + refused.stderr


@pytest.mark.parametrize(
    "address",
    [
        "mlflow.internal",
        "sqlite:///mlflow.db",
        "ftp://mlflow:5000",
        "http://",
        "http://[::1",
        "5000",
    ],
)
def test_an_address_of_mlflow_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    refused = _run(DATA_DIR=str(tmp_path / "data"), MLFLOW_TRACKING_URI=address)
    _is_told(refused, "MLFLOW_TRACKING_URI is no web address.", "http://mlflow.example.com:5000")
    assert not (tmp_path / "data").exists()


def test_a_port_in_use_is_named_before_anything_is_started(tmp_path: Path) -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as other:
        port = str(other.server_address[1])
        refused = _run(DATA_DIR=str(tmp_path), PORT=port)
        _is_told(refused, f"Port {port} on 127.0.0.1 cannot be used", "choose another with PORT=")
        refused = _run(DATA_DIR=str(tmp_path), MLFLOW_PORT=port)
        _is_told(refused, f"Port {port} on 127.0.0.1 cannot be used", "with MLFLOW_PORT=")
    assert not list(tmp_path.glob("*.db"))


def test_a_read_only_data_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    if os.geteuid() == 0:
        # Root writes everywhere but where the whole mount is read-only; this one ends with the run.
        lay = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
        refused = _run("unshare", "--mount", "sh", "-c", lay, str(folder), DATA_DIR=str(folder))
    else:
        folder.chmod(0o500)
        tmp_path.chmod(0o500)
        refused = _run(DATA_DIR=str(folder / "below"))
        tmp_path.chmod(0o700)
    _is_told(refused, f"The data folder {folder}", "set DATA_DIR to another folder")
    assert list(folder.iterdir()) == []


def test_a_file_in_the_place_of_the_data_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("something else")
    refused = _run(DATA_DIR=str(tmp_path / "data"))
    _is_told(refused, f"The data folder {tmp_path / 'data'}", "set DATA_DIR to another folder")
    assert (tmp_path / "data").read_text() == "something else"


# -- a server that is there and not well -----------------------------------------------------------


class _Broken(http.server.BaseHTTPRequestHandler):
    def _answer(self) -> None:
        self.send_response(500)
        self.end_headers()
        self.wfile.write(b"<html>broken</html>")

    do_GET = do_POST = _answer  # noqa: N815 - the library's own names

    def log_message(self, *_about: Any) -> None:  # noqa: ANN401
        """Say nothing."""


class _Silent(socketserver.BaseRequestHandler):
    """Takes the question and never answers."""

    def handle(self) -> None:
        self.request.recv(1)
        self.server.is_over.wait()  # type: ignore[attr-defined]


@contextmanager
def _listening(handler: type[socketserver.BaseRequestHandler]) -> Iterator[str]:
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.is_over = threading.Event()  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.is_over.set()  # type: ignore[attr-defined]
        server.shutdown()
        server.server_close()


def test_a_server_that_answers_500_or_never_is_told_in_words_and_the_worker_goes_on(
    tmp_path: Path, server: MlflowServer, logged: Logged
) -> None:
    with ExitStack() as stack:
        places = {}
        for handler in (_Broken, _Silent):
            uri = stack.enter_context(_listening(handler))
            made = Workshop(tmp_path / handler.__name__, server, logged)
            # Half a minute of patience is right for a person's server, and long for a test.
            made.environment |= {"MLFLOW_TRACKING_URI": uri, "MLFLOW_HTTP_REQUEST_TIMEOUT": "2"}
            places[handler.__name__] = made, stack.enter_context(made.worker())
            stack.callback(made.close)
        for name, (made, worker) in places.items():
            worker.hear("MLflow does not answer properly.", within=60)
            (state,) = until(made.portal.models.mirrored, f"{name}: the mirror has been told")
            assert state.problem.startswith("MLflow does not answer properly.")
            assert state.succeeded_at is None
            assert worker.process.poll() is None
            assert "Traceback" not in worker.said
