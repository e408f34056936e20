"""Routes for evidence on a version: what is attached, attach, read a document, take back."""

from __future__ import annotations

from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.addressed import Named
from app.api.caller import Caller, Desk
from catalog.releases.evidence.attaching import Attached
from catalog.releases.evidence.documents import ENDINGS
from catalog.releases.evidence.kinds import named
from ledger.clock import iso

router = APIRouter(tags=["evidence"])

_ANY_TEXT = 100_000
# A body on this way is read by the route, once it is known who sends it.
DOCUMENTS: Final = "/evidence/documents"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Piece(_Strict):
    """A piece of evidence: its kind, what it says, who made it, for how many days it counts.

    `name` is the check, the tool, the data set or the paper it is about, where `says` has no such.
    `files` is the digest of the version's files that it was made of.
    """

    kind: str = Field(max_length=100)
    name: str = Field(default="", max_length=200)
    says: dict[str, Any]
    producer: str = Field(default="", max_length=500)
    days: int | None = None
    files: str = Field(default="", max_length=200)


class Upload(_Strict):
    """A document beside its body: its file's name, its title, who made it, for how many days."""

    file_name: str = Field(max_length=1000)
    title: str = Field(default="", max_length=1000)
    producer: str = Field(default="", max_length=500)
    days: int | None = None
    files: str = Field(default="", max_length=200)
    server: str = Field(default="", max_length=500)
    workspace: str = Field(default="", max_length=500)


class Reason(_Strict):
    """Why."""

    reason: str = Field(max_length=_ANY_TEXT)


@router.get("/models/{name}/versions/{number}/evidence")
def listing(model: Named, number: int, portal: Desk, by: Caller) -> dict[str, Any]:
    """What is attached to a version, newest first, also what was taken back."""
    version = portal.models.version(model, number)
    return {"evidence": [_piece(one) for one in portal.evidence.of(version.id, by=by)]}


@router.post("/models/{name}/versions/{number}/evidence", status_code=201)
def attach(model: Named, number: int, piece: Piece, portal: Desk, by: Caller) -> dict[str, Any]:
    """Attach a piece of evidence; it takes the place of an older one of its kind and name."""
    version = portal.models.version(model, number)
    made = portal.evidence.attach(
        version.id,
        piece.kind,
        named(piece.kind, piece.says, piece.name),
        producer=piece.producer,
        days=piece.days,
        files=piece.files,
        by=by,
    )
    return _piece(made)


async def _document(request: Request, portal: Desk, _by: Caller) -> bytes:
    """The body as far as it may be taken, and one byte more: then it is too large."""
    most, body = portal.evidence.largest_document_bytes, bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            break
    return bytes(body[: most + 1])


@router.get("/models/{name}/versions/{number}" + DOCUMENTS)
def documents(model: Named, number: int, portal: Desk) -> dict[str, Any]:
    """Which documents are taken for a version: how large one may be, and the endings of names."""
    portal.models.version(model, number)
    return {"largest_bytes": portal.evidence.largest_document_bytes, "endings": list(ENDINGS)}


@router.post("/models/{name}/versions/{number}" + DOCUMENTS, status_code=201)
def attach_document(
    name: str,
    number: int,
    upload: Annotated[Upload, Query()],
    data: Annotated[bytes, Depends(_document)],
    portal: Desk,
    by: Caller,
) -> dict[str, Any]:
    """Attach a document by sending it as the body: PDF, Markdown, text, CSV, JSON, PNG or JPEG.

    What it is, is told by its content; the ending of `file_name` has to agree with it.
    """
    model = portal.models.find(name, by=by, server=upload.server, workspace=upload.workspace)
    version = portal.models.version(model, number)
    made = portal.evidence.attach_document(
        version.id,
        upload.file_name,
        data,
        title=upload.title,
        producer=upload.producer,
        days=upload.days,
        files=upload.files,
        by=by,
    )
    return _piece(made)


@router.get("/evidence/{evidence_id}/document")
def document(evidence_id: str, portal: Desk, by: Caller) -> Response:
    """A document that was uploaded, as an attachment: it is never shown in the portal's own name.

    Whoever may read the evidence of its version may read it.
    """
    found, data = portal.evidence.document(evidence_id, by=by)
    return Response(
        data,
        media_type=str(found.says["media_type"]),
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.file_name)}",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": "private, no-store",
        },
    )


@router.post("/evidence/{evidence_id}/withdrawal")
def withdraw(evidence_id: str, reason: Reason, portal: Desk, by: Caller) -> dict[str, Any]:
    """Take a piece back: it stays on record and counts no more."""
    portal.evidence.withdraw(evidence_id, reason.reason, by=by)
    return {"id": evidence_id, "withdrawn": True}


def _piece(one: Attached) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": one.kind,
        "name": one.name,
        "digest": one.digest,
        "says": dict(one.says),
        "producer": one.producer,
        "verified": one.is_verified,
        "document": f"/api/v1/evidence/{one.id}/document" if one.has_document else None,
        "produced_at": iso(one.produced_at),
        "expires_at": iso(one.expires_at) if one.expires_at else None,
        "withdrawn_at": iso(one.withdrawn_at) if one.withdrawn_at else None,
    }
