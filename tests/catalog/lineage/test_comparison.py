"""Two versions told apart: what reads better, what can have done it, and whom it breaks."""

from __future__ import annotations

import csv
import io
import itertools
import json
from dataclasses import replace

import pytest
from sqlalchemy import event

from app.compared import Asked, compared
from catalog.lineage.answers import sentence, why
from catalog.lineage.comparison import CAUSES, Comparison, Group, State
from catalog.lineage.difference import Number
from catalog.lineage.intervals import Interval
from catalog.lineage.measured import Measured, Reads
from catalog.lineage.report import as_csv, as_data, as_markdown
from catalog.lineage.signatures import compatibility
from catalog.registry.cards.body import CardBody
from catalog.registry.mirror.seen import SeenDataset, SeenMetric
from catalog.registry.models import Version
from ledger.errors import NotFound
from tests.cast import AT, House
from tests.catalog.lineage import told_apart
from tests.fakes import HOLDOUT, auc

OTHER = SeenDataset(
    "lending-train",
    "9c2b",
    "training",
    "local",
    "{}",
    '{"mlflow_colspec": [{"name": "income", "type": "double"}]}',
    90_000,
)


def metric(name: str, value: float) -> SeenMetric:
    return SeenMetric(name, value, HOLDOUT.name, HOLDOUT.digest)


def told(house: House, left: int = 1, right: int = 2, name: str = "credit-pd") -> Comparison:
    house.mirror()
    model = house.model(name)
    house.portal.models.classify(
        model.id,
        by=house.grace,
        owner_id=house.alice.id,
        domain="Lending",
        task="binary classification",
    )
    model = house.model(name)
    return compared(house.portal, Asked(model, left, model, right), by=house.alice)


def reads(comparison: Comparison) -> dict[str, str]:
    return {one.number.name: one.reads for one in comparison.numbers}


# -- numbers ----------------------------------------------------------------------------------


def interval(low: float, high: float) -> Interval:
    return Interval((low + high) / 2, low, high, "test", 10)


@pytest.mark.parametrize(
    ("delta", "better", "moved", "expected"),
    [
        (0.1, "higher", interval(0.05, 0.15), "better"),
        (0.1, "lower", interval(0.05, 0.15), "worse"),
        (-0.1, "higher", interval(-0.15, -0.05), "worse"),
        (-0.1, "lower", interval(-0.15, -0.05), "better"),
        (0.1, "higher", interval(-0.05, 0.25), "within noise"),
        (0.1, "lower", interval(-0.05, 0.25), "within noise"),
        (0.1, None, interval(-0.05, 0.25), "within noise"),
        (0.1, None, interval(0.05, 0.15), "different"),
        (0.1, "higher", None, "not judged"),
        (0.1, "lower", None, "not judged"),
        (0.1, None, None, "different"),
        (0.0, "higher", interval(-0.05, 0.05), "same"),
        (None, "higher", None, "not comparable"),
    ],
)
def test_better_needs_an_interval_that_leaves_zero_out(
    delta: float | None, better: str | None, moved: Interval | None, expected: Reads
) -> None:
    after = None if delta is None else delta
    number = Number("m", "d", "1", 0.0, after, better)  # type: ignore[arg-type]
    assert Measured(number, None, None, moved, "").reads == expected


def test_a_share_gets_its_interval_from_the_rows_of_its_data_set(house: House) -> None:
    house.mlflow.register("credit-pd")
    house.mlflow.log("credit-pd", metrics=[metric("accuracy", 0.80), metric("mae", 2.0)])
    house.mlflow.log("credit-pd", metrics=[metric("accuracy", 0.801), metric("mae", 1.9)])
    house.mlflow.log("credit-pd", metrics=[metric("accuracy", 0.90), metric("mae", 1.9)])
    near, far = told(house), told(house, 1, 3)
    assert reads(near) == {"accuracy": "within noise", "mae": "not judged"}
    assert reads(far)["accuracy"] == "better"
    accuracy = next(one for one in far.numbers if one.number.name == "accuracy")
    assert "Wilson score" in accuracy.basis
    assert "41,200 rows" in accuracy.basis
    mae = next(one for one in far.numbers if one.number.name == "mae")
    assert (mae.difference, mae.basis) == (None, "no interval: the run did not keep its rows")


def test_four_counts_give_areas_and_precision_their_intervals(small_house: House) -> None:
    small_house.mlflow.register("credit-pd")
    counts = {
        "true_positives": 80.0,
        "false_positives": 20.0,
        "true_negatives": 380.0,
        "false_negatives": 20.0,
    }
    for value in (0.90, 0.91):
        small_house.mlflow.log(
            "credit-pd",
            metrics=[
                metric("roc_auc", value),
                metric("precision", 0.8),
                *(metric(name, count) for name, count in counts.items()),
            ],
        )
    found = {one.number.name: one for one in told(small_house).numbers}
    assert found["roc_auc"].reads == "within noise"
    assert "Hanley-McNeil" in found["roc_auc"].basis
    assert "unpaired" in found["roc_auc"].basis
    precision = found["precision"].before
    assert precision is not None
    assert precision.n == 100


def test_what_decides_by_policy_stands_first(small_house: House) -> None:
    small_house.mlflow.register("credit-pd")
    for value in (0.80, 0.82):
        small_house.mlflow.log("credit-pd", metrics=[metric("accuracy", 0.9), auc(value)])
    assert told(small_house).numbers[0].number.name == "roc_auc"


# -- what can have made the difference --------------------------------------------------------


def states(comparison: Comparison) -> dict[str, State]:
    return {one.key: one.state for one in comparison.groups}


def test_only_what_changed_is_called_a_cause(house: House) -> None:
    house.mlflow.register("credit-pd")
    house.mlflow.log("credit-pd", params={"depth": "4", "trees": "9"})
    house.mlflow.log("credit-pd", params={"depth": "8", "trees": "9"})
    house.mlflow.log("credit-pd", params={"depth": "8", "trees": "9"}, datasets=[OTHER, HOLDOUT])
    first, second = told(house), told(house, 2, 3)
    assert states(first)["parameters"] == "changed"
    assert states(first)["training data"] == "identical"
    assert first.causes[0].key == "parameters"
    assert why(first).startswith("Only the parameters are known to have changed")
    assert "the code" in why(first)  # nobody recorded it
    assert first.group("parameters").said == "1 of 2 parameters changed"
    assert states(second)["training data"] == "changed"
    assert states(second)["parameters"] == "identical"
    data = second.group("training data")
    assert data.said == "other rows, 120,000 and 90,000 rows, 1 column differs"
    assert ("column income", None, "double") in [
        (one.name, one.before, one.after) for one in data.changes
    ]


STATES: tuple[State, ...] = ("changed", "identical", "not recorded")


@pytest.mark.parametrize("found", list(itertools.product(STATES, repeat=len(CAUSES))))
def test_every_mixture_of_states_reads_as_sentences(
    found: tuple[State, ...], ready: Comparison
) -> None:
    known = dict(zip(CAUSES, found, strict=True))
    groups = tuple(
        Group(one.key, one.title, known.get(one.key, one.state), "", ()) for one in ready.groups
    )
    mixed = replace(ready, groups=groups)
    words = why(mixed)
    assert words[0].isupper()
    assert words.endswith(".")
    assert ("Only " in words) == (found.count("changed") == 1)
    assert ("Nothing" in words) == ("changed" not in found)
    assert ("Not known" in words) == ("not recorded" in found)
    assert [one.state for one in mixed.causes] == sorted(
        found, key=["changed", "not recorded", "identical"].index
    )
    assert sentence(mixed).startswith("v2 is not judged on roc_auc, which has no interval")


@pytest.fixture(scope="module")
def ready() -> Comparison:

    return told_apart.comparison()


def test_code_is_known_by_its_commit(ready: Comparison) -> None:

    name = "mlflow.source.git.commit"
    assert told_apart.comparison(({}, {})).group("code").state == "not recorded"
    assert told_apart.comparison(({name: "a1"}, {name: "a1"})).group("code").state == "identical"
    moved = told_apart.comparison(({name: "a1"}, {name: "b2"})).group("code")
    assert (moved.state, moved.said) == ("changed", "git commit changed")
    half = told_apart.comparison(({name: "a1"}, {})).group("code")
    assert (half.state, half.said) == ("not recorded", "only v1 recorded it")
    source = ({"mlflow.source.name": "train.py"}, {"mlflow.source.name": "train.py"})
    assert told_apart.comparison(source).group("code").state == "not recorded"


def test_two_of_a_kind_are_said_to_be_the_same() -> None:

    same = told_apart.comparison(values=(0.8, 0.8))
    assert sentence(same) == "v2 scores the same."


# -- callers ----------------------------------------------------------------------------------


def version(inputs: list[tuple[str, str]], *optional: str, output: str = "double") -> Version:

    return replace(
        told_apart.version(1, 0.8),
        signature={"inputs": tuple(inputs), "outputs": (("", output),)},
        optional=frozenset(optional),
    )


BASE = [("age", "integer"), ("income", "double")]


@pytest.mark.parametrize(
    ("after", "changes", "breaking"),
    [
        (version(BASE), 0, 0),
        (version([*BASE, ("sex", "string")]), 1, 1),
        (version([*BASE, ("sex", "string")], "sex"), 1, 0),
        (version(BASE[:1]), 1, 0),
        (version([("age", "long"), ("income", "double")]), 1, 0),
        (version([("age", "double"), ("income", "double")]), 1, 0),
        (version([("age", "string"), ("income", "double")]), 1, 1),
        (version([("age", "integer"), ("income", "float")]), 1, 1),
        (version(BASE, "age"), 1, 0),
        (version(BASE, output="string"), 1, 1),
    ],
)
def test_callers_break_only_where_mlflow_would_refuse_them(
    after: Version, changes: int, breaking: int
) -> None:
    found = compatibility(version(BASE), after)
    assert (len(found.changes), len(found.breaking)) == (changes, breaking)


def test_what_was_optional_and_is_not_any_more_breaks_callers() -> None:
    assert len(compatibility(version(BASE, "age"), version(BASE)).breaking) == 1


def test_a_version_without_a_signature_tells_callers_nothing() -> None:
    bare = replace(version(BASE), signature={})
    assert not compatibility(bare, version(BASE)).is_known
    assert not compatibility(version(BASE), bare).changes


# -- two models, many versions, who may ------------------------------------------------------


def test_versions_of_two_models_are_compared_on_the_rows_they_share(house: House) -> None:
    one, other = house.credit(), house.credit(name="credit-scorecard", aucs=(0.85,))
    pair = Asked(one, 2, other, 1)
    found = compared(house.portal, pair, by=house.alice)
    assert reads(found) == {"roc_auc": "not judged"}
    assert sentence(found).startswith("credit-scorecard v1 is not judged on roc_auc")


def test_the_cards_of_two_models_are_compared_field_by_field(house: House) -> None:
    one, other = house.credit(), house.credit(name="credit-scorecard", aucs=(0.85,))
    found = compared(house.portal, Asked(one, 2, other, 1), by=house.alice)
    assert found.group("card").said == "nobody has written one"
    said = CardBody(use_cases=("Decide online applications up to 40,000 EUR.",), family="trees")
    house.portal.cards.publish(one.id, said, based_on=0, by=house.alice)
    found = compared(house.portal, Asked(one, 2, other, 1), by=house.alice)
    assert found.group("card").said == "only credit-pd v2 recorded it"
    mine = replace(said, family="a scorecard")
    house.portal.cards.publish(other.id, mine, based_on=0, by=house.alice)
    found = compared(house.portal, Asked(one, 2, other, 1), by=house.alice)
    changes = found.group("card").changes
    assert [(change.before, change.after) for change in changes] == [("trees", "a scorecard")]
    alone = compared(house.portal, Asked(one, 1, one, 2), by=house.alice)
    assert "card" not in {group.key for group in alone.groups}


def test_who_may_not_see_one_of_the_models_is_told_that_it_is_not_there(
    small_house: House,
) -> None:
    one, hidden = small_house.credit(), small_house.credit(name="card-fraud", domain="Cards")
    for pair in (Asked(one, 1, hidden, 1), Asked(hidden, 1, one, 1)):
        with pytest.raises(NotFound):
            compared(small_house.portal, pair, by=small_house.alice)
        with pytest.raises(NotFound):
            compared(small_house.portal, pair, by=small_house.dave)
    seen = compared(small_house.portal, Asked(one, 1, hidden, 1), by=small_house.carol)
    assert seen.after.model.name == "card-fraud"


def test_a_version_that_is_not_there_is_not_compared(small_house: House) -> None:
    one = small_house.credit()
    with pytest.raises(NotFound) as missing:
        compared(small_house.portal, Asked(one, 1, one, 9), by=small_house.alice)
    assert missing.value.code == "no-such-version"


def test_some_versions_are_those_the_whole_list_holds(house: House) -> None:
    model = house.credit(aucs=(0.8, 0.81, 0.82, 0.83))
    house.mlflow.delete_version("credit-pd", 3)
    house.mirror()
    models, model = house.portal.models, house.model()
    every = {one.number: one for one in models.versions(model)}
    found, runs = models.some(model, (1, 3, 4))
    assert found == {number: every[number] for number in (1, 4)}
    assert set(runs) == {every[1].run_id, every[4].run_id}
    assert models.numbers(model, limit=9) == [4, 2, 1]
    assert models.numbers(model, limit=1, below=4) == [2]
    assert models.numbers(model, limit=1, below=1) == []


# -- taken away -------------------------------------------------------------------------------

HOSTILE = "=cmd|' /C calc'!A0 | <script>`*_[x](y)\n# no"


def test_a_report_says_the_same_in_three_forms_and_nothing_in_it_acts(ready: Comparison) -> None:

    hostile = told_apart.comparison(params=({HOSTILE: "1"}, {HOSTILE: HOSTILE}))
    data = as_data(hostile, AT)
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["metrics"][0]["reads"] == "not judged"
    rows = list(csv.DictReader(io.StringIO(as_csv(hostile))))
    assert {row["group"] for row in rows} >= {"metric", "parameters"}
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row.values())
    told_in_words = as_markdown(hostile, AT)
    assert "<script>" not in told_in_words
    assert all(line.count(" | ") == 2 for line in told_in_words.splitlines() if "cmd" in line)
    assert sentence(hostile).replace("_", "\\_") in told_in_words


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"])
def test_a_sheet_computes_no_cell_of_a_comparison(sign: str) -> None:
    hostile = told_apart.comparison(params=({"p": "1"}, {"p": f"{sign}1+1"}))
    cells = {cell for row in csv.reader(io.StringIO(as_csv(hostile), newline="")) for cell in row}
    assert f"{sign}1+1" not in cells
    assert f"'{sign}1+1" in cells


def test_a_thousand_parameters_and_metrics_are_told_apart(small_house: House) -> None:
    small_house.mlflow.register("wide")
    for shift in (0, 1):
        small_house.mlflow.log(
            "wide",
            metrics=[metric(f"m{at}", at + shift) for at in range(1_000)],
            params={f"p{at}": str(at + shift * (at % 2)) for at in range(1_000)},
        )
    found = told(small_house, name="wide")
    assert len(found.numbers) == 1_000
    assert len(found.group("parameters").changes) == 500
    assert sentence(found).count(",") < 10


def test_a_comparison_reads_as_little_of_a_model_with_many_versions(small_house: House) -> None:
    asked: list[tuple[int, int]] = []
    for versions in (3, 60):
        name = f"model-{versions}"
        small_house.credit(name=name, aucs=(0.8,) * versions)
        model = small_house.model(name)
        statements: list[str] = []

        def count(*call: object, kept: list[str] = statements) -> None:
            kept.append(str(call[2]))

        reader = small_house.portal.store._reader
        event.listen(reader, "before_cursor_execute", count)
        found = compared(small_house.portal, Asked(model, 1, model, 3), by=small_house.alice)
        numbers = small_house.portal.models.numbers(model, limit=20)
        event.remove(reader, "before_cursor_execute", count)
        assert found.after.version.number == 3
        asked.append((len(statements), len(numbers)))
    assert asked[0][0] == asked[1][0]
    assert [count for _, count in asked] == [3, 20]
