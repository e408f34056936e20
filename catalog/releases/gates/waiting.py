"""Gates that a request opens by itself: Countersign reads the version's files once it is sent."""

from __future__ import annotations

from catalog.releases.gates.answers import Answer, GateResult
from catalog.releases.policies.law import Policy
from catalog.releases.policies.questions import (
    AllGate,
    AnyGate,
    ArtifactsGate,
    SomeGate,
    UnchangedGate,
)


def waiting_for_files(policy: Policy, results: tuple[GateResult, ...]) -> frozenset[str]:
    """The ids of the gates that are missing nothing but the record of the version's files.

    Nobody has to do anything about them before a request is sent. `results` are the answers of the
    policy's own gates, in its order.
    """
    asked = zip(policy.gates, results, strict=True)
    return frozenset(
        result.id
        for gate, result in asked
        if result.answer is Answer.MISSING and _passes_with_files(gate, result)
    )


def _passes_with_files(gate: AnyGate, result: GateResult) -> bool:
    if result.answer is Answer.PASS:
        return True
    match gate:
        case ArtifactsGate() | UnchangedGate():
            return result.answer is Answer.MISSING
        case AllGate():
            return all(map(_passes_with_files, gate.gates, result.parts))
        case SomeGate():
            return any(map(_passes_with_files, gate.gates, result.parts))
        case _:
            return False
