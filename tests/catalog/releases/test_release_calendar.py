"""Release windows and freezes: when an approval is carried out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.worker import RELEASES
from catalog.releases.policies.calendar import Freeze, Window, next_opening, why_closed
from catalog.releases.policies.reading import NotAPolicy, pack_text, read
from catalog.releases.states import PromotionState, Verb
from tests.cast import AT, WHY, House


@dataclass(frozen=True)
class Calendar:
    windows: list[Window] = field(default_factory=list)
    freezes: list[Freeze] = field(default_factory=list)


OFFICE = Window(
    days=["mon", "tue", "wed", "thu"], opens="09:00", closes="16:00", zone="Europe/Berlin"
)
YEAR_END = Freeze(first="2026-12-21", last="2027-01-03", why="Nobody is here.")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-11-19 08:00", "2026-11-19 08:00"),  # Thursday, 9 in Berlin: it opens now
        ("2026-11-19 07:59", "2026-11-19 08:00"),
        ("2026-11-19 15:00", "2026-11-23 08:00"),  # closed at this moment: Monday
        ("2026-11-20 09:12", "2026-11-23 08:00"),  # Friday
        ("2026-07-01 07:30", "2026-07-01 07:30"),  # summer time: 9:30 in Berlin
        ("2026-12-20 12:00", "2027-01-04 08:00"),  # Sunday before the freeze
        ("2026-12-21 09:00", "2027-01-04 08:00"),
    ],
)
def test_an_approval_waits_for_the_next_window_outside_of_every_freeze(at: str, opens: str) -> None:
    calendar = Calendar([OFFICE], [YEAR_END])
    assert next_opening(calendar, utc(at)) == utc(opens)
    assert (why_closed(calendar, utc(at)) == "") == (at == opens)


def test_without_windows_only_a_freeze_holds_it_up() -> None:
    calendar = Calendar(freezes=[YEAR_END])
    assert next_opening(calendar, utc("2026-12-20 23:59")) == utc("2026-12-20 23:59")
    assert next_opening(calendar, utc("2026-12-21 00:00")) == utc("2027-01-04 00:00")
    assert "Nobody is here." in why_closed(calendar, utc("2026-12-24 12:00"))


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 365 * 24 * 60).map(lambda minutes: AT + timedelta(minutes=minutes)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland"]),
)
def test_whatever_the_moment_it_opens_later_within_the_window_and_then_stays_open(
    at: datetime, zone: str
) -> None:
    window = Window(days=["tue", "sat"], opens="22:30", closes="23:30", zone=zone)
    calendar = Calendar([window], [YEAR_END])
    opens = next_opening(calendar, at)
    assert opens >= at
    assert next_opening(calendar, opens) == opens
    assert not YEAR_END.holds(opens)


TEXT = pack_text("baseline").replace("\nversion: 1\n", "\nversion: 2\n") + (
    "windows:\n  - {days: [mon, tue], opens: '09:00', closes: '16:00', zone: Europe/Berlin}\n"
)


@pytest.mark.parametrize(
    "wrong",
    [
        TEXT.replace("'16:00'", "'08:00'"),
        TEXT.replace("'16:00'", "'25:00'"),
        TEXT.replace("Europe/Berlin", "Europe/Atlantis"),
        TEXT.replace("[mon, tue]", "[]"),
        TEXT.replace("[mon, tue]", "[someday]"),
        TEXT + "freezes:\n  - {first: '2026-12-31', last: '2026-12-01', why: x}\n",
        TEXT + "freezes:\n  - {first: '2026-02-30', last: '2026-12-01', why: x}\n",
    ],
)
def test_a_calendar_that_never_holds_is_refused_with_its_line(wrong: str) -> None:
    assert read(TEXT).windows
    with pytest.raises(NotAPolicy) as told:
        read(wrong)
    assert told.value.problems


def test_an_approval_is_carried_out_when_the_window_opens_and_others_do_not_wait_for_it(
    house: House,
) -> None:
    house.portal.policies.publish(TEXT, WHY, by=house.grace)
    house.credit(aucs=(0.80, 0.82, 0.84))
    assert AT.strftime("%a") == "Fri"
    waiting = house.approved(2)
    assert waiting.promotion is not None
    assert waiting.promotion.opens_at == utc("2026-11-23 08:00")
    assert house.deliver() == []
    house.portal.approvals.revoke(waiting.id, WHY, by=house.bob)
    waiting = house.approved(3)
    urgent = house.portal.requests.request(
        house.version(2).id, "challenger", "Needed now.", is_emergency=True, by=house.alice
    )
    house.work()
    house.portal.decisions.decide(urgent.id, Verb.APPROVE, WHY, by=house.bob)
    (done,) = house.deliver()
    assert done.request_id == urgent.id
    house.clock.advance(utc("2026-11-23 08:00") - house.clock.now())
    (done,) = house.deliver()
    assert (done.request_id, done.state) == (waiting.id, PromotionState.APPLIED)


def test_a_window_that_closed_before_the_worker_came_is_waited_for_again(house: House) -> None:
    house.portal.policies.publish(TEXT, WHY, by=house.grace)
    house.credit()
    house.approved(2)
    house.clock.advance(utc("2026-11-23 17:00") - house.clock.now())
    assert house.portal.promotions.carry_out_next("worker-1", by=RELEASES) is None
    house.clock.advance(timedelta(hours=16))
    (done,) = house.deliver()
    assert done.state is PromotionState.APPLIED
