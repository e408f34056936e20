"""Asking the gates of a policy.

Pure functions of (policy version, evidence snapshot, moment): asked again with the same three, in
a year or on another machine, they give the same answers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from catalog.releases.evidence.snapshot import Snapshot
from catalog.releases.gates import attached, known, measured
from catalog.releases.gates.answers import Answer, Ask, Case, GateResult, said
from catalog.releases.policies.digests import digest_of
from catalog.releases.policies.law import Policy
from catalog.releases.policies.questions import AllGate, AnyGate, SomeGate

__all__ = ("Answer", "GateResult", "all_pass", "evaluate", "plain", "verdict_digest")


def evaluate(policy: Policy, snapshot: Snapshot, at: datetime) -> tuple[GateResult, ...]:
    """Ask every gate of a policy, in the policy's order, as of a moment."""
    case = Case(policy, snapshot, at)
    return tuple(_ask(gate, case) for gate in policy.gates)


def all_pass(results: tuple[GateResult, ...]) -> bool:
    """Whether no gate stands in the way. No gates at all is no pass."""
    return bool(results) and all(result.answer is Answer.PASS for result in results)


def verdict_digest(results: tuple[GateResult, ...]) -> str:
    """SHA-256 over everything the gates said, so that a replay can be compared byte for byte."""
    return digest_of([plain(one) for one in results])


def plain(result: GateResult) -> dict[str, Any]:
    """A gate's answer in plain values, as the digest is taken over it."""
    return {**vars(result), "parts": [plain(one) for one in result.parts]}


def _ask(gate: AnyGate, case: Case) -> GateResult:
    return ASK[gate.kind](gate, case)


def _all_of(gate: AnyGate, case: Case) -> GateResult:
    """Every gate in it passes; one that fails is worse than one that is missing."""
    if not isinstance(gate, AllGate):
        raise TypeError(gate.kind)
    parts = tuple(_ask(one, case) for one in gate.gates)
    answers = {one.answer for one in parts}
    worst = next(one for one in (Answer.FAIL, Answer.MISSING, Answer.PASS) if one in answers)
    return _composed(gate, worst, parts, f"all {len(parts)}")


def _any_of(gate: AnyGate, case: Case) -> GateResult:
    """One gate in it passes; if none does, it fails where all fail, else something is missing."""
    if not isinstance(gate, SomeGate):
        raise TypeError(gate.kind)
    parts = tuple(_ask(one, case) for one in gate.gates)
    answers = {one.answer for one in parts}
    best = next(one for one in (Answer.PASS, Answer.MISSING, Answer.FAIL) if one in answers)
    return _composed(gate, best, parts, f"one of {len(parts)}")


def _composed(
    gate: AnyGate, answer: Answer, parts: tuple[GateResult, ...], required: str
) -> GateResult:
    passing = [one for one in parts if one.answer is Answer.PASS]
    others = [one for one in parts if one.answer is not Answer.PASS]
    told = passing if answer is Answer.PASS else others
    return said(
        gate,
        answer,
        required=required,
        observed=f"{len(passing)} of {len(parts)} pass",
        reason=" ".join(f"{one.title}: {one.reason}" for one in told),
        is_verified=bool(passing) and all(one.is_verified for one in passing),
        parts=parts,
    )


ASK: Final[dict[str, Ask]] = {
    "metric_not_worse_than_champion": measured.performance,
    "metric_threshold": measured.threshold,
    "metric_per_slice": measured.per_slice,
    "fairness": measured.fairness,
    "owner_present": known.owner,
    "description_present": known.description,
    "author_known": known.author,
    "artifacts_recorded": known.artifacts,
    "digest_unchanged": known.unchanged,
    "card_complete": known.card,
    "classified": known.classified,
    "naming_follows": known.naming,
    "signature_compatible": known.signature,
    "evidence_present": attached.evidence,
    "scan_clean": attached.scan,
    "check_passed": attached.check,
    "attested": attached.attested,
    "data_sound": attached.data,
    "monitoring_plan": attached.monitoring,
    "findings_closed": known.findings,
    "approved_before": known.approved_before,
    "still_there": known.still_there,
    "consumers_told": known.consumers_told,
    "all_of": _all_of,
    "any_of": _any_of,
}
