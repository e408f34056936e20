"""Gates about numbers: against the live version, against a bound, by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from catalog.releases.evidence.snapshot import Apart, Measured, Piece, Standing
from catalog.releases.gates.answers import Answer, Case, GateResult, said
from catalog.releases.gates.attached import of_others, other_files
from catalog.releases.policies.law import MetricRule
from catalog.releases.policies.questions import (
    AnyGate,
    FairnessGate,
    PerformanceGate,
    SliceGate,
    ThresholdGate,
)

_NAMED = 3


def performance(gate: AnyGate, case: Case) -> GateResult:
    """The deciding metric is not worse than the live version's, on the same rows."""
    snapshot = case.snapshot
    if not isinstance(gate, PerformanceGate):
        raise TypeError(gate.kind)
    rule = case.policy.key_metric(snapshot.task)
    if rule is None:
        return said(
            gate,
            Answer.MISSING,
            required="a task the policy knows",
            observed=snapshot.task or "no task",
            reason="Nobody has said what this model predicts, so no metric decides. "
            "A governance admin classifies it on the Model page.",
        )
    mine = _on_evaluation(case.policy.context, rule.names, snapshot.candidate)
    ran = f"Run {snapshot.candidate.run_id[:8]}" if snapshot.candidate.run_id else "No run"
    told = partial(
        said,
        gate,
        evidence=ran,
        produced_by="Training run",
        at=snapshot.candidate.measured_at,
    )
    champion = snapshot.champion
    if champion is None:
        value = next(iter(mine.values()), None)
        if value is None and snapshot.edition > 1:
            return told(
                Answer.MISSING,
                required=f"{rule.label}, measured",
                observed="not measured",
                reason=f"Nothing is live as {snapshot.alias} yet to compare with, and no run "
                f"measured {rule.label} of v{snapshot.candidate.number} on a data set used as "
                f"{case.policy.context}. Log it with the data set.",
            )
        return told(
            Answer.PASS,
            required="no champion yet",
            observed=f"{rule.label} {value.value:.4g}" if value else "not measured",
            reason=f"Nothing is live as {snapshot.alias} yet, so nothing can be better.",
            digest=value.dataset_digest if value else "",
        )
    theirs = _on_evaluation(case.policy.context, rule.names, champion)
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
    if gate.confidence is not None:
        return _surely(gate, case, rule, shared, (mine, theirs), told, named)
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


def _surely(  # noqa: PLR0917 - what the gate has read already
    gate: PerformanceGate,
    case: Case,
    rule: MetricRule,
    shared: Sequence[str],
    sides: tuple[dict[str, Measured], dict[str, Measured]],
    told: partial[GateResult],
    named: str,
) -> GateResult:
    """Not worse for the whole interval of the difference, on every shared data set."""
    mine, theirs = sides
    sign = 1.0 if rule.better == "higher" else -1.0
    known = {one.dataset_digest: one for one in case.snapshot.differences}

    def interval(digest: str) -> Apart | None:
        """The interval of how much better it is, if there is one."""
        one = known.get(digest)
        if one is None or one.low is None or one.high is None:
            return None
        return one if rule.better == "higher" else replace(one, low=-one.high, high=-one.low)

    def lowest(digest: str) -> float:
        one = interval(digest)
        plain = sign * (mine[digest].value - theirs[digest].value)
        return plain if one is None or one.low is None else one.low

    bare = next((one for one in shared if interval(one) is None), None)
    if bare is not None and gate.without_interval == "missing":
        why = known[bare].basis if bare in known else "no interval is on record"
        return told(
            Answer.MISSING,
            required=f"a {gate.confidence} % interval of the difference",
            observed="no interval",
            reason=f"How sure the difference of {rule.label} from {named} is on "
            f"{mine[bare].dataset} is not known: {why}. Have both runs keep their rows.",
            digest=bare,
        )
    worst = min(shared, key=lowest)
    value, limit, surely = mine[worst], theirs[worst], interval(worst)
    passes = lowest(worst) >= -gate.margin
    verdict = "not worse" if passes else "not known to be no worse" if surely else "worse"
    than = f"than the {limit.value:.4g} of {named} on {value.dataset}"
    if surely:
        how = (
            f"how much better it is lies between {surely.low:+.3g} and {surely.high:+.3g} "
            f"({gate.confidence} %, {surely.basis})"
        )
    else:
        why = known[worst].basis if worst in known else "no interval is on record"
        how = f"judged by the numbers alone ({why})"
    return told(
        Answer.PASS if passes else Answer.FAIL,
        required=f"surely no more than {gate.margin:g} worse than {limit.value:.4g}",
        observed=f"{value.value:.4g}, better by {surely.low:+.3g} to {surely.high:+.3g}"
        if surely
        else f"{value.value:.4g}, no interval",
        reason=f"{rule.label} is {value.value:.4g}, {verdict} {than} by more than "
        f"{gate.margin:g}: {how}.",
        digest=worst,
    )


def threshold(gate: AnyGate, case: Case) -> GateResult:
    """A metric lies within bounds on the policy's data; of several data sets, on every one."""
    if not isinstance(gate, ThresholdGate):
        raise TypeError(gate.kind)
    mine = _on_evaluation(case.policy.context, gate.names, case.snapshot.candidate)
    bounds = (("≥", gate.at_least), ("≤", gate.at_most))
    required = " and ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)
    run = case.snapshot.candidate.run_id
    told = partial(
        said,
        gate,
        required=required,
        evidence=f"Run {run[:8]}" if run else "No run",
        produced_by="Training run",
        at=case.snapshot.candidate.measured_at,
    )
    if not mine:
        return told(
            Answer.MISSING,
            observed="none",
            reason=f"No run measured {gate.label} of v{case.snapshot.candidate.number} on a data "
            f"set used as {case.policy.context}. Log it with the data set.",
        )
    worst = max(mine.values(), key=lambda one: (_outside(gate, one.value), one.dataset_digest))
    fits = _outside(gate, worst.value) <= 0
    return told(
        Answer.PASS if fits else Answer.FAIL,
        observed=f"{worst.value:.4g}",
        reason=f"{gate.label} is {worst.value:.4g} on {worst.dataset}; {required} is asked.",
        digest=worst.dataset_digest,
    )


def _outside(gate: ThresholdGate, value: float) -> float:
    """How far a value lies outside the bounds; not above 0 within them."""
    below = gate.at_least - value if gate.at_least is not None else float("-inf")
    above = value - gate.at_most if gate.at_most is not None else float("-inf")
    return max(below, above)


def per_slice(gate: AnyGate, case: Case) -> GateResult:
    """No group that is large enough falls below the value."""
    if not isinstance(gate, SliceGate):
        raise TypeError(gate.kind)
    name = f"{gate.metric} by {gate.by}"
    return _groups(gate, case.snapshot.piece("slices", name), name, gate.at_least, case)


def fairness(gate: AnyGate, case: Case) -> GateResult:
    """No group that is large enough is treated worse than the measure allows."""
    if not isinstance(gate, FairnessGate):
        raise TypeError(gate.kind)
    name = f"{gate.measure} by {gate.by}"
    return _groups(gate, case.snapshot.piece("fairness", name), name, gate.at_least, case)


def _groups(
    gate: SliceGate | FairnessGate, piece: Piece | None, name: str, at_least: float, case: Case
) -> GateResult:
    required = f"≥ {at_least:g} in every group of {gate.smallest_group} or more"
    if piece is None or piece.is_expired(case.at):
        return said(
            gate,
            Answer.MISSING,
            required=required,
            observed="expired" if piece else "none",
            reason=f"Nobody reported {name} of this version{' that still counts' * bool(piece)}. "
            "Attach it from the evaluation, over the API or on the request.",
        )
    if other_files(piece, case):
        return said(
            gate,
            Answer.MISSING,
            required=required,
            observed="of other files",
            reason=of_others(name, piece, case),
            evidence=name,
            digest=piece.digest,
            produced_by=piece.producer,
            is_verified=piece.is_verified,
            at=piece.produced_at,
        )
    groups: Sequence[dict[str, Any]] = piece.says["groups"]
    large = [one for one in groups if one["rows"] >= gate.smallest_group]
    told = partial(
        said,
        gate,
        required=required,
        evidence=name,
        digest=piece.digest,
        produced_by=piece.producer,
        is_verified=piece.is_verified,
        at=piece.produced_at,
    )
    if not large:
        return told(
            Answer.MISSING,
            observed=f"{len(groups)} small groups",
            reason=f"No group has {gate.smallest_group} rows, so none can be judged.",
        )
    values = {one["group"]: one["value"] for one in large}
    aside = _not_judged(groups, gate, case)
    if isinstance(gate, FairnessGate) and case.snapshot.edition > 1:
        most = max(values.values())
        if len(values) == 1 or most <= 0:
            return told(
                Answer.MISSING,
                observed="1 group" if len(values) == 1 else "0 in every group",
                reason=f"{name}: groups are compared with the most favoured one, and there is no "
                f"other than {next(iter(values))}.{aside}"
                if len(values) == 1
                else f"{name}: no group is favoured, so there is nothing to compare with.{aside}",
            )
        if "ratio" in gate.measure.casefold():
            values = {group: value / most for group, value in values.items()}
    worst = min(values, key=lambda group: (values[group], group))
    low = sorted(group for group, value in values.items() if value < at_least)
    observed = f"{values[worst]:.3g} ({worst})" + _counted_aside(groups, large, case)
    if low:
        which = ", ".join(low[:_NAMED]) + (" …" if len(low) > _NAMED else "")
        return told(
            Answer.FAIL,
            observed=observed,
            reason=f"{name}: below {at_least:g} for {which}.{aside}",
        )
    return told(
        Answer.PASS,
        observed=observed,
        reason=f"{name}: the lowest is {values[worst]:.3g} for {worst}.{aside}",
    )


def _not_judged(
    groups: Sequence[dict[str, Any]], gate: SliceGate | FairnessGate, case: Case
) -> str:
    """Which groups are too small to be judged, in a sentence."""
    small = [one for one in groups if one["rows"] < gate.smallest_group]
    if not small:
        return ""
    if case.snapshot.edition == 1:
        return f" {len(small)} smaller groups were not judged."
    named = ", ".join(f"{one['group']} ({one['rows']})" for one in small[:_NAMED])
    more = " …" if len(small) > _NAMED else ""
    what = "1 group was" if len(small) == 1 else f"{len(small)} groups were"
    return f" {what} not judged, having fewer than {gate.smallest_group} rows: {named}{more}."


def _counted_aside(
    groups: Sequence[dict[str, Any]], large: Sequence[dict[str, Any]], case: Case
) -> str:
    small = len(groups) - len(large)
    return f"; {small} not judged" if small and case.snapshot.edition > 1 else ""


def _on_evaluation(context: str, names: Sequence[str], standing: Standing) -> dict[str, Measured]:
    """The deciding metric by data set digest, on data the run used as the policy's context."""
    return {
        m.dataset_digest: m
        for m in standing.metrics
        if m.name in names and m.dataset_digest and context in m.contexts
    }
