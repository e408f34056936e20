"""A snapshot: everything the gates of one request are answered from, as it was at one moment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Self

from catalog.releases.policies.digests import canonical, digest_of

# The edition of the gates that answer. What an older one answered, its snapshot is answered again:
# a decision of then can be run again byte for byte.
EDITION: Final = 2


@dataclass(frozen=True)
class Used:
    """A data set that the version's run named, with what it was used for."""

    name: str
    digest: str
    contexts: tuple[str, ...]


@dataclass(frozen=True)
class Apart:
    """The 95 % interval of this version's deciding number minus the live one's, on a data set.

    `low` and `high` are None where there is no interval; `basis` says how it was made, or why not.
    """

    dataset_digest: str
    low: float | None
    high: float | None
    basis: str


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
class Piece:
    """A piece of evidence as gates read it. Moments are ISO 8601 in UTC; no end: empty."""

    kind: str
    name: str
    digest: str
    producer: str
    is_verified: bool
    produced_at: str
    expires_at: str
    says: Mapping[str, Any]
    files: str = ""  # the digest of the files it was made of, where that is known

    @property
    def plain(self) -> dict[str, Any]:
        """The piece as it is kept; what an older one did not say is left out."""
        kept = {**vars(self), "says": dict(self.says)}
        return kept if self.files else {name: kept[name] for name in kept if name != "files"}

    def is_expired(self, at: datetime) -> bool:
        """Whether it does not count any more."""
        return bool(self.expires_at) and datetime.fromisoformat(self.expires_at) <= at


@dataclass(frozen=True)
class Flaw:
    """A finding on the version or its model that still stands."""

    number: str
    kind: str
    severity: str


@dataclass(frozen=True)
class Leaving:
    """What is known where an alias is to be taken away.

    Attributes:
        relied_on: the applications registered as relying on the alias, by name.
        ends_on: the day (ISO 8601) as of which the version must not be used; empty: nobody said.
        successor_id: the version to use instead, if one was named.
    """

    relied_on: tuple[str, ...]
    ends_on: str
    successor_id: str


@dataclass(frozen=True)
class Snapshot:
    """What was known. What an older one did not know yet is empty in it."""

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
    tier: str = ""
    regulatory_class: str = ""
    domain: str = ""
    naming_problem: str | None = None  # None: nobody asked the rule
    card_digest: str = ""
    card_complete: int = 0
    card_at: str = ""
    signature_is_known: bool = False
    signature_changes: tuple[str, ...] = ()  # those that break callers of the live version
    pieces: tuple[Piece, ...] = field(default=())
    flaws: tuple[Flaw, ...] = ()
    approved_before: str = ""  # the number of the approval that a rollback goes back to
    datasets: tuple[Used, ...] = ()
    first_manifest: str = ""  # the digest of the version's files when they were first read
    differences: tuple[Apart, ...] = ()  # where the policy asks for an interval
    requested_by: str = ""  # who asks for the release
    built_by: tuple[str, ...] = ()  # everybody who built it, or of whom its run says so
    edition: int = EDITION
    leaving: Leaving | None = None  # only where an alias is to be taken away

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
        leaving = kept.pop("leaving", None)
        if leaving:
            relied_on = tuple(leaving["relied_on"])
            kept["leaving"] = Leaving(**{**leaving, "relied_on": relied_on})
        candidate = kept.pop("candidate")
        for listed in ("authors", "built_by", "signature_changes"):
            kept[listed] = tuple(kept.get(listed, ()))
        kept["pieces"] = tuple(Piece(**one) for one in kept.get("pieces", ()))
        kept["flaws"] = tuple(Flaw(**one) for one in kept.get("flaws", ()))
        kept["datasets"] = tuple(
            Used(one["name"], one["digest"], tuple(one["contexts"]))
            for one in kept.get("datasets", ())
        )
        kept["differences"] = tuple(
            Apart(**{**one, **{end: _number(one[end]) for end in ("low", "high")}})
            for one in kept.get("differences", ())
        )
        kept.setdefault("edition", 1)
        return cls(
            **kept,
            candidate=_standing(candidate),
            champion=_standing(champion) if champion else None,
        )

    def piece(self, kind: str, name: str = "") -> Piece | None:
        """The newest piece of a kind, of this name where one is given."""
        found = [one for one in self.pieces if one.kind == kind and name in {"", one.name}]
        return max(found, key=lambda one: one.produced_at, default=None)


def _standing(kept_standing: Mapping[str, Any]) -> Standing:
    plain = dict(kept_standing)
    metrics = tuple(
        Measured(**{**m, "value": float(m["value"]), "contexts": tuple(m["contexts"])})
        for m in plain.pop("metrics")
    )
    return Standing(**plain, metrics=metrics)


def _number(kept: float | None) -> float | None:
    return None if kept is None else float(kept)


_LATER: Final = frozenset(
    {
        "differences",
        "first_manifest",
        "flaws",
        "approved_before",
        "datasets",
        "requested_by",
        "built_by",
        "leaving",
    }
)


def _plain(snapshot: Snapshot) -> dict[str, Any]:
    def standing(one: Standing) -> dict[str, Any]:
        metrics = [{**vars(m), "contexts": list(m.contexts)} for m in one.metrics]
        return {**vars(one), "metrics": metrics}

    plain = {
        **vars(snapshot),
        "candidate": standing(snapshot.candidate),
        "champion": standing(snapshot.champion) if snapshot.champion else None,
        "authors": list(snapshot.authors),
        "built_by": list(snapshot.built_by),
        "signature_changes": list(snapshot.signature_changes),
        "pieces": [one.plain for one in snapshot.pieces],
        "flaws": [vars(one) for one in snapshot.flaws],
        "differences": [vars(one) for one in snapshot.differences],
        "datasets": [{**vars(one), "contexts": list(one.contexts)} for one in snapshot.datasets],
        "leaving": {**vars(snapshot.leaving), "relied_on": list(snapshot.leaving.relied_on)}
        if snapshot.leaving
        else None,
    }
    if snapshot.edition == 1:
        del plain["edition"]
    # Left out where there is none: what was kept before they were known keeps its digest.
    return {name: value for name, value in plain.items() if value or name not in _LATER}
