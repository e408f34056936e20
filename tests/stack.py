"""The real thing for the tests: the programs of Countersign and MLflow, on ports of their own.

Nothing stands in for anything here: a stack is what `make run` starts, and what is asked of MLflow
is asked through MLflow's own client.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import httpx

from app.demo.loader import PASSWORDS
from app.portal import Portal, build
from app.settings import ROOT, Settings, from_environment
from tests import mlflow_nursery

if TYPE_CHECKING:
    from mlflow import MlflowClient

# What the product promises a stranger: to see the door, and then to find the bank complete.
DOOR_SECONDS: Final = 300.0
DEMO_SECONDS: Final = 180.0

PATIENCE: Final = 120.0
_BETWEEN_LOOKS: Final = 0.1
_ENDING_SECONDS: Final = 40.0
_KEPT: Final = ("PATH", "HOME", "TMPDIR", "LANG", "LD_LIBRARY_PATH")
_PAUSE: Final = threading.Event()
# MLflow's job runner is eight more processes, and nobody here asks anything of it.
_MLFLOW: Final = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
}

T = TypeVar("T")


def free_ports(number: int) -> list[int]:
    """Ports nobody listens on at this moment."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def until(question: Callable[[], T | None], what: str, *, within: float = PATIENCE) -> T:
    """Ask another process again and again until it says something; that is the answer."""
    deadline = time.monotonic() + within
    while not (answer := question()):
        assert time.monotonic() < deadline, f"within {within:.0f} s it did not come true: {what}"
        _PAUSE.wait(_BETWEEN_LOOKS)
    return answer


def plain_environment() -> dict[str, str]:
    """What a program needs of this machine, and none of the settings of whoever runs the tests."""
    return {name: value for name, value in os.environ.items() if name in _KEPT}


class Program:
    """A program in a process group of its own, and what it has said so far."""

    def __init__(
        self, *command: str, environment: Mapping[str, str], folder: Path | None = None
    ) -> None:
        self.began = time.monotonic()
        self._lines: list[tuple[float, str]] = []
        self._news = threading.Condition()
        self._is_over = False
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder or ROOT,
            env=plain_environment() | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self._news:
                self._lines.append((time.monotonic(), line.decode(errors="replace")))
                self._news.notify_all()
        with self._news:
            self._is_over = True
            self._news.notify_all()

    @property
    def said(self) -> str:
        """Everything it said so far."""
        with self._news:
            return "".join(line for _at, line in self._lines)

    def hear(self, words: str, *, within: float = PATIENCE) -> float:
        """Listen until a line has these words. Returns the seconds it took from the start."""

        def found() -> float | None:
            return next((at for at, line in self._lines if words in line), None)

        with self._news:
            self._news.wait_for(lambda: found() or self._is_over, within)
            at = found()
        assert at, f"{words!r} was not said within {within:.0f} s, but:\n{self.said}"
        return at - self.began

    def ends(self, *, within: float = PATIENCE) -> int:
        """Wait until it has ended by itself, with all who hold its output. Returns the code."""
        code = self.process.wait(within)
        self._listener.join(within)
        return code

    def interrupt(self) -> int:
        """What Ctrl-C does. Returns the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.ends(within=_ENDING_SECONDS)

    def kill(self) -> None:
        """End it and its group at once, whatever they are doing."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._listener.join(_ENDING_SECONDS)


class MlflowServer:
    """A real MLflow server that can be stopped and started again on the same address."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self._environment = _MLFLOW | dict(environment or {})
        self._options = options
        self.port = free_ports(1)[0]
        self.uri = f"http://127.0.0.1:{self.port}"
        self._child: mlflow_nursery.Child | None = None

    @property
    def database(self) -> Path:
        """The file it keeps everything in, apart from artifacts."""
        return self.folder / "mlflow.db"

    def start(self) -> None:
        """Start it; `wait` says when it answers."""
        self._child = mlflow_nursery.start(
            (
                *("server", "--workers", "1", "--host", "127.0.0.1", "--port", str(self.port)),
                *("--backend-store-uri", f"sqlite:///{self.database}"),
                *("--artifacts-destination", str(self.folder / "artifacts"), "--serve-artifacts"),
                *self._options,
            ),
            plain_environment() | self._environment,
            self.folder,
        )

    @property
    def said(self) -> str:
        """Its log so far."""
        assert self._child
        return self._child.log.read_text(errors="replace")

    @property
    def group(self) -> int:
        """The process group of the server and all it has started."""
        assert self._child
        return self._child.pid

    def wait(self) -> None:
        """Until it answers."""
        assert self._child
        child = self._child

        def answers() -> bool:
            assert not child.has_ended(), self.said
            return is_answering(f"{self.uri}/health")

        until(answers, "MLflow answers")

    def stop(self) -> None:
        """End it; nobody answers on its address any more."""
        if self._child:
            self._child.kill()
            self._child = None

    @cached_property
    def client(self) -> MlflowClient:
        """MLflow's own client."""
        return mlflow_client(self.uri)


def mlflow_client(uri: str) -> MlflowClient:
    """MLflow's own client, told not to wait for minutes."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient  # noqa: PLC0415 - three seconds, and not every test needs it

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def is_answering(url: str) -> bool:
    """Whether somebody answers 200 at an address of this machine."""
    try:
        return httpx.get(url, trust_env=False, timeout=10).is_success
    except httpx.TransportError:
        return False


class Stack:
    """`countersign run` in a data folder of its own, and the ways in that a person has."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        port, mlflow_port = free_ports(2)
        self.environment = {
            "DATA_DIR": str(folder),
            "PORT": str(port),
            "MLFLOW_PORT": str(mlflow_port),
            **environment,
        }
        self.settings: Settings = from_environment(self.environment)
        self.url = self.settings.public_url
        self.mlflow_uri = self.settings.mlflow_uri
        self.program = Program("countersign", "run", environment=self.environment)
        self._tokens: dict[str, str] = {}

    # -- waiting ----------------------------------------------------------------------------------

    def wait_for_the_door(self) -> float:
        """Until somebody can be told where to sign in. Returns the seconds it took."""
        return self.program.hear("The portal is at", within=DOOR_SECONDS)

    def wait_for_the_demo(self) -> float:
        """Until the demo organisation is complete. Returns the seconds it took from the start."""
        return self.program.hear("Demo: complete", within=DOOR_SECONDS + DEMO_SECONDS)

    # -- ways in ----------------------------------------------------------------------------------

    @cached_property
    def portal(self) -> Portal:
        """The desks over the same database, for what a test asks behind the screens."""
        return build(self.settings)

    @cached_property
    def mlflow(self) -> MlflowClient:
        """MLflow's own client, which knows nothing of Countersign."""
        return mlflow_client(self.mlflow_uri)

    @cached_property
    def passwords(self) -> dict[str, str]:
        """The demo's passwords by e-mail address, as the operator finds them."""
        lines = (self.folder / PASSWORDS).read_text().splitlines()
        return {line.split("\t")[0]: line.split("\t")[1] for line in lines if line}

    def token(self, email: str) -> str:
        """A bearer token, made as `countersign token --person EMAIL --label tests` makes it."""
        if email not in self._tokens:
            made = subprocess.run(
                [
                    *(sys.executable, "-m", "countersign", "token"),
                    *("--person", email, "--label", "tests"),
                ],
                cwd=ROOT,
                env=plain_environment() | self.environment,
                capture_output=True,
                text=True,
                check=True,
            )
            self._tokens[email] = made.stdout.strip()
        return self._tokens[email]

    def api(self, email: str) -> httpx.Client:
        """The API, called by a person's token."""
        return httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"Authorization": f"Bearer {self.token(email)}"},
            trust_env=False,
            timeout=30,
        )

    # -- looking around ---------------------------------------------------------------------------

    def log(self, name: str) -> str:
        """What one of its programs wrote down: portal, mlflow or worker."""
        files = sorted((self.folder / "logs").glob(f"{name}*"))
        return "".join(file.read_text(errors="replace") for file in files)

    def processes(self) -> dict[int, str]:
        """Every process of this run, by number, with the command it was started by."""
        return processes_about(str(self.folder))

    def close(self) -> None:
        """End it and everybody it started."""
        if self.program.process.poll() is None:
            try:
                self.program.interrupt()
            except subprocess.TimeoutExpired:
                self.program.kill()
        if "portal" in vars(self):
            self.portal.store.close()


@contextmanager
def running(folder: Path, **environment: str) -> Iterator[Stack]:
    """A stack for as long as the block lasts."""
    stack = Stack(folder, environment)
    try:
        yield stack
    finally:
        stack.close()


def processes_about(folder: str) -> dict[int, str]:
    """The processes that were told of a folder, in their environment or their command (Linux)."""
    wanted = re.compile(re.escape(folder.encode()) + rb"(?![\w.-])")
    found = {}
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal() or int(process.name) == os.getpid():
            continue
        with suppress(OSError):
            command = (process / "cmdline").read_bytes()
            if wanted.search(command) or wanted.search((process / "environ").read_bytes()):
                found[int(process.name)] = command.replace(b"\0", b" ").decode(errors="replace")
    return found


def environment_of(process: int) -> dict[str, str]:
    """What a process was started with (Linux)."""
    pairs = Path(f"/proc/{process}/environ").read_bytes().decode(errors="replace").split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)
