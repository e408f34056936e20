"""Nothing ships on one signature: who may approve, and who may not, each with the reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from auth.actors import EVERYTHING, Actor, Scope
from auth.permissions import Role
from catalog.registry.tables import ModelRow
from catalog.releases.gates.asking import Answer
from catalog.releases.requests.rights import may_decide, may_revoke
from catalog.releases.states import State, Verb
from catalog.releases.tables import RequestRow
from ledger.errors import NotFound, Refused
from tests.cast import LENDING, WHY, House

# Who comes to the request -> the code of the verdict.
CAST: dict[str, tuple[Callable[[House], Actor], str]] = {
    "an approver of the domain": (lambda house: house.bob, "ok"),
    "an approver of everything": (lambda h: h.join("ines", Role.APPROVER, EVERYTHING), "ok"),
    "an approver of this model": (
        lambda h: h.join("ines", Role.APPROVER, Scope("model", h.model().id)),
        "ok",
    ),
    "the person who asked": (lambda house: house.alice, "requester"),
    "an approver of another domain": (
        lambda h: h.join("ines", Role.APPROVER, Scope("domain", "Payments")),
        "no-role",
    ),
    "an approver of another model": (
        lambda h: h.join("ines", Role.APPROVER, Scope("model", "mdl_other")),
        "no-role",
    ),
    "a business owner": (lambda house: house.carol, "no-role"),
    "a stranger": (lambda house: house.dave, "no-role"),
    "an auditor": (lambda house: house.erik, "no-role"),
    "an administrator": (lambda house: house.grace, "no-role"),
    "an independent validator": (
        lambda h: h.join("ines", Role.INDEPENDENT_VALIDATOR),
        "no-role",
    ),
    "an application": (lambda house: house.robot, "not-a-person"),
    "the portal itself": (lambda _: Actor.system("releases"), "not-a-person"),
}


def test_an_application_takes_no_approval_back(small_house: House) -> None:
    small_house.credit()
    approved = small_house.approved()
    with small_house.portal.store.read() as session:
        row = session.get_one(RequestRow, approved.id)
        model = session.get_one(ModelRow, row.model_id)
        assert may_revoke(small_house.robot, row, model).code == "not-a-person"
        assert may_revoke(small_house.bob, row, model)


def verdict(house: House, request_id: str, by: Actor) -> str:
    """What `may_decide` says, asked with what the database holds."""
    request = house.portal.requests.get(request_id, by=house.alice)
    with house.portal.store.read() as session:
        row = session.get_one(RequestRow, request_id)
        model = session.get_one(ModelRow, row.model_id)
        return may_decide(by, row, model, list(request.authors)).code


@pytest.mark.parametrize("who", CAST)
def test_a_request_is_decided_only_by_a_person_with_the_role_who_neither_asked_nor_built(
    small_house: House, who: str
) -> None:
    small_house.credit()
    request = small_house.asked()
    actor, expected = CAST[who]
    assert verdict(small_house, request.id, actor(small_house)) == expected


@pytest.mark.parametrize("who", [who for who, (_, code) in CAST.items() if code != "ok"])
def test_the_verb_refuses_whom_the_law_refuses_and_says_why(small_house: House, who: str) -> None:
    small_house.credit()
    request = small_house.asked()
    actor, code = CAST[who]
    by = actor(small_house)
    with pytest.raises((Refused, NotFound)) as told:
        small_house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=by)
    if isinstance(told.value, Refused):
        assert told.value.code == code
    assert small_house.portal.requests.get(request.id, by=small_house.alice) == request
    (record,) = small_house.records("release:approve")
    assert (record.outcome, record.actor) == ("refused", by.id)


@pytest.mark.parametrize("verb", [Verb.APPROVE, Verb.REJECT, Verb.REQUEST_CHANGES])
def test_an_approver_who_claims_to_have_built_the_version_decides_nothing_about_it(
    small_house: House, verb: Verb
) -> None:
    small_house.credit()
    request = small_house.asked()
    both = small_house.join("bea", Role.APPROVER, LENDING)
    small_house.portal.grants.give(both.id, Role.MODEL_DEVELOPER, LENDING, by=small_house.grace)
    both = small_house.who("bea")
    assert verdict(small_house, request.id, both) == "ok"
    small_house.portal.authorship.claim(request.version_id, by=both)
    assert verdict(small_house, request.id, both) == "author"
    with pytest.raises(Refused) as told:
        small_house.portal.decisions.decide(request.id, verb, WHY, by=both)
    assert told.value.code == "author"


def test_an_approver_whose_mlflow_user_ran_the_training_decides_nothing_about_it(
    small_house: House,
) -> None:
    small_house.credit()
    request = small_house.asked()
    small_house.portal.authorship.map_user("main", "ada", small_house.bob.id, by=small_house.grace)
    assert verdict(small_house, request.id, small_house.bob) == "author"


def test_what_mlflow_says_of_its_user_makes_nobody_an_author(small_house: House) -> None:
    """Anybody can call themselves anything in `mlflow.user`."""
    small_house.mlflow.register("credit-pd")
    small_house.mlflow.log("credit-pd", user="bob@norrland.example")
    small_house.mirror()
    model = small_house.model()
    assert small_house.portal.authorship.of(model) == {small_house.version(1).id: []}


@pytest.mark.parametrize(
    "state", [state for state in State if state not in {State.PENDING_REVIEW, State.IN_REVIEW}]
)
def test_what_is_not_up_for_decision_is_decided_by_nobody(small_house: House, state: State) -> None:
    small_house.credit()
    request = small_house.asked()
    with small_house.portal.store.write() as session:
        row = session.get_one(RequestRow, request.id)
        row.state = state
        session.add(row)
    assert verdict(small_house, request.id, small_house.bob) == "wrong-state"


@pytest.mark.parametrize("who", ["alice", "bob", "carol", "grace", "erik"])
def test_the_button_and_the_verb_ask_the_same_law(small_house: House, who: str) -> None:
    small_house.credit()
    request = small_house.asked()
    by = small_house.who(who)
    sheet = small_house.portal.requests.sheet(request.id, by=by)
    assert sheet.may_decide.code == verdict(small_house, request.id, by)
    in_inbox = request.id in {one.id for one in small_house.portal.docket.waits_for(by=by)}
    assert in_inbox == sheet.may_decide.allowed


def test_an_approver_whose_role_was_taken_decides_nothing_from_then_on(small_house: House) -> None:
    small_house.credit()
    request = small_house.asked()
    by = small_house.bob
    small_house.portal.grants.take(by.roles[0].grant_id, by=small_house.grace)
    with pytest.raises((Refused, NotFound)):
        small_house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=small_house.bob)


def test_a_mapping_vouches_for_the_versions_of_its_moment_and_only_takes_rights_away_later(
    small_house: House,
) -> None:
    """Whoever writes `mlflow.user` may keep a person from deciding; nobody becomes an author."""
    small_house.credit()
    small_house.portal.authorship.map_user("main", "ada", small_house.bob.id, by=small_house.grace)
    small_house.mlflow.log("credit-pd", user="ada")
    small_house.mirror()
    author = next(
        gate
        for gate in small_house.portal.requests.preview(
            small_house.version(3).id, "champion", by=small_house.alice
        ).gates
        if gate.id == "author"
    )
    assert author.answer is Answer.MISSING
    request = small_house.asked(3, "shadow")
    assert verdict(small_house, request.id, small_house.bob) == "author"
