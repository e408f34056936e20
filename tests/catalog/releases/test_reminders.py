"""Who is told of findings, of what was taken back, and of requests that cannot wait."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import delete

from app.loops import RELEASES
from app.notice_words import Told, told
from auth.actors import Actor
from auth.permissions import Role
from catalog.applications.consumers import Relies
from catalog.notifications.kinds import Kind, Why
from catalog.notifications.tables import NoticeRow
from catalog.notifications.watches import On
from catalog.releases.decisions.conditions import Condition
from catalog.releases.findings.finding import Severity
from catalog.releases.policies.reading import pack_text
from catalog.releases.states import Verb
from tests.cast import LENDING, WHY, House
from tests.catalog.releases.test_reconciliation import NAME, live, look, point


def forget(house: House) -> None:
    """What was told up to here is of no interest."""
    house.work()
    with house.portal.store.write() as session:
        session.connection().execute(delete(NoticeRow))


def heard(house: House, who: Actor, *kinds: Kind) -> list[Told]:
    house.work()
    notices = house.portal.notices.page(by=who, kinds=kinds or tuple(Kind)).notices
    return told(house.portal, notices, by=who)


def says(house: House, who: Actor, kind: Kind) -> list[str]:
    return [one.title for one in heard(house, who, kind)]


def test_a_move_nobody_approved_is_told_to_its_owner_to_consumers_and_to_who_watches(
    house: House,
) -> None:
    live(house)
    house.portal.watches.start(On.ALIAS, "champion", by=house.carol)
    ines = house.join("ines", Role.MODEL_OWNER, LENDING)
    robot = house.robot
    relies = Relies("champion", "Decides loans.", "loans@norrland.example")
    house.portal.consumers.register(house.model().id, relies, application_id=robot.id, by=ines)
    forget(house)
    point(house, 3)
    look(house)
    title = "credit-pd: champion was moved from v2 to v3 outside the process."
    whys = {}
    for who in (house.alice, house.who("ines"), house.carol):
        (one,) = heard(house, who, Kind.FINDING)
        assert (one.title, one.finding) == (title, "F-2026-0001")
        whys[who.name.partition(" ")[0]] = one.notice.why
    assert whys == {"Alice": Why.RESPONSIBLE, "Ines": Why.CONSUMER, "Carol": Why.ALIAS}
    assert heard(house, house.bob, Kind.FINDING) == []


def test_what_nobody_owns_is_told_to_every_administrator(small_house: House) -> None:
    small_house.mlflow.register("orphan")
    small_house.mlflow.log("orphan")
    look(small_house)
    small_house.mlflow.point("orphan", "champion", 1)
    look(small_house)
    (one,) = heard(small_house, small_house.grace, Kind.FINDING)
    assert one.because == ("You are told because nobody owns it, and you can give it to somebody.")
    assert heard(small_house, small_house.erik, Kind.FINDING) == []


def test_the_owner_of_a_finding_is_reminded_once_three_days_before_its_day(house: House) -> None:
    house.credit()
    request, due = house.asked(), date(2026, 11, 30)
    house.portal.decisions.decide(
        request.id,
        Verb.APPROVE_WITH_CONDITIONS,
        WHY,
        conditions=[Condition("Write down how it is watched.", due)],
        by=house.bob,
    )
    title = "credit-pd: Write down how it is watched."
    assert says(house, house.alice, Kind.FINDING) == [title]
    desk = house.portal.reminders
    reminded = []
    while house.clock.now().date() <= due:
        reminded += [house.clock.now().date() for _ in desk.of_findings(by=RELEASES)]
        house.clock.advance(timedelta(hours=8))
    assert reminded == [date(2026, 11, 27)]
    (one,) = heard(house, house.alice, Kind.DUE)
    assert (one.title, one.detail) == (
        title,
        "It is soon overdue. F-2026-0001, high, to be put right by 30 Nov 2026.",
    )
    assert heard(house, house.bob, Kind.DUE) == []


def test_another_day_is_reminded_of_anew_and_a_late_finding_not_at_all(small_house: House) -> None:
    small_house.credit()
    findings, desk = small_house.portal.findings, small_house.portal.reminders
    version, today = small_house.version(2).id, small_house.clock.now().date()
    for days in (3, 9):
        findings.open(
            version,
            "It drifts",
            "Seen.",
            severity=Severity.LOW,
            owner_id=small_house.alice.id,
            due_on=today + timedelta(days=days),
            by=small_house.bob,
        )
    small_house.clock.advance(timedelta(days=7))
    assert len(desk.of_findings(by=RELEASES)) == 1
    assert desk.of_findings(by=RELEASES) == []
    findings.assign(
        "F-2026-0002",
        WHY,
        owner_id=small_house.alice.id,
        due_on=today + timedelta(days=30),
        by=small_house.bob,
    )
    small_house.clock.advance(timedelta(days=21))
    assert len(desk.of_findings(by=RELEASES)) == 1


def test_who_can_decide_is_reminded_once_when_half_of_the_time_is_over(house: House) -> None:
    house.credit()
    ines = house.join("ines", Role.APPROVER, LENDING)
    request, desk = house.asked(), house.portal.reminders
    house.portal.authorship.map_user("main", "ada", ines.id, by=house.grace)
    house.clock.advance(timedelta(days=15))
    assert desk.of_requests(by=RELEASES) == []
    house.clock.advance(timedelta(seconds=1))
    assert desk.of_requests(by=RELEASES) == [request.id]
    assert desk.of_requests(by=RELEASES) == []
    (one,) = heard(house, house.bob, Kind.REVIEW)
    assert (one.title, one.request) == (
        "RR-2026-0001, credit-pd v2 to @champion, has waited for half of the time it has.",
        request.id,
    )
    for who in (house.alice, house.who("ines"), house.carol):
        assert heard(house, who, Kind.REVIEW) == []


def test_an_emergency_is_told_to_all_approvers_at_once_and_a_usual_request_is_not(
    small_house: House,
) -> None:
    small_house.credit(aucs=(0.80, 0.82, 0.84))
    small_house.asked(3)
    assert heard(small_house, small_house.bob, Kind.REVIEW) == []
    version = small_house.version(2)
    small_house.portal.requests.request(
        version.id, "champion", WHY, is_emergency=True, by=small_house.alice
    )
    assert says(small_house, small_house.bob, Kind.EMERGENCY) == [
        "Emergency: RR-2026-0002, credit-pd v2 to @champion, is asked for in an emergency."
    ]
    assert heard(small_house, small_house.alice, Kind.EMERGENCY) == []


def test_an_emergency_is_told_to_the_panel_that_decides_it_and_to_no_other(house: House) -> None:
    text = pack_text("baseline").replace("\nversion: 1\n", "\nversion: 2\n")
    panels = "approvals:\n  - {role: independent validator}\n  - {role: approver}"
    house.portal.policies.publish(
        text.replace("approvals:\n  needed: 1", panels), WHY, by=house.grace
    )
    vera = house.join("vera", Role.INDEPENDENT_VALIDATOR, LENDING)
    house.credit()
    request = house.portal.requests.request(
        house.version(2).id, "champion", WHY, is_emergency=True, by=house.alice
    )
    (one,) = heard(house, vera, Kind.EMERGENCY)
    assert (one.request, one.notice.why) == (request.id, Why.REVIEWER)
    assert heard(house, house.bob, Kind.EMERGENCY) == []


def test_an_emergency_is_told_to_who_governs_owns_and_watches_asked_decided_and_live(
    house: House,
) -> None:
    house.credit(aucs=(0.82, 0.70))
    house.portal.watches.start(On.ALIAS, "champion", by=house.carol)
    request = house.portal.requests.request(
        house.version(2).id, "champion", WHY, is_emergency=True, by=house.alice
    )
    house.work()
    house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.bob)
    house.deliver()
    house.mirror()
    asked, decided, live = (
        "Emergency: RR-2026-0001, credit-pd v2 to @champion, is asked for in an emergency.",
        "Emergency: RR-2026-0001, credit-pd v2 to @champion, was approved.",
        "Emergency: credit-pd: v2 is champion now, it was v1.",
    )
    for who in (house.grace, house.erik, house.carol):
        assert sorted(says(house, who, Kind.EMERGENCY)) == sorted([asked, decided, live]), who.name
    assert sorted(says(house, house.alice, Kind.EMERGENCY)) == sorted([decided, live])
    (moved,) = [one for one in heard(house, house.erik, Kind.EMERGENCY) if one.title == live]
    assert moved.detail == "Approved by Bob Norrland alone, in an emergency. Its review is due."
    # Nobody could review it, so those who give roles are told.
    (unowned,) = heard(house, house.grace, Kind.FINDING)
    assert unowned.notice.why is Why.UNOWNED


def test_an_alias_that_was_set_back_is_told_as_what_it_is(small_house: House) -> None:
    house = small_house
    live(house)
    house.approved(3)
    house.deliver()
    house.portal.rollbacks.roll_back(house.version(2).id, "champion", WHY, by=house.bob)
    house.deliver()
    told = {one.title: one.detail for one in heard(house, house.alice, Kind.ALIAS)}
    assert told["credit-pd: v2 is champion now, it was v3."] == (
        "Rolled back by Bob Norrland, to what was approved before."
    )
    assert any(
        one.endswith("v2 to @champion, goes back to what was approved before.")
        for one in says(house, house.alice, Kind.RELEASE)
    )


def test_an_emergency_waits_at_the_head_of_the_inbox(small_house: House) -> None:
    small_house.credit(aucs=(0.80, 0.82, 0.84))
    small_house.asked(3)
    small_house.clock.advance(timedelta(hours=1))
    small_house.portal.requests.request(
        small_house.version(2).id, "champion", WHY, is_emergency=True, by=small_house.alice
    )
    small_house.work()
    waits = small_house.portal.docket.waits_for(by=small_house.bob)
    assert [one.version_number for one in waits] == [2, 3]


def test_an_approval_that_is_taken_back_is_told_as_a_rejection_is(small_house: House) -> None:
    live(small_house)
    forget(small_house)
    small_house.portal.approvals.revoke("RR-2026-0001", WHY, by=small_house.bob)
    assert says(small_house, small_house.alice, Kind.RELEASE) == [
        f"RR-2026-0001, {NAME} v2 to @champion, was revoked: it is approved no longer."
    ]
    assert heard(small_house, small_house.bob, Kind.RELEASE) == []
