"""Gaps of the inventory: the same for one model and for a hundred thousand."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import insert

from catalog.registry.inventory.gaps import Gap, gaps_of
from catalog.registry.inventory.standing import Stage, Standing
from catalog.registry.tables import AliasRow, ModelRow, VersionRow
from catalog.use_cases.tables import UseCaseRow
from catalog.use_cases.use_cases import Described, Status
from ledger.errors import NotFound, Refused
from tests.cast import AT, DOMAIN, House, models_of


def filled(house: House) -> None:
    """A model for every combination of class, tier, stage, use case and what is live."""
    uses = [
        {
            "id": f"uc_{cls}{tier}{status}",
            "name": f"{cls} {tier} {status}",
            "purpose": "x",
            "domain": DOMAIN,
            "business_owner_id": house.carol.id,
            "regulatory_class": cls,
            "tier": tier,
            "status": status,
            "proposed_by": house.carol.id,
            "created_at": AT,
            "changed_at": AT,
        }
        for cls, tier, status in (
            ("High", "1", Status.ACCEPTED),
            ("Limited", "2", Status.PROPOSED),
            ("", "", Status.CLOSED),
            ("Prohibited", "3", Status.CLOSED),
        )
    ]
    combinations = product(
        ("", "High", "Minimal"),
        ("", "1", "3"),
        ("", *Stage),
        ("", *(one["id"] for one in uses)),
        (True, False),
    )
    models, versions, aliases = [], [], []
    for number, (cls, tier, stage, use, live) in enumerate(combinations):
        models.append(
            {
                "id": f"mdl_{number:04}",
                "server": "main",
                "workspace": "default",
                "name": f"model-{number:04}",
                "created_at": AT,
                "updated_at": AT,
                "description": "",
                "tags": "{}",
                "content": "",
                "searched": "",
                "domain": DOMAIN if number % 3 else "",
                "task": "regression" if number % 2 else "",
                "owner_id": house.alice.id if number % 5 else "",
                "use_case_id": use,
                "tier": tier,
                "regulatory_class": cls,
                "stage": stage,
                "seen_at": AT,
                "gone_at": AT if number % 97 == 0 else None,
            }
        )
        if live:
            versions.append(
                VersionRow(
                    id=f"ver_{number}",
                    model_id=f"mdl_{number:04}",
                    number=1,
                    created_at=AT,
                    source="",
                    run_id="",
                    seen_at=AT,
                )
            )
            aliases.append(
                AliasRow(
                    model_id=f"mdl_{number:04}",
                    alias="champion",
                    version_id=f"ver_{number}",
                    number=1,
                    since=AT,
                )
            )
    with house.portal.store.write() as session:
        session.connection().execute(insert(UseCaseRow), uses)
        session.connection().execute(insert(ModelRow), models)
        session.add_all(versions)
        session.flush()
        session.add_all(aliases)


def test_what_the_database_counts_and_pages_is_what_the_rule_says_of_each_model(
    house: House,
) -> None:
    filled(house)
    portal = house.portal
    uses = {one.id: one for one in portal.use_cases.listing(by=house.grace)}
    expected: dict[Gap, list[str]] = {gap: [] for gap in Gap}
    models = models_of(portal, by=house.grace)
    for model in models:
        for gap in gaps_of(model, uses.get(model.use_case_id)):
            expected[gap].append(model.id)
    counted = portal.inventory_gaps.counted(by=house.grace)
    assert counted.models == len(models)
    assert counted.gaps == {gap: len(ids) for gap, ids in expected.items()}
    assert all(counted.gaps.values()), "each gap is met by some combination"
    for gap, ids in expected.items():
        page = portal.inventory_gaps.models(gap, by=house.erik, limit=10_000)
        assert sorted(one.id for one in page) == sorted(ids)
    first, second = (
        portal.inventory_gaps.models(Gap.NO_TIER, by=house.erik, limit=3, offset=offset)
        for offset in (0, 3)
    )
    assert [one.name for one in first + second] == sorted(one.name for one in first + second)
    assert not {one.id for one in first} & {one.id for one in second}


def test_gaps_are_counted_once_a_minute(small_house: House) -> None:
    small_house.credit()
    desk = small_house.portal.inventory_gaps
    assert desk.counted(by=small_house.grace).gaps[Gap.NO_TIER] == 1
    assert len(desk.models(Gap.NO_TIER, by=small_house.grace)) == 1
    small_house.mlflow.register("another")
    small_house.mirror()
    assert desk.counted(by=small_house.grace).gaps[Gap.NO_TIER] == 1
    small_house.mlflow.register("a-third")
    small_house.mirror()
    # The list is as old as its count, so that both agree.
    assert len(desk.models(Gap.NO_TIER, by=small_house.grace)) == 1
    small_house.clock.advance(timedelta(minutes=2))
    assert desk.counted(by=small_house.erik).gaps[Gap.NO_TIER] == 3
    assert len(desk.models(Gap.NO_TIER, by=small_house.grace)) == 3


def test_the_unclassified_are_counted_and_paged(house: House) -> None:
    house.credit()
    for number in range(7):
        house.mlflow.register(f"new-{number}")
    house.mirror()
    desk = house.portal.inventory_gaps
    found = desk.unclassified(by=house.grace, limit=3)
    assert (found.total, [one.name for one in found.models]) == (7, ["new-0", "new-1", "new-2"])
    rest = desk.unclassified(by=house.grace, limit=10, offset=5)
    assert [one.name for one in rest.models] == ["new-5", "new-6"]
    with pytest.raises(Refused):
        desk.unclassified(by=house.alice)


@pytest.mark.parametrize("name", ["alice", "bob", "carol", "dave"])
def test_gaps_of_everything_are_not_for_everybody(small_house: House, name: str) -> None:
    by, desk = small_house.who(name), small_house.portal.inventory_gaps
    with pytest.raises(Refused):
        desk.counted(by=by)
    with pytest.raises(Refused):
        desk.models(Gap.NO_TIER, by=by)


def test_a_use_case_lists_its_models_with_what_does_not_agree(house: House) -> None:
    portal = house.portal
    use_case = portal.use_cases.propose(
        Described("Lending", "Loans.", DOMAIN, house.carol.id, "High", "1"), by=house.grace
    )
    for name, domain, standing in (
        ("credit-pd", DOMAIN, Standing("1", "High", "Production", use_case.id)),
        ("card-pd", "Cards", Standing("2", "Minimal", "Validation", use_case.id)),
    ):
        model = house.credit(name=name, domain=domain)
        portal.models.classify(
            model.id,
            by=house.grace,
            owner_id=house.alice.id,
            domain=domain,
            task="regression",
            standing=standing,
        )
    total, placed = portal.inventory_gaps.under(use_case, by=house.carol)
    assert total == 2
    assert [(one.model.name, one.gaps) for one in placed] == [
        ("card-pd", (Gap.LOWER_CLASS, Gap.LOWER_TIER, Gap.LIVE_TOO_SOON)),
        ("credit-pd", ()),
    ]
    # Alice is of Lending: of the other domain's model she hears nothing, not even the number.
    assert portal.inventory_gaps.under(use_case, by=house.alice)[0] == 1
    with pytest.raises(NotFound):
        portal.inventory_gaps.under(use_case, by=house.dave)
