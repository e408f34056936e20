"""Findings, conditions, emergencies, revocations and rollbacks, told through the API alone."""

from __future__ import annotations

from typing import Any, Final

from auth.actors import Actor, Scope
from auth.permissions import Role
from tests.api.test_release_story import ask, client
from tests.cast import WHY, House
from tests.catalog.releases.test_reconciliation import live, look, point

CONDITION = {"asks": "Write down how it is watched.", "due_on": "2026-11-30"}


def found(house: House) -> dict[str, Any]:
    """A move that nobody approved, as Bob reads it."""
    live(house)
    point(house, 3)
    look(house)
    (one,) = client(house, house.bob).get("/findings").json()["findings"]
    told: dict[str, Any] = one
    return told


def stranger(house: House) -> Actor:
    """Somebody with a role in another domain."""
    return house.join("ines", Role.APPROVER, Scope("domain", "Cards"))


def test_a_move_nobody_approved_is_read_remedied_opened_again_and_closed(house: House) -> None:
    one = found(house)
    assert (one["kind"], one["severity"], one["state"]) == (
        "moved outside the process",
        "critical",
        "Open",
    )
    assert one["title"] == "champion was moved from v2 to v3 outside the process"
    assert (one["model"], one["version"], one["alias"]) == ("credit-pd", 3, "champion")
    assert one["owner"] == house.alice.id
    assert one["happened"]["since"] < one["happened"]["until"] == one["opened_at"]
    assert one["found_within_seconds"] == 60
    alice, bob = client(house, house.alice), client(house, house.bob)
    at = f"/findings/{one['number']}"
    may = bob.get(at).json()["may"]
    assert (may["close"]["code"], may["assign"]["allowed"]) == ("wrong-state", True)
    said = alice.post(f"{at}/remedy", json={"remedy": "I set it back."}).json()
    assert (said["state"], said["remedy"]["said"]) == ("Remedied", "I set it back.")
    assert bob.post(f"{at}/reopening", json={"reason": "It is not."}).json()["state"] == "Open"
    alice.post(f"{at}/remedy", json={"remedy": "Now it is."})
    own = alice.post(f"{at}/closure", json={"reason": "I know."})
    assert (own.status_code, own.json()["error"]) == (403, "no-role")
    astray = bob.post(f"{at}/closure", json={"reason": "I looked."})
    assert (astray.status_code, astray.json()["error"]) == (409, "still-astray")
    house.mlflow.point("credit-pd", "champion", 2)
    house.mirror()
    closed = bob.post(f"{at}/closure", json={"reason": "I looked."}).json()
    assert (closed["state"], closed["closure"]["by"]) == ("Closed", house.bob.id)
    again = bob.post(f"{at}/closure", json={"reason": "I looked."})
    assert (again.status_code, again.json()["error"]) == (409, "wrong-state")


def test_a_finding_is_given_to_somebody_else_and_to_nobody_who_is_not_there(house: House) -> None:
    one = found(house)
    at, bob = f"/findings/{one['id']}/assignment", client(house, house.bob)
    given = {"owner": "bob@norrland.example", "due_on": "2026-12-01", "reason": WHY}
    told = bob.post(at, json=given).json()
    assert (told["owner"], told["due_on"]) == (house.bob.id, "2026-12-01")
    wrong = client(house, house.grace).post(at, json={**given, "owner": "nobody@norrland.example"})
    assert (wrong.status_code, wrong.json()["error"]) == (404, "no-such-person")
    unseen = client(house, stranger(house)).post(at, json=given)
    assert (unseen.status_code, unseen.json()["detail"]) == (404, "There is no such finding.")


def test_findings_are_listed_by_what_one_asks_for_a_page_at_a_time(small_house: House) -> None:
    found(small_house)
    small_house.mlflow.stage("credit-pd", 3, "Production")
    look(small_house)
    bob = client(small_house, small_house.bob)

    def listed(**asked: object) -> tuple[int, list[str]]:
        answer = bob.get("/findings", params=asked).json()
        return answer["total"], [one["number"] for one in answer["findings"]]

    both = ["F-2026-0001", "F-2026-0002"]
    assert listed() == (2, both)
    assert listed(limit=1, offset=1) == (2, both[1:])
    assert listed(state=["Open", "Closed"]) == (2, both)
    assert listed(state="Closed") == (0, [])
    assert listed(kind="moved outside the process", model="credit-pd") == (2, both)
    assert listed(owner="alice@norrland.example") == (2, both)
    assert listed(owner="ghost@norrland.example") == (0, [])
    took = bob.get("/findings").json()["detection"]
    assert took["findings"] == 2
    assert 60 <= took["median_seconds"] <= took["worst_seconds"] < 61
    nothing = client(small_house, stranger(small_house)).get("/findings").json()
    assert nothing["total"] == 0
    assert nothing["detection"] == {"findings": 0, "median_seconds": None, "worst_seconds": None}


NONSENSE: Final[dict[str, tuple[dict[str, object] | None, int, str]]] = {
    "/findings?state=Lost": (None, 422, "malformed"),
    "/findings?limit=0": (None, 422, "malformed"),
    "/findings?model=no-such": (None, 404, "no-such-model"),
    "/findings/F-1": (None, 404, "not-found"),
    "/findings/F-2026-0001/remedy": ({"remedy": ""}, 422, "no-remedy"),
    "/findings/F-2026-0001/closure": ({"why": "x"}, 422, "malformed"),
    "/release-requests/RR-9/revocation": ({"reason": WHY}, 404, "not-found"),
    "/release-requests/RR-2026-0001/revocation": ({"reason": ""}, 422, "no-reason"),
    "/models/credit-pd/rollback": (
        {"version": 1, "alias": "champion", "reason": WHY},
        409,
        "gate-not-passed",
    ),
    "/models/credit-pd/rollback?workspace=default": ({"version": 0}, 422, "malformed"),
    "/models/credit-pd/retirement": (
        {"version": 2, "alias": "champion", "reason": WHY},
        403,
        "no-role",
    ),
    "/models/credit-pd/retirement?workspace=default": ({"version": 0}, 422, "malformed"),
    "/models/credit-pd/consumers?server=none": (None, 404, "no-such-model"),
    "/models/credit-pd/consumers?workspace=none": (None, 404, "no-such-model"),
}


def test_what_makes_no_sense_is_refused_in_words(small_house: House) -> None:
    found(small_house)
    bob = client(small_house, small_house.bob)
    for path, (body, status, error) in NONSENSE.items():
        answer = bob.get(path) if body is None else bob.post(path, json=body)
        assert (answer.status_code, answer.json()["error"]) == (status, error), path
        assert set(answer.json()) == {"error", "detail", "hint"}


def test_an_approval_with_conditions_is_given_and_taken_back_through_the_api(house: House) -> None:
    house.credit()
    asked = ask(house)
    assert asked["route"] == "release"
    house.work()
    at, bob = f"/release-requests/{asked['number']}", client(house, house.bob)
    said = {"decision": "approve-with-conditions", "reason": WHY}
    none = bob.post(f"{at}/decision", json=said)
    assert (none.status_code, none.json()["error"]) == (422, "no-condition")
    answer = bob.post(f"{at}/decision", json={**said, "conditions": [CONDITION]})
    assert answer.json()["state"] == "Conditionally approved"
    (condition,) = bob.get(at).json()["findings"]
    assert {name: condition[name] for name in ("title", "due_on", "kind")} == {
        "title": CONDITION["asks"],
        "due_on": CONDITION["due_on"],
        "kind": "condition of an approval",
    }
    revoked = bob.post(f"{at}/revocation", json={"reason": "It leaks."}).json()
    assert (revoked["state"], revoked["promotion"]["code"]) == ("Revoked", "revoked")


def test_an_emergency_is_asked_for_through_the_api(small_house: House) -> None:
    small_house.credit()
    assert ask(small_house, emergency=True)["route"] == "emergency"


def test_an_alias_is_set_back_through_the_api(small_house: House) -> None:
    live(small_house)
    small_house.approved(3)
    small_house.deliver()
    answer = client(small_house, small_house.alice).post(
        "/models/credit-pd/rollback", json={"version": 2, "alias": "champion", "reason": WHY}
    )
    assert (answer.status_code, answer.json()["state"]) == (201, "Approved")
    small_house.deliver()
    assert small_house.mlflow.alias("credit-pd", "champion") == 2


def test_an_alias_is_taken_away_through_the_api(small_house: House) -> None:
    live(small_house)
    day = small_house.clock.now().date().isoformat()
    alice = client(small_house, small_house.alice)
    at = "/models/credit-pd/retirement"
    asks = {"version": 2, "alias": "champion", "reason": "Use v3.", "successor": 3}
    asked = alice.post(at, json=asks)
    assert (asked.status_code, asked.json()["route"]) == (201, "retirement")
    again = alice.post(at, json={**asks, "ends_on": day})
    assert (again.status_code, again.json()["error"]) == (403, "asked-already")
    said = alice.get("/models/credit-pd/versions/2").json()["deprecation"]
    assert (said["ends_on"], said["message"]) == (day, "Use v3.")
    small_house.work()
    request = f"/release-requests/{asked.json()['number']}"
    bob = client(small_house, small_house.bob)
    assert [one["verdict"] for one in bob.get(request).json()["gates"]] == ["pass"] * 2
    bob.post(f"{request}/decision", json={"decision": "approve", "reason": WHY})
    small_house.deliver()
    assert bob.get(request).json()["promotion"]["state"] == "Applied"
    assert small_house.mlflow.alias("credit-pd", "champion") is None
