"""The program in the child process: load a model, find what drives its output, say it in JSON.

It is started with an almost empty environment and nothing but a job on its standard input. It
imports the libraries while it is still trusted, then forks; only the locked child touches the model
and the sample. Each line it writes is one JSON object: the walls, progress, and at the end a result
or an error. The reader believes the shape of nothing.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-untyped]
import mlflow.pyfunc
import mlflow.sklearn
import numpy as np
import pandas as pd

# Not named below, but wanted by models: better imported here than behind the walls.
import pyarrow.parquet  # noqa: F401
import shap
import sklearn.ensemble  # noqa: F401
import skops.io
import yaml
from mlflow.models import Model
from shap.utils._exceptions import ExplainerError

from catalog.assurance import sandbox
from catalog.assurance.attempts import watch
from catalog.assurance.attribution import SEED, Attribution, by_permutation
from catalog.assurance.subject import (
    DECISION_SCORE,
    LOG_ODDS,
    PROBABILITY,
    UNITS,
    CannotExplainError,
    Matrix,
    Stranger,
    Subject,
    dense,
    owners,
    subject_of,
)

BACKGROUND_ROWS = 100
# Of the time allowed; the rest is for loading, for saying the result, and for a slow last chunk.
SHARE_OF_TIME = 0.7

_FORESTS = ("DecisionTree", "ExtraTree", "RandomForest")
_BOOSTED = ("GradientBoosting", "HistGradientBoosting")
_LINEAR_MODULES = ("sklearn.linear_model", "sklearn.svm")
# What a skops file may name where there is no sandbox. The list is ours: the one that MLflow reads
# comes out of the model itself.
_TRUSTED = ["sklearn.tree._tree.Tree"]

Say = Callable[..., None]
_SAYING = threading.RLock()  # an attempt may be told from a thread of the model's


def main() -> None:
    """Read a job, fork, lock, explain; leave with the locked child's exit status."""
    job = json.load(sys.stdin.buffer)
    sandbox.die_with(job["parent"])
    warnings.simplefilter("ignore")
    joblib.cpu_count(only_physical_cores=True)  # asks a program once; the model would have to
    out = os.dup(1)
    os.dup2(2, 1)  # what a library prints is not part of the answer
    walls = sandbox.Walls(
        level="A",
        inputs=Path(job["inputs"]),
        workshop=Path(job["workshop"]),
        libraries=sandbox.libraries(),
        memory_bytes=job["memory_bytes"],
        cpu_seconds=job["cpu_seconds"],
        scratch_bytes=job["scratch_bytes"],
    )
    level = sandbox.strongest(walls)
    say = partial(_say, out)
    say(walls=level)
    walls = replace(walls, level=level)
    sys.exit(sandbox.run(walls, lambda inputs: _answer(job, inputs, level, say), out))


def _say(out: int, **line: object) -> None:
    rest = memoryview(json.dumps(line, allow_nan=False).encode() + b"\n")
    with _SAYING:
        while rest:
            rest = rest[os.write(out, rest) :]


def _answer(job: dict[str, Any], inputs: Path, level: sandbox.Level, say: Say) -> None:
    own = [*map(str, sandbox.libraries()), str(inputs), "/scratch"]
    sys.addaudithook(watch(tuple(own), lambda kind: say(attempt=kind)))
    try:
        # Without /dev/shm there are no locks between processes, which a pool of threads asks for.
        with joblib.parallel_config(backend="sequential"):
            say(result=_explain(job, inputs, level, say))
    except CannotExplainError as problem:
        say(error=[problem.code, str(problem)])
    except MemoryError:
        say(error=["memory-limit", ""])
    except BaseException as problem:  # noqa: BLE001 - a model may raise anything, SystemExit too
        say(error=["model-failed", f"{type(problem).__name__}: {problem}"])


def _explain(
    job: dict[str, Any], inputs: Path, level: sandbox.Level, say: Say
) -> dict[str, object]:
    deadline = time.monotonic() + job["seconds"] * SHARE_OF_TIME
    say(progress=["Loading the model", 0, 1])
    folder = inputs / "model"
    model, native = _load(folder, level)
    say(progress=["Reading the sample", 0, 1])
    sample, as_array = _sample(inputs / job["sample"], folder, model)
    target = job["target_class"]
    subject = subject_of(model, sample, target, native=native, as_array=as_array)
    rows = sample.sample(min(job["rows"], len(sample)), random_state=SEED).sort_index()
    remarks: list[str] = []
    found = _by_structure(subject, rows, deadline, say, remarks) if native else None
    if found is None:
        found = by_permutation(subject, rows, deadline, say)
    if len(found.rows) < len(rows):
        remarks.append(f"Time allowed {len(found.rows)} of {len(rows)} rows to be explained.")
    if not found.adds_up():
        remarks.append("The sums are not the model's output: it may not answer the same twice.")
    return {
        "explainer": found.explainer,
        "space": found.space,
        "classes": subject.classes,
        "explained_class": None if subject.target is None else subject.classes[subject.target],
        "features": list(sample.columns),
        "row_numbers": [int(i) for i in found.rows.index],
        "shap": found.shap.tolist(),
        "base": found.base,
        "outputs": found.outputs.tolist(),
        "predictions": subject.predict(found.rows),
        "values": [[_scalar(v) for v in row] for row in found.rows.itertuples(index=False)],
        "background_rows": found.background_rows,
        "sample_rows": len(sample),
        "warnings": remarks,
    }


def _scalar(value: Stranger) -> float | str | None:
    if value is None or value is pd.NA or value != value:  # noqa: PLR0124 - only nan differs
        return None
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (int, float, np.integer, np.floating)):
        return float(value)
    return str(value)[:200]


# --- reading what was given -------------------------------------------------------------------


def _load(folder: Path, level: sandbox.Level) -> tuple[Stranger, bool]:
    """Return the model, and whether it is scikit-learn's own object."""
    try:
        flavors = yaml.safe_load((folder / "MLmodel").read_text())["flavors"]
        own = flavors.get("sklearn") or {}
        if level == "C":
            return _load_without_walls(folder, own), True
        if own:
            return mlflow.sklearn.load_model(str(folder)), True
        return mlflow.pyfunc.load_model(str(folder)), False
    except (CannotExplainError, MemoryError):
        raise
    except BaseException as problem:
        detail = f"{type(problem).__name__}: {problem}"
        raise CannotExplainError("model-unloadable", detail) from problem


def _load_without_walls(folder: Path, own: dict[str, str | None]) -> Stranger:
    """Load the one format that names parts instead of running them, by our own list of parts."""
    if own.get("serialization_format") != "skops" or own.get("code"):
        raise CannotExplainError("no-sandbox", "")
    return skops.io.load(folder / str(own["pickled_model"]), trusted=_TRUSTED)


def _sample(file: Path, folder: Path, model: Stranger) -> tuple[pd.DataFrame, bool]:
    """Return the model's input columns of the sample, and whether the model takes a bare array."""
    try:
        if file.suffix == ".parquet":
            frame = pd.read_parquet(file)
        elif file.suffix == ".json":
            frame = _frame_of(json.loads(file.read_text()))
        else:
            frame = pd.read_csv(file)
    except MemoryError:
        raise
    except Exception as problem:
        detail = f"{type(problem).__name__}: {problem}"
        raise CannotExplainError("sample-unreadable", detail) from problem
    if frame.empty:
        raise CannotExplainError("sample-unreadable", "it has no rows")
    frame = frame.rename(columns=str).reset_index(drop=True)
    schema = Model.load(str(folder)).get_input_schema()
    if schema is not None and schema.is_tensor_spec():
        kind = schema.numpy_types()[0]
        named = frame.rename(columns=lambda c: f"feature {c}" if c.isdigit() else c)
        return named.astype(kind), True
    names = list(schema.input_names()) if schema is not None and schema.has_input_names() else []
    names = names or [str(n) for n in getattr(model, "feature_names_in_", [])]
    missing = [n for n in names if n not in frame.columns]
    if missing:
        raise CannotExplainError("sample-lacks-columns", ", ".join(missing[:10]))
    frame = frame[names] if names else frame
    if schema is not None and names:
        frame = frame.astype(_numbers_of(schema, frame))
    return frame, not names


def _numbers_of(schema: Stranger, frame: pd.DataFrame) -> dict[str, Any]:
    # A file of text does not say that 3 was 3.0; the model's signature does. Whole numbers with
    # gaps stay as they were read: only a float can hold the gap.
    kinds = zip(schema.input_names(), schema.numpy_types(), strict=True)
    return {
        name: kind
        for name, kind in kinds
        if kind.kind == "f" or (kind.kind in "iu" and not frame[name].isna().any())
    }


def _frame_of(content: Stranger) -> pd.DataFrame:
    """Read MLflow's input example or the body of a scoring request, in any of their shapes."""
    if isinstance(content, dict):
        for key in ("dataframe_split", "dataframe_records", "inputs", "instances"):
            if key in content:
                return _frame_of(content[key])
        if "data" in content:
            return pd.DataFrame(content["data"], columns=content.get("columns"))
    return pd.DataFrame(content)


# --- explaining -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """The part of a model that scores, what prepares its input, and the score that is explained."""

    kind: str
    scorer: Stranger
    prepare: Callable[[Stranger], Stranger]
    method: str
    space: str


def _by_structure(
    subject: Subject, rows: pd.DataFrame, deadline: float, say: Say, remarks: list[str]
) -> Attribution | None:
    """Explain a tree or linear model from its inside, or return `None` with a remark why not."""
    part = _scoring_part(subject.model)
    if part is None:
        return None
    try:
        owner = owners(part.prepare, subject)
        if owner is None:
            remarks.append(
                "The model mixes several inputs before it scores them, so it was explained from "
                "outside, by permutation."
            )
            return None
        found = _from_inside(subject, rows, part, owner, deadline, say)
    except (ValueError, TypeError, AttributeError, NotImplementedError, ExplainerError):
        remarks.append(
            f"The {part.kind} explainer cannot read this model, so it was explained from outside, "
            "by permutation."
        )
        return None
    if found.adds_up():
        return found
    remarks.append(
        f"The {part.kind} explainer was tried first and set aside: its sums were off by up to "
        f"{found.error():.2g} {found.space}. Permutation was used instead."
    )
    return None


def _scoring_part(model: Stranger) -> Part | None:
    model = getattr(model, "best_estimator_", model)
    *before, scorer = [step for _, step in getattr(model, "steps", [("", model)])]
    prepare = model[:-1].transform if before else lambda rows: rows
    name = type(scorer).__name__
    module = type(scorer).__module__
    if name.startswith(_FORESTS + _BOOSTED) and module.startswith("sklearn."):
        kind = "tree"
    elif hasattr(scorer, "coef_") and module.startswith(_LINEAR_MODULES):
        kind = "linear"
    else:
        return None
    method, space = "predict", UNITS
    if hasattr(scorer, "classes_"):
        method, space = "decision_function", DECISION_SCORE
        if name.startswith(_FORESTS):
            method, space = "predict_proba", PROBABILITY
        elif name.startswith((*_BOOSTED, "LogisticRegression")):
            space = LOG_ODDS
    return Part(kind, scorer, prepare, method, space)


def _from_inside(
    subject: Subject,
    rows: pd.DataFrame,
    part: Part,
    owner: list[int],
    deadline: float,
    say: Say,
) -> Attribution:
    size = min(BACKGROUND_ROWS, len(subject.sample))
    background = subject.sample.sample(size, random_state=SEED + 1)
    prepared = dense(part.prepare(subject.inputs(background)))
    # Against a background rather than along the tree's own paths: one meaning for every kind of
    # model, a base value that is the average over known rows, and quicker for deep forests.
    if part.kind == "tree":
        ask = _exact_trees(part.scorer, prepared)
    else:
        ask = shap.LinearExplainer(part.scorer, prepared)
    matrix = dense(part.prepare(subject.inputs(rows)))
    pieces, base = [], 0.0
    for start in range(0, len(matrix), 20):
        if start and time.monotonic() > deadline:
            rows = rows.iloc[:start]
            break
        say(progress=["Explaining rows", start, len(matrix)])
        answer = ask(matrix[start : start + 20])
        pieces.append(subject.of_target(answer.values, row_axes=2))
        base = float(subject.of_target(answer.base_values)[0])
    whole = np.zeros((len(rows), subject.sample.shape[1]))
    np.add.at(whole.T, owner, np.concatenate(pieces).T)
    outputs = subject.score(part.method, rows)
    return Attribution(part.kind, part.space, rows, size, whole, base, outputs)


def _exact_trees(scorer: Stranger, background: Matrix) -> Callable[[Matrix], Stranger]:
    """Return a tree explainer that takes every turn the model takes.

    The explainer's compiled loop keeps thresholds in single precision. With rounded inputs, whose
    thresholds lie in the middle between two of them, one row in a hundred then takes a wrong turn,
    and its sum is off by as much as one tree's whole vote. Counting in thresholds passed instead of
    in the input's own units asks the same questions in small whole numbers, which are exact.
    """
    explainer = shap.TreeExplainer(scorer, background, feature_perturbation="interventional")
    trees = explainer.model
    passed = np.zeros_like(trees.thresholds)
    known = []
    for feature in range(background.shape[1]):
        asked = trees.features == feature
        known.append(np.unique(trees.thresholds[asked]))
        passed[asked] = np.searchsorted(known[feature], trees.thresholds[asked])

    def counted(matrix: Matrix) -> Matrix:
        own = matrix.astype(trees.input_dtype).astype(float)  # forests round their inputs first
        counts = [np.searchsorted(k, own[:, j]).astype(float) for j, k in enumerate(known)]
        return np.where(np.isnan(own), np.nan, np.column_stack(counts))

    explainer.data = counted(background)
    trees.thresholds = passed
    # Its own check of the sums is left out: it misses what adds_up finds.
    return lambda matrix: explainer(counted(matrix), check_additivity=False)
