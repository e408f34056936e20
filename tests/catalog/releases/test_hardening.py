"""What a determined insider tries: forged names, removed aliases, changes after the approval."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.worker import RELEASES
from catalog.registry.mirror.seen import SeenVersion
from catalog.registry.tables import AuthorRow
from catalog.releases.gates.asking import Answer
from catalog.releases.states import PromotionState, State, Verb
from ledger.errors import Conflict, CountersignError, Invalid, Unauthenticated
from tests.cast import WHY, House
from tests.fakes import auc

SERVER = "main"


def unclaimed(house: House, user: str, value: float = 0.85) -> str:
    """A third version that nobody claimed, whose run says who made it."""
    house.mlflow.log("credit-pd", metrics=[auc(value)], user=user)
    house.mirror()
    return house.version(3).id


def author_gate(house: House, version_id: str) -> Answer:
    preview = house.portal.requests.preview(version_id, "champion", by=house.alice)
    return next(gate.answer for gate in preview.gates if gate.id == "author")


def test_a_name_in_mlflow_makes_nobody_an_author(small_house: House) -> None:
    small_house.credit()
    portal = small_house.portal
    portal.authorship.map_user(SERVER, "zed", small_house.carol.id, by=small_house.grace)
    version_id = unclaimed(small_house, "zed")
    assert author_gate(small_house, version_id) is Answer.MISSING
    portal.authorship.map_user(SERVER, "zed", small_house.carol.id, by=small_house.grace)
    assert author_gate(small_house, version_id) is Answer.PASS


def test_a_mapped_name_keeps_that_person_from_deciding(small_house: House) -> None:
    small_house.credit()
    portal = small_house.portal
    portal.authorship.map_user(SERVER, "bobby", small_house.bob.id, by=small_house.grace)
    version_id = unclaimed(small_house, "bobby")
    portal.authorship.claim(version_id, by=small_house.alice)
    request = small_house.asked(3)
    with pytest.raises(CountersignError) as told:
        portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=small_house.bob)
    assert told.value.code == "author"


def test_taking_the_alias_away_does_not_make_the_next_version_the_first(house: House) -> None:
    house.credit(aucs=(0.80, 0.90, 0.50))
    house.approved(2)
    house.deliver()
    house.mlflow.unset("credit-pd", "champion")
    house.mirror()
    preview = house.portal.requests.preview(house.version(3).id, "champion", by=house.alice)
    performance = next(gate for gate in preview.gates if gate.id == "performance")
    assert performance.answer is Answer.FAIL
    assert "v2, live last" in performance.reason
    assert preview.replaces is None


def test_a_better_version_after_a_removed_alias_is_released(small_house: House) -> None:
    small_house.credit(aucs=(0.80, 0.85, 0.90))
    small_house.approved(2)
    small_house.deliver()
    small_house.mlflow.unset("credit-pd", "champion")
    small_house.mirror()
    small_house.approved(3)
    (promotion,) = small_house.deliver()
    assert promotion.state is PromotionState.APPLIED
    assert small_house.mlflow.alias("credit-pd", "champion") == 3


@pytest.mark.parametrize("alias", ["Champion", "CHAMPION", "chaMpion"])
def test_an_alias_in_other_letters_is_no_way_round_the_champion(
    small_house: House, alias: str
) -> None:
    small_house.credit()
    with pytest.raises(Invalid) as told:
        small_house.portal.requests.request(
            small_house.version(2).id, alias, WHY, by=small_house.alice
        )
    assert told.value.code == "bad-alias"


def describe_nothing(house: House) -> None:
    house.mlflow.describe_version("credit-pd", 2, "")
    house.mirror()


def classify_otherwise(house: House) -> None:
    house.portal.models.classify(
        house.model().id,
        by=house.grace,
        owner_id=house.alice.id,
        domain="Elsewhere",
        task="regression",
    )


def approver_is_author(house: House) -> None:
    house.portal.authorship.map_user(SERVER, "ghost", house.bob.id, by=house.grace)
    house.join("eve")
    with house.portal.store.write() as session:
        session.add(
            AuthorRow(
                version_id=house.version(2).id,
                person_id=house.bob.id,
                source="claim",
                linked_by=house.bob.id,
                linked_at=house.clock.now(),
            )
        )


@pytest.mark.parametrize("change", [describe_nothing, classify_otherwise, approver_is_author])
def test_what_changes_after_the_approval_stops_the_promotion_with_its_reason(
    house: House, change: object
) -> None:
    assert callable(change)
    house.credit()
    house.approved()
    change(house)
    (promotion,) = house.deliver()
    assert (promotion.state, promotion.code) == (PromotionState.FAILED, "changed-since-approval")
    assert "nothing was moved" in promotion.message
    assert house.mlflow.alias("credit-pd", "champion") == 1


def test_an_approver_sent_away_while_the_screen_was_open_decides_nothing(house: House) -> None:
    house.credit()
    request = house.asked()
    bob = house.bob
    house.portal.people.disable(bob.id, by=house.grace)
    with pytest.raises(Unauthenticated):
        house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=bob)
    assert house.portal.requests.get(request.id, by=house.alice).state is State.IN_REVIEW


def test_files_that_cannot_be_read_end_the_promotion_instead_of_blocking_the_alias(
    small_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_house.credit(aucs=(0.80, 0.82, 0.83))
    small_house.approved(2)

    def linked(_version: SeenVersion, _into: Path) -> Path:
        raise Invalid("The version's artifacts hold a link.", code="artifact-link")

    with monkeypatch.context() as patched:
        patched.setattr(small_house.mlflow, "download", linked)
        promotion = small_house.portal.promotions.carry_out_next("worker-1", by=RELEASES)
    assert promotion is not None
    assert (promotion.state, promotion.code) == (PromotionState.FAILED, "artifact-link")
    small_house.work()
    small_house.approved(3)
    (following,) = small_house.deliver()
    assert following.state is PromotionState.APPLIED


def test_a_second_approval_waits_until_the_first_has_arrived(small_house: House) -> None:
    small_house.credit(aucs=(0.80, 0.82, 0.83))
    second = small_house.asked(3)
    small_house.approved(2)
    with pytest.raises(Conflict) as told:
        small_house.portal.decisions.decide(second.id, Verb.APPROVE, WHY, by=small_house.bob)
    assert told.value.code == "promotion-on-its-way"
