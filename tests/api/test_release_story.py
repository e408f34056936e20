"""The whole release, told through the API alone with two tokens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.api import create_api
from auth.actors import Actor
from tests.cast import LENDING, WHY, House
from tests.fakes import AWAY


def client(house: House, by: Actor | None = None) -> TestClient:
    """The API as somebody calls it, with a token of theirs or with none."""
    headers = {}
    if by is not None:
        _token, secret = house.portal.tokens.issue("ci", by=by)
        headers = {"Authorization": f"Bearer {secret}"}
    return TestClient(create_api(house.portal), headers=headers, raise_server_exceptions=False)


def ask(house: House, **more: object) -> dict[str, Any]:
    """A request of Alice's, through the API."""
    wanted = {"model": "credit-pd", "version": 2, "alias": "champion", "reason": WHY, **more}
    answer = client(house, house.alice).post("/release-requests", json=wanted)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_one_token_asks_another_approves_and_the_alias_moves(house: House) -> None:
    house.credit()
    alice, bob = client(house, house.alice), client(house, house.bob)
    asked = ask(house)
    assert (asked["number"], asked["state"]) == ("RR-2026-0001", "Pending review")
    house.work()
    seen = bob.get(f"/release-requests/{asked['id']}").json()
    assert seen["state"] == "In review"
    assert {gate["verdict"] for gate in seen["gates"]} == {"pass"}
    assert seen["may_decide"]["allowed"]
    decided = bob.post(
        f"/release-requests/{asked['number']}/decision",
        json={"decision": "approve", "reason": "Measured."},
    )
    assert decided.status_code == 200, decided.text
    assert decided.json()["promotion"]["state"] == "Queued"
    house.deliver()
    assert house.mlflow.alias("credit-pd", "champion") == 2
    done = alice.get(f"/release-requests/{asked['id']}").json()
    assert done["promotion"]["state"] == "Applied"
    assert done["decisions"] == [
        {
            "decision": "approve",
            "by": house.bob.id,
            "reason": "Measured.",
            "at": done["decisions"][0]["at"],
        }
    ]
    assert alice.get("/models/credit-pd").json()["aliases"] == {"champion": 2}
    acts = [json.loads(r["record"])["act"] for r in _audit(house)["records"]]
    for act in ("release:request", "evidence:collect", "release:approve", "promotion:apply"):
        assert acts.count(act) == 1


def test_the_requesters_own_approval_is_refused_and_recorded_once(house: House) -> None:
    house.credit()
    asked = ask(house)
    house.work()
    answer = client(house, house.alice).post(
        f"/release-requests/{asked['id']}/decision",
        json={"decision": "approve", "reason": "I am sure."},
    )
    assert answer.status_code == 403
    assert answer.json() == {
        "error": "requester",
        "detail": "You asked for this release, so somebody else decides.",
        "hint": "Somebody else of the role approver finds it in their inbox.",
    }
    refused = house.records(outcome="refused")
    assert [(r.act, r.reason, r.actor) for r in refused] == [
        ("release:approve", "requester", house.alice.id)
    ]


def test_changes_are_asked_for_and_a_request_is_taken_back(small_house: House) -> None:
    small_house.credit()
    asked = ask(small_house)
    small_house.work()
    answer = client(small_house, small_house.bob).post(
        f"/release-requests/{asked['id']}/decision",
        json={"decision": "request-changes", "reason": "Say more."},
    )
    assert answer.json()["state"] == "Changes requested"
    alice = client(small_house, small_house.alice)
    withdrawn = alice.post(f"/release-requests/{asked['id']}/withdrawal", json={"reason": "Later."})
    assert withdrawn.json()["state"] == "Withdrawn"
    again = alice.post(f"/release-requests/{asked['id']}/withdrawal", json={"reason": "Later."})
    assert (again.status_code, again.json()["error"]) == (409, "wrong-state")


def test_a_request_is_sent_again_and_decided_on_just_what_was_read(small_house: House) -> None:
    small_house.credit()
    asked = ask(small_house)
    small_house.work()
    alice, bob = client(small_house, small_house.alice), client(small_house, small_house.bob)
    path = f"/release-requests/{asked['id']}"
    early = alice.post(f"{path}/resubmission", json={"reason": "Said."})
    assert (early.status_code, early.json()["error"]) == (409, "wrong-state")
    bob.post(f"{path}/decision", json={"decision": "request-changes", "reason": "Say more."})
    assert bob.post(f"{path}/resubmission", json={"reason": "Said."}).status_code == 403
    again = alice.post(f"{path}/resubmission", json={"reason": "Said."}).json()
    assert (again["state"], again["reason"]) == ("Pending review", WHY)
    assert [(one["how"], one["reason"]) for one in again["rounds"]] == [("resubmit", "Said.")]
    small_house.work()
    read = bob.get(path).json()["digests"]
    says = {"check": "unit", "passed": True}
    small_house.portal.evidence.attach(
        small_house.version(2).id, "check", says, by=small_house.alice
    )
    small_house.work()
    approval = {"decision": "approve", "reason": "Read.", "digests": read}
    late = bob.post(f"{path}/decision", json=approval)
    assert (late.status_code, late.json()["error"]) == (409, "changed-since-review")
    seen = bob.get(path).json()
    assert [one["name"] for one in seen["changes"]] == ["Evidence: check unit"]
    done = bob.post(f"{path}/decision", json=approval | {"digests": seen["digests"]})
    assert done.json()["state"] == "Approved"


def test_requests_are_listed_by_state_and_by_model(small_house: House) -> None:
    small_house.credit()
    asked = ask(small_house)
    bob = client(small_house, small_house.bob)
    listed = bob.get("/release-requests", params={"state": "Pending review"}).json()
    assert [one["id"] for one in listed["release_requests"]] == [asked["id"]]
    assert bob.get("/release-requests", params={"state": "Approved"}).json()["total"] == 0
    assert bob.get("/release-requests", params={"model": "credit-pd"}).json()["total"] == 1
    assert bob.get("/release-requests", params={"state": "Lost"}).status_code == 422
    stranger = small_house.join("ines", small_house.bob.roles[0].role, LENDING)
    assert client(small_house, stranger).get("/release-requests").json()["total"] == 1


# -- what goes wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "status", "error"),
    [
        ({"model": "no-such-model"}, 404, "no-such-model"),
        ({"version": 99}, 404, "no-such-version"),
        ({"version": 0}, 422, "malformed"),
        ({"version": "two"}, 422, "malformed"),
        ({"alias": "my champion"}, 422, "bad-alias"),
        ({"alias": "latest"}, 422, "bad-alias"),
        ({"alias": "v3"}, 422, "bad-alias"),
        ({"reason": ""}, 422, "no-reason"),
        ({"reason": "x" * 10_000}, 422, "long-reason"),
        ({"reason": "a\x00b"}, 422, "bad-reason"),
        ({"version": 1}, 403, "already-live"),
        ({"surprise": 1}, 422, "malformed"),
        ({"reason": None}, 422, "malformed"),
        ({"version": 10**30}, 404, "no-such-version"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_in_words_and_nothing_is_asked(
    small_house: House, wanted: dict[str, object], status: int, error: str
) -> None:
    small_house.credit()
    body = {"model": "credit-pd", "version": 2, "alias": "champion", "reason": WHY, **wanted}
    answer = client(small_house, small_house.alice).post("/release-requests", json=body)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert set(answer.json()) == {"error", "detail", "hint"}
    assert answer.json()["detail"].endswith(".")
    assert small_house.portal.requests.listing(by=small_house.alice) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'{"model": "\\ud800", "version": 2, "alias": "champion", "reason": "x"}',
        b'{"model": "credit-pd", "version": 2, "alias": "champion", "reason": "\\ud800"}',
        b'{"model": "credit-pd", "version": 2, "alias": "\\ud800", "reason": "x"}',
        b'{"model": "\\u0000", "version": 2, "alias": "champion", "reason": "x"}',
    ],
)
def test_a_body_that_cannot_be_read_is_answered_in_words(house: House, body: bytes) -> None:
    house.credit()
    answer = client(house, house.alice).post("/release-requests", content=body)
    assert answer.status_code in {404, 422}, answer.text
    assert set(answer.json()) == {"error", "detail", "hint"}


def test_without_a_token_nothing_is_told(house: House) -> None:
    house.credit()
    nobody = client(house)
    for method, path in (
        ("get", "/models"),
        ("get", "/models/credit-pd"),
        ("get", "/models/credit-pd/versions/1"),
        ("get", "/release-requests"),
        ("get", "/audit"),
        ("post", "/predictions"),
        ("post", "/release-requests"),
    ):
        answer = nobody.request(method, path)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["error"] == "no-token"
    refused = [r for r in house.records(outcome="refused") if r.act.startswith("api:")]
    assert {record.actor for record in refused} == {"nobody"}
    assert len(refused) == 7


@pytest.mark.parametrize(
    "header",
    ["Bearer csn_0", "Bearer ", "Basic YTpi", "csn_0", "Bearer " + "é" * 3, "Bearer " + "x" * 4000],
)
def test_what_is_no_token_of_ours_lets_nobody_in(small_house: House, header: str) -> None:
    answer = client(small_house).get("/models", headers={"Authorization": header.encode()})
    assert answer.status_code == 401
    assert set(answer.json()) == {"error", "detail", "hint"}


def test_a_token_ends_at_once_when_its_person_is_disabled(small_house: House) -> None:
    small_house.credit()
    alice = client(small_house, small_house.alice)
    assert alice.get("/models").status_code == 200
    small_house.portal.people.disable(small_house.alice.id, by=small_house.grace)
    assert alice.get("/models").status_code == 401


def test_an_applications_token_neither_asks_nor_decides(small_house: House) -> None:
    small_house.credit()
    asked = ask(small_house)
    small_house.work()
    _token, secret = small_house.portal.tokens.issue_for_application(
        small_house.robot.id, "ci", by=small_house.grace
    )
    robot = client(small_house)
    robot.headers["Authorization"] = f"Bearer {secret}"
    assert robot.get("/models/credit-pd").status_code == 200
    wanted = {"model": "credit-pd", "version": 2, "alias": "shadow", "reason": WHY}
    assert robot.post("/release-requests", json=wanted).status_code == 403
    decided = robot.post(
        f"/release-requests/{asked['id']}/decision", json={"decision": "approve", "reason": WHY}
    )
    # It may not read requests, so it does not learn that this one exists.
    assert decided.status_code == 404


@pytest.mark.parametrize("path", ["/nothing", "/models/a/b/c", "/release-requests/RR-2026-9999"])
def test_what_is_not_there_is_a_404_in_the_usual_shape(small_house: House, path: str) -> None:
    answer = client(small_house, small_house.alice).get(path)
    assert answer.status_code == 404
    assert set(answer.json()) == {"error", "detail", "hint"}


@pytest.mark.parametrize("decision", ["expire", "send-back", "withdraw", "", None])
def test_only_decisions_are_taken_for_decisions(small_house: House, decision: str | None) -> None:
    small_house.credit()
    asked = ask(small_house)
    small_house.work()
    answer = client(small_house, small_house.bob).post(
        f"/release-requests/{asked['id']}/decision", json={"decision": decision, "reason": WHY}
    )
    assert answer.status_code == 422


# -- reading ---------------------------------------------------------------------------------------


def test_models_are_searched_within_what_the_caller_may_see(house: House) -> None:
    house.credit()
    house.credit(name="card-fraud", domain="Cards")
    alice = client(house, house.alice)
    found = alice.get("/models", params={"q": "loan"}).json()
    assert (found["total"], [one["name"] for one in found["models"]]) == (1, ["credit-pd"])
    assert found["models"][0]["owner"] == "Alice Norrland"
    assert found["mirrored_at"]["main"].endswith("Z")
    hidden = alice.get("/models/card-fraud")
    assert (hidden.status_code, hidden.json()["error"]) == (404, "no-such-model")
    for text in ("%00", "%ED%A0%80", "'", "%25", "x" * 200):
        assert alice.get(f"/models?q={text}").status_code in {200, 422}


def test_a_version_is_told_with_its_data_and_numbers(small_house: House) -> None:
    small_house.credit()
    told = client(small_house, small_house.alice).get("/models/credit-pd/versions/2").json()
    assert told["version"] == 2
    assert told["metrics"] == [
        {
            "name": "roc_auc",
            "value": 0.82,
            "dataset": "lending-holdout",
            "dataset_digest": "e1f0",
        }
    ]
    assert {data["context"] for data in told["datasets"]} == {"training", "evaluation"}
    answer = client(small_house, small_house.alice).get("/models/credit-pd/versions/9")
    assert (answer.status_code, answer.json()["error"]) == (404, "no-such-version")


def test_while_mlflow_is_away_the_api_reads_on(small_house: House) -> None:
    small_house.credit()
    small_house.mlflow.trouble = AWAY
    assert client(small_house, small_house.alice).get("/models/credit-pd").status_code == 200


def test_the_trail_is_read_by_those_with_the_role_only(house: House) -> None:
    house.credit()
    refused = client(house, house.alice).get("/audit")
    assert (refused.status_code, refused.json()["error"]) == (403, "no-role")
    records = _audit(house, act="model:classify")["records"]
    assert [json.loads(one["record"])["act"] for one in records] == ["model:classify"]
    assert records[0]["texts"] == {"domain": "Lending"}
    looked = house.records("api:get")
    assert [(r.actor, r.outcome, r.resource) for r in looked] == [
        (house.alice.id, "refused", "route:/audit")
    ]


def _audit(house: House, **params: str) -> dict[str, Any]:
    answer = client(house, house.grace).get("/audit", params=params)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_the_shapes_are_described(small_house: House) -> None:
    described = client(small_house).get("/openapi.json").json()
    assert {
        "/models",
        "/models/{name}",
        "/models/{name}/versions/{version}",
        "/release-requests",
        "/release-requests/{request_id}",
        "/release-requests/{request_id}/decision",
        "/predictions",
        "/audit",
    } <= set(described["paths"])


def test_a_body_larger_than_five_megabytes_is_not_read(small_house: House) -> None:
    alice = client(small_house, small_house.alice)
    large = b"x" * (5 * 1024 * 1024 + 1)
    answer = alice.post("/release-requests", content=large)
    assert (answer.status_code, answer.json()["error"]) == (413, "too-large")
    # A body that does not say how long it is, is counted while it comes.
    pieces = (large[at : at + 65_536] for at in range(0, len(large), 65_536))
    answer = alice.post("/release-requests", content=pieces)
    assert (answer.status_code, answer.json()["error"]) == (413, "too-large")


def test_a_fault_of_ours_is_told_with_an_incident_and_without_its_inside(
    small_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret inside")

    alice = client(small_house, small_house.alice)
    monkeypatch.setattr(type(small_house.portal.requests), "listing", broken)
    answer = alice.get("/release-requests")
    assert answer.status_code == 500
    assert answer.json()["error"] == "fault"
    assert "incident" in answer.json()["detail"]
    assert "secret" not in answer.text
