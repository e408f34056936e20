"""The card through the API: read in four formats, published, restored, refused with reasons."""

from __future__ import annotations

import pytest
import yaml

from auth.actors import Scope
from auth.permissions import Role
from catalog.registry.cards.body import shaped
from catalog.registry.cards.schema import insist_valid
from tests.api.test_release_story import client
from tests.cast import House
from tests.catalog.registry.cards import COMPLETE

CARD = "/models/credit-pd/card"


def test_a_card_is_published_read_in_every_format_and_restored(small_house: House) -> None:
    small_house.credit()
    alice = client(small_house, small_house.alice)

    before = alice.get(CARD).json()
    assert (before["revision"], before["completeness"], before["body"]) == (0, 0, {})
    assert before["from_mlflow"]["task"] == "binary classification"
    assert before["missing"][0]["field"] == "use_cases"

    made = alice.post(CARD, json={"based_on": 0, "body": shaped(COMPLETE)})
    assert made.status_code == 201, made.text
    assert (made.json()["revision"], made.json()["completeness"]) == (1, 100)

    told = alice.get(CARD).json()
    assert told["body"] == shaped(COMPLETE)
    assert told["published_by"] == "Alice Norrland"

    bom = alice.get(CARD, params={"format": "cyclonedx", "version": 2})
    assert bom.headers["content-type"] == "application/vnd.cyclonedx+json"
    assert bom.json()["components"][0]["version"] == "2"
    insist_valid(bom.text)

    hub = alice.get(CARD, params={"format": "huggingface"}).text
    head = yaml.safe_load(hub.split("---\n")[1])
    assert head["model-index"][0]["results"][0]["metrics"][0]["verified"] is False
    assert "## Intended use" in alice.get(CARD, params={"format": "markdown"}).text

    again = alice.post(f"{CARD}/restoration", json={"revision": 1, "based_on": 1})
    assert again.json()["revision"] == 2
    listed = alice.get(f"{CARD}/revisions").json()["revisions"]
    assert [(one["revision"], one["restored_from"]) for one in listed] == [(2, 1), (1, None)]


@pytest.mark.parametrize(
    ("body", "error", "said"),
    [
        ({"considerations": {"users": [""]}}, "card-field", "Users, entry 1 lacks its text."),
        ({"modelParameters": {"task": "x"}}, "card-field", "task is filled in from MLflow."),
        ({}, "card-empty", "says nothing yet"),
    ],
)
def test_a_wrong_card_is_refused_by_the_name_of_its_field(
    small_house: House, body: object, error: str, said: str
) -> None:
    small_house.credit()
    answer = client(small_house, small_house.alice).post(CARD, json={"based_on": 0, "body": body})
    assert answer.status_code == 422
    assert answer.json()["error"] == error
    assert said in answer.json()["detail"]
    assert answer.json()["hint"]


def test_the_second_publisher_gets_a_conflict(small_house: House) -> None:
    small_house.credit()
    alice = client(small_house, small_house.alice)
    wanted = {"based_on": 0, "body": shaped(COMPLETE)}
    assert alice.post(CARD, json=wanted).status_code == 201
    assert alice.post(CARD, json=wanted).json()["error"] == "card-changed-since"


def test_who_may_not_write_is_refused_and_who_may_not_read_finds_nothing(
    small_house: House,
) -> None:
    small_house.credit()
    wanted = {"based_on": 0, "body": shaped(COMPLETE)}
    assert client(small_house, small_house.bob).get(CARD).status_code == 200
    assert client(small_house, small_house.bob).post(CARD, json=wanted).status_code == 403
    assert client(small_house).get(CARD).status_code == 401
    olga = small_house.join("olga", Role.MODEL_OWNER, Scope("domain", "Cards"))
    assert client(small_house, olga).get(CARD).status_code == 404
    assert client(small_house, olga).post(CARD, json=wanted).status_code == 404


@pytest.mark.parametrize(
    "query", [{"format": "pdf"}, {"revision": 0}, {"revision": 2**40}, {"version": -1}]
)
def test_a_malformed_question_is_refused(small_house: House, query: dict[str, str | int]) -> None:
    small_house.credit()
    answer = client(small_house, small_house.alice).get(CARD, params=query)
    assert answer.status_code == 422
    answer = client(small_house, small_house.alice).get(CARD, params={"revision": 7})
    assert answer.json()["error"] == "no-such-revision"


def test_a_card_is_brought_as_a_file_tried_first_and_then_published(small_house: House) -> None:
    small_house.credit()
    alice = client(small_house, small_house.alice)
    alice.post(CARD, json={"based_on": 0, "body": shaped(COMPLETE)})
    file = b"---\nlicense: mit\n---\n## Users\n\n- Underwriters\n"

    tried = alice.post(f"{CARD}/import", content=file).json()
    assert (tried["dry_run"], tried["kind"], tried["based_on"]) == (True, "Hugging Face card", 1)
    (change,) = tried["changes"]
    assert (change["field"], change["after"]) == ("users", ["Underwriters"])
    assert tried["not_taken"] == [
        {
            "line": 2,
            "what": "license of the head",
            "why": "A card of Countersign has no field for it.",
        }
    ]
    assert alice.get(CARD).json()["revision"] == 1

    asked = {"dry_run": "false", "based_on": tried["based_on"]}
    done = alice.post(f"{CARD}/import", params=asked, content=file)
    assert (done.status_code, done.json()["published"]["revision"]) == (200, 2)
    assert alice.get(CARD).json()["body"]["considerations"]["users"] == ["Underwriters"]
    again = alice.post(f"{CARD}/import", params=asked, content=file)
    assert (again.status_code, again.json()["error"]) == (409, "card-changed-since")

    for wanted in ("cyclonedx", "huggingface", "markdown", "json"):
        ours = alice.get(CARD, params={"format": wanted}).content
        assert alice.post(f"{CARD}/import", content=ours).json()["changes"] == []


@pytest.mark.parametrize(
    ("file", "error"),
    [
        (b"---\na: &x 1\n---\n", "card-file"),
        (b"#" * (1024 * 1024 + 1), "card-file-too-large"),
        (b"", "card-file"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(small_house: House, file: bytes, error: str) -> None:
    small_house.credit()
    alice = client(small_house, small_house.alice)
    answer = alice.post(f"{CARD}/import", content=file)
    assert (answer.status_code, answer.json()["error"]) == (422, error)
    assert answer.json()["hint"]
    bob = client(small_house, small_house.bob)
    assert bob.post(f"{CARD}/import", content=file).status_code == 403
