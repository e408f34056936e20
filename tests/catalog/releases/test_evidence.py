"""Evidence from outside: typed, dated, self-reported, and answered to by gates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from auth.actors import EVERYTHING, Actor
from auth.permissions import Role
from catalog.releases.gates.asking import Answer, GateResult
from catalog.releases.policies.questions import AttestationGate, EvidenceGate, flat
from catalog.releases.policies.reading import NotAPolicy, pack_text, read
from catalog.releases.states import Verb
from ledger.errors import Conflict, CountersignError, Invalid, NotFound
from tests.cast import WHY, House
from tests.fakes import HOLDOUT

GATES = """
  - {id: check, kind: check_passed, title: Unit tests, asks: They pass, check: unit}
  - {id: scan, kind: scan_clean, title: Scan, asks: Nothing found, within_days: 30}
  - {id: slices, kind: metric_per_slice, title: Slices, asks: No group falls, metric: AUC,
     by: region, at_least: 0.7}
  - {id: fairness, kind: fairness, title: Fairness, asks: Alike, by: sex, at_least: 0.8}
  - {id: answer, kind: attested, title: Tried, asks: Somebody tried it, question: "Tried?"}
  - {id: checked, kind: attested, title: Validated, asks: By a validator, question: "Sound?",
     role: independent validator}
  - {id: apart, kind: attested, title: Apart, asks: By others, question: "Apart?",
     independent: true}
  - {id: audit, kind: evidence_present, title: Audit, asks: By a validator, evidence: document,
     role: independent validator, independent: true}
  - {id: data, kind: data_sound, title: Data, asks: Sound}
  - {id: same, kind: digest_unchanged, title: Files, asks: Nobody wrote over them}
  - {id: plan, kind: monitoring_plan, title: Plan, asks: Watched}
  - {id: paper, kind: evidence_present, title: Paper, asks: A report, evidence: document}
  - {id: card, kind: card_complete, title: Card, asks: Filled in, at_least: 50}
  - {id: classified, kind: classified, title: Class, asks: Named}
  - {id: naming, kind: naming_follows, title: Name, asks: Follows}
  - {id: signature, kind: signature_compatible, title: Signature, asks: Compatible}
  - {id: bound, kind: metric_threshold, title: Bound, asks: Good, names: [roc_auc, auc],
     label: AUC, at_least: 0.5, at_most: 1.0}
  - id: either
    kind: any_of
    title: Either
    asks: One of two
    gates:
      - {id: e1, kind: check_passed, title: A, asks: a, check: a}
      - {id: e2, kind: check_passed, title: B, asks: b, check: b}
  - id: both
    kind: all_of
    title: Both
    asks: Two
    gates:
      - {id: b1, kind: check_passed, title: C, asks: c, check: a}
      - {id: b2, kind: check_passed, title: D, asks: d, check: b}
"""


@pytest.fixture
def asking(house: House) -> House:
    """A policy that asks everything, on a model with two versions."""
    house.credit()
    text = pack_text("baseline").replace("\nversion: 1\n", "\nversion: 2\n").rstrip() + GATES
    house.portal.policies.publish(text, WHY, by=house.grace)
    return house


def answered(house: House, gate: str) -> GateResult:
    gates = house.portal.requests.preview(house.version(2).id, "champion", by=house.alice).gates
    return next(one for one in gates if one.id == gate)


def attach(house: House, kind: str, says: Mapping[str, Any], days: int | None = None) -> str:
    made = house.portal.evidence.attach(
        house.version(2).id, kind, says, producer="CI", days=days, by=house.alice
    )
    return made.id


def groups(*values: tuple[str, int, float]) -> list[dict[str, object]]:
    return [{"group": name, "rows": rows, "value": value} for name, rows, value in values]


@pytest.mark.parametrize(
    ("gate", "kind", "good", "bad", "told"),
    [
        ("check", "check", {"check": "unit", "passed": True},
         {"check": "unit", "passed": False}, "failed"),
        ("scan", "scan", {"tool": "picklescan", "findings": 0},
         {"tool": "picklescan", "findings": 2}, "2 findings"),
        ("slices", "slices",
         {"metric": "AUC", "by": "region", "groups": groups(("north", 90, 0.8), ("sea", 3, 0.1))},
         {"metric": "AUC", "by": "region", "groups": groups(("n", 90, 0.8), ("south", 40, 0.6))},
         "below 0.7 for south"),
        ("fairness", "fairness", {"by": "sex", "groups": groups(("f", 500, 0.91), ("m", 500, 1.0))},
         {"by": "sex", "groups": groups(("f", 500, 0.62), ("m", 500, 1.0))}, "below 0.8 for f"),
        ("answer", "attestation", {"question": "Tried?", "answer": True, "statement": "I did."},
         {"question": "Tried?", "answer": False, "statement": "I did not."}, "no"),
        ("data", "data-check", {"dataset": "lending-train", "sound": True},
         {"dataset": "lending-train", "sound": False}, "lending-train is not sound"),
    ],
)  # fmt: skip
def test_a_gate_is_missing_then_passes_then_fails_with_what_is_attached(
    asking: House, gate: str, kind: str, good: dict[str, Any], bad: dict[str, Any], told: str
) -> None:
    assert answered(asking, gate).answer is Answer.MISSING
    attach(asking, kind, good)
    passing = answered(asking, gate)
    assert (passing.answer, passing.is_verified, passing.produced_by) == (Answer.PASS, False, "CI")
    asking.clock.advance(timedelta(minutes=1))
    attach(asking, kind, bad)
    failing = answered(asking, gate)
    assert failing.answer is Answer.FAIL
    assert told in failing.reason


def test_an_answer_counts_only_from_the_role_that_is_asked_and_not_from_who_built_it(
    asking: House,
) -> None:
    vera = asking.join("vera", Role.INDEPENDENT_VALIDATOR, EVERYTHING)
    says = {"question": "Sound?", "answer": True, "statement": "It is."}
    version = asking.version(2).id
    asking.portal.evidence.attach(version, "attestation", says, by=asking.alice)
    assert "no independent validator" in answered(asking, "checked").reason
    asking.clock.advance(timedelta(minutes=1))
    asking.portal.evidence.attach(version, "attestation", says, by=vera)
    assert answered(asking, "checked").answer is Answer.PASS
    asking.portal.grants.give(vera.id, Role.MODEL_DEVELOPER, EVERYTHING, by=asking.grace)
    asking.portal.authorship.claim(version, by=asking.who("vera"))
    assert "who built the version" in answered(asking, "checked").reason


def test_an_independent_answer_is_that_of_somebody_who_neither_asks_nor_built(
    asking: House,
) -> None:
    says = {"question": "Apart?", "answer": True, "statement": "It is."}

    def told(by: Actor, asks: Actor) -> str:
        asking.clock.advance(timedelta(minutes=1))
        version = asking.version(2).id
        asking.portal.evidence.attach(version, "attestation", says, by=by)
        gates = asking.portal.requests.preview(version, "champion", by=asks).gates
        return next(one for one in gates if one.id == "apart").observed

    ines = asking.join("ines", Role.MODEL_DEVELOPER, EVERYTHING)
    assert told(asking.alice, ines) == "answered by who built the version"
    assert told(ines, ines) == "answered by who asks for the release"
    assert told(ines, asking.alice) == "yes"
    # Whom only the run names cannot say that it was somebody else.
    server, user = asking.model().server, "ada"
    asking.portal.authorship.map_user(server, user, ines.id, by=asking.grace)
    assert told(ines, asking.alice) == "answered by who built the version"


def test_a_document_counts_from_the_role_that_is_asked_and_not_from_who_built_it(
    asking: House,
) -> None:
    vera = asking.join("vera", Role.INDEPENDENT_VALIDATOR, EVERYTHING)
    version = asking.version(2).id

    def told(by: Actor) -> GateResult:
        asking.clock.advance(timedelta(minutes=1))
        asking.portal.evidence.attach_document(version, "audit.txt", b"All is well.", by=by)
        return answered(asking, "audit")

    assert told(asking.alice).observed == "attached by somebody who was no independent validator"
    assert told(vera).answer is Answer.PASS
    assert told(vera).required == "document, from the independent validator, independent"
    asking.portal.grants.give(vera.id, Role.MODEL_DEVELOPER, EVERYTHING, by=asking.grace)
    asking.portal.authorship.claim(version, by=asking.who("vera"))
    assert answered(asking, "audit").observed == "attached by who built the version"


def test_only_what_says_who_gave_it_can_be_asked_of_a_role() -> None:
    gate = (
        "  - {id: x, kind: evidence_present, title: X, asks: x, evidence: scan, role: approver}\n"
    )
    with pytest.raises(NotAPolicy, match="Of a scan nobody knows in which role"):
        read(pack_text("baseline").rstrip() + "\n" + gate)


@pytest.mark.parametrize("name", ["eu-ai-act-high-risk", "internal-tool", "sr-26-2", "nyc-ll144"])
def test_what_a_shipped_policy_asks_of_people_nobody_answers_for_their_own_work(name: str) -> None:
    asked = [
        gate
        for gate in flat(list(read(pack_text(name)).gates))
        if isinstance(gate, AttestationGate)
        or (isinstance(gate, EvidenceGate) and gate.evidence == "document")
    ]
    assert asked
    assert all(gate.independent for gate in asked)


@pytest.mark.parametrize(
    ("gate", "kind", "says"),
    [
        ("scan", "scan", {"tool": "picklescan", "findings": 0}),
        ("check", "check", {"check": "unit", "passed": True}),
        ("fairness", "fairness", {"by": "sex", "groups": groups(("f", 50, 1.0), ("m", 50, 1.0))}),
    ],
)
def test_evidence_of_other_files_than_the_version_has_is_missing(
    asking: House, gate: str, kind: str, says: dict[str, Any]
) -> None:
    version = asking.version(2).id
    attach(asking, kind, says)  # before anybody read the files: they are the first that are read
    asking.asked(2, "shadow")
    assert answered(asking, gate).answer is Answer.PASS
    asking.mlflow.write_file(asking.mlflow.version("credit-pd", 2), "model.skops", "other weights")
    asking.asked(2, "challenger")
    other = answered(asking, gate)
    assert (other.answer, other.observed) == (Answer.MISSING, "of other files")
    assert "than the version has now" in other.reason
    asking.clock.advance(timedelta(minutes=1))
    attach(asking, kind, says)
    assert answered(asking, gate).answer is Answer.PASS
    asking.clock.advance(timedelta(minutes=1))
    asking.portal.evidence.attach(version, kind, says, files=f"sha256:{'0' * 64}", by=asking.alice)
    assert answered(asking, gate).observed == "of other files"


def test_files_that_were_written_over_fail_the_gate_of_their_digest(asking: House) -> None:
    assert answered(asking, "same").observed == "none yet"
    asking.asked(2, "shadow")
    first = answered(asking, "same")
    assert (first.answer, first.is_verified) == (Answer.PASS, True)
    asking.mlflow.write_file(asking.mlflow.version("credit-pd", 2), "model.skops", "other weights")
    asking.asked(2, "challenger")
    over = answered(asking, "same")
    assert over.answer is Answer.FAIL
    assert first.observed in over.reason
    assert "somebody wrote over the version" in over.reason


def test_what_an_older_scan_found_in_other_files_says_nothing_of_these(asking: House) -> None:
    asking.asked(2, "shadow")
    found = {"tool": "modelscan", "findings": 7}
    asking.portal.evidence.attach(
        asking.version(2).id, "scan", found, files=f"sha256:{'0' * 64}", by=asking.alice
    )
    attach(asking, "scan", {"tool": "picklescan", "findings": 0})
    assert answered(asking, "scan").answer is Answer.PASS


def test_a_digest_of_files_that_is_none_is_refused(small_house: House) -> None:
    small_house.credit()
    with pytest.raises(Invalid) as told:
        small_house.portal.evidence.attach(
            small_house.version(2).id,
            "check",
            {"check": "unit", "passed": True},
            files="latest",
            by=small_house.alice,
        )
    assert told.value.code == "bad-files"


@pytest.mark.parametrize("name", ["Countersign", "COUNTERSIGN "])
def test_nobody_reports_in_the_name_of_countersign(small_house: House, name: str) -> None:
    small_house.credit()
    says = {"check": "unit", "passed": True}
    with pytest.raises(Invalid) as told:
        small_house.portal.evidence.attach(
            small_house.version(2).id, "check", says, producer=name, by=small_house.alice
        )
    assert told.value.code == "bad-producer"


def test_nobody_says_as_what_they_answer(small_house: House) -> None:
    small_house.credit()
    says = {"question": "x", "answer": True, "statement": "y", "roles": ["approver"]}
    with pytest.raises(Invalid, match="wrong at roles"):
        attach(small_house, "attestation", says)


def test_what_one_tool_found_stands_until_that_tool_finds_nothing(asking: House) -> None:
    attach(asking, "scan", {"tool": "modelscan", "findings": 7})
    asking.clock.advance(timedelta(minutes=1))
    attach(asking, "scan", {"tool": "my-own-scan", "findings": 0})
    failing = answered(asking, "scan")
    assert (failing.answer, failing.observed) == (Answer.FAIL, "modelscan: 7 findings")
    assert "stands until that tool finds nothing" in failing.reason
    asking.clock.advance(timedelta(days=40))  # what was found grows old, and no better
    assert answered(asking, "scan").answer is Answer.FAIL
    attach(asking, "scan", {"tool": "modelscan", "findings": 0})
    assert answered(asking, "scan").answer is Answer.PASS


def test_a_policy_names_the_tools_whose_scans_it_takes(house: House) -> None:
    house.credit()
    gate = "  - {id: scan, kind: scan_clean, title: S, asks: s, tools: [modelscan, picklescan]}\n"
    text = pack_text("baseline").replace("\nversion: 1\n", "\nversion: 2\n").rstrip() + "\n" + gate
    house.portal.policies.publish(text, WHY, by=house.grace)
    attach(house, "scan", {"tool": "my-own-scan", "findings": 0})
    other = answered(house, "scan")
    assert other.answer is Answer.MISSING
    assert "a scan of the files by modelscan or picklescan" in other.reason
    attach(house, "scan", {"tool": "PickleScan", "findings": 0})
    assert answered(house, "scan").answer is Answer.PASS


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ({"dataset": "some-other-dataset", "sound": True},
         "check of some-other-dataset (no digest), which is other data"),
        ({"dataset": "lending-train", "digest": "0000", "sound": True},
         "check of lending-train (0000), which is other data"),
        ({"dataset": "lending-holdout", "sound": True}, "check of lending-holdout (e1f0)"),
    ],
)  # fmt: skip
def test_a_check_of_other_data_says_nothing_of_what_a_version_was_trained_on(
    asking: House, says: dict[str, Any], told: str
) -> None:
    attach(asking, "data-check", says)
    missing = answered(asking, "data")
    assert (missing.answer, missing.observed) == (Answer.MISSING, "other data")
    assert "v2 was trained on lending-train (7a31); there is no check of it" in missing.reason
    assert told in missing.reason
    attach(asking, "data-check", {"dataset": "lending-train", "sound": True})
    assert answered(asking, "data").answer is Answer.PASS


def test_a_version_whose_run_names_no_training_data_has_no_sound_data(house: House) -> None:
    house.credit(aucs=(0.8,))
    house.mlflow.log("credit-pd", datasets=(HOLDOUT,))
    house.mirror()
    text = pack_text("baseline").replace("\nversion: 1\n", "\nversion: 2\n").rstrip() + GATES
    house.portal.policies.publish(text, WHY, by=house.grace)
    attach(house, "data-check", {"dataset": "lending-holdout", "sound": True})
    assert "names no data set that it was trained on" in answered(house, "data").reason


def test_an_impact_ratio_is_that_of_the_least_to_the_most_favoured_group(asking: House) -> None:
    rates = {"by": "sex", "groups": groups(("f", 500, 0.30), ("m", 500, 0.40), ("x", 7, 0.9))}
    attach(asking, "fairness", rates)
    failing = answered(asking, "fairness")
    assert (failing.answer, failing.observed) == (Answer.FAIL, "0.75 (f); 1 not judged")
    asking.clock.advance(timedelta(minutes=1))
    attach(asking, "fairness", {**rates, "groups": groups(("f", 500, 0.36), ("m", 500, 0.40))})
    assert answered(asking, "fairness").observed == "0.9 (f)"


def test_a_group_that_is_too_small_is_told_where_the_others_pass(asking: House) -> None:
    attach(
        asking, "fairness", {"by": "sex", "groups": groups(("f", 90, 1), ("m", 90, 1), ("x", 7, 0))}
    )
    passing = answered(asking, "fairness")
    assert (passing.answer, passing.observed) == (Answer.PASS, "1 (f); 1 not judged")
    assert "1 group was not judged, having fewer than 30 rows: x (7)." in passing.reason


@pytest.mark.parametrize(
    ("values", "told"),
    [((("f", 90, 0.5), ("m", 5, 1.0)), "no other than f"),
     ((("f", 90, 0.0), ("m", 90, 0.0)), "no group is favoured")],
)  # fmt: skip
def test_one_group_alone_and_groups_that_get_nothing_cannot_be_compared(
    asking: House, values: tuple[tuple[str, int, float], ...], told: str
) -> None:
    attach(asking, "fairness", {"by": "sex", "groups": groups(*values)})
    missing = answered(asking, "fairness")
    assert missing.answer is Answer.MISSING
    assert told in missing.reason


def test_a_question_is_quoted_in_a_sentence_that_ends_once(asking: House) -> None:
    assert 'no record of an answer to "Tried?". Attach' in answered(asking, "answer").reason
    attach(asking, "attestation", {"question": "Tried?", "answer": True, "statement": "I did."})
    assert answered(asking, "answer").reason.startswith('CI put an answer to "Tried?" on record on')


def test_too_small_groups_are_judged_by_nobody(asking: House) -> None:
    attach(asking, "fairness", {"by": "sex", "groups": groups(("f", 5, 0.1), ("m", 6, 1.0))})
    assert answered(asking, "fairness").answer is Answer.MISSING


def test_gates_about_the_catalog_answer_from_it(asking: House) -> None:
    assert answered(asking, "card").answer is Answer.MISSING
    assert answered(asking, "classified").answer is Answer.MISSING
    assert answered(asking, "naming").answer is Answer.PASS
    assert answered(asking, "bound").answer is Answer.PASS


def test_one_of_several_is_enough_and_all_of_several_is_not(asking: House) -> None:
    attach(asking, "check", {"check": "a", "passed": True})
    assert answered(asking, "either").answer is Answer.PASS
    assert answered(asking, "both").answer is Answer.MISSING
    attach(asking, "check", {"check": "b", "passed": False})
    assert answered(asking, "either").answer is Answer.PASS
    both = answered(asking, "both")
    assert (both.answer, [one.answer for one in both.parts]) == (
        Answer.FAIL,
        [Answer.PASS, Answer.FAIL],
    )


def test_evidence_ages_and_expires(asking: House) -> None:
    attach(asking, "scan", {"tool": "picklescan", "findings": 0})
    attach(asking, "check", {"check": "unit", "passed": True}, days=10)
    asking.clock.advance(timedelta(days=11))
    assert answered(asking, "scan").answer is Answer.PASS
    assert answered(asking, "check").observed == "expired"
    asking.clock.advance(timedelta(days=20))
    assert answered(asking, "scan").observed == "31 days old"


def test_what_is_taken_back_stays_on_record_and_counts_no_more(asking: House) -> None:
    made = attach(asking, "check", {"check": "unit", "passed": True})
    with pytest.raises(CountersignError):
        asking.portal.evidence.withdraw(made, WHY, by=asking.carol)
    asking.portal.evidence.withdraw(made, WHY, by=asking.alice)
    assert answered(asking, "check").answer is Answer.MISSING
    (kept,) = asking.portal.evidence.of(asking.version(2).id, by=asking.erik)
    assert kept.withdrawn_at
    with pytest.raises(Conflict):
        asking.portal.evidence.withdraw(made, WHY, by=asking.alice)


@pytest.mark.parametrize(
    ("kind", "says", "told"),
    [
        ("horoscope", {}, "no evidence of the kind"),
        ("check", {"check": "unit", "passed": "yes"}, "wrong at passed"),
        ("check", {"check": "unit"}, "wrong at passed"),
        ("check", {"check": "unit", "passed": True, "x": 1}, "wrong at x"),
        ("scan", {"tool": "x", "findings": -1}, "wrong at findings"),
        ("slices", {"metric": "AUC", "by": "r", "groups": []}, "wrong at groups"),
        ("fairness", {"by": "sex", "groups": groups(("f", 500, 0.95), ("m", 500, 5000.0))},
         "wrong at groups: a rate, .* between 0 and 1, and m has 5000; 95 % is written 0.95"),
        ("fairness", {"by": "sex", "groups": groups(("f", 500, -0.1), ("m", 500, 1.0))},
         "f has -0.1"),
        ("fairness", {"by": "sex", "groups": groups(("f", 500, 0.1), ("f", 500, 1.0))}, "twice"),
        ("slices", {"metric": "AUC", "by": "r", "groups": groups(("a", 1, float("nan")))},
         "finite"),
        ("document", {"title": "x", "sha256": "abc", "media_type": "x", "size_bytes": 1},
         "wrong at sha256"),
    ],
)  # fmt: skip
def test_evidence_that_says_not_what_its_kind_asks_for_is_refused(
    small_house: House, kind: str, says: dict[str, Any], told: str
) -> None:
    small_house.credit()
    with pytest.raises(Invalid, match=told):
        attach(small_house, kind, says)
    assert small_house.records("evidence:attach") == []


def test_only_who_builds_validates_or_approves_attaches_and_only_people_attest(
    small_house: House,
) -> None:
    small_house.credit()
    version = small_house.version(2).id
    says = {"check": "unit", "passed": True}
    for name in ("carol", "erik", "grace"):
        with pytest.raises(CountersignError):
            small_house.portal.evidence.attach(version, "check", says, by=small_house.who(name))
    with pytest.raises(NotFound):
        small_house.portal.evidence.attach(version, "check", says, by=small_house.dave)
    for name in ("alice", "bob"):
        small_house.portal.evidence.attach(version, "check", says, by=small_house.who(name))


def test_new_evidence_sends_an_open_request_back_at_its_approval(house: House) -> None:
    house.credit()
    request = house.asked(2)
    attach(house, "check", {"check": "unit", "passed": False})
    assert house.portal.requests.sheet(request.id, by=house.bob).changed_since
    with pytest.raises(Conflict) as told:
        house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.bob)
    assert told.value.code == "changed-since-review"
