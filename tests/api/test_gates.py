"""The gates asked through the API before a request is sent: what a pipeline sees."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from catalog.releases.policies.reading import pack_text
from tests.api.test_release_story import client
from tests.cast import WHY, House

SECOND = pack_text("baseline").replace("\nversion: 1\n", "\nversion: 2\n").rstrip()
UNIT = "{id: unit, kind: check_passed, title: Unit tests, asks: They pass, check: unit}"


def gates(
    api: TestClient, version: int = 2, model: str = "credit-pd", **params: str
) -> dict[str, Any]:
    """What a pipeline is told."""
    answer = api.get(
        f"/models/{model}/versions/{version}/gates", params={"alias": "champion"} | params
    )
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def in_force(house: House, *more: str) -> None:
    """The baseline with more gates."""
    text = "\n".join([SECOND, *(f"  - {one}" for one in more), ""])
    house.portal.policies.publish(text, WHY, by=house.grace)


def test_only_the_record_of_the_files_waits_for_the_request_and_stands_in_nobodys_way(
    house: House,
) -> None:
    house.credit()
    told = gates(client(house, house.alice))
    assert told["passes"] is True
    assert (told["replaces"], told["policy"]["name"]) == (1, "baseline")
    assert told["may_request"]["allowed"] is True
    assert told["approvals"]["possible"] is True
    waiting = [(one["id"], one["verdict"]) for one in told["gates"] if one["after_request"]]
    assert waiting == [("artifacts", "missing")]
    house.asked()
    told = gates(client(house, house.alice))
    assert {one["verdict"] for one in told["gates"]} == {"pass"}
    assert (told["passes"], told["may_request"]["code"]) == (True, "asked-already")


def test_a_worse_version_does_not_pass_and_nothing_is_asked_for(small_house: House) -> None:
    small_house.credit(aucs=(0.82, 0.80))
    told = gates(client(small_house, small_house.alice))
    assert told["passes"] is False
    (failing,) = [one for one in told["gates"] if one["verdict"] == "fail"]
    assert (failing["id"], failing["after_request"]) == ("performance", False)
    assert small_house.portal.requests.listing(by=small_house.alice) == []


def test_a_gate_of_gates_waits_only_if_the_files_are_all_it_wants(small_house: House) -> None:
    small_house.credit()
    places = iter(range(99))

    def one(kind: str, *inside: str) -> str:
        place = next(places)
        more = {"check_passed": "check: unit", "artifacts_recorded": ""}.get(kind)
        more = f"gates: [{', '.join(inside)}]" if more is None else more
        return f"{{id: g{place}, kind: {kind}, title: G{place}, asks: It, {more}}}"

    def files() -> str:
        return one("artifacts_recorded")

    def unit() -> str:
        return one("check_passed")

    waiting = [
        files(),
        one("all_of", files()),
        one("all_of", one("any_of", files(), unit())),
        one("any_of", unit(), files()),
    ]
    wanting = [
        unit(),
        one("all_of", files(), unit()),
        one("any_of", unit()),
        one("any_of", one("all_of", files(), unit()), unit()),
    ]
    in_force(small_house, *waiting, *wanting)
    told = gates(client(small_house, small_house.alice))
    last = told["gates"][-8:]
    assert {gate["verdict"] for gate in last} == {"missing"}
    assert [gate["after_request"] for gate in last] == [True] * 4 + [False] * 4
    assert told["passes"] is False


def test_a_release_that_no_policy_covers_has_no_gates_and_does_not_pass(small_house: House) -> None:
    small_house.credit()
    in_force(small_house)
    small_house.portal.policies.end("baseline", WHY, by=small_house.grace)
    told = gates(client(small_house, small_house.alice))
    assert (told["policy"], told["gates"], told["passes"]) == (None, [], False)
    assert told["may_request"]["code"] == "no-policy"


def test_whoever_may_read_releases_of_a_model_may_ask_its_gates_and_nobody_else(
    small_house: House,
) -> None:
    small_house.credit()
    told = gates(client(small_house, small_house.carol))
    assert (told["passes"], told["may_request"]["allowed"]) == (True, False)
    small_house.credit(name="card-fraud", domain="Cards")
    path = "/models/card-fraud/versions/2/gates"
    asked = {"alias": "champion"}
    assert client(small_house).get(path, params=asked).status_code == 401
    hidden = client(small_house, small_house.alice).get(path, params=asked)
    assert (hidden.status_code, hidden.json()["error"]) == (404, "no-such-model")


def test_what_makes_no_sense_is_refused_in_words(small_house: House) -> None:
    small_house.credit()
    alice = client(small_house, small_house.alice)
    for path, alias, status, error in (
        ("nothing/versions/1", "champion", 404, "no-such-model"),
        ("credit-pd/versions/9", "champion", 404, "no-such-version"),
        (f"credit-pd/versions/{10**30}", "champion", 404, "no-such-version"),
        ("credit-pd/versions/two", "champion", 422, "malformed"),
        ("credit-pd/versions/2", "latest", 422, "bad-alias"),
        ("credit-pd/versions/2", "\x00", 422, "bad-alias"),
    ):
        answer = alice.get(f"/models/{path}/gates", params={"alias": alias})
        assert (answer.status_code, answer.json()["error"]) == (status, error), path
    answer = alice.get("/models/credit-pd/versions/2/gates")
    assert (answer.status_code, answer.json()["error"]) == (422, "malformed")


# -- evidence by its name --------------------------------------------------------------------------


def test_evidence_is_named_beside_what_it_says(small_house: House) -> None:
    small_house.credit()
    alice = client(small_house, small_house.alice)
    piece = {"kind": "check", "name": "unit", "says": {"passed": True}, "producer": "CI"}
    made = alice.post("/models/credit-pd/versions/2/evidence", json=piece)
    assert (made.status_code, made.json()["name"]) == (201, "unit")
    assert made.json()["says"]["check"] == "unit"


def test_a_name_that_does_not_fit_is_refused(small_house: House) -> None:
    small_house.credit()
    alice = client(small_house, small_house.alice)
    pieces: tuple[tuple[dict[str, object], str], ...] = (
        ({"kind": "check", "name": "a", "says": {"check": "b", "passed": True}}, "two-names"),
        ({"kind": "monitoring-plan", "name": "a", "says": {"signals": ["x"]}}, "no-name"),
        ({"kind": "prayer", "name": "a", "says": {}}, "no-such-evidence"),
    )
    for piece, error in pieces:
        answer = alice.post("/models/credit-pd/versions/2/evidence", json=piece)
        assert (answer.status_code, answer.json()["error"]) == (422, error)


def test_an_application_reads_neither_gates_nor_evidence(house: House) -> None:
    house.credit()
    _token, secret = house.portal.tokens.issue_for_application(house.robot.id, "x", by=house.grace)
    robot = client(house)
    robot.headers["Authorization"] = f"Bearer {secret}"
    way = "/models/credit-pd/versions/2"
    assert robot.get(f"{way}/gates", params={"alias": "champion"}).status_code == 404
    assert robot.get(f"{way}/evidence").status_code == 404
    assert robot.get("/models/credit-pd").status_code == 200


def test_release_requests_are_listed_a_page_at_a_time(house: House) -> None:
    house.credit()
    asked = [house.asked(2, alias).number for alias in ("a", "b", "c")]
    api = client(house, house.alice)
    page = api.get("/release-requests", params={"limit": 2, "offset": 1}).json()
    assert page["total"] == 3
    assert [one["number"] for one in page["release_requests"]] == asked[1::-1]
    assert api.get("/release-requests", params={"limit": 1000}).status_code == 422


def test_release_requests_are_found_by_what_they_ask_for_and_where_they_stand(house: House) -> None:
    house.credit(champion=None)
    house.credit(name="other")
    asked = [house.asked(version, alias) for version in (1, 2) for alias in ("a", "b")]
    house.asked(2, "a", "other")
    house.portal.requests.withdraw(asked[0].id, WHY, by=house.alice)
    api = client(house, house.alice)

    def found(**wanted: object) -> list[str]:
        told = api.get("/release-requests", params=wanted).json()
        assert told["total"] == len(told["release_requests"])
        return [one["number"] for one in told["release_requests"]]

    everything = [f"RR-2026-000{number}" for number in (5, 4, 3, 2, 1)]
    assert found() == everything
    assert found(model="credit-pd", version=2, alias="a") == ["RR-2026-0003"]
    assert found(version=1) == ["RR-2026-0002", "RR-2026-0001"]
    assert found(alias="a", state=["In review", "Pending review"]) == [everything[0], everything[2]]
    assert found(state=["In review", "Withdrawn"]) == everything
    assert found(state="Withdrawn", version=2) == []
    for wrong in ({"version": 2**31}, {"version": 0}, {"state": "Gone"}):
        assert api.get("/release-requests", params=wrong).status_code == 422


def test_a_dry_run_says_that_too_few_people_hold_the_roles(house: House) -> None:
    house.credit()
    text = pack_text("baseline").replace("\nversion: 1\n", "\nversion: 2\n")
    house.portal.policies.publish(text.replace("needed: 1", "needed: 2"), WHY, by=house.grace)
    told = gates(client(house, house.alice))["approvals"]
    assert told["panels"] == [{"role": "approver", "needed": 2, "could": 1}]
    assert (told["possible"], "2 approvers" in told["reason"]) == (False, True)
