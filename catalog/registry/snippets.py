"""How to load a version: one piece of code for each way its flavors allow.

The address of the tracking server is never part of it: it may carry a password, and whoever loads
the model has one of their own in `MLFLOW_TRACKING_URI`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

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
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.@/:-]+")


@dataclass(frozen=True)
class Snippet:
    """A way to load a model: what it needs, and the code."""

    title: str
    language: str
    needs: str
    code: str
    remark: str = ""


def snippets(name: str, version: Version, *, alias: str = "") -> list[Snippet]:
    """The ways in which a version can be loaded, by alias if one is given, or else by number.

    None for one whose files lie outside of MLflow.
    """
    if version.is_external:
        return []
    uri = f"models:/{name}@{alias}" if alias else f"models:/{name}/{version.number}"
    return list(_ways(uri, version))


def _ways(uri: str, version: Version) -> Iterator[Snippet]:
    address = json.dumps(uri)
    flavors = version.flavors or (_ANY,)
    columns = version.signature.get("inputs", ())
    row = {name: _EXAMPLES.get(kind, "text") for name, kind in columns[:_MOST_COLUMNS] if name}
    if _ANY in flavors:
        yield _python(address, row, cut=len(columns) > _MOST_COLUMNS)
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
        yield _served(uri, row)
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


def _python(address: str, row: Mapping[str, object], *, cut: bool) -> Snippet:
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


def _served(uri: str, row: Mapping[str, object]) -> Snippet:
    payload = json.dumps({"dataframe_records": [dict(row)]}, ensure_ascii=False)
    return Snippet(
        "REST, from a server of your own",
        "bash",
        "pip install mlflow",
        f"mlflow models serve --model-uri {_quoted(uri)} --port {_PORT}\n\n"
        f"curl {_SERVED} \\\n"
        "  --header 'Content-Type: application/json' \\\n"
        f"  --data {_quoted(payload)}\n",
        "The values are made up from the types of the signature; put your own in their place.",
    )


def _source(value: object) -> str:
    """A value as Python source."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _quoted(said: str) -> str:
    """One word of a shell, whatever is in it."""
    return said if _PLAIN.fullmatch(said) else "'" + said.replace("'", "'\"'\"'") + "'"
