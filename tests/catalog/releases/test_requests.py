"""A release request, from the question to the decision, and every way it can be refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.worker import collect_evidence
from catalog.releases.evidence.taking import kept
from catalog.releases.gates.asking import Answer
from catalog.releases.policies.reading import pack_text
from catalog.releases.requests.rights import LONGEST_REASON
from catalog.releases.states import State, Verb
from catalog.releases.tables import PolicyRow
from ledger.errors import Conflict, CountersignError, Invalid, NotFound, Refused
from tests.at_once import at_once
from tests.cast import LENDING, WHY, House
from tests.fakes import AWAY


def test_alice_asks_bob_approves_and_both_are_on_record(house: House) -> None:
    house.credit()
    request = house.asked()
    assert request.state is State.IN_REVIEW
    assert request.replaces == 1
    approved = house.portal.decisions.decide(
        request.id, Verb.APPROVE, "Measured, and not worse.", by=house.bob
    )
    assert approved.state is State.APPROVED
    (decision,) = approved.decisions
    assert (decision.person_id, decision.reason) == (house.bob.id, "Measured, and not worse.")
    assert decision.manifest_digest == request.manifest_digest != ""
    asked, decided = house.records("release:request")[0], house.records("release:approve")[0]
    assert asked.resource == decided.resource == f"request:{request.id}"
    assert (asked.actor, decided.actor) == (house.alice.id, house.bob.id)
    assert asked.texts["reason"] == WHY
    assert decided.digests == {
        "policy": approved.policy_digest,
        "verdict": approved.decisions[0].verdict_digest,
        "evidence": approved.snapshot_digest,
        "artifacts": approved.manifest_digest,
    }


def test_what_a_request_is_bound_to_is_kept_and_on_record_once_it_is_asked(
    small_house: House,
) -> None:
    small_house.credit()
    version = small_house.version(2)
    request = small_house.portal.requests.request(version.id, "champion", WHY, by=small_house.alice)
    (record,) = small_house.records("release:request")
    assert record.digests == request.digests
    assert record.digests.keys() == {"policy", "evidence"}
    assert record.facts == {
        "alias": "champion",
        "model": request.model_id,
        "route": "release",
        "version": version.id,
    }
    with small_house.portal.store.read() as session:
        assert session.get(PolicyRow, request.policy_digest) is not None
        assert kept(session, request.snapshot_digest) is not None


def test_requests_are_numbered_in_order_within_a_year(small_house: House) -> None:
    small_house.credit()
    assert [small_house.asked(1, "shadow").number, small_house.asked(2).number] == [
        "RR-2026-0001",
        "RR-2026-0002",
    ]


def test_a_request_is_found_by_its_number_too(small_house: House) -> None:
    small_house.credit()
    request = small_house.asked()
    assert small_house.portal.requests.get("RR-2026-0001", by=small_house.bob) == request


@pytest.mark.parametrize(
    "alias",
    [
        "",
        " ",
        "my champion",
        "latest",
        "LATEST",
        "Champion",
        "v3",
        "V12",
        "3",
        "-x",
        "a" * 65,
        "a/b",
        "é",
        "a\n",
    ],
)
def test_an_alias_that_mlflow_would_not_take_is_refused_with_the_rule(
    small_house: House, alias: str
) -> None:
    small_house.credit()
    if alias.strip() == "a":  # blanks around an alias are a slip of the finger
        assert small_house.portal.requests.preview(
            small_house.version(2).id, alias, by=small_house.alice
        ).may_request
        return
    with pytest.raises(Invalid) as told:
        small_house.portal.requests.request(
            small_house.version(2).id, alias, WHY, by=small_house.alice
        )
    assert told.value.code == "bad-alias"
    assert "starting with a letter" in told.value.hint
    assert not small_house.records("release:request")


@pytest.mark.parametrize(
    ("reason", "code"),
    [("", "no-reason"), (" \n\t ", "no-reason"), ("x" * 10_000, "long-reason")],
)
def test_a_reason_that_is_empty_or_endless_is_refused(
    small_house: House, reason: str, code: str
) -> None:
    small_house.credit()
    version = small_house.version(2)
    with pytest.raises(Invalid) as told:
        small_house.portal.requests.request(version.id, "champion", reason, by=small_house.alice)
    assert told.value.code == code
    assert told.value.hint
    assert small_house.portal.requests.listing(by=small_house.alice) == []


@pytest.mark.parametrize(
    "reason",
    [
        "<script>alert(1)</script>",
        "**bold** [link](javascript:alert(1)) :red[x] $x^2$",
        "'; DROP TABLE release_request; --",
        "x" * LONGEST_REASON,
        "Größer ≥ 0,8 \N{WHITE HEAVY CHECK MARK}",
    ],
)
def test_a_reason_is_kept_as_it_was_written(house: House, reason: str) -> None:
    house.credit()
    request = house.portal.requests.request(house.version(2).id, "champion", reason, by=house.alice)
    assert house.portal.requests.get(request.id, by=house.bob).reason == reason
    assert house.records("release:request")[0].texts["reason"] == reason


@pytest.mark.parametrize("reason", ["nothing\x00here", "half a pair \ud800"])
def test_a_reason_no_database_can_keep_is_refused_and_changes_nothing(
    house: House, reason: str
) -> None:
    house.credit()
    with pytest.raises(Invalid):
        house.portal.requests.request(house.version(2).id, "champion", reason, by=house.alice)
    assert house.portal.requests.listing(by=house.alice) == []


def test_a_version_nobody_knows_cannot_be_asked_for(small_house: House) -> None:
    small_house.credit()
    with pytest.raises(NotFound):
        small_house.portal.requests.request("ver_unknown", "champion", WHY, by=small_house.alice)
    (record,) = small_house.records("release:request")
    assert (record.outcome, record.reason) == ("refused", "no-such-version")


def test_a_version_that_is_gone_cannot_be_asked_for(small_house: House) -> None:
    small_house.credit()
    version = small_house.version(2)
    small_house.mlflow.delete_version("credit-pd", 2)
    small_house.mirror()
    with pytest.raises(NotFound):
        small_house.portal.requests.request(version.id, "champion", WHY, by=small_house.alice)


def test_what_is_live_already_needs_no_release(small_house: House) -> None:
    small_house.credit()
    with pytest.raises(Refused) as told:
        small_house.asked(1)
    assert told.value.code == "already-live"


def test_the_same_is_not_asked_twice(small_house: House) -> None:
    small_house.credit()
    first = small_house.asked()
    with pytest.raises(Refused) as told:
        small_house.asked()
    assert told.value.code == "asked-already"
    assert first.number in told.value.message


def test_of_two_who_ask_for_the_same_at_once_one_is_told(house: House) -> None:
    house.credit()
    other = house.join("nils", house.alice.roles[0].role, LENDING)
    version, alice = house.version(2), house.alice

    def ask(by: object) -> object:
        assert by in {alice, other}
        who = alice if by == alice else other
        return house.portal.requests.request(version.id, "champion", WHY, by=who)

    outcomes = at_once(house.portal.ledger, [lambda: ask(alice), lambda: ask(other)])
    refused = [one for one in outcomes if isinstance(one, CountersignError)]
    assert [one.code for one in refused] == ["asked-already"]
    assert len(house.portal.requests.listing(by=alice)) == 1


@pytest.mark.parametrize("who", ["bob", "carol", "erik", "grace"])
def test_only_who_builds_models_asks_for_their_release(small_house: House, who: str) -> None:
    small_house.credit()
    with pytest.raises(Refused) as told:
        small_house.portal.requests.request(
            small_house.version(2).id, "champion", WHY, by=small_house.who(who)
        )
    assert told.value.code == "no-role"


def test_a_stranger_learns_of_no_request_and_of_no_version(small_house: House) -> None:
    small_house.credit()
    request = small_house.asked()
    desk, dave = small_house.portal.requests, small_house.dave
    with pytest.raises(NotFound):
        desk.get(request.id, by=dave)
    with pytest.raises(NotFound):
        desk.sheet(request.id, by=dave)
    with pytest.raises(NotFound):
        desk.preview(request.version_id, "champion", by=dave)
    assert desk.listing(by=dave) == []
    assert small_house.portal.docket.waits_for(by=dave) == []


# -- deciding --------------------------------------------------------------------------------------


def test_a_worse_version_is_not_approved_and_the_gate_is_named(house: House) -> None:
    house.credit(aucs=(0.80, 0.70))
    request = house.asked()
    with pytest.raises(Refused) as told:
        house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.bob)
    assert told.value.code == "gate-not-passed"
    assert "performance fails" in told.value.message
    assert house.portal.requests.get(request.id, by=house.bob) == request
    rejected = house.portal.decisions.decide(request.id, Verb.REJECT, "Worse.", by=house.bob)
    assert rejected.state is State.REJECTED
    assert rejected.promotion is None


def test_a_gate_without_evidence_is_named_as_missing(small_house: House) -> None:
    small_house.credit(aucs=(0.80,))
    small_house.mlflow.log("credit-pd", metrics=[])
    small_house.mirror()
    small_house.portal.authorship.claim(small_house.version(2).id, by=small_house.alice)
    request = small_house.asked()
    with pytest.raises(Refused) as told:
        small_house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=small_house.bob)
    assert told.value.code == "gate-not-passed"
    assert "performance is missing" in told.value.message
    assert "fails" not in told.value.message


def test_a_request_for_a_version_that_is_gone_can_still_be_withdrawn(small_house: House) -> None:
    small_house.credit()
    request = small_house.asked()
    small_house.mlflow.delete_version("credit-pd", 2)
    small_house.mirror()
    withdrawn = small_house.portal.requests.withdraw(request.id, WHY, by=small_house.alice)
    assert withdrawn.state is State.WITHDRAWN


def test_changes_are_asked_for_made_and_approved(small_house: House) -> None:
    small_house.credit(aucs=(0.80,))
    small_house.mlflow.log("credit-pd", description="")
    small_house.mirror()
    small_house.portal.authorship.claim(small_house.version(2).id, by=small_house.alice)
    desk = small_house.portal.requests
    request = small_house.asked(alias="shadow")
    assert [
        g.id
        for g in desk.sheet(request.id, by=small_house.bob).gates
        if g.answer is not Answer.PASS
    ] == ["description"]
    small_house.portal.decisions.decide(
        request.id, Verb.REQUEST_CHANGES, "Describe it.", by=small_house.bob
    )
    waiting = small_house.portal.docket.waits_for(by=small_house.alice)
    assert [one.id for one in waiting] == [request.id]
    small_house.mlflow.describe_version("credit-pd", 2, "With the new bureau data.")
    small_house.mirror()
    desk.resubmit(request.id, "Described.", by=small_house.alice)
    small_house.work()
    approved = small_house.portal.decisions.decide(
        request.id, Verb.APPROVE, "Good.", by=small_house.bob
    )
    assert [d.verb for d in approved.decisions] == [Verb.REQUEST_CHANGES, Verb.APPROVE]


@pytest.mark.parametrize("verb", ["withdraw", "resubmit"])
def test_only_the_person_who_asked_takes_a_request_back_or_sends_it_again(
    small_house: House, verb: str
) -> None:
    small_house.credit()
    request = small_house.asked()
    if verb == "resubmit":
        small_house.portal.decisions.decide(
            request.id, Verb.REQUEST_CHANGES, WHY, by=small_house.bob
        )
    act = getattr(small_house.portal.requests, verb)
    for who in ("bob", "carol", "grace", "erik"):
        with pytest.raises(Refused) as told:
            act(request.id, WHY, by=small_house.who(who))
        assert told.value.code == "not-requester"
    act(request.id, WHY, by=small_house.alice)


def other_policy(house: House) -> None:
    text = pack_text("baseline").replace("\nversion: 1\n", "\nversion: 2\n")
    house.portal.policies.publish(text, "A second version.", by=house.grace)


def other_evidence(house: House) -> None:
    house.mlflow.describe_version("credit-pd", 2, "Something else altogether.")
    house.mirror()


def other_champion(house: House) -> None:
    house.mlflow.point("credit-pd", "champion", 3)
    house.mirror()


def other_files(house: House) -> None:
    house.mlflow.write_file(house.mlflow.version("credit-pd", 2), "model.skops", "other weights")
    version = house.version(2).id
    other = house.portal.requests.request(version, "shadow", WHY, by=house.alice)
    collect_evidence(house.portal, other.id)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (other_policy, "another policy is in force"),
        (other_evidence, "the evidence changed"),
        (other_champion, "the evidence changed"),
        (other_files, "the version's files changed"),
    ],
)
def test_what_changed_since_it_was_read_sends_a_request_back_and_says_what(
    house: House, change: object, told: str
) -> None:
    assert callable(change)
    house.credit(aucs=(0.80, 0.82, 0.81))
    request = house.asked()
    change(house)
    with pytest.raises(Conflict) as refusal:
        house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.bob)
    assert refusal.value.code == "changed-since-review"
    assert told in refusal.value.message
    back = house.portal.requests.get(request.id, by=house.bob)
    assert back.state is State.PENDING_REVIEW
    assert back.decisions == ()
    assert back.promotion is None
    (record,) = house.records("release:approve")
    assert (record.outcome, record.reason) == ("done", "changed-since-review")
    house.work()
    approved = house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.bob)
    assert approved.state is State.APPROVED
    assert approved.replaces == (3 if change is other_champion else 1)


def test_a_request_that_is_sent_again_is_bound_to_the_policy_in_force_at_once(
    small_house: House,
) -> None:
    small_house.credit()
    desk = small_house.portal.requests
    request = small_house.asked()
    small_house.portal.decisions.decide(request.id, Verb.REQUEST_CHANGES, WHY, by=small_house.bob)
    other_policy(small_house)
    again = desk.resubmit(request.id, "Under the new policy.", by=small_house.alice)
    assert again.state is State.PENDING_REVIEW
    assert again.policy_digest != request.policy_digest
    (record,) = small_house.records("release:resubmit")
    assert record.digests["policy"] == again.policy_digest
    assert record.texts == {"reason": "Under the new policy."}


class Killed(BaseException):
    """The portal is no more; nothing it had in mind is done."""


@pytest.mark.parametrize(("point", "counts"), [("deciding", False), ("decided", True)])
def test_a_decision_counts_from_its_commit_on_whoever_is_killed_around_it(
    house: House, monkeypatch: pytest.MonkeyPatch, point: str, *, counts: bool
) -> None:
    house.credit()
    request = house.asked()
    desk = house.portal.requests

    def die(reached: str) -> None:
        if reached == point:
            raise Killed

    monkeypatch.setattr(house.portal.decisions, "_at_point", die)
    with pytest.raises(Killed):
        house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.bob)
    monkeypatch.undo()
    now = desk.get(request.id, by=house.bob)
    assert (now.state is State.APPROVED) == (now.promotion is not None) == counts
    assert len(house.records("release:approve", outcome="done")) == counts


def test_the_sheet_says_that_something_changed_before_anybody_decides(small_house: House) -> None:
    small_house.credit()
    request = small_house.asked()
    desk = small_house.portal.requests
    assert not desk.sheet(request.id, by=small_house.bob).changed_since
    other_evidence(small_house)
    assert desk.sheet(request.id, by=small_house.bob).changed_since


@pytest.mark.parametrize("verbs", [(Verb.APPROVE, Verb.REJECT), (Verb.APPROVE, Verb.APPROVE)])
def test_of_two_decisions_at_once_one_counts_and_the_other_is_told(
    house: House, verbs: tuple[Verb, Verb]
) -> None:
    house.credit()
    request = house.asked()
    bob, other = house.bob, house.join("ines", house.bob.roles[0].role, LENDING)
    desk = house.portal.requests
    outcomes = at_once(
        house.portal.ledger,
        [
            lambda: house.portal.decisions.decide(request.id, verbs[0], WHY, by=bob),
            lambda: house.portal.decisions.decide(request.id, verbs[1], WHY, by=other),
        ],
    )
    (late,) = [one for one in outcomes if isinstance(one, CountersignError)]
    (done,) = [one for one in outcomes if not isinstance(one, CountersignError)]
    assert isinstance(late, Conflict)
    assert late.code == "wrong-state"
    now = desk.get(request.id, by=house.alice)
    assert now == done
    assert len(now.decisions) == 1
    assert (now.promotion is not None) == (now.state is State.APPROVED)
    acts = [*house.records("release:approve"), *house.records("release:reject")]
    assert sorted(record.outcome for record in acts) == ["done", "refused"]


def test_a_role_taken_while_somebody_still_holds_the_page_counts_for_nothing(
    house: House,
) -> None:
    house.credit()
    request = house.asked()
    as_the_page_knows_him = house.bob
    house.portal.grants.take(house.bob.roles[0].grant_id, by=house.grace)
    with pytest.raises((Refused, NotFound)):
        house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=as_the_page_knows_him)
    assert house.portal.requests.get(request.id, by=house.alice) == request


# -- what the worker does --------------------------------------------------------------------------


def test_a_request_waits_for_its_files_while_mlflow_is_away(small_house: House) -> None:
    small_house.credit()
    small_house.mlflow.trouble = AWAY
    request = small_house.asked()
    assert request.state is State.PENDING_REVIEW
    with pytest.raises(Conflict):
        small_house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=small_house.bob)
    small_house.mlflow.trouble = None
    small_house.work()
    now = small_house.portal.requests.get(request.id, by=small_house.bob)
    assert now.state is State.IN_REVIEW


def test_a_request_is_closed_when_its_version_is_deleted(house: House) -> None:
    house.credit()
    request = house.asked()
    house.mlflow.delete_version("credit-pd", 2)
    house.mirror()
    house.work()
    closed = house.portal.requests.get(request.id, by=house.alice)
    assert closed.state is State.EXPIRED
    assert closed.decisions[-1].reason == "The version was deleted in MLflow."


def test_a_version_made_again_before_its_files_were_read_closes_the_request(
    small_house: House,
) -> None:
    small_house.credit(aucs=(0.8,), champion=None)
    request = small_house.portal.requests.request(
        small_house.version(1).id, "champion", WHY, by=small_house.alice
    )
    small_house.mlflow.delete("credit-pd")
    small_house.mlflow.register("credit-pd")
    small_house.mlflow.log("credit-pd")
    small_house.work()
    closed = small_house.portal.requests.get(request.id, by=small_house.alice)
    assert closed.state is State.EXPIRED


def test_a_version_whose_files_hold_a_link_is_told_on_the_request(small_house: House) -> None:
    small_house.credit()
    version = small_house.mlflow.version("credit-pd", 2)
    folder = small_house.mlflow._artifacts(version)
    (folder / "link").symlink_to("/etc/passwd")
    request = small_house.asked()
    assert request.state is State.PENDING_REVIEW
    assert "hold a link" in request.problem
    (record,) = small_house.records("evidence:fail")
    assert (record.reason, record.resource) == ("artifact-link", f"request:{request.id}")


def test_evidence_collected_twice_changes_nothing_more(small_house: House) -> None:
    small_house.credit()
    request = small_house.asked()
    small_house.jobs._done.clear()
    small_house.work()
    again = small_house.portal.requests.get(request.id, by=small_house.alice)
    assert replace(again, changed_at=request.changed_at) == request
