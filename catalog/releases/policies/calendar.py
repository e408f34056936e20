"""When a policy lets approvals go live: release windows and freezes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final, Literal, Protocol
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from catalog.releases.policies.questions import Day, Strict, Words
from catalog.releases.states import Route

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Hour = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
_DAYS: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Nobody plans a freeze for longer; what never opens is said at once.
_LOOK_AHEAD: Final = timedelta(days=400)


class Window(Strict):
    """Times of the week at which promotions are carried out, on the clocks of a place."""

    days: list[Weekday] = Field(min_length=1)
    opens: Hour
    closes: Hour
    zone: Words = "UTC"

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            msg = "there is no such time zone; write one like Europe/Berlin"
            raise ValueError(msg) from error
        return value

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Window:
        if self.opens >= self.closes:
            msg = "it closes before it opens; write two windows around midnight"
            raise ValueError(msg)
        return self


class Freeze(Strict):
    """Days, the first and the last included, on which nothing is promoted (UTC): 400 at most."""

    first: Day
    last: Day
    why: Words

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Freeze:
        if self.first > self.last:
            msg = "the last day lies before the first"
            raise ValueError(msg)
        if date.fromisoformat(self.last) - date.fromisoformat(self.first) > _LOOK_AHEAD:
            msg = "it lasts longer than 400 days; end the policy instead"
            raise ValueError(msg)
        return self

    @property
    def ends(self) -> datetime:
        """The first moment after it."""
        return datetime.combine(date.fromisoformat(self.last), time(), UTC) + timedelta(days=1)

    def holds(self, at: datetime) -> bool:
        """Whether a moment lies in it."""
        return self.first <= at.astimezone(UTC).date().isoformat() <= self.last


class _Calendar(Protocol):
    @property
    def windows(self) -> list[Window]: ...
    @property
    def freezes(self) -> list[Freeze]: ...


class _Asked(Protocol):
    route: str


def opens_at(policy: _Calendar, request: _Asked, at: datetime) -> datetime | None:
    """When an approval may be carried out: None for at once, else a later moment.

    What is urgent waits for nobody: an emergency and a rollback go at once.
    """
    if request.route != Route.RELEASE:
        return None
    found = next_opening(policy, at)
    return None if found <= at else found


def next_opening(policy: _Calendar, at: datetime) -> datetime:
    """The first moment from `at` on at which promotions are carried out.

    Where none comes within 400 days, the moment 400 days ahead, to be asked again then.
    """
    moment, end = at, at + _LOOK_AHEAD
    while moment < end:
        frozen = next((one for one in policy.freezes if one.holds(moment)), None)
        if frozen is not None:
            moment = frozen.ends
            continue
        if not policy.windows:
            return moment
        opening = min(_opening(one, moment) for one in policy.windows)
        if opening == moment or not any(one.holds(opening) for one in policy.freezes):
            return opening
        moment = opening
    return end


def why_closed(policy: _Calendar, at: datetime) -> str:
    """What an approval waits for at a moment, in words; empty when it is open."""
    frozen = next((one for one in policy.freezes if one.holds(at)), None)
    if frozen is not None:
        return f"Nothing is released from {frozen.first} to {frozen.last}: {frozen.why}"
    if next_opening(policy, at) > at:
        return "It is carried out when the next release window opens."
    return ""


def _opening(window: Window, at: datetime) -> datetime:
    """The first moment from `at` on that lies in a window."""
    zone = ZoneInfo(window.zone)
    local = at.astimezone(zone)
    for ahead in range(8):
        day = local.date() + timedelta(days=ahead)
        if _DAYS[day.weekday()] not in window.days:
            continue
        opens = datetime.combine(day, time.fromisoformat(window.opens), zone).astimezone(UTC)
        closes = datetime.combine(day, time.fromisoformat(window.closes), zone).astimezone(UTC)
        if at < closes:
            return max(at, opens)
    return at + timedelta(days=8)
