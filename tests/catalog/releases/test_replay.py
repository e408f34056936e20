"""Past decisions asked again give the same verdict, at once or by the worker."""

from __future__ import annotations

import pytest
from sqlmodel import select

from auth.actors import Actor
from catalog.releases.gates.asking import Answer
from catalog.releases.states import Verb
from catalog.releases.tables import DecisionRow
from catalog.releases.trials import past
from catalog.releases.trials.found import Again
from catalog.releases.trials.trials import TrialState
from ledger.errors import NotFound, Refused
from tests.api.test_release_story import client
from tests.cast import WHY, House


def test_every_past_approval_gives_the_same_verdict_byte_for_byte(house: House) -> None:
    house.credit()
    house.approved(2)
    house.deliver()
    house.mlflow.describe_version("credit-pd", 2, "Changed long after.")
    house.mirror()
    (again,) = house.portal.replay.decisions(by=house.erik)
    assert again.kept
    assert again.is_same
    assert again.now
    assert again.now.passes


def test_a_rejection_and_a_request_for_changes_are_asked_again_as_well(house: House) -> None:
    house.credit(aucs=(0.80, 0.82, 0.70))
    verbs = (Verb.REJECT, Verb.REQUEST_CHANGES)
    for number, verb in zip((2, 3), verbs, strict=True):
        asked = house.asked(number)
        house.portal.decisions.decide(asked.id, verb, WHY, by=house.bob)
    house.mlflow.describe_version("credit-pd", 3, "Changed long after.")
    house.mirror()
    found = house.portal.replay.decisions(by=house.erik)
    assert {one.verb for one in found} == set(verbs)
    assert [(bool(one.kept), one.is_same) for one in found] == [(True, True)] * 2
    assert {one.now.answer for one in found if one.now} == {Answer.PASS, Answer.FAIL}


def test_nobody_is_shown_an_approval_that_they_may_not_read(house: House) -> None:
    house.credit()
    house.approved(2)
    assert house.portal.replay.decisions(by=house.dave) == []


def again(house: House, *, by: Actor) -> tuple[Again, ...]:
    """Erik has past approvals asked again; what somebody may read of it."""
    trial = house.portal.trials.request_replay(by=house.erik)
    assert house.portal.trials.get(trial, by=by).is_replay
    house.work()
    told = house.portal.trials.get(trial, by=by)
    assert (told.state, told.percent) == (TrialState.DONE, 100)
    assert told.found is not None
    return told.found.again


def test_the_worker_asks_some_at_a_time_what_is_asked_at_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "AT_A_TIME", 2)
    house.credit(aucs=(0.80, 0.82, 0.83, 0.84))
    for number, alias in ((2, "a"), (3, "b"), (4, "c")):  # at the very same moment
        house.approved(number, alias)
    found = again(house, by=house.erik)
    assert list(found) == house.portal.replay.decisions(by=house.erik)
    assert [one.is_same for one in found] == [True] * 3
    assert len({one.number for one in found}) == 3
    monkeypatch.setattr(past, "MOST", 1)
    assert len(again(house, by=house.erik)) == 1


def test_a_verdict_that_is_another_one_is_found_and_on_the_record(small_house: House) -> None:
    house = small_house
    house.credit()
    house.approved(2)
    with house.portal.store.write() as session:
        row = session.exec(select(DecisionRow)).one()
        row.verdict_digest = "sha256:another"
        session.add(row)
    assert [one.is_same for one in again(house, by=house.erik)] == [False]
    (record,) = house.records("policy:replay:compute")
    assert (record.facts["decisions"], record.facts["differ"]) == ("1", "1")


@pytest.mark.parametrize(
    ("done", "problem"),
    [
        ("UPDATE release_decision SET snapshot_digest = 'sha256:gone'", "is not on record"),
        ("UPDATE evidence_snapshot SET body = replace(body, '0.8', '0.9')", "not what it was"),
        ("UPDATE release_decision SET policy_digest = 'sha256:gone'", "policy is not on record"),
    ],
)
def test_an_approval_whose_evidence_or_policy_is_not_that_of_then_is_told_not_left_out(
    small_house: House, done: str, problem: str
) -> None:
    house = small_house
    house.credit()
    house.approved(2)
    with house.portal.store.write() as session:
        session.connection().exec_driver_sql(done)
    (one,) = again(house, by=house.erik)
    assert (one.now, one.is_same) == (None, False)
    assert problem in one.problem
    answer = client(house, house.erik).get("/policies/replay").json()
    assert (answer["differ"], answer["decisions"][0]["problem"]) == (1, one.problem)


def test_each_reader_of_a_replay_sees_the_models_they_may_read(small_house: House) -> None:
    house = small_house
    house.credit()
    house.approved(2)
    assert len(again(house, by=house.carol)) == 1
    house.portal.restrictions.restrict(house.model().id, WHY, by=house.grace)
    assert again(house, by=house.carol) == ()
    assert house.portal.replay.decisions(by=house.carol) == []
    assert len(again(house, by=house.grace)) == 1
    with pytest.raises(NotFound):
        again(house, by=house.dave)
    with pytest.raises(Refused):
        house.portal.trials.request_replay(by=house.dave)


def test_a_replay_is_left_come_back_to_and_cancelled_through_the_api(small_house: House) -> None:
    house = small_house
    house.credit()
    house.approved(2)
    erik, carol = client(house, house.erik), client(house, house.carol)
    asked = erik.post("/policies/replays")
    assert (asked.status_code, asked.json()["state"], asked.json()["policy"]) == (
        202,
        "Queued",
        None,
    )
    assert erik.post("/policies/replays").json()["id"] == asked.json()["id"]
    there = f"/policies/trials/{asked.json()['id']}"
    assert carol.post(f"{there}/cancellation").status_code == 403
    assert erik.post(f"{there}/cancellation").json()["state"] == "Cancelled"
    house.work()
    assert erik.get(there).json()["found"] is None
    there = f"/policies/trials/{erik.post('/policies/replays').json()['id']}"
    house.work()
    found = carol.get(there).json()["found"]
    assert {**found, "is_cut": False} == {**carol.get("/policies/replay").json(), "is_cut": False}
    assert [one["same"] for one in found["decisions"]] == [True]
