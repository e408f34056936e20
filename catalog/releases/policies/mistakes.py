"""What is wrong with a value in a policy, in words, and what to write instead."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

Told = tuple[str, str]  # the problem and the remedy, a sentence each


@dataclass(frozen=True)
class Mistake:
    """A value that is not taken: what Pydantic says of it, where it stands, its key, itself."""

    kind: str
    message: str
    limits: Mapping[str, Any]
    where: str
    name: str
    value: Any

    @property
    def said(self) -> str:
        """The value as it was written, shortened."""
        return json.dumps(self.value, default=str)[:60]


def told(one: Mistake) -> Told:
    """What is wrong and what to write instead."""
    if one.value is None and one.kind != "value_error":
        return f"{one.name} has no value.", "Write one after the colon, or take the key out."
    return _TOLD.get(one.kind, _ours)(one)


def _ours(one: Mistake) -> Told:
    """Our own words: the problem, and after a semicolon what to do."""
    problem, _, remedy = one.message.removeprefix("Value error, ").partition("; ")
    said = f" It says {one.said}." if isinstance(one.value, str | int | float) else ""
    return f"{_sentence(problem)}{said}", _sentence(remedy or f"correct {one.name}")


def _number(one: Mistake) -> Told:
    whole, such = ("", "0.02") if one.kind == "float_type" else ("whole ", "2")
    if not isinstance(one.value, str):
        return (
            f"{one.name} is no {whole}number; it says {one.said}.",
            f"Write a {whole}number, such as {such}.",
        )
    problem = f"{one.value[:40]!r} is text where a number belongs."
    if re.fullmatch(r"-?\d+(\.\d+)?", one.value):
        return problem, f"Write {one.value[:40]} without quotes."
    return problem, f"Write a {whole}number, such as {one.name}: {such}."


def _least(one: Mistake) -> Told:
    limit = f"{one.limits['ge']:g}"
    return (
        f"{one.name} must be greater than or equal to {limit}; it says {one.said}.",
        f"Write {limit}, or a larger number.",
    )


def _most(one: Mistake) -> Told:
    limit = f"{one.limits['le']:g}"
    return (
        f"{one.name} must be less than or equal to {limit}; it says {one.said}.",
        f"Write {limit}, or a smaller number.",
    )


def _too_few(one: Mistake) -> Told:
    problem = f"{one.name} is empty; it takes at least 1 item."
    if one.name != "gates" or one.where.startswith("rechecks"):
        return problem, "Write at least one below it, or take the key out."
    begin = "- {id: owner, kind: owner_present, title: Owner, asks: Somebody answers for it}"
    return f"{problem} What asks nothing is refused.", f"Write one below it, such as `{begin}`."


def _too_many(one: Mistake) -> Told:
    most = one.limits["max_length"]
    return f"{one.name} has more than {most} entries.", f"Leave {most} or fewer."


def _too_short(one: Mistake) -> Told:
    many = _characters(one.limits["min_length"])
    return (
        f"{one.name} is empty; it takes at least {many}.",
        f"Write what belongs after `{one.name}:`.",
    )


def _too_long(one: Mistake) -> Told:
    many = _characters(one.limits["max_length"])
    return f"{one.name} is too long: {many} are read.", f"Say it in {many} or fewer."


def _form(one: Mistake) -> Told:
    pattern = one.limits["pattern"]
    return (
        f"{one.name} should match pattern {pattern}; it says {one.said}.",
        f"{_FORMS.get(pattern, 'Write it in that form')}.",
    )


def _choice(one: Mistake) -> Told:
    return f"{one.name} cannot be {one.said}.", f"Write {one.limits['expected']}."


def _is_no(what: str, remedy: str) -> Callable[[Mistake], Told]:
    return lambda one: (f"{one.name} is {what}; it says {one.said}.", f"{remedy}.")


def _characters(many: int) -> str:
    return f"{many} character" if many == 1 else f"{many} characters"


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


_FORMS: Final[Mapping[str, str]] = {
    r"^[a-z][a-z0-9-]{0,39}$": "Write small letters, digits and hyphens, beginning with a letter, "
    "40 at most",
    r"^\d{4}-\d{2}-\d{2}$": "Write year-month-day, such as 2026-12-31",
}
_keys: Final = _is_no("no list of `key: value`", "Write its keys below it, each as `key: value`")
_TOLD: Final[Mapping[str, Callable[[Mistake], Told]]] = {
    "float_type": _number,
    "int_type": _number,
    "int_from_float": _number,
    "greater_than_equal": _least,
    "less_than_equal": _most,
    "too_short": _too_few,
    "too_long": _too_many,
    "string_too_short": _too_short,
    "string_too_long": _too_long,
    "string_pattern_mismatch": _form,
    "literal_error": _choice,
    "string_type": _is_no("no text", "Write it in quotes"),
    "bool_type": _is_no("neither true nor false", "Write true or false"),
    "list_type": _is_no(
        "no list", "Write a list: [a, b], or each entry on a line beginning with `- `"
    ),
    "dict_type": _keys,
    "model_type": _keys,
}
