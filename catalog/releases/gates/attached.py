"""Gates about evidence that was attached: a scan, a check of CI, a person's answer, a plan."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from catalog.releases.evidence.snapshot import Piece
from catalog.releases.gates.answers import Answer, Case, GateResult, said
from catalog.releases.policies.questions import (
    AnyGate,
    AttestationGate,
    CheckGate,
    DataGate,
    EvidenceGate,
    MonitoringGate,
    ScanGate,
)

Fails = Callable[[Piece], str]

_ATTACH = "Attach it on the request or over the API."


def evidence(gate: AnyGate, case: Case) -> GateResult:
    """A piece of the kind is on record and not too old."""
    if not isinstance(gate, EvidenceGate):
        raise TypeError(gate.kind)
    what = f"{gate.evidence} {gate.name}".strip()
    return _judged(
        gate,
        case,
        case.snapshot.piece(gate.evidence, gate.name),
        what=what,
        required=f"{what}, verified" if gate.verified else what,
        within_days=gate.within_days,
        fails=lambda piece: (
            "self-reported, where Countersign's own is asked"
            if gate.verified and not piece.is_verified
            else ""
        ),
    )


def scan(gate: AnyGate, case: Case) -> GateResult:
    """A scan of the files found nothing."""
    if not isinstance(gate, ScanGate):
        raise TypeError(gate.kind)
    return _judged(
        gate,
        case,
        case.snapshot.piece("scan"),
        what="a scan of the files",
        required="no findings",
        within_days=gate.within_days,
        fails=lambda piece: f"{piece.says['findings']} findings" if piece.says["findings"] else "",
    )


def check(gate: AnyGate, case: Case) -> GateResult:
    """A check that CI reported passed."""
    if not isinstance(gate, CheckGate):
        raise TypeError(gate.kind)
    return _judged(
        gate,
        case,
        case.snapshot.piece("check", gate.check),
        what=f"the check {gate.check}",
        required="passed",
        within_days=gate.within_days,
        fails=lambda piece: "" if piece.says["passed"] else "failed",
    )


def attested(gate: AnyGate, case: Case) -> GateResult:
    """A person answered yes."""
    if not isinstance(gate, AttestationGate):
        raise TypeError(gate.kind)
    return _judged(
        gate,
        case,
        case.snapshot.piece("attestation", gate.question),
        what=f"an answer to: {gate.question}",
        required=f"yes, from the {gate.role}" if gate.role else "yes",
        within_days=gate.within_days,
        fails=lambda piece: _not_attested(gate, piece, case),
    )


def _not_attested(gate: AttestationGate, piece: Piece, case: Case) -> str:
    if not piece.says["answer"]:
        return "no"
    if gate.role and gate.role not in piece.says.get("roles", ()):
        return f"answered by somebody who was no {gate.role}"
    if gate.role and piece.says.get("by") in case.snapshot.authors:
        return "answered by who built the version"
    return ""


def data(gate: AnyGate, case: Case) -> GateResult:
    """The training data was checked and found sound; one data set that is not, is enough."""
    if not isinstance(gate, DataGate):
        raise TypeError(gate.kind)
    found = [one for one in case.snapshot.pieces if one.kind == "data-check"]
    unsound = [one for one in found if not one.says["sound"]]
    return _judged(
        gate,
        case,
        (unsound or [max(found, key=lambda one: one.produced_at)])[0] if found else None,
        what="a check of the training data",
        required="sound",
        within_days=gate.within_days,
        fails=lambda piece: "" if piece.says["sound"] else f"{piece.says['dataset']} is not sound",
    )


def monitoring(gate: AnyGate, case: Case) -> GateResult:
    """It is written down how the version is watched, and how it is taken back."""
    if not isinstance(gate, MonitoringGate):
        raise TypeError(gate.kind)
    return _judged(
        gate,
        case,
        case.snapshot.piece("monitoring-plan"),
        what="a monitoring plan",
        required="signals and a way back",
        within_days=None,
        fails=lambda _piece: "",
    )


def _judged(
    gate: AnyGate,
    case: Case,
    piece: Piece | None,
    *,
    what: str,
    required: str,
    within_days: int | None,
    fails: Fails,
) -> GateResult:
    if within_days:
        required = f"{required}, within {within_days} days"
    if piece is None:
        return said(
            gate,
            Answer.MISSING,
            required=required,
            observed="none",
            reason=f"There is no record of {what}. {_ATTACH}",
        )
    told = partial(
        said,
        gate,
        required=required,
        evidence=f"{piece.kind} {piece.name}".strip(),
        digest=piece.digest,
        produced_by=piece.producer,
        is_verified=piece.is_verified,
        at=piece.produced_at,
    )
    produced = datetime.fromisoformat(piece.produced_at)
    if piece.is_expired(case.at):
        return told(
            Answer.MISSING,
            observed="expired",
            reason=f"The record of {what} counted until {piece.expires_at[:10]}. Attach a new one.",
        )
    if within_days and case.at - produced > timedelta(days=within_days):
        return told(
            Answer.MISSING,
            observed=f"{(case.at - produced).days} days old",
            reason=f"The record of {what} is older than {within_days} days. Attach a new one.",
        )
    wrong = fails(piece)
    if wrong:
        return told(Answer.FAIL, observed=wrong, reason=f"On record of {what}: {wrong}.")
    return told(
        Answer.PASS,
        observed="on record" if required.startswith(what) else required.partition(",")[0],
        reason=f"{piece.producer} put {what} on record on {piece.produced_at[:10]}.",
    )
