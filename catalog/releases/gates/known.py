"""Gates about what the catalog itself knows of a model and a version."""

from __future__ import annotations

from typing import Final

from catalog.releases.gates.answers import Answer, Case, GateResult, said
from catalog.releases.policies.questions import AnyGate, CardGate, FindingsGate

_MOST_NAMED: Final = 5
_SEVERITIES: Final = ("low", "medium", "high", "critical")


def owner(gate: AnyGate, case: Case) -> GateResult:
    """A person answers for the model."""
    snapshot = case.snapshot
    there = bool(snapshot.owner_id)
    return said(
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


def description(gate: AnyGate, case: Case) -> GateResult:
    """The version says what it is."""
    snapshot = case.snapshot
    there = bool(snapshot.description_digest)
    return said(
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


def author(gate: AnyGate, case: Case) -> GateResult:
    """It is known who built the version."""
    snapshot = case.snapshot
    known = len(snapshot.authors)
    return said(
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


def artifacts(gate: AnyGate, case: Case) -> GateResult:
    """Every file is on record."""
    snapshot = case.snapshot
    there = bool(snapshot.manifest_digest)
    return said(
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


def unchanged(gate: AnyGate, case: Case) -> GateResult:
    """Every reading of the files gave the same digest."""
    snapshot = case.snapshot
    first, now = snapshot.first_manifest, snapshot.manifest_digest
    if not (first and now):
        return artifacts(gate, case) if not now else _not_known_then(gate, case)
    same = first == now
    return said(
        gate,
        Answer.PASS if same else Answer.FAIL,
        required=f"the files read first, {_short(first)}",
        observed=_short(now),
        reason="The files are those that were read first; not a byte of them changed."
        if same
        else f"The files were {_short(first)} when they were read first and are {_short(now)} now: "
        "somebody wrote over the version. Register what is new as a version of its own.",
        evidence="Artifact manifest",
        digest=now,
        produced_by="Countersign",
        is_verified=True,
        at=snapshot.manifest_at,
    )


def _not_known_then(gate: AnyGate, case: Case) -> GateResult:
    return said(
        gate,
        Answer.MISSING,
        required="the files read first",
        observed="not known",
        reason="When this was recorded, nobody kept what the files were at first.",
        evidence="Artifact manifest",
        digest=case.snapshot.manifest_digest,
        produced_by="Countersign",
    )


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:8]


def card(gate: AnyGate, case: Case) -> GateResult:
    """The model card is filled in to a percentage."""
    if not isinstance(gate, CardGate):
        raise TypeError(gate.kind)
    known, complete = bool(case.snapshot.card_digest), case.snapshot.card_complete
    answer = Answer.PASS if complete >= gate.at_least else Answer.FAIL
    return said(
        gate,
        answer if known else Answer.MISSING,
        required=f"≥ {gate.at_least} %",
        observed=f"{complete} %" if known else "no card",
        reason=f"The model card is {complete} % complete; {gate.at_least} % are asked."
        if known
        else "The model has no card yet. Its owner writes one on the Model page.",
        evidence="Model card",
        digest=case.snapshot.card_digest,
        produced_by="Model owner",
        at=case.snapshot.card_at,
    )


def classified(gate: AnyGate, case: Case) -> GateResult:
    """Tier and regulatory class were named."""
    snapshot = case.snapshot
    has = {"tier": snapshot.tier, "regulatory class": snapshot.regulatory_class}
    missing = [name for name, value in has.items() if not value]
    return said(
        gate,
        Answer.MISSING if missing else Answer.PASS,
        required="tier and class",
        observed=", ".join(value or f"no {name}" for name, value in has.items()),
        reason=f"Nobody named the {' and the '.join(missing)}. A governance admin does so on the "
        "Model page."
        if missing
        else f"Tier {snapshot.tier}, regulatory class {snapshot.regulatory_class}.",
        evidence="Catalog",
        produced_by="Governance admin",
        is_verified=not missing,
    )


def naming(gate: AnyGate, case: Case) -> GateResult:
    """The model is called as the naming rule asks."""
    problem = case.snapshot.naming_problem
    answer = Answer.MISSING if problem is None else Answer.FAIL if problem else Answer.PASS
    return said(
        gate,
        answer,
        required="a name that follows the rule",
        observed="not asked" if problem is None else "breaks it" if problem else "follows it",
        reason="The rule was not asked when this was recorded."
        if problem is None
        else problem or "The name follows the naming rule in force, or there is none.",
        evidence="Catalog",
        produced_by="Countersign",
        is_verified=problem is not None,
    )


def findings(gate: AnyGate, case: Case) -> GateResult:
    """Nothing that bad stands open."""
    if not isinstance(gate, FindingsGate):
        raise TypeError(gate.kind)
    bad = _SEVERITIES[_SEVERITIES.index(gate.at_least) :]
    standing = [one.number for one in case.snapshot.flaws if one.severity in bad]
    return said(
        gate,
        Answer.FAIL if standing else Answer.PASS,
        required=f"none of severity {gate.at_least} or worse",
        observed=f"{len(standing)} open",
        reason=f"{', '.join(standing[:5])} must be closed first."
        if standing
        else f"No finding of severity {gate.at_least} or worse is open.",
        evidence="Findings",
        produced_by="Countersign",
        is_verified=True,
    )


def approved_before(gate: AnyGate, case: Case) -> GateResult:
    """It was live before, on an approval that still stands."""
    before = case.snapshot.approved_before
    return said(
        gate,
        Answer.PASS if before else Answer.FAIL,
        required="an approval that stands",
        observed=before or "none",
        reason=f"{before} approved these very files, and they were live."
        if before
        else f"No approval that stands put these files live as {case.snapshot.alias}.",
        evidence="Release requests",
        produced_by="Countersign",
        is_verified=bool(before),
    )


def still_there(gate: AnyGate, case: Case) -> GateResult:
    """The alias points at the version that it is to be taken away from."""
    snapshot = case.snapshot
    is_there = snapshot.replaces == snapshot.candidate.number
    now = f"v{snapshot.replaces}" if snapshot.replaces else "no version"
    return said(
        gate,
        Answer.PASS if is_there else Answer.FAIL,
        required=f"{snapshot.alias} on v{snapshot.candidate.number}",
        observed=now,
        reason=f"{snapshot.alias} points at {now}"
        + ("." if is_there else ", so there is nothing to take away from this version."),
        evidence="MLflow",
        produced_by="Countersign",
        is_verified=True,
    )


def consumers_told(gate: AnyGate, case: Case) -> GateResult:
    """Nobody relies on the alias, or the day came that its consumers were told of."""
    leaving = case.snapshot.leaving
    if leaving is None:
        answer, observed = Answer.MISSING, "not asked"
        reason = "It is only asked where an alias is to be taken away."
    elif not leaving.relied_on:
        answer, observed = Answer.PASS, "nobody relies on it"
        reason = f"No application is registered as relying on {case.snapshot.alias}."
    else:
        who = ", ".join(leaving.relied_on[:_MOST_NAMED])
        more = len(leaving.relied_on) - _MOST_NAMED
        who = f"{who} and {more} more" if more > 0 else who
        is_over = bool(leaving.ends_on) and case.at.date().isoformat() >= leaving.ends_on
        if not leaving.ends_on:
            answer, observed = Answer.MISSING, "not told"
            reason = (
                f"{who} must be told first. Deprecate the version on the Model page: that names "
                "the day from which on it must not be used, and tells them."
            )
        elif is_over:
            answer, observed = Answer.PASS, f"not to be used from {leaving.ends_on}"
            reason = f"{who} were told that it must not be used from {leaving.ends_on} on."
        else:
            answer, observed = Answer.FAIL, f"until {leaving.ends_on}"
            reason = f"{who} were told that it may be used until {leaving.ends_on}."
    return said(
        gate,
        answer,
        required="nobody, or told and over",
        observed=observed,
        reason=reason,
        evidence="Consumers and deprecation",
        produced_by="Countersign",
        is_verified=leaving is not None,
    )


def signature(gate: AnyGate, case: Case) -> GateResult:
    """Who calls the live version can go on calling."""
    snapshot = case.snapshot
    broken = snapshot.signature_changes
    if not snapshot.signature_is_known:
        answer, observed = Answer.MISSING, "not known"
        reason = (
            "One of the two versions was logged without a signature, so nobody knows. "
            "Log the model with one."
        )
    elif broken:
        answer, observed = Answer.FAIL, f"{len(broken)} changes"
        reason = f"Callers of the live version would break: {'; '.join(broken[:3])}."
    else:
        answer, observed = Answer.PASS, "compatible"
        reason = (
            "Callers of the live version need no change."
            if snapshot.champion
            else f"Nothing is live as {snapshot.alias} yet, so no caller can break."
        )
    return said(
        gate,
        answer,
        required="no change that breaks a caller",
        observed=observed,
        reason=reason,
        evidence="Signatures in MLflow",
        produced_by="Countersign",
        is_verified=snapshot.signature_is_known,
    )
