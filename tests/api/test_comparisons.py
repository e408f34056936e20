"""Comparing two versions through the API: what comes back, and to whom."""

from __future__ import annotations

import pytest

from tests.api.test_release_story import client
from tests.cast import House


def test_two_versions_are_told_apart_in_one_call(house: House) -> None:
    house.credit(aucs=(0.80, 0.82))
    answer = client(house, house.alice).get("/models/credit-pd/compare?left=1&right=2")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["answer"].startswith("v2 is not judged on roc_auc")
    (area,) = told["metrics"]
    assert area["difference"] == pytest.approx(0.02)
    assert (area["reads"], area["difference_interval"]) == ("not judged", None)
    assert area["basis"] == "no interval: the run kept neither its rows nor its four counts"
    assert told["causes"][0] == {"group": "parameters", "state": "changed"}
    assert (told["left"]["version"], told["right"]["version"]) == (1, 2)
    assert set(told["mirrored_at"]) == {"main"}


def test_a_second_model_is_named_by_with(small_house: House) -> None:
    small_house.credit()
    small_house.credit(name="credit-scorecard", aucs=(0.79,))
    answer = client(small_house, small_house.alice).get(
        "/models/credit-pd/compare?left=2&right=1&with=credit-scorecard"
    )
    assert answer.json()["right"]["model"] == "credit-scorecard"
    assert answer.json()["metrics"][0]["reads"] == "not judged"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("left=1&right=9", 404, "no-such-version"),
        ("left=1", 422, "malformed"),
        ("left=one&right=2", 422, "malformed"),
        ("left=0&right=2", 422, "malformed"),
        ("left=1&right=99999999999", 422, "malformed"),
        ("left=1&right=2&with=no-such", 404, "no-such-model"),
        ("left=1&right=2&unknown=x", 422, "malformed"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_a_reason(
    small_house: House, query: str, status: int, code: str
) -> None:
    small_house.credit()
    answer = client(small_house, small_house.alice).get(f"/models/credit-pd/compare?{query}")
    assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert answer.json()["hint"]


def test_a_stranger_and_nobody_learn_nothing(small_house: House) -> None:
    small_house.credit()
    small_house.credit(name="card-fraud", domain="Cards")
    path = "/models/credit-pd/compare?left=1&right=2"
    assert client(small_house).get(path).status_code == 401
    hidden = client(small_house, small_house.alice).get(f"{path}&with=card-fraud")
    missing = client(small_house, small_house.alice).get(f"{path}&with=card-frauds")
    assert hidden.status_code == missing.status_code == 404
    assert hidden.json()["error"] == missing.json()["error"]
