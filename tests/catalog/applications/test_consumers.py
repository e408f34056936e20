"""Who relies on a model: said by the application or its owner, beside what was seen of it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from auth.actors import EVERYTHING, Actor, Scope
from auth.permissions import Role
from catalog.applications.consumers import Consumer, Relies
from catalog.monitoring.callers import Use, uses
from catalog.monitoring.telemetry import Prediction
from ledger.errors import Conflict, CountersignError, Invalid, NotFound, Refused
from tests.api.test_release_story import client
from tests.at_once import at_once
from tests.cast import AT, SYSTEM, House

RELIES = Relies("champion", "Answers loan applications online.", "lending-it@norrland.example")


def register(
    house: House, relies: Relies = RELIES, *, by: Actor | None = None, application_id: str = ""
) -> Consumer:
    return house.portal.consumers.register(
        house.model().id,
        relies,
        by=by or house.alice,
        application_id=application_id or house.robot.id,
    )


def call(
    house: House, number: int, at: datetime, *, key: str = "p", by: Actor | None = None
) -> None:
    receipt = house.portal.telemetry.report(
        [Prediction(f"{key}-{number}-{at:%j%H%M}", at, "credit-pd", number, "approve", 8.0)],
        by=by or house.robot,
    )
    assert receipt.refused == ()


def told(house: House) -> list[Use]:
    model = house.model()
    registered = house.portal.consumers.of(model.id, by=house.carol)
    return uses(model, registered, house.portal.callers.of(model))


def test_an_application_is_registered_by_an_owner_by_an_admin_and_by_itself(house: House) -> None:
    model = house.credit()
    made = register(house)
    register(house, Relies("shadow", "Trial.", "it@x", "Low"), by=house.grace)
    itself = house.portal.consumers.register(
        model.id, Relies("canary", "Trial.", "it@x", "High"), by=house.robot
    )
    assert itself.application_id == house.robot.id
    found = house.portal.consumers.of(model.id, by=house.carol)
    assert [one.alias for one in found] == ["canary", "champion", "shadow"]
    assert found[1] == made
    assert (made.application, made.criticality) == ("Loan desk", "Medium")
    record = house.records("consumer:register")[0]
    assert record.facts["application"] == house.robot.id
    assert record.texts["contact"] not in record.body


def test_nobody_else_registers_or_ends_and_a_stranger_learns_nothing(small_house: House) -> None:
    small_house.credit()
    made = register(small_house)
    developer = small_house.join("dora", Role.MODEL_DEVELOPER, EVERYTHING)
    elsewhere = small_house.join("olaf", Role.MODEL_OWNER, Scope("domain", "Cards"))
    another = small_house.portal.tokens.register_application("Call centre", by=SYSTEM)
    robot = small_house.portal.people.actor(another.id)
    refusals = {
        developer: Refused,
        elsewhere: NotFound,
        small_house.bob: Refused,
        small_house.carol: Refused,
        small_house.dave: NotFound,
        small_house.erik: Refused,
        robot: Refused,
    }
    for actor, refusal in refusals.items():
        with pytest.raises(refusal):
            register(small_house, Relies("shadow", "Mine.", "me@x"), by=actor)
        with pytest.raises(refusal):
            small_house.portal.consumers.end(made.id, by=actor)
    with pytest.raises(NotFound):
        small_house.portal.consumers.of(made.model_id, by=small_house.dave)
    with pytest.raises(NotFound):
        small_house.portal.consumers.get(made.id, by=small_house.dave)
    assert small_house.portal.consumers.get(made.id, by=small_house.carol) == made


def test_only_applications_consume(small_house: House) -> None:
    model = small_house.credit()
    with pytest.raises(Refused) as person:
        small_house.portal.consumers.register(model.id, RELIES, by=small_house.alice)
    with pytest.raises(NotFound):
        register(small_house, application_id=small_house.bob.id)
    assert person.value.code == "no-application"
    small_house.portal.people.disable(small_house.robot.id, by=small_house.grace)


@pytest.mark.parametrize(
    ("relies", "code"),
    [
        (Relies("", "Why.", "me@x"), "bad-alias"),
        (Relies("two words", "Why.", "me@x"), "bad-alias"),
        (Relies("champion", "", "me@x"), "no-purpose"),
        (Relies("champion", "x" * 501, "me@x"), "long-purpose"),
        (Relies("champion", "Why.", " "), "no-contact"),
        (Relies("champion", "Why.", "a\x00b"), "bad-contact"),
        (Relies("champion", "Why.", "me@x", "Enormous"), "bad-criticality"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_anything_happens(
    small_house: House, relies: Relies, code: str
) -> None:
    small_house.credit()
    with pytest.raises(Invalid) as refusal:
        register(small_house, relies)
    assert refusal.value.code == code
    assert small_house.records("consumer:register") == []


def test_a_registration_is_made_once_and_again_after_it_was_ended(house: House) -> None:
    model = house.credit()
    made = register(house)
    with pytest.raises(Conflict) as twice:
        register(house)
    assert twice.value.code == "registered-already"
    house.portal.consumers.end(made.id, by=house.robot)
    assert house.portal.consumers.of(model.id, by=house.alice) == []
    with pytest.raises(Conflict):
        house.portal.consumers.end(made.id, by=house.alice)
    assert register(house).id != made.id


def test_two_registrations_at_once_leave_one(house: House) -> None:
    house.credit()
    alice, grace = house.alice, house.grace
    answers = at_once(
        house.portal.ledger,
        [lambda: register(house, by=alice), lambda: register(house, by=grace)],
    )
    refused = [one.code for one in answers if isinstance(one, CountersignError)]
    assert refused == ["registered-already"]


def test_said_and_seen_are_laid_side_by_side_and_the_mismatches_are_words(house: House) -> None:
    house.credit()
    centre = house.portal.tokens.register_application("Call centre", by=SYSTEM)
    register(house)
    (silent,) = told(house)
    assert silent.reason == "Loan desk is registered and never called."
    call(house, 1, AT - timedelta(days=1))
    call(house, 1, AT - timedelta(days=45))
    (fits,) = told(house)
    assert (fits.mismatch, fits.reason) == ("", "")
    assert fits.caller is not None
    assert (fits.caller.calls, fits.caller.last_at) == (1, AT - timedelta(days=1))
    call(house, 1, AT, by=house.portal.people.actor(centre.id))
    unsaid, _fits = told(house)
    assert unsaid.reason == "Call centre calls it without being registered."
    assert unsaid.consumer is None


def test_an_application_that_goes_on_calling_an_old_version_is_told_apart(house: House) -> None:
    house.credit()
    register(house)
    house.mlflow.point("credit-pd", "champion", 2)
    house.clock.advance(timedelta(hours=1))
    house.mirror()
    house.clock.advance(timedelta(hours=1))
    call(house, 1, house.clock.now())
    (old,) = told(house)
    assert old.reason == "Loan desk called v1 last, while @champion is v2."
    call(house, 2, house.clock.now() + timedelta(minutes=1))
    (new,) = told(house)
    assert new.mismatch == ""


def test_an_application_registers_itself_through_the_api_and_reads_who_else_uses_it(
    house: House,
) -> None:
    house.credit()
    _token, secret = house.portal.tokens.issue_for_application(
        house.robot.id, "loader", by=house.grace
    )
    api = client(house)
    api.headers["Authorization"] = f"Bearer {secret}"
    said = {"model": "credit-pd", "alias": "champion", "purpose": "Loans.", "contact": "it@x"}
    made = api.post("/consumers", json=said)
    assert made.status_code == 201, made.text
    assert made.json()["application"] == house.robot.id
    again = api.post("/consumers", json=said)
    assert (again.status_code, again.json()["error"]) == (409, "registered-already")
    call(house, 1, AT)
    (one,) = api.get("/models/credit-pd/consumers").json()["consumers"]
    assert one["registered"]["id"] == made.json()["id"]
    assert one["observed"]["last_version"] == 1
    assert one["mismatch"] == ""
    assert api.post(f"/consumers/{made.json()['id']}/end").status_code == 204
    assert api.post("/consumers/con_nowhere/end").status_code == 404
    assert api.get("/models/nowhere/consumers").status_code == 404
    assert api.post("/consumers", json={**said, "speed": 9}).status_code == 422
