"""A small household for tests of the supervisor: real processes that are quick to start.

Started as a program: `python -m tests.household FOLDER STORY`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from app import watchdog
from app.supervisor import Program, Supervisor, say

MARK = "a-household-of-the-tests"

# Until somebody ends it; where nobody does, an alarm does.
_WAIT = "import signal; signal.alarm(600); signal.pause()"
# Like MLflow's: a program that starts another one and does nothing about its end.
_PARENT = f"""
import subprocess, sys
code = "print('here', flush=True); {_WAIT}"
child = subprocess.Popen([sys.executable, "-c", code])
print("pids", child.pid, flush=True)
{_WAIT}
"""
_PATIENT = f"print('waiting', flush=True); {_WAIT}"
_STUBBORN = f"""
import signal
for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(one, signal.SIG_IGN)
print("never", flush=True)
{_WAIT}
"""
_SHORT = "import sys; print('my last words', file=sys.stderr); sys.exit(7)"
_ONCE = f"""
import pathlib, sys
if pathlib.Path("was-here").exists():
    print("back again", flush=True)
    {_WAIT}
pathlib.Path("was-here").touch()
sys.exit(3)
"""
_ENVIRONMENT = f"import os; print('sees', sorted(os.environ), flush=True); {_PATIENT}"
_LOUD = f"print('x' * 1_000_000); print('y' * 5_000_000); print('done', flush=True); {_PATIENT}"

STORIES: dict[str, dict[str, str]] = {
    "peace": {"portal": _PATIENT, "mlflow": _PARENT},
    "stubborn": {"portal": _STUBBORN},
    "vital": {"portal": _SHORT, "mlflow": _PARENT},
    "again": {"portal": _PATIENT, "worker": _ONCE},
    "bare": {"portal": _ENVIRONMENT},
    "loud": {"portal": _LOUD},
}


def main(folder: Path, story: str) -> int:
    """Run the household of one story in the foreground."""
    dog = watchdog.watch(MARK + folder.name, grace=2)
    programs = tuple(
        Program(
            name=name,
            label=f"The {name}",
            command=(sys.executable, "-c", code),
            environment={"PATH": os.environ["PATH"]},
            folder=folder,
            is_vital=name == "portal",
            is_heard=True,
        )
        for name, code in STORIES[story].items()
    )
    supervisor = Supervisor(programs, mark=MARK + folder.name, logs=folder, say=say, grace=2)
    code = asyncio.run(supervisor.run())
    dog.dismiss()
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
