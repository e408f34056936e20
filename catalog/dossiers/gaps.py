"""Gaps: what a reader of an evidence pack would expect in it, and why it is not there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from catalog.dossiers.contents import STANDS, Contents, Replayed
from catalog.releases.evidence.snapshot import Snapshot
from catalog.releases.gates.answers import Answer
from catalog.releases.policies.digests import digest_of_text
from catalog.releases.requests.steps import Bound
from catalog.releases.states import PromotionState, Route
from ledger.clock import iso


@dataclass(frozen=True)
class Gap:
    """One thing that is missing: a code for machines, what it is about, and a sentence."""

    code: str
    about: str
    says: str


def gaps(found: Contents) -> tuple[Gap, ...]:
    """Everything that is not in a pack, in the order in which a reader would miss it."""
    return tuple(
        gap
        for of in (_of_decision, _of_gates, _of_evidence, _of_documents, _of_policies, _of_record)
        for gap in of(found)
    )


def _of_decision(found: Contents) -> Iterator[Gap]:
    request, bound = found.request, found.bound
    if request.is_open:
        yield Gap("not-decided", request.number, "Nobody has closed the request yet.")
    elif found.receipt is None:
        yield Gap("no-receipt", request.number, "No record of the decision was found in the log.")
    if bound is None:
        why = request.problem or "The worker has not read what it is decided on yet."
        yield Gap("not-read", request.number, f"The request is bound to no evidence. {why}")
    elif not bound.authors and request.route is not Route.RETIREMENT:
        yield Gap(
            "author-unknown",
            f"v{request.version_number}",
            "Nobody is known to have built this version, so nobody can be told apart from whoever "
            "decided.",
        )
    promotion = request.promotion
    if promotion is not None and promotion.state is not PromotionState.APPLIED:
        yield Gap(
            "not-carried-out",
            f"@{promotion.alias}",
            f"The approval is not carried out in MLflow: {promotion.state.lower()}. "
            f"{promotion.message}".strip(),
        )
    if promotion is not None:
        yield Gap(
            "ticket-not-kept",
            f"@{promotion.alias}",
            "A promotion ticket is good for two minutes and is not kept. The audit record of the "
            "promotion says what came of it.",
        )


def _of_gates(found: Contents) -> Iterator[Gap]:
    for one in found.replayed:
        if one.problem:
            yield Gap("not-replayed", one.on, one.problem)
        elif one.agrees is False:
            yield Gap(
                "replay-differs", one.on, "Asked again, the gates do not say what they said then."
            )
        elif one.agrees is None and one.on != STANDS:
            yield Gap(
                "verdict-not-kept", one.on, "What the gates said then was not kept to compare with."
            )
    for one in found.replayed[-1:]:
        yield from _missing(one)


def _missing(last: Replayed) -> Iterator[Gap]:
    for gate in last.results:
        if gate.answer is Answer.MISSING:
            yield Gap("gate-missing", gate.title, gate.reason)


def _of_evidence(found: Contents) -> Iterator[Gap]:
    bound = found.bound
    for piece in bound.pieces if bound else ():
        if piece.is_expired(found.at):
            yield Gap(
                "evidence-expired",
                f"{piece.kind} {piece.name}".strip(),
                f"It counted until {piece.expires_at} and was not renewed.",
            )
    for item in found.items:
        if item.withdrawn_at is not None:
            yield Gap(
                "evidence-withdrawn",
                f"{item.piece.kind} {item.piece.name}".strip(),
                f"It was taken back on {iso(item.withdrawn_at)} and stays here as it was bound.",
            )
    for piece in found.lost_pieces:
        yield Gap(
            "evidence-lost",
            f"{piece.kind} {piece.name}".strip(),
            f"What was bound as {piece.digest} is not on record any more.",
        )
    digest = found.request.manifest_digest
    if not digest:
        yield Gap("no-files", "files", "The version's files were not read, so none has a digest.")
    elif digest not in found.files:
        yield Gap("no-files", "files", f"The list of files {digest} is not on record any more.")
    if bound is not None and found.request.route is not Route.RETIREMENT:
        yield from _of_model(found, bound)


def _of_model(found: Contents, bound: Snapshot) -> Iterator[Gap]:
    if not found.card:
        why = "The revision it was bound to is not on record." if bound.card_digest else ""
        yield Gap("no-card", "model card", why or "Nobody had published a model card.")
    yield Gap(
        "model-not-included",
        "files",
        "The model itself is not here. The list of files has the SHA-256 of each of them.",
    )
    yield Gap(
        "explanations-not-included",
        "explanations",
        "Explanations are computed on demand and no decision is bound to them.",
    )


def _of_documents(found: Contents) -> Iterator[Gap]:
    documents = [one for one in found.items if one.piece.kind == "document"]
    if not documents:
        yield Gap("no-document", "documents", "No document is attached to what was decided on.")
    for item in documents:
        if not item.document:
            yield Gap(
                "document-not-uploaded",
                item.piece.name,
                "Only its digest was given; the document itself is kept elsewhere.",
            )
        elif item.document not in found.documents:
            yield Gap(
                "document-left-out",
                item.piece.name,
                f"The document {item.document} does not fit into this pack, or is not what its "
                "digest says. It is downloaded by itself, from the page of the request.",
            )


def _of_policies(found: Contents) -> Iterator[Gap]:
    bindings: tuple[Bound, ...] = (found.request, *found.decisions)
    wanted = {one.policy_digest for one in bindings} - {""}
    for digest in sorted(wanted):
        law = found.policies.get(digest)
        if law is None or digest_of_text(law.body) != digest:
            yield Gap("no-policy", digest, "The policy is not on record as it was bound.")
        elif not law.text:
            yield Gap(
                "policy-not-as-written",
                law.name,
                "Its YAML was not kept; the canonical JSON, of which the digest is, is here.",
            )


def _of_record(found: Contents) -> Iterator[Gap]:
    opened = {(one.sequence, one.field) for one in found.openings}
    for record in found.records:
        for field in sorted(record.commitments):
            if (record.sequence, field) not in opened:
                yield Gap(
                    "text-forgotten", f"record {record.sequence}", f"Its {field} was forgotten."
                )
    if found.has_more_records:
        yield Gap("more-records", "audit records", "The oldest records are left out.")
    removed = sum(one.is_removed for thread in found.threads for one in thread.comments)
    if removed:
        yield Gap("comments-removed", "discussion", f"{removed} of the comments were removed.")
    if found.has_more_threads:
        yield Gap("more-comments", "discussion", "The oldest threads are left out.")
    yield Gap(
        "refusals-not-included",
        "audit records",
        "What was refused to somebody is in the audit trail, for auditors, and not here.",
    )
    yield Gap(
        "no-checkpoint",
        "audit trail",
        "The log has no checkpoints yet, and no record rests on another one: the records here show "
        "what the portal kept when this pack was made, not that nothing was changed before.",
    )
