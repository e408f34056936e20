"""Out of service: an alias is taken away on an approval, once, and never without one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import pytest
from joserfc import jws

from app.loops import RECONCILER
from app.notice_words import told
from app.worker import RELEASES
from auth.actors import EVERYTHING, Actor
from auth.permissions import Role
from catalog.applications.consumers import Relies
from catalog.registry.deprecations import Farewell
from catalog.registry.inventory.gaps import Gap, gaps_of
from catalog.registry.inventory.standing import Stage
from catalog.registry.mirror.pen import Kind
from catalog.releases.decisions.conditions import Condition
from catalog.releases.findings.finding import Finding, FindingState
from catalog.releases.gates.answers import Answer
from catalog.releases.promotions.outbox import Promotion
from catalog.releases.promotions.promotions import LEASE, POINTS
from catalog.releases.requests.request import ReleaseRequest
from catalog.releases.states import PromotionState, Route, State, Verb
from ledger.errors import CountersignError
from tests.cast import WHY, House
from tests.catalog.releases.test_reconciliation import NAME, findings, live, look, point
from tests.catalog.releases.test_remedies import settle

ALIASES: Final[tuple[Kind, ...]] = ("alias",)
CHAMPION: Final = "champion"
# What a retirement reaches of them: nothing is sealed where files do not matter.
REACHED: Final = tuple(one for one in POINTS if one != "sealed")


class Killed(BaseException):
    """What kills a worker."""


def asked(house: House, number: int = 2, by: Actor | None = None, **more: object) -> ReleaseRequest:
    """Somebody asks that champion be taken away, and the worker opens the request for review."""
    made = house.portal.retirements.retire(
        house.version(number).id,
        CHAMPION,
        "Nobody needs it any more.",
        by=by or house.alice,
        **more,  # type: ignore[arg-type]
    )
    house.work()
    return house.portal.requests.get(made.id, by=house.alice)


def approve(house: House, request: ReleaseRequest) -> ReleaseRequest:
    return house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.bob)


def retired(house: House) -> Promotion:
    """Alice asks, Bob approves, and the worker carries it out."""
    approve(house, asked(house))
    (done,) = house.deliver()
    return done


def code_of(verb: Callable[[], object]) -> str:
    """The code of a refusal; empty when it is none."""
    try:
        verb()
    except CountersignError as refusal:
        return refusal.code
    return ""


def rely(house: House) -> None:
    """An application says that it relies on the champion."""
    house.portal.consumers.register(
        house.model().id,
        Relies(CHAMPION, "Scores loans.", "loans@norrland.example"),
        application_id=house.robot.id,
        by=house.alice,
    )


def says(house: House, who: Actor) -> list[str]:
    """The notices somebody got, newest first, as they are told."""
    page = house.portal.notices.page(by=who)
    return [f"{one.title} {one.detail}" for one in told(house.portal, page.notices, by=who)]


# -- asked, decided, carried out -------------------------------------------------------------------


def test_an_approved_retirement_takes_the_alias_away_and_retires_the_model(house: House) -> None:
    live(house)
    request = asked(house)
    assert (request.route, request.state, request.replaces) == (
        Route.RETIREMENT,
        State.IN_REVIEW,
        2,
    )
    approve(house, request)
    assert house.mlflow.alias(NAME, CHAMPION) == 2
    (done,) = house.deliver()
    assert (done.state, done.code) == (PromotionState.APPLIED, "applied")
    assert house.mlflow.alias(NAME, CHAMPION) is None
    assert house.model().stage == Stage.RETIRED
    assert house.model().alias(CHAMPION) is None
    (record,) = house.records("release:retire")
    assert record.facts["version"] == house.version(2).id
    record = house.records("promotion:apply")[-1]
    assert (record.facts["alias"], record.facts["stage"]) == (CHAMPION, "Retired")
    assert all(one.is_same for one in house.portal.replay.decisions(by=house.bob))


def test_a_model_that_is_live_under_another_alias_is_not_retired(small_house: House) -> None:
    live(small_house)
    point(small_house, 1, "challenger")
    look(small_house)
    retired(small_house)
    assert small_house.model().stage == ""


def test_the_ticket_allows_to_take_this_alias_from_this_version_and_nothing_else(
    small_house: House,
) -> None:
    live(small_house)
    retired(small_house)
    (ticket,) = small_house.mlflow.tickets[2:]  # two moved the release
    claims = jws.extract_compact(ticket.encode()).payload.decode()
    for part in ('"act":"delete-alias"', '"alias":"champion"', '"version":2', f'"model":"{NAME}"'):
        assert part in claims
    assert '"digest":"sha256:' in claims


def test_a_version_whose_files_are_gone_is_retired_all_the_same(small_house: House) -> None:
    small_house.credit()
    look(small_house)
    seen = small_house.mlflow.version(NAME, 1)
    small_house.mlflow.lose_files(seen)
    approve(small_house, asked(small_house, 1))
    (done,) = small_house.deliver()
    assert done.state is PromotionState.APPLIED
    assert small_house.mlflow.alias(NAME, CHAMPION) is None


def test_a_version_that_nobody_is_known_to_have_built_is_retired_all_the_same(
    small_house: House,
) -> None:
    small_house.credit()
    small_house.mlflow.log(NAME)
    point(small_house, 3)
    look(small_house)
    approve(small_house, asked(small_house, 3))
    (done,) = small_house.deliver()
    assert done.state is PromotionState.APPLIED


WHO: dict[str, tuple[Callable[[House], Actor], str]] = {
    "the model's owner": (lambda house: house.alice, ""),
    "a developer": (lambda house: house.join("dora", Role.MODEL_DEVELOPER, EVERYTHING), ""),
    "an approver": (lambda house: house.bob, "no-role"),
    "a business owner": (lambda house: house.carol, "no-role"),
    "an auditor": (lambda house: house.erik, "no-role"),
    "an administrator": (lambda house: house.grace, "no-role"),
    "an application": (lambda house: house.robot, "no-role"),
    "a stranger": (lambda house: house.dave, "no-such-version"),
}


@pytest.mark.parametrize("who", WHO)
def test_only_who_may_ask_for_a_release_asks_for_a_retirement(small_house: House, who: str) -> None:
    live(small_house)
    find, code = WHO[who]
    by = find(small_house)
    assert code_of(lambda: asked(small_house, by=by)) == code


def test_an_alias_is_only_taken_away_from_where_it_points_and_asked_for_once(
    small_house: House,
) -> None:
    live(small_house)
    assert code_of(lambda: asked(small_house, 3)) == "not-live"
    request = asked(small_house)
    assert code_of(lambda: asked(small_house)) == "asked-already"
    decide = small_house.portal.decisions.decide
    assert code_of(lambda: decide(request.id, Verb.APPROVE, WHY, by=small_house.alice))
    assert code_of(lambda: decide(request.id, Verb.APPROVE, WHY, by=small_house.carol))
    condition = Condition("Tell them.", small_house.clock.now().date())
    conditionally = Verb.APPROVE_WITH_CONDITIONS
    assert (
        code_of(
            lambda: decide(
                request.id, conditionally, WHY, conditions=[condition], by=small_house.bob
            )
        )
        == "no-conditions"
    )
    assert small_house.deliver() == []


# -- those who rely on it --------------------------------------------------------------------------


def test_whoever_relies_on_it_is_told_first_and_has_until_the_day(house: House) -> None:
    live(house)
    rely(house)
    untold = asked(house)
    assert code_of(lambda: approve(house, untold)) == "gate-not-passed"
    house.portal.requests.withdraw(untold.id, WHY, by=house.alice)
    day = house.clock.now().date() + timedelta(days=7)
    farewell = Farewell(day, "Use v3.", house.version(3).id)
    request = asked(house, farewell=farewell)
    said = house.portal.deprecations.of(house.model(), by=house.alice)[house.version(2).id]
    assert (said.ends_on, said.successor.number if said.successor else 0) == (day, 3)
    assert any("v2 is deprecated and ends on" in one for one in says(house, house.alice))
    assert code_of(lambda: approve(house, request)) == "gate-not-passed"
    house.clock.advance(timedelta(days=7))
    approve(house, request)
    (done,) = house.deliver()
    assert done.state is PromotionState.APPLIED


def test_who_begins_to_rely_on_it_while_it_is_asked_for_is_told_first_too(
    small_house: House,
) -> None:
    live(small_house)
    request = asked(small_house)
    rely(small_house)
    small_house.work()
    sheet = small_house.portal.requests.sheet(request.id, by=small_house.bob)
    assert (sheet.request.state, sheet.changed_since) == (State.IN_REVIEW, False)
    assert [one.answer for one in sheet.gates] == [Answer.PASS, Answer.MISSING]


def test_who_relies_on_it_and_the_owner_hear_that_it_was_retired(small_house: House) -> None:
    live(small_house)
    rely(small_house)
    today = small_house.clock.now().date()
    approve(small_house, asked(small_house, farewell=Farewell(today, "It is over.")))
    small_house.deliver()
    told = says(small_house, small_house.alice)
    assert f"{NAME}: nothing is champion now, it was v2. Retired, approved by Bob Norrland." in told
    assert any("v2 no longer @champion, was approved." in one for one in told)


def test_a_farewell_is_said_by_those_alone_who_may_deprecate(small_house: House) -> None:
    live(small_house)
    dora = small_house.join("dora", Role.MODEL_DEVELOPER, EVERYTHING)
    farewell = Farewell(small_house.clock.now().date(), "It is over.")
    assert code_of(lambda: asked(small_house, by=dora, farewell=farewell)) == "no-role"
    assert small_house.portal.deprecations.of(small_house.model(), by=dora) == {}


# -- moved, killed, twice --------------------------------------------------------------------------


def test_an_alias_that_moved_since_the_approval_is_left_and_it_is_told(house: House) -> None:
    live(house)
    approve(house, asked(house))
    point(house, 3)
    (stopped,) = house.deliver()
    assert (stopped.state, stopped.code) == (PromotionState.FAILED, "alias-moved-since")
    assert house.mlflow.alias(NAME, CHAMPION) == 3
    assert house.model().stage == ""


def test_an_alias_that_moved_while_it_was_asked_for_is_not_taken_from_another_version(
    small_house: House,
) -> None:
    live(small_house)
    request = asked(small_house)
    point(small_house, 3)
    small_house.mirror()
    assert code_of(lambda: approve(small_house, request)) == "changed-since-review"
    small_house.work()
    assert code_of(lambda: approve(small_house, request)) == "gate-not-passed"
    assert small_house.deliver() == []


@pytest.mark.parametrize("where", REACHED)
def test_a_worker_that_dies_anywhere_takes_it_away_once(house: House, where: str) -> None:
    live(house)
    approve(house, asked(house))

    def die(reached: str) -> None:
        if reached == where:
            raise Killed

    with pytest.raises(Killed):
        house.portal.promotions.carry_out_next("worker-1", by=RELEASES, at_point=die)
    house.clock.advance(LEASE)
    rest = house.deliver()
    assert [one.state for one in rest] == [PromotionState.APPLIED] * (where != "marked")
    assert house.mlflow.calls.count((NAME, CHAMPION, None)) == 1
    assert house.mlflow.alias(NAME, CHAMPION) is None
    assert house.model().stage == Stage.RETIRED
    assert len(house.records("promotion:apply", outcome="done")) == 2
    assert look(house) == []


def test_a_retirement_that_was_revoked_in_time_takes_nothing_away(small_house: House) -> None:
    live(small_house)
    request = approve(small_house, asked(small_house))
    small_house.portal.approvals.revoke(request.id, "Too early.", by=small_house.bob)
    assert small_house.deliver() == []
    assert small_house.mlflow.alias(NAME, CHAMPION) == 2


# -- explained, and put back -----------------------------------------------------------------------


def open_ones(house: House) -> list[Finding]:
    return [one for one in findings(house) if one.state is not FindingState.CLOSED]


def test_an_alias_taken_away_by_a_retirement_is_explained(house: House) -> None:
    live(house)
    approve(house, asked(house))

    def die(point: str) -> None:
        if point == "after-call":
            raise Killed

    # Seen by the mirror before the promotion is marked.
    with pytest.raises(Killed):
        house.portal.promotions.carry_out_next("worker-1", by=RELEASES, at_point=die)
    assert house.mlflow.alias(NAME, CHAMPION) is None
    assert look(house) == []
    house.clock.advance(LEASE)
    (done,) = house.deliver()
    assert (done.state, done.code) == (PromotionState.APPLIED, "applied-before")
    assert look(house) == []
    assert house.portal.reconciliation.look_astray(by=RECONCILER) == 0
    gone = house.portal.changes.of(house.model(), kinds=ALIASES)[0]
    assert (gone.after, gone.by_promotion) == ("", done.id)


def test_an_alias_removed_without_an_approval_stays_a_finding(house: House) -> None:
    live(house)
    asked(house)  # asked for is not approved
    house.mlflow.unset(NAME, CHAMPION)
    (found,) = look(house)
    assert found.title == "champion was removed from v2 outside the process"


def test_what_comes_back_after_its_retirement_is_found_and_closes_when_it_is_gone(
    house: House,
) -> None:
    live(house)
    retired(house)
    point(house, 2)
    (found,) = look(house)
    assert found.title == "champion was set to v2 outside the process"
    assert found.detail.startswith("champion was taken away from v2 in RR-2026-0002.")
    house.mlflow.unset(NAME, CHAMPION)
    settle(house)
    assert open_ones(house) == []
    (closed,) = findings(house)
    assert closed.closed_why.endswith("as approved in RR-2026-0002.")


def test_a_retirement_that_is_taken_back_explains_nothing_any_more(small_house: House) -> None:
    live(small_house)
    retired(small_house)
    look(small_house)
    small_house.portal.approvals.revoke("RR-2026-0002", "We need it.", by=small_house.bob)
    look(small_house)
    assert small_house.portal.reconciliation.look_astray(by=RECONCILER) == 1
    assert findings(small_house)[0].title == "champion is not set, and v2 was approved for it"


def test_it_is_undone_by_setting_the_alias_back_to_what_was_approved_before(house: House) -> None:
    live(house)
    retired(house)
    (choice,) = house.portal.rollbacks.choices(house.model().id, CHAMPION, by=house.alice)
    assert (choice.version_number, choice.request_number) == (2, "RR-2026-0001")
    house.portal.rollbacks.roll_back(choice.version_id, CHAMPION, WHY, by=house.alice)
    (done,) = house.deliver()
    assert (done.state, house.mlflow.alias(NAME, CHAMPION)) == (PromotionState.APPLIED, 2)
    assert look(house) == []
    # The stage does not follow by itself, and the way back is open.
    assert Gap.LIVE_TOO_SOON in gaps_of(house.model(), None)
    house.portal.inventory.move(house.model().id, "Production", WHY, by=house.grace)
    assert house.model().stage == Stage.PRODUCTION


def test_a_retirement_approves_no_version(small_house: House) -> None:
    """When the release is revoked, a retirement of the version does not stand in for it."""
    live(small_house)
    retired(small_house)
    rollbacks, model_id = small_house.portal.rollbacks, small_house.model().id
    rollbacks.roll_back(small_house.version(2).id, CHAMPION, WHY, by=small_house.alice)
    small_house.deliver()
    look(small_house)
    small_house.portal.approvals.revoke("RR-2026-0001", WHY, by=small_house.bob)
    stands = {
        one.number: one.state for one in small_house.portal.requests.listing(by=small_house.bob)
    }
    assert stands == {
        "RR-2026-0001": State.REVOKED,
        "RR-2026-0002": State.APPROVED,
        "RR-2026-0003": State.REVOKED,
    }
    assert [one.title for one in findings(small_house)] == [
        "v2 is live as champion and its approval was revoked"
    ]
    assert rollbacks.choices(model_id, CHAMPION, by=small_house.alice) == []
