"""Attaching evidence from outside: typed, dated, known by its content, and marked as reported.

A document may be uploaded with it. It is kept in the database, so that it is there on every replica
and in every backup, with the record of who attached it and in one transaction with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlmodel import Session, col, select

from auth.access import Verdict, covers, decide, insist_visible
from auth.actors import Actor, Kind
from catalog.registry.models import resource
from catalog.registry.tables import ModelRow, VersionRow
from catalog.releases.evidence import documents
from catalog.releases.evidence.documents import Document, file_name
from catalog.releases.evidence.kinds import checked
from catalog.releases.evidence.taking import MANIFEST, datasets_of
from catalog.releases.policies.digests import canonical, digest_of
from catalog.releases.policies.questions import SIGNED
from catalog.releases.tables import DocumentRow, EvidenceRow
from ledger import trail
from ledger.acts import Act, Ledger
from ledger.errors import Conflict, Invalid, NotFound
from ledger.ids import new_id
from ledger.statements import statement

LARGEST_BYTES: Final = 64 * 1024
LARGEST_DOCUMENT_BYTES: Final = 10 * 1024 * 1024
COUNTERSIGN: Final = "Countersign"
LONGEST_DAYS: Final = 3650
_MOST_PIECES: Final = 200
_CHOOSE: Final = "Choose one on the Model page."
_ON_REQUEST: Final = "What is attached stands on the request."
_DOCUMENT: Final = "such document"
_A_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Attached:
    """A piece of evidence on a version. `digest` is SHA-256 over what it says.

    `has_document`: whether the document itself is kept here, to be read by those who may.
    """

    id: str
    version_id: str
    kind: str
    name: str
    digest: str
    says: Mapping[str, Any]
    producer: str
    attached_by: str
    is_verified: bool
    produced_at: datetime
    expires_at: datetime | None
    withdrawn_at: datetime | None
    has_document: bool = False

    @property
    def file_name(self) -> str:
        """The name under which its document is handed out."""
        return file_name(self.name, str(self.says.get("media_type", "")))


class Evidence:
    """The desk where evidence is attached and taken back."""

    def __init__(
        self, ledger: Ledger, *, largest_document_bytes: int = LARGEST_DOCUMENT_BYTES
    ) -> None:
        self._ledger = ledger
        self.largest_document_bytes = largest_document_bytes

    def of(self, version_id: str, *, by: Actor) -> list[Attached]:
        """What is attached, newest first, and what was taken back. Raises NotFound."""
        with self._ledger.store.read() as session:
            _found(session, version_id, by, gone_is_fine=True)
            rows = session.exec(
                select(EvidenceRow)
                .where(EvidenceRow.version_id == version_id, EvidenceRow.kind != MANIFEST)
                .order_by(col(EvidenceRow.place).desc())
                .limit(_MOST_PIECES)
            )
            return [_attached(row) for row in rows]

    def may_attach(self, model: ModelRow, kind: str, *, by: Actor) -> Verdict:
        """Whether the actor may attach this. What a person states, only a person states."""
        if kind == "attestation" and by.kind is not Kind.PERSON:
            return Verdict(False, "Only a person attests.", "not-a-person", "Sign in and answer.")
        wanted = "evidence:attest" if kind == "attestation" else "evidence:attach"
        return decide(by, wanted, resource(model))

    def attach(
        self,
        version_id: str,
        kind: str,
        says: Mapping[str, Any],
        *,
        producer: str = "",
        days: int | None = None,
        files: str = "",
        by: Actor,
    ) -> Attached:
        """Attach a piece of evidence; it takes the place of an older one of its kind and name.

        `producer` is the tool or pipeline that made it, the actor's own name where empty. It counts
        for `days`, for ever where None. `files` is the digest of the files it was made of, empty
        where it was made of those on record.

        Raises:
            Invalid: no such kind, or it does not say what its kind asks for.
            NotFound, Refused, Conflict: no such version; no role here; 200 pieces already.
        """
        return self._put(version_id, kind, says, producer=producer, days=days, files=files, by=by)

    def attach_document(
        self,
        version_id: str,
        name: str,
        data: bytes,
        *,
        title: str = "",
        producer: str = "",
        days: int | None = None,
        files: str = "",
        by: Actor,
    ) -> Attached:
        """Attach a document by uploading it; its title is the file's name unless one is given.

        It is told by its content and looked through, and a gate that asks for a document takes it.

        Raises:
            Invalid: empty, too large, broken, of another kind than its name says or of one that is
                not taken; or it would do more than be read.
            NotFound, Refused, Conflict: no such version; no role here; 200 pieces already.
        """
        found = documents.looked_through(name, data, largest_bytes=self.largest_document_bytes)
        says = {
            "title": title.strip() or found.title,
            "sha256": found.sha256,
            "media_type": found.media_type,
            "size_bytes": len(data),
        }
        return self._put(
            version_id,
            "document",
            says,
            producer=producer,
            days=days,
            files=files,
            document=found,
            by=by,
        )

    def document(self, evidence_id: str, *, by: Actor) -> tuple[Attached, bytes]:
        """A document that was uploaded, for whoever may read the evidence of its version.

        Also of evidence that was taken back: it stays on record. Raises NotFound.
        """
        with self._ledger.act(
            "evidence:download", actor=by.id, resource=f"evidence:{evidence_id}"
        ) as act:
            row = act.session.get(EvidenceRow, evidence_id)
            version = act.session.get(VersionRow, row.version_id) if row else None
            model = act.session.get(ModelRow, version.model_id) if version else None
            if row is None or model is None:
                raise NotFound(f"There is no {_DOCUMENT}.", hint=_ON_REQUEST)
            insist_visible(by, "release:read", resource(model), _DOCUMENT, _ON_REQUEST)
            kept = act.session.get(DocumentRow, row.document) if row.document else None
            if kept is None:
                raise NotFound(f"There is no {_DOCUMENT}.", hint=_ON_REQUEST)
            act.facts |= {"model": model.id, "version": row.version_id}
            act.digests["document"] = f"sha256:{kept.sha256}"
            return _attached(row), kept.body

    def _put(
        self,
        version_id: str,
        kind: str,
        says: Mapping[str, Any],
        *,
        producer: str,
        days: int | None,
        files: str,
        document: Document | None = None,
        by: Actor,
    ) -> Attached:
        found = checked(kind, says)
        plain = found.model_dump(mode="json")
        body = canonical(plain)
        if len(body.encode()) > LARGEST_BYTES:
            raise Invalid(
                f"The {kind} has {len(body.encode()):,} bytes; {LARGEST_BYTES:,} are kept.",
                hint="Attach the long report as a document and say here what it found.",
                code="evidence-too-large",
            )
        if days is not None and not 1 <= days <= LONGEST_DAYS:
            raise Invalid(
                f"Evidence counts for 1 to {LONGEST_DAYS} days, not {days}.",
                hint="Leave the days out where it never expires.",
                code="bad-days",
            )
        if files and not _A_DIGEST.fullmatch(files):
            raise Invalid(
                f"{files[:80]!r} is no digest of files.",
                hint="Give the digest of the version's files as Countersign shows it: sha256: and "
                "64 digits of 0-9 and a-f. `countersign evidence add --files FOLDER` works it out.",
                code="bad-files",
            )
        producer = statement(producer, "producer", longest=120) if producer else by.name
        if producer.casefold() == COUNTERSIGN.casefold():
            raise Invalid(
                "Only what Countersign computed itself is produced by Countersign.",
                hint="Name the tool or the pipeline that made it.",
                code="bad-producer",
            )
        with self._ledger.act(
            "evidence:attach", actor=by.id, resource=f"version:{version_id}"
        ) as act:
            model, version = _found(act.session, version_id, by)
            self.may_attach(model, kind, by=by).insist()
            if document is not None:
                _keep(act, document)
            if kind == "data-check" and not plain["digest"]:
                # It is about this version, so about the data of that name that its run used.
                used = datasets_of(act.session, model, version)
                digests = [one.digest for one in used if one.name == plain["dataset"]]
                plain["digest"] = digests[0] if len(digests) == 1 else ""
            if kind in SIGNED:
                # Who says so, and as what: a gate may ask for a role.
                plain |= {"by": by.id, "roles": _roles(by, model)}
            if files:
                plain["files"] = files
            there = act.session.exec(
                select(EvidenceRow.id).where(
                    EvidenceRow.version_id == version.id, EvidenceRow.kind != MANIFEST
                )
            ).all()
            if len(there) >= _MOST_PIECES:
                raise Conflict(
                    f"Version {version.number} has {_MOST_PIECES} pieces of evidence already.",
                    hint="Attach what changed to the next version.",
                    code="too-much-evidence",
                )
            row = EvidenceRow(
                id=new_id("evd"),
                place=trail.next_in(act.session, "evidence"),
                version_id=version.id,
                kind=kind,
                name=found.name,
                digest=digest_of(plain),
                body=canonical(plain),
                producer=producer,
                attached_by=by.id,
                is_verified=False,
                produced_at=act.at,
                expires_at=act.at + timedelta(days=days) if days else None,
                document=document.sha256 if document else "",
            )
            act.session.add(row)
            act.session.flush()
            act.facts |= {"model": model.id, "kind": kind, "evidence": row.id}
            act.digests["evidence"] = row.digest
            act.texts["name"] = f"{kind} {found.name}".strip()
            act.emit("evidence:attached", version.id, kind=kind)
            return _attached(row)

    def withdraw(self, evidence_id: str, why: str, *, by: Actor) -> None:
        """Take a piece back: it stays on record and does not count any more.

        Who attached it does, or an approver. Raises NotFound, Refused, Conflict.
        """
        why = statement(why, "reason", longest=4000, hint="Say in a sentence why.")
        with self._ledger.act(
            "evidence:withdraw", actor=by.id, resource=f"evidence:{evidence_id}"
        ) as act:
            row = act.session.get(EvidenceRow, evidence_id, with_for_update=True)
            if row is None or row.kind == MANIFEST:
                raise NotFound("There is no such evidence.", hint=_ON_REQUEST)
            model, _version = _found(act.session, row.version_id, by)
            if row.attached_by != by.id:
                decide(by, "release:decide", resource(model)).insist()
            if row.withdrawn_at is not None:
                raise Conflict("It was taken back already.", code="withdrawn-already")
            row.withdrawn_at = act.at
            act.session.add(row)
            act.facts |= {"model": model.id, "kind": row.kind}
            act.digests["evidence"] = row.digest
            act.texts["reason"] = why
            act.emit("evidence:withdrawn", row.version_id, kind=row.kind)


def _found(
    session: Session, version_id: str, by: Actor, *, gone_is_fine: bool = False
) -> tuple[ModelRow, VersionRow]:
    version = session.get(VersionRow, version_id)
    model = session.get(ModelRow, version.model_id) if version else None
    if version is None or model is None or not decide(by, "release:read", resource(model)):
        raise NotFound("There is no such version.", hint=_CHOOSE, code="no-such-version")
    if version.gone_at is not None and not gone_is_fine:
        raise Conflict(
            f"Version {version.number} was deleted in MLflow.", hint=_CHOOSE, code="version-gone"
        )
    return model, version


def _keep(act: Act, document: Document) -> None:
    """Keep a document by its digest, once."""
    act.digests["document"] = f"sha256:{document.sha256}"
    is_kept = select(DocumentRow.sha256).where(DocumentRow.sha256 == document.sha256)
    if act.session.exec(is_kept).first() is None:
        act.session.add(DocumentRow(sha256=document.sha256, body=document.data, kept_at=act.at))
        act.session.flush()


def _roles(by: Actor, model: ModelRow) -> list[str]:
    """The roles somebody holds on a model at this moment."""
    return sorted({held.role for held in by.roles if covers(held.scope, resource(model))})


def _attached(row: EvidenceRow) -> Attached:
    return Attached(
        id=row.id,
        version_id=row.version_id,
        kind=row.kind,
        name=row.name,
        digest=row.digest,
        says=json.loads(row.body),
        producer=row.producer,
        attached_by=row.attached_by,
        is_verified=row.is_verified,
        produced_at=row.produced_at,
        expires_at=row.expires_at,
        withdrawn_at=row.withdrawn_at,
        has_document=bool(row.document),
    )
