"""Where a hostile model is let loose: secrets worth stealing, and listeners that count calls."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
import mlflow
from sklearn.linear_model import Ridge

from tests.assurance import models
from tests.assurance.identities import NOBODY

PROJECT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
SECRET = "the-portal's-own-secret"


@dataclass
class Scene:
    """One portal, its belongings and the outside world, for one identity."""

    folder: Path
    who: str
    tcp: socket.socket
    udp: socket.socket
    unix: socket.socket
    answers: list[dict[str, Any]] = field(default_factory=list)

    @property
    def owner(self) -> int:
        return NOBODY if self.who == "nobody" else os.geteuid()

    @property
    def sample(self) -> Path:
        return self.folder / "sample.csv"

    def targets(self, **more: object) -> dict[str, object]:
        belongings = self.folder / "portal"
        return {
            "secret": SECRET,
            "outside": str(belongings / "outside"),
            "database": str(belongings / "portal.db"),
            "secret_file": str(belongings / "secret"),
            "tcp": self.tcp.getsockname()[1],
            "udp": self.udp.getsockname()[1],
            "unix": self.unix.getsockname(),
            "bombs": False,
            **more,
        }

    def hostile_model(self, **more: object) -> Path:
        """A model with its program in `code`, as MLflow itself saves it."""
        data = self.folder / "targets.json"
        data.write_text(json.dumps(self.targets(**more)))
        mlflow.pyfunc.save_model(
            self.folder / "model",
            loader_module="hostile_model",
            data_path=str(data),
            code_paths=[str(HERE / "hostile_model.py")],
            pip_requirements=[],
        )
        return self._given_away()

    def hostile_pickle(self, **more: object) -> Path:
        """An honest model whose pickle was replaced."""
        x = models.people()[models.NUMBERS]
        honest = Ridge().fit(x, x["income"])
        mlflow.sklearn.save_model(
            honest,
            self.folder / "model",
            serialization_format="cloudpickle",
            pip_requirements=[],
        )
        pickle = self.folder / "model" / "model.pkl"
        program = (HERE / "hostile_model.py").read_text()
        targets = self.targets(here=str(pickle), **more)
        pickle.write_bytes(cloudpickle.dumps(_Trojan(program, targets)))
        return self._given_away()

    def _given_away(self) -> Path:
        for place, folders, files in os.walk(self.folder):
            for name in (".", *folders, *files):
                os.chown(Path(place, name), self.owner, self.owner)
        return self.folder / "model"

    def run(
        self, how: str, limits: dict[str, int] | None = None, *, lacks: str = "nothing"
    ) -> dict[str, Any]:
        """Let the portal explain (or load) the model; returns the last thing it says."""
        with self.portal(how, limits, lacks=lacks) as portal:
            out, problem = portal.communicate()
        assert portal.returncode == 0, problem
        self.answers = [json.loads(line) for line in out.splitlines()]
        return self.answers[-1]

    def portal(
        self, how: str, limits: dict[str, int] | None = None, *, lacks: str = "nothing"
    ) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.assurance.portal", how]
        command += [str(self.folder / "model"), str(self.sample), json.dumps(limits or {})]
        become = [sys.executable, str(HERE / "identities.py"), self.who, lacks, "--"]
        return subprocess.Popen(
            [*become, *command],
            cwd=PROJECT,
            env={
                "COUNTERSIGN_SECRET": SECRET,
                "PATH": os.defpath,
                "HOME": str(self.folder),
                "TMPDIR": str(self.folder),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def traces(self) -> set[str]:
        """What a hostile model left behind in the world."""
        outside = self.folder / "portal" / "outside"
        found = {name for name in ("written", "by-shell") if (outside / name).exists()}
        for name, line in (("tcp", self.tcp), ("udp", self.udp), ("unix", self.unix)):
            try:
                line.recv(1) if name == "udp" else line.accept()[0].close()
            except BlockingIOError:
                continue
            found.add(name)
        return found


class _Trojan:
    def __init__(self, program: str, targets: dict[str, object]) -> None:
        self.parts = (program, targets)

    def __reduce__(self) -> tuple[object, ...]:
        program, targets = self.parts
        run = f"(lambda room: (exec({program!r}, room), room['Model']({targets!r}))[1])"
        return eval, (f"{run}({{'__name__': 'hostile_model'}})",)


@contextmanager
def scene(who: str) -> Iterator[Scene]:
    """Set a scene for one identity, `self` or `nobody`; everything is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="countersign-scene-"))
    folder.chmod(0o755)
    belongings = folder / "portal"
    (belongings / "outside").mkdir(parents=True)
    with closing(sqlite3.connect(belongings / "portal.db")) as database, database:
        database.execute("CREATE TABLE portal (secret TEXT)")
        database.execute("INSERT INTO portal VALUES (?)", ("read: row",))
    (belongings / "secret").write_text("read")
    for private in ("portal.db", "secret"):
        (belongings / private).chmod(0o600)
    models.people(120)[["income", "debt"]].to_csv(folder / "sample.csv", index=False)
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX) as unix,
    ):
        udp.bind(("127.0.0.1", 0))
        unix.bind(str(belongings / "line"))
        unix.listen()
        for line in (tcp, udp, unix):
            line.setblocking(False)
        belongings.chmod(0o700)
        yield Scene(folder, who, tcp, udp, unix)
    shutil.rmtree(folder)
