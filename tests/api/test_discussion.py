"""The discussion through the API: written, answered, changed and removed by who may."""

from __future__ import annotations

import pytest

from auth.actors import Scope
from auth.permissions import Role
from tests.api.test_release_story import client
from tests.cast import House

HERE = "/models/credit-pd/discussion"


def test_people_talk_mention_change_and_remove(small_house: House) -> None:
    small_house.credit()
    alice, bob = client(small_house, small_house.alice), client(small_house, small_house.bob)
    offered = alice.get(f"{HERE}/people", params={"beginning": "bo"}).json()["people"]
    assert offered == [{"id": small_house.bob.id, "name": "Bob Norrland"}]

    asked = alice.post(HERE, json={"text": "Why is it weak in May, @Bob Norrland?"})
    assert asked.status_code == 201, asked.text
    first = asked.json()
    assert [one["name"] for one in first["mentions"]] == ["Bob Norrland"]
    answer = bob.post(HERE, json={"text": "Few loans.", "thread": first["id"]}).json()
    assert answer["thread"] == first["id"]

    told = bob.get(HERE).json()
    assert (told["total"], len(told["threads"])) == (1, 1)
    assert told["threads"][0]["author"]["name"] == "Alice Norrland"
    assert [one["text"] for one in told["threads"][0]["replies"]] == ["Few loans."]
    assert bob.get(f"{HERE}/{first['id']}").json() == told["threads"][0]

    changed = alice.put(f"/comments/{first['id']}", json={"text": "Why is it weak in June?"}).json()
    assert (changed["text"], changed["mentions"]) == ("Why is it weak in June?", [])
    assert changed["edited_at"]
    (before,) = alice.get(f"{HERE}/{first['id']}/editions").json()["editions"]
    assert before["text"] == "Why is it weak in May, @Bob Norrland?"

    assert bob.delete(f"/comments/{answer['id']}").status_code == 204
    (left,) = alice.get(f"{HERE}/{first['id']}").json()["replies"]
    assert (left["text"], left["removed_by"]["name"]) == ("", "Bob Norrland")
    again = bob.delete(f"/comments/{answer['id']}")
    assert (again.status_code, again.json()["error"]) == (409, "comment-removed")


def test_only_the_author_changes_and_others_do_not_remove(small_house: House) -> None:
    small_house.credit()
    alice, bob = client(small_house, small_house.alice), client(small_house, small_house.bob)
    place = f"/comments/{alice.post(HERE, json={'text': 'Mine.'}).json()['id']}"
    assert bob.put(place, json={"text": "Yours."}).json()["error"] == "not-author"
    assert bob.delete(place).status_code == 403
    assert client(small_house, small_house.grace).delete(place).status_code == 204


def test_who_may_not_read_the_model_finds_no_discussion_of_it(small_house: House) -> None:
    small_house.credit()
    made = client(small_house, small_house.alice).post(HERE, json={"text": "Mine."}).json()["id"]
    olga = client(small_house, small_house.join("olga", Role.MODEL_OWNER, Scope("domain", "Cards")))
    for answer in (
        olga.get(HERE),
        olga.get(f"{HERE}/{made}"),
        olga.post(HERE, json={"text": "x"}),
        olga.put(f"/comments/{made}", json={"text": "x"}),
        olga.delete(f"/comments/{made}"),
    ):
        assert answer.status_code == 404
    assert client(small_house).get(HERE).status_code == 401


@pytest.mark.parametrize(
    ("said", "status", "error"),
    [
        ({"text": ""}, 422, "comment-length"),
        ({"text": "x", "thread": "cmt_nothing"}, 404, "no-such-comment"),
        ({"text": "x", "author": "bob"}, 422, "malformed"),
        ({"text": 3}, 422, "malformed"),
        ({}, 422, "malformed"),
    ],
)
def test_a_malformed_comment_is_refused_with_its_reason(
    small_house: House, said: dict[str, object], status: int, error: str
) -> None:
    small_house.credit()
    answer = client(small_house, small_house.alice).post(HERE, json=said)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["hint"]
