"""Evidence: what is known of a version, by content, and the snapshot a decision is bound to."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from sqlalchemy import Executable, Row, String, bindparam
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from catalog.registry.artifacts import Manifest
from catalog.registry.authorship import vouched_authors
from catalog.registry.tables import (
    AliasRow,
    MetricRow,
    ModelRow,
    RunDatasetRow,
    RunRow,
    VersionRow,
)
from catalog.releases.policies import canonical, digest_of
from catalog.releases.states import PromotionState
from catalog.releases.tables import EvidenceRow, PromotionRow, SnapshotRow
from ledger import trail
from ledger.clock import iso
from ledger.ids import new_id

MANIFEST = "artifact-manifest"


@dataclass(frozen=True)
class Measured:
    """A number on a data set, with what the run used that data set for."""

    name: str
    value: float
    dataset: str
    dataset_digest: str
    contexts: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """A version as far as gates ask: its numbers and when they were measured."""

    version_id: str
    number: int
    run_id: str
    measured_at: str
    metrics: tuple[Measured, ...]


@dataclass(frozen=True)
class Snapshot:
    """Everything the gates of one request are answered from, at one moment."""

    model_id: str
    alias: str
    task: str
    owner_id: str
    candidate: Standing
    champion: Standing | None
    champion_is_live: bool
    description_digest: str
    authors: tuple[str, ...]
    manifest_digest: str
    manifest_files: int
    manifest_at: str

    @property
    def replaces(self) -> int | None:
        """The version that the alias would leave, if it is set."""
        return self.champion.number if self.champion and self.champion_is_live else None

    @property
    def body(self) -> str:
        """The canonical JSON that is kept."""
        return canonical(_plain(self))

    @property
    def digest(self) -> str:
        """SHA-256 over the body."""
        return digest_of(_plain(self))

    @classmethod
    def from_body(cls, body: str) -> Self:
        """A kept snapshot, read again."""
        kept: dict[str, Any] = json.loads(body)
        champion = kept.pop("champion")
        candidate = kept.pop("candidate")
        kept["authors"] = tuple(kept["authors"])
        return cls(
            **kept,
            candidate=_standing(candidate),
            champion=_standing(champion) if champion else None,
        )


def take(session: Session, model: ModelRow, version: VersionRow, alias: str) -> Snapshot:
    """What is known at this moment, from stored evidence alone."""
    about = {"model": model.id, "alias": alias}
    held = session.connection().execute(_HELD, about).scalar()
    # Taking an alias away in MLflow must not make the next version the first one: it is measured
    # against the last that was released.
    measure = held or session.connection().execute(_LAST_RELEASED, about).scalar()
    champion = session.get(VersionRow, measure) if measure else None
    standings = _stand(session, model, [version, champion] if champion else [version])
    manifest = latest_manifest(session, version.id)
    text = version.description.strip()
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
        manifest_files=len(json.loads(manifest.body)) if manifest else 0,
        manifest_at=iso(manifest.produced_at) if manifest else "",
    )


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
    ended = dict(connection.execute(_ENDED, of_runs).tuples().all())
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


def _standing(kept_standing: Mapping[str, Any]) -> Standing:
    plain = dict(kept_standing)
    metrics = tuple(
        Measured(**{**m, "value": float(m["value"]), "contexts": tuple(m["contexts"])})
        for m in plain.pop("metrics")
    )
    return Standing(**plain, metrics=metrics)


def _plain(snapshot: Snapshot) -> dict[str, Any]:
    def standing(one: Standing) -> dict[str, Any]:
        metrics = [{**vars(m), "contexts": list(m.contexts)} for m in one.metrics]
        return {**vars(one), "metrics": metrics}

    return {
        **vars(snapshot),
        "candidate": standing(snapshot.candidate),
        "champion": standing(snapshot.champion) if snapshot.champion else None,
        "authors": list(snapshot.authors),
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
_CONTEXTS: Final = columns(
    col(RunDatasetRow.run_id), col(RunDatasetRow.digest), col(RunDatasetRow.context)
).where(col(RunDatasetRow.server) == _SERVER, col(RunDatasetRow.run_id).in_(_RUNS))
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
_MANIFEST: Final = (
    select(EvidenceRow)
    .where(col(EvidenceRow.version_id) == bindparam("version"), col(EvidenceRow.kind) == MANIFEST)
    .order_by(col(EvidenceRow.place).desc())
    .limit(1)
)
