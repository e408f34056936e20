"""What a person copies to load a version carries no password and nobody's code."""

from __future__ import annotations

import ast
import json
import shlex
from dataclasses import replace

import pytest
from hypothesis import given, settings

from catalog.registry.input_example import Table
from catalog.registry.models import Version
from catalog.registry.snippets import Snippet, before, snippets
from tests.catalog.registry.cards import hostile
from tests.catalog.registry.test_card_exports import facts


def a_version() -> Version:
    version = facts().version
    assert version
    return version


VERSION = a_version()


def by_title(version: Version, *, alias: str = "") -> dict[str, Snippet]:
    return {one.title: one for one in snippets("credit-pd", version, alias=alias)}


def test_each_flavor_gets_its_own_line_beside_the_common_one() -> None:
    assert list(by_title(VERSION)) == [
        "Python, any flavor",
        "Python, as sklearn saved it",
        "Spark, as a user-defined function",
        "REST, from a server of your own",
        "R, through that server",
    ]
    r = by_title(replace(VERSION, flavors=("python_function", "xgboost")))["R"]
    assert 'mlflow_load_model("models:/credit-pd/7")' in r.code


def test_a_flavor_nobody_knows_is_never_part_of_the_code() -> None:
    version = replace(VERSION, flavors=("python_function", "os; import evil"))
    assert not any("evil" in one.code + one.title + one.needs for one in snippets("m", version))


@pytest.mark.parametrize(
    ("alias", "uri"), [("champion", "models:/credit-pd@champion"), ("", "models:/credit-pd/7")]
)
def test_by_alias_it_follows_and_by_number_it_stays(alias: str, uri: str) -> None:
    told = by_title(VERSION, alias=alias)
    assert f'load_model("{uri}")' in told["Python, any flavor"].code
    assert f"--model-uri {uri} " in told["REST, from a server of your own"].code


def test_a_version_without_a_signature_is_loaded_all_the_same() -> None:
    version = replace(VERSION, signature={}, flavors=())
    for one in snippets("credit-pd", version):
        if one.language == "python":
            ast.parse(one.code)


def test_the_values_are_those_of_the_input_example_and_are_said_to_be_made_up_where_they_are() -> (
    None
):
    version = replace(VERSION, signature={"inputs": (("income", "double"), ("grade", "string"))})
    example = Table(("income", "grade"), ((41500, "B"), (1.0, "A")))

    def served(example: Table | None) -> Snippet:
        found = snippets("credit-pd", version, example=example)
        return next(one for one in found if one.language == "bash")

    told = served(example)
    # A whole number is no double to MLflow.
    assert '[{"income": 41500.0, "grade": "B"}]' in told.code
    assert (
        told.remark
        == "The values are the first row of the version's input example, as it was saved."
    )
    assert "made up" in served(None).remark
    assert "made up" in served(Table(("income",), ((1.0,),))).remark


def test_which_mlflow_is_meant_is_said_without_what_opens_it() -> None:
    shell, python = before("https://ada:hush@mlflow.example:8443/ml?token=hush#x", "risk")
    address = "https://mlflow.example:8443/ml"
    assert shell.code == f"export MLFLOW_TRACKING_URI={address}\nexport MLFLOW_WORKSPACE=risk\n"
    assert f'set_tracking_uri("{address}")' in python.code
    assert 'set_workspace("risk")' in python.code
    assert all("WORKSPACE" not in one.code.upper() for one in before(address, "default"))


@settings(max_examples=50, deadline=None)
@given(name=hostile, column=hostile)
def test_names_of_strangers_stay_values_in_every_language(name: str, column: str) -> None:
    version = replace(VERSION, signature={"inputs": ((column, "double"), ("b", "boolean"))})
    for one in snippets(name, version):
        if one.language == "python":
            calls = [
                ast.unparse(node.func)
                for node in ast.walk(ast.parse(one.code))
                if isinstance(node, ast.Call)
            ]
            assert set(calls) <= {
                "mlflow.pyfunc.load_model",
                "mlflow.sklearn.load_model",
                "mlflow.pyfunc.spark_udf",
                "pd.DataFrame",
                "model.predict",
                "rows.withColumn",
                "predict",
                "pd.read_parquet",
            }
        if one.language == "bash":
            words = shlex.split(one.code)
            assert words[:4] == ["mlflow", "models", "serve", "--model-uri"]
            assert words[4] == f"models:/{name}/7"
            (row,) = json.loads(words[words.index("--data") + 1])["dataframe_records"]
            assert row == {**({column: 0.5} if column else {}), "b": True}
