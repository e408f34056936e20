"""What is known of a version at this moment, taken from stored evidence alone, and kept."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Executable, Row, String, bindparam, or_
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from auth.tables import PrincipalRow
from catalog.applications.tables import ConsumerRow
from catalog.lineage.signatures import rows_compatibility
from catalog.registry.artifacts import Manifest
from catalog.registry.authorship import authors, vouched_authors
from catalog.registry.inventory import naming
from catalog.registry.tables import (
    AliasRow,
    DeprecationRow,
    MetricRow,
    ModelCardRow,
    ModelRow,
    RunDatasetRow,
    RunRow,
    VersionRow,
)
from catalog.releases.evidence.differences import differences_of
from catalog.releases.evidence.snapshot import (
    Flaw,
    Leaving,
    Measured,
    Piece,
    Snapshot,
    Standing,
    Used,
)
from catalog.releases.findings.finding import Kind, Severity
from catalog.releases.policies.digests import canonical
from catalog.releases.policies.law import Policy
from catalog.releases.states import PromotionState
from catalog.releases.tables import EvidenceRow, FindingRow, PromotionRow, SnapshotRow
from ledger import trail
from ledger.clock import iso
from ledger.ids import new_id

MANIFEST = "artifact-manifest"
# What is about other things than the files of a version.
_NOT_OF_FILES: Final = frozenset({"data-check", "monitoring-plan"})


def take(
    session: Session,
    model: ModelRow,
    version: VersionRow,
    alias: str,
    *,
    besides: str = "",
    requested_by: str = "",
    policy: Policy | None = None,
) -> Snapshot:
    """What is known at this moment, from stored evidence alone.

    `besides` is the request it is taken for: what was found in deciding that is left out.
    `requested_by` asks for the release; empty where nobody does. What the `policy` that will ask
    needs beyond that is read only for it.
    """
    about = {"model": model.id, "alias": alias}
    held = session.connection().execute(_HELD, about).scalar()
    # Taking an alias away in MLflow must not make the next version the first one: it is measured
    # against the last that was released.
    measure = held or session.connection().execute(_LAST_RELEASED, about).scalar()
    champion = session.get(VersionRow, measure) if measure else None
    standings = _stand(session, model, [version, champion] if champion else [version])
    manifest = latest_manifest(session, version.id)
    text = version.description.strip()
    card = session.connection().execute(_CARD, {"model": model.id}).first()
    named = naming.follows(naming.rule_for(session, model.domain), model.name, model.domain)
    return Snapshot(
        model_id=model.id,
        alias=alias,
        task=model.task,
        owner_id=model.owner_id,
        candidate=standings[version.id],
        champion=standings[champion.id] if champion else None,
        champion_is_live=held is not None,
        description_digest="sha256:" + hashlib.sha256(text.encode()).hexdigest() if text else "",
        authors=tuple(vouched_authors(session, version.id)),
        manifest_digest=manifest.digest if manifest else "",
        first_manifest=first_manifest(session, version.id),
        manifest_files=len(json.loads(manifest.body)) if manifest else 0,
        manifest_at=iso(manifest.produced_at) if manifest else "",
        tier=model.tier,
        regulatory_class=model.regulatory_class,
        domain=model.domain,
        naming_problem="" if named else named.reason,
        card_digest=card.digest if card else "",
        card_complete=card.completeness if card else 0,
        card_at=iso(card.published_at) if card else "",
        **_signatures(champion, version),
        pieces=pieces_of(session, version.id),
        flaws=_flaws(session, model.id, version.id, besides),
        datasets=datasets_of(session, model, version),
        differences=differences_of(session, model, champion, version, policy)
        if policy and champion
        else (),
        requested_by=requested_by,
        built_by=tuple(authors(session, version.id)),
    )


def leaving(session: Session, model_id: str, version_id: str, alias: str) -> Leaving:
    """Who relies on an alias that is to be taken away, and what they were told of its version."""
    connection = session.connection()
    relied_on = connection.execute(_RELIED_ON, {"model": model_id, "alias": alias}).scalars()
    said = session.get(DeprecationRow, version_id)
    return Leaving(
        tuple(relied_on),
        said.ends_on.isoformat() if said else "",
        (said.successor_id or "") if said else "",
    )


def _flaws(session: Session, model_id: str, version_id: str, besides: str) -> tuple[Flaw, ...]:
    """What still stands of what was found on the version, or on its model as a whole."""
    about = {"model": model_id, "version": version_id, "besides": besides or "-"}
    return tuple(
        Flaw(row.number, row.kind, row.severity)
        for row in session.connection().execute(_FLAWS, about)
    )


def _signatures(champion: VersionRow | None, version: VersionRow) -> dict[str, Any]:
    """What callers of the live version would have to change."""
    if champion is None:
        return {"signature_is_known": version.signature not in {"", "{}"}}
    found = rows_compatibility(champion, version)
    broken = tuple(f"{one.side} {one.name}: {one.breaks}" for one in found.breaking)
    return {"signature_is_known": found.is_known, "signature_changes": broken}


def datasets_of(session: Session, model: ModelRow, version: VersionRow) -> tuple[Used, ...]:
    """The data sets that a version's run named, each with all that it was used for."""
    found: dict[tuple[str, str], set[str]] = {}
    asked = {"server": model.server, "run": version.run_id}
    for name, digest, context in session.connection().execute(_DATASETS, asked):
        found.setdefault((name, digest), set()).add(context)
    return tuple(Used(*key, tuple(sorted(found[key]))) for key in sorted(found))


def pieces_of(session: Session, version_id: str) -> tuple[Piece, ...]:
    """The newest piece of each kind and name on a version, without the record of its files.

    A piece that does not say of which files it was made, was made of those on record when it was
    attached, else of the first that were read afterwards.
    """
    newest: dict[tuple[str, str], Piece] = {}
    about = {"version": version_id}
    manifests = session.connection().execute(_MANIFESTS, about).all()
    for row in session.connection().execute(_PIECES, about):
        says = json.loads(row.body)
        before = [one.digest for one in manifests if one.place < row.place]
        known = before[-1:] or [one.digest for one in manifests[:1]]
        newest[row.kind, row.name] = Piece(
            kind=row.kind,
            name=row.name,
            digest=row.digest,
            producer=row.producer,
            is_verified=row.is_verified,
            produced_at=iso(row.produced_at),
            expires_at=iso(row.expires_at) if row.expires_at else "",
            says=says,
            files=says.get("files") or "".join(known) if row.kind not in _NOT_OF_FILES else "",
        )
    return tuple(newest[key] for key in sorted(newest))


def keep(session: Session, snapshot: Snapshot, *, at: datetime) -> str:
    """Keep a snapshot by its digest, once. Returns the digest."""
    digest = snapshot.digest
    if session.get(SnapshotRow, digest) is None:
        session.add(SnapshotRow(digest=digest, body=snapshot.body, taken_at=at))
        session.flush()
    return digest


def kept(session: Session, digest: str) -> Snapshot | None:
    """A snapshot by its digest."""
    row = session.get(SnapshotRow, digest)
    return Snapshot.from_body(row.body) if row else None


def latest_manifest(session: Session, version_id: str) -> EvidenceRow | None:
    """The newest record of a version's files."""
    return session.exec(_MANIFEST, params={"version": version_id}).first()


def first_manifest(session: Session, version_id: str) -> str:
    """The digest of a version's files when they were first read; empty while they were not."""
    row = session.connection().execute(_MANIFESTS, {"version": version_id}).first()
    return row.digest if row else ""


def record_manifest(
    session: Session, version_id: str, manifest: Manifest, *, producer: str, at: datetime
) -> None:
    """Record what a version's files are; the same files as last time change nothing."""
    before = latest_manifest(session, version_id)
    if before is not None and before.digest == manifest.digest:
        return
    files = {name: {"bytes": size, "sha256": sha} for name, (size, sha) in manifest.files.items()}
    session.add(
        EvidenceRow(
            id=new_id("evd"),
            place=trail.next_in(session, "evidence"),
            version_id=version_id,
            kind=MANIFEST,
            digest=manifest.digest,
            body=canonical(files),
            producer=producer,
            is_verified=True,
            produced_at=at,
        )
    )
    session.flush()


def _stand(
    session: Session, model: ModelRow, versions: Sequence[VersionRow]
) -> dict[str, Standing]:
    """Versions of one model by id, as far as gates ask, in three statements."""
    connection = session.connection()
    of_runs = {"server": model.server, "runs": list({version.run_id for version in versions})}
    contexts: dict[tuple[str, str], set[str]] = {}
    for run_id, digest, context in connection.execute(_CONTEXTS, of_runs):
        contexts.setdefault((run_id, digest), set()).add(context)
    ended = dict(connection.execute(_ENDED, of_runs).all())
    measured: dict[str, list[Row[Any]]] = {}
    for metric in connection.execute(_METRICS, {"versions": [one.id for one in versions]}):
        measured.setdefault(metric.version_id, []).append(metric)
    return {
        version.id: Standing(
            version_id=version.id,
            number=version.number,
            run_id=version.run_id,
            measured_at=iso(at) if (at := ended.get(version.run_id)) else "",
            metrics=tuple(
                sorted(
                    (
                        Measured(
                            m.name,
                            m.value,
                            m.dataset,
                            m.dataset_digest,
                            tuple(sorted(contexts.get((version.run_id, m.dataset_digest), ()))),
                        )
                        for m in measured.get(version.id, ())
                        if math.isfinite(m.value)
                    ),
                    key=lambda m: (m.name, m.dataset_digest),
                )
            ),
        )
        for version in versions
    }


# Asked on every click on a request: built once.
_MODEL: Final = bindparam("model", type_=String())
_ALIAS: Final = bindparam("alias", type_=String())
_RUNS: Final = bindparam("runs", type_=String(), expanding=True)
_SERVER: Final = bindparam("server", type_=String())
_HELD: Final = columns(col(AliasRow.version_id)).where(
    col(AliasRow.model_id) == _MODEL, col(AliasRow.alias) == _ALIAS
)
_LAST_RELEASED: Final = (
    columns(col(PromotionRow.version_id))
    .where(
        col(PromotionRow.model_id) == _MODEL,
        col(PromotionRow.alias) == _ALIAS,
        col(PromotionRow.state) == PromotionState.APPLIED,
    )
    .order_by(col(PromotionRow.place).desc())
    .limit(1)
)
_RELIED_ON: Final = (
    columns(col(PrincipalRow.name))
    .where(
        col(ConsumerRow.model_id) == _MODEL,
        col(ConsumerRow.alias) == _ALIAS,
        col(ConsumerRow.ended_at).is_(None),
        col(PrincipalRow.id) == col(ConsumerRow.application_id),
    )
    .order_by(col(PrincipalRow.name), col(ConsumerRow.id))
)
_CONTEXTS: Final = columns(
    col(RunDatasetRow.run_id), col(RunDatasetRow.digest), col(RunDatasetRow.context)
).where(col(RunDatasetRow.server) == _SERVER, col(RunDatasetRow.run_id).in_(_RUNS))
_DATASETS: Final = columns(
    col(RunDatasetRow.name), col(RunDatasetRow.digest), col(RunDatasetRow.context)
).where(
    col(RunDatasetRow.server) == _SERVER,
    col(RunDatasetRow.run_id) == bindparam("run", type_=String()),
)
_ENDED: Final = columns(col(RunRow.run_id), col(RunRow.ended_at)).where(
    col(RunRow.server) == _SERVER, col(RunRow.run_id).in_(_RUNS)
)
_METRICS: Final[Executable] = columns(
    col(MetricRow.version_id),
    col(MetricRow.name),
    col(MetricRow.value),
    col(MetricRow.dataset),
    col(MetricRow.dataset_digest),
).where(col(MetricRow.version_id).in_(bindparam("versions", expanding=True)))
_CARD: Final[Executable] = (
    columns(
        col(ModelCardRow.digest), col(ModelCardRow.completeness), col(ModelCardRow.published_at)
    )
    .where(col(ModelCardRow.model_id) == _MODEL)
    .order_by(col(ModelCardRow.revision).desc())
    .limit(1)
)
_MANIFESTS: Final[Executable] = (
    columns(col(EvidenceRow.place), col(EvidenceRow.digest))
    .where(
        col(EvidenceRow.version_id) == bindparam("version", type_=String()),
        col(EvidenceRow.kind) == MANIFEST,
    )
    .order_by(col(EvidenceRow.place))
)
_PIECES: Final[Executable] = (
    columns(
        col(EvidenceRow.place),
        col(EvidenceRow.kind),
        col(EvidenceRow.name),
        col(EvidenceRow.digest),
        col(EvidenceRow.producer),
        col(EvidenceRow.is_verified),
        col(EvidenceRow.produced_at),
        col(EvidenceRow.expires_at),
        col(EvidenceRow.body),
    )
    .where(
        col(EvidenceRow.version_id) == bindparam("version", type_=String()),
        col(EvidenceRow.kind) != MANIFEST,
        col(EvidenceRow.withdrawn_at).is_(None),
    )
    .order_by(col(EvidenceRow.place))
)
_FLAWS: Final[Executable] = (
    columns(col(FindingRow.number), col(FindingRow.kind), col(FindingRow.severity))
    .where(
        col(FindingRow.model_id) == _MODEL,
        col(FindingRow.version_id).in_(["", bindparam("version", type_=String())]),
        col(FindingRow.state).in_(["Open", "Remedied"]),
        col(FindingRow.request_id) != bindparam("besides", type_=String()),
        # Whoever writes tags in MLflow must not be able to stop a release by it.
        or_(col(FindingRow.kind) != Kind.OUTSIDE, col(FindingRow.severity) != Severity.LOW),
    )
    .order_by(col(FindingRow.place))
)
_MANIFEST: Final = (
    select(EvidenceRow)
    .where(col(EvidenceRow.version_id) == bindparam("version"), col(EvidenceRow.kind) == MANIFEST)
    .order_by(col(EvidenceRow.place).desc())
    .limit(1)
)
