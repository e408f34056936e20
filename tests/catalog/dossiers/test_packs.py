"""A release can be judged from one file, away from here; what it lacks is said in it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from app.settings import ROOT
from auth.actors import Actor
from catalog.dossiers import contents
from catalog.dossiers.dossiers import Dossiers
from catalog.releases.evidence.attaching import Attached
from catalog.releases.promotions.tickets import TicketOffice
from catalog.releases.requests.request import ReleaseRequest
from catalog.releases.states import Verb
from ledger.errors import Conflict, NotFound
from tests.api.test_gates import in_force
from tests.api.test_release_story import client
from tests.cast import WHY, House
from tests.catalog.releases.test_conditions import WATCH
from tests.catalog.releases.test_uploads import GOOD, PAPER, upload
from tests.ed25519 import is_signed

HOSTILE = "<script>alert('x')</script> [link](javascript:x) & 模型"
LISTED_APART = {"manifest.json", "manifest.jws"}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def told(house: House) -> tuple[ReleaseRequest, Attached]:
    """Alice attaches a report and asks, Carol asks back, Bob approves on a condition."""
    house.credit()
    in_force(house, PAPER)
    report = upload(house, days=20)
    house.portal.evidence.attach(
        house.version(2).id,
        "document",
        {"title": HOSTILE, "sha256": "ab" * 32, "media_type": "text/html", "size_bytes": 7},
        by=house.alice,
    )
    request = house.asked()
    house.portal.discussion.post(house.model().id, HOSTILE, about=request.number, by=house.carol)
    house.portal.discussion.post(house.model().id, "Of another matter.", by=house.carol)
    approved = house.portal.decisions.decide(
        request.id, Verb.APPROVE_WITH_CONDITIONS, HOSTILE, conditions=[WATCH], by=house.bob
    )
    house.deliver()
    return approved, report


def pack(house: House, request: str, by: Actor) -> bytes:
    return house.portal.dossiers.pack(request, by=by).data


def unpacked(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {one.partition("/")[2]: archive.read(one) for one in archive.namelist()}


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def key(house: House) -> dict[str, str]:
    """The public key, as the operator prints it."""
    folder = house.portal.settings.data_dir / "keys"
    found: dict[str, str] = json.loads(TicketOffice(folder, house.clock).public_key())
    return found


def is_as_signed(files: dict[str, bytes], public: dict[str, str]) -> bool:
    """What an outsider asks, with the standard library and the public key."""
    head, _, signature = files["manifest.jws"].decode().strip().split(".")
    body = base64.urlsafe_b64encode(files["manifest.json"]).decode().rstrip("=")
    named = json.loads(decoded(head))
    if (named["kid"], named["typ"]) != (public["kid"], "countersign-evidence-pack+jws"):
        return False
    listed = json.loads(files["manifest.json"])["files"]
    here = {name: sha256(data) for name, data in files.items() if name not in LISTED_APART}
    if {name: one["sha256"] for name, one in listed.items()} != here:
        return False
    return is_signed(decoded(public["x"]), f"{head}.{body}".encode(), decoded(signature))


def gaps(house: House, request: str) -> dict[str, str]:
    """What a pack lacks, code by what it is about."""
    files = unpacked(pack(house, request, house.erik))
    return {one["code"]: one["about"] for one in json.loads(files["gaps.json"])}


def test_everything_a_release_was_decided_on_is_in_it_and_checks_out_offline(house: House) -> None:
    request, report = told(house)
    files = unpacked(pack(house, request.number, house.carol))
    assert is_as_signed(files, key(house))
    # What was bound is there byte for byte, under the digest it was bound by.
    for folder, digest in (
        ("policies", request.policy_digest),
        ("snapshots", request.snapshot_digest),
        ("evidence", report.digest),
    ):
        assert f"sha256:{sha256(files[f'{folder}/{digest[7:]}.json'])}" == digest
    assert "baseline" in files[f"policies/{request.policy_digest[7:]}.yaml"].decode()
    document = sha256(GOOD["report.pdf"])
    assert files[f"documents/{document}.pdf"] == GOOD["report.pdf"]
    assert len([name for name in files if name.startswith("documents/")]) == 1
    # The files of the model are listed, and the list is what its digest says.
    named = json.loads(files[f"files/{request.manifest_digest[7:]}.json"])
    plain = {name: f"{one['bytes']} {one['sha256']}" for name, one in named.items()}
    written = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert f"sha256:{sha256(written.encode())}" == request.manifest_digest
    # The receipt names a record of the log that is there, and what it commits to can be opened.
    said = json.loads(files["request.json"])
    record = files[f"audit/{said['receipt']['record']:08d}.json"]
    assert said["receipt"]["digest"] == f"sha256:{sha256(record)}"
    commitments = json.loads(record)["commitments"]
    (opened,) = [
        one
        for one in json.loads(files["audit/texts.json"])
        if (one["sequence"], one["field"]) == (said["receipt"]["record"], "reason")
    ]
    committed = hashlib.sha256(f"{opened['salt']}\0{opened['text']}".encode()).hexdigest()
    assert (opened["text"], commitments["reason"]) == (HOSTILE, f"sha256:{committed}")
    # Asked again, the gates say what they said then; what was said and opened is there.
    (again,) = json.loads(files["gates.json"])
    assert (again["on"], again["agrees"]) == ("approve-with-conditions", True)
    assert [one["title"] for one in json.loads(files["findings.json"])] == [
        "Write down how it is watched."
    ]
    ((comment,),) = json.loads(files["discussion.json"])
    assert comment["text"] == HOSTILE
    assert said["promotion"]["state"] == "Applied"
    acts = [json.loads(files[name])["act"] for name in sorted(files) if "audit/0" in name]
    assert acts[:2] == ["release:request", "evidence:collect"]
    assert acts[-1] == "promotion:apply"
    people = json.loads(files["people.json"])
    assert people[house.bob.id] == "Bob Norrland"
    (written_down,) = house.records("evidence:pack:download")
    assert written_down.actor == house.carol.id
    assert written_down.facts["request"] == request.id


def test_the_same_state_gives_the_same_bytes_whoever_takes_it_and_when(small_house: House) -> None:
    request, _report = told(small_house)
    first = pack(small_house, request.id, small_house.bob)
    assert list(unpacked(first)) == sorted(unpacked(first))
    small_house.clock.advance(timedelta(days=400))
    assert pack(small_house, request.number, small_house.erik) == first
    digests = {one.digests["pack"] for one in small_house.records("evidence:pack:download")}
    assert digests == {f"sha256:{sha256(first)}"}
    small_house.portal.discussion.post(
        small_house.model().id, "One more.", about=request.number, by=small_house.carol
    )
    assert pack(small_house, request.number, small_house.erik) != first


def test_a_changed_byte_a_file_more_and_another_key_are_noticed(
    small_house: House, tmp_path: Path
) -> None:
    request, _report = told(small_house)
    files = unpacked(pack(small_house, request.id, small_house.erik))
    public = key(small_house)
    for name in files.keys() - LISTED_APART:
        changed = files[name][:-1] + bytes([files[name][-1] ^ 1])
        assert not is_as_signed({**files, name: changed}, public), name
    for name, old, new in (("manifest.json", b"pack/1", b"pack/2"), ("manifest.jws", b".", b".A")):
        assert old in files[name]
        assert not is_as_signed({**files, name: files[name].replace(old, new)}, public)
    assert is_as_signed(files, public)
    assert not is_as_signed({**files, "more.txt": b""}, public)
    assert not is_as_signed({n: d for n, d in files.items() if n != "gaps.json"}, public)
    other = json.loads(TicketOffice(tmp_path / "other", small_house.clock).public_key())
    assert not is_as_signed(files, {**other, "kid": public["kid"]})


def test_the_lines_in_the_guide_check_a_pack(small_house: House, tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "guides" / "auditors.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    request, _report = told(small_house)
    with zipfile.ZipFile(io.BytesIO(pack(small_house, request.id, small_house.erik))) as archive:
        archive.extractall(tmp_path / "out")
    (folder,) = (tmp_path / "out").iterdir()
    operators = tmp_path / "key.json"
    operators.write_text(json.dumps(key(small_house)))

    def check() -> tuple[int, str]:
        ran = subprocess.run(
            [sys.executable, "-c", script, str(operators)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        return ran.returncode, ran.stderr

    assert check() == (0, "")
    (folder / "gaps.json").write_text("[]")
    assert check() == (1, "changed, missing or added: ['gaps.json']\n")
    (folder / "manifest.json").write_text("{}")
    assert "InvalidSignature" in check()[1]


def test_nothing_that_a_person_wrote_or_uploaded_acts_in_its_page(small_house: House) -> None:
    request, _report = told(small_house)
    page = unpacked(pack(small_house, request.id, small_house.erik))["index.html"].decode()
    assert page.count("&lt;script&gt;alert(&#x27;x&#x27;)") >= 3
    tags = set(re.findall(r"<(\w+)", page))
    assert not tags & {"script", "a", "img", "iframe", "object", "embed", "link", "form", "svg"}
    assert "default-src &#x27;none&#x27;" in page


def test_its_page_tells_what_was_replaced_as_of_then_once_the_request_is_closed(
    small_house: House,
) -> None:
    house = small_house
    house.credit()
    request = house.asked()
    page = unpacked(pack(house, request.id, house.erik))["index.html"].decode()
    assert "point @champion at v2 of credit-pd. It is on v1." in page
    house.portal.decisions.decide(request.id, Verb.REJECT, WHY, by=house.bob)
    page = unpacked(pack(house, request.id, house.erik))["index.html"].decode()
    assert "point @champion at v2 of credit-pd. It was then on v1." in page


def test_who_may_not_read_a_request_is_not_told_that_it_is_there(house: House) -> None:
    house.credit()
    request = house.approved()
    for by in (house.dave, house.robot):
        for called in (request.number, request.id):
            with pytest.raises(NotFound, match="There is no such request"):
                pack(house, called, by)
        with pytest.raises(NotFound, match="There is no such request"):
            house.portal.dossiers.receipt(request, by=by)
    house.portal.restrictions.restrict(house.model().id, WHY, by=house.grace)
    answer = client(house, house.carol).get(f"/release-requests/{request.number}/evidence-pack")
    unknown = client(house, house.carol).get("/release-requests/RR-2026-9999/evidence-pack")
    assert (answer.status_code, answer.json()) == (404, unknown.json())
    assert pack(house, request.id, house.erik)
    refused = house.records("evidence:pack:download", outcome="refused")
    assert {one.actor for one in refused} == {house.dave.id, house.robot.id, house.carol.id}
    assert {one.resource for one in refused} == {"evidence-pack:unknown"}


def test_the_api_hands_it_out_as_an_attachment_and_tells_the_receipt(small_house: House) -> None:
    small_house.credit()
    request = small_house.asked()
    api = client(small_house, small_house.carol)
    assert api.get(f"/release-requests/{request.number}").json()["receipt"] is None
    small_house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=small_house.bob)
    answer = api.get(f"/release-requests/{request.number}/evidence-pack")
    assert answer.headers["content-disposition"] == (
        f'attachment; filename="evidence-pack-{request.number}.zip"'
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    said = json.loads(unpacked(answer.content)["request.json"])["receipt"]
    assert api.get(f"/release-requests/{request.number}").json()["receipt"] == said


# -- gaps ------------------------------------------------------------------------------------------


def test_what_is_not_there_is_listed(house: House) -> None:
    house.credit()
    request = house.asked()
    found = gaps(house, request.id)
    assert found.keys() >= {"not-decided", "no-document", "no-card", "no-checkpoint"}
    assert found.keys().isdisjoint({"author-unknown", "evidence-expired", "verdict-not-kept"})
    house.portal.decisions.decide(request.id, Verb.REJECT, WHY, by=house.bob)
    assert "not-decided" not in gaps(house, request.id)


def test_a_document_that_is_kept_elsewhere_taken_back_or_expired_is_a_gap(
    house: House,
) -> None:
    request, report = told(house)
    assert gaps(house, request.id)["document-not-uploaded"] == HOSTILE
    house.portal.evidence.withdraw(report.id, WHY, by=house.alice)
    assert gaps(house, request.id)["evidence-withdrawn"] == "document report"
    waits = house.portal.requests.request(house.version(1).id, "shadow", WHY, by=house.alice)
    house.portal.evidence.attach(
        house.version(1).id, "check", {"check": "unit", "passed": True}, days=2, by=house.alice
    )
    house.work()
    assert "evidence-expired" not in gaps(house, waits.id)
    house.clock.advance(timedelta(days=3))
    assert gaps(house, waits.id)["evidence-expired"] == "check unit"


def test_nobody_known_to_have_built_it_and_gates_without_evidence_are_gaps(
    small_house: House,
) -> None:
    small_house.credit()
    in_force(small_house, PAPER)
    small_house.mlflow.log("credit-pd")
    small_house.mirror()
    found = gaps(small_house, small_house.asked(3).id)
    assert (found["author-unknown"], "gate-missing" in found) == ("v3", True)


def test_documents_that_do_not_fit_are_left_out_and_said_to_be(
    small_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, report = told(small_house)
    monkeypatch.setattr(contents, "LARGEST_DOCUMENTS_BYTES", len(GOOD["report.pdf"]) - 1)
    files = unpacked(pack(small_house, request.id, small_house.erik))
    assert not [name for name in files if name.startswith("documents/")]
    assert gaps(small_house, request.id)["document-left-out"] == report.name
    assert is_as_signed(files, key(small_house))


def test_a_request_that_changes_while_it_is_packed_is_not_handed_out_half_changed(
    small_house: House,
) -> None:
    request, _report = told(small_house)
    portal = small_house.portal

    class Slow(TicketOffice):
        """While it signs, somebody revokes."""

        def sign(self, kind: str, body: bytes) -> str:
            portal.approvals.revoke(request.id, WHY, by=small_house.bob)
            return super().sign(kind, body)

    slow = Slow(portal.settings.data_dir / "keys", small_house.clock)
    late = Dossiers(portal.ledger, portal.policies, portal.people, slow)
    with pytest.raises(Conflict) as refused:
        late.pack(request.id, by=small_house.bob)
    assert refused.value.code == "changed-while-packed"
    (record,) = small_house.records("evidence:pack:download")
    assert (record.outcome, record.reason) == ("refused", "changed-while-packed")
