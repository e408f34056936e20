"""The cost of a click: server CPU of a warm rerun of every page in the navigation, signed in."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from app.demo.organisation import ALICE, BOB, CAROL, ERIK, GRACE, Person
from app.screens import PAGES
from benchmarks.browserless import Tab, sign_in, tab
from benchmarks.figures import Figure
from tests.stack import Stack, running, until

RUNS: Final = 50
WARM_UP: Final = 5
TARGET_MS: Final = 25.0

# Who opens which page, and on what: each page with something real to show.
VISITS: Final[dict[str, tuple[Person, str]]] = {
    "home": (ALICE, ""),
    "discover": (ALICE, "q=loan"),
    "model": (ALICE, "name=credit-pd"),
    "compare": (ALICE, "name=credit-pd"),
    "explain": (ALICE, "name=credit-pd"),
    "lineage": (ALICE, "name=credit-pd"),
    "request": (ALICE, "name=credit-scorecard&version=3"),
    "inbox": (BOB, ""),
    "releases": (BOB, ""),
    "policies": (GRACE, ""),
    "findings": (BOB, ""),
    "release": (BOB, "id=RR-2026-0013"),
    "notifications": (ALICE, ""),
    "use_case": (ALICE, ""),
    "impact": (CAROL, ""),
    "audit": (ERIK, ""),
    "access": (GRACE, ""),
    "settings": (GRACE, ""),
}


def measure() -> list[Figure]:
    """One figure for each page: the median of 50 warm reruns, in milliseconds of server CPU."""
    with (
        tempfile.TemporaryDirectory(prefix="countersign-bench-") as folder,
        running(Path(folder)) as stack,
    ):
        stack.wait_for_the_demo()
        _until_explained(stack)
        return list(_figures(stack))


def _portal_of(stack: Stack) -> int:
    return next(
        pid for pid, command in stack.processes().items() if "countersign portal" in command
    )


def _until_explained(stack: Stack) -> None:
    """The pages are measured with something to show: the explanation that the demo asked for."""
    here = stack.portal
    alice = here.people.by_email(ALICE.email)
    if alice is None:
        return
    by = here.people.actor(alice.id)
    version = here.models.version(here.models.find("credit-pd", by=by), 4)

    def is_there() -> bool:
        found = here.explanations.of(version.id, by=by)
        return found is not None and not found.is_under_way

    until(is_there, "credit-pd is explained")


def _figures(stack: Stack) -> Iterator[Figure]:
    cpu = Cpu(_portal_of(stack))
    clients = {
        person.email: sign_in(stack.url, person.email, stack.passwords[person.email])
        for person in {who for who, _ in VISITS.values()}
    }
    for screen in PAGES:
        person, query = VISITS[screen.key]
        page = "" if screen.key == "home" else screen.key
        with tab(stack.url, clients[person.email]) as opened:
            opened.run()
            spent = [_cpu_ms(cpu, opened, page, query) for _ in range(RUNS + WARM_UP)][WARM_UP:]
            if opened.problems or opened.elements == 0:
                msg = f"{screen.key}: {opened.problems or 'drew nothing'}"
                raise RuntimeError(msg)
        yield Figure(f"rerun {screen.key}", statistics.median(spent), "ms server CPU", TARGET_MS)


def _cpu_ms(cpu: Cpu, opened: Tab, page: str, query: str) -> float:
    with cpu.counted() as spent:
        opened.run(page, query)
    return spent[0] * 1000


class Cpu:
    """The processor time of another process, by the kernel's own clock for it."""

    def __init__(self, pid: int) -> None:
        # A process's CPU clock, as clock_getcpuclockid(3) computes it (Linux).
        self._clock = (~pid << 3) | 2
        if not Path(f"/proc/{pid}").exists():
            msg = f"there is no process {pid}"
            raise RuntimeError(msg)

    @contextmanager
    def counted(self) -> Iterator[list[float]]:
        """The seconds of CPU spent inside the block, in the list's only place."""
        spent = [0.0]
        before = time.clock_gettime(self._clock)
        yield spent
        spent[0] = time.clock_gettime(self._clock) - before
