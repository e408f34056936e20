"""What the API answers to people who try doors, and what of it is written down."""

from __future__ import annotations

from sqlalchemy import event

from app.api.audit import MOST_AT_A_TIME
from auth.actors import Scope
from auth.permissions import Role
from tests.api.test_release_story import client
from tests.cast import House

GOSSIP = "Ann%20Smith%20of%20Malm%C3%B6%20stole%20money%20"


def test_a_thousand_calls_without_a_token_cost_one_transaction(house: House) -> None:
    begun: list[int] = []

    def count(*_: object) -> None:
        begun.append(1)

    stranger = client(house)
    stranger.get("/models")
    before = len(house.records())
    event.listen(house.portal.store.engine, "commit", count)
    for _ in range(50):
        assert stranger.get("/models").status_code == 401
    event.remove(house.portal.store.engine, "commit", count)
    assert begun == []
    assert len(house.records()) == before


def test_text_in_an_address_is_not_kept_for_ever_and_thirty_guesses_are_one_record(
    house: House,
) -> None:
    alice = client(house, house.alice)
    before = len(house.records())
    said = {"decision": "reject", "reason": "No."}
    for number in range(30):
        answer = alice.post(f"/release-requests/{GOSSIP}{number}/decision", json=said)
        assert (answer.status_code, answer.json()["error"]) == (404, "not-found")
    (record,) = house.records()[before:]
    assert (record.act, record.resource) == ("release:reject", "request:unknown")
    assert "Ann" not in record.body


def test_an_address_with_a_zero_byte_is_refused_on_the_record(house: House) -> None:
    alice = client(house, house.alice)
    before = len(house.records())
    said = {"decision": "reject", "reason": "No."}
    answer = alice.post("/release-requests/req%00/decision", json=said)
    assert answer.status_code in {404, 422}
    assert [one.resource for one in house.records()[before:]] == ["request:unknown"]


def test_a_look_at_what_one_may_not_see_reads_like_any_other_and_is_recorded(
    house: House,
) -> None:
    house.credit()
    request = house.asked()
    vic = house.join("vic", Role.MODEL_DEVELOPER, Scope("domain", "Marketing"))
    theirs = client(house, vic)
    hidden = theirs.get(f"/release-requests/{request.id}")
    missing = theirs.get("/release-requests/req_nothing")
    assert hidden.status_code == missing.status_code == 404
    for part in ("error", "detail"):
        assert hidden.json()[part] == missing.json()[part]
    theirs.get(f"/release-requests/{request.id}")
    assert [(one.actor, one.resource, one.reason) for one in house.records("api:get")] == [
        (vic.id, "route:/release-requests/{request_id}", "not-found")
    ]


def test_the_trail_is_read_a_page_at_a_time_and_taken_away_as_an_export(
    small_house: House,
) -> None:
    grace = client(small_house, small_house.grace)
    assert grace.get("/audit", params={"limit": MOST_AT_A_TIME}).status_code == 200
    answer = grace.get("/audit", params={"limit": MOST_AT_A_TIME + 1})
    assert (answer.status_code, answer.json()["error"]) == (422, "malformed")
