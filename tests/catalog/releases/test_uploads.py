"""Documents that people upload: told by content, looked through, and read by whom they concern."""

from __future__ import annotations

import hashlib
import struct
import zlib
from datetime import timedelta
from typing import Final

import pytest
from sqlmodel import select

from auth.access import decide
from auth.permissions import Role
from catalog.releases.evidence.attaching import Attached
from catalog.releases.evidence.documents import file_name, looked_through
from catalog.releases.gates.asking import Answer
from catalog.releases.states import Verb
from catalog.releases.tables import DocumentRow
from ledger.errors import Conflict, Invalid, NotFound, Refused
from tests.api.test_gates import in_force
from tests.api.test_release_story import client
from tests.cast import WHY, House

PAPER: Final = (
    "{id: paper, kind: evidence_present, title: Paper, asks: A report, evidence: document, "
    "within_days: 30}"
)


def pdf(inside: bytes = b"", *, more: bytes = b"") -> bytes:
    return b"%PDF-1.7\n1 0 obj\n<</Type /Catalog " + inside + b">>\nendobj\n" + more + b"%%EOF\n"


def packed(inside: bytes, dictionary: bytes = b"/Filter /FlateDecode") -> bytes:
    """A PDF whose objects lie compressed in a stream."""
    body = zlib.compress(inside) if b"Flate" in dictionary else inside
    stream = b"5 0 obj\n<</Type /ObjStm /N 1 /First 4 " + dictionary + b">>\nstream\n"
    return pdf(more=stream + body + b"\nendstream\nendobj\n")


def png(*chunks: tuple[bytes, bytes], behind: bytes = b"") -> bytes:
    made = b"\x89PNG\r\n\x1a\n"
    for kind, data in chunks or ((b"IHDR", b"\0" * 13), (b"IDAT", b"x"), (b"IEND", b"")):
        made += struct.pack(">I", len(data)) + kind + data
        made += struct.pack(">I", zlib.crc32(kind + data))
    return made + behind


EICAR: Final = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
GOOD: Final = {
    "report.pdf": pdf(),
    "packed.pdf": packed(b"4 0 <</Type /Page>>"),
    "notes.md": b"# Validation\n\nSound, with `<script>` in the middle.\n",
    "notes.txt": "Gepr\u00fcft.".encode(),
    "groups.csv": b"group,auc\nnorth,0.8\n",
    "result.json": b'{"auc": 0.8}',
    "curve.png": png(),
    "curve.JPG": b"\xff\xd8\xff\xe0 picture \xff\xd9",
}


@pytest.mark.parametrize("name", GOOD)
def test_each_kind_that_is_taken_is_told_by_its_content(name: str) -> None:
    found = looked_through(name, GOOD[name], largest_bytes=1_000)
    assert found.sha256 == hashlib.sha256(GOOD[name]).hexdigest()
    ending = name.rpartition(".")[2].lower()
    assert file_name(found.title, found.media_type).endswith(f".{ending}")


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("empty.pdf", b"", "empty-file"),
        ("large.txt", b"x" * 1_001, "file-too-large"),
        ("report.docx", b"PK\x03\x04 word", "unknown-file"),
        ("report.zip", b"PK\x03\x04", "unknown-file"),
        ("tool.exe", b"MZ\x90", "unknown-file"),
        ("tool.txt", b"#!/bin/sh\nrm -rf /\n", "unknown-file"),
        ("page.html", b"<!DOCTYPE html><p>", "unknown-file"),
        ("page.txt", b"\n <HTML><script>alert(1)</script>", "unknown-file"),
        ("page.md", b"<!-- a note --> <svg onload=alert(1)>", "unknown-file"),
        ("picture.svg", b"<svg/>", "unknown-file"),
        ("picture.svg", b"plain words", "unknown-file"),
        ("notes", b"plain words", "unknown-file"),
        ("notes.txt", b"\xff\xfe\x00", "unknown-file"),
        ("notes.txt", b"a\x00b", "unknown-file"),
        ("report.txt", pdf(), "another-kind"),
        ("report.pdf", b"plain words", "another-kind"),
        ("curve.png", b"\xff\xd8\xff \xff\xd9", "another-kind"),
        ("../report.pdf", pdf(), "bad-file-name"),
        (" ", pdf(), "bad-file-name"),
        ("half.pdf", b"%PDF-1.7\n1 0 obj", "bad-file"),
        ("half.png", png()[:-5], "bad-file"),
        ("torn.png", png().replace(b"IDATx", b"IDATy"), "bad-file"),
        ("more.png", png(behind=b"PK\x03\x04"), "bad-file"),
        ("headless.png", png((b"IDAT", b"x"), (b"IEND", b"")), "bad-file"),
        ("half.jpg", b"\xff\xd8\xff", "bad-file"),
        ("half.json", b'{"auc": ', "bad-file"),
        ("half.csv", b'a,"b\n', "bad-file"),
        ("blank.csv", b"\n\n", "bad-file"),
        ("virus.txt", EICAR,
         "infected"),
        ("script.pdf", pdf(b"/OpenAction <</S /JavaScript /JS (x)>>"), "bad-file"),
        ("escaped.pdf", pdf(b"/OpenAction <</S /Java#53cript>>"), "bad-file"),
        ("launch.pdf", pdf(b"/A <</S/Launch/F(cmd)>>"), "bad-file"),
        ("carries.pdf", pdf(b"/Names <</EmbeddedFiles 3 0 R>>"), "bad-file"),
        ("form.pdf", pdf(b"/AcroForm <</XFA 3 0 R>>"), "bad-file"),
        ("locked.pdf", pdf(more=b"trailer <</Encrypt 9 0 R>>\n"), "bad-file"),
        ("packed.pdf", packed(b"4 0 <</S /JavaScript>>"), "bad-file"),
        ("plain.pdf", packed(b"4 0 <</S /JavaScript>>", b""), "bad-file"),
        ("torn.pdf", packed(b"", b"/Filter /FlateDecode").replace(b"x\x9c", b"??"), "bad-file"),
        ("other.pdf", packed(b"x", b"/Filter [/ASCII85Decode /FlateDecode]"), "bad-file"),
        ("other.pdf", packed(b"x", b"/Filter /LZWDecode"), "bad-file"),
    ],
)  # fmt: skip
def test_what_is_not_taken_is_refused_with_a_remedy(name: str, data: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        looked_through(name, data, largest_bytes=1_000)
    assert (refused.value.code, bool(refused.value.hint)) == (code, True)


def test_a_pdf_that_unpacks_without_end_is_not_unpacked_to_its_end() -> None:
    bomb = packed(b"\0" * (65 * 1024 * 1024))
    with pytest.raises(Invalid, match="unpacks to more than is looked through"):
        looked_through("bomb.pdf", bomb, largest_bytes=1_000_000)


def upload(house: House, name: str = "report.pdf", *, days: int | None = None) -> Attached:
    version = house.version(2)
    return house.portal.evidence.attach_document(
        version.id, name, GOOD[name], days=days, by=house.alice
    )


def test_a_document_lets_its_gate_pass_is_bound_by_its_digest_and_is_self_reported(
    house: House,
) -> None:
    house.credit()
    in_force(house, PAPER)
    made = upload(house, days=20)
    assert (made.name, made.is_verified, made.file_name) == ("report", False, "report.pdf")
    request = house.asked()
    sheet = house.portal.requests.sheet(request.id, by=house.bob)
    (gate,) = [one for one in sheet.gates if one.id == "paper"]
    assert (gate.answer, gate.is_verified, gate.digest) == (Answer.PASS, False, made.digest)
    (piece,) = sheet.snapshot.pieces
    assert piece.says["sha256"] == hashlib.sha256(GOOD["report.pdf"]).hexdigest()
    upload(house, "packed.pdf")
    with pytest.raises(Conflict, match="the evidence changed"):
        house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.bob)


def test_a_document_counts_no_longer_than_was_said(small_house: House) -> None:
    house = small_house
    house.credit()
    in_force(house, PAPER)
    upload(house, days=20)

    def says() -> Answer:
        found = house.portal.requests.preview(house.version(2).id, "champion", by=house.alice)
        return next(one.answer for one in found.gates if one.id == "paper")

    assert says() is Answer.PASS
    house.clock.advance(timedelta(days=21))
    assert says() is Answer.MISSING


def test_the_same_document_twice_is_kept_once(house: House) -> None:
    house.credit()
    first, second = upload(house), upload(house)
    assert first.id != second.id
    with house.portal.store.read() as session:
        (kept,) = session.exec(select(DocumentRow)).all()
    assert kept.body == GOOD["report.pdf"]


def test_only_those_who_attach_evidence_upload_and_only_those_who_read_it_download(
    small_house: House,
) -> None:
    house = small_house
    house.credit()
    desk, version, model = house.portal.evidence, house.version(2), house.model()
    made = upload(house)
    people = [house.who(name) for name in ("alice", "bob", "carol", "dave", "erik", "grace")]
    people += [house.robot]
    people += [house.join("vera", Role.INDEPENDENT_VALIDATOR), house.join("vic", Role.VIEWER)]
    uploads, downloads = set(), set()
    for who in people:
        try:
            desk.attach_document(version.id, "notes.md", GOOD["notes.md"], by=who)
            uploads.add(who.name)
        except (Refused, NotFound):
            assert not decide(who, "evidence:attach", model.resource)
        try:
            assert desk.document(made.id, by=who)[1] == GOOD["report.pdf"]
            downloads.add(who.name)
        except NotFound:
            assert not decide(who, "release:read", model.resource)
    assert {name.split()[0] for name in uploads} == {"Alice", "Bob", "Vera"}
    assert {one.name for one in people} - downloads == {"Dave Norrland", "Loan desk"}
    done = [one.outcome for one in house.records("evidence:download")]
    assert (done.count("done"), done.count("refused")) == (len(downloads), 2)


def test_whoever_names_the_digest_of_a_document_does_not_get_it(small_house: House) -> None:
    house = small_house
    house.credit()
    digest = hashlib.sha256(GOOD["report.pdf"]).hexdigest()
    upload(house)
    says = {"title": "x", "sha256": digest, "media_type": "application/pdf", "size_bytes": 1}
    named = house.portal.evidence.attach(house.version(2).id, "document", says, by=house.alice)
    assert not named.has_document
    with pytest.raises(NotFound):
        house.portal.evidence.document(named.id, by=house.alice)


def test_what_was_taken_back_stays_on_record(small_house: House) -> None:
    house = small_house
    house.credit()
    made = upload(house)
    house.portal.evidence.withdraw(made.id, "The wrong paper.", by=house.alice)
    assert house.portal.evidence.document(made.id, by=house.bob)[1] == GOOD["report.pdf"]


def test_the_api_takes_a_document_and_hands_it_out_as_an_attachment_alone(
    small_house: House,
) -> None:
    house = small_house
    house.credit()
    alice, dave = client(house, house.alice), client(house)
    way = "/models/credit-pd/versions/2/evidence/documents"
    taken = alice.get(way).json()
    assert taken["largest_bytes"] == 10 * 1024 * 1024
    assert {name.rpartition(".")[2].lower() for name in GOOD} <= set(taken["endings"])
    answer = alice.post(way, params={"file_name": "report.pdf"}, content=GOOD["report.pdf"])
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["document"] == f"/api/v1/evidence/{made['id']}/document"
    given = alice.get(f"/evidence/{made['id']}/document")
    assert given.content == GOOD["report.pdf"]
    assert given.headers["content-type"] == "application/pdf"
    assert given.headers["content-disposition"] == "attachment; filename*=UTF-8''report.pdf"
    assert given.headers["x-content-type-options"] == "nosniff"
    bad = alice.post(way, params={"file_name": "page.html"}, content=b"<html>")
    assert (bad.status_code, bad.json()["error"]) == (422, "unknown-file")
    assert dave.get(way).status_code == 401
    assert dave.post(way, params={"file_name": "r.pdf"}, content=b"x").status_code == 401
    assert dave.get(f"/evidence/{made['id']}/document").status_code == 401


def test_a_body_beyond_the_limit_is_refused(small_house: House) -> None:
    house = small_house
    house.credit()
    limit = house.portal.evidence.largest_document_bytes
    answer = client(house, house.alice).post(
        "/models/credit-pd/versions/2/evidence/documents",
        params={"file_name": "large.txt"},
        content=b"x" * (limit + 1),
    )
    assert (answer.status_code, answer.json()["error"]) == (422, "file-too-large")
