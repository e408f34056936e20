"""The files of an evidence pack: what is kept byte for byte by its digest, the rest as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from catalog.dossiers.contents import Contents, Item, Replayed
from catalog.dossiers.gaps import Gap
from catalog.registry.discussion.comment import Comment
from catalog.releases.findings.finding import Finding
from catalog.releases.gates import asking as gates
from catalog.releases.promotions.outbox import Promotion
from catalog.releases.requests.request import Decision
from ledger.clock import iso


def files(found: Contents, gaps: tuple[Gap, ...], names: Mapping[str, str]) -> dict[str, bytes]:
    """The files of a pack by name, but for its page and what signs it. `names` are of people."""
    told = {
        "request.json": _request(found),
        "gates.json": [_replayed(one) for one in found.replayed],
        "evidence.json": [_item(one, found) for one in found.items],
        "findings.json": [_finding(one) for one in found.findings],
        "discussion.json": [[_comment(one) for one in thread.comments] for thread in found.threads],
        "people.json": dict(names),
        "gaps.json": [asdict(one) for one in gaps],
        "audit/texts.json": [asdict(one) for one in found.openings],
    }
    kept = {f"audit/{one.sequence:08d}.json": one.body for one in found.records}
    for digest, law in found.policies.items():
        kept[f"policies/{_plain(digest)}.json"] = law.body
        if law.text:
            kept[f"policies/{_plain(digest)}.yaml"] = law.text
    kept |= {f"snapshots/{_plain(one)}.json": body for one, body in found.snapshots.items()}
    kept |= {f"files/{_plain(one)}.json": body for one, body in found.files.items()}
    kept |= {f"evidence/{_plain(one.piece.digest)}.json": one.body for one in found.items}
    if found.card:
        kept["model-card.json"] = found.card
    return {
        **{name: _json(value) for name, value in told.items()},
        **{name: body.encode() for name, body in kept.items()},
        **{
            f"documents/{one.document_file}": found.documents[one.document]
            for one in found.items
            if one.document in found.documents
        },
    }


def _plain(digest: str) -> str:
    """A digest as a name that every file system takes."""
    return digest.rpartition(":")[2]


def _json(value: object) -> bytes:
    said = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True, default=_said)
    return f"{said}\n".encode()


def _said(value: object) -> str:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    msg = f"{type(value).__name__} has no place in a pack"
    raise TypeError(msg)


def _request(found: Contents) -> dict[str, Any]:
    request, receipt = found.request, found.receipt
    return {
        "id": request.id,
        "number": request.number,
        "model": dict(found.model),
        "version": {"id": request.version_id, "number": request.version_number},
        "alias": request.alias,
        "replaces": request.replaces,
        "route": request.route,
        "reason": request.reason,
        "requested_by": request.requested_by,
        "requested_at": request.requested_at,
        "state": request.state,
        "changed_at": request.changed_at,
        "problem": request.problem,
        "built_by": list(request.authors),
        "digests": request.digests,
        "decisions": [_decision(one) for one in found.decisions],
        "promotion": _promotion(request.promotion) if request.promotion else None,
        "receipt": None
        if receipt is None
        else {
            "record": receipt.sequence,
            "digest": receipt.digest,
            "recorded_at": receipt.recorded_at,
            "digests": dict(receipt.digests),
        },
    }


def _decision(one: Decision) -> dict[str, Any]:
    return {
        "verb": one.verb,
        "by": one.person_id,
        "panel": one.panel,
        "at": one.at,
        "reason": one.reason,
        "reading": one.reading,
        "policy": one.policy_digest,
        "evidence": one.snapshot_digest,
        "artifacts": one.manifest_digest,
        "verdict": one.verdict_digest,
    }


def _promotion(one: Promotion) -> dict[str, Any]:
    return {
        "id": one.id,
        "state": one.state,
        "alias": one.alias,
        "version": one.version_number,
        "replaces": one.replaces,
        "queued_at": one.queued_at,
        "opens_at": one.opens_at,
        "finished_at": one.finished_at,
        "attempts": one.attempts,
        "code": one.code,
        "message": one.message,
    }


def _replayed(one: Replayed) -> dict[str, Any]:
    return {
        "on": one.on,
        "at": one.at,
        "policy": one.policy_digest,
        "evidence": one.snapshot_digest,
        "verdict_then": one.said,
        "verdict_again": gates.verdict_digest(one.results) if not one.problem else "",
        "agrees": one.agrees,
        "problem": one.problem,
        "gates": [gates.plain(result) for result in one.results],
    }


def _item(one: Item, found: Contents) -> dict[str, Any]:
    piece = one.piece
    document = f"documents/{one.document_file}" if one.document in found.documents else ""
    return {
        "kind": piece.kind,
        "name": piece.name,
        "digest": piece.digest,
        "file": f"evidence/{_plain(piece.digest)}.json",
        "document": document,
        "document_sha256": one.document,
        "producer": piece.producer,
        "verified": piece.is_verified,
        "attached_by": one.attached_by,
        "produced_at": piece.produced_at,
        "expires_at": piece.expires_at,
        "withdrawn_at": one.withdrawn_at,
        "of_files": piece.files,
    }


def _finding(one: Finding) -> dict[str, Any]:
    return {**asdict(one), "stands": one.stands}


def _comment(one: Comment) -> dict[str, Any]:
    return {
        "id": one.id,
        "by": one.author,
        "at": one.at,
        "text": one.text,
        "edited_at": one.edited_at,
        "removed_at": one.deleted_at,
    }
