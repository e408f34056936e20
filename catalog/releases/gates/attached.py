"""Gates about evidence that was attached: a scan, a check of CI, a person's answer, a plan."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

from catalog.lineage.comparison import EVALUATION
from catalog.releases.evidence.snapshot import Piece, Used
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
        required=_from(gate, f"{what}, verified" if gate.verified else what),
        within_days=gate.within_days,
        fails=lambda piece: (
            "self-reported, where Countersign's own is asked"
            if gate.verified and not piece.is_verified
            else _not_theirs(gate, piece, case, "attached")
        ),
    )


def _from(gate: EvidenceGate | AttestationGate, required: str) -> str:
    """What is required, and of whom."""
    role = f"{required}, from the {gate.role}" if gate.role else required
    return f"{role}, independent" if gate.independent else role


def _not_theirs(
    gate: EvidenceGate | AttestationGate,
    piece: Piece,
    case: Case,
    verb: Literal["attached", "answered"],
) -> str:
    """Why it does not count from whom it comes; empty where it does."""
    by = piece.says.get("by", "")
    if (gate.role or gate.independent) and not by and not piece.is_verified:
        return f"{verb} by somebody who is not on record"
    if gate.role and gate.role not in piece.says.get("roles", ()):
        return f"{verb} by somebody who was no {gate.role}"
    if by and (gate.independent or (gate.role and verb == "answered")):
        if by in {*case.snapshot.authors, *(case.snapshot.built_by if gate.independent else ())}:
            return f"{verb} by who built the version"
        if gate.independent and by == case.snapshot.requested_by:
            return f"{verb} by who asks for the release"
    return ""


def scan(gate: AnyGate, case: Case) -> GateResult:
    """No tool found anything: a tool's findings stand until it finds nothing itself."""
    if not isinstance(gate, ScanGate):
        raise TypeError(gate.kind)
    tools = " or ".join(gate.tools)
    what = f"a scan of the files by {tools}" if tools else "a scan of the files"
    accepted = {tool.casefold() for tool in gate.tools}
    scans = [
        one
        for one in case.snapshot.pieces
        if one.kind == "scan" and (not accepted or one.name.casefold() in accepted)
    ]
    # A scan of other files says nothing of these, unless it is all there is.
    scans = [one for one in scans if not other_files(one, case)] or scans[-1:]
    dirty = [one for one in scans if one.says["findings"] and not other_files(one, case)]
    is_new = case.snapshot.edition > 1
    if dirty and is_new:
        found = ", ".join(f"{one.name} has {counted(one.says['findings'])}" for one in dirty)
        return said(
            gate,
            Answer.FAIL,
            required="no findings of any tool",
            observed=found.replace(" has ", ": "),
            reason=f"The newest scan of {found}. It stands until that tool finds nothing.",
            evidence=f"scan {dirty[0].name}",
            digest=dirty[0].digest,
            produced_by=dirty[0].producer,
            is_verified=dirty[0].is_verified,
            at=dirty[0].produced_at,
        )
    return _judged(
        gate,
        case,
        max(scans, key=lambda one: (is_new and not one.is_expired(case.at), one.produced_at))
        if scans
        else None,
        what=what,
        required="no findings",
        within_days=gate.within_days,
        fails=lambda piece: f"{piece.says['findings']} findings" if piece.says["findings"] else "",
    )


def other_files(piece: Piece, case: Case) -> bool:
    """Whether a piece is known to have been made of other files than the version's."""
    now = case.snapshot.manifest_digest
    return bool(piece.files and now) and piece.files != now


def of_others(what: str, piece: Piece, case: Case) -> str:
    """That a piece was made of other files, with what to do about it."""
    return (
        f"The record of {what} is of other files ({_short(piece.files)}) than the version has now "
        f"({_short(case.snapshot.manifest_digest)}). Attach one of these."
    )


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:8]


def counted(findings: int) -> str:
    """So many findings, in words."""
    return f"{findings} finding" if findings == 1 else f"{findings} findings"


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
        what=f"an answer to: {gate.question}"
        if case.snapshot.edition == 1
        else f'an answer to "{gate.question.rstrip(".")}"',
        required=_from(gate, "yes"),
        within_days=gate.within_days,
        fails=lambda piece: _not_attested(gate, piece, case),
    )


def _not_attested(gate: AttestationGate, piece: Piece, case: Case) -> str:
    if not piece.says["answer"]:
        return "no"
    return _not_theirs(gate, piece, case, "answered")


def data(gate: AnyGate, case: Case) -> GateResult:
    """All training data was checked and found sound; one data set that is not, is enough."""
    if not isinstance(gate, DataGate):
        raise TypeError(gate.kind)
    found = [one for one in case.snapshot.pieces if one.kind == "data-check"]
    unsound = [one for one in found if not one.says["sound"]]
    if case.snapshot.edition == 1:
        judged = max(found, key=lambda one: one.produced_at, default=None)
    else:
        lacks = "" if unsound else _unchecked(found, case)
        if lacks:
            return said(
                gate,
                Answer.MISSING,
                required="sound, each data set it was trained on",
                observed="other data" if found else "none",
                reason=lacks,
            )
        about = {(one.name, one.digest) for one in _trained_on(case)}
        judged = min(
            (one for one in found if _about(one) in about),
            key=lambda one: one.produced_at,
            default=None,
        )
    return _judged(
        gate,
        case,
        unsound[0] if unsound else judged,
        what="a check of the training data",
        required="sound",
        within_days=gate.within_days,
        fails=lambda piece: "" if piece.says["sound"] else f"{piece.says['dataset']} is not sound",
    )


def _unchecked(found: list[Piece], case: Case) -> str:
    """What is missing before every data set the version was trained on is checked, in words."""
    number = case.snapshot.candidate.number
    trained = _trained_on(case)
    if not trained:
        return (
            f"The run of v{number} names no data set that it was trained on, so no check can be "
            'about it. Log it with mlflow.log_input(data, context="training").'
        )
    checked = {_about(one) for one in found}
    open_ones = [one for one in trained if (one.name, one.digest) not in checked]
    if not open_ones:
        return ""
    lacking = ", ".join(f"{one.name} ({one.digest})" for one in open_ones)
    others = [
        f"{name} ({digest or 'no digest'})"
        for name, digest in sorted(checked)
        if not any((one.name, one.digest) == (name, digest) for one in trained)
    ]
    told = (
        f" On record is a check of {', '.join(others[:3])}, which is other data." if others else ""
    )
    return f"v{number} was trained on {lacking}; there is no check of it.{told} {_ATTACH}"


def _about(piece: Piece) -> tuple[str, str]:
    """The data set that was checked: its name, and its digest where that is known."""
    return piece.says["dataset"], piece.says.get("digest", "")


def _trained_on(case: Case) -> list[Used]:
    """The data sets of the run, without those that it used for evaluation alone."""
    evaluation = EVALUATION | {case.policy.context.lower()}
    return [
        one
        for one in case.snapshot.datasets
        if any(context.lower() not in evaluation for context in one.contexts)
    ]


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
    if other_files(piece, case):
        return told(Answer.MISSING, observed="of other files", reason=of_others(what, piece, case))
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
