"""Explaining a model in a locked child process, and believing nothing of what it says back."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from catalog.assurance import testimony
from catalog.assurance.attempts import sentence
from catalog.assurance.sandbox import BROKEN, TOO_LONG_ON_CPU, Level
from catalog.assurance.testimony import ExplainResult, Progress
from ledger.errors import CountersignError, Invalid, NotFound, Unavailable

_LOG = logging.getLogger(__name__)
_PROJECT = Path(__file__).resolve().parents[2]
# -I ignores the caller's folder and PYTHON* variables; the project is on the path only for as long
# as its own modules are being imported. Nothing imported ever ends, so the search for garbage among
# it, a fifth of the start, begins afterwards and leaves it out.
_PROGRAM = (
    "import gc, sys; gc.disable(); sys.path.insert(0, sys.argv[1]); "
    "from catalog.assurance.shap_program import main; sys.path.pop(0); "
    "gc.freeze(); gc.enable(); main()"
)
_THREADS = ("OMP", "OPENBLAS", "MKL", "NUMBA")
_SPOOL = "countersign-explain-"
_SECONDS_BEFORE_SWEEPING = 3600
_SAMPLES = (".csv", ".parquet", ".json")
_START_SECONDS = 180  # importing the libraries takes 3 s on an idle machine, 25 s on a busy one
_SECONDS_BETWEEN_PROGRESS = 0.25

__all__ = ["ExplainInput", "ExplainResult", "Limits", "Progress", "explain"]


@dataclass(frozen=True)
class ExplainInput:
    """A downloaded MLflow model folder, one sample file (csv, parquet, json), a class to explain.

    A json sample is an MLflow input example or the body of a scoring request.
    """

    model: Path
    sample: Path
    target_class: str | None = None


@dataclass(frozen=True)
class Limits:
    """What one job may use. Seconds count from the moment the libraries are imported."""

    seconds: int = 300
    cpu_seconds: int = 300
    memory_bytes: int = 4 << 30
    scratch_bytes: int = 64 << 20
    output_bytes: int = 16 << 20
    rows: int = 200


def explain(
    given: ExplainInput, limits: Limits, on_progress: Callable[[Progress], None]
) -> ExplainResult:
    """Explain a model without ever loading it here; blocks until the child is gone.

    Raises:
        NotFound: the model folder or the sample is not there.
        Invalid: the model or the sample cannot be explained, or a limit was reached.
        Refused: this machine has no sandbox and the model file is a program.
        Unavailable: the child could not be started or locked in.
    """
    started = time.monotonic()
    with _spool(given) as spool, _child(given, limits, spool) as child:
        try:
            told = child.listen(on_progress)
            if "error" in told:
                raise testimony.error(told)
            seconds = round(time.monotonic() - started, 3)
            result = testimony.result(told, child.level, seconds)
        except CountersignError as problem:
            problem.hint = f"{problem.hint} {sentence(child.attempts)}".strip()
            raise
    if not child.attempts:
        return result
    return replace(result, warnings=(sentence(child.attempts), *result.warnings))


@contextmanager
def _spool(given: ExplainInput) -> Iterator[Path]:
    """Copy what the child may read to a folder of its own, readable under any identity.

    The original is then neither shown nor changed, even where MLflow handed out its own store.
    """
    if not (given.model / "MLmodel").is_file():
        raise NotFound(
            f"There is no MLflow model in the folder {given.model.name}.",
            hint="Download the version's whole folder, with its MLmodel file.",
        )
    if not given.sample.is_file():
        raise NotFound(
            f"The sample {given.sample.name} is not there.",
            hint="Log the model with an input example, or choose a data set.",
        )
    if given.sample.suffix not in _SAMPLES:
        raise Invalid(
            f"The sample {given.sample.name} is not a kind of file that can be read.",
            hint="Use a csv, parquet or json file.",
        )
    _sweep()
    # Resolved: the child mounts on this path, and a link on the way would lead out of its root.
    folder = Path(tempfile.mkdtemp(prefix=_SPOOL)).resolve()
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        for part in ("in", "root", "home"):
            (folder / part).mkdir()
        # Links stay links: followed here, one could lead to a file that the model may not see.
        shutil.copytree(given.model, folder / "in" / "model", symlinks=True)
        shutil.copyfile(given.sample, folder / "in" / f"sample{given.sample.suffix}")
        for place, _, files in os.walk(folder / "in"):
            Path(place).chmod(0o755)
            for file in (Path(place) / name for name in files):
                if not file.is_symlink():
                    file.chmod(0o644)
    except (OSError, shutil.Error) as problem:
        _discard(folder, held)
        raise Invalid(
            f"The model folder {given.model.name} could not be copied for the sandbox.",
            hint="Look for unreadable or special files in it, and for a full disk.",
            code="not-copied",
        ) from problem
    try:
        yield folder
    finally:
        _discard(folder, held)


def _discard(folder: Path, held: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(held)


def _sweep() -> None:
    """Remove what workers left that were killed at their work: old, and held by nobody."""
    for left in Path(tempfile.gettempdir()).glob(f"{_SPOOL}*"):
        with suppress(OSError):  # somebody else's, or somebody else was quicker
            if time.time() - left.stat().st_mtime < _SECONDS_BEFORE_SWEEPING:
                continue
            held = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left)
            finally:
                os.close(held)


@contextmanager
def _child(given: ExplainInput, limits: Limits, spool: Path) -> Iterator[_Child]:
    job = {
        "parent": os.getpid(),
        "inputs": str(spool / "in"),
        "workshop": str(spool / "root"),
        "sample": f"sample{given.sample.suffix}",
        "target_class": given.target_class,
        **asdict(limits),
    }
    (spool / "job").write_text(json.dumps(job))
    child = _Child(spool, limits)
    try:
        yield child
    finally:
        child.end()


class _Child:
    """One job's process, from its start to its certain end."""

    def __init__(self, spool: Path, limits: Limits) -> None:
        self.level: Level = "C"
        self.attempts: set[str] = set()
        self._limits = limits
        self._log = spool / "log"
        # Nothing of our environment goes along, only where to write and how many threads to use.
        environment = {
            "HOME": str(spool / "home"),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            **{f"{name}_NUM_THREADS": "1" for name in _THREADS},
        }
        self._pipe, told = os.pipe()
        try:
            with (spool / "job").open("rb") as job, self._log.open("wb") as log:
                # A new program, not a fork of this one, whose memory is full of secrets.
                self._process = subprocess.Popen(  # noqa: S603 - our own program, by full path
                    [sys.executable, "-I", "-B", "-c", _PROGRAM, str(_PROJECT)],
                    stdin=job,
                    stdout=told,
                    stderr=log,
                    env=environment,
                    cwd=spool,
                    start_new_session=True,
                )
        except OSError as problem:
            os.close(self._pipe)
            raise _not_started() from problem
        finally:
            os.close(told)

    def listen(self, on_progress: Callable[[Progress], None]) -> dict[str, Any]:
        """Return the child's last word, passing its progress on while it works."""
        lines = self._lines()
        try:
            self.level = next(lines)["walls"]  # written before the fork, so this one is true
        except StopIteration:
            raise self._silent_end(locked=False) from None
        last = 0.0
        for line in lines:
            if "result" in line or "error" in line:
                return line
            if "attempt" in line:
                self.attempts.add(testimony.attempt(line))
                continue
            if time.monotonic() - last >= _SECONDS_BETWEEN_PROGRESS:
                last = time.monotonic()
                on_progress(testimony.progress(line))
        raise self._silent_end(locked=True)

    def end(self) -> None:
        """Kill whatever is left of the job; its whole session goes with it."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._pipe)

    def _lines(self) -> Iterator[dict[str, Any]]:
        """Yield what the child says, line by line, within its time and its share of bytes."""
        deadline = time.monotonic() + _START_SECONDS
        pending, received, first = bytearray(), 0, True
        with selectors.DefaultSelector() as ready:
            ready.register(self._pipe, selectors.EVENT_READ)
            while True:
                left = deadline - time.monotonic()
                if left <= 0 or not ready.select(left):
                    raise _not_started() if first else self._too_much("took longer than its time")
                block = os.read(self._pipe, 1 << 16)
                received += len(block)
                if not block:
                    return
                if received > self._limits.output_bytes:
                    raise self._too_much("wrote more than it may")
                pending += block
                if b"\n" not in block:
                    continue
                *lines, rest = pending.split(b"\n")
                pending = rest
                for line in lines:
                    yield testimony.parsed(bytes(line))
                    if first:
                        first, deadline = False, time.monotonic() + self._limits.seconds

    def _silent_end(self, *, locked: bool) -> CountersignError:
        status = self._process.wait()
        # What was said before the walls closed; afterwards nothing reaches this file.
        said = self._log.read_text(errors="replace").strip()
        _LOG.warning("The explaining process ended with status %s: %s", status, said[-2000:])
        if not locked:
            return _not_started()
        if status == BROKEN:
            return Unavailable(
                "The sandbox could not be built, so the model was not opened.",
                hint="The worker's log says which wall failed; ask whoever runs this machine.",
                code="sandbox-broken",
            )
        if status == TOO_LONG_ON_CPU:
            return self._too_much("used up its processor time")
        return Invalid(
            "The model ended its own process instead of answering.",
            hint="Load the model once with MLflow on its owner's machine and look for a crash.",
            code="model-died",
        )

    def _too_much(self, what: str) -> CountersignError:
        limits = self._limits
        return Invalid(
            f"The model {what} and was stopped.",
            hint=(
                f"A model has {limits.seconds} seconds, {limits.memory_bytes >> 20} MB of memory "
                f"and {limits.output_bytes >> 20} MB of output: try a smaller sample."
            ),
            code="limit-reached",
        )


def _not_started() -> CountersignError:
    return Unavailable(
        "The program that explains models could not be started.",
        hint="The worker's log says why; usually a package of the installation is missing.",
        code="not-started",
    )
