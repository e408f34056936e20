"""Search: what it finds, what it ranks first, and what it never gives away."""

from __future__ import annotations

import pytest

from app.settings import from_environment
from app.worker import MIRROR
from auth.actors import EVERYTHING, Actor, Scope
from auth.permissions import Role
from catalog.registry.mirror.mirror import Mirror
from catalog.registry.mirror.seen import SeenMetric
from catalog.registry.search.questions import Found, Order, Question
from ledger.errors import Conflict, NotFound
from tests.cast import SYSTEM, House
from tests.fakes import HOLDOUT, FakeMlflow, auc


def looked_for(house: House, text: str, *, by: Actor = SYSTEM, **chosen: str) -> list[str]:
    return [hit.model.name for hit in found(house, text, by=by, **chosen).hits]


def found(house: House, text: str, *, by: Actor = SYSTEM, **chosen: str) -> Found:
    question = Question(text, {facet: frozenset({value}) for facet, value in chosen.items()})
    return house.portal.finder.find(question, by=by)


@pytest.fixture
def shelf(house: House) -> House:
    house.mlflow.register("credit-pd", "Probability that a loan defaults.", team="risk")
    house.mlflow.register("loan-pricing", "Interest of a consumer credit.", team="pricing")
    house.mlflow.register("churn_score", "Who leaves. 100% synthetic.", team="credit-cards")
    house.mlflow.register("fraud", "<b>Card</b> fraud; x' OR '1'='1", team="risk")
    for name in house.mlflow.names:
        house.mlflow.log(name, metrics=[auc(0.8)])
    house.mlflow.point("churn_score", "champion", 1)
    house.mirror()
    for name, domain in (("credit-pd", "Lending"), ("loan-pricing", "Lending"), ("fraud", "Cards")):
        house.portal.models.classify(
            house.model(name).id,
            by=house.grace,
            owner_id=house.alice.id,
            domain=domain,
            task="binary classification",
        )
    house.index()
    return house


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("credit", ["credit-pd", "loan-pricing", "churn_score"]),
        ("CREDIT", ["credit-pd", "loan-pricing", "churn_score"]),
        ("credit loan", ["loan-pricing", "credit-pd"]),
        ("  loan   defaults ", ["credit-pd"]),
        ("credit pd", ["credit-pd"]),
        ("alice", ["credit-pd", "fraud", "loan-pricing"]),
        ("cards", ["fraud", "churn_score"]),
        ("nothing-of-the-kind", []),
        ("%", []),
        ("_", []),
        ('"', []),
        ("credit*", ["credit-pd", "loan-pricing", "churn_score"]),
        ("credit OR fraud", ["fraud", "credit-pd", "loan-pricing", "churn_score"]),
        ("name:credit", ["credit-pd", "loan-pricing", "churn_score"]),
        ("credit NEAR(pd)", ["credit-pd"]),
        ("(credit", ["credit-pd", "loan-pricing", "churn_score"]),
        ("credit & !pd | 'x':*", ["credit-pd"]),
        ("\\", []),
        ("' OR '1'='1", ["fraud"]),
        ("'; DROP TABLE model; --", []),
        ("\x00credit\ud800", ["credit-pd", "loan-pricing", "churn_score"]),
        ("<b>card</b>", ["fraud"]),
        ("x" * 5_000, []),
    ],
)
def test_every_word_must_be_found_and_is_taken_as_it_is_written(
    shelf: House, text: str, names: list[str]
) -> None:
    assert looked_for(shelf, text) == names


def test_an_empty_question_finds_everything_what_is_live_first(shelf: House) -> None:
    assert looked_for(shelf, "") == ["churn_score", "credit-pd", "fraud", "loan-pricing"]
    assert looked_for(shelf, "", live="champion") == ["churn_score"]
    assert looked_for(shelf, "", domain="Lending") == ["credit-pd", "loan-pricing"]


def test_a_card_shows_the_numbers_of_the_champion_else_of_the_newest_version(
    small_house: House,
) -> None:
    small_house.credit(aucs=(0.80, 0.82), champion=1)
    (hit,) = found(small_house, "credit").hits
    assert (hit.number, [m.value for m in hit.metrics]) == (1, [0.80])
    small_house.mlflow.unset("credit-pd", "champion")
    small_house.mirror()
    (hit,) = found(small_house, "credit").hits
    assert (hit.number, [m.value for m in hit.metrics]) == (2, [0.82])


def test_ordered_by_the_deciding_number_the_best_stands_first(small_house: House) -> None:
    for name, value in (("a", 0.70), ("b", 0.90), ("c", 0.80)):
        small_house.credit(name=name, aucs=(value,))
    measures = small_house.portal.policies.measures()
    best = small_house.portal.finder.find(
        Question(),
        by=SYSTEM,
        order=Order.BEST_METRIC,
        measures=measures,
    )
    assert [hit.model.name for hit in best.hits] == ["b", "c", "a"]
    assert best.hits[0].key is not None
    assert (best.hits[0].key.value, best.hits[0].key.dataset) == (0.90, "lending-holdout")


def test_numbers_of_different_tasks_are_not_mixed_and_the_task_most_were_measured_for_is_first(
    house: House,
) -> None:
    for name, value in (("loan-default-a", 0.70), ("loan-default-b", 0.90)):
        house.credit(name=name, aucs=(value,))
    house.mlflow.register("loan-default", "Loss of a loan default.")
    house.mlflow.log("loan-default", metrics=[SeenMetric("mae", 0.1, HOLDOUT.name, HOLDOUT.digest)])
    house.mlflow.register("loan-default-c", "A loan default.")
    house.mirror()
    loss = house.model("loan-default")
    house.portal.models.classify(
        loss.id, by=house.grace, owner_id=house.alice.id, domain="Lending", task="regression"
    )
    house.index()
    best = house.portal.finder.find(
        Question("loan default"),
        by=SYSTEM,
        order=Order.BEST_METRIC,
        measures=house.portal.policies.measures(),
    )
    assert [hit.model.name for hit in best.hits] == [
        "loan-default-b",
        "loan-default-a",
        "loan-default",
        "loan-default-c",
    ]
    assert best.hits[2].key is not None
    assert found(house, "loan default").hits[0].model.name == "loan-default"


def test_pages_of_hits_cover_everything_once(shelf: House) -> None:
    pages = [shelf.portal.finder.find(Question(), by=SYSTEM, limit=1, offset=at) for at in range(4)]
    assert {page.total for page in pages} == {4}
    assert len({hit.model.id for page in pages for hit in page.hits}) == 4


# -- what a person may not see does not exist for them ---------------------------------------------


@pytest.mark.parametrize(
    ("scope", "seen"),
    [
        (EVERYTHING, ["churn_score", "credit-pd", "fraud", "loan-pricing"]),
        (Scope("domain", "Lending"), ["credit-pd", "loan-pricing"]),
        (Scope("domain", "Cards"), ["fraud"]),
        (Scope("domain", ""), []),
        (Scope("domain", "Nothing"), []),
        (None, []),
    ],
)
def test_a_person_sees_and_counts_only_what_lies_in_their_scope(
    shelf: House, scope: Scope | None, seen: list[str]
) -> None:
    who = Actor("per_x", SYSTEM.kind, "X")
    if scope is not None and scope.id:
        who = shelf.join("vera", Role.VIEWER, scope)
    shown = found(shelf, "", by=who)
    assert [hit.model.name for hit in shown.hits] == seen
    assert shown.total == len(seen)
    assert sum(count for _, count in shown.facets["domain"]) <= len(seen)
    for name in ("churn_score", "credit-pd", "fraud", "loan-pricing"):
        if name in seen:
            assert shelf.portal.models.find(name, by=who).name == name
            continue
        with pytest.raises(NotFound) as told:
            shelf.portal.models.find(name, by=who)
        with pytest.raises(NotFound) as unknown:
            shelf.portal.models.find("no-such-model", by=who)
        assert told.value.code == unknown.value.code


def test_a_person_of_one_model_sees_that_model_alone(shelf: House) -> None:
    who = shelf.join("vera", Role.VIEWER, Scope("model", shelf.model("fraud").id))
    assert looked_for(shelf, "", by=who) == ["fraud"]
    assert looked_for(shelf, "credit", by=who) == []


def test_what_is_measured_is_named_only_to_those_who_may_know_of_a_model_that_has_it(
    shelf: House,
) -> None:
    shelf.mlflow.log("fraud", metrics=[SeenMetric("loss_of_operation_x", 3.0, "", "")])
    shelf.mirror()
    shelf.index()
    lending, cards, one = (
        shelf.join(name, Role.VIEWER, scope)
        for name, scope in (
            ("vera", Scope("domain", "Lending")),
            ("vito", Scope("domain", "Cards")),
            ("vlad", Scope("model", shelf.model("fraud").id)),
        )
    )
    metrics = shelf.portal.finder.metrics
    assert metrics(by=SYSTEM) == ["loss_of_operation_x", "roc_auc"]
    assert metrics(by=lending) == ["roc_auc"]
    assert metrics(by=cards) == metrics(by=one) == ["loss_of_operation_x"]
    assert metrics(by=Actor("per_x", SYSTEM.kind, "X")) == []


def test_a_word_that_stands_in_what_is_hidden_changes_nothing_of_what_is_found(
    house: House,
) -> None:
    house.mlflow.register("prezebrafix", "Nothing special.")
    house.mlflow.register("other", "Nothing special.")
    house.mirror()
    for name, domain in (("prezebrafix", "Lending"), ("other", "Cards")):
        house.portal.models.classify(
            house.model(name).id,
            by=house.grace,
            owner_id=house.alice.id,
            domain=domain,
            task="regression",
        )
    house.index()
    vera = house.join("vera", Role.VIEWER, Scope("domain", "Lending"))
    assert looked_for(house, "zebra", by=vera) == ["prezebrafix"]
    house.mlflow.register("another", "All about the zebra.")
    house.mirror()
    house.index()
    assert looked_for(house, "zebra", by=vera) == ["prezebrafix"]


def test_a_name_on_two_servers_is_asked_back_with_the_candidates(house: House) -> None:
    house.credit()
    other = FakeMlflow(
        from_environment({"DATA_DIR": str(house.portal.settings.data_dir)}).data_dir / "other",
        house.clock,
    )
    other.register("credit-pd")
    portal = house.portal
    Mirror(portal.store, portal.clock, portal.ledger.journal, other, "lab").crawl(by=MIRROR)
    with pytest.raises(Conflict) as told:
        portal.models.find("credit-pd", by=SYSTEM)
    assert told.value.code == "ambiguous-name"
    assert "server=lab workspace=default" in told.value.hint
    assert "server=main workspace=default" in told.value.hint
    assert portal.models.find("credit-pd", server="lab", by=SYSTEM).server == "lab"
    # Somebody who may see only one of the two is not asked.
    assert portal.models.find("credit-pd", by=house.alice).server == "main"
