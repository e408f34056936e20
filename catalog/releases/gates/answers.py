"""What a gate answers, with what was required, what was observed, and where it was read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from catalog.releases.evidence.snapshot import Snapshot
from catalog.releases.policies.law import Policy
from catalog.releases.policies.questions import AnyGate


class Answer(StrEnum):
    """What a gate can say."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    MISSING = "missing"


@dataclass(frozen=True)
class GateResult:
    """A gate's answer. `parts` are the answers of the gates that lie in it."""

    id: str
    title: str
    asks: str
    answer: Answer
    required: str
    observed: str
    reason: str
    evidence: str
    digest: str
    produced_by: str
    is_verified: bool
    at: str
    parts: tuple[GateResult, ...] = ()


@dataclass(frozen=True)
class Case:
    """What a gate is asked about: the policy it stands in, what is known, and the moment."""

    policy: Policy
    snapshot: Snapshot
    at: datetime


Ask = Callable[[AnyGate, Case], GateResult]


def said(  # noqa: PLR0913 - the columns of the gate table, by name
    gate: AnyGate,
    answer: Answer,
    *,
    required: str,
    observed: str,
    reason: str,
    evidence: str = "",
    digest: str = "",
    produced_by: str = "",
    is_verified: bool = False,
    at: str = "",
    parts: tuple[GateResult, ...] = (),
) -> GateResult:
    """A gate's answer, under the gate's own name."""
    return GateResult(
        gate.id,
        gate.title,
        gate.asks,
        answer,
        required,
        observed,
        reason,
        evidence,
        digest,
        produced_by,
        is_verified,
        at,
        parts,
    )
