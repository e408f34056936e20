"""A hostile model does all its harm without the sandbox, and none of it inside."""

from __future__ import annotations

import os
import select
import warnings
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.assurance import models
from tests.assurance.hostile_model import BOMBS, DEEDS
from tests.assurance.scene import SECRET, scene

IDENTITIES = ["self"]
if os.geteuid() == 0:
    IDENTITIES.append("nobody")  # and self is root
else:
    warnings.warn("Run as root as well: only root can show the sandbox of root.", stacklevel=1)

WALLS = {"A": "nothing", "B": "namespaces"}
MEMORY = 2 << 30
TRACES = {"written", "by-shell", "tcp", "udp", "unix"}
ENDLESS: dict[str, tuple[dict[str, int], str]] = {
    # deed: limits, the code of the refusal
    "hang": ({"seconds": 2}, "limit-reached"),
    "talk_without_end": ({"seconds": 60}, "limit-reached"),
    "burn_the_processor": ({"seconds": 60, "cpu_seconds": 2}, "limit-reached"),
    "tell_a_lie": ({}, "malformed-answer"),
    "leave": ({}, "model-died"),
}
Seen = tuple[dict[str, Any], set[str]]


def _loaded(who: str) -> Seen:
    with scene(who) as here:
        here.hostile_model()
        return here.run("load"), here.traces()


def _explained(who: str, lacks: str, kind: str = "hostile_model") -> Seen:
    with scene(who) as here:
        getattr(here, kind)(bombs=True)
        return here.run("explain", {"memory_bytes": MEMORY}, lacks=lacks), here.traces()


def _endless(deed: str) -> Seen:
    with scene("self") as here:
        here.hostile_model(endless=deed)
        return here.run("explain", ENDLESS[deed][0]), here.traces()


def _without_a_sandbox(kind: str) -> Seen:
    with scene("self") as here:
        if kind == "skops":
            models.ridge(here.folder / "model")
            models.people(50).to_csv(here.sample)
        else:
            here.hostile_model()
        return here.run("explain", lacks="landlock"), here.traces()


@pytest.fixture(scope="module")
def seen() -> Iterator[dict[str, Future[Seen]]]:
    """Every experiment, two at a time because most of each is importing."""
    with ThreadPoolExecutor(2) as pool:
        jobs = {f"load as {who}": pool.submit(_loaded, who) for who in IDENTITIES}
        for level, lacks in WALLS.items():
            for who in IDENTITIES:
                jobs[f"{level} as {who}"] = pool.submit(_explained, who, lacks)
        jobs["pickle"] = pool.submit(_explained, "self", "nothing", "hostile_pickle")
        for deed in ENDLESS:
            jobs[deed] = pool.submit(_endless, deed)
        for kind in ("program", "skops"):
            jobs[f"no sandbox, {kind}"] = pool.submit(_without_a_sandbox, kind)
        yield jobs


def _report(answer: dict[str, Any]) -> dict[str, str]:
    assert "predictions" in answer, answer
    return dict(line.split(": ", 1) for line in answer["predictions"])


@pytest.mark.parametrize("who", IDENTITIES)
def test_without_the_sandbox_the_model_does_all_its_harm(
    who: str, seen: dict[str, Future[Seen]]
) -> None:
    answer, traces = seen[f"load as {who}"].result()
    report = _report(answer)
    assert set(report) == set(DEEDS)
    assert {name: told for name, told in report.items() if "stopped" in told} == {}
    assert traces == TRACES


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("level", WALLS)
@pytest.mark.parametrize("who", IDENTITIES)
def test_in_the_sandbox_it_does_none(
    who: str, level: str, deed: str, seen: dict[str, Future[Seen]]
) -> None:
    answer, traces = seen[f"{level} as {who}"].result()
    assert answer["sandbox"] == level
    assert _report(answer)[deed].startswith("stopped by "), _report(answer)[deed]
    assert traces == set()


@pytest.mark.parametrize("level", WALLS)
@pytest.mark.parametrize("who", IDENTITIES)
def test_its_bombs_stay_small(who: str, level: str, seen: dict[str, Future[Seen]]) -> None:
    report = _report(seen[f"{level} as {who}"].result()[0])
    for deed in ("become_root", "leave_by_unshare", "outlive_its_parent"):
        assert report[deed].startswith("stopped by "), report[deed]
    assert int(report["fork_bomb"]) == 0
    assert int(report["thread_bomb"]) < (64 if level == "A" else 400)
    assert int(report["fill_the_disk"]) <= 64
    assert int(report["fill_the_memory"]) < MEMORY >> 20
    assert set(report) == set(DEEDS) | set(BOMBS)


def test_a_poisoned_pickle_is_no_different(seen: dict[str, Future[Seen]]) -> None:
    answer, traces = seen["pickle"].result()
    report = _report(answer)
    assert all(report[deed].startswith("stopped by ") for deed in DEEDS)
    assert traces == set()


def test_the_model_is_explained_all_the_same(seen: dict[str, Future[Seen]]) -> None:
    answer, _ = seen["A as self"].result()
    assert answer["explainer"] == "permutation"
    assert answer["space"] == "share of predictions"
    assert SECRET not in str(answer)


@pytest.mark.parametrize("level", WALLS)
@pytest.mark.parametrize("who", IDENTITIES)
def test_what_it_tried_is_told_to_whoever_asked(
    who: str, level: str, seen: dict[str, Future[Seen]]
) -> None:
    answer, _ = seen[f"{level} as {who}"].result()
    assert answer["warnings"][0] == (
        "The model file tried to open a network connection, start another program, reach another "
        "process, change files that are not its own and read files that are not its own; "
        "the sandbox does not allow it."
    )


@pytest.mark.parametrize("deed", ENDLESS)
def test_a_model_that_does_not_answer_properly_is_stopped_with_a_reason(
    deed: str, seen: dict[str, Future[Seen]]
) -> None:
    answer, _ = seen[deed].result()
    assert answer["code"] == ENDLESS[deed][1], answer
    assert answer["error"].startswith("The model ")
    assert answer["hint"]


def test_without_a_sandbox_a_program_is_refused_and_plain_parts_are_explained(
    seen: dict[str, Future[Seen]],
) -> None:
    refused, traces = seen["no sandbox, program"].result()
    assert refused["code"] == "no-sandbox"
    assert "sandbox" in refused["error"]
    assert traces == set()
    explained, _ = seen["no sandbox, skops"].result()
    assert (explained["sandbox"], explained["explainer"]) == ("C", "linear")


def test_no_job_outlives_a_portal_that_was_killed() -> None:
    with scene("self") as here:
        here.hostile_model(endless="hang")
        with here.portal("explain") as portal:
            assert portal.stdout is not None
            assert "Loading the model" in portal.stdout.readline()
            family = [os.pidfd_open(child) for child in _descendants(portal.pid)]
            portal.kill()
        assert len(family) >= 3  # the program, the one that left its namespaces, the locked one
        for process in family:
            assert select.select([process], [], [], 10)[0], "a process of the job lives on"
            os.close(process)


def _descendants(parent: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{parent}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *_descendants(child)]
    return found
