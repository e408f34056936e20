"""Evidence: what is known of a version, by content, and the snapshot a decision is bound to."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

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
    held = session.exec(
        select(AliasRow).where(AliasRow.model_id == model.id, AliasRow.alias == alias)
    ).first()
    # Taking an alias away in MLflow must not make the next version the first one: it is measured
    # against the last that was released.
    measure = held.version_id if held else _last_released(session, model.id, alias)
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
    return session.exec(
        select(EvidenceRow)
        .where(EvidenceRow.version_id == version_id, EvidenceRow.kind == MANIFEST)
        .order_by(col(EvidenceRow.place).desc())
    ).first()


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


def _last_released(session: Session, model_id: str, alias: str) -> str | None:
    return session.exec(
        select(PromotionRow.version_id)
        .where(
            PromotionRow.model_id == model_id,
            PromotionRow.alias == alias,
            PromotionRow.state == PromotionState.APPLIED,
        )
        .order_by(col(PromotionRow.place).desc())
    ).first()


def _stand(
    session: Session, model: ModelRow, versions: Sequence[VersionRow]
) -> dict[str, Standing]:
    """Versions of one model by id, as far as gates ask, in three statements."""
    runs = {version.run_id for version in versions}
    contexts: dict[tuple[str, str], set[str]] = {}
    for run_id, digest, context in session.exec(
        select(RunDatasetRow.run_id, RunDatasetRow.digest, RunDatasetRow.context).where(
            RunDatasetRow.server == model.server, col(RunDatasetRow.run_id).in_(runs)
        )
    ):
        contexts.setdefault((run_id, digest), set()).add(context)
    ended = dict(
        session.exec(
            select(RunRow.run_id, RunRow.ended_at).where(
                RunRow.server == model.server, col(RunRow.run_id).in_(runs)
            )
        ).all()
    )
    measured: dict[str, list[MetricRow]] = {}
    for metric in session.exec(
        select(MetricRow).where(col(MetricRow.version_id).in_([one.id for one in versions]))
    ):
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
