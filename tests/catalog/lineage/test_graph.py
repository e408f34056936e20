"""Where a model comes from: data set, run, version, alias, and what two versions differ in."""

from __future__ import annotations

from catalog.lineage.difference import difference
from catalog.lineage.graph import KINDS, Graph, lineage
from catalog.registry.mirror.seen import SeenDataset, SeenMetric
from tests.cast import House
from tests.fakes import HOLDOUT, TRAINING, auc

OTHER = SeenDataset("lending-holdout", "9c2b", "evaluation", "local", "{}", "", 41_000)


def graph(house: House) -> Graph:
    models, model = house.portal.models, house.model()
    return lineage(model, models.versions(model), models.runs(model))


def test_the_chain_leads_from_the_data_to_the_alias(house: House) -> None:
    house.credit(aucs=(0.8,))
    told = graph(house)
    assert {node.kind for node in told.nodes} == set(KINDS)
    labels = {node.id: node.label for node in told.nodes}
    arrows = {(labels[e.source], labels[e.target], e.label) for e in told.edges}
    assert arrows == {
        ("lending-train", "train-1", "training"),
        ("lending-holdout", "train-1", "evaluation"),
        ("train-1", "v1", "produced"),
        ("v1", "@champion", "live as"),
    }


def test_a_data_set_two_versions_share_is_one_node_and_another_digest_is_another(
    small_house: House,
) -> None:
    small_house.mlflow.register("credit-pd")
    small_house.mlflow.log("credit-pd", datasets=[TRAINING, HOLDOUT])
    small_house.mlflow.log("credit-pd", datasets=[TRAINING, OTHER])
    small_house.mirror()
    data = [node.note for node in graph(small_house).nodes if node.kind == "data set"]
    assert sorted(data) == ["7a31", "9c2b", "e1f0"]


def test_every_arrow_has_two_ends_and_every_node_tells_something(small_house: House) -> None:
    small_house.credit()
    told = graph(small_house)
    ids = {node.id for node in told.nodes}
    assert all({edge.source, edge.target} <= ids for edge in told.edges)
    assert len(ids) == len(told.nodes)
    assert all(node.facts and node.label for node in told.nodes)


def test_a_deleted_version_is_not_in_the_graph(small_house: House) -> None:
    small_house.credit()
    small_house.mlflow.delete_version("credit-pd", 1)
    small_house.mirror()
    assert [n.label for n in graph(small_house).nodes if n.kind == "version"] == ["v2"]


def test_two_versions_differ_in_what_changed_and_in_nothing_else(small_house: House) -> None:
    small_house.mlflow.register("credit-pd")
    small_house.mlflow.log(
        "credit-pd",
        metrics=[auc(0.80), SeenMetric("mae", 1.0, "", "")],
        params={"depth": "4", "trees": "100"},
    )
    small_house.mlflow.log(
        "credit-pd",
        metrics=[auc(0.82), SeenMetric("mae", 0.5, "", "")],
        datasets=[TRAINING, HOLDOUT],
        params={"depth": "8", "trees": "100"},
        description="Deeper trees.",
    )
    small_house.mirror()
    model = small_house.model()
    told = difference(
        small_house.version(1),
        small_house.version(2),
        small_house.portal.models.runs(model),
        {},
    )
    numbers = {number.name: number.judgement for number in told.numbers}
    assert numbers == {"roc_auc": "better", "mae": "not comparable"}
    changed = {p.name: (p.before, p.after) for p in told.parameters if not p.is_same}
    assert changed == {"depth": ("4", "8")}
    assert all(one.is_same for one in told.data)
    assert [p.name for p in told.others if not p.is_same] == ["Description"]
    assert told.count == 2
