"""An MLflow that is away, answers nonsense or hangs is one sentence with a remedy, and soon."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.portal import build
from app.settings import from_environment
from catalog.registry.mlflow.server import MlflowServer
from ledger.errors import NotFound, Unavailable
from tests.fakes import FakeJobs


class Answer(BaseHTTPRequestHandler):
    """Answers every question alike."""

    status = 200
    body = b""
    let_go = threading.Event()
    hangs = False

    def do_GET(self) -> None:
        if self.hangs:
            self.let_go.wait(30)
            return
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_POST = do_GET  # noqa: N815 - the library's name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


ANSWERS: dict[str, tuple[int, bytes, bool]] = {
    "500": (500, b'{"error_code": "INTERNAL_ERROR", "message": "boom"}', False),
    "500 without a word": (500, b"", False),
    "503": (503, b"<html>down for maintenance</html>", False),
    "another program": (200, b"<html><h1>It works!</h1></html>", False),
    "nothing": (200, b"", False),
    "an empty object": (200, b"{}", False),
    "json of another kind": (200, b"[1, 2, 3]", False),
    "a redirect to nowhere": (302, b"", False),
    "hangs": (200, b"", True),
}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")


@pytest.fixture(params=ANSWERS)
def troubled(request: pytest.FixtureRequest) -> Iterator[MlflowServer]:
    status, body, hangs = ANSWERS[request.param]
    let_go = threading.Event()
    handler = type(
        "Handler", (Answer,), {"status": status, "body": body, "hangs": hangs, "let_go": let_go}
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield MlflowServer(f"http://127.0.0.1:{server.server_address[1]}")
        finally:
            let_go.set()
            server.shutdown()
            thread.join(10)


def test_a_server_that_does_not_answer_properly_is_unavailable(troubled: MlflowServer) -> None:
    began = time.monotonic()
    with pytest.raises(Unavailable) as told:
        troubled.model("credit-pd")
    with pytest.raises(Unavailable):
        troubled.version("credit-pd", 1)
    assert told.value.message == "MLflow does not answer properly."
    assert told.value.hint
    # Generous: the machine may be busy; MLflow's own defaults would take four minutes.
    assert time.monotonic() - began < 30


def test_a_server_nobody_started_is_unavailable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = MlflowServer(f"http://127.0.0.1:{free.getsockname()[1]}")
        with pytest.raises(Unavailable):
            nobody.model("credit-pd")


def test_only_a_proper_answer_says_that_something_is_gone(mlflow_server: str) -> None:
    """A page of another program with status 404 must not bury the whole catalog."""
    with pytest.raises(NotFound):
        MlflowServer(mlflow_server).model("no such model")
    elsewhere = MlflowServer(f"{mlflow_server}/not/here")
    with pytest.raises(Unavailable):
        elsewhere.model("no such model")


def test_each_server_is_shown_its_own_credentials_and_no_other_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[int, str]] = []

    class Listener(Answer):
        body = b"{}"

        def do_GET(self) -> None:
            shown.append((self.server.server_port, self.headers.get("Authorization", "")))  # type: ignore[attr-defined]
            super().do_GET()

    with (
        ThreadingHTTPServer(("127.0.0.1", 0), Listener) as one,
        ThreadingHTTPServer(("127.0.0.1", 0), Listener) as other,
    ):
        threads = [threading.Thread(target=at.serve_forever, args=(0.05,)) for at in (one, other)]
        for thread in threads:
            thread.start()
        given = {
            "DATA_DIR": str(tmp_path),
            "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{one.server_port}",
            "MLFLOW_SERVERS": f"risk-lab=http://127.0.0.1:{other.server_port}",
            "MLFLOW_TRACKING_TOKEN": "main-token",
            "MLFLOW_TRACKING_USERNAME_RISK_LAB": "countersign",
            "MLFLOW_TRACKING_PASSWORD_RISK_LAB": "lab-password",
        }
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "main-token")
        settings = from_environment(given)
        portal = build(settings, jobs=FakeJobs())
        for slug in ("main", "risk-lab"):
            with pytest.raises(Unavailable):
                portal.servers.at(slug).model("credit-pd")
        portal.store.close()
        for at, thread in zip((one, other), threads, strict=True):
            at.shutdown()
            thread.join(10)
    assert set(shown) == {
        (one.server_port, "Bearer main-token"),
        (other.server_port, "Basic Y291bnRlcnNpZ246bGFiLXBhc3N3b3Jk"),
    }
    assert "lab-password" not in repr(settings)
