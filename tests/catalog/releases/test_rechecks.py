"""What is live is asked gates again, by the policy it was approved under, while it is live."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest

from app.loops import RELEASES
from app.worker import MIRROR
from auth.actors import Actor
from catalog.notifications.kinds import Kind as Notice
from catalog.notifications.kinds import Why
from catalog.releases.decisions.conditions import Condition
from catalog.releases.evidence.taking import latest_manifest
from catalog.releases.findings.finding import Finding, FindingState, Kind
from catalog.releases.findings.findings import Wanted
from catalog.releases.gates.asking import Answer
from catalog.releases.policies.reading import NotAPolicy, pack_text, read
from catalog.releases.states import Verb
from ledger.errors import Refused
from tests.api.test_release_story import client
from tests.cast import WHY, House
from tests.catalog.releases.test_reminders import heard

SECOND: Final = pack_text("baseline").replace("\nversion: 1\n", "\nversion: 2\n").rstrip()
GATES: Final = """
  - {id: scan, kind: scan_clean, title: Scan, asks: Nothing found, within_days: 20}
  - {id: closed, kind: findings_closed, title: No findings, asks: None open}
rechecks:
  - {gates: [scan, closed, artifacts], every_days: 10}
"""


def scanned(house: House, findings: int = 0, name: str = "credit-pd") -> None:
    says = {"tool": "modelscan", "findings": findings}
    house.portal.evidence.attach(house.version(2, name).id, "scan", says, by=house.alice)


def released(house: House, *names: str) -> None:
    """Version 2 of each is live, under a policy that has it asked again every ten days."""
    house.portal.policies.publish(SECOND + GATES, WHY, by=house.grace)
    for name in names or ("credit-pd",):
        house.credit(name=name)
        scanned(house, name=name)
        house.approved(name=name)
    house.deliver()


def later(house: House, **span: float) -> list[str]:
    """So much later the worker has looked; the requests that were asked again."""
    house.clock.advance(timedelta(**span))
    return house.portal.rechecks.run(by=RELEASES)


def manifests(house: House, version: str, body: str) -> str:
    """What is kept of a version's files says this from now on; returns what it said."""
    with house.portal.store.write() as session:
        row = latest_manifest(session, version)
        assert row is not None
        before, row.body = row.body, body
        session.add(row)
        return before


def findings(house: House) -> list[Finding]:
    return list(
        house.portal.findings.page(Wanted(kinds=frozenset({Kind.RECHECK})), by=house.erik).findings
    )


def test_what_is_live_is_asked_again_when_its_days_are_over_and_not_before(house: House) -> None:
    released(house)
    assert later(house, days=9) == []
    assert len(later(house, days=1)) == 1
    assert later(house, days=9) == []
    (record,) = house.records("release:recheck")
    assert {record.facts[f"gate-{one}"] for one in ("scan", "closed", "artifacts")} == {"pass"}
    assert findings(house) == []


def test_a_gate_that_does_not_pass_any_more_opens_one_finding_until_it_passes_again(
    house: House,
) -> None:
    released(house)
    later(house, days=10)
    later(house, days=11)  # the scan is 21 days old now
    (found,) = findings(house)
    assert (found.title, found.state, found.owner_id) == (
        "v2, live as champion, no longer passes Scan",
        FindingState.OPEN,
        house.alice.id,
    )
    later(house, days=10)
    assert [one.id for one in findings(house)] == [found.id]
    scanned(house)
    later(house, minutes=10)  # nobody waits ten days to see that it was put right
    (closed,) = findings(house)
    assert (closed.state, closed.closed_by) == (FindingState.CLOSED, RELEASES.id)
    assert closed.closed_why.startswith("Scan passes again.")
    assert later(house, minutes=10) == []
    scanned(house, findings=3)
    later(house, days=10)
    assert [one.state for one in findings(house)] == [FindingState.OPEN, FindingState.CLOSED]


def test_owner_and_approvers_are_told_and_nobody_else(small_house: House) -> None:
    house = small_house
    released(house)
    house.work()
    later(house, days=21)
    whys = {
        who.name.partition(" ")[0]: [one.notice.why for one in heard(house, who, Notice.FINDING)]
        for who in (house.alice, house.bob, house.carol, house.grace)
    }
    assert whys == {"Alice": [Why.RESPONSIBLE], "Bob": [Why.REVIEWER], "Carol": [], "Grace": []}


def test_files_that_are_not_the_approved_ones_fail_the_re_check(small_house: House) -> None:
    house = small_house
    released(house)
    house.portal.mirror.read_files(house.version(2).id, "sha256:other", by=MIRROR)
    later(house, days=10)
    (found,) = findings(house)
    assert found.title.endswith("no longer passes Artifacts")
    assert "are not the ones that RR-2026-0001 approved" in found.detail


def test_it_is_judged_by_the_policy_it_was_approved_under(small_house: House) -> None:
    house = small_house
    released(house)
    third = SECOND.replace("version: 2", "version: 3") + "\n"
    house.portal.policies.publish(third, WHY, by=house.grace)
    later(house, days=21)
    assert len(findings(house)) == 1


def test_a_failed_re_check_does_not_keep_itself_failing(small_house: House) -> None:
    house = small_house
    released(house)
    later(house, days=21)
    scanned(house)
    later(house, days=10)
    assert {one.state for one in findings(house)} == {FindingState.CLOSED}


def test_what_was_found_in_deciding_on_it_is_no_news_to_its_own_re_check(
    small_house: House,
) -> None:
    house = small_house
    house.portal.policies.publish(SECOND + GATES, WHY, by=house.grace)
    house.credit()
    scanned(house)
    due = house.clock.now().date() + timedelta(days=30)
    house.portal.decisions.decide(
        house.asked().id,
        Verb.APPROVE_WITH_CONDITIONS,
        WHY,
        conditions=[Condition("Write down how it is watched.", due)],
        by=house.bob,
    )
    house.deliver()
    assert len(later(house, days=10)) == 1
    assert findings(house) == []


def test_what_is_not_live_any_more_is_not_asked_and_its_finding_is_closed(
    small_house: House,
) -> None:
    house = small_house
    released(house)
    later(house, days=21)
    house.mlflow.point("credit-pd", "champion", 1)
    house.mirror()
    assert later(house, days=10) == []
    (found,) = findings(house)
    assert (found.state, found.closed_why) == (
        FindingState.CLOSED,
        "The version is not live under this approval any more.",
    )


def test_one_that_cannot_be_asked_is_told_once_and_keeps_no_other_waiting(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    released(house, "credit-pd", "credit-lgd", "credit-ead")
    later(house, days=21)  # the scans are too old: a finding for each
    version = house.version(2).id
    before = manifests(house, version, "no manifest")
    house.mlflow.point("credit-ead", "champion", 1)
    house.mirror()
    assert len(later(house, days=10)) == 1  # not credit-pd, and credit-ead is not live any more
    assert later(house, minutes=10) == []
    told = [one for one in caplog.records if one.name == "catalog.releases.promotions.rechecks"]
    assert [one.getMessage() for one in told] == [
        "RR-2026-0001 cannot be asked again; it is tried again"
    ]
    assert told[0].exc_info is not None
    states = {one.model_name: one.state for one in findings(house)}
    assert states == {
        "credit-pd": FindingState.OPEN,
        "credit-lgd": FindingState.OPEN,
        "credit-ead": FindingState.CLOSED,
    }
    manifests(house, version, before)
    assert len(later(house, minutes=10)) == 1


def test_the_request_shows_what_is_asked_again_and_what_it_said(small_house: House) -> None:
    house = small_house
    released(house)
    number = "RR-2026-0001"
    before = house.portal.requests.sheet(number, by=house.bob).rechecks
    assert [(one.gate_id, one.every_days, one.answer) for one in before] == [
        ("scan", 10, None),
        ("closed", 10, None),
        ("artifacts", 10, None),
    ]
    later(house, days=21)
    after = house.portal.requests.sheet(number, by=house.bob).rechecks
    assert [one.answer for one in after] == [Answer.MISSING, Answer.PASS, Answer.PASS]
    told = client(house, house.alice).get(f"/release-requests/{number}").json()
    assert [one["verdict"] for one in told["rechecks"]] == ["missing", "pass", "pass"]
    assert [one["kind"] for one in told["findings"]] == ["failed re-check"]


def test_only_the_worker_asks_again(small_house: House) -> None:
    somebody: Actor = small_house.grace
    with pytest.raises(Refused):
        small_house.portal.rechecks.run(by=somebody)


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ("{gates: [scna], every_days: 10}", "There is no gate 'scna'"),
        ("{gates: [scan, scan], every_days: 10}", "'scan' stands here twice"),
        ("{gates: [performance], every_days: 10}", "would compare what is live with itself"),
        ("{gates: [scan], every_days: 0}", "greater than or equal to 1"),
        ("{gates: [], every_days: 10}", "at least 1 item"),
    ],
)
def test_a_re_check_names_gates_of_its_policy_that_can_be_asked_again(plan: str, told: str) -> None:
    head = GATES.partition("rechecks:")[0]
    with pytest.raises(NotAPolicy) as wrong:
        read(f"{SECOND}{head}rechecks:\n  - {plan}\n")
    assert told in str(wrong.value.problems[0])
    assert wrong.value.problems[0].line > 1


def test_a_policy_without_re_checks_keeps_its_digest() -> None:
    assert "rechecks" not in read(pack_text("baseline")).plain
