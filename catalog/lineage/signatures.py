"""Whether whoever calls one version can go on calling another: columns added, removed, changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from catalog.registry.tables import VersionRow
from catalog.registry.version import optional_of, signature_of

# What MLflow converts without loss when a caller sends the one and the model expects the other:
# https://mlflow.org/docs/latest/ml/model/signatures/ ("Safe Type Conversions").
WIDER: Final = {
    "integer": frozenset({"long", "double"}),
    "float": frozenset({"double"}),
    "boolean": frozenset[str](),
}

Kind = Literal["added", "removed", "changed"]


@dataclass(frozen=True)
class ColumnChange:
    """One column that is not the same in both; `breaks` says what a caller must do about it."""

    side: Literal["input", "output"]
    name: str
    kind: Kind
    before: str | None
    after: str | None
    breaks: str = ""


@dataclass(frozen=True)
class Compatibility:
    """What two signatures differ in. Unknown when one of the two versions has none."""

    is_known: bool
    changes: tuple[ColumnChange, ...] = ()
    columns: int = 0

    @property
    def breaking(self) -> tuple[ColumnChange, ...]:
        """The changes for which callers must be changed as well."""
        return tuple(one for one in self.changes if one.breaks)


class Signed(Protocol):
    """Anything with a signature: columns by side, and the input columns that may be left out."""

    @property
    def signature(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """Columns by side, `inputs` and `outputs`, each (name, type)."""

    @property
    def optional(self) -> frozenset[str]:
        """Input columns that a caller may leave out."""


@dataclass(frozen=True)
class _Kept:
    """A version's signature as its row keeps it."""

    signature: Mapping[str, tuple[tuple[str, str], ...]]
    optional: frozenset[str]


def rows_compatibility(before: VersionRow, after: VersionRow) -> Compatibility:
    """Compare the signatures of two versions as their rows keep them."""
    old, new = (
        _Kept(signature_of(row.signature), optional_of(row.signature)) for row in (before, after)
    )
    return compatibility(old, new)


def compatibility(before: Signed, after: Signed) -> Compatibility:
    """Compare the signatures of two versions column by column, breaking changes first."""
    if not before.signature or not after.signature:
        return Compatibility(False)
    changes: list[ColumnChange] = []
    columns = 0
    for side, key in (("input", "inputs"), ("output", "outputs")):
        old, new = dict(before.signature.get(key, ())), dict(after.signature.get(key, ()))
        columns += len(old.keys() | new.keys())
        for name in sorted(old.keys() | new.keys()):
            was, now = old.get(name), new.get(name)
            if was == now and (side == "output" or _optional(before, after, name)):
                continue
            changes.append(_change(side == "input", name, was, now, is_free=name in after.optional))
    return Compatibility(
        True, tuple(sorted(changes, key=lambda one: (not one.breaks, one.side, one.name))), columns
    )


def _optional(before: Signed, after: Signed, name: str) -> bool:
    """Whether a column of one type is asked for in the same way by both."""
    return (name in before.optional) == (name in after.optional)


def _change(
    is_input: bool,  # noqa: FBT001 - a fact about the column
    name: str,
    was: str | None,
    now: str | None,
    *,
    is_free: bool,
) -> ColumnChange:
    side: Literal["input", "output"] = "input" if is_input else "output"
    called = name or "unnamed"
    if was is None:
        breaks = "callers must send it" if is_input and not is_free else ""
        return ColumnChange(side, called, "added", None, now, breaks)
    if now is None:
        breaks = "" if is_input else "callers may read it"
        return ColumnChange(side, called, "removed", was, None, breaks)
    if was == now:
        told = (f"{was}, optional", now) if not is_free else (was, f"{now}, optional")
        breaks = "" if is_free else "callers must send it now"
        return ColumnChange(side, called, "changed", *told, breaks)
    fits = is_input and now in WIDER.get(was, frozenset())
    breaks = "" if fits else "callers must send this type" if is_input else "callers read this type"
    return ColumnChange(side, called, "changed", was, now, breaks)
