"""The Load tab: which MLflow is meant, and the rows that were saved with the version."""

from __future__ import annotations

from tests.cast import House
from tests.screens import Screens

MLMODEL = """
flavors: {python_function: {}}
saved_input_example_info: {artifact_path: input_example.json}
"""
EXAMPLE = '{"columns": ["income", "grade"], "data": [[41.5, "A"], [null, "B"]]}'


def test_the_load_tab_names_the_server_and_tries_the_rows_that_were_saved(on_screen: House) -> None:
    on_screen.credit()
    on_screen.mlflow.log("credit-pd", files={"MLmodel": MLMODEL, "input_example.json": EXAMPLE})
    on_screen.mirror()
    here = Screens(on_screen, on_screen.carol)
    said = here.reads("model", name="credit-pd", tab="Load", version="3").replace("\\", "")
    assert "export MLFLOW_TRACKING_URI=http://127.0.0.1:8502" in said
    assert "server main, workspace default" in said
    assert '"income": 41.5' in said
    assert "first row of the version&#x27;s input example" in said
