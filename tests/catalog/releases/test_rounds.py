"""In each round of the worker one that cannot be written is told and keeps no other waiting."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import pytest

from app.loops import RECONCILER, RELEASES
from catalog.releases.decisions.conditions import Condition
from catalog.releases.policies.reading import pack_text
from catalog.releases.states import Verb
from tests.cast import WHY, House
from tests.catalog.releases.test_reconciliation import look

NAMES: Final = ("credit-pd", "credit-lgd", "credit-ead")
WATCH: Final = "Write down how it is watched."
SETS_BACK: Final = pack_text("baseline").replace("\nversion: 1\n", "\nversion: 2\n") + (
    "\nunapproved: roll back\n"
)


def asked(house: House) -> None:
    for name in NAMES:
        house.credit(name=name)
        house.asked(name=name)


def approved_with_conditions(house: House) -> None:
    due = house.clock.now().date() + timedelta(days=10)
    for name in NAMES:
        house.credit(name=name)
        request = house.asked(name=name)
        house.portal.decisions.decide(
            request.id,
            Verb.APPROVE_WITH_CONDITIONS,
            WHY,
            conditions=[Condition(WATCH, due)],
            by=house.bob,
        )


def moved(house: House) -> None:
    """What was approved and is live was moved by somebody, and that is found."""
    house.portal.policies.publish(SETS_BACK, WHY, by=house.grace)
    for name in NAMES:
        house.credit(name=name)
        house.approved(name=name)
    house.deliver()
    look(house)
    for name in NAMES:
        house.mlflow.point(name, "champion", 1)
    look(house)


def moved_back(house: House) -> None:
    moved(house)
    for name in NAMES:
        house.mlflow.point(name, "champion", 2)
    look(house)


def breaks(house: House, table: str) -> None:
    """The database refuses every change of what was first in a table."""
    with house.portal.store.write() as session:
        first = (
            session.connection()
            .exec_driver_sql(
                f"SELECT min(number) FROM {table}"  # noqa: S608 - a table of ours
            )
            .scalar()
        )
        session.connection().exec_driver_sql(
            f"CREATE TRIGGER broken BEFORE UPDATE ON {table} WHEN OLD.number = '{first}' "
            "BEGIN SELECT RAISE(ABORT, 'broken'); END"
        )


Set = Callable[[House], None]
Round = Callable[[House], list[str]]


@pytest.mark.parametrize(
    ("begin", "table", "days", "round_"),
    [
        pytest.param(
            asked,
            "release_request",
            31,
            lambda house: house.portal.requests.expire_overdue(by=RELEASES),
            id="closing what nobody acts on",
        ),
        pytest.param(
            asked,
            "release_request",
            16,
            lambda house: house.portal.reminders.of_requests(by=RELEASES),
            id="reminding of requests",
        ),
        pytest.param(
            approved_with_conditions,
            "finding",
            8,
            lambda house: house.portal.reminders.of_findings(by=RELEASES),
            id="reminding of findings",
        ),
        pytest.param(
            approved_with_conditions,
            "release_request",
            11,
            lambda house: house.portal.approvals.revoke_overdue(by=RELEASES),
            id="revoking what is overdue",
        ),
        pytest.param(
            moved,
            "finding",
            0,
            lambda house: house.portal.remedies.revert(by=RECONCILER),
            id="setting back",
        ),
        pytest.param(
            moved_back,
            "finding",
            0,
            lambda house: house.portal.remedies.close(by=RECONCILER),
            id="closing findings",
        ),
    ],
)
def test_one_that_fails_keeps_no_other_waiting_and_is_told_once(
    small_house: House,
    caplog: pytest.LogCaptureFixture,
    begin: Set,
    table: str,
    days: int,
    round_: Round,
) -> None:
    house = small_house
    begin(house)
    breaks(house, table)
    house.clock.advance(timedelta(days=days))
    assert len(set(round_(house))) == 2
    refused = len(house.records())
    assert round_(house) == []
    assert len(house.records()) == refused
    house.clock.advance(timedelta(seconds=1))
    assert round_(house) == []
    (told,) = (one for one in caplog.records if one.name.startswith("catalog.releases"))
    assert told.getMessage().endswith("; it is tried again")
    assert told.exc_info is not None
    with house.portal.store.write() as session:
        session.connection().exec_driver_sql("DROP TRIGGER broken")
    house.clock.advance(timedelta(seconds=1))
    assert round_(house) == []
    house.clock.advance(timedelta(seconds=1))
    assert len(round_(house)) == 1
