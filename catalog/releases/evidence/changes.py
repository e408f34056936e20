"""What is different between two snapshots, in words a reviewer reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from catalog.releases.evidence.snapshot import Measured, Piece, Snapshot, Standing

# What the name of a piece of evidence begins with, among other things that changed.
EVIDENCE: Final = "Evidence: "


@dataclass(frozen=True)
class Changed:
    """One thing that is not what it was; empty where there was, or is, nothing."""

    name: str
    before: str
    after: str


def changes(before: Snapshot, after: Snapshot) -> tuple[Changed, ...]:
    """What changed from one snapshot of a request to another, in the order people ask."""
    found = [*_facts(before, after), *_numbers(before, after), *_pieces(before, after)]
    told = tuple(one for one in found if one.before != one.after)
    if not told and before.digest != after.digest:
        return (Changed("What else the gates read", before.digest, after.digest),)
    return told


def _facts(before: Snapshot, after: Snapshot) -> Iterator[Changed]:
    for name, read in _FACTS.items():
        yield Changed(name, read(before), read(after))
    yield Changed("Findings that stand", _flaws(before), _flaws(after))


def _numbers(before: Snapshot, after: Snapshot) -> Iterator[Changed]:
    was, now = _by_name(before.candidate), _by_name(after.candidate)
    for name in sorted(was.keys() | now.keys()):
        yield Changed(f"{name[0]} on {name[1]}", _value(was.get(name)), _value(now.get(name)))


def _pieces(before: Snapshot, after: Snapshot) -> Iterator[Changed]:
    was = {(one.kind, one.name): one for one in before.pieces}
    now = {(one.kind, one.name): one for one in after.pieces}
    for kind, name in sorted(was.keys() | now.keys()):
        then, since = was.get((kind, name)), now.get((kind, name))
        yield Changed(f"{EVIDENCE}{kind} {name}".rstrip(), _piece(then), _piece(since))


def _piece(piece: Piece | None) -> str:
    """What a piece of evidence says, whose it is and from when; no two pieces read the same."""
    if piece is None:
        return ""
    by = "verified" if piece.is_verified else "self-reported"
    until = f", until {piece.expires_at[:10]}" if piece.expires_at else ""
    at = piece.produced_at[:19].replace("T", " ")
    return f"{said(piece)} ({by} by {piece.producer}, {at} UTC{until})"


def said(piece: Piece) -> str:
    """The one thing that a piece of evidence says, in words."""
    says, read = piece.says, _SAID.get(piece.kind)
    try:
        return read(says) if read else piece.digest
    except (KeyError, TypeError):  # an older piece, of another shape
        return piece.digest


def _counted(number: int, one: str) -> str:
    return f"{number} {one}{'' if number == 1 else 's'}"


def _groups(says: Mapping[str, Any]) -> str:
    values = [one["value"] for one in says["groups"]]
    return f"{min(values):.3g} to {max(values):.3g} in {_counted(len(values), 'group')}"


def _by_name(standing: Standing) -> Mapping[tuple[str, str], Measured]:
    return {(one.name, one.dataset or "no data set"): one for one in standing.metrics}


def _value(one: Measured | None) -> str:
    return "" if one is None else f"{one.value:.6g}"


def _flaws(snapshot: Snapshot) -> str:
    return ", ".join(one.number for one in snapshot.flaws)


def _live(snapshot: Snapshot) -> str:
    return f"v{snapshot.replaces}" if snapshot.replaces else "nothing"


_FACTS: Final[Mapping[str, Callable[[Snapshot], str]]] = {
    "Files": lambda one: one.manifest_digest,
    "Files when they were first read": lambda one: one.first_manifest,
    "Description": lambda one: one.description_digest,
    "Live now": _live,
    "Model card": lambda one: one.card_digest,
    "Owner": lambda one: one.owner_id,
    "Authors": lambda one: ", ".join(one.authors),
    "Built by, also as its run says": lambda one: ", ".join(one.built_by),
    "Task": lambda one: one.task,
    "Model tier": lambda one: one.tier,
    "Regulatory class": lambda one: one.regulatory_class,
    "Domain": lambda one: one.domain,
    "Naming": lambda one: one.naming_problem or "",
    "How sure the difference is": lambda one: "; ".join(d.basis for d in one.differences),
    "Data sets of the run": lambda one: ", ".join(f"{d.name} {d.digest}" for d in one.datasets),
    "Edition of the gates": lambda one: str(one.edition),
    "Relied on by": lambda one: ", ".join(one.leaving.relied_on) if one.leaving else "",
    "Must not be used from": lambda one: one.leaving.ends_on if one.leaving else "",
    "Signature": lambda one: "; ".join(one.signature_changes),
    "Approved before": lambda one: one.approved_before,
}
_SAID: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "attestation": lambda says: "yes" if says["answer"] else "no",
    "check": lambda says: "passed" if says["passed"] else "failed",
    "data-check": lambda says: "sound" if says["sound"] else "not sound",
    "document": lambda says: f"{says['media_type']}, SHA-256 {says['sha256'][:8]}",
    "fairness": _groups,
    "slices": _groups,
    "monitoring-plan": lambda says: _counted(len(says["signals"]), "signal"),
    "scan": lambda says: _counted(says["findings"], "finding"),
}
