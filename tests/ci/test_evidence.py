"""`countersign evidence add` against a real API."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest

from app.ci.evidence import producer
from catalog.registry.artifacts import manifest_of
from catalog.releases.evidence.attaching import Attached
from tests.api.test_gates import UNIT, in_force
from tests.cast import House
from tests.catalog.releases.test_uploads import GOOD, PAPER
from tests.ci.conftest import Run
from tests.ci.serving import Served, Stranger

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


def test_a_piece_says_of_which_files_it_was_made_by_the_digest_the_portal_gives_them(
    served: Served, run: Run, small_house: House, tmp_path: Path
) -> None:
    for name, text in {
        "MLmodel": "a: 1",
        "data/w\u00e4hrung.json": "{}",
        "\U0001f600": "x",
    }.items():
        path = tmp_path / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    pairs = ("--kind", "check", "--name", "unit", "--set", "passed=true")
    assert run(*ADD, *pairs, "--files", str(tmp_path / "model")).code == 0
    (piece,) = on_record(small_house)
    assert piece.says["files"] == manifest_of(tmp_path / "model").digest
    nothing = run(*ADD, *pairs, "--files", str(tmp_path / "nowhere"))
    assert (nothing.code, "There are no files in" in nothing.err) == (2, True)


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


# -- documents -------------------------------------------------------------------------------------


def written(folder: Path, name: str, body: bytes) -> str:
    file = folder / name
    file.write_bytes(body)
    return str(file)


def test_a_document_is_uploaded_and_opens_its_gate(
    served: Served, run: Run, small_house: House, tmp_path: Path
) -> None:
    in_force(small_house, PAPER)
    assert run(*GATE).code == 1
    file = written(tmp_path, "geprüft & sound.pdf", GOOD["report.pdf"])
    ran = run(*ADD, "--document", file, "--producer", "Validator", "--expires-in-days", "20")
    assert (ran.code, ran.err) == (0, "")
    assert "models:/credit-pd/2: document geprüft & sound, self-reported by Validator" in ran.out
    assert "It counts until 2026-12-10 09:12 UTC." in ran.out
    assert run(*GATE).code == 0
    (piece,) = on_record(small_house)
    _piece, body = small_house.portal.evidence.document(piece.id, by=small_house.bob)
    assert body == GOOD["report.pdf"]


def test_a_document_has_the_title_and_the_pipeline_that_are_said(
    served: Served,
    run: Run,
    small_house: House,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JENKINS_URL", "x")
    monkeypatch.setenv("JOB_NAME", "validate")
    file = written(tmp_path, "notes.md", GOOD["notes.md"])
    assert run(*ADD, "--kind", "document", "--document", file, "--name", "Validation").code == 0
    (piece,) = on_record(small_house)
    assert (piece.name, piece.producer) == ("Validation", "Jenkins validate")
    assert (piece.has_document, piece.says["media_type"]) == (True, "text/markdown")


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (("empty.pdf", b""), "empty.pdf is empty."),
        (("page.html", b"<html>"), "is a web page or a drawing"),
        (("report.docx", b"PK\x03\x04"), "is a ZIP archive, or an Office file."),
        (("report.pdf", b"plain words"), "is called .pdf and is something else inside."),
        (("half.pdf", b"%PDF-1.7\n"), "is broken: it ends in the middle."),
        (("\udcff.pdf", b"%PDF-1.7\n"), "not in UTF-8"),
    ],
)
def test_a_document_that_is_not_taken_is_told_and_not_kept(
    served: Served,
    run: Run,
    small_house: House,
    tmp_path: Path,
    file: tuple[str, bytes],
    words: str,
) -> None:
    ran = run(*ADD, "--document", written(tmp_path, *file))
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert on_record(small_house) == []


def test_a_document_that_is_too_large_is_told_before_it_is_sent(
    served: Served, run: Run, small_house: House, tmp_path: Path
) -> None:
    most = small_house.portal.evidence.largest_document_bytes
    ran = run(*ADD, "--document", written(tmp_path, "large.txt", b"x" * (most + 1)))
    assert (ran.code, ran.out) == (2, "")
    assert f"large.txt is larger than the {most:,} bytes that the portal takes." in ran.err
    assert run(*ADD, "--document", written(tmp_path, "fits.txt", b"x" * most)).code == 0
    assert small_house.records("evidence:attach", outcome="refused") == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--document", "/nowhere/report.pdf"], "/nowhere/report.pdf cannot be read: No such file"),
        (["--document", "."], ". cannot be read: Is a directory"),
        (["--document", "a\0.pdf"], "its name is none"),
        (["--document", "a.pdf", "--kind", "check"], "A document is attached by itself."),
        (["--document", "a.pdf", "--set", "a=b"], "A document is attached by itself."),
        (["--document", "a.pdf", "--file", "b.json"], "A document is attached by itself."),
        (["--set", "passed=true"], "It is not said what is attached."),
    ],
)
def test_what_cannot_be_uploaded_is_told(
    there: Served, run: Run, arguments: list[str], words: str
) -> None:
    ran = run(*ADD, *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err


def test_a_portal_that_does_not_say_what_it_takes_is_sent_no_document(
    there: Served, run: Run, stranger: Stranger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COUNTERSIGN_URL", stranger.url)
    ran = run(*ADD, "--document", written(tmp_path, "notes.md", GOOD["notes.md"]))
    assert ran.code == 2
    assert "did not say how large a document may be" in ran.err
    assert len(stranger.seen) == 1
