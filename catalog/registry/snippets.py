"""How to load a version: one piece of code for each way its flavors allow.

The address of the tracking server is never part of it but stands before it, once, without what may
be a password in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from catalog.registry.input_example import Table
from catalog.registry.mirror.seen import USUAL_WORKSPACE
from catalog.registry.models import Version

# MLflow flavor -> what has to be installed beside MLflow to load it.
NATIVE: Final = {
    "catboost": "catboost",
    "h2o": "h2o",
    "keras": "keras",
    "langchain": "langchain",
    "lightgbm": "lightgbm",
    "onnx": "onnxruntime",
    "paddle": "paddlepaddle",
    "pmdarima": "pmdarima",
    "prophet": "prophet",
    "pytorch": "torch",
    "sentence_transformers": "sentence-transformers",
    "sklearn": "scikit-learn",
    "spacy": "spacy",
    "spark": "pyspark",
    "statsmodels": "statsmodels",
    "tensorflow": "tensorflow",
    "transformers": "transformers",
    "xgboost": "xgboost",
}
# A row to try it with, by the type of the column.
_EXAMPLES: Final = {
    "boolean": True,
    "datetime": "2026-03-03T10:00:00",
    "double": 0.5,
    "float": 0.5,
    "integer": 1,
    "long": 1,
    "string": "text",
}
_ANY: Final = "python_function"
# The flavors MLflow's R package loads by itself.
_IN_R: Final = frozenset({"crate", "h2o", "keras", "xgboost"})
_PORT: Final = 5001
_SERVED: Final = f"http://127.0.0.1:{_PORT}/invocations"
_MOST_COLUMNS: Final = 40
_BROKEN: Final = frozenset({"double", "float"})
_LARGEST: Final = 2**53
_SAVED: Final = "The values are the first row of the version's input example, as it was saved."
_MADE_UP: Final = (
    "The values are made up from the types of the signature; put your own in their place."
)
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.@/:-]+")


@dataclass(frozen=True)
class Snippet:
    """A way to load a model: what it needs, and the code."""

    title: str
    language: str
    needs: str
    code: str
    remark: str = ""


def snippets(
    name: str, version: Version, *, alias: str = "", example: Table | None = None
) -> list[Snippet]:
    """The ways in which a version can be loaded, by alias if one is given, or else by number.

    They try it with the first row of its input example, or with values made up from the types of
    its signature. There is no way for one whose files lie outside of MLflow.
    """
    if version.is_external:
        return []
    uri = f"models:/{name}@{alias}" if alias else f"models:/{name}/{version.number}"
    return list(_ways(uri, version, example))


def before(address: str, workspace: str) -> list[Snippet]:
    """What says which MLflow is meant, before any of the others: for a shell and for Python.

    Of the server's address only scheme, host, port and path are shown.
    """
    parts = urlsplit(address)
    plain = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    shell, python = (
        f"export MLFLOW_TRACKING_URI={_quoted(plain)}\n",
        (f"import mlflow\n\nmlflow.set_tracking_uri({json.dumps(plain)})\n"),
    )
    if workspace != USUAL_WORKSPACE:
        shell += f"export MLFLOW_WORKSPACE={_quoted(workspace)}\n"
        python += f"mlflow.set_workspace({json.dumps(workspace)})\n"
    return [
        Snippet("In a shell", "bash", "", shell),
        Snippet("Or in Python", "python", "", python),
    ]


def _first_row(
    columns: Sequence[tuple[str, str]], example: Table | None
) -> tuple[dict[str, object], bool]:
    """A row to try a version with, and whether all of it is of its input example."""
    given = dict(zip(example.fields, example.rows[0], strict=True)) if example else {}
    names = [(name, kind) for name, kind in columns[:_MOST_COLUMNS] if name]
    if not columns:
        # An array has no names: its fields are called [0], [1].
        names = [(name, "") for name in [*given][:_MOST_COLUMNS] if not name.startswith("[")]
    row = {
        name: _typed(given[name], kind) if name in given else _EXAMPLES.get(kind, "text")
        for name, kind in names
    }
    return row, bool(row) and all(name in given for name in row)


def _typed(value: object, kind: str) -> object:
    """A value as MLflow takes it: a whole number is none that it takes for a broken one."""
    if isinstance(value, int) and not isinstance(value, bool) and kind in _BROKEN:
        return float(value) if abs(value) < _LARGEST else value
    return value


def _ways(uri: str, version: Version, example: Table | None) -> Iterator[Snippet]:
    address = json.dumps(uri)
    flavors = version.flavors or (_ANY,)
    columns = version.signature.get("inputs", ())
    row, is_saved = _first_row(columns, example)
    whose = _SAVED if is_saved else _MADE_UP
    if _ANY in flavors:
        yield _python(address, row, whose, cut=len(columns) > _MOST_COLUMNS)
    for flavor in flavors:
        if flavor in NATIVE:
            yield Snippet(
                f"Python, as {flavor} saved it",
                "python",
                f"pip install mlflow {NATIVE[flavor]}",
                f"import mlflow.{flavor}\n\nmodel = mlflow.{flavor}.load_model({address})\n",
                "The object of the library itself, where the common predict() is too little.",
            )
    if _ANY in flavors:
        yield _spark(address, row)
    if _IN_R.intersection(flavors):
        yield Snippet(
            "R",
            "r",
            'install.packages("mlflow")',
            f"library(mlflow)\n\nmodel <- mlflow_load_model({address})\n"
            "mlflow_predict(model, data = rows)\n",
        )
    if _ANY in flavors:
        yield _served(uri, row, whose)
        yield Snippet(
            "R, through that server",
            "r",
            'install.packages("httr2")',
            "library(httr2)\n\n"
            f'answer <- request("{_SERVED}") |>\n'
            "  req_body_json(list(dataframe_records = rows)) |>\n"
            "  req_perform()\n"
            "resp_body_json(answer)\n",
            "Works for every flavor: rows is a data frame with the columns of the signature.",
        )


def _python(address: str, row: Mapping[str, object], whose: str, *, cut: bool) -> Snippet:
    values = "".join(f"    {_source(name)}: {_source(value)},\n" for name, value in row.items())
    others = "    # and the other columns\n" if cut else ""
    filled = f"{{\n{values}{others}}}"
    rows = f"pd.DataFrame([{filled}])" if row else "pd.read_parquet(...)  # your rows"
    return Snippet(
        "Python, any flavor",
        "python",
        "pip install mlflow",
        f"import mlflow\nimport pandas as pd\n\nmodel = mlflow.pyfunc.load_model({address})\n"
        f"rows = {rows}\nmodel.predict(rows)\n",
        whose if row else "",
    )


def _spark(address: str, row: Mapping[str, object]) -> Snippet:
    names = ", ".join(map(_source, row)) or '"column"'
    return Snippet(
        "Spark, as a user-defined function",
        "python",
        "pip install mlflow pyspark",
        "import mlflow\n\n"
        f'predict = mlflow.pyfunc.spark_udf(spark, {address}, env_manager="virtualenv")\n'
        f'rows = rows.withColumn("prediction", predict({names}))\n',
    )


def _served(uri: str, row: Mapping[str, object], whose: str) -> Snippet:
    payload = json.dumps({"dataframe_records": [dict(row)]}, ensure_ascii=False)
    return Snippet(
        "REST, from a server of your own",
        "bash",
        "pip install mlflow",
        f"mlflow models serve --model-uri {_quoted(uri)} --port {_PORT}\n\n"
        f"curl {_SERVED} \\\n"
        "  --header 'Content-Type: application/json' \\\n"
        f"  --data {_quoted(payload)}\n",
        whose,
    )


def _source(value: object) -> str:
    """A value as Python source."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _quoted(said: str) -> str:
    """One word of a shell, whatever is in it."""
    return said if _PLAIN.fullmatch(said) else "'" + said.replace("'", "'\"'\"'") + "'"
