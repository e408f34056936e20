"""How long a request may wait for its decision, as its policy says."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.loops import RELEASES
from auth.actors import EVERYTHING
from auth.permissions import Role
from catalog.releases.decisions.docket import Wanted
from catalog.releases.policies.digests import canonical
from catalog.releases.policies.reading import NotAPolicy, pack_text, packs, read
from catalog.releases.states import State, Verb
from tests.api.test_release_story import client
from tests.cast import WHY, House

# The shipped policies as they were bound before there was such a day.
BEFORE = {
    "baseline": "da567bb84f9cbe74ae4bac1640f2b66b7172136affb877da802760616a87d1af",
    "eu-ai-act-high-risk": "18fcf0e7890f06c0e4dad0d89ed464fbf1aa898e64ab7facfa4a3bd13640f17d",
    "internal-tool": "30daf484f45a9637cfc588b121036f85b161a0b5b93e09ef8ecdac51f3c3fd78",
    "nyc-ll144": "994dec5206dd79106cda3160f1dcee88c6f3d08ecc7f01e4b4166768a5a4dba6",
    "sr-26-2": "69b0b766933feabbfff6d2f1725cfcd962c0ecac40789142f7ee5ef1305a80e6",
}


def baseline(limits: str, version: int = 2) -> str:
    text = pack_text("baseline").replace("\nversion: 1\n", f"\nversion: {version}\n")
    return f"{text.replace('needed: 1', 'needed: 2')}\nlimits: {limits}\n"


def asked(house: House, limits: str) -> str:
    """A request of 20 Nov 2026 that two approvers have to agree to."""
    house.credit()
    house.join("ben", Role.APPROVER, EVERYTHING)
    house.portal.policies.publish(baseline(limits), WHY, by=house.grace)
    return house.asked(2).id


def days(house: House, request: str) -> tuple[date | None, date | None]:
    """The last day for its decision, on the request and in the inbox of who can decide it."""
    sheet = house.portal.requests.sheet(request, by=house.bob)
    briefs = house.portal.docket.page(Wanted(), by=house.bob).briefs
    (brief,) = [one for one in briefs if one.id == request]
    return sheet.decide_by, brief.decide_by


def closed(house: House) -> list[str]:
    return house.portal.requests.expire_overdue(by=RELEASES)


def test_a_policy_names_the_last_day_and_who_agrees_does_not_move_it(house: House) -> None:
    request = asked(house, "{decide_within_days: 10}")
    assert days(house, request) == (date(2026, 11, 30), date(2026, 11, 30))
    house.clock.advance(timedelta(days=4))
    house.portal.decisions.decide(request, Verb.APPROVE, WHY, by=house.bob)
    assert days(house, request) == (date(2026, 11, 30), date(2026, 11, 30))
    told = client(house, house.bob).get(f"/release-requests/{request}").json()
    assert told["decide_by"] == "2026-11-30"
    # It is overdue and waits on: only a policy that says so closes it.
    house.clock.advance(timedelta(days=20))
    assert closed(house) == []
    assert days(house, request) == (date(2026, 11, 30), date(2026, 11, 30))


def test_who_changes_it_has_no_such_day_and_then_its_reviewers_have_all_their_days_again(
    house: House,
) -> None:
    request = asked(house, "{decide_within_days: 10, undecided: close}")
    desk = house.portal.requests
    house.clock.advance(timedelta(days=9))
    house.portal.decisions.decide(request, Verb.REQUEST_CHANGES, WHY, by=house.bob)
    house.clock.advance(timedelta(days=9))
    assert days(house, request) == (None, None)
    assert closed(house) == []
    desk.resubmit(request, WHY, by=house.alice)
    assert days(house, request) == (date(2026, 12, 18), date(2026, 12, 18))


def test_what_is_read_anew_is_before_its_reviewers_anew(house: House) -> None:
    request = asked(house, "{decide_within_days: 10}")
    house.clock.advance(timedelta(days=4))
    house.mlflow.describe_version("credit-pd", 2, "Something else altogether.")
    house.mirror()
    assert house.portal.rereadings.sweep(by=RELEASES) == [request]
    assert days(house, request) == (date(2026, 12, 4), date(2026, 12, 4))


def test_a_policy_that_says_so_closes_it_once_its_last_day_is_over(house: House) -> None:
    request = asked(house, "{decide_within_days: 10, undecided: close}")
    house.clock.advance(timedelta(days=4))
    house.portal.decisions.decide(request, Verb.APPROVE, WHY, by=house.bob)
    house.clock.advance(timedelta(days=6, hours=14))
    assert (house.clock.now().date(), closed(house)) == (date(2026, 11, 30), [])
    house.clock.advance(timedelta(hours=1))
    assert closed(house) == [request]
    gone = house.portal.requests.get(request, by=house.alice)
    assert gone.state is State.EXPIRED
    assert gone.decisions[-1].reason == ("It was not decided within 10 days, as its policy asks.")
    assert closed(house) == []


def test_what_somebody_did_something_on_meanwhile_is_not_closed(small_house: House) -> None:
    request = asked(small_house, "{decide_within_days: 10, undecided: close}")
    desk = small_house.portal.requests
    small_house.portal.decisions.decide(request, Verb.REQUEST_CHANGES, WHY, by=small_house.bob)
    assert not desk.expire(request, WHY, revision=2, by=RELEASES)
    assert desk.get(request, by=small_house.bob).state is State.CHANGES_REQUESTED
    (record,) = small_house.records("release:expire")
    assert record.reason == "nothing-to-do"


def test_reviewers_are_reminded_when_half_of_the_days_for_their_decision_are_over(
    small_house: House,
) -> None:
    request = asked(small_house, "{decide_within_days: 10}")
    remind = small_house.portal.reminders.of_requests
    small_house.clock.advance(timedelta(days=4))
    small_house.portal.decisions.decide(request, Verb.APPROVE, WHY, by=small_house.bob)
    assert remind(by=RELEASES) == []
    small_house.clock.advance(timedelta(days=1, seconds=1))
    assert remind(by=RELEASES) == [request]
    assert remind(by=RELEASES) == []


def test_a_policy_published_before_keeps_its_digest_and_says_nothing_of_it() -> None:
    assert {one.policy.name: one.digest.removeprefix("sha256:") for one in packs()} == BEFORE
    assert '"limits":{"expire_after_days":45}' in canonical(read(pack_text("sr-26-2")).plain)
    unset = baseline("{expire_after_days: 30, undecided: wait}")
    assert read(unset).digest == read(baseline("{}")).digest
    assert read(baseline("{decide_within_days: 30}")).digest != read(unset).digest


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ("{undecided: close}", "Write decide_within_days as well, or leave undecided out."),
        ("{decide_within_days: 31}", "Write 30 or less, or a larger expire_after_days."),
        ("{decide_within_days: 0}", "Write 1, or a larger number."),
        ("{decide_within_days: 5, undecided: revoke}", "Write 'wait' or 'close'."),
    ],
)
def test_a_time_limit_that_cannot_be_kept_is_told_with_its_remedy(limits: str, told: str) -> None:
    with pytest.raises(NotAPolicy) as found:
        read(baseline(limits))
    assert [one.remedy for one in found.value.problems] == [told]
