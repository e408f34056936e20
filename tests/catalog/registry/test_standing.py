"""Where a model stands: who may say so, and which stage follows which, over all pairs."""

from __future__ import annotations

import itertools

import pytest

from auth.access import Resource
from auth.actors import EVERYTHING, Actor, HeldRole, Kind
from auth.permissions import Role
from catalog.registry.inventory.standing import (
    OWN_STAGES,
    STEPS,
    Stage,
    Standing,
    may_move,
    suggested,
)
from catalog.use_cases.risk import TIERS, RegulatoryClass, is_stricter_class, is_stricter_tier
from ledger.errors import Invalid, NotFound, Refused
from tests.cast import DOMAIN, House

MODEL = Resource("model", "mdl_1", "Lending", is_restricted=False)
PLACES = ["", *Stage]
WHY = "Its first release is live."
# Written out once more, by hand: a wrong row in the table cannot agree with itself here.
FOLLOWS = {
    ("Proposal", "Development"),
    ("Proposal", "Retired"),
    ("Development", "Proposal"),
    ("Development", "Validation"),
    ("Development", "Retired"),
    ("Validation", "Development"),
    ("Validation", "Production"),
    ("Validation", "Retired"),
    ("Production", "Validation"),
    ("Production", "Deprecated"),
    ("Deprecated", "Production"),
    ("Deprecated", "Retired"),
    ("Retired", "Development"),
    ("Retired", "Production"),
} | {("", stage.value) for stage in Stage}


def holding(role: Role) -> Actor:
    return Actor("prn_1", Kind.PERSON, "Somebody", roles=(HeldRole(role, EVERYTHING),))


@pytest.mark.parametrize("is_live", [True, False])
@pytest.mark.parametrize(("before", "after"), list(itertools.product(PLACES, Stage)))
def test_an_administrator_moves_a_model_by_the_table_and_by_what_is_live(
    before: str,
    after: Stage,
    is_live: bool,  # noqa: FBT001
) -> None:
    fits = {Stage.PRODUCTION: is_live, Stage.RETIRED: not is_live}.get(after, True)
    verdict = may_move(holding(Role.GOVERNANCE_ADMIN), MODEL, before, after, is_live=is_live)
    assert bool(verdict) == ((before, after.value) in FOLLOWS and fits)
    assert verdict or (verdict.reason and verdict.hint)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(PLACES, Stage)))
def test_an_owner_moves_a_model_as_far_as_validation_and_no_further(
    before: str, after: Stage
) -> None:
    until_validation = {"", "Proposal", "Development", "Validation"}
    verdict = may_move(holding(Role.MODEL_OWNER), MODEL, before, after, is_live=True)
    assert bool(verdict) == (
        (before, after.value) in FOLLOWS and {before, after} <= until_validation
    )
    assert until_validation == OWN_STAGES


@pytest.mark.parametrize(
    "role", sorted(set(Role) - {Role.GOVERNANCE_ADMIN, Role.MODEL_OWNER, Role.SYSTEM})
)
def test_nobody_else_moves_a_model(role: Role) -> None:
    assert not any(
        may_move(holding(role), MODEL, before, after, is_live=True)
        for before, after in itertools.product(PLACES, Stage)
    )


def test_every_stage_has_a_way_out() -> None:
    assert set(STEPS) == {"", *Stage}
    assert all(STEPS.values())


@pytest.mark.parametrize(
    ("stage", "is_live", "expected"),
    [
        *((stage, True, Stage.PRODUCTION) for stage in ("", "Proposal", "Validation", "Retired")),
        ("Production", True, None),
        ("Deprecated", True, None),
        ("Production", False, Stage.DEPRECATED),
        *((stage, False, None) for stage in ("", "Proposal", "Validation", "Retired")),
    ],
)
def test_the_stage_that_fits_what_is_live_is_suggested(
    stage: str,
    is_live: bool,  # noqa: FBT001
    expected: Stage | None,
) -> None:
    assert suggested(stage, is_live=is_live) == expected


@pytest.mark.parametrize(
    ("one", "than"), list(itertools.product(["", *RegulatoryClass], ["", *RegulatoryClass]))
)
def test_a_class_is_stricter_than_those_after_it(one: str, than: str) -> None:
    order = ["Prohibited", "High", "Limited", "Minimal"]
    stricter = one in order and than in order and order.index(one) < order.index(than)
    assert is_stricter_class(one, than) == stricter


@pytest.mark.parametrize(("one", "than"), list(itertools.product(["", *TIERS], ["", *TIERS])))
def test_a_tier_is_stricter_than_those_after_it(one: str, than: str) -> None:
    assert is_stricter_tier(one, than) == (bool(one and than) and int(one) < int(than))


# -- the verbs -------------------------------------------------------------------------------------


def test_the_record_of_a_classification_holds_what_was_said_before(house: House) -> None:
    model = house.credit()
    for standing in (Standing("2", "Limited", "Validation"), Standing("1", "High")):
        house.portal.models.classify(
            model.id,
            by=house.grace,
            owner_id=house.alice.id,
            domain=DOMAIN,
            task="binary classification",
            standing=standing,
        )
    found = house.model()
    assert (found.tier, found.regulatory_class, found.stage) == ("1", "High", "Validation")
    last = house.records("model:classify")[-1]
    assert last.facts["class"] == "High"
    assert last.facts["was-class"] == "Limited"
    assert (last.facts["tier"], last.facts["was-tier"]) == ("1", "2")
    assert "was-task" not in last.facts
    assert DOMAIN not in last.body


@pytest.mark.parametrize(
    "standing", [Standing(tier="4"), Standing(regulatory_class="Huge"), Standing(stage="Done")]
)
def test_a_word_outside_the_vocabulary_is_no_act(small_house: House, standing: Standing) -> None:
    model = small_house.credit()
    before = small_house.records()
    with pytest.raises(Invalid) as refusal:
        small_house.portal.models.classify(
            model.id,
            by=small_house.grace,
            owner_id=small_house.alice.id,
            domain=DOMAIN,
            task="regression",
            standing=standing,
        )
    assert refusal.value.hint
    assert small_house.records() == before


def test_a_model_is_not_put_under_a_use_case_that_is_not_there(small_house: House) -> None:
    model = small_house.credit()
    with pytest.raises(NotFound):
        small_house.portal.models.classify(
            model.id,
            by=small_house.grace,
            owner_id=small_house.alice.id,
            domain=DOMAIN,
            task="regression",
            standing=Standing(use_case_id="uc_none"),
        )
    assert small_house.model().use_case_id == ""


def test_the_owner_brings_a_model_to_validation_and_an_administrator_into_production(
    house: House,
) -> None:
    model = house.credit()
    move = house.portal.inventory.move
    move(model.id, "Development", "Begun.", by=house.alice)
    move(model.id, "Validation", "Ready to be checked.", by=house.alice)
    with pytest.raises(Refused) as refusal:
        move(model.id, "Production", WHY, by=house.alice)
    assert refusal.value.code == "no-role"
    move(model.id, "Production", WHY, by=house.grace)
    assert house.model().stage == "Production"
    last = house.records("model:stage")[-1]
    assert (last.facts["from"], last.facts["to"]) == ("Validation", "Production")
    assert last.texts["reason"] == WHY
    assert [one.outcome for one in house.records("model:stage")] == ["done"] * 2 + [
        "refused",
        "done",
    ]


def test_nothing_goes_into_production_without_a_champion(small_house: House) -> None:
    model = small_house.credit(champion=None)
    with pytest.raises(Refused) as refusal:
        small_house.portal.inventory.move(model.id, "Production", WHY, by=small_house.grace)
    assert refusal.value.code == "nothing-live"


def test_a_live_model_is_not_retired(small_house: House) -> None:
    model = small_house.credit()
    with pytest.raises(Refused) as refusal:
        small_house.portal.inventory.move(model.id, "Retired", WHY, by=small_house.grace)
    assert refusal.value.code == "still-live"


@pytest.mark.parametrize("reason", ["", "  ", "a\x00b", "x" * 1001])
def test_a_model_is_not_moved_without_a_reason(small_house: House, reason: str) -> None:
    model = small_house.credit()
    with pytest.raises(Invalid):
        small_house.portal.inventory.move(model.id, "Proposal", reason, by=small_house.grace)


def test_a_stranger_does_not_learn_that_there_is_a_model_to_move(small_house: House) -> None:
    model = small_house.credit()
    told = []
    for model_id in (model.id, "mdl_none"):
        with pytest.raises(NotFound) as refusal:
            small_house.portal.inventory.move(model_id, "Proposal", WHY, by=small_house.dave)
        told.append((refusal.value.message, refusal.value.hint))
    assert told[0] == told[1]
