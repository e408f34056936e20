"""An approval is carried out in MLflow once, whatever is killed in between."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.durable import EXECUTOR
from app.worker import RELEASES
from catalog.releases.promotions.outbox import Promotion
from catalog.releases.promotions.promotions import LEASE, POINTS, WITHIN
from catalog.releases.requests.request import Which
from catalog.releases.states import PromotionState, Verb
from catalog.releases.tables import PromotionRow
from ledger.errors import Conflict, Refused, Unavailable
from tests.cast import WHY, House
from tests.fakes import AWAY

SECOND = timedelta(seconds=1)


class Killed(BaseException):
    """The worker is no more; nothing it had in mind is done."""


def killed_at(house: House, point: str) -> None:
    def die(reached: str) -> None:
        if reached == point:
            raise Killed

    with pytest.raises(Killed):
        house.portal.promotions.carry_out_next(EXECUTOR, by=RELEASES, at_point=die)


def after_restart(house: House) -> list[Promotion]:
    house.portal.promotions.release_claims(EXECUTOR)
    return house.deliver()


def test_an_alias_is_moved_from_the_version_it_had_at_the_approval_to_the_approved_one(
    house: House,
) -> None:
    house.credit()
    request = house.approved()
    assert house.mlflow.alias("credit-pd", "champion") == 1
    (promotion,) = house.deliver()
    assert (promotion.state, promotion.code) == (PromotionState.APPLIED, "applied")
    assert house.mlflow.calls == [("credit-pd", "champion", 2)]
    assert house.model().alias("champion") is not None
    assert house.version(2).aliases == ("champion",)
    (record,) = house.records("promotion:apply")
    assert record.facts["request"] == request.id
    assert record.digests["artifacts"] == request.manifest_digest


def test_a_first_champion_is_set_where_there_was_none(small_house: House) -> None:
    small_house.credit(champion=None)
    small_house.approved(1)
    (promotion,) = small_house.deliver()
    assert promotion.state is PromotionState.APPLIED
    assert small_house.mlflow.alias("credit-pd", "champion") == 1


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_at_any_point_leaves_one_promotion_and_the_alias_right(
    house: House, point: str
) -> None:
    house.credit()
    request = house.approved()
    killed_at(house, point)
    after_restart(house)
    promotion = house.portal.requests.get(request.id, by=house.bob).promotion
    assert promotion
    assert promotion.state is PromotionState.APPLIED
    # What a transaction wrote before its commit is undone; after the last one nothing is left.
    assert promotion.attempts == (1 if point in {"claiming", "marked"} else 2)
    assert house.mlflow.alias("credit-pd", "champion") == 2
    assert house.mlflow.calls == [("credit-pd", "champion", 2)]
    assert [r.outcome for r in house.records("promotion:apply")] == ["done"]


@pytest.mark.parametrize("point", POINTS[:-1])
def test_an_alias_moved_on_while_the_worker_was_dead_is_not_moved_back(
    small_house: House, point: str
) -> None:
    small_house.credit(aucs=(0.80, 0.82, 0.83))
    small_house.approved()
    killed_at(small_house, point)
    small_house.mlflow.point("credit-pd", "champion", 3)
    (promotion,) = after_restart(small_house)
    assert (promotion.state, promotion.code) == (PromotionState.FAILED, "alias-moved-since")
    assert "at v3 now" in promotion.message
    assert small_house.mlflow.alias("credit-pd", "champion") == 3


def test_another_worker_waits_for_the_lease_of_one_that_died(small_house: House) -> None:
    small_house.credit()
    small_house.approved()
    killed_at(small_house, "claimed")
    other = small_house.portal.promotions
    assert other.carry_out_next("worker-2", by=RELEASES) is None
    small_house.clock.advance(LEASE)
    done = other.carry_out_next("worker-2", by=RELEASES)
    assert done is not None
    assert done.state is PromotionState.APPLIED


@pytest.mark.parametrize("point", [one for one in POINTS[:-1] if one not in WITHIN])
def test_a_worker_that_slept_through_its_lease_marks_nothing(house: House, point: str) -> None:
    house.credit()
    house.approved()
    marked: list[Promotion] = []

    def sleep(reached: str) -> None:
        if reached != point:
            return
        house.clock.advance(LEASE)
        other = house.portal.promotions.carry_out_next("worker-2", by=RELEASES)
        assert other is not None
        marked.append(other)

    with pytest.raises(Conflict) as told:
        house.portal.promotions.carry_out_next("worker-1", by=RELEASES, at_point=sleep)
    assert told.value.code == "lease-lost"
    assert marked[0].state is PromotionState.APPLIED
    assert len(house.records("promotion:apply", outcome="done")) == 1
    assert house.mlflow.alias("credit-pd", "champion") == 2


def test_an_alias_moved_by_hand_since_the_approval_is_left_where_it_is(house: House) -> None:
    house.credit(aucs=(0.80, 0.82, 0.83))
    house.approved()
    house.mlflow.point("credit-pd", "champion", 3)
    (promotion,) = house.deliver()
    assert (promotion.state, promotion.code) == (PromotionState.FAILED, "alias-moved-since")
    assert house.mlflow.alias("credit-pd", "champion") == 3
    assert not house.mlflow.calls


def test_an_alias_removed_by_hand_since_the_approval_stays_removed(small_house: House) -> None:
    small_house.credit()
    small_house.approved()
    small_house.mlflow.unset("credit-pd", "champion")
    (promotion,) = small_house.deliver()
    assert promotion.code == "alias-moved-since"
    assert small_house.mlflow.alias("credit-pd", "champion") is None


def test_an_alias_that_is_there_already_is_noted_and_not_set_again(small_house: House) -> None:
    small_house.credit()
    small_house.approved()
    small_house.mlflow.point("credit-pd", "champion", 2)
    (promotion,) = small_house.deliver()
    assert (promotion.state, promotion.code) == (PromotionState.APPLIED, "already-there")
    assert not small_house.mlflow.calls


def test_a_version_deleted_since_the_approval_is_not_promoted(house: House) -> None:
    house.credit()
    house.approved()
    house.mlflow.delete_version("credit-pd", 2)
    (promotion,) = house.deliver()
    assert (promotion.state, promotion.code) == (PromotionState.FAILED, "version-gone")
    assert "deleted in MLflow" in promotion.message
    assert house.mlflow.alias("credit-pd", "champion") == 1


def test_a_model_deleted_since_the_approval_is_not_promoted(small_house: House) -> None:
    small_house.credit()
    small_house.approved()
    small_house.mlflow.delete("credit-pd")
    (promotion,) = small_house.deliver()
    assert (promotion.state, promotion.code) == (PromotionState.FAILED, "version-gone")


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_model_made_again_under_its_name_does_not_get_the_old_ones_approval(
    house: House, *, mirrored: bool
) -> None:
    house.credit(aucs=(0.80,), champion=None)
    house.approved(1)
    house.mlflow.delete("credit-pd")
    house.mlflow.register("credit-pd")
    house.mlflow.log("credit-pd")
    if mirrored:
        house.mirror()
    (promotion,) = house.deliver()
    assert (promotion.state, promotion.code) == (PromotionState.FAILED, "version-gone")
    assert house.mlflow.alias("credit-pd", "champion") is None
    house.mirror()
    assert house.portal.requests.listing(Which(model_id=house.model().id), by=house.alice) == []


def test_a_version_whose_files_changed_since_the_approval_is_not_promoted(house: House) -> None:
    house.credit()
    house.approved()
    changed = house.mlflow.version("credit-pd", 2)
    house.mlflow.write_file(changed, "model.skops", "other weights")
    (promotion,) = house.deliver()
    assert (promotion.state, promotion.code) == (PromotionState.FAILED, "artifacts-changed")
    assert house.mlflow.alias("credit-pd", "champion") == 1


def test_a_failed_promotion_is_on_record_with_its_reason(house: House) -> None:
    house.credit()
    house.approved()
    house.mlflow.delete_version("credit-pd", 2)
    house.deliver()
    (record,) = house.records("promotion:fail")
    assert (record.outcome, record.reason) == ("done", "version-gone")


def test_a_promotion_waits_while_mlflow_is_away_and_is_carried_out_when_it_is_back(
    house: House,
) -> None:
    house.credit()
    request = house.approved()
    house.mlflow.trouble = AWAY
    with pytest.raises(Unavailable):
        house.portal.promotions.carry_out_next(EXECUTOR, by=RELEASES)
    waiting = house.portal.requests.get(request.id, by=house.alice).promotion
    assert waiting is not None
    assert waiting.state is PromotionState.QUEUED
    assert waiting.message == AWAY.message
    house.mlflow.trouble = None
    assert house.deliver() == []
    house.clock.advance(SECOND)
    (promotion,) = house.deliver()
    assert (promotion.state, promotion.attempts) == (PromotionState.APPLIED, 2)
    assert promotion.message == ""


def test_a_promotion_is_tried_every_few_seconds_however_long_mlflow_was_away(
    small_house: House,
) -> None:
    small_house.credit()
    request = small_house.approved()
    with small_house.portal.store.write() as session:
        row = session.get_one(PromotionRow, request.promotion.id if request.promotion else "")
        row.attempts = 5_000
        session.add(row)
    small_house.mlflow.trouble = AWAY
    with pytest.raises(Unavailable):
        small_house.portal.promotions.carry_out_next(EXECUTOR, by=RELEASES)
    small_house.mlflow.trouble = None
    small_house.clock.advance(8 * SECOND)
    (promotion,) = small_house.deliver()
    assert promotion.state is PromotionState.APPLIED


def test_promotions_of_one_model_go_in_the_order_of_their_approvals(house: House) -> None:
    house.credit()
    house.credit(name="churn", domain="Lending")
    first = house.approved(2, "champion")
    second = house.approved(1, "shadow")
    other = house.approved(2, "champion", name="churn")
    house.mlflow.trouble = AWAY
    for _ in range(2):
        with pytest.raises(Unavailable):
            house.portal.promotions.carry_out_next(EXECUTOR, by=RELEASES)
    house.mlflow.trouble = None
    assert house.deliver() == []
    house.clock.advance(SECOND)
    assert [one.request_id for one in house.deliver()] == [first.id, second.id, other.id]


def test_a_second_approval_waits_until_the_first_has_moved_the_same_alias(house: House) -> None:
    house.credit(aucs=(0.80, 0.82, 0.83))
    two, three = house.asked(2), house.asked(3)
    house.portal.decisions.decide(two.id, Verb.APPROVE, WHY, by=house.bob)
    with pytest.raises(Conflict) as told:
        house.portal.decisions.decide(three.id, Verb.APPROVE, WHY, by=house.bob)
    assert told.value.code == "promotion-on-its-way"


@pytest.mark.parametrize("name", ["alice", "bob", "grace", "erik"])
def test_no_person_carries_a_promotion_out_by_hand(small_house: House, name: str) -> None:
    small_house.credit()
    small_house.approved()
    with pytest.raises(Refused):
        small_house.portal.promotions.carry_out_next(EXECUTOR, by=small_house.who(name))
    assert small_house.mlflow.alias("credit-pd", "champion") == 1
