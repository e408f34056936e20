"""When a gate passes: each asks one question of the evidence and answers with its reason."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.lineage.kept_rows import KeptRows, alone
from catalog.lineage.profile import Profile
from catalog.lineage.tables import VersionProfileRow
from catalog.registry.mirror.seen import SeenDataset, SeenMetric
from catalog.releases.evidence.snapshot import Apart, Measured, Piece, Snapshot, Standing
from catalog.releases.gates.asking import (
    Answer,
    GateResult,
    all_pass,
    evaluate,
    verdict_digest,
)
from catalog.releases.policies.digests import canonical, digest_of
from catalog.releases.policies.law import Policy
from catalog.releases.policies.questions import (
    AttestationGate,
    DataGate,
    FairnessGate,
    PerformanceGate,
    ScanGate,
    SignatureGate,
)
from catalog.releases.policies.reading import PACKS, pack_text, read_pack
from tests.cast import WHY, House
from tests.catalog.lineage.test_intervals import classified
from tests.fakes import auc

POLICY = read_pack(PACKS / "baseline.yaml").policy
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
OTHER_ROWS = SeenDataset("lending-holdout", "9c2b", "evaluation", "local", "{}", "", 41_000)


# What the first edition of the gates made of a snapshot, as it was written down then.
KEPT_DIGEST = "sha256:3d1fa1e1f2b332868e28d7ac344565d41f90693205a428ab7891ea6444a16930"
KEPT_VERDICT = "sha256:66cf39929e99e2188248701ef94b970829125ffbf36714f7a980c63cded81ba9"


def number(
    value: float,
    *,
    name: str = "roc_auc",
    rows: str = "e1f0",
    contexts: tuple[str, ...] = ("evaluation",),
) -> Measured:
    return Measured(name, value, "lending-holdout", rows, contexts)


def stands(number_: int, *metrics: Measured) -> Standing:
    return Standing(f"ver_{number_}", number_, "0" * 32, "2026-11-01T00:00:00.000000Z", metrics)


GOOD = Snapshot(
    model_id="mdl_1",
    alias="champion",
    task="binary classification",
    owner_id="per_alice",
    candidate=stands(2, number(0.82)),
    champion=stands(1, number(0.80)),
    champion_is_live=True,
    description_digest="sha256:1",
    authors=("per_alice",),
    manifest_digest="sha256:2",
    manifest_files=2,
    manifest_at="2026-11-20T09:12:00.000000Z",
)


def ask(gate: str, snapshot: Snapshot, policy: Policy = POLICY) -> GateResult:
    return next(result for result in evaluate(policy, snapshot, NOW) if result.id == gate)


def with_margin(margin: float) -> Policy:
    gates = [
        gate.model_copy(update={"margin": margin}) if isinstance(gate, PerformanceGate) else gate
        for gate in POLICY.gates
    ]
    return POLICY.model_copy(update={"gates": gates})


@pytest.mark.parametrize(
    ("known", "changes", "answer", "observed"),
    [
        (True, (), Answer.PASS, "compatible"),
        (True, ("input income: gone", "output: text"), Answer.FAIL, "2 changes"),
        (False, ("input income: gone",), Answer.MISSING, "not known"),
        (False, (), Answer.MISSING, "not known"),
    ],
)
def test_a_signature_that_breaks_a_caller_stops_a_release_and_names_what_breaks(
    *, known: bool, changes: tuple[str, ...], answer: Answer, observed: str
) -> None:
    gate = SignatureGate(
        id="signature", kind="signature_compatible", title="Signature", asks="Compatible"
    )
    policy = POLICY.model_copy(update={"gates": [gate]})
    snapshot = replace(GOOD, signature_is_known=known, signature_changes=changes)
    found = ask("signature", snapshot, policy)
    assert (found.answer, found.observed, found.is_verified) == (answer, observed, known)
    assert ("input income: gone" in found.reason) == (answer is Answer.FAIL)


def test_a_version_with_everything_in_order_passes_every_gate() -> None:
    results = evaluate(POLICY, GOOD, NOW)
    assert [result.answer for result in results] == [Answer.PASS] * len(POLICY.gates)
    assert all_pass(results)


def test_no_gates_at_all_is_no_pass() -> None:
    assert not all_pass(())


@pytest.mark.parametrize(
    ("gate", "lacks", "answer", "reason"),
    [
        ("owner", {"owner_id": ""}, Answer.MISSING, "Nobody answers for this model"),
        ("description", {"description_digest": ""}, Answer.FAIL, "has no description"),
        ("author", {"authors": ()}, Answer.MISSING, "Nobody is known to have built"),
        ("artifacts", {"manifest_digest": ""}, Answer.MISSING, "has not read the version's files"),
        ("performance", {"task": ""}, Answer.MISSING, "Nobody has said what this model predicts"),
        ("performance", {"task": "ranking"}, Answer.MISSING, "no metric decides"),
        (
            "performance",
            {"candidate": stands(2, number(0.79))},
            Answer.FAIL,
            "AUC is 0.79, worse than the 0.8 of v1 on lending-holdout",
        ),
        (
            "performance",
            {"candidate": stands(2)},
            Answer.MISSING,
            "is not on record",
        ),
        (
            "performance",
            {"candidate": stands(2, number(0.99, rows="9c2b"))},
            Answer.MISSING,
            "was measured on other rows",
        ),
        (
            "performance",
            {"candidate": stands(2, number(0.99, contexts=("training",)))},
            Answer.MISSING,
            "cannot be compared",
        ),
        (
            "performance",
            {"candidate": stands(2, number(0.99, rows=""))},
            Answer.MISSING,
            "cannot be compared",
        ),
        (
            "performance",
            {"candidate": stands(2, number(0.99, name="accuracy"))},
            Answer.MISSING,
            "cannot be compared",
        ),
    ],
)
def test_a_gate_that_does_not_pass_says_why(
    gate: str, lacks: Mapping[str, object], answer: Answer, reason: str
) -> None:
    snapshot = replace(GOOD, **lacks)  # type: ignore[arg-type]
    result = ask(gate, snapshot)
    assert result.answer is answer
    assert reason in result.reason
    others = [one for one in evaluate(POLICY, snapshot, NOW) if one.id != gate]
    assert all_pass(tuple(others))
    assert not all_pass(evaluate(POLICY, snapshot, NOW))


def test_equally_good_is_not_worse() -> None:
    same = replace(GOOD, candidate=stands(2, number(0.80)))
    assert ask("performance", same).answer is Answer.PASS


def test_nothing_live_yet_passes_and_says_so() -> None:
    result = ask("performance", replace(GOOD, champion=None))
    assert result.answer is Answer.PASS
    assert "Nothing is live as champion yet" in result.reason
    assert result.required == "no champion yet"


def test_with_nothing_live_a_version_that_nobody_measured_is_missing_its_number() -> None:
    unmeasured = replace(GOOD, champion=None, candidate=stands(2, number(0.9, rows="")))
    result = ask("performance", unmeasured)
    assert (result.answer, result.observed) == (Answer.MISSING, "not measured")
    assert "no run measured AUC of v2 on a data set used as evaluation" in result.reason


OLD_POLICY = POLICY.model_copy(
    update={
        "gates": [
            ScanGate(id="scan", kind="scan_clean", title="Scan", asks="Clean"),
            DataGate(id="data", kind="data_sound", title="Data", asks="Sound"),
            FairnessGate(
                id="fair", kind="fairness", title="Fair", asks="Alike", by="sex", at_least=0.8
            ),
            AttestationGate(
                id="asked", kind="attested", title="Asked", asks="Yes", question="In use."
            ),
            PerformanceGate(
                id="performance",
                kind="metric_not_worse_than_champion",
                title="Performance",
                asks="Not worse",
                margin=0,
            ),
        ]
    }
)


def piece(kind: str, name: str, minute: int, **says: object) -> Piece:
    at = f"2026-11-20T09:{minute:02}:00.000000Z"
    return Piece(kind, name, f"sha256:{name}", "CI", False, at, "", says)


def test_what_an_older_edition_answered_is_answered_the_same_byte_for_byte() -> None:
    people = [
        {"group": "f", "rows": 90, "value": 0.95},
        {"group": "m", "rows": 90, "value": 5000.0},
        {"group": "x", "rows": 3, "value": 0.1},
    ]
    now = replace(
        GOOD,
        champion=None,
        candidate=stands(2),
        pieces=(
            piece("attestation", "In use.", 1, answer=True, by="per_bob", roles=[]),
            piece("data-check", "other", 1, dataset="other", sound=True, detail=""),
            piece("fairness", "impact ratio by sex", 1, groups=people),
            piece("scan", "modelscan", 1, findings=7),
            piece("scan", "my-own-scan", 2, findings=0),
        ),
    )
    body = json.loads(now.body)
    del body["edition"]
    then = Snapshot.from_body(canonical(body))
    assert "edition" not in then.body
    assert then.digest == digest_of(body) == KEPT_DIGEST
    assert verdict_digest(evaluate(OLD_POLICY, then, NOW)) == KEPT_VERDICT
    assert all_pass(evaluate(OLD_POLICY, then, NOW))
    answers = [one.answer for one in evaluate(OLD_POLICY, now, NOW)]
    assert answers == [Answer.FAIL, Answer.MISSING, Answer.FAIL, Answer.PASS, Answer.MISSING]


@pytest.mark.parametrize(
    ("mine", "theirs", "answer"),
    [(3.1, 3.2, Answer.PASS), (3.2, 3.2, Answer.PASS), (3.3, 3.2, Answer.FAIL)],
)
def test_of_an_error_less_is_better(mine: float, theirs: float, answer: Answer) -> None:
    result = ask(
        "performance",
        replace(
            GOOD,
            task="regression",
            candidate=stands(2, number(mine, name="mae")),
            champion=stands(1, number(theirs, name="mean_absolute_error")),
        ),
    )
    assert result.answer is answer
    assert result.required == "≤ 3.2"


@pytest.mark.parametrize(("margin", "answer"), [(0.0, Answer.FAIL), (0.02, Answer.PASS)])
def test_a_margin_forgives_that_much_and_no_more(margin: float, answer: Answer) -> None:
    worse = replace(GOOD, candidate=stands(2, number(0.79)))
    assert ask("performance", worse, with_margin(margin)).answer is answer


def sure(margin: float, without: str = "compare") -> Policy:
    update = {"margin": margin, "confidence": 95, "without_interval": without}
    gates = [
        gate.model_copy(update=update) if isinstance(gate, PerformanceGate) else gate
        for gate in POLICY.gates
    ]
    return POLICY.model_copy(update={"gates": gates})


def apart(low: float | None, high: float | None, *, rows: str = "e1f0") -> Apart:
    return Apart(rows, low, high, "paired, DeLong, 400 rows that both runs kept")


@pytest.mark.parametrize(
    ("low", "margin", "answer"),
    [
        (-0.03, 0.02, Answer.FAIL),  # better, and yet it may be worse by more than the margin
        (-0.02, 0.02, Answer.PASS),
        (-0.01, 0.02, Answer.PASS),
        (-0.01, 0.0, Answer.FAIL),
        (0.0, 0.0, Answer.PASS),
    ],
)
def test_with_confidence_the_whole_interval_lies_above_the_margin(
    low: float, margin: float, answer: Answer
) -> None:
    snapshot = replace(GOOD, differences=(apart(low, 0.06),))
    result = ask("performance", snapshot, sure(margin))
    assert result.answer is answer
    assert f"between {low:+.3g} and +0.06 (95 %, paired, DeLong, 400 rows" in result.reason


def test_of_an_error_the_interval_is_turned_round() -> None:
    snapshot = replace(
        GOOD,
        task="regression",
        candidate=stands(2, number(3.1, name="mae")),
        champion=stands(1, number(3.2, name="mae")),
        differences=(apart(-0.25, 0.05),),
    )
    assert ask("performance", snapshot, sure(0.05)).answer is Answer.PASS
    failing = ask("performance", snapshot, sure(0.04))
    assert (failing.answer, failing.observed) == (Answer.FAIL, "3.1, better by -0.05 to +0.25")


def test_of_several_data_sets_the_one_that_is_least_sure_decides() -> None:
    mixed = replace(
        GOOD,
        candidate=stands(2, number(0.95), number(0.80, rows="9c2b")),
        champion=stands(1, number(0.80), number(0.75, rows="9c2b")),
        differences=(apart(-0.1, 0.4), apart(0.01, 0.09, rows="9c2b")),
    )
    result = ask("performance", mixed, sure(0.02))
    assert (result.answer, result.digest) == (Answer.FAIL, "e1f0")


@pytest.mark.parametrize("known", [(), (apart(None, None),)])
def test_without_an_interval_it_is_said_how_it_was_judged_or_missing_as_the_policy_says(
    known: tuple[Apart, ...],
) -> None:
    bare = replace(GOOD, differences=known)
    result = ask("performance", bare, sure(0.0))
    assert (result.answer, result.observed) == (Answer.PASS, "0.82, no interval")
    assert "judged by the numbers alone" in result.reason
    strict = ask("performance", bare, sure(0.0, "missing"))
    assert (strict.answer, strict.observed) == (Answer.MISSING, "no interval")
    worse = replace(bare, candidate=stands(2, number(0.79)))
    assert ask("performance", worse, sure(0.0)).answer is Answer.FAIL


def test_an_interval_is_kept_with_what_was_known() -> None:
    known = replace(GOOD, differences=(apart(-1.0, 0.5), apart(None, None, rows="9c2b")))
    again = Snapshot.from_body(known.body)
    assert (again, again.digest) == (known, known.digest)
    assert "differences" not in GOOD.body


def test_with_several_shared_data_sets_the_least_favourable_one_decides() -> None:
    mixed = replace(
        GOOD,
        candidate=stands(2, number(0.95), number(0.70, rows="9c2b")),
        champion=stands(1, number(0.80), number(0.75, rows="9c2b")),
    )
    result = ask("performance", mixed)
    assert result.answer is Answer.FAIL
    assert result.digest == "9c2b"


def test_a_number_that_is_none_never_passes() -> None:
    lost = replace(GOOD, candidate=stands(2, number(math.nan)))
    assert ask("performance", lost).answer is not Answer.PASS


def test_every_answer_names_what_was_required_what_was_seen_and_who_produced_it() -> None:
    for result in evaluate(POLICY, GOOD, NOW):
        assert result.required
        assert result.observed
        assert result.produced_by
        assert result.reason.endswith(".")


measured = st.builds(
    Measured,
    name=st.sampled_from(["auc", "roc_auc", "accuracy", "mae"]),
    value=st.floats(-1e6, 1e6),
    dataset=st.text(max_size=8),
    dataset_digest=st.sampled_from(["", "e1f0", "9c2b"]),
    contexts=st.lists(st.sampled_from(["training", "evaluation"]), unique=True).map(
        lambda found: tuple(sorted(found))
    ),
)
standings = st.builds(
    Standing,
    version_id=st.text(max_size=8),
    number=st.integers(1, 999),
    run_id=st.text(max_size=8),
    measured_at=st.text(max_size=8),
    metrics=st.lists(measured, max_size=4).map(tuple),
)
snapshots = st.builds(
    Snapshot,
    model_id=st.text(max_size=8),
    alias=st.sampled_from(["champion", "shadow"]),
    task=st.sampled_from(["", "binary classification", "regression"]),
    owner_id=st.text(max_size=8),
    candidate=standings,
    champion=st.none() | standings,
    champion_is_live=st.booleans(),
    description_digest=st.text(max_size=8),
    authors=st.lists(st.text(max_size=8), max_size=2).map(tuple),
    manifest_digest=st.text(max_size=8),
    manifest_files=st.integers(0, 9),
    manifest_at=st.text(max_size=8),
)


@given(snapshots)
def test_a_kept_snapshot_read_again_gives_the_same_digest_and_the_same_answers(
    snapshot: Snapshot,
) -> None:
    again = Snapshot.from_body(snapshot.body)
    assert again == snapshot
    assert again.digest == snapshot.digest
    kept_policy = Policy.model_validate_json(canonical(POLICY.model_dump(mode="json")))
    assert evaluate(kept_policy, again, NOW) == evaluate(POLICY, snapshot, NOW)


def test_without_its_alias_the_version_that_was_live_last_is_still_the_measure() -> None:
    worse = replace(GOOD, candidate=stands(2, number(0.79)), champion_is_live=False)
    result = ask("performance", worse)
    assert result.answer is Answer.FAIL
    assert "v1, live last," in result.reason
    assert worse.replaces is None
    assert GOOD.replaces == 1


# -- from what MLflow says to what the gates see ---------------------------------------------------


def performance(house: House, number_: int = 2) -> GateResult:
    preview = house.portal.requests.preview(house.version(number_).id, "champion", by=house.alice)
    return next(result for result in preview.gates if result.id == "performance")


@pytest.mark.parametrize(
    ("metrics", "answer"),
    [
        ([auc(0.82)], Answer.PASS),
        ([auc(0.10)], Answer.FAIL),
        ([auc(math.nan)], Answer.MISSING),
        ([SeenMetric("roc_auc", 0.99, "", "")], Answer.MISSING),
        ([auc(0.99, OTHER_ROWS)], Answer.MISSING),
        ([], Answer.MISSING),
    ],
)
def test_the_gate_reads_what_the_run_measured_on_named_rows(
    house: House, metrics: list[SeenMetric], answer: Answer
) -> None:
    house.credit(aucs=(0.80,))
    house.mlflow.log("credit-pd", metrics=metrics)
    house.mirror()
    assert performance(house).answer is answer


def test_before_a_request_the_files_are_missing_and_afterwards_on_record(
    small_house: House,
) -> None:
    small_house.credit()
    preview = small_house.portal.requests.preview(
        small_house.version(2).id, "champion", by=small_house.alice
    )
    assert [r.id for r in preview.gates if r.answer is Answer.MISSING] == ["artifacts"]
    sheet = small_house.portal.requests.sheet(small_house.asked().id, by=small_house.bob)
    assert all_pass(sheet.gates)
    assert next(r for r in sheet.gates if r.id == "artifacts").observed == "2 files"


def test_an_alias_taken_away_in_mlflow_makes_no_worse_version_the_first_one(
    small_house: House,
) -> None:
    small_house.credit(aucs=(0.80, 0.90, 0.70))
    small_house.approved(2)
    small_house.deliver()
    small_house.mlflow.unset("credit-pd", "champion")
    small_house.mirror()
    assert performance(small_house, 3).answer is Answer.FAIL


def keep(house: House, number_: int, rows: KeptRows) -> None:
    """The rows that a version's run kept, as a profile holds them."""
    row = VersionProfileRow(
        version_id=house.version(number_).id,
        state="Done",
        requested_by="per_x",
        requested_at=house.clock.now(),
        body=Profile(kept=rows).as_text(),
        digest=f"sha256:{number_}",
    )
    with house.portal.store.write() as session:
        session.merge(row)


def test_the_rows_that_both_runs_kept_give_the_interval_that_a_policy_asks_for(
    house: House,
) -> None:
    live, new = classified(1), classified(2, noise=0.02)
    house.credit(aucs=tuple(alone(rows)["auc"].value for rows in (live, new)))
    text = pack_text("baseline").replace("\nversion: 1\n", "\nversion: 2\n")
    text = text.replace("margin: 0.0", "margin: 0.05\n    confidence: 95")
    house.portal.policies.publish(text, WHY, by=house.grace)
    request = house.asked(2)
    assert "the run kept neither its rows nor its four counts" in performance(house).reason
    keep(house, 1, live)
    keep(house, 2, new)
    known = performance(house)
    assert known.answer is Answer.PASS
    assert "(95 %, paired, DeLong, 300 rows that both runs kept)" in known.reason
    # Who reads the request is told that more is known of it than it was sent with.
    assert house.portal.requests.sheet(request.id, by=house.bob).changed_since
