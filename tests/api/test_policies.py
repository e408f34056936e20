"""Policies and evidence through the API: what CI attaches, what an administrator publishes."""

from __future__ import annotations

from catalog.releases.policies.reading import pack_text
from tests.api.test_release_story import client
from tests.cast import WHY, House

SECOND = pack_text("baseline").replace("\nversion: 1\n", "\nversion: 2\n")
STRICT = SECOND.rstrip() + (
    "\n  - {id: unit, kind: check_passed, title: Unit tests, asks: They pass, check: unit}\n"
)


def test_a_pipeline_attaches_a_check_and_a_gate_answers(small_house: House) -> None:
    small_house.credit()
    grace, alice = (client(small_house, who) for who in (small_house.grace, small_house.alice))
    assert alice.get("/policies").json()["policies"][0]["name"] == "baseline"
    made = grace.post("/policies", json={"policy": STRICT, "reason": WHY})
    assert (made.status_code, made.json()["version"]) == (201, 2)
    asked = {"model": "credit-pd", "version": 2, "alias": "champion", "reason": WHY}
    number = alice.post("/release-requests", json=asked).json()["number"]

    def unit() -> str:
        gates = alice.get(f"/release-requests/{number}").json()["gates"]
        return str(next(one["verdict"] for one in gates if one["id"] == "unit"))

    small_house.work()
    assert unit() == "missing"
    says = {"kind": "check", "says": {"check": "unit", "passed": True}, "producer": "CI"}
    attached = alice.post("/models/credit-pd/versions/2/evidence", json=says)
    assert (attached.status_code, attached.json()["verified"]) == (201, False)
    listed = alice.get("/models/credit-pd/versions/2/evidence").json()["evidence"]
    assert [one["name"] for one in listed] == ["unit"]
    taken = alice.post(f"/evidence/{listed[0]['id']}/withdrawal", json={"reason": WHY})
    assert taken.json()["withdrawn"]


def test_a_wrong_policy_is_refused_with_its_line(small_house: House) -> None:
    grace = client(small_house, small_house.grace)
    answer = grace.post("/policies/trials", json={"policy": SECOND.replace("margin", "magin")})
    assert (answer.status_code, answer.json()["error"]) == (422, "bad-policy")
    assert "line" in answer.json()["detail"]
    assert answer.json()["hint"] == "Did you mean margin?"


def test_only_an_administrator_publishes_and_everybody_reads(small_house: House) -> None:
    alice = client(small_house, small_house.alice)
    answer = alice.post("/policies", json={"policy": SECOND, "reason": WHY})
    assert answer.status_code == 403
    assert alice.post("/policies/baseline/end", json={"reason": WHY}).status_code == 403
    assert alice.get("/policies/schema").json()["title"] == "Countersign release policy"
    assert alice.get("/policies/replay").json() == {"decisions": [], "differ": 0}
    assert client(small_house).get("/policies").status_code == 401


def test_what_was_published_is_read_as_it_was_written(small_house: House) -> None:
    grace = client(small_house, small_house.grace)
    grace.post("/policies", json={"policy": SECOND, "reason": WHY})
    (edition,) = grace.get("/policies/editions").json()["editions"]
    assert edition["policy"] == SECOND
    assert grace.post("/policies/baseline/end", json={"reason": WHY}).json()["in_force"] is False
    assert grace.get("/policies").json()["policies"] == []
