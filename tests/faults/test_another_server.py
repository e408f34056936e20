"""Beside an MLflow that an organisation has already: it is read, and nothing is left there."""

from __future__ import annotations

import html
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from app.settings import MLFLOW_SECRETS
from catalog.assurance.explanations import ExplanationState
from catalog.registry.mirror.state import MirrorState
from tests.browser.visits import a_browser, person
from tests.faults.workshop import (
    ALIAS,
    PASSWORD,
    SYSTEM,
    Logged,
    alias,
    classify,
    introduce,
    register,
)
from tests.stack import MlflowServer, Stack, environment_of, is_answering, running, until

SECRETS: Final = {name: f"hush-{name.lower()}-hush" for name in MLFLOW_SECRETS}
LISTED_SECONDS: Final = 60.0
FIRST = "root@workshop.example"


@pytest.fixture(scope="module")
def theirs(server: MlflowServer, logged: Logged) -> MlflowServer:
    """A server that holds models of its own, with an alias."""
    register(server, logged, "theirs", versions=2)
    server.client.set_registered_model_alias("theirs", ALIAS, "1")
    return server


@pytest.fixture(scope="module")
def everything_before(theirs: MlflowServer) -> list[str]:
    return _everything(theirs)


@pytest.fixture(scope="module")
def beside(
    tmp_path_factory: pytest.TempPathFactory, theirs: MlflowServer, everything_before: list[str]
) -> Iterator[Stack]:
    with running(
        tmp_path_factory.mktemp("beside"),
        MLFLOW_TRACKING_URI=theirs.uri,
        DEMO="0",
        MIRROR_SECONDS="2",
        **SECRETS,
    ) as stack:
        stack.wait_for_the_door()
        yield stack


def _everything(server: MlflowServer) -> list[str]:
    """All rows of all tables of the server, and every file it keeps."""
    with closing(sqlite3.connect(f"file:{server.database}?mode=ro", uri=True)) as database:
        rows = list(database.iterdump())
    files = sorted((server.folder / "artifacts").rglob("*"))
    return rows + [f"{file} {file.stat().st_mtime_ns} {file.stat().st_size}" for file in files]


def _read(stack: Stack) -> MirrorState | None:
    return next((one for one in stack.portal.models.mirrored() if one.succeeded_at), None)


def test_its_models_are_listed_within_a_minute_and_nothing_is_written_to_it(
    beside: Stack, theirs: MlflowServer, everything_before: list[str]
) -> None:
    state = until(lambda: _read(beside), "MLflow has been read", within=LISTED_SECONDS)
    assert time.monotonic() - beside.program.began < LISTED_SECONDS
    assert state.models >= 1
    assert beside.portal.models.find("theirs", by=SYSTEM).alias(ALIAS)
    assert f"MLflow is the server at {theirs.uri}." in beside.program.said
    assert "Demo" not in beside.program.said
    assert _everything(theirs) == everything_before


def test_the_set_up_address_makes_the_first_administrator_once(beside: Stack) -> None:
    beside.program.hear("Ctrl-C ends everything.")
    found = re.search(r"http://\S+/idp/set-up\?code=(\S+)", beside.program.said)
    assert found
    made = _set_up(beside, found[0], found[1], FIRST)
    assert made.status_code == 200, made.text
    again = _set_up(beside, found[0], found[1], "second@workshop.example")
    assert 'role="alert"' in again.text or "That did not work" in again.text
    assert beside.portal.people.by_email("second@workshop.example") is None
    with beside.api(FIRST) as api:
        assert "theirs" in [one["name"] for one in api.get("/models").json()["models"]]


def test_only_the_worker_is_given_mlflows_secrets(beside: Stack) -> None:
    cast = introduce(beside.portal)
    model = classify(beside.portal, cast, "theirs")
    version = beside.portal.models.version(model, 1)
    worker = _only(beside, "countersign worker")
    assert {name: environment_of(worker).get(name) for name in SECRETS} == SECRETS
    beside.portal.explanations.request(version.id, by=cast.ann)

    children: set[int] = set()
    holders: dict[int, str] = {}

    def explained() -> bool:
        children.update(_below(worker))
        holders.update(_holders())
        found = beside.portal.explanations.of(version.id, by=cast.ann)
        assert found
        assert found.state is not ExplanationState.FAILED, found.problem
        return found.state is ExplanationState.DONE

    until(explained, "the explanation is there")
    assert children, "no child was ever seen, so nothing was learned"
    # Between fork and exec a child still shows the worker's own command and environment.
    leaked = {pid for pid in children & holders.keys() if _program(holders[pid]) != "worker"}
    assert not leaked
    # Whoever started the run gave the secrets to it; it hands them to the worker and nobody else.
    assert {_program(command) for command in holders.values()} == {"run", "worker"}


def test_when_mlflow_is_away_everything_that_reads_goes_on_and_says_how_old_it_is(
    beside: Stack, theirs: MlflowServer
) -> None:
    request, before = _asked_and_read(beside)
    theirs.stop()
    try:
        until(
            lambda: any(one.problem for one in beside.portal.models.mirrored()),
            "somebody noticed that MLflow is away",
        )
        with beside.api("ann@workshop.example") as ann:
            assert "theirs" in [
                one["name"] for one in ann.get("/models", params={"q": "tumours"}).json()["models"]
            ]
            told = ann.get("/models/theirs").json()
            assert told["aliases"] == {ALIAS: 1}
            age = datetime.now(UTC) - datetime.fromisoformat(told["mirrored_at"]["main"])
            assert 0 <= age.total_seconds() < LISTED_SECONDS * 3
        ready = httpx.get(f"{beside.url}/readyz", trust_env=False).json()
        assert ready["status"] == "ready"
        assert ready["mlflow"][0]["problem"].startswith("MLflow does not answer")
        with a_browser() as browser:
            ann_here = person(browser, beside.url, "ann@workshop.example", PASSWORD, at="/discover")
            ann_here.reads("theirs")
            ann_here.reads("MLflow does not answer; what you see was mirrored")
            ann_here.open("/model?name=theirs")
            ann_here.reads("MLflow does not answer; what you see was mirrored")
        decided = _decide(beside, request)
        assert decided["state"] == "Approved"
        assert decided["promotion"]["state"] == "Queued"
        assert before == 1
    finally:
        theirs.start()
        theirs.wait()

    def applied() -> bool:
        with beside.api("bob@workshop.example") as bob:
            promotion = bob.get(f"/release-requests/{request}").json()["promotion"]
        assert promotion["state"] != "Failed", promotion
        return bool(promotion["state"] == "Applied")

    until(applied, "what was decided meanwhile is carried out")
    assert alias(theirs, "theirs") == 2


def test_ctrl_c_ends_every_child(beside: Stack) -> None:
    assert len(beside.processes()) > 2
    assert beside.program.interrupt() == 0
    assert beside.processes() == {}
    assert not is_answering(f"{beside.url}/healthz")
    assert "Traceback" not in beside.program.said
    assert not any(secret in beside.program.said for secret in SECRETS.values())
    logs = "".join(beside.log(name) for name in ("portal", "worker"))
    assert not any(secret in logs for secret in SECRETS.values())


# -- the story's smaller steps ---------------------------------------------------------------------


def _set_up(stack: Stack, address: str, code: str, email: str) -> httpx.Response:
    """Fill in the form at the address as a browser would."""
    with httpx.Client(trust_env=False, follow_redirects=True, timeout=30) as client:
        form = client.get(address)
        assert form.status_code == 200
        hidden = re.search(r'name="csrf" value="([^"]*)"', form.text)
        assert hidden
        given = {"csrf": html.unescape(hidden[1]), "code": code, "name": "Rut", "email": email}
        passwords = {"password": PASSWORD, "again": PASSWORD}
        headers = {"Origin": stack.url, "Referer": address}
        return client.post(f"{stack.url}/idp/set-up", data=given | passwords, headers=headers)


def _asked_and_read(stack: Stack) -> tuple[str, int]:
    """A request that waits for its decision, and the version that is live meanwhile."""
    with stack.api("ann@workshop.example") as ann:
        asked = ann.post(
            "/release-requests",
            json={"model": "theirs", "version": 2, "alias": ALIAS, "reason": "It finds more."},
        )
        assert asked.status_code == 201, asked.text
        number = asked.json()["number"]
        until(
            lambda: ann.get(f"/release-requests/{number}").json()["state"] == "In review",
            "the request can be decided",
        )
        return number, ann.get("/models/theirs").json()["aliases"][ALIAS]


def _decide(stack: Stack, request: str) -> dict[str, Any]:
    with stack.api("bob@workshop.example") as bob:
        answer = bob.post(
            f"/release-requests/{request}/decision",
            json={"decision": "approve", "reason": "I read the numbers before MLflow went away."},
        )
        assert answer.status_code == 200, answer.text
        decided: dict[str, Any] = answer.json()
        return decided


def _only(stack: Stack, words: str) -> int:
    found = [number for number, command in stack.processes().items() if words in command]
    assert len(found) == 1, stack.processes()
    return found[0]


def _program(command: str) -> str:
    return command.rsplit(maxsplit=1)[-1]


def _holders() -> dict[int, str]:
    """Every process of this machine that was started with one of the secrets (Linux)."""
    found = {}
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                environment = (process / "environ").read_bytes()
                command = (process / "cmdline").read_bytes()
            except OSError:
                continue  # It has gone, or nobody may read it.
            if any(secret.encode() in environment for secret in SECRETS.values()):
                found[int(process.name)] = command.replace(b"\0", b" ").decode()
    return found


def _below(parent: int) -> set[int]:
    """The processes a process has started, and those that these have started (Linux)."""
    parents = {}
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                fields = (process / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(process.name)] = int(fields[1])
    below = {parent}
    while more := {child for child, of in parents.items() if of in below} - below:
        below |= more
    return below - {parent}
