"""`countersign gate` against a real API: what it says, in which form, and what it exits with."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import xml.etree.ElementTree as ET
from argparse import Namespace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.ci import commands
from app.settings import ROOT
from catalog.releases.requests.requests import Requests
from tests.api.test_gates import UNIT, in_force
from tests.cast import WHY, House
from tests.ci.conftest import Run
from tests.ci.serving import Served, Stranger, a_stranger
from tests.stack import plain_environment

V2 = ("gate", "models:/credit-pd/2", "--alias", "champion")


# -- yes and no ------------------------------------------------------------------------------------


def test_when_no_gate_stands_in_the_way_it_exits_with_0(there: Served, run: Run) -> None:
    ran = run(*V2)
    assert (ran.code, ran.err) == (0, "")
    assert "Gates for models:/credit-pd/2 as champion, in place of version 1" in ran.out
    assert f"Policy baseline v1, asked on 2026-11-20 09:12 UTC at {there.url}" in ran.out
    assert ran.out.count("PASS") == 4
    assert "No gate of 5 stands in the way. 1 is answered once a request is sent." in ran.out


@pytest.mark.parametrize(
    ("uri", "alias", "words"),
    [("models:/credit-pd/1", "champion", "it is"), ("models:/credit-pd/1", "shadow", "no version")],
)
def test_what_it_would_take_the_place_of_is_told(
    there: Served, run: Run, uri: str, alias: str, words: str
) -> None:
    assert f"{uri} as {alias}, which {words}" in run("gate", uri, "--alias", alias).out


def test_a_gate_that_fails_is_told_with_its_reason_and_exits_with_1(
    there: Served, run: Run
) -> None:
    ran = run("gate", "models:/worse/2", "--alias", "champion")
    assert ran.code == 1
    (failing,) = [line for line in ran.out.splitlines() if line.startswith("FAIL")]
    assert "Performance" in failing
    assert "1 of 5 gates in the way: Performance." in ran.out


def test_a_gate_whose_evidence_is_missing_exits_with_1(
    served: Served, run: Run, small_house: House
) -> None:
    in_force(small_house, UNIT)
    ran = run(*V2)
    assert ran.code == 1
    assert "1 of 6 gates in the way: Unit tests." in ran.out
    assert "MISSING  Unit tests" in ran.out


def test_a_version_is_also_named_by_the_alias_that_is_on_it(
    served: Served, run: Run, small_house: House
) -> None:
    small_house.mlflow.point("credit-pd", "candidate", 2)
    small_house.mirror()
    ran = run("gate", "models:/credit-pd@candidate", "--alias", "champion")
    assert ran.code == 0
    assert "models:/credit-pd/2" in ran.out


def test_a_token_that_could_not_ask_for_it_asks_the_gates_and_is_told_so(
    served: Served, run: Run, small_house: House, tmp_path: Path
) -> None:
    _token, secret = small_house.portal.tokens.issue("ci", by=small_house.carol)
    file = tmp_path / "token"
    file.write_text(f"{secret}\n")
    ran = run(*V2, "--token-file", str(file))
    assert ran.code == 0
    assert "A request sent with this token would be refused" in ran.out


# -- the formats -----------------------------------------------------------------------------------


@pytest.fixture
def standing(served: Served, small_house: House) -> list[str]:
    """Where the gates stand: one passes, one fails, one is missing, one waits, and so on."""
    small_house.credit(name="mixed", aucs=(0.82, 0.80))
    in_force(small_house, UNIT)
    return ["fail", "pass", "pass", "pass", "later", "missing"]


MIXED = ("gate", "models:/mixed/2", "--alias", "champion")


def test_junit_has_one_case_for_each_gate(standing: list[str], run: Run) -> None:
    ran = run(*MIXED, "--format", "junit")
    assert ran.code == 1
    suites = ET.fromstring(ran.out)  # noqa: S314 - our own report
    (suite,) = suites
    cases = suite.findall("testcase")
    kinds = {"failure": "fail", "error": "missing", "skipped": "later"}
    assert [kinds[case[0].tag] if len(case) else "pass" for case in cases] == standing
    assert len({(case.get("classname"), case.get("name")) for case in cases}) == len(cases)
    for counted in (suites, suite):
        assert [counted.get(name) for name in ("tests", "failures", "errors")] == ["6", "1", "1"]
    assert suite.get("skipped") == "1"
    (missing,) = suite.iterfind("testcase/error")
    assert "There is no record of" in str(missing.get("message"))


def test_sarif_has_one_rule_for_each_gate_and_one_result_for_each_in_the_way(
    standing: list[str], run: Run
) -> None:
    ran = run(*MIXED, "--format", "sarif")
    assert ran.code == 1
    document = json.loads(ran.out)
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-2.1.0.json")
    (one,) = document["runs"]
    driver = one["tool"]["driver"]
    assert driver["name"] == "Countersign"
    assert len(driver["rules"]) == len(standing)
    assert [result["ruleId"] for result in one["results"]] == ["performance", "unit"]
    for result in one["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] == "error"
        assert result["message"]["text"]
        physical = result["locations"][0]["physicalLocation"]
        assert physical["artifactLocation"]["uri"] == "models/mixed/2"
        assert result["partialFingerprints"]["primaryLocationLineHash"]
    assert list(one["properties"]["standing"].values()) == standing


def test_json_is_what_the_portal_said(standing: list[str], run: Run) -> None:
    ran = run(*MIXED, "--format", "json")
    told: dict[str, Any] = json.loads(ran.out)
    assert (ran.code, told["passes"], told["version"]) == (1, False, 2)
    assert [one["verdict"] for one in told["gates"]] == [
        "missing" if one == "later" else one for one in standing
    ]


@pytest.mark.parametrize("form", ["json", "junit", "sarif", "table"])
def test_with_a_file_for_the_report_the_log_still_has_the_table(
    there: Served, run: Run, tmp_path: Path, form: str
) -> None:
    alone = run(*V2, "--format", form).out
    file = tmp_path / "report"
    ran = run(*V2, "--format", form, "--output", str(file))
    assert "No gate of 5 stands in the way." in ran.out
    assert file.read_text(encoding="utf-8") == alone


def test_a_report_of_an_earlier_run_does_not_outlive_a_run_that_could_not_ask(
    there: Served, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "report.xml"
    asked = ("--format", "junit", "--output", str(file))
    run(*V2, *asked)
    assert file.exists()
    assert run("gate", "models:/credit-pd/99", "--alias", "champion", *asked).code == 2
    assert not file.exists()


def test_a_report_that_cannot_be_written_is_no_answer(
    there: Served, run: Run, tmp_path: Path
) -> None:
    ran = run(*V2, "--output", str(tmp_path / "nowhere" / "report"))
    assert ran.code == 2
    assert "cannot be written: No such file or directory." in ran.err


# -- what cannot be asked --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("credit-pd/2", "names no model version"),
        ("models:/", "names no model version"),
        ("models:/credit-pd", "names no model version"),
        ("models:/credit-pd/0", "is no version"),
        ("models:/credit-pd/latest", "is no version"),
        ("models:/credit-pd/Production", "is no version"),
        (f"models:/credit-pd/{10**30}", "is no version"),
        ("models:/credit-pd/2/3", "names no model version"),
        ("models:/m-4f1c", "names no model version"),
        ("models://profile@databricks/credit-pd/2", "names a server in MLflow's own way"),
        ("models:/\udcff/2", "not in UTF-8"),
        ("models:/credit-pd@no-such", "has no alias"),
        ("models:/nothing/2", "There is no model called 'nothing'"),
        ("models:/credit-pd/99", "99"),
        ("models:/../2", "There is no model called '..'"),
        ("models:/a b%2F?#é/2", "There is no model called 'a b%2F?#é'"),
    ],
)
def test_what_names_no_version_is_told_with_what_to_write(
    there: Served, run: Run, uri: str, words: str
) -> None:
    ran = run("gate", uri, "--alias", "champion")
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert "\n  " in ran.err  # the remedy


def test_an_alias_that_mlflow_would_not_take_is_refused(there: Served, run: Run) -> None:
    ran = run("gate", "models:/credit-pd/2", "--alias", "v3")
    assert ran.code == 2
    assert "'v3' cannot be an alias." in ran.err


def test_the_server_is_named_where_a_name_is_on_several(there: Served, run: Run) -> None:
    assert run(*V2, "--server", "main").code == 0
    ran = run(*V2, "--server", "other")
    assert ran.code == 2
    assert "There is no model called 'credit-pd'" in ran.err


def test_a_release_that_no_policy_covers_cannot_be_asked_about(
    served: Served, run: Run, small_house: House, tmp_path: Path
) -> None:
    in_force(small_house)
    small_house.portal.policies.end("baseline", WHY, by=small_house.grace)
    file = tmp_path / "report.xml"
    ran = run(*V2, "--format", "junit", "--output", str(file))
    assert ran.code == 2
    assert "No policy covers a release of credit-pd to champion" in ran.err
    assert not file.exists()


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("COUNTERSIGN_TOKEN", "", "There is no token"),
        ("COUNTERSIGN_TOKEN", "two words", "COUNTERSIGN_TOKEN holds no token"),
        ("COUNTERSIGN_TOKEN", "new\r\nX-Line: 1", "COUNTERSIGN_TOKEN holds no token"),
        ("COUNTERSIGN_TOKEN", "é", "COUNTERSIGN_TOKEN holds no token"),
        ("COUNTERSIGN_TOKEN", "csn_mistyped", "no Countersign token"),
        ("COUNTERSIGN_URL", "", "not said where the portal is"),
        ("COUNTERSIGN_URL", "countersign.example.com", "no web address"),
        ("COUNTERSIGN_URL", "file:///etc/passwd", "no web address"),
        ("COUNTERSIGN_URL", "https://me:hush@example.com", "no web address"),
        ("COUNTERSIGN_URL", "https://example.com/?x=1", "no web address"),
        ("COUNTERSIGN_URL", "https://exam ple.com", "no web address"),
        ("COUNTERSIGN_URL", f"https://{'x' * 70}.example", "no web address"),
        ("COUNTERSIGN_URL", "https://[::1", "no web address"),
        ("COUNTERSIGN_URL", "https://example.com:99999", "no web address"),
    ],
)
def test_without_a_token_or_an_address_it_says_what_to_set(
    there: Served, run: Run, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    ran = run(*V2)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert "\n  " in ran.err
    assert "hush" not in ran.err
    assert "mistyped" not in ran.err.replace("it was mistyped", "")


@pytest.mark.parametrize(("content", "words"), [(None, "cannot be read"), (b" \n", "is empty")])
def test_a_token_file_that_holds_none_is_told(
    there: Served, run: Run, tmp_path: Path, content: bytes | None, words: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    ran = run(*V2, "--token-file", str(file))
    assert ran.code == 2
    assert words in ran.err


def test_an_address_is_taken_as_people_copy_it(
    there: Served, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COUNTERSIGN_URL")
    for copied in ("/", "/api/v1", "/api/v1/"):
        assert run(*V2, "--server-url", there.url + copied).code == 0


def test_a_token_that_has_expired_or_was_revoked_is_told(
    served: Served, run: Run, small_house: House
) -> None:
    small_house.clock.advance(timedelta(days=91))
    ran = run(*V2)
    assert (ran.code, ran.out) == (2, "")
    assert "This token has expired." in ran.err
    assert "Make a new token on the Access page" in ran.err
    assert os.environ["COUNTERSIGN_TOKEN"] not in ran.err


def test_a_portal_that_is_away_is_told(
    there: Served, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers
        monkeypatch.setenv("COUNTERSIGN_URL", f"http://127.0.0.1:{closed.getsockname()[1]}")
        ran = run(*V2)
    assert (ran.code, ran.out) == (2, "")
    assert "cannot be reached: Connection refused." in ran.err


def test_a_fault_of_the_portal_is_told_with_its_incident(
    there: Served, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret inside")

    monkeypatch.setattr(Requests, "preview", broken)
    ran = run(*V2)
    assert (ran.code, ran.out) == (2, "")
    assert "Something broke on our side, incident" in ran.err
    assert "secret" not in ran.err


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, b"<html>Please sign in</html>"), "it is not the API of Countersign"),
        ((200, b"[]"), "it is not the API of Countersign"),
        ((200, b"{}"), "is not understood"),
        ((200, b"[" * 100_000), "it is not the API of Countersign"),
        ((500, b"Internal Server Error"), "answered 500, not in Countersign's words"),
        ((502, b"<html>Bad gateway</html>"), "answered 502, not in Countersign's words"),
        ((403, b'{"message": "blocked"}'), "answered 403, not in Countersign's words"),
        ((503, b'{"error": "x", "detail": "Away.", "hint": "Wait."}'), "Away.\n  Wait."),
        ((200, b'{"policy": {"name": "p", "version": 1, "digest": "d"}, "gates": [{}]}'),
         "is not understood"),
    ],
)  # fmt: skip
def test_who_answers_and_is_no_portal_passes_nothing(
    there: Served,
    run: Run,
    stranger: Stranger,
    monkeypatch: pytest.MonkeyPatch,
    answer: tuple[int, bytes],
    words: str,
) -> None:
    stranger.status, stranger.body = answer
    monkeypatch.setenv("COUNTERSIGN_URL", stranger.url)
    ran = run(*V2)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err


def test_a_certificate_that_nobody_vouches_for_is_told(
    there: Served, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_stranger(encrypted_in=tmp_path) as encrypted:
        monkeypatch.setenv("COUNTERSIGN_URL", encrypted.url)
        ran = run(*V2)
        assert (ran.code, ran.out) == (2, "")
        assert "cannot be trusted: self-signed certificate." in ran.err
        assert "SSL_CERT_FILE" in ran.err
        assert encrypted.seen == []
        # Vouched for it is spoken to, and turns out to be no portal.
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        assert "is not understood" in run(*V2).err
        assert len(encrypted.seen) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_the_token_goes_nowhere_else(
    there: Served,
    run: Run,
    stranger: Stranger,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    stranger.status = status
    stranger.headers = {"Location": f"{stranger.url}/elsewhere?a=1"}
    monkeypatch.setenv("COUNTERSIGN_URL", stranger.url)
    ran = run(*V2)
    assert (ran.code, ran.out) == (2, "")
    assert "sends on to 127.0.0.1; the token was not sent there." in ran.err
    assert len(stranger.seen) == 1


def test_a_server_that_repeats_the_token_does_not_have_it_printed(
    there: Served, run: Run, stranger: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = os.environ["COUNTERSIGN_TOKEN"]
    stranger.status = 401
    told = {"error": "unauthenticated", "detail": f"No: {token}.", "hint": f"\x1b[2J{token}"}
    stranger.body = json.dumps(told).encode()
    monkeypatch.setenv("COUNTERSIGN_URL", stranger.url)
    ran = run(*V2)
    assert ran.code == 2
    assert stranger.seen[0]["authorization"] == f"Bearer {token}"
    assert token not in ran.err
    assert "\x1b" not in ran.err


def test_a_no_of_the_portal_counts_where_its_gates_say_yes(
    there: Served, run: Run, stranger: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = json.loads(run(*V2, "--format", "json").out)
    monkeypatch.setenv("COUNTERSIGN_URL", stranger.url)
    for changed, code in (({}, 0), ({"passes": False}, 1), ({"gates": []}, 1)):
        stranger.body = json.dumps(told | changed).encode()
        assert run(*V2).code == code
    told["gates"][1]["verdict"] = "unheard-of"
    stranger.body = json.dumps(told).encode()
    assert run(*V2).code == 2


def test_neither_a_bug_nor_ctrl_c_looks_like_an_answer_of_the_gates(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def breaks(_asked: object) -> int:
        raise ZeroDivisionError

    def stops(_asked: object) -> int:
        raise KeyboardInterrupt

    assert commands._careful(breaks)(Namespace()) == 3
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert commands._careful(stops)(Namespace()) == 130


# -- as a program of its own -----------------------------------------------------------------------


def test_the_command_runs_on_the_standard_library_alone(there: Served) -> None:
    environment = plain_environment() | {
        "COUNTERSIGN_URL": there.url,
        "COUNTERSIGN_TOKEN": os.environ["COUNTERSIGN_TOKEN"],
        "PYTHONIOENCODING": "ascii",
    }

    def ran(uri: str) -> subprocess.CompletedProcess[str]:
        # -S: without site, so that nothing that was installed can be found.
        return subprocess.run(
            [sys.executable, "-S", "-m", "countersign", "gate", uri, "--alias", "champion"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    assert (ran("models:/credit-pd/2").returncode, ran("models:/worse/2").returncode) == (0, 1)
    unknown = ran("models:/nothing/1")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "There is no model called 'nothing'." in unknown.stderr


def test_a_pipeline_loads_neither_streamlit_mlflow_shap_nor_a_database() -> None:
    program = (
        "import sys; there = set(sys.modules); from app.cli import main; "
        "code = main(['gate', 'models:/credit-pd/2', '--alias', 'champion']); "
        "loaded = {name.partition('.')[0] for name in set(sys.modules) - there}; "
        "print(code, sorted(loaded - set(sys.stdlib_module_names)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=plain_environment()
        | {"COUNTERSIGN_URL": "http://127.0.0.1:1", "COUNTERSIGN_TOKEN": "x"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == "2 ['app', 'ledger']\n"
    assert "cannot be reached" in answer.stderr
