"""Going back: at once, by one person, and only to what was approved and live before."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from auth.actors import Actor
from catalog.releases.states import PromotionState, Route, State
from ledger.errors import CountersignError
from tests.cast import WHY, House


@pytest.fixture
def twice(house: House) -> House:
    """v2 was approved and live, then v3; v1 was live before Countersign was there."""
    house.credit(aucs=(0.80, 0.82, 0.84))
    for number in (2, 3):
        house.approved(number)
        house.deliver()
    return house


def back(house: House, number: int, by: Actor, alias: str = "champion") -> str:
    """What comes of setting the alias back: the state, or the code of the refusal."""
    try:
        return house.portal.rollbacks.roll_back(
            house.version(number).id, alias, "The new one is wrong.", by=by
        ).state
    except CountersignError as refusal:
        return refusal.code


def test_an_alias_goes_back_to_what_was_approved_before_on_one_signature(twice: House) -> None:
    model = twice.model()
    choices = twice.portal.rollbacks.choices(model.id, "champion", by=twice.alice)
    assert [one.version_number for one in choices] == [2]
    assert back(twice, 2, twice.alice) == State.APPROVED
    (done,) = twice.deliver()
    assert (done.state, done.version_number, done.message) == (PromotionState.APPLIED, 2, "")
    assert twice.mlflow.model("credit-pd").aliases["champion"] == 2
    request = twice.portal.requests.get("RR-2026-0003", by=twice.alice)
    assert (request.route, request.replaces) == (Route.ROLLBACK, 3)
    (record,) = twice.records("release:roll-back")
    assert record.digests["verdict"] == request.decisions[0].verdict_digest
    assert [one.is_same for one in twice.portal.replay.decisions(by=twice.bob)] == [True] * 3
    choices = twice.portal.rollbacks.choices(model.id, "champion", by=twice.alice)
    assert [one.version_number for one in choices] == [3]


def test_it_does_not_go_back_to_what_nobody_approved_or_under_another_alias(
    twice: House,
) -> None:
    assert back(twice, 1, twice.bob) == "gate-not-passed"
    assert back(twice, 2, twice.bob, alias="challenger") == "gate-not-passed"
    assert back(twice, 3, twice.bob) == "already-live"
    assert twice.deliver() == []


def test_it_does_not_go_back_to_what_was_revoked(twice: House) -> None:
    twice.portal.approvals.revoke("RR-2026-0001", "It leaks.", by=twice.bob)
    assert back(twice, 2, twice.bob) == "gate-not-passed"
    assert twice.portal.rollbacks.choices(twice.model().id, "champion", by=twice.bob) == []


def test_it_does_not_go_back_to_files_that_were_changed_since(twice: House) -> None:
    assert back(twice, 2, twice.bob) == State.APPROVED
    twice.mlflow.write_file(twice.mlflow.version("credit-pd", 2), "model.pkl", "other bytes")
    (stopped,) = twice.deliver()
    assert (stopped.state, stopped.code) == (PromotionState.FAILED, "artifacts-changed")
    assert twice.mlflow.model("credit-pd").aliases["champion"] == 3


def test_two_who_go_back_at_once_do_it_once(twice: House) -> None:
    assert back(twice, 2, twice.alice) == State.APPROVED
    assert back(twice, 2, twice.bob) == "promotion-on-its-way"
    assert len(twice.deliver()) == 1


WHO: dict[str, tuple[Callable[[House], Actor], str]] = {
    "the model's owner, though she built it": (lambda house: house.alice, "Approved"),
    "an approver": (lambda house: house.bob, "Approved"),
    "a business owner": (lambda house: house.carol, "no-role"),
    "an auditor": (lambda house: house.erik, "no-role"),
    "an administrator": (lambda house: house.grace, "no-role"),
    "an application": (lambda house: house.robot, "not-a-person"),
    "a stranger": (lambda house: house.dave, "no-such-version"),
}


def test_only_an_owner_or_an_approver_goes_back(small_house: House) -> None:
    small_house.credit(aucs=(0.80, 0.82, 0.84))
    for number in (2, 3):
        small_house.approved(number)
        small_house.deliver()
    said = {}
    for who, (find, _code) in sorted(WHO.items(), key=lambda one: one[1][1] == "Approved"):
        by = find(small_house)
        said[who] = back(small_house, 2, by)
        if said[who] == State.APPROVED:
            # Made void again, so that the next one finds what this one found.
            listed = small_house.portal.requests.listing(by=small_house.bob)
            newest = max(one.number for one in listed)
            small_house.portal.approvals.revoke(newest, WHY, by=small_house.bob)
    assert said == {who: code for who, (_find, code) in WHO.items()}
