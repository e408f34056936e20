"""What the reviewer's screen says of a gate."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.panels import ways
from app.panels.release_asked import affected_words, before_after, statements
from app.panels.release_assurance import worst_of_files
from app.panels.release_decision import outcome, standing
from app.panels.release_dossier import Dossier, read
from app.panels.release_people import standing as candidate_words
from app.panels.release_sheet import gate_row
from app.panels.release_signing import still_missing
from app.panels.release_since import happened, sent_back_words, since_words
from app.ui import words
from app.worker import PROFILER
from catalog.lineage.difference import Number
from catalog.lineage.intervals import Interval
from catalog.lineage.measured import Measured
from catalog.releases.decisions.conditions import Condition
from catalog.releases.gates.asking import Answer, GateResult
from catalog.releases.policies.reading import pack_text
from catalog.releases.states import Verb
from tests.cast import WHY, House
from tests.catalog.releases.test_conditions import BASELINE, DUE, SCANNED, WATCH, conditionally
from tests.catalog.releases.test_rechecks import findings, later, scanned

NOW = datetime(2026, 11, 20, 9, 12, tzinfo=UTC)


def result(answer: Answer) -> GateResult:
    return GateResult(
        id="performance",
        title="Performance",
        asks="Not worse than the live version",
        answer=answer,
        required="\N{GREATER-THAN OR EQUAL TO} 0.98",
        observed="0.96",
        reason="AUC is 0.96, worse than the 0.98 of v3.",
        evidence="Run 36012182",
        digest="sha256:0123456789abcdef",
        produced_by="Training run",
        is_verified=False,
        at="2026-11-17T09:12:00.000000Z",
    )


def test_a_gate_that_stands_in_the_way_says_why_in_its_row() -> None:
    row = gate_row(result(Answer.FAIL), NOW)
    assert (row.verdict, row.asks) == ("fail", "AUC is 0.96, worse than the 0.98 of v3.")
    assert row.age == "3 d"


def test_a_gate_that_passes_stays_quiet() -> None:
    assert gate_row(result(Answer.PASS), NOW).asks == "Not worse than the live version"


def test_the_evidence_opens_to_its_rule_answer_digest_and_date() -> None:
    evidence = gate_row(result(Answer.PASS), NOW).evidence
    assert evidence is not None
    assert [name for name, _ in evidence.rules] == ["Asks", "Answer", "Digest", "Measured"]


@pytest.mark.parametrize("evidence", ["", "Catalog"])
def test_where_nothing_is_on_record_nobody_is_said_to_have_reported_it(evidence: str) -> None:
    gone = replace(result(Answer.MISSING), evidence=evidence, digest="", at="")
    row = gate_row(gone, NOW)
    assert (row.evidence, row.instead) == (None, "Nothing on record")
    assert (row.produced_by, row.verified) == ("", None)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("roc_auc", "AUC"),
        ("accuracy", "Accuracy"),
        ("brier_score_loss", "Brier score"),
        ("log_loss", "Log loss"),
        ("gini", "Gini"),
    ],
)
def test_a_metric_that_no_policy_names_is_written_as_a_label(name: str, said: str) -> None:
    assert words.metric(name) == said


def test_two_metrics_that_would_read_alike_keep_the_names_they_were_given() -> None:
    assert words.metrics(["auc", "mae"]) == {"auc": "AUC", "mae": "Mean absolute error"}
    assert words.metrics(["auc", "roc_auc"]) == {"auc": "auc", "roc_auc": "roc_auc"}


def test_a_run_is_opened_in_mlflows_own_screens_and_no_password_goes_along(
    small_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small_house.credit()
    settings = replace(small_house.portal.settings, mlflow_uri="http://bob:secret@mlflow:5000/")
    here = replace(small_house.portal, settings=settings)
    monkeypatch.setattr(ways, "portal", lambda: here)
    assert ways.run_in_mlflow(model, "a1b2") == "http://mlflow:5000/#/runs/a1b2"
    elsewhere = replace(model, server="nobody-knows")
    assert ways.run_in_mlflow(elsewhere, "a1b2") == ""


def test_nobody_is_affected_where_nothing_was_called() -> None:
    assert affected_words(None) == "No application has reported calls in the last 30 days"


def measured(low: float, high: float) -> Measured:
    number = Number("auc", "loans", "e22a", 0.763, 0.767, "higher")
    return Measured(number, None, None, Interval(0.004, low, high, "DeLong", 2_400), "paired")


@pytest.mark.parametrize(
    ("low", "high", "said"), [(0.001, 0.007, "better"), (-0.007, 0.015, "within noise")]
)
def test_a_number_is_called_better_only_beyond_its_noise(
    low: float, high: float, said: str
) -> None:
    drawn = before_after(measured(low, high))
    assert f">{said}</span>" in drawn
    assert ("cs-t-pass" in drawn) == (said == "better")


def test_the_rows_of_both_versions_are_read_before_anybody_opens_the_screen(
    small_house: House,
) -> None:
    house = small_house
    house.credit()
    request = house.asked()
    (asked,) = house.records("profile:request")
    assert asked.actor == PROFILER.id
    found = read(house.portal, request.id, by=house.bob)
    assert found is not None
    assert found.unread == frozenset()
    assert [one.number.name for one in found.judged] == ["roc_auc"]


def test_where_they_were_not_read_whoever_opens_the_screen_has_them_read(
    small_house: House,
) -> None:
    house = small_house
    house.credit()
    request = house.asked()
    with house.portal.store.write() as session:
        session.connection().exec_driver_sql("DELETE FROM version_profile")
    for unread in ({house.version(1).id, house.version(2).id}, set()):
        found = read(house.portal, request.id, by=house.bob)
        assert found is not None
        assert found.unread == unread
    assert [one.actor for one in house.records("profile:request")] == [PROFILER.id, house.bob.id]


def gathered(house: House) -> Dossier:
    (request,) = house.portal.requests.listing(by=house.bob)
    dossier = read(house.portal, request.id, by=house.bob)
    assert dossier is not None
    return dossier


def test_the_first_reason_stays_and_what_was_said_since_stands_below_it_with_its_date(
    small_house: House,
) -> None:
    house, desk = small_house, small_house.portal.requests
    house.credit()
    request = house.asked()
    for said in ("Described.", "Now really."):
        house.clock.advance(timedelta(hours=1))
        house.portal.decisions.decide(
            request.id, Verb.REQUEST_CHANGES, "Describe it.", by=house.bob
        )
        if said == "Now really.":
            house.mlflow.describe_version("credit-pd", 2, "What is new, at last.")
            house.mirror()
        desk.resubmit(request.id, said, by=house.alice)
        house.work()
    assert statements(gathered(house)) == [
        (WHY, "Alice Norrland asked for it, 20 Nov 2026, 09:12 UTC"),
        ("Describe it.", "Bob Norrland asked for changes, 20 Nov 2026, 10:12 UTC"),
        (
            "Described.",
            "Alice Norrland sent it again, with nothing changed since, 20 Nov 2026, 10:12 UTC",
        ),
        ("Describe it.", "Bob Norrland asked for changes, 20 Nov 2026, 11:12 UTC"),
        ("Now really.", "Alice Norrland sent it again, 20 Nov 2026, 11:12 UTC"),
    ]


def test_while_changes_are_asked_for_whoever_decides_later_is_not_told_that_they_may_not(
    small_house: House,
) -> None:
    house = small_house
    house.credit()
    request = house.asked()
    house.portal.decisions.decide(request.id, Verb.REQUEST_CHANGES, "Describe it.", by=house.bob)
    said = {one.person_id: candidate_words(one) for one in gathered(house).outlook.people}
    assert "May decide once it is sent again" in said[house.bob.id]
    house.portal.requests.resubmit(request.id, "Described.", by=house.alice)
    house.work()
    said = {one.person_id: candidate_words(one) for one in gathered(house).outlook.people}
    assert said[house.bob.id].endswith("May decide</span>")


def test_what_changed_and_when_stays_on_the_page_until_somebody_decides(
    small_house: House,
) -> None:
    house = small_house
    house.credit()
    house.asked()
    house.clock.advance(timedelta(minutes=8))
    scanned(house, findings=7)
    house.work()
    text = pack_text("baseline").replace("\nversion: 1\n", "\nversion: 2\n")
    house.portal.policies.publish(text, WHY, by=house.grace)
    house.work()
    dossier = gathered(house)
    assert [(one.name, one.before) for one in dossier.sheet.changes] == [
        ("Policy", "baseline v1"),
        ("Evidence: scan modelscan", ""),
    ]
    policy_now, scan_now = (one.after for one in dossier.sheet.changes)
    assert policy_now == "baseline v2"
    assert scan_now.startswith("7 findings (self-reported by Alice Norrland, 2026-11-20 09:20")
    evidence, policy = (sent_back_words(one) for one in dossier.request.rounds)
    back = "Sent back to be read again on 20 Nov 2026, 09:20 UTC: "
    read_then = "since the request was read: scan modelscan."
    assert evidence == f"{back}the evidence changed {read_then}"
    told = "another policy is in force than when the request was read: "
    assert policy == f"{back}{told}baseline v1 then, baseline v2 now."
    assert since_words(dossier) == "since the request was read"


def test_what_happened_is_told_in_its_order_with_what_was_said_and_the_record(
    small_house: House,
) -> None:
    house = small_house
    house.credit()
    request = house.asked()
    scanned(house)
    house.work()
    house.portal.decisions.decide(request.id, Verb.APPROVE, "Read.", by=house.bob)
    told = happened(gathered(house))
    steps = (
        "Asked for, and bound",
        WHY,
        "Read: the files are on record",
        "Sent back to be read again",
        "the evidence changed since the request was read",
        "Read: the files are on record",
        "Approved",
        "Read.",
    )
    places = [0]
    for one in steps:
        places.append(told.index(one, places[-1] + 1))
    assert "Bob Norrland" in told
    assert "No. " in told


@pytest.mark.parametrize(
    ("findings", "said"), [(None, "Not scanned"), (0, "Verified"), (7, "7 findings")]
)
def test_files_are_called_verified_only_where_a_scan_of_them_found_nothing(
    small_house: House, findings: int | None, said: str
) -> None:
    house = small_house
    house.credit()
    if findings is not None:
        scanned(house, findings=findings)
    house.asked()
    drawn = worst_of_files(gathered(house), same=True)
    assert f">{said}<" in drawn
    assert ("cs-b-pass" in drawn) == (findings == 0)


def test_a_re_check_that_fails_is_not_told_as_a_condition(small_house: House) -> None:
    house, desk = small_house, small_house.portal.findings
    house.credit()
    house.portal.policies.publish(BASELINE.rstrip() + SCANNED, WHY, by=house.grace)
    scanned(house)
    request = conditionally(house, Condition(WATCH.asks, DUE + timedelta(days=90)))
    house.deliver()
    later(house, days=21)
    assert len(findings(house)) == 1

    def told() -> tuple[str, str]:
        dossier = read(house.portal, request.id, by=house.bob)
        assert dossier is not None
        return outcome(dossier), standing(dossier)

    on_conditions = "v2 was approved as champion on conditions until 25 Feb 2027; one that "
    assert told()[0].startswith(on_conditions)
    assert told()[1] == "1 condition to be met."
    desk.remedy("F-2026-0001", "It is in the card.", by=house.alice)
    desk.close("F-2026-0001", "I read it.", by=house.bob)
    house.work()
    assert told()[1] == "Every condition is met. The approval holds until somebody revokes it."


def test_a_plain_approval_of_which_a_re_check_fails_speaks_of_no_condition(
    small_house: House,
) -> None:
    house = small_house
    house.credit()
    house.portal.policies.publish(BASELINE.rstrip() + SCANNED, WHY, by=house.grace)
    scanned(house)
    request = house.approved()
    house.deliver()
    later(house, days=21)
    dossier = read(house.portal, request.id, by=house.bob)
    assert dossier is not None
    assert standing(dossier) == "The approval holds until somebody revokes it."


def test_all_that_has_to_be_written_before_signing_is_said_at_once() -> None:
    asked = [Condition(" ", DUE), WATCH, Condition("", DUE)]
    assert still_missing("", asked) == ["the reason", "condition 1", "condition 3"]
    assert still_missing(WHY, [WATCH]) == []
