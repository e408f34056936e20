"""What of the findings waits for somebody: as much as was asked for, and whether there is more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from auth.actors import Actor
from catalog.releases.findings.finding import Severity
from tests.cast import House
from tests.catalog.releases.test_reconciliation import look


def found(house: House, owner: Actor, *, days: int, remedied: bool = False) -> str:
    """A finding that is due in so many days."""
    desk = house.portal.findings
    made = desk.open(
        house.version(2).id,
        f"Due in {days} days",
        "Seen in a review.",
        severity=Severity.LOW,
        owner_id=owner.id,
        due_on=house.clock.now().date() + timedelta(days=days),
        by=house.bob,
    )
    if remedied:
        desk.remedy(made.id, "Done.", by=owner)
    return made.id


def waits(house: House, by: Actor, limit: int) -> tuple[list[str], bool]:
    told = house.portal.findings.waiting(by=by, limit=limit)
    return [one.id for one in told.findings], told.has_more


@pytest.mark.parametrize("remedied", [False, True])
def test_what_is_due_first_waits_and_it_is_said_that_there_is_more(
    house: House,
    remedied: bool,  # noqa: FBT001 - whether it waits for its owner or for a reviewer
) -> None:
    house.credit()
    ids = [found(house, house.alice, days=days, remedied=remedied) for days in (3, 1, 2)]
    by = house.bob if remedied else house.alice
    first = [ids[1], ids[2]]
    assert waits(house, by, 2) == (first, True)
    assert waits(house, by, 3) == ([*first, ids[0]], False)


def test_what_one_may_not_close_does_not_hide_what_one_may(house: House) -> None:
    house.credit()
    own = [found(house, house.bob, days=days) for days in range(5)]
    for one in own:
        house.portal.findings.remedy(one, "Done.", by=house.bob)
    others = [found(house, house.alice, days=days, remedied=True) for days in (10, 11, 12)]
    assert waits(house, house.bob, 1) == (others[:1], True)
    assert waits(house, house.bob, 3) == (others, False)


def test_what_nobody_owns_is_counted_by_itself(house: House) -> None:
    for name in ("one", "two"):
        house.mlflow.register(name)
        house.mlflow.log(name)
    look(house)
    for name in ("one", "two"):
        house.mlflow.point(name, "champion", 1)
    orphans = {one.id for one in look(house)}
    assert len(orphans) == 2
    ids, has_more = waits(house, house.grace, 2)
    assert (set(ids), has_more) == (orphans, False)
    house.credit()
    mine = found(house, house.grace, days=9)
    ids, has_more = waits(house, house.grace, 1)
    assert (mine in ids, len(orphans & set(ids)), has_more) == (True, 1, True)
