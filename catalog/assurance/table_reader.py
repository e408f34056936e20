"""Reading tables that somebody left in a run, in a locked child process of their own."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ledger.errors import Invalid, Unavailable

_LOG = logging.getLogger(__name__)
_PROJECT: Final = Path(__file__).resolve().parents[2]
# As for models: -I ignores the caller's folder, and the project is importable only at the start.
_PROGRAM: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from catalog.assurance.table_program import main; sys.path.pop(0); main()"
)
_SECONDS: Final = 120
_NICE: Final = 10  # about a tenth of a processor while others want all of it, and else a whole one
_CPU_SECONDS: Final = 30
_MEMORY_BYTES: Final = 3 << 29
_MOST_OUTPUT: Final = 16 << 20
_THREADS: Final = ("OMP", "OPENBLAS", "MKL", "NUMBA")


def read_tables(files: Mapping[str, Path]) -> dict[str, Any]:
    """What is in these parquet files, by their names; each told or refused by itself.

    The values come from a process that opened a stranger's file: whoever uses them checks them.

    Raises:
        Invalid: the files took more time, memory or words than they may.
        Unavailable: the child could not be started.
    """
    if not files:
        return {}
    folder = Path(tempfile.mkdtemp(prefix="countersign-table-")).resolve()
    try:
        for part in ("in", "root"):
            (folder / part).mkdir()
        for name, file in files.items():
            shutil.copyfile(file, folder / "in" / name)
            (folder / "in" / name).chmod(0o644)
        for place in (folder, folder / "in"):
            place.chmod(0o755)
        return _told(_run(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path) -> bytes:
    job = {
        "parent": os.getpid(),
        "inputs": str(folder / "in"),
        "workshop": str(folder / "root"),
        "memory_bytes": _MEMORY_BYTES,
        "cpu_seconds": _CPU_SECONDS,
        "output_bytes": _MOST_OUTPUT,
    }
    environment = {"HOME": str(folder), **{f"{name}_NUM_THREADS": "1" for name in _THREADS}}
    with (folder / "log").open("wb") as log, (folder / "out").open("wb") as out:
        try:
            process = subprocess.Popen(  # noqa: S603 - our own program, by full path
                [sys.executable, "-I", "-B", "-c", _PROGRAM, str(_PROJECT)],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=log,
                env=environment,
                cwd=folder,
                start_new_session=True,
            )
        except OSError as problem:
            raise _not_started() from problem
        _let_others_go_first(process.pid)
        try:
            process.communicate(json.dumps(job).encode(), timeout=_SECONDS)
        except subprocess.TimeoutExpired as problem:
            raise _too_much() from problem
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    # The first line is written before the file is opened, so it is our own.
    walls, _, answer = (folder / "out").read_bytes().partition(b"\n")
    if process.returncode or not answer:
        said = (folder / "log").read_text(errors="replace").strip()
        _LOG.warning("The reading process ended with %s: %s", process.returncode, said[-2000:])
        raise _too_much() if walls else _not_started()
    return answer


def _let_others_go_first(pid: int) -> None:
    """Give a child what is left of the processor: a queue of promotions goes before a picture."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, _NICE)
    # Some machines share the processor between sessions first, and the child has one of its own.
    with suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(_NICE), "ascii")


def _told(answer: bytes) -> dict[str, Any]:
    try:
        told = json.loads(answer)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise Invalid("The table's reader answered with something that is no answer.", code="table")
    return told


def _too_much() -> Invalid:
    return Invalid(
        "The table could not be read: it crashed its reader, or took more than it may.",
        hint=f"A table has {_CPU_SECONDS} seconds and {_MEMORY_BYTES >> 20:,} MB of memory. "
        "Write it again with fewer rows, as plain columns of numbers and texts.",
        code="table-unreadable",
    )


def _not_started() -> Unavailable:
    return Unavailable(
        "The program that reads tables could not be started.",
        hint="The worker's log says why; usually a package of the installation is missing.",
        code="not-started",
    )
