"""What an evidence pack is made of: everything one release was judged on, as it is kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlmodel import Session, col, select

from catalog.dossiers.receipt import Receipt, receipt_of
from catalog.registry.discussion import threads
from catalog.registry.discussion.comment import Thread
from catalog.registry.tables import ModelCardRow, ModelRow
from catalog.releases.evidence.documents import file_name
from catalog.releases.evidence.snapshot import Piece, Snapshot
from catalog.releases.evidence.taking import MANIFEST
from catalog.releases.findings.finding import Finding, findings_of
from catalog.releases.gates import asking as gates
from catalog.releases.policies.digests import digest_of_text
from catalog.releases.policies.shelf import Policies
from catalog.releases.requests.request import Decision, ReleaseRequest, load_request
from catalog.releases.requests.steps import Bound
from catalog.releases.states import AGREEING, Verb
from catalog.releases.tables import DocumentRow, EvidenceRow, PolicyRow, RequestRow, SnapshotRow
from ledger import trail
from ledger.clock import iso
from ledger.errors import NotFound
from ledger.trail import Opening, Record

# Of the documents together; what does not fit is listed as a gap.
LARGEST_DOCUMENTS_BYTES: Final = 32 * 1024 * 1024
MOST_RECORDS: Final = 2_000
MOST_THREADS: Final = 200
STANDS: Final = "as it stands"
# The decisions that rest on what the gates say.
JUDGING: Final = AGREEING | {Verb.REJECT, Verb.REQUEST_CHANGES}


@dataclass(frozen=True)
class Law:
    """A policy as it is kept: its canonical JSON, and the YAML as it was written, if it was."""

    name: str
    body: str
    text: str


@dataclass(frozen=True)
class Replayed:
    """The gates asked again, on the policy and the evidence of a decision and at its moment.

    `said` is the digest of what they said then, empty where none was kept; `problem` says why they
    could not be asked.
    """

    on: str
    at: datetime
    policy_digest: str
    snapshot_digest: str
    said: str
    results: tuple[gates.GateResult, ...]
    problem: str = ""

    @property
    def agrees(self) -> bool | None:
        """Whether they say the same as then; None where that cannot be told."""
        if self.problem or not self.said:
            return None
        return gates.verdict_digest(self.results) == self.said


@dataclass(frozen=True)
class Item:
    """A piece of evidence as a decision was bound to it, and what is kept of it.

    `document` is the SHA-256 of the document that was uploaded with it, in hexadecimal digits.
    """

    piece: Piece
    body: str
    attached_by: str
    withdrawn_at: datetime | None
    document: str = ""

    @property
    def document_file(self) -> str:
        """The name of its document: its digest, with the ending of what it is."""
        ending = file_name("x", str(self.piece.says.get("media_type", "")))[1:]
        return f"{self.document}{ending}"


@dataclass(frozen=True)
class Contents:
    """Everything that goes into a pack. Mappings are by digest, as it is kept."""

    request: ReleaseRequest
    model: Mapping[str, str]
    at: datetime
    receipt: Receipt | None
    policies: Mapping[str, Law]
    snapshots: Mapping[str, str]
    files: Mapping[str, str]
    items: tuple[Item, ...]
    lost_pieces: tuple[Piece, ...]
    documents: Mapping[str, bytes]
    card: str
    replayed: tuple[Replayed, ...]
    findings: tuple[Finding, ...]
    threads: tuple[Thread, ...]
    has_more_threads: bool
    records: tuple[Record, ...]
    has_more_records: bool
    openings: tuple[Opening, ...]

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """All that was decided, and how it went round, in the order of time."""
        both = (*self.request.decisions, *self.request.rounds)
        return tuple(sorted(both, key=lambda one: (one.at, one.reading)))

    @property
    def bound(self) -> Snapshot | None:
        """The evidence that the request is bound to now."""
        body = self.snapshots.get(self.request.snapshot_digest)
        return Snapshot.from_body(body) if body else None

    @property
    def people(self) -> set[str]:
        """Everybody who is named by an id."""
        request, found = self.request, set[str]()
        found |= {request.requested_by, request.reviewer_id, *request.authors}
        found |= {one.person_id for one in self.decisions}
        found |= {one.actor for one in self.records} | {one.attached_by for one in self.items}
        for finding in self.findings:
            found |= {finding.owner_id, finding.opened_by, finding.remedied_by, finding.closed_by}
        for thread in self.threads:
            found |= {one.author for one in thread.comments}
        return found - {""}


def gather(
    session: Session, policies: Policies, row: RequestRow, model: ModelRow, *, now: datetime
) -> Contents:
    """Read what goes into the pack of a request that whoever asks may read."""
    request = load_request(session, row)
    bindings: tuple[Bound, ...] = (request, *request.decisions, *request.rounds)
    snapshots = _snapshots(session, {one.snapshot_digest for one in bindings})
    laws = {one.policy_digest for one in bindings} - {""}
    manifests = {one.manifest_digest for one in bindings}
    pieces = _pieces(snapshots.values())
    items = _items(session, request.version_id, pieces)
    found = {(one.piece.kind, one.piece.name, one.piece.digest) for one in items}
    bound = snapshots.get(request.snapshot_digest)
    said = threads.roots(session, model.id, about=request.number, limit=MOST_THREADS + 1, offset=0)
    findings = tuple(findings_of(session, request.id))
    receipt = receipt_of(session, request)
    at = now if request.is_open else request.changed_at
    records, has_more = _records(session, request, findings, receipt)
    return Contents(
        request=request,
        model={"name": model.name, "server": model.server, "workspace": model.workspace},
        at=at,
        receipt=receipt,
        policies=_laws(session, policies, laws),
        snapshots=snapshots,
        files=_files(session, request.version_id, manifests),
        items=items,
        lost_pieces=tuple(one for one in pieces if (one.kind, one.name, one.digest) not in found),
        documents=_documents(session, items),
        card=_card(session, model.id, json.loads(bound).get("card_digest", "")) if bound else "",
        replayed=tuple(_replayed(policies, snapshots, request, at)),
        findings=findings,
        threads=tuple(said[:MOST_THREADS]),
        has_more_threads=len(said) > MOST_THREADS,
        records=records,
        has_more_records=has_more,
        openings=tuple(trail.openings(session, [one.sequence for one in records])),
    )


def _snapshots(session: Session, digests: set[str]) -> dict[str, str]:
    query = select(SnapshotRow.digest, SnapshotRow.body).where(col(SnapshotRow.digest).in_(digests))
    return dict(sorted(session.exec(query).all()))


def _laws(session: Session, policies: Policies, digests: set[str]) -> dict[str, Law]:
    rows = session.exec(select(PolicyRow).where(col(PolicyRow.digest).in_(digests)))
    return {
        row.digest: Law(
            f"{row.name} v{row.version}", row.body, policies.written(session, row.digest)
        )
        for row in sorted(rows, key=lambda one: one.digest)
    }


def _pieces(snapshots: Iterable[str]) -> list[Piece]:
    """What the snapshots name, each once."""
    found: dict[tuple[str, ...], Piece] = {}
    for body in snapshots:
        for one in Snapshot.from_body(body).pieces:
            found[one.kind, one.name, one.digest, one.produced_at] = one
    return [found[key] for key in sorted(found)]


def _items(session: Session, version_id: str, pieces: list[Piece]) -> tuple[Item, ...]:
    rows = session.exec(
        select(EvidenceRow).where(
            EvidenceRow.version_id == version_id,
            col(EvidenceRow.digest).in_({one.digest for one in pieces}),
        )
    ).all()
    kept = {(row.kind, row.name, row.digest, iso(row.produced_at)): row for row in rows}
    found = []
    for one in pieces:
        row = kept.get((one.kind, one.name, one.digest, one.produced_at))
        if row is not None:
            found.append(Item(one, row.body, row.attached_by, row.withdrawn_at, row.document))
    return tuple(found)


def _files(session: Session, version_id: str, digests: set[str]) -> dict[str, str]:
    query = select(EvidenceRow.digest, EvidenceRow.body).where(
        EvidenceRow.version_id == version_id,
        EvidenceRow.kind == MANIFEST,
        col(EvidenceRow.digest).in_(digests),
    )
    return dict(sorted(session.exec(query).all()))


def _documents(session: Session, items: Iterable[Item]) -> dict[str, bytes]:
    """The documents, as many as fit; the large ones are not even read."""
    sizes = {one.document: int(one.piece.says["size_bytes"]) for one in items if one.document}
    found: dict[str, bytes] = {}
    left = LARGEST_DOCUMENTS_BYTES
    for sha256 in sorted(sizes):
        if sizes[sha256] > left:
            continue
        row = session.get(DocumentRow, sha256)
        if row is not None and hashlib.sha256(row.body).hexdigest() == sha256:
            found[sha256] = row.body
            left -= len(row.body)
            session.expunge(row)
    return found


def _card(session: Session, model_id: str, digest: str) -> str:
    query = select(ModelCardRow.body).where(
        ModelCardRow.model_id == model_id, ModelCardRow.digest == digest
    )
    return session.exec(query.limit(1)).first() or ""


def _replayed(
    policies: Policies, snapshots: Mapping[str, str], request: ReleaseRequest, at: datetime
) -> Iterable[Replayed]:
    judged = [one for one in request.decisions if one.verb in JUDGING and one.snapshot_digest]
    for one in judged:
        yield _again(policies, snapshots, one, one.verb, one.at, one.verdict_digest)
    if request.snapshot_digest and (request.is_open or not judged):
        yield _again(policies, snapshots, request, STANDS, at, "")


def _again(
    policies: Policies,
    snapshots: Mapping[str, str],
    bound: Decision | ReleaseRequest,
    on: str,
    at: datetime,
    said: str,
) -> Replayed:
    asked = Replayed(on, at, bound.policy_digest, bound.snapshot_digest, said, ())
    body = snapshots.get(bound.snapshot_digest)
    if body is None or digest_of_text(body) != bound.snapshot_digest:
        return replace(asked, problem="Its evidence is not on record as it was decided on.")
    try:
        policy = policies.by_digest(bound.policy_digest)
    except NotFound:
        return replace(asked, problem="Its policy is not on record any more.")
    return replace(asked, results=gates.evaluate(policy, Snapshot.from_body(body), at))


def _records(
    session: Session,
    request: ReleaseRequest,
    findings: Iterable[Finding],
    receipt: Receipt | None,
) -> tuple[tuple[Record, ...], bool]:
    """What was done to the request, its promotion and its findings, by place in the trail."""
    about = [f"request:{request.id}", *(f"finding:{one.id}" for one in findings)]
    found: list[Record] = []
    has_more = False
    for resource in about:
        done = trail.done_to(session, resource, limit=MOST_RECORDS + 1)
        has_more = has_more or len(done) > MOST_RECORDS
        found += done[:MOST_RECORDS]
    if receipt is not None and receipt.sequence not in {one.sequence for one in found}:
        closing = trail.read(session, receipt.sequence)
        found += [closing] if closing else []
    return tuple(sorted(found, key=lambda one: one.sequence)), has_more
