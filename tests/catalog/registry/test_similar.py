"""Models like this one are found by data, task, domain and words, among those one may see."""

from __future__ import annotations

from auth.actors import Actor, Scope
from auth.permissions import Role
from catalog.registry.runs import Runs
from catalog.registry.similar import Similar
from tests.cast import House
from tests.fakes import HOLDOUT, TRAINING


def similar(house: House, by: Actor, name: str = "credit-pd") -> list[Similar]:
    model = house.model(name)
    run = house.portal.models.runs(model).get(house.version(1, name).run_id)
    return house.portal.similarity.of(model, run.datasets if run else (), by=by)


def test_the_same_data_says_most_then_task_and_words(house: House) -> None:
    house.credit()
    house.credit(name="credit-lgd")
    house.mlflow.register("fraud", "Finds cards that were stolen.")
    house.mlflow.log("fraud", datasets=(), metrics=())
    house.credit(name="fraud", aucs=(), champion=None, domain="Cards")
    first, *others = similar(house, house.alice)
    assert first.model.name == "credit-lgd"
    assert first.reasons[0] in {"same data, lending-train", "same data, lending-holdout"}
    assert "same task, binary classification" in first.reasons
    assert "same domain, Lending" in first.reasons
    assert others == []


def test_a_model_nobody_may_see_is_never_named(house: House) -> None:
    house.credit()
    house.credit(name="credit-lgd")
    only = house.join("vera", Role.VIEWER, Scope("model", house.model().id))
    assert [one.model.name for one in similar(house, house.grace)] == ["credit-lgd"]
    assert similar(house, only) == []


def test_many_versions_on_the_same_data_do_not_hide_the_other_model(house: House) -> None:
    house.credit(aucs=tuple(0.7 + n / 1000 for n in range(30)))
    house.credit(name="pricing", domain="Pricing")
    assert [one.model.name for one in similar(house, house.grace)] == ["pricing"]


def test_a_model_without_domain_or_data_is_like_nothing(small_house: House) -> None:
    small_house.mlflow.register("bare")
    small_house.mlflow.log("bare", datasets=(), metrics=())
    small_house.credit()
    assert similar(small_house, small_house.grace, "bare") == []


def test_runs_are_read_in_blocks_as_they_are_asked_for(small_house: House) -> None:
    small_house.credit(aucs=tuple(0.7 + n / 1000 for n in range(40)))
    models, model = small_house.portal.models, small_house.model()
    versions = models.versions(model)
    runs = Runs(models, model, versions)
    newest = runs[versions[0].run_id]
    assert newest.datasets
    assert len(runs._found) == 32
    assert dict(runs) == models.runs(model)
    assert len(runs) == 40
    assert runs.get("nothing") is None
    assert {TRAINING.digest, HOLDOUT.digest} == {one.digest for one in newest.datasets}
