"""A stranger's JSON, read strictly: nothing doubled, nothing endless, nothing without a value."""

from __future__ import annotations

import json
import math
from typing import Any, Final, NoReturn

DEEPEST: Final = 20
_LONGEST_NUMBER: Final = 100


def parsed(text: str) -> Any:  # noqa: ANN401 - any JSON
    """The value of a JSON text.

    Raises ValueError for what is no JSON, a key that stands twice, a number without end or value,
    half a character, and a nest deeper than 20. A `json.JSONDecodeError` among them knows its line.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_once,
            parse_constant=_no_number,
            parse_float=_float,
            parse_int=_int,
        )
    except RecursionError as error:
        msg = "it is nested without end"
        raise ValueError(msg) from error
    _insist_shallow(value)
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            msg = f"the key {key[:60]!r} stands twice in it"
            raise ValueError(msg)
        found[key] = value
    return found


def _no_number(said: str) -> NoReturn:
    msg = f"{said} is no number of JSON"
    raise ValueError(msg)


def _int(said: str) -> int:
    if len(said) > _LONGEST_NUMBER:
        msg = "it holds a number without end"
        raise ValueError(msg)
    return int(said)


def _float(said: str) -> float:
    value = float(said)
    if not math.isfinite(value):
        msg = "it holds a number without value"
        raise ValueError(msg)
    return value


def _insist_shallow(value: object) -> None:
    waiting = [(value, 1)]
    while waiting:
        one, depth = waiting.pop()
        if depth > DEEPEST:
            msg = f"it is nested deeper than {DEEPEST}"
            raise ValueError(msg)
        if isinstance(one, dict):
            waiting += [(inner, depth + 1) for inner in one.values()]
        elif isinstance(one, list):
            waiting += [(inner, depth + 1) for inner in one]
