"""Notices: who is told, exactly once, and only of what they may see at that moment."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product

import pytest
from sqlalchemy import delete, insert, literal, select
from sqlmodel import col

from app.notice_words import Told, told
from app.worker import MIRROR, NOTIFIER, handlers, tell
from auth.access import Resource, decide
from auth.actors import EVERYTHING, Actor, Scope
from auth.holders import holds
from auth.permissions import PERMISSIONS, Role
from auth.tables import GrantRow, PrincipalRow
from catalog.applications.consumers import Relies
from catalog.notifications.kinds import How, Kind, Why
from catalog.notifications.notices import PAGE, Notice, Occasion
from catalog.notifications.tables import NoticeRow, PreferenceRow, WatchRow
from catalog.notifications.watches import On
from catalog.registry.models import Model
from catalog.releases.states import Verb
from ledger.errors import Refused
from tests.cast import AT, LENDING, House


def credit(house: House) -> Model:
    """A model that is known for a while: what its first look told is told."""
    model = house.credit()
    house.work()
    with house.portal.store.write() as session:
        session.connection().execute(delete(NoticeRow))
    return model


def move(house: House, number: int, alias: str = "champion", name: str = "credit-pd") -> None:
    """Somebody moves an alias in MLflow; the mirror sees it, and the jobs are done."""
    house.clock.advance(timedelta(minutes=1))
    house.mlflow.point(name, alias, number)
    house.mirror()
    house.work()


def notices(house: House, who: Actor) -> list[Notice]:
    return list(house.portal.notices.page(by=who).notices)


def says(house: House, who: Actor) -> list[str]:
    return [one.title for one in read(house, who)]


def read(house: House, who: Actor) -> list[Told]:
    return told(house.portal, notices(house, who), by=who)


# -- who is told -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on", "target", "within", "hears"),
    [
        (On.ALIAS, "champion", "", True),
        (On.ALIAS, "Champion", "Lending", True),
        (On.ALIAS, "cham*", "", True),
        (On.ALIAS, "*", "", True),
        (On.ALIAS, "champion", "Cards", False),
        (On.ALIAS, "champ", "", False),
        (On.ALIAS, "champio_", "", False),
        (On.ALIAS, "challenger", "", False),
        (On.DOMAIN, "Lending", "", True),
        (On.DOMAIN, "Cards", "", False),
    ],
)
def test_a_moved_alias_is_told_to_those_who_watch_it(
    house: House,
    on: On,
    target: str,
    within: str,
    hears: bool,  # noqa: FBT001 - a column of the table
) -> None:
    credit(house)
    house.portal.watches.start(on, target, within=within, by=house.carol)
    move(house, 2)
    expected = ["credit-pd: v2 is champion now, it was v1."] if hears else []
    assert says(house, house.carol) == expected
    assert says(house, house.bob) == []


def test_somebody_who_hears_of_it_in_many_ways_is_told_once(house: House) -> None:
    model, desk, alice = credit(house), house.portal.watches, house.alice
    desk.start(On.MODEL, model.id, by=alice)
    desk.start(On.DOMAIN, "Lending", by=alice)
    desk.start(On.ALIAS, "champion", by=alice)
    desk.start(On.ALIAS, "c*", by=alice)
    move(house, 2)
    assert len(notices(house, alice)) == 1


def test_the_owner_is_told_without_watching_and_can_silence_one_model(house: House) -> None:
    model = credit(house)
    move(house, 2)
    (one,) = notices(house, house.alice)
    assert one.why is Why.OWNER
    house.portal.watches.silence(model.id, by=house.alice)
    move(house, 1)
    assert notices(house, house.alice) == [one]


def test_each_move_is_a_notice_of_its_own_also_back_and_forth(house: House) -> None:
    credit(house)
    house.portal.watches.start(On.ALIAS, "champion", by=house.carol)
    for number in (2, 1, 2, 1):
        move(house, number)
    assert (
        says(house, house.carol)
        == [
            "credit-pd: v1 is champion now, it was v2.",
            "credit-pd: v2 is champion now, it was v1.",
        ]
        * 2
    )


def test_a_job_that_runs_again_tells_nobody_twice(house: House) -> None:
    credit(house)
    house.portal.watches.start(On.ALIAS, "champion", by=house.carol)
    move(house, 2)
    again = [one for one in house.jobs.asked.values() if one.job == "tell"]
    for one in again * 2:
        handlers(house.portal)["tell"](one.payload)
    assert len(notices(house, house.carol)) == 1
    house.portal.notices.read_all(by=house.carol)
    for one in again:
        tell(house.portal, one.payload["event"])
    assert house.portal.notices.unread(house.carol.id) == 0


def test_who_may_no_longer_see_the_model_is_told_nothing_and_reads_no_name(house: House) -> None:
    credit(house)
    ines = house.join("ines", Role.VIEWER, LENDING)
    house.portal.watches.start(On.DOMAIN, "Lending", by=ines)
    house.portal.watches.start(On.ALIAS, "*", by=ines)
    move(house, 2)
    assert says(house, house.who("ines")) == ["credit-pd: v2 is champion now, it was v1."]
    (held,) = [
        one for one in house.portal.grants.everywhere(by=house.grace) if one.principal_id == ines.id
    ]
    house.portal.grants.take(held.id, by=house.grace)
    move(house, 1)
    assert says(house, house.who("ines")) == [
        "Something changed on a model that you may no longer see."
    ]


def test_somebody_who_was_sent_away_is_told_nothing(house: House) -> None:
    credit(house)
    house.portal.watches.start(On.ALIAS, "champion", by=house.carol)
    carol = house.carol
    house.portal.people.disable(carol.id, by=house.grace)
    move(house, 2)
    assert notices(house, carol) == []


def test_nothing_is_told_to_somebody_who_wants_nothing_of_that_kind(house: House) -> None:
    credit(house)
    house.portal.watches.start(On.MODEL, house.model().id, by=house.carol)
    with house.portal.store.write() as session:
        session.add(PreferenceRow(person_id=house.carol.id, kind=Kind.ALIAS, how=How.OFF))
    move(house, 2)
    house.mlflow.log("credit-pd")
    house.mirror()
    house.work()
    assert says(house, house.carol) == ["credit-pd: v3 was registered."]


def test_only_the_worker_tells(small_house: House) -> None:
    occasion = Occasion("evt_1", Kind.GONE, Resource("model", "mdl_1", is_restricted=False), AT, {})
    for who in (small_house.grace, small_house.robot, small_house.dave):
        with pytest.raises(Refused), small_house.portal.store.write() as session:
            small_house.portal.notices.tell(session, occasion, by=who)


# -- of what ---------------------------------------------------------------------------------------


def test_a_new_version_a_deleted_one_and_a_deleted_model_are_told(house: House) -> None:
    credit(house)
    house.portal.watches.start(On.MODEL, house.model().id, by=house.carol)
    house.mlflow.log("credit-pd")
    house.mirror()
    house.work()
    house.clock.advance(timedelta(minutes=1))
    house.mlflow.delete_version("credit-pd", 3)
    house.mirror()
    house.work()
    house.clock.advance(timedelta(minutes=1))
    house.mlflow.delete("credit-pd")
    house.mirror()
    house.work()
    assert says(house, house.carol) == [
        "credit-pd was deleted in MLflow.",
        "credit-pd: v3 was deleted in MLflow.",
        "credit-pd: v3 was registered.",
    ]


def test_a_removed_alias_is_told(house: House) -> None:
    credit(house)
    house.portal.watches.start(On.ALIAS, "champion", by=house.carol)
    house.mlflow.unset("credit-pd", "champion")
    house.mirror()
    house.work()
    assert says(house, house.carol) == ["credit-pd: nothing is champion now, it was v1."]


def test_a_promotion_is_told_with_who_approved_and_a_move_by_hand_without(house: House) -> None:
    credit(house)
    house.portal.watches.start(On.ALIAS, "champion", by=house.carol)
    house.approved(2)
    house.clock.advance(timedelta(minutes=1))
    house.deliver()
    (promoted,) = read(house, house.carol)
    assert promoted.title == "credit-pd: v2 is champion now, it was v1."
    assert promoted.detail == "Approved by Bob Norrland."
    assert promoted.request
    move(house, 1)
    # The old approval of v2 explains nothing of what happens by hand later.
    move(house, 2)
    by_hand = read(house, house.carol)[:2]
    assert {one.detail for one in by_hand} == {
        "Moved outside Countersign: nobody here approved it."
    }


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        (Verb.APPROVE, "was approved."),
        (Verb.REJECT, "was rejected."),
        (Verb.REQUEST_CHANGES, "was sent back for changes."),
    ],
)
def test_whoever_asked_hears_of_the_decision_and_the_decider_does_not(
    house: House, verb: Verb, said: str
) -> None:
    credit(house)
    request = house.asked()
    house.portal.decisions.decide(request.id, verb, "I read it.", by=house.bob)
    house.work()
    (one,) = read(house, house.alice)
    assert one.title == f"{request.number}, credit-pd v2 to @champion, {said}"
    assert one.detail == "By Bob Norrland."
    assert notices(house, house.bob) == []


def test_a_promotion_that_was_stopped_is_told(house: House) -> None:
    credit(house)
    house.approved(2)
    house.work()
    house.mlflow.delete_version("credit-pd", 2)
    house.deliver()
    assert any("the alias was not moved" in one for one in says(house, house.alice))


def test_whoever_is_mentioned_is_told_and_whoever_watches_or_writes_is_not(house: House) -> None:
    model = credit(house)
    house.portal.watches.start(On.MODEL, model.id, by=house.carol)
    house.portal.discussion.post(model.id, "Is it sound, @Bob Norrland?", by=house.alice)
    house.portal.discussion.post(model.id, "@Nobody knows.", by=house.alice)
    house.work()
    (one,) = read(house, house.bob)
    assert one.title == "credit-pd: you were mentioned in the discussion."
    assert one.detail == "By Alice Norrland."
    assert notices(house, house.carol) == notices(house, house.alice) == []


def test_who_asks_for_access_hears_the_answer_and_the_owner_hears_the_question(
    house: House,
) -> None:
    model, desk = credit(house), house.portal.access_requests
    house.portal.restrictions.restrict(model.id, "It is not public yet.", by=house.alice)
    refused = desk.ask(model.id, "To compare it with mine.", by=house.carol)
    house.work()
    (asked,) = read(house, house.alice)
    assert asked.title == "credit-pd: somebody asks to read it."
    assert asked.detail == f"By {house.carol.name}. The request is in your inbox."
    desk.refuse(refused.id, "Ask again after the review.", by=house.alice)
    house.work()
    (told_so,) = read(house, house.carol)
    assert told_so.title == "credit-pd: your request to read it was refused."
    desk.accept(desk.ask(model.id, "The review is over.", by=house.carol).id, by=house.alice)
    house.work()
    assert "credit-pd: you may read it now." in says(house, house.carol)
    assert [one.kind for one in notices(house, house.bob)] == []


def test_who_keeps_a_search_hears_of_a_new_match_once_by_the_name_of_the_search(
    house: House,
) -> None:
    credit(house)
    house.index()
    desk = house.portal.saved_searches
    desk.save("Everything about loans", "q=mortgage", notifies=True, by=house.carol)
    desk.save("Quiet", "q=mortgage", notifies=False, by=house.bob)
    house.mlflow.register("mortgage-pd", "Mortgages that default.")
    house.mirror()
    for _ in range(2):
        desk.look(by=MIRROR)
        house.work()
    (one,) = [each for each in read(house, house.carol) if each.notice.kind is Kind.SEARCH]
    assert one.title == "mortgage-pd matches a search of yours now."
    assert one.detail == "The search is called Everything about loans."
    assert all(each.kind is not Kind.SEARCH for each in notices(house, house.bob))


def test_a_deprecation_and_a_card_are_told(house: House) -> None:
    model = credit(house)
    house.portal.watches.start(On.DOMAIN, "Lending", by=house.carol)
    house.portal.deprecations.deprecate(
        house.version(1).id,
        by=house.alice,
        successor_id=house.version(2).id,
        ends_on=date(2026, 12, 1),
        message="It is worse.",
    )
    house.work()
    assert says(house, house.carol) == ["credit-pd: v1 is deprecated and ends on 1 Dec 2026."]
    (one,) = read(house, house.carol)
    assert model.id == one.notice.model_id
    # Where the message, the day and the successor stand.
    assert one.place == {"tab": "Versions", "version": "1"}


def test_who_registered_an_application_hears_of_the_alias_it_relies_on(house: House) -> None:
    model = credit(house)
    for alias, name in (("champion", "Loan desk"), ("shadow", "Lab")):
        application = house.robot.id
        house.portal.consumers.register(
            model.id,
            Relies(alias, f"Scores {name}.", "loans@norrland.example"),
            by=house.grace,
            application_id=application,
        )
    move(house, 2)
    (one,) = notices(house, house.grace)
    assert one.why is Why.CONSUMER


def test_the_first_look_at_a_server_tells_nothing(small_house: House) -> None:
    small_house.portal.watches.start(On.ALIAS, "*", by=small_house.carol)
    small_house.mlflow.register("fraud")
    small_house.mlflow.log("fraud")
    small_house.mlflow.point("fraud", "champion", 1)
    small_house.mirror()
    assert [one.job for one in small_house.jobs.waiting("tell")] in ([], ["tell"])
    small_house.work()
    assert notices(small_house, small_house.carol) == []


def test_no_job_is_asked_for_when_nobody_would_hear_of_it(small_house: House) -> None:
    small_house.mlflow.register("fraud")
    small_house.mlflow.log("fraud")
    small_house.mlflow.log("fraud")
    small_house.mirror()
    small_house.work()
    small_house.mlflow.point("fraud", "champion", 1)
    small_house.mirror()
    assert small_house.jobs.waiting("tell") == []
    small_house.portal.watches.start(On.ALIAS, "champion", by=small_house.carol)
    small_house.mlflow.point("fraud", "champion", 2)
    small_house.mirror()
    assert len(small_house.jobs.waiting("tell")) == 1


# -- reading ---------------------------------------------------------------------------------------


def plant(house: House, who: Actor, number: int) -> None:
    rows = [
        {
            "person_id": who.id,
            "event_id": f"evt_{at:05d}",
            "kind": str(Kind.VERSION if at % 2 else Kind.GONE),
            "why": "model",
            "model_id": "mdl_gone",
            "facts": "{}",
            "at": AT + timedelta(minutes=at),
            "read_at": AT if at % 3 == 0 else None,
        }
        for at in range(number)
    ]
    with house.portal.store.write() as session:
        session.connection().execute(insert(NoticeRow), rows)


def test_unread_come_first_then_the_newest_across_pages(house: House) -> None:
    plant(house, house.carol, 60)
    desk = house.portal.notices
    seen: list[Notice] = []
    for offset in (0, PAGE, 2 * PAGE):
        found = desk.page(by=house.carol, offset=offset)
        assert (found.unread, found.total) == (40, 60)
        seen += found.notices
    assert len({one.event_id for one in seen}) == 60
    assert [one.read_at is None for one in seen] == [True] * 40 + [False] * 20
    for part in (seen[:40], seen[40:]):
        assert [one.at for one in part] == sorted((one.at for one in part), reverse=True)
    assert desk.page(by=house.carol, kinds=[Kind.GONE]).total == 30
    assert desk.page(by=house.carol, offset=1_000).notices == ()


def test_one_marks_only_ones_own_as_read(house: House) -> None:
    plant(house, house.carol, 4)
    plant(house, house.bob, 4)
    desk = house.portal.notices
    desk.read(["evt_00001"], by=house.carol)
    assert (desk.unread(house.carol.id), desk.unread(house.bob.id)) == (1, 2)
    desk.read_all(by=house.carol)
    assert (desk.unread(house.carol.id), desk.unread(house.bob.id)) == (0, 2)


def test_the_bell_counts_no_further_than_it_shows(small_house: House) -> None:
    plant(small_house, small_house.carol, 400)
    assert small_house.portal.notices.unread(small_house.carol.id) == 100


# -- many ------------------------------------------------------------------------------------------


def test_ten_thousand_watchers_are_told_in_one_statement(house: House) -> None:
    model = credit(house)
    people = [f"per_{number:05d}" for number in range(10_000)]
    with house.portal.store.write() as session:
        connection = session.connection()
        connection.execute(
            insert(PrincipalRow),
            [{"id": one, "kind": "person", "name": one, "created_at": AT} for one in people],
        )
        connection.execute(
            insert(GrantRow),
            [
                {
                    "id": f"grt_{one}",
                    "principal_id": one,
                    "role": "viewer",
                    "scope_kind": "everything",
                    "scope_id": "*",
                    "given_by": "x",
                    "given_at": AT,
                }
                for one in people
            ],
        )
        connection.execute(
            insert(WatchRow),
            [
                {
                    "person_id": one,
                    "kind": "alias",
                    "target": "champion",
                    "within": "",
                    "pattern": "champion",
                    "is_off": False,
                    "since": AT,
                }
                for one in people
            ],
        )
    occasion = Occasion(
        "evt_many",
        Kind.ALIAS,
        model.resource,
        AT,
        {"alias": "champion", "before": "1", "after": "2"},
        "champion",
    )
    with house.portal.store.write() as session:
        assert house.portal.notices.tell(session, occasion, by=NOTIFIER) == 10_000
    with house.portal.store.write() as session:
        assert house.portal.notices.tell(session, occasion, by=NOTIFIER) == 0


# -- the law of access, as a condition -------------------------------------------------------------


def test_the_condition_of_a_query_says_what_the_law_says_of_everybody(house: House) -> None:
    scopes = (EVERYTHING, LENDING, Scope("model", "mdl_1"), Scope("domain", "Cards"))
    for number, (role, scope) in enumerate(
        product((Role.VIEWER, Role.MODEL_OWNER, Role.APPROVER, Role.AUDITOR), scopes)
    ):
        house.join(f"p{number}", role, scope)
    credit(house)
    people = [
        house.portal.people.actor(one.id)
        for one in house.portal.people.everybody(by=house.grace)
        if one.kind == "person"
    ]
    resources = (
        Resource("model", "mdl_1", "Lending", is_restricted=False),
        Resource("model", "mdl_2", "Lending", is_restricted=False),
        Resource("model", "mdl_1", is_restricted=False),
        Resource("model", "mdl_3", "", is_restricted=False),
        Resource("model", "mdl_1", "Lending", house.alice.id, is_restricted=True),
        Resource("model", "mdl_2", "Lending"),
        Resource("everything", "*"),
    )
    for permission, resource in product([*sorted(PERMISSIONS)[::5], "model:read"], resources):
        person = col(PrincipalRow.id)
        allows = holds(permission, person, resource, at=AT)
        query = select(person).where(allows, literal(value=True))
        with house.portal.store.read() as session:
            found = {row[0] for row in session.connection().execute(query)}
        allowed = {one.id for one in people if decide(one, permission, resource)}
        assert found & {one.id for one in people} == allowed, (permission, resource)
