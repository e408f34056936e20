"""Gates: each asks one question of the evidence and answers pass, fail or missing, with the reason.

Pure functions of (policy version, evidence snapshot): asked again with the same two, in a year or
on another machine, they give the same answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

from catalog.releases.evidence import Measured, Snapshot, Standing
from catalog.releases.policies import (
    AnyGate,
    ArtifactsGate,
    AuthorGate,
    DescriptionGate,
    MetricRule,
    OwnerGate,
    PerformanceGate,
    Policy,
)


class Answer(StrEnum):
    """What a gate can say."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    MISSING = "missing"


@dataclass(frozen=True)
class GateResult:
    """A gate's answer, with what was required, what was observed, and where it was read."""

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


def evaluate(policy: Policy, snapshot: Snapshot) -> tuple[GateResult, ...]:
    """Ask every gate of a policy, in the policy's order."""
    return tuple(_ASK[gate.kind](policy, gate, snapshot) for gate in policy.gates)


def all_pass(results: tuple[GateResult, ...]) -> bool:
    """Whether no gate stands in the way. No gates at all is no pass."""
    return bool(results) and all(result.answer is Answer.PASS for result in results)


def _performance(policy: Policy, gate: AnyGate, snapshot: Snapshot) -> GateResult:
    if not isinstance(gate, PerformanceGate):
        raise TypeError(gate.kind)
    rule = policy.key_metric(snapshot.task)
    if rule is None:
        return _result(
            gate,
            Answer.MISSING,
            required="a task the policy knows",
            observed=snapshot.task or "no task",
            reason="Nobody has said what this model predicts, so no metric decides. "
            "A governance admin classifies it on the Model page.",
        )
    mine = _on_evaluation(policy, rule, snapshot.candidate)
    ran = f"Run {snapshot.candidate.run_id[:8]}" if snapshot.candidate.run_id else "No run"
    told = partial(
        _result,
        gate,
        evidence=ran,
        produced_by="Training run",
        at=snapshot.candidate.measured_at,
    )
    champion = snapshot.champion
    if champion is None:
        value = next(iter(mine.values()), None)
        return told(
            Answer.PASS,
            required="no champion yet",
            observed=f"{rule.label} {value.value:.4g}" if value else "not measured",
            reason=f"Nothing is live as {snapshot.alias} yet, so nothing can be better.",
            digest=value.dataset_digest if value else "",
        )
    theirs = _on_evaluation(policy, rule, champion)
    named = (
        f"v{champion.number}" if snapshot.champion_is_live else f"v{champion.number}, live last,"
    )
    shared = sorted(mine.keys() & theirs.keys())
    if not shared:
        what = "was measured on other rows" if mine and theirs else "is not on record"
        return told(
            Answer.MISSING,
            required=f"{rule.label} on the rows v{champion.number} was measured on",
            observed="other data" if mine and theirs else "none",
            reason=f"{rule.label} of v{snapshot.candidate.number} or of {named} {what}, "
            "so the two cannot be compared. Measure both on the same evaluation data set.",
        )
    sign = 1.0 if rule.better == "higher" else -1.0
    worst = min(shared, key=lambda digest: sign * (mine[digest].value - theirs[digest].value))
    value, limit = mine[worst], theirs[worst]
    passes = sign * (value.value - limit.value) >= -gate.margin
    bound = "≥" if rule.better == "higher" else "≤"
    return told(
        Answer.PASS if passes else Answer.FAIL,
        required=f"{bound} {limit.value:.4g}",
        observed=f"{value.value:.4g}",
        reason=f"{rule.label} is {value.value:.4g}, {'not worse' if passes else 'worse'} than the "
        f"{limit.value:.4g} of {named} on {value.dataset}.",
        digest=worst,
    )


def _owner(_policy: Policy, gate: AnyGate, snapshot: Snapshot) -> GateResult:
    there = bool(snapshot.owner_id)
    return _result(
        gate,
        Answer.PASS if there else Answer.MISSING,
        required="a person",
        observed="named" if there else "nobody",
        reason="A governance admin named the owner."
        if there
        else "Nobody answers for this model. A governance admin names an owner on the Model page.",
        evidence="Catalog",
        produced_by="Governance admin",
        is_verified=there,
    )


def _description(_policy: Policy, gate: AnyGate, snapshot: Snapshot) -> GateResult:
    there = bool(snapshot.description_digest)
    return _result(
        gate,
        Answer.PASS if there else Answer.FAIL,
        required="a description",
        observed="present" if there else "empty",
        reason="The version has a description."
        if there
        else "The version has no description. Write one in MLflow; it is read within a minute.",
        evidence="MLflow",
        digest=snapshot.description_digest,
        produced_by="Registered in MLflow",
    )


def _author(_policy: Policy, gate: AnyGate, snapshot: Snapshot) -> GateResult:
    known = len(snapshot.authors)
    return _result(
        gate,
        Answer.PASS if known else Answer.MISSING,
        required="at least 1 person",
        observed=str(known),
        reason="Who built the version is known, so they cannot approve it."
        if known
        else "Nobody is known to have built this version. The author claims it on the Model page, "
        "or a governance admin maps the MLflow user to a person.",
        evidence="Catalog",
        produced_by="Claim or mapping",
        is_verified=bool(known),
    )


def _artifacts(_policy: Policy, gate: AnyGate, snapshot: Snapshot) -> GateResult:
    there = bool(snapshot.manifest_digest)
    return _result(
        gate,
        Answer.PASS if there else Answer.MISSING,
        required="SHA-256 of every file",
        observed=f"{snapshot.manifest_files} files" if there else "none yet",
        reason="Every file of the version is on record; a changed byte stops the release."
        if there
        else "The worker has not read the version's files yet; it does so once a request is sent.",
        evidence="Artifact manifest",
        digest=snapshot.manifest_digest,
        produced_by="Countersign",
        is_verified=there,
        at=snapshot.manifest_at,
    )


_ASK: Final[dict[str, Callable[[Policy, AnyGate, Snapshot], GateResult]]] = {
    "metric_not_worse_than_champion": _performance,
    "owner_present": _owner,
    "description_present": _description,
    "author_known": _author,
    "artifacts_recorded": _artifacts,
}
# The table and the policy's vocabulary must name the same gates.
_KINDS: Final = (PerformanceGate, OwnerGate, DescriptionGate, AuthorGate, ArtifactsGate)


def _on_evaluation(policy: Policy, rule: MetricRule, standing: Standing) -> dict[str, Measured]:
    """The deciding metric by data set digest, on data the run used as the policy's context."""
    return {
        m.dataset_digest: m
        for m in standing.metrics
        if m.name in rule.names and m.dataset_digest and policy.context in m.contexts
    }


def _result(  # noqa: PLR0913 - the columns of the gate table, by name
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
) -> GateResult:
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
    )
