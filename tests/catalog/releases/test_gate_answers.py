"""Every column of what each gate answers: `gate_answers.txt` is the table as it was agreed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from pydantic import TypeAdapter

from app.settings import ROOT
from catalog.releases.evidence.snapshot import (
    Apart,
    Flaw,
    Leaving,
    Measured,
    Piece,
    Snapshot,
    Standing,
    Used,
)
from catalog.releases.gates.asking import ASK, GateResult, evaluate, verdict_digest
from catalog.releases.policies.questions import KINDS, AnyGate
from catalog.releases.policies.reading import PACKS, read_pack

POLICY: Final = read_pack(PACKS / "baseline.yaml").policy
NOW: Final = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
AGREED: Final = ROOT / "tests/catalog/releases/gate_answers.txt"


def moment(days: float) -> str:
    """So many days ago, as snapshots write moments."""
    return f"{NOW - timedelta(days=days):%Y-%m-%dT%H:%M:%S.%fZ}"


def number(
    value: float, *, name: str = "auc", rows: str = "e1f0", context: str = "evaluation"
) -> Measured:
    return Measured(name, value, f"holdout-{rows}", rows, (context,))


def stands(place: int, *metrics: Measured, run: str = "0123456789abcdef") -> Standing:
    return Standing(f"ver_{place}", place, run, f"measured {place}", metrics)


def piece(kind: str, name: str = "", days: float = 1.0, **says: Any) -> Piece:  # noqa: ANN401
    return Piece(kind, name, f"digest of {kind} {name}", "CI", False, moment(days), "", says)


def checked(dataset: str, digest: str = "d1", days: float = 1.0, *, sound: bool = True) -> Piece:
    return piece("data-check", dataset, days, dataset=dataset, digest=digest, sound=sound)


def groups(kind: str, name: str, *values: tuple[str, int, float]) -> Piece:
    told = [{"group": group, "rows": rows, "value": value} for group, rows, value in values]
    return piece(kind, name, groups=told)


GOOD: Final = Snapshot(
    model_id="mdl_1",
    alias="champion",
    task="binary classification",
    owner_id="per_alice",
    candidate=stands(2, number(0.82)),
    champion=stands(1, number(0.80)),
    champion_is_live=True,
    description_digest="description",
    authors=("per_alice",),
    manifest_digest="sha256:0123456789",
    manifest_files=2,
    manifest_at="files read",
    requested_by="per_anna",
    built_by=("per_ben",),
)
FIRST: Final = replace(GOOD, edition=1)
ERROR: Final = replace(GOOD, task="regression")
FAIR: Final = "impact ratio by sex"
SLICES: Final = "AUC by region"
BOTH: Final = (("f", 30, 0.5), ("m", 31, 0.4))
TRAINED: Final = (Used("loans", "d1", ("training",)), Used("rates", "d2", ("", "evaluation")))
PAPER: Final = piece("document", "audit", by="per_vera", roles=["approver", "viewer"])
ANSWER: Final = piece("attestation", "Sound?", answer=True, by="per_vera", roles=["approver"])
CHECK: Final = piece("check", "unit", passed=True)
SCAN: Final = piece("scan", "modelscan", 2, findings=0)
DIRTY: Final = piece("scan", "picklescan", 3, findings=1)
WORSE: Final = replace(piece("scan", "other", 4, findings=2), producer="Scanners", is_verified=True)
CHECKS: Final = tuple(
    {"id": one, "title": one.upper(), "asks": "It passes", "kind": "check_passed", "check": one}
    for one in ("a", "b")
)


def by(one: Piece, who: str, *roles: str) -> Piece:
    return replace(one, says={**one.says, "by": who, "roles": list(roles)})


def holding(*pieces: Piece, at: Snapshot = GOOD) -> Snapshot:
    return replace(at, pieces=pieces)


def flaws(*severities: str) -> Snapshot:
    found = [Flaw(f"F-{n}", "condition", one) for n, one in enumerate(severities)]
    return replace(GOOD, flaws=tuple(found))


def leaving(apps: int, ends_on: str = "") -> Snapshot:
    names = tuple(f"app {n}" for n in range(apps))
    return replace(GOOD, leaving=Leaving(names, ends_on, ""))


def measured(*mine: Measured, theirs: tuple[Measured, ...] = (), of: Snapshot = GOOD) -> Snapshot:
    return replace(of, candidate=stands(2, *mine), champion=stands(1, *theirs))


def apart(low: float | None, high: float | None, rows: str = "e1f0") -> Apart:
    return Apart(rows, low, high, "how it was made")


NOTHING: Final[dict[str, Any]] = {}
TWO_WORSE: Final = measured(
    number(0.9), number(0.5, rows="9c"), theirs=(number(0.99), number(0.51, rows="9c"))
)
PERFORMANCE = ("metric_not_worse_than_champion", {"margin": 0.01})
SURE = (PERFORMANCE[0], {"margin": 0.01, "confidence": 95})
STRICT = (PERFORMANCE[0], {"margin": 0.01, "confidence": 95, "without_interval": "missing"})
BOUND = ("metric_threshold", {"names": ["auc"], "label": "AUC", "at_least": 0.5, "at_most": 0.9})
PER_SLICE = ("metric_per_slice", {"metric": "AUC", "by": "region", "at_least": 0.4})
FAIRNESS = ("fairness", {"by": "sex", "at_least": 0.8})
DOCUMENT = ("evidence_present", {"evidence": "document"})
NAMED = ("evidence_present", {"evidence": "document", "name": "audit"})
VERIFIED = ("evidence_present", {"evidence": "document", "verified": True})
RECENT = ("evidence_present", {"evidence": "document", "within_days": 30})
OF_ROLE = ("evidence_present", {"evidence": "document", "role": "approver"})
APART = ("evidence_present", {"evidence": "document", "independent": True})
ROLE_APART = ("evidence_present", {**OF_ROLE[1], **APART[1]})
SCANNED: Final = ("scan_clean", NOTHING)
BY_TOOL = ("scan_clean", {"tools": ["ModelScan", "Bandit"], "within_days": 5})
CHECKED = ("check_passed", {"check": "unit", "within_days": 2})
ASKED = ("attested", {"question": "Sound?"})
ASKED_ROLE = ("attested", {"question": "Sound?", "role": "approver"})
ASKED_APART = ("attested", {"question": "Sound?", "independent": True})
DATA: Final = ("data_sound", NOTHING)
ALL = ("all_of", {"gates": CHECKS})
SOME = ("any_of", {"gates": CHECKS})
FINDINGS = ("findings_closed", {"at_least": "high"})
CARD = ("card_complete", {"at_least": 50})


def plain(kind: str) -> tuple[str, dict[str, Any]]:
    return kind, {}


CASES: dict[str, tuple[tuple[str, dict[str, Any]], Snapshot]] = {
    "owner: named": (plain("owner_present"), GOOD),
    "owner: nobody": (plain("owner_present"), replace(GOOD, owner_id="")),
    "description: there": (plain("description_present"), GOOD),
    "description: none": (plain("description_present"), replace(GOOD, description_digest="")),
    "author: known": (plain("author_known"), GOOD),
    "author: unknown": (plain("author_known"), replace(GOOD, authors=())),
    "files: on record": (plain("artifacts_recorded"), GOOD),
    "files: not read yet": (plain("artifacts_recorded"), replace(GOOD, manifest_digest="")),
    "same files: yes": (
        plain("digest_unchanged"),
        replace(GOOD, first_manifest="sha256:0123456789"),
    ),
    "same files: no": (
        plain("digest_unchanged"),
        replace(GOOD, first_manifest="sha256:98765432ff"),
    ),
    "same files: first not known": (plain("digest_unchanged"), GOOD),
    "same files: not read yet": (
        plain("digest_unchanged"),
        replace(GOOD, first_manifest="sha256:98765432ff", manifest_digest=""),
    ),
    "card: enough": (CARD, replace(GOOD, card_digest="card", card_complete=50, card_at="then")),
    "card: too little": (CARD, replace(GOOD, card_digest="card", card_complete=49, card_at="then")),
    "card: none": (CARD, GOOD),
    "classified: both": (plain("classified"), replace(GOOD, tier="1", regulatory_class="High")),
    "classified: no tier": (plain("classified"), replace(GOOD, regulatory_class="High")),
    "classified: neither": (plain("classified"), GOOD),
    "name: not asked": (plain("naming_follows"), GOOD),
    "name: follows": (plain("naming_follows"), replace(GOOD, naming_problem="")),
    "name: breaks it": (plain("naming_follows"), replace(GOOD, naming_problem="Too short.")),
    "findings: none": (FINDINGS, flaws("low", "medium")),
    "findings: as bad": (FINDINGS, flaws("medium", "high")),
    "findings: many": (FINDINGS, flaws("critical", *["high"] * 5)),
    "findings: of the middle": (
        ("findings_closed", {"at_least": "medium"}),
        flaws("low", "medium", "high"),
    ),
    "findings: the least": (("findings_closed", {"at_least": "low"}), flaws("low")),
    "before: approved": (plain("approved_before"), replace(GOOD, approved_before="RR-2026-0001")),
    "before: not approved": (plain("approved_before"), GOOD),
    "there: still": (plain("still_there"), replace(GOOD, champion=GOOD.candidate)),
    "there: another": (plain("still_there"), GOOD),
    "there: none": (plain("still_there"), replace(GOOD, champion=None)),
    "consumers: not asked": (plain("consumers_told"), GOOD),
    "consumers: none": (plain("consumers_told"), leaving(0)),
    "consumers: not told": (plain("consumers_told"), leaving(1)),
    "consumers: five": (plain("consumers_told"), leaving(5, "2026-11-27")),
    "consumers: six": (plain("consumers_told"), leaving(6, "2026-11-26")),
    "signature: compatible": (
        plain("signature_compatible"),
        replace(GOOD, signature_is_known=True),
    ),
    "signature: nothing live": (
        plain("signature_compatible"),
        replace(GOOD, signature_is_known=True, champion=None),
    ),
    "signature: breaks": (
        plain("signature_compatible"),
        replace(GOOD, signature_is_known=True, signature_changes=("a", "b", "c", "d")),
    ),
    "signature: not known": (
        plain("signature_compatible"),
        replace(GOOD, signature_changes=("a",)),
    ),
    "evidence: none": (DOCUMENT, GOOD),
    "evidence: of a kind": (DOCUMENT, holding(PAPER, CHECK)),
    "evidence: of a name": (NAMED, holding(PAPER, replace(PAPER, name="late", digest="late"))),
    "evidence: of no such name": (NAMED, holding(replace(PAPER, name="late"))),
    "evidence: verified": (VERIFIED, holding(replace(PAPER, is_verified=True))),
    "evidence: self-reported": (VERIFIED, holding(PAPER)),
    "evidence: as old as it may be": (RECENT, holding(replace(PAPER, produced_at=moment(30)))),
    "evidence: too old": (RECENT, holding(replace(PAPER, produced_at=moment(31.01)))),
    "evidence: expired": (DOCUMENT, holding(replace(PAPER, expires_at=moment(0)))),
    "evidence: not expired": (DOCUMENT, holding(replace(PAPER, expires_at=moment(-1)))),
    "evidence: of these files": (DOCUMENT, holding(replace(PAPER, files="sha256:0123456789"))),
    "evidence: of other files": (DOCUMENT, holding(replace(PAPER, files="sha256:98765432ff"))),
    "evidence: of files, none read": (
        DOCUMENT,
        holding(replace(PAPER, files="sha256:1"), at=replace(GOOD, manifest_digest="")),
    ),
    "evidence: of the role": (OF_ROLE, holding(PAPER)),
    "evidence: of another role": (OF_ROLE, holding(by(PAPER, "per_vera", "viewer"))),
    "evidence: of nobody on record": (OF_ROLE, holding(by(PAPER, "", "approver"))),
    "evidence: of Countersign": (
        OF_ROLE,
        holding(replace(by(PAPER, "", "approver"), is_verified=True)),
    ),
    "evidence: of who built it, in the role": (
        OF_ROLE,
        holding(by(PAPER, "per_alice", "approver")),
    ),
    "evidence: apart": (APART, holding(PAPER)),
    "evidence: apart, nobody on record": (APART, holding(by(PAPER, ""))),
    "evidence: apart, of the author": (APART, holding(by(PAPER, "per_alice"))),
    "evidence: apart, of who built it": (APART, holding(by(PAPER, "per_ben"))),
    "evidence: apart, of who asks": (ROLE_APART, holding(by(PAPER, "per_anna", "approver"))),
    "scan: none": (SCANNED, holding(CHECK)),
    "scan: clean": (SCANNED, holding(SCAN)),
    "scan: clean after another tool found something": (SCANNED, holding(DIRTY, SCAN, WORSE)),
    "scan: of one tool": (BY_TOOL, holding(DIRTY, SCAN)),
    "scan: of no such tool": (BY_TOOL, holding(DIRTY)),
    "scan: of other files alone": (SCANNED, holding(replace(DIRTY, files="sha256:98765432ff"))),
    "scan: of other files alone, the last": (
        SCANNED,
        holding(
            replace(SCAN, files="sha256:98765432ff"), replace(DIRTY, files="sha256:98765432ff")
        ),
    ),
    "scan: of other files too": (
        SCANNED,
        holding(SCAN, replace(SCAN, files="sha256:98765432ff", produced_at=moment(1))),
    ),
    "scan: newest expired": (
        SCANNED,
        holding(replace(SCAN, produced_at=moment(0.5), expires_at=moment(0.1)), SCAN),
    ),
    "scan, first edition: the newest": (SCANNED, holding(DIRTY, SCAN, at=FIRST)),
    "scan, first edition: found something": (SCANNED, holding(WORSE, at=FIRST)),
    "scan, first edition: newest expired": (
        SCANNED,
        holding(SCAN, replace(SCAN, produced_at=moment(0.5), expires_at=moment(0.1)), at=FIRST),
    ),
    "check: passed": (CHECKED, holding(CHECK)),
    "check: failed": (CHECKED, holding(piece("check", "unit", passed=False))),
    "check: of another name": (CHECKED, holding(piece("check", "other", passed=True))),
    "answer: yes": (ASKED, holding(ANSWER)),
    "answer: no": (ASKED, holding(piece("attestation", "Sound?", answer=False))),
    "answer: none": (ASKED, GOOD),
    "answer, first edition": (ASKED, holding(ANSWER, at=FIRST)),
    "answer: of the role": (ASKED_ROLE, holding(ANSWER)),
    "answer: of another role": (ASKED_ROLE, holding(by(ANSWER, "per_vera", "viewer"))),
    "answer: of the author": (ASKED_ROLE, holding(by(ANSWER, "per_alice", "approver"))),
    "answer: of who may have built it": (ASKED_ROLE, holding(by(ANSWER, "per_ben", "approver"))),
    "answer: of who asks": (ASKED_ROLE, holding(by(ANSWER, "per_anna", "approver"))),
    "answer: of the author, no role asked": (ASKED, holding(by(ANSWER, "per_alice"))),
    "answer: apart, of who asks": (ASKED_APART, holding(by(ANSWER, "per_anna"))),
    "data: nothing known": (DATA, GOOD),
    "data: not checked": (DATA, replace(GOOD, datasets=TRAINED)),
    "data: other data": (
        DATA,
        replace(
            holding(checked("loans", "d0"), checked("loans"), *map(checked, "axyz")),
            datasets=TRAINED,
        ),
    ),
    "data: no digest": (DATA, replace(holding(checked("loans", "")), datasets=TRAINED[:1])),
    "data: sound": (
        DATA,
        replace(
            holding(
                checked("loans", days=2), checked("rates", "d2", 3), checked("z", days=9), CHECK
            ),
            datasets=TRAINED,
        ),
    ),
    "data: not sound": (
        DATA,
        replace(holding(checked("loans"), checked("z", sound=False)), datasets=TRAINED),
    ),
    "data: for evaluation alone": (
        DATA,
        replace(GOOD, datasets=(Used("loans", "d1", ("Test", "EVALUATION")),)),
    ),
    "data, first edition": (DATA, holding(checked("a", days=2), checked("b", days=1), at=FIRST)),
    "data, first edition: none": (DATA, FIRST),
    "plan: there": (plain("monitoring_plan"), holding(piece("monitoring-plan", "plan"))),
    "plan: none": (plain("monitoring_plan"), GOOD),
    "performance: better": (PERFORMANCE, GOOD),
    "performance: as much worse as it may be": (
        ("metric_not_worse_than_champion", {"margin": 0.25}),
        measured(number(0.5), theirs=(number(0.75),)),
    ),
    "performance: worse": (PERFORMANCE, measured(number(0.7), theirs=(number(0.8),))),
    "performance: of an error": (
        PERFORMANCE,
        measured(number(3, name="mae"), theirs=(number(2, name="mae"),), of=ERROR),
    ),
    "performance: of an error, as much worse as it may be": (
        (PERFORMANCE[0], {"margin": 1.0}),
        measured(number(3, name="mae"), theirs=(number(2, name="mae"),), of=ERROR),
    ),
    "performance: both worse": (PERFORMANCE, TWO_WORSE),
    "performance: the worst of two": (
        PERFORMANCE,
        measured(number(0.9), number(0.5, rows="9c"), theirs=(number(0.8), number(0.6, rows="9c"))),
    ),
    "performance: no task": (PERFORMANCE, replace(GOOD, task="")),
    "performance: unknown task": (PERFORMANCE, replace(GOOD, task="ranking")),
    "performance: no run": (PERFORMANCE, replace(GOOD, candidate=stands(2, number(1), run=""))),
    "performance: other rows": (
        PERFORMANCE,
        measured(number(0.9), theirs=(number(0.8, rows="9c"),)),
    ),
    "performance: not measured": (PERFORMANCE, measured(theirs=(number(0.8),))),
    "performance: of training": (
        PERFORMANCE,
        measured(number(0.9, context="training"), theirs=(number(0.8),)),
    ),
    "performance: the other not measured": (PERFORMANCE, measured(number(0.9))),
    "performance: nothing live": (PERFORMANCE, replace(GOOD, champion=None)),
    "performance: nothing live, not measured": (
        PERFORMANCE,
        replace(GOOD, champion=None, candidate=stands(2)),
    ),
    "performance, first edition: nothing live, not measured": (
        PERFORMANCE,
        replace(FIRST, champion=None, candidate=stands(2)),
    ),
    "performance: live last": (PERFORMANCE, replace(GOOD, champion_is_live=False)),
    "sure: whole interval": (SURE, replace(GOOD, differences=(apart(-0.01, 0.05),))),
    "sure: not the whole interval": (SURE, replace(GOOD, differences=(apart(-0.02, 0.05),))),
    "sure: of an error": (
        SURE,
        replace(
            measured(number(2, name="mae"), theirs=(number(3, name="mae"),), of=ERROR),
            differences=(apart(-0.5, 0.25),),
        ),
    ),
    "sure: of an error, no interval": (
        SURE,
        measured(number(2, name="mae"), theirs=(number(3, name="mae"),), of=ERROR),
    ),
    "sure: no interval, no basis": (SURE, GOOD),
    "sure: no interval, worse": (SURE, measured(number(0.7), theirs=(number(0.8),))),
    "sure: no interval, both worse": (SURE, TWO_WORSE),
    "sure: no interval, as much worse as it may be": (
        (SURE[0], {**SURE[1], "margin": 0.25}),
        measured(number(0.5), theirs=(number(0.75),)),
    ),
    "sure: of an error, no interval, as much worse as it may be": (
        (SURE[0], {**SURE[1], "margin": 1.0}),
        measured(number(3, name="mae"), theirs=(number(2, name="mae"),), of=ERROR),
    ),
    "sure: half an interval": (SURE, replace(GOOD, differences=(apart(None, 0.1),))),
    "sure: the other half": (SURE, replace(GOOD, differences=(apart(0.1, None),))),
    "sure: the least sure of two": (
        SURE,
        replace(
            measured(
                number(0.9), number(0.8, rows="9c"), theirs=(number(0.8), number(0.7, rows="9c"))
            ),
            differences=(apart(-0.1, 0.3), apart(0.0, 0.2, rows="9c")),
        ),
    ),
    "strict: no interval": (STRICT, GOOD),
    "strict: why there is none": (STRICT, replace(GOOD, differences=(apart(None, None),))),
    "strict: an interval": (STRICT, replace(GOOD, differences=(apart(0.0, 0.1),))),
    "bound: within": (BOUND, GOOD),
    "bound: on it": (BOUND, measured(number(0.5))),
    "bound: on the other": (BOUND, measured(number(0.9))),
    "bound: below": (BOUND, measured(number(0.8), number(0.49, rows="9c"))),
    "bound: above": (BOUND, measured(number(0.91), number(0.8, rows="9c"))),
    "bound: alike on two": (BOUND, measured(number(0.7, rows="9c"), number(0.7))),
    "bound: not measured": (BOUND, replace(GOOD, candidate=stands(2, run=""))),
    "bound: only the least": (("metric_threshold", {**BOUND[1], "at_most": None}), GOOD),
    "bound: only the most": (("metric_threshold", {**BOUND[1], "at_least": None}), GOOD),
    "slices: none": (PER_SLICE, GOOD),
    "slices: on it": (PER_SLICE, holding(groups("slices", SLICES, *BOTH))),
    "slices: expired": (
        PER_SLICE,
        holding(replace(groups("slices", SLICES, *BOTH), expires_at=moment(0))),
    ),
    "slices: of other files": (
        PER_SLICE,
        holding(replace(groups("slices", SLICES, *BOTH), files="sha256:98765432ff")),
    ),
    "slices: all small": (PER_SLICE, holding(groups("slices", SLICES, ("f", 29, 0.9)))),
    "slices: four below": (
        PER_SLICE,
        holding(groups("slices", SLICES, *[(one, 30, 0.3) for one in "dcba"], ("e", 30, 0.4))),
    ),
    "slices: three below, one small": (
        PER_SLICE,
        holding(groups("slices", SLICES, *[(one, 30, 0.3) for one in "cba"], ("x", 29, 0.1))),
    ),
    "slices: one group": (PER_SLICE, holding(groups("slices", SLICES, BOTH[0]))),
    "slices: four small": (
        PER_SLICE,
        holding(groups("slices", SLICES, *BOTH, *[(one, 9, 0.1) for one in "wxyz"])),
    ),
    "slices: three small": (
        PER_SLICE,
        holding(groups("slices", SLICES, *BOTH, *[(one, 9, 0.1) for one in "xyz"])),
    ),
    "slices, first edition: one small": (
        PER_SLICE,
        holding(groups("slices", SLICES, *BOTH, ("x", 9, 0.1)), at=FIRST),
    ),
    "fairness: on it": (FAIRNESS, holding(groups("fairness", FAIR, *BOTH))),
    "fairness: below": (
        FAIRNESS,
        holding(groups("fairness", FAIR, ("f", 30, 0.39), ("m", 30, 0.5))),
    ),
    "fairness: one group": (FAIRNESS, holding(groups("fairness", FAIR, BOTH[0], ("m", 9, 0.1)))),
    "fairness: nobody favoured": (
        FAIRNESS,
        holding(groups("fairness", FAIR, ("f", 30, 0.0), ("m", 30, 0.0))),
    ),
    "fairness: of a measure that is no ratio": (
        ("fairness", {"measure": "equal odds", "by": "sex", "at_least": 0.4}),
        holding(groups("fairness", "equal odds by sex", *BOTH)),
    ),
    "fairness, first edition": (FAIRNESS, holding(groups("fairness", FAIR, *BOTH), at=FIRST)),
    "all of: none known": (ALL, GOOD),
    "all of: one passes": (ALL, holding(piece("check", "a", passed=True))),
    "all of: one fails": (ALL, holding(piece("check", "a", passed=False))),
    "all of: both pass": (
        ALL,
        holding(
            piece("check", "a", passed=True),
            replace(piece("check", "b", passed=True), is_verified=True),
        ),
    ),
    "all of: both pass, verified": (
        ALL,
        holding(*[replace(piece("check", x, passed=True), is_verified=True) for x in "ab"]),
    ),
    "one of: none known": (SOME, GOOD),
    "one of: one passes": (
        SOME,
        holding(replace(piece("check", "b", passed=True), is_verified=True)),
    ),
    "one of: one fails": (SOME, holding(piece("check", "a", passed=False))),
    "one of: both fail": (SOME, holding(*[piece("check", x, passed=False) for x in "ab"])),
    "one of: one fails, one passes": (
        SOME,
        holding(piece("check", "a", passed=False), piece("check", "b", passed=True)),
    ),
}


def answer(name: str) -> GateResult:
    (kind, settings), snapshot = CASES[name]
    plain_gate = {"id": "gate", "title": "Gate", "asks": "Asked", "kind": kind, **settings}
    gate: AnyGate = TypeAdapter(AnyGate).validate_python(
        {**plain_gate, **{k: list(v) for k, v in plain_gate.items() if isinstance(v, tuple)}}
    )
    (result,) = evaluate(POLICY.model_copy(update={"gates": [gate]}), snapshot, NOW)
    return result


def told(result: GateResult) -> str:
    """Every column that says something, a line each."""
    assert (result.id, result.title, result.asks) == ("gate", "Gate", "Asked")
    parts = ", ".join(f"{one.title} {one.answer}" for one in result.parts)
    columns = [*list(vars(result).items())[3:-1], ("parts", parts)]
    return "\n".join(f"  {column}: {value}" for column, value in columns if value)


def agreed() -> dict[str, str]:
    blocks = AGREED.read_text(encoding="utf-8").strip().split("\n\n")
    return {block.partition("\n")[0]: block.partition("\n")[2] for block in blocks}


TABLE: Final = agreed() if AGREED.exists() else {}


@pytest.mark.parametrize("name", CASES)
def test_a_gate_answers_what_was_agreed_in_every_column(name: str) -> None:
    assert told(answer(name)) == TABLE[name]


def test_every_gate_stands_in_the_table() -> None:
    assert TABLE.keys() == CASES.keys()
    assert {kind for (kind, _), _ in CASES.values()} == ASK.keys() == KINDS


def test_the_digest_of_a_verdict_is_another_one_for_each_part_of_it() -> None:
    said = [answer(name) for name in ("one of: none known", "one of: one fails", "owner: named")]
    assert said[0].answer is said[1].answer
    alike = replace(said[0], reason=said[1].reason)
    digests = {verdict_digest((one,)) for one in [*said, alike, replace(alike, parts=())]}
    assert len(digests) == len(said) + 2
