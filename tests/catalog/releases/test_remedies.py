"""What puts a move right that nobody approved: seen by Countersign, or set back by it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.loops import RECONCILER, reconcile
from auth.actors import EVERYTHING
from auth.permissions import GIVABLE_ROLES, ROLE_PERMISSIONS, Role
from catalog.releases.findings.finding import FindingState
from catalog.releases.policies.reading import pack_text
from catalog.releases.states import Route
from ledger.errors import CountersignError
from tests.cast import WHY, House
from tests.catalog.releases.test_reconciliation import MINUTE, NAME, findings, live, look, point


def settle(house: House) -> list[tuple[str, FindingState]]:
    """The worker's whole round, promotions too, until nothing moves any more."""
    for _ in range(3):
        house.clock.advance(MINUTE)
        house.mirror()
        reconcile(house.portal)
        house.deliver()
    return [(one.number, one.state) for one in findings(house)]


def test_a_finding_is_closed_when_the_alias_is_where_it_was_approved_again(house: House) -> None:
    live(house)
    point(house, 3)
    look(house)
    point(house, 1)
    assert [one.state for one in look(house)] == [FindingState.OPEN] * 2
    house.portal.findings.remedy("F-2026-0001", "I set it back.", by=house.alice)
    assert {state for _, state in settle(house)} == {FindingState.OPEN, FindingState.REMEDIED}
    point(house, 2)
    assert {state for _, state in settle(house)} == {FindingState.CLOSED}
    first = findings(house)[0]
    assert first.closed_by == RECONCILER.id
    assert first.closed_why == "champion points at v2, as approved in RR-2026-0001."
    records = house.records("finding:close")
    assert [(one.actor, one.reason) for one in records] == [(RECONCILER.id, "verified")] * 2


def test_a_finding_is_closed_when_what_nobody_approved_is_gone(small_house: House) -> None:
    live(small_house)
    point(small_house, 3, "shadow")
    assert settle(small_house) == [("F-2026-0001", FindingState.OPEN)]
    small_house.mlflow.unset(NAME, "shadow")
    assert settle(small_house) == [("F-2026-0001", FindingState.CLOSED)]


def test_a_finding_is_closed_when_the_alias_is_back_where_it_was_at_first(
    small_house: House,
) -> None:
    small_house.credit()
    look(small_house)
    point(small_house, 2)
    assert settle(small_house) == [("F-2026-0001", FindingState.OPEN)]
    point(small_house, 1)
    assert settle(small_house) == [("F-2026-0001", FindingState.CLOSED)]


def test_an_approval_that_was_taken_back_puts_nothing_right(small_house: House) -> None:
    live(small_house)
    small_house.portal.approvals.revoke("RR-2026-0001", WHY, by=small_house.bob)
    assert settle(small_house) == [("F-2026-0001", FindingState.OPEN)]
    point(small_house, 3)
    settle(small_house)
    point(small_house, 2)
    assert {state for _, state in settle(small_house)} == {FindingState.OPEN}
    small_house.mlflow.unset(NAME, "champion")
    assert {state for _, state in settle(small_house)} == {FindingState.CLOSED}


def test_what_has_no_alias_is_closed_by_people_alone(small_house: House) -> None:
    live(small_house)
    small_house.mlflow.stage(NAME, 3, "Production")
    assert settle(small_house) == [("F-2026-0001", FindingState.OPEN)]


# -- set back by itself ----------------------------------------------------------------------------


def by_itself(house: House) -> None:
    """The law says that what nobody approved is set back."""
    law = pack_text("baseline").replace("\nversion: 1\n", "\nversion: 2\n")
    house.portal.policies.publish(f"{law}\nunapproved: roll back\n", WHY, by=house.grace)
    live(house)


def test_an_alias_is_set_back_by_itself_where_the_policy_says_so(house: House) -> None:
    by_itself(house)
    point(house, 3)
    look(house)
    point(house, 1)
    look(house)
    assert {state for _, state in settle(house)} == {FindingState.CLOSED}
    assert house.mlflow.alias(NAME, "champion") == 2
    request = house.portal.requests.get("RR-2026-0002", by=house.bob)
    assert (request.route, request.requested_by) == (Route.ROLLBACK, RECONCILER.id)
    assert request.reason == "Nobody approved where it was; RR-2026-0001 approved this version."
    assert {one.reverted_by for one in findings(house)} == {request.id}
    assert [one.is_same for one in house.portal.replay.decisions(by=house.bob)] == [True] * 2
    assert len(house.records("finding:revert")) == 2
    assert house.portal.remedies.revert(by=RECONCILER) == []


def test_what_revoking_leads_to_is_said_before_and_told_in_what_follows(house: House) -> None:
    text = pack_text("baseline").replace("\nversion: 1\n", "\nversion: 2\nunapproved: roll back\n")
    live(house)
    desk = house.portal.remedies
    said = desk.aftermath("RR-2026-0001", by=house.bob)
    assert (said.is_live, said.sets_back, said.to) == (True, False, None)
    house.approved(3)
    house.deliver()
    look(house)
    said = desk.aftermath("RR-2026-0002", by=house.bob)
    assert (said.is_live, said.sets_back, said.to) == (True, False, 2)
    house.portal.policies.publish(text, WHY, by=house.grace)
    said = desk.aftermath("RR-2026-0002", by=house.bob)
    assert (said.sets_back, said.to, said.policy) == (True, 2, "baseline v2")
    assert not desk.aftermath("RR-2026-0001", by=house.bob).is_live
    house.portal.approvals.revoke("RR-2026-0002", "It leaks names.", by=house.bob)
    settle(house)
    assert house.mlflow.alias(NAME, "champion") == 2
    back = house.portal.requests.get("RR-2026-0003", by=house.bob)
    assert back.reason == (
        "RR-2026-0002 had approved where it was and was revoked by Bob Norrland: It leaks names. "
        "RR-2026-0001 approved this version."
    )


def test_an_alias_that_was_removed_is_set_again_by_itself(small_house: House) -> None:
    by_itself(small_house)
    small_house.mlflow.unset(NAME, "champion")
    assert settle(small_house) == [("F-2026-0001", FindingState.CLOSED)]
    assert small_house.mlflow.alias(NAME, "champion") == 2


def test_it_does_not_fight_with_whoever_moves_it_again(house: House) -> None:
    by_itself(house)
    point(house, 3)
    settle(house)
    assert house.mlflow.alias(NAME, "champion") == 2
    point(house, 3)
    first, second = settle(house)
    assert (first[1], second[1]) == (FindingState.CLOSED, FindingState.OPEN)
    assert house.mlflow.alias(NAME, "champion") == 3
    assert "set back less than an hour before" in findings(house)[1].not_reverted
    house.clock.advance(timedelta(hours=1))
    settle(house)
    assert house.mlflow.alias(NAME, "champion") == 3
    point(house, 1)
    settle(house)
    assert house.mlflow.alias(NAME, "champion") == 2


def test_a_worker_that_was_killed_after_asking_does_not_ask_twice(small_house: House) -> None:
    by_itself(small_house)
    point(small_house, 3)
    look(small_house)
    asked = small_house.portal.rollbacks.roll_back(
        small_house.version(2).id, "champion", WHY, by=RECONCILER
    )
    assert small_house.portal.remedies.revert(by=RECONCILER) == [asked.id]
    assert {state for _, state in settle(small_house)} == {FindingState.CLOSED}
    listed = small_house.portal.requests.listing(by=small_house.bob)
    assert [one.number for one in listed] == ["RR-2026-0002", "RR-2026-0001"]


def test_what_somebody_sets_back_at_this_moment_is_left_to_them(small_house: House) -> None:
    by_itself(small_house)
    point(small_house, 3)
    look(small_house)
    version = small_house.version(2).id
    small_house.portal.rollbacks.roll_back(version, "champion", WHY, by=small_house.bob)
    assert small_house.portal.remedies.revert(by=RECONCILER) == []
    assert findings(small_house)[0].reverted_at is None
    assert settle(small_house) == [("F-2026-0001", FindingState.CLOSED)]


def test_what_cannot_be_set_back_says_why_once(small_house: House) -> None:
    by_itself(small_house)
    point(small_house, 3, "shadow")
    point(small_house, 3)
    settle(small_house)
    settle(small_house)
    said = {one.alias: one.not_reverted for one in findings(small_house)}
    assert said == {
        "shadow": "No approval stands that it could be set back to.",
        "champion": "",
    }
    assert len(small_house.records("finding:revert")) == 2


def test_where_the_policy_says_report_nothing_is_moved(small_house: House) -> None:
    live(small_house)
    point(small_house, 3)
    settle(small_house)
    assert small_house.mlflow.alias(NAME, "champion") == 3
    assert findings(small_house)[0].reverted_at is None


def test_setting_back_gives_no_person_a_permission(small_house: House) -> None:
    """The roles that may roll back are those that could before Countersign itself could."""
    assert {role for role in GIVABLE_ROLES if "release:roll-back" in ROLE_PERMISSIONS[role]} == {
        Role.APPROVER,
        Role.MODEL_OWNER,
    }
    with pytest.raises(CountersignError):
        small_house.join("ines", Role.SYSTEM, EVERYTHING)
