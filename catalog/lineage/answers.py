"""The answer to "what is different, and why" in a sentence or two, as a person would say it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from catalog.lineage.comparison import Comparison, Group
from catalog.lineage.measured import Reads

_MOST_NAMES: Final = 4
_NOUNS: Final = {
    "training data": "the training data",
    "code": "the code",
    "parameters": "the parameters",
    "inputs": "the columns",
    "environment": "the environment",
}


def sentence(told: Comparison, called: Callable[[str], str] = str) -> str:
    """Which version is better at what, and what else is new: one sentence for the head.

    `called` is what people call a metric.
    """
    said = [_numbers(told, called), _uses(told)]
    after = told.after.called
    if not any(said):
        return f"{after} is the same as {told.before.called} in everything that is recorded."
    parts = [part for part in said if part]
    return f"{after} {'; it '.join(parts)}."


def _numbers(told: Comparison, called: Callable[[str], str]) -> str:
    def _names(reads: Reads) -> str:
        names = [called(one.number.name) for one in compared if one.reads == reads]
        return _shortened(list(dict.fromkeys(names)))

    compared = [one for one in told.numbers if one.number.delta is not None]
    if not told.numbers:
        return "was not measured on named data, nor was the other"
    if not compared:
        return "was measured on other rows, so no number can be compared"
    ways: tuple[Reads, Reads] = ("better", "worse")
    pieces = [f"{way} on {names}" for way in ways if (names := _names(way))]
    noise = _names("within noise")
    unjudged = _names("not judged")
    if unjudged:
        pieces.append(f"not judged on {unjudged}, which has no interval")
    if not pieces:
        if all(one.reads == "same" for one in compared):
            return "scores the same"
        pieces = ["no different beyond noise"] if noise else ["different in ways nobody ranked"]
    elif noise:
        pieces.append(f"within noise on {noise}")
    return f"is {'; '.join(pieces)}"


def _shortened(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    return _listing(names[:_MOST_NAMES] + ([f"{more:,} more"] if more > 0 else []))


def _uses(told: Comparison) -> str:
    pieces = []
    for key, one, many in (
        ("training data", "other training data", "other training data"),
        ("code", "other code", "other code"),
        ("parameters", "1 changed parameter", "{} changed parameters"),
        ("inputs", "1 changed column", "{} changed columns"),
        ("environment", "1 changed package", "{} changed packages"),
    ):
        group = told.group(key)
        if group.state != "changed":
            continue
        count = len(told.signature.changes) if key == "inputs" else len(group.changes)
        pieces.append(one if count == 1 else many.format(f"{count:,}"))
    return f"uses {_listing(pieces)}" if pieces else ""


def why(told: Comparison) -> str:
    """What can have made the difference, as far as the records say."""
    changed = [one for one in told.causes if one.state == "changed"]
    unknown = [one for one in told.causes if one.state == "not recorded"]
    silent = f" Not known: {_nouns(unknown)}." if unknown else ""
    if not changed:
        return (
            "Nothing that is recorded differs between the two, so what moved comes from chance or "
            f"from what nobody recorded.{silent}"
        )
    if len(changed) == 1:
        verb = "changed" if not unknown else "is known to have changed"
        told_of = "them" if changed[0].key in {"parameters", "inputs"} else "it"
        verb = verb.replace("is known", "are known") if told_of == "them" else verb
        return (
            f"Only {_nouns(changed)} {verb}: what moved comes from {told_of}"
            f"{', from chance or from what is not recorded' if unknown else ' or from chance'}."
            f"{silent}"
        )
    return (
        f"{_nouns(changed).capitalize()} changed together, so none of them alone can be held "
        f"responsible for what moved.{silent}"
    )


def _nouns(groups: list[Group]) -> str:
    return _listing([_NOUNS[one.key] for one in groups])


def _listing(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
