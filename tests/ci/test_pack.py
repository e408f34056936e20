"""`countersign evidence-pack` against a real API: the whole file, or a reason."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.cast import House
from tests.ci.conftest import Run
from tests.ci.serving import Served, Stranger


def test_a_pack_is_written_whole_and_its_digest_is_the_one_on_record(
    served: Served, run: Run, small_house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = small_house.approved()
    monkeypatch.chdir(tmp_path)
    ran = run("evidence-pack", request.number)
    (file,) = tmp_path.glob("*.zip")
    digest = f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
    assert (ran.code, ran.err) == (0, "")
    assert f"evidence-pack-{request.number}.zip: {file.stat().st_size:,} bytes, {digest}" in ran.out
    (record,) = small_house.records("evidence:pack:download")
    assert (record.actor, record.digests["pack"]) == (small_house.alice.id, digest)
    ran = run("evidence-pack", request.number, "--output", str(tmp_path / "no" / "pack.zip"))
    assert (ran.code, "cannot be written: No such file" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("request_number", "words"),
    [
        ("RR-2026-9999", "There is no such request."),
        ("credit-pd", "names no release request"),
        ("../audit", "names no release request"),
    ],
)
def test_what_is_no_request_leaves_no_file(
    there: Served, run: Run, tmp_path: Path, request_number: str, words: str
) -> None:
    file = tmp_path / "pack.zip"
    ran = run("evidence-pack", request_number, "--output", str(file))
    assert (ran.code, words in ran.err, file.exists()) == (2, True, False)


def test_what_is_no_pack_is_not_written(
    there: Served, stranger: Stranger, run: Run, tmp_path: Path
) -> None:
    stranger.body = b"<html>Sign in</html>"
    file = tmp_path / "pack.zip"
    given = ("--output", str(file), "--server-url", stranger.url)
    ran = run("evidence-pack", "RR-2026-0001", *given)
    assert (ran.code, "did not send the whole file" in ran.err, file.exists()) == (2, True, False)
