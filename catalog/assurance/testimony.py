"""What a locked child says, taken with suspicion: shapes are checked, conclusions drawn here."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from catalog.assurance.attempts import KINDS
from catalog.assurance.sandbox import Level
from ledger.errors import CountersignError, Invalid, Refused

_LONGEST_TEXT = 300
_MOST_FEATURES = 2_000

T = TypeVar("T")


@dataclass(frozen=True)
class Progress:
    """What a job is doing, and how many of how many rows are done."""

    step: str
    done: int
    total: int


@dataclass(frozen=True)
class ExplainResult:
    """What drives a model's output. Matrices are rows x features, in the order of `features`.

    `importance` is the mean of the absolute contributions (Lundberg and Lee, 2017), in `space`;
    `additivity_error` is the worst distance between a row's sum and the model's own output.
    `row_numbers` count the sample's rows from 0.
    """

    features: tuple[str, ...]
    explainer: str
    space: str
    classes: tuple[str, ...]
    explained_class: str | None
    base_value: float
    importance: tuple[float, ...]
    row_numbers: tuple[int, ...]
    shap: tuple[tuple[float, ...], ...]
    values: tuple[tuple[float | str | None, ...], ...]
    outputs: tuple[float, ...]
    predictions: tuple[float | str, ...]
    rows_explained: int
    sample_rows: int
    background_rows: int
    additivity_error: float
    sandbox: Level
    seconds: float
    warnings: tuple[str, ...]


_THINNER = {
    "B": "Explained behind fewer walls: this machine allows no namespaces.",
    "C": "Explained without a sandbox, which this machine lacks: a format that runs nothing.",
}
_SENTENCES = {
    "model-unloadable": (
        "The model file could not be loaded.",
        "Log it again with the package versions of this installation.",
    ),
    "model-failed": (
        "The model failed on the sample.",
        "Check that the sample has the columns and types the model was trained on.",
    ),
    "sample-unreadable": ("The sample could not be read.", "Use a csv, parquet or json table."),
    "sample-lacks-columns": (
        "The sample lacks columns that the model needs.",
        "Choose a sample with every column of the model's signature.",
    ),
    "unknown-class": ("The model knows no such class.", "Choose one of its classes."),
    "memory-limit": ("The model needed more memory than it may use.", "Try a smaller sample."),
}


def error(line: dict[str, Any]) -> CountersignError:
    """Put an error into our own words; the model's are quoted as such, in the hint."""
    try:
        code, detail = map(_text, line["error"])
    except (TypeError, ValueError):
        return nonsense()
    if code == "no-sandbox":
        return Refused(
            "This machine has no sandbox, and the model file is a program that would run freely.",
            hint=(
                "Run the worker on Linux 5.13 or later with Landlock and seccomp, "
                "or log the model in the skops format."
            ),
            code=code,
        )
    if code not in _SENTENCES:
        return nonsense()
    message, hint = _SENTENCES[code]
    return Invalid(message, hint=f"{hint} It said: {detail}" if detail else hint, code=code)


def nonsense() -> CountersignError:
    """Return the refusal of an answer that is not one."""
    return Invalid(
        "The model answered with something that is not an explanation.",
        hint="Have the model file reviewed before anybody runs it.",
        code="malformed-answer",
    )


def parsed(line: bytes) -> dict[str, Any]:
    """Read one line; anything but an object of finite numbers raises `nonsense`."""
    try:
        told = json.loads(line, parse_constant=_number)
    except (ValueError, RecursionError) as problem:
        raise nonsense() from problem
    if not isinstance(told, dict):
        raise nonsense()
    return told


def attempt(line: dict[str, Any]) -> str:
    """Read which kind of thing the model tried; only kinds that we have words for."""
    if line["attempt"] not in KINDS:
        raise nonsense()
    return str(line["attempt"])


def progress(line: dict[str, Any]) -> Progress:
    """Read how far the job is."""
    try:
        step, done, total = line["progress"]
        return Progress(_text(step), _count(done), _count(total))
    except (KeyError, TypeError, ValueError) as problem:
        raise nonsense() from problem


def result(line: dict[str, Any], level: Level, seconds: float) -> ExplainResult:
    """Check the shape of every part; whatever follows from the parts is computed here, not told."""
    try:
        return _result(line["result"], level, seconds)
    except (KeyError, TypeError, ValueError, OverflowError) as problem:
        raise nonsense() from problem


def _result(told: dict[str, Any], level: Level, seconds: float) -> ExplainResult:
    features = _list(told["features"], _text)
    width = len(features)
    shap = _list(told["shap"], lambda row: _list(row, _number, width))
    height = len(shap)
    if not 0 < width <= _MOST_FEATURES or not height:
        raise ValueError("empty or too wide")
    outputs = _list(told["outputs"], _number, height)
    base = _number(told["base"])
    classes = _list(told["classes"], _text)
    explained = told["explained_class"]
    if explained is not None and _text(explained) not in classes:
        raise ValueError("an unknown class was explained")
    warnings = _list(told["warnings"], _text)
    if level != "A":
        warnings = (*warnings, _THINNER[level])
    return ExplainResult(
        features=features,
        explainer=_one_of(told["explainer"], "tree", "linear", "permutation"),
        space=_text(told["space"]),
        classes=classes,
        explained_class=None if explained is None else _text(explained),
        base_value=base,
        importance=tuple(math.fsum(map(abs, c)) / height for c in zip(*shap, strict=True)),
        row_numbers=_list(told["row_numbers"], _count, height),
        shap=shap,
        values=_list(told["values"], lambda row: _list(row, _value, width), height),
        outputs=outputs,
        predictions=_list(told["predictions"], _label, height),
        rows_explained=height,
        sample_rows=_count(told["sample_rows"]),
        background_rows=_count(told["background_rows"]),
        additivity_error=max(
            abs(math.fsum(row) + base - output) for row, output in zip(shap, outputs, strict=True)
        ),
        sandbox=level,
        seconds=seconds,
        warnings=warnings,
    )


def _list(told: object, each: Callable[[object], T], length: int | None = None) -> tuple[T, ...]:
    if not isinstance(told, list) or (length is not None and len(told) != length):
        raise ValueError("not a list of the right length")
    return tuple(each(one) for one in told)


def _number(told: object) -> float:
    if not isinstance(told, (int, float)) or isinstance(told, bool) or not math.isfinite(told):
        raise ValueError("not a finite number")
    return float(told)


def _count(told: object) -> int:
    if not isinstance(told, int) or isinstance(told, bool) or not 0 <= told < 1 << 53:
        raise ValueError("not a count")
    return told


def _text(told: object) -> str:
    if not isinstance(told, str):
        raise TypeError("not a text")
    return "".join(c if c.isprintable() else " " for c in told[:_LONGEST_TEXT])


def _label(told: object) -> float | str:
    return _text(told) if isinstance(told, str) else _number(told)


def _value(told: object) -> float | str | None:
    return None if told is None else _label(told)


def _one_of(told: object, *choices: str) -> str:
    if told not in choices:
        raise ValueError("not one of the choices")
    return str(told)
