"""Policies are published by an administrator, in versions that last, and govern what they cover."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.worker import RELEASES
from auth.actors import EVERYTHING
from auth.permissions import Role
from catalog.releases.policies.reading import NotAPolicy, pack_text
from catalog.releases.states import State, Verb
from ledger.errors import Conflict, CountersignError, NotFound, Refused
from tests.cast import WHY, House

BASELINE = pack_text("baseline")
SECOND = BASELINE.replace("\nversion: 1\n", "\nversion: 2\n")
TWO_PANELS = SECOND.replace(
    "approvals:\n  needed: 1",
    "approvals:\n  - {role: approver, needed: 2}\n  - {role: independent validator}",
)


def governed_by(house: House, alias: str = "champion") -> tuple[str, int]:
    found = house.portal.requests.preview(house.version(2).id, alias, by=house.alice).policy
    assert found is not None
    return found.name, found.version


def test_the_shipped_baseline_is_in_force_until_a_baseline_is_published(house: House) -> None:
    house.credit()
    assert governed_by(house) == ("baseline", 1)
    published = house.portal.policies.publish(SECOND, WHY, by=house.grace)
    assert governed_by(house) == ("baseline", 2)
    (record,) = house.records("policy:publish")
    assert record.resource == "policy:baseline"
    assert record.digests == {"policy": published.digest}
    assert record.texts["reason"] == WHY
    (edition,) = house.portal.policies.editions()
    assert (edition.text, edition.published_by) == (SECOND, house.grace.id)


def test_a_version_ends_the_one_before_it_and_both_stay_as_they_were(house: House) -> None:
    policies = house.portal.policies
    first = policies.publish(SECOND, WHY, by=house.grace)
    third = SECOND.replace("version: 2", "version: 3").replace("margin: 0.0", "margin: 0.02")
    second = policies.publish(third, WHY, by=house.grace)
    assert [one.digest for one in policies.in_force()] == [second.digest]
    newest, oldest = policies.editions("baseline")
    assert (newest.ended_at, oldest.ended_by) == (None, house.grace.id)
    assert policies.by_digest(first.digest).version == 2


@pytest.mark.parametrize("version", [1, 2, 4])
def test_a_published_version_is_never_written_again_nor_one_left_out(
    small_house: House, version: int
) -> None:
    small_house.portal.policies.publish(SECOND, WHY, by=small_house.grace)
    text = SECOND.replace("version: 2", f"version: {version}").replace("0.0", "0.01")
    with pytest.raises(Conflict, match="The next version of baseline is 3"):
        small_house.portal.policies.publish(text, WHY, by=small_house.grace)


def test_two_policies_do_not_share_a_priority(small_house: House) -> None:
    small_house.portal.policies.publish(SECOND, WHY, by=small_house.grace)
    other = BASELINE.replace("name: baseline", "name: another")
    with pytest.raises(Conflict) as told:
        small_house.portal.policies.publish(other, WHY, by=small_house.grace)
    assert told.value.code == "same-priority"
    small_house.portal.policies.publish(
        other.replace("title: Baseline", "priority: 7\ntitle: Other", 1), WHY, by=small_house.grace
    )


@pytest.mark.parametrize("name", ["alice", "bob", "carol", "dave", "erik"])
def test_only_a_governance_admin_publishes_or_ends_a_policy(small_house: House, name: str) -> None:
    by = small_house.who(name)
    for verb in (
        lambda: small_house.portal.policies.publish("not even read", WHY, by=by),
        lambda: small_house.portal.policies.end("baseline", WHY, by=by),
    ):
        with pytest.raises(Refused):
            verb()
    assert {one.outcome for one in small_house.records("policy:publish")} == {"refused"}
    assert small_house.portal.policies.editions() == []


def test_a_policy_with_a_problem_is_not_published(small_house: House) -> None:
    with pytest.raises(NotAPolicy):
        small_house.portal.policies.publish("name: x", WHY, by=small_house.grace)
    assert small_house.portal.policies.editions() == []


def test_what_no_published_policy_covers_goes_by_the_shipped_baseline(house: House) -> None:
    house.credit()
    house.portal.policies.publish(pack_text("eu-ai-act-high-risk"), WHY, by=house.grace)
    assert governed_by(house) == ("baseline", 1)
    # What is published goes first, however large its priority.
    last = BASELINE.replace("name: baseline", "name: zebra").replace(
        "title: Baseline", "priority: 9999\ntitle: Zebra", 1
    )
    house.portal.policies.publish(last, WHY, by=house.grace)
    assert governed_by(house) == ("zebra", 1)
    house.portal.policies.end("zebra", WHY, by=house.grace)
    assert governed_by(house) == ("baseline", 1)


def test_the_shipped_baseline_can_be_ended_and_published_again(house: House) -> None:
    house.credit()
    policies = house.portal.policies
    policies.publish(pack_text("internal-tool"), WHY, by=house.grace)
    policies.end("baseline", WHY, by=house.grace)
    assert [one.policy.name for one in policies.in_force()] == ["internal-tool"]
    (ended,) = policies.editions("baseline")
    assert (ended.text, ended.published_by, ended.ended_by) == (BASELINE, "", house.grace.id)
    (record,) = house.records("policy:end")
    assert (record.resource, record.texts["reason"]) == ("policy:baseline", WHY)
    with pytest.raises(NotFound):
        policies.end("baseline", WHY, by=house.grace)
    policies.publish(BASELINE, WHY, by=house.grace)
    assert governed_by(house) == ("baseline", 1)
    (again,) = policies.editions("baseline")
    assert (again.published_by, again.ended_at, again.ended_by) == (house.grace.id, None, "")


def test_where_no_policy_covers_a_release_none_is_allowed(house: House) -> None:
    house.credit()
    house.portal.policies.publish(pack_text("internal-tool"), WHY, by=house.grace)
    house.portal.policies.end("baseline", WHY, by=house.grace)
    # Also whoever may not ask is told what stands in everybody's way.
    for by in (house.alice, house.carol):
        preview = house.portal.requests.preview(house.version(2).id, "champion", by=by)
        assert (preview.gates, preview.policy, preview.may_request.code) == ((), None, "no-policy")
        assert not preview.may_request
    with pytest.raises(Refused) as told:
        house.asked(2)
    assert told.value.code == "no-policy"


def test_what_was_the_last_to_cover_a_release_may_be_ended_and_then_nothing_goes_live(
    house: House,
) -> None:
    house.credit()
    request = house.asked(2)
    house.portal.policies.publish(SECOND, WHY, by=house.grace)
    house.portal.policies.end("baseline", WHY, by=house.grace)
    with pytest.raises(Refused) as told:
        house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.bob)
    assert told.value.code == "no-policy"
    with pytest.raises(NotFound):
        house.portal.policies.end("baseline", WHY, by=house.grace)


# -- panels ----------------------------------------------------------------------------------------


@pytest.fixture
def panel(house: House) -> House:
    """Two approvers and one independent validator have to agree."""
    house.credit()
    house.portal.policies.publish(TWO_PANELS, WHY, by=house.grace)
    house.join("ben", Role.APPROVER, EVERYTHING)
    house.join("bea", Role.APPROVER, EVERYTHING)
    house.join("vera", Role.INDEPENDENT_VALIDATOR, EVERYTHING)
    return house


def agree(house: House, request_id: str, name: str) -> State:
    by = house.who(name)
    return house.portal.decisions.decide(request_id, Verb.APPROVE, WHY, by=by).state


def test_a_release_waits_until_every_panel_agreed_and_is_then_carried_out_once(
    panel: House,
) -> None:
    request = panel.asked(2)
    assert agree(panel, request.id, "bob") is State.IN_REVIEW
    assert agree(panel, request.id, "vera") is State.IN_REVIEW
    seats = panel.portal.requests.sheet(request.id, by=panel.bob).seats
    assert [(one.role, one.open) for one in seats] == [
        ("approver", 1),
        ("independent validator", 0),
    ]
    assert panel.deliver() == []
    assert agree(panel, request.id, "ben") is State.APPROVED
    assert len(panel.deliver()) == 1
    approved = panel.portal.requests.get(request.id, by=panel.bob)
    assert [one.panel for one in approved.decisions] == [
        "approver",
        "independent validator",
        "approver",
    ]
    assert {record.reason for record in panel.records("release:approve")} == {"agreed", "ok"}


def test_whoever_agrees_gives_the_others_time_again(panel: House) -> None:
    request = panel.asked(2)
    desk = panel.portal.requests
    days = desk.sheet(request.id, by=panel.bob).policy.limits.expire_after_days
    panel.clock.advance(timedelta(days=days - 1))
    agree(panel, request.id, "bob")
    panel.clock.advance(timedelta(days=days - 1))
    assert desk.expire_overdue(by=RELEASES) == []
    panel.clock.advance(timedelta(days=1))
    assert desk.expire_overdue(by=RELEASES) == [request.id]


def refusal(house: House, request_id: str, name: str) -> str:
    with pytest.raises(CountersignError) as told:
        agree(house, request_id, name)
    return told.value.code


def test_nobody_takes_two_seats_nor_a_seat_of_another_role(panel: House) -> None:
    request = panel.asked(2)
    agree(panel, request.id, "bob")
    assert refusal(panel, request.id, "bob") == "agreed-already"
    agree(panel, request.id, "ben")
    assert refusal(panel, request.id, "bea") == "no-seat"
    assert refusal(panel, request.id, "carol") != "no-seat"
    assert refusal(panel, request.id, "alice") == "requester"


def test_one_person_with_two_roles_counts_once(panel: House) -> None:
    panel.portal.grants.give(panel.bob.id, Role.INDEPENDENT_VALIDATOR, EVERYTHING, by=panel.grace)
    request = panel.asked(2)
    agree(panel, request.id, "bob")
    assert refusal(panel, request.id, "bob") == "agreed-already"


def test_what_was_agreed_to_on_other_evidence_does_not_count(panel: House) -> None:
    request = panel.asked(2)
    agree(panel, request.id, "bob")
    agree(panel, request.id, "vera")
    panel.mlflow.describe_version("credit-pd", 2, "Something else altogether.")
    panel.mirror()
    assert refusal(panel, request.id, "ben") == "changed-since-review"
    panel.work()
    seats = panel.portal.requests.sheet(request.id, by=panel.bob).seats
    assert [one.agreed for one in seats] == [(), ()]
    assert agree(panel, request.id, "ben") is State.IN_REVIEW


def test_one_of_a_panel_can_stop_it_for_all(panel: House) -> None:
    request = panel.asked(2)
    agree(panel, request.id, "bob")
    by = panel.who("vera")
    stopped = panel.portal.decisions.decide(request.id, Verb.REJECT, WHY, by=by)
    assert stopped.state is State.REJECTED


def test_before_anybody_asks_all_panels_that_would_decide_are_named(panel: House) -> None:
    would = panel.portal.deciders.if_asked(panel.version(2).id, "champion", by=panel.alice).people
    of = panel.portal.deciders.of(panel.asked(2).id, by=panel.alice).people
    assert {one.person_id for one in would if one.verdict} == {
        one.person_id for one in of if one.verdict
    }
    assert panel.who("vera").id in {one.person_id for one in would}


def test_what_one_agreed_to_waits_for_them_no_more(panel: House) -> None:
    request = panel.asked(2)

    def waits(name: str) -> list[str]:
        return [one.id for one in panel.portal.docket.waits_for(by=panel.who(name))]

    assert waits("bob") == waits("vera") == [request.id]
    agree(panel, request.id, "bob")
    assert (waits("bob"), waits("vera")) == ([], [request.id])


def test_who_turned_out_to_have_built_the_version_has_not_agreed(panel: House) -> None:
    request = panel.asked(2)
    agree(panel, request.id, "bob")
    panel.portal.grants.give(panel.bob.id, Role.MODEL_DEVELOPER, EVERYTHING, by=panel.grace)
    panel.portal.authorship.claim(panel.version(2).id, by=panel.bob)
    approvers, _validators = panel.portal.requests.sheet(request.id, by=panel.bob).seats
    assert (approvers.agreed, approvers.open) == ((), 2)


def test_what_one_agreed_to_under_another_policy_waits_for_them_again(panel: House) -> None:
    request = panel.asked(2)
    agree(panel, request.id, "bob")
    third = TWO_PANELS.replace("version: 2", "version: 3").replace("margin: 0.0", "margin: 0.5")
    panel.portal.policies.publish(third, WHY, by=panel.grace)
    assert refusal(panel, request.id, "vera") == "changed-since-review"
    panel.work()
    assert [one.id for one in panel.portal.docket.waits_for(by=panel.bob)] == [request.id]


def test_a_request_that_no_policy_covers_any_more_says_so_and_waits(house: House) -> None:
    house.credit()
    house.portal.policies.publish(SECOND, WHY, by=house.grace)
    asked = house.portal.requests.request(house.version(2).id, "champion", WHY, by=house.alice)
    house.portal.policies.end("baseline", WHY, by=house.grace)
    house.work()
    waiting = house.portal.requests.get(asked.id, by=house.alice)
    assert waiting.state is State.PENDING_REVIEW
    assert "No policy covers" in waiting.problem


def test_all_of_a_role_means_everybody_who_neither_asked_nor_built(house: House) -> None:
    house.credit()
    text = SECOND.replace("needed: 1", "needed: all")
    house.portal.policies.publish(text, WHY, by=house.grace)
    house.join("ben", Role.APPROVER, EVERYTHING)
    request = house.asked(2)
    assert agree(house, request.id, "bob") is State.IN_REVIEW
    assert agree(house, request.id, "ben") is State.APPROVED


def test_of_all_of_a_role_only_those_count_who_hold_it_still(house: House) -> None:
    house.credit()
    text = SECOND.replace("needed: 1", "needed: all")
    house.portal.policies.publish(text, WHY, by=house.grace)
    house.join("ben", Role.APPROVER, EVERYTHING)
    request = house.asked(2)
    agree(house, request.id, "bob")
    (held,) = (
        one
        for one in house.portal.grants.everywhere(by=house.grace)
        if one.principal_id == house.bob.id
    )
    house.portal.grants.take(held.id, by=house.grace)

    def seats() -> list[tuple[tuple[str, ...], int]]:
        found = house.portal.requests.sheet(request.id, by=house.grace).seats
        return [(one.agreed, one.open) for one in found]

    assert seats() == [((), 1)]
    # Who comes to hold it now is one of all.
    house.join("bea", Role.APPROVER, EVERYTHING)
    assert seats() == [((), 2)]
    assert agree(house, request.id, "ben") is State.IN_REVIEW
    assert agree(house, request.id, "bea") is State.APPROVED


def test_a_request_on_which_nothing_is_done_is_closed_when_its_policy_says(house: House) -> None:
    house.credit()
    request = house.asked(2)
    house.clock.advance(timedelta(days=29))
    assert house.portal.requests.expire_overdue(by=RELEASES) == []
    house.clock.advance(timedelta(days=2))
    assert house.portal.requests.expire_overdue(by=RELEASES) == [request.id]
    closed = house.portal.requests.get(request.id, by=house.alice)
    assert closed.state is State.EXPIRED
    assert "for 30 days" in closed.decisions[-1].reason
