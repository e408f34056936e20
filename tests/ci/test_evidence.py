"""`countersign evidence add` against a real API."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest

from app.ci.evidence import producer
from catalog.releases.evidence.attaching import Attached
from tests.api.test_gates import UNIT, in_force
from tests.cast import House
from tests.ci.conftest import Run
from tests.ci.serving import Served

ADD = ("evidence", "add", "models:/credit-pd/2")
GATE = ("gate", "models:/credit-pd/2", "--alias", "champion")


def on_record(house: House) -> list[Attached]:
    return house.portal.evidence.of(house.version(2).id, by=house.alice)


def test_a_check_that_is_put_on_record_opens_its_gate(
    served: Served, run: Run, small_house: House
) -> None:
    in_force(small_house, UNIT)
    assert run(*GATE).code == 1
    ran = run(*ADD, "--kind", "check", "--name", "unit", "--set", "passed=true")
    assert (ran.code, ran.err) == (0, "")
    assert "On record for models:/credit-pd/2: check unit, self-reported by Alice" in ran.out
    assert "It counts until it is taken back." in ran.out
    assert run(*GATE).code == 0
    (piece,) = on_record(small_house)
    assert (piece.is_verified, dict(piece.says)["passed"]) == (False, True)


def test_a_file_says_it_and_pairs_say_the_rest(
    served: Served, run: Run, small_house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("CI_PROJECT_PATH", "risk/credit-pd")
    monkeypatch.setenv("CI_JOB_ID", "77")
    file = tmp_path / "scan.json"
    file.write_text(json.dumps({"tool": "picklescan", "findings": 3, "detail": "old"}))
    pairs = ("--set", "findings=0", "--set", "detail=all = well", "--expires-in-days", "30")
    ran = run(*ADD, "--kind", "scan", "--file", str(file), *pairs)
    assert ran.code == 0, ran.err
    assert "It counts until 2026-12-20 09:12 UTC." in ran.out
    (piece,) = on_record(small_house)
    assert dict(piece.says) == {"tool": "picklescan", "findings": 0, "detail": "all = well"}
    assert piece.producer == "GitLab CI risk/credit-pd 77"


def test_what_comes_from_another_program_is_read_from_standard_input(
    served: Served, run: Run, small_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = json.dumps({"dataset": "lending", "sound": True}).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(body)))
    assert run(*ADD, "--kind", "data-check", "--file", "-", "--producer", "Checker").code == 0
    assert on_record(small_house)[0].producer == "Checker"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--kind", "check"], "not said what the evidence says"),
        (["--kind", "check", "--set", "passed"], "--set passed says nothing"),
        (["--kind", "check", "--set", "=true"], "says nothing"),
        (["--kind", "prayer", "--set", "a=b"], "no evidence of the kind 'prayer'"),
        (["--kind", "check", "--name", "unit", "--set", "passed=maybe"], "wrong at passed"),
        (["--kind", "check", "--name", "unit", "--set", "check=lint"], "says that its check is"),
        (["--kind", "slices", "--name", "x", "--set", "metric=AUC"], "no name of its own"),
        (["--kind", "scan", "--name", "x", "--set", "findings=NaN"], "wrong at findings"),
        (["--kind", "check", "--file", "/nowhere/x.json"], "cannot be read: No such file"),
        (["--kind", "check", "--name", "a", "--set", "passed=true", "--expires-in-days", "0"],
         "1 to 3650 days, not 0"),
        (["--kind", "attestation", "--set", "x=\udcff"], "wrong at"),
    ],
)  # fmt: skip
def test_what_cannot_be_put_on_record_is_told_and_nothing_is(
    there: Served, run: Run, arguments: list[str], words: str
) -> None:
    ran = run(*ADD, *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "is no JSON at line 1"),
        (b'{"passed": NaN}', "is no JSON"),
        (b"\xff\xfe", "is no JSON"),
        (b"[1]", "holds no object"),
        (b"[" * 100_000, "is no JSON"),
        (b" " * (1024 * 1024 + 1), "is larger than 1 MB"),
    ],
)
def test_a_file_that_says_nothing_is_told(
    there: Served, run: Run, tmp_path: Path, body: bytes, words: str
) -> None:
    file = tmp_path / "evidence.json"
    file.write_bytes(body)
    ran = run(*ADD, "--kind", "check", "--file", str(file))
    assert ran.code == 2
    assert words in ran.err


def test_whoever_holds_no_role_for_it_is_refused(
    served: Served, run: Run, small_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _token, secret = small_house.portal.tokens.issue("ci", by=small_house.carol)
    monkeypatch.setenv("COUNTERSIGN_TOKEN", secret)
    ran = run(*ADD, "--kind", "check", "--name", "unit", "--set", "passed=true")
    assert ran.code == 2
    assert on_record(small_house) == []
    assert os.environ["COUNTERSIGN_TOKEN"] not in ran.err


def test_each_known_pipeline_is_named_with_its_run() -> None:
    assert producer(
        {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "1"}
    ) == ("GitHub Actions a/b 1")
    assert producer({"JENKINS_URL": "x", "JOB_NAME": "train", "BUILD_NUMBER": "9"}) == (
        "Jenkins train 9"
    )
    assert producer({"TF_BUILD": "True"}) == "Azure Pipelines"
    assert producer({}) == ""
    assert len(producer({"GITLAB_CI": "true", "CI_PROJECT_PATH": "x" * 500})) == 120
