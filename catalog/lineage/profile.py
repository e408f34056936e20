"""What a version was saved with and what its rows look like, read from others with suspicion."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, TypeVar

from catalog.lineage.kept_rows import KeptRows

Kind = Literal["number", "category", "other"]
T = TypeVar("T")

_MOST_COLUMNS: Final = 310
_MOST_POINTS: Final = 400
_MOST_VALUES: Final = 30
_MOST_KEPT: Final = 10_000
_LONGEST: Final = 100


@dataclass(frozen=True)
class ColumnProfile:
    """One column of a sample: how its values lie, or how often each occurs.

    `points` are sorted values of a number, evenly spaced by rank, at most 400; `values` the most
    frequent texts with their counts, `others` how many rows hold none of these.
    """

    name: str
    type: str
    kind: Kind
    rows: int
    missing: int
    digest: str = ""
    mean: float | None = None
    points: tuple[float, ...] = ()
    values: tuple[tuple[str, int], ...] = ()
    others: int = 0

    @property
    def known(self) -> int:
        """The rows that have a value here."""
        return self.rows - self.missing


@dataclass(frozen=True)
class Sample:
    """The rows a run left of its evaluation, column by column."""

    rows: int
    read: int
    left_out: int
    columns: tuple[ColumnProfile, ...]


@dataclass(frozen=True)
class Profile:
    """All that was found out about one version; `notes` say what could not be."""

    environment: Mapping[str, str] = field(default_factory=dict)
    sample: Sample | None = None
    kept: KeptRows | None = None
    notes: tuple[str, ...] = ()

    def as_text(self) -> str:
        """The profile as it is kept."""
        return json.dumps(asdict(self), sort_keys=True, allow_nan=False)


def from_text(kept: str) -> Profile:
    """A profile as it was kept."""
    told = json.loads(kept)
    return Profile(
        environment=dict(told["environment"]),
        sample=sample(told["sample"]) if told["sample"] else None,
        kept=kept_rows(told["kept"]) if told["kept"] else None,
        notes=tuple(told["notes"]),
    )


def sample(told: Mapping[str, Any]) -> Sample:
    """A sample as its reader told it, each part checked. Raises ValueError or TypeError."""
    rows, read = _count(told["rows"]), _count(told["read"])
    found = Sample(rows, read, _count(told["left_out"]), _list(told["columns"], _column))
    names = {one.name for one in found.columns}
    if not 0 < len(found.columns) <= _MOST_COLUMNS or len(names) != len(found.columns):
        raise ValueError("no columns, too many, or two of one name")
    if read > rows or any(one.rows != read for one in found.columns):
        raise ValueError("columns of different lengths")
    return found


def _column(told: object) -> ColumnProfile:
    if not isinstance(told, Mapping):
        raise TypeError("not a column")
    kind: Kind = _one_of(told["kind"])
    found = ColumnProfile(
        name=_text(told["name"]),
        type=_text(told["type"]),
        kind=kind,
        rows=_count(told["rows"]),
        missing=_count(told["missing"]),
        digest=_text(told.get("digest", "")),
        mean=None if told.get("mean") is None else _number(told["mean"]),
        points=_list(told.get("points", []), _number, most=_MOST_POINTS),
        values=_list(told.get("values", []), _pair, most=_MOST_VALUES),
        others=_count(told.get("others", 0)),
    )
    counted = sum(count for _, count in found.values) + found.others
    if found.missing > found.rows or list(found.points) != sorted(found.points):
        raise ValueError("more gaps than rows, or values out of order")
    if kind == "number" and bool(found.points) != bool(found.known):
        raise ValueError("a number without its values")
    if kind == "category" and counted != found.known:
        raise ValueError("counts that are not the rows")
    return found


def kept_rows(told: Mapping[str, Any]) -> KeptRows:
    """Truth and answer row by row, as told, each checked. Raises ValueError or TypeError."""
    label = _list(told["label"], _value, most=_MOST_KEPT)
    found = KeptRows(
        label=label,
        prediction=_list(told["prediction"], _value, most=_MOST_KEPT),
        score=_list(told["score"], _number, most=_MOST_KEPT),
        is_classes=told["is_classes"] is True,
    )
    if not label or len(found.prediction) != len(label) or len(found.score) not in {0, len(label)}:
        raise ValueError("rows of different lengths")
    if len({isinstance(one, str) for one in (*label, *found.prediction)}) != 1:
        raise ValueError("texts and numbers mixed")
    if not found.is_classes and isinstance(label[0], str):
        raise ValueError("an error of texts")
    return found


def _list(told: object, each: Callable[[object], T], most: int = 1 << 20) -> tuple[T, ...]:
    if not isinstance(told, list | tuple) or len(told) > most:
        raise TypeError("not a list, or too long a one")
    return tuple(each(one) for one in told)


def _pair(told: object) -> tuple[str, int]:
    if not isinstance(told, list | tuple) or len(told) != 2:  # noqa: PLR2004 - a pair
        raise TypeError("not a value with its count")
    return _text(told[0]), _count(told[1])


def _value(told: object) -> str | float:
    return _text(told) if isinstance(told, str) else _number(told)


def _number(told: object) -> float:
    if not isinstance(told, int | float) or isinstance(told, bool) or not math.isfinite(told):
        raise TypeError("not a finite number")
    return float(told)


def _count(told: object) -> int:
    if not isinstance(told, int) or isinstance(told, bool) or not 0 <= told < 1 << 53:
        raise TypeError("not a count")
    return told


def _text(told: object) -> str:
    if not isinstance(told, str):
        raise TypeError("not a text")
    return "".join(one if one.isprintable() else " " for one in told[:_LONGEST])


def _one_of(told: object) -> Kind:
    for kind in ("number", "category", "other"):
        if told == kind:
            return kind
    raise ValueError("no kind of column")
