"""Two versions, of one model or of two, told apart: the answer in a sentence, then why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from catalog.lineage.difference import Property, difference, properties
from catalog.lineage.distributions import ColumnDifference, differences
from catalog.lineage.measured import Kept, Measured, measured
from catalog.lineage.profile import Profile
from catalog.lineage.signatures import Compatibility, compatibility
from catalog.registry.cards.body import CardBody, entries
from catalog.registry.cards.rules import FIELDS
from catalog.registry.measures import Better
from catalog.registry.models import Dataset, Model, Run, Version

State = Literal["changed", "identical", "not recorded"]

# What can make a version different from another, most telling first.
CAUSES: Final = ("training data", "code", "parameters", "inputs", "environment")
_CODE: Final = {
    "mlflow.source.git.commit": "Git commit",
    "mlflow.source.git.branch": "Git branch",
    "mlflow.source.git.repoURL": "Repository",
    "mlflow.source.name": "Source",
    "mlflow.source.type": "Kind of source",
    "mlflow.project.entryPoint": "Entry point",
}
EVALUATION: Final = frozenset({"evaluation", "eval", "test", "testing", "validation"})


@dataclass(frozen=True)
class Side:
    """One of the two versions, with its model and the run that made it."""

    model: Model
    version: Version
    run: Run | None
    called: str


@dataclass(frozen=True)
class Group:
    """What belongs together: all its properties, and whether any of them differs."""

    key: str
    title: str
    state: State
    said: str
    properties: tuple[Property, ...] = ()

    @property
    def changes(self) -> tuple[Property, ...]:
        """What differs."""
        return tuple(one for one in self.properties if not one.is_same)

    @property
    def same(self) -> tuple[Property, ...]:
        """What both agree in."""
        return tuple(one for one in self.properties if one.is_same)


@dataclass(frozen=True)
class Comparison:
    """Everything that can be told of two versions; `groups` stand in the order of the screen."""

    before: Side
    after: Side
    numbers: tuple[Measured, ...]
    groups: tuple[Group, ...]
    signature: Compatibility
    profiles: tuple[Profile | None, Profile | None] = (None, None)
    columns: tuple[ColumnDifference, ...] = ()

    def group(self, key: str) -> Group:
        """The group called so."""
        return next(one for one in self.groups if one.key == key)

    @property
    def causes(self) -> tuple[Group, ...]:
        """What can have made the difference: what changed first, then what nobody recorded."""
        order: dict[State, int] = {"changed": 0, "not recorded": 1, "identical": 2}
        found = [self.group(key) for key in CAUSES]
        return tuple(sorted(found, key=lambda one: order[one.state]))


def compare(
    before: Side,
    after: Side,
    *,
    better: Mapping[str, Better],
    deciding: Iterable[str] = (),
    profiles: tuple[Profile | None, Profile | None] = (None, None),
    cards: tuple[CardBody | None, CardBody | None] | None = None,
) -> Comparison:
    """Tell two versions apart.

    `better` adds the policy's directions to the known ones, `deciding` names its metrics;
    `profiles` are there for the versions whose files have been read. A card belongs to a model, so
    `cards` are given only for versions of two models.
    """
    runs = {side.version.run_id: side.run for side in (before, after) if side.run is not None}
    told = difference(before.version, after.version, runs, better)
    first = set(deciding)
    numbers = measured(
        told.numbers,
        (before.version.metrics, after.version.metrics),
        (before.run, after.run),
        Kept(*(one.kept if one else None for one in profiles)),
    )
    old, new = profiles
    samples = (old.sample if old else None), (new.sample if new else None)
    signature = compatibility(before.version, after.version)
    groups = (
        _data("training data", "Training data", before, after, is_evaluation=False),
        _code(before, after),
        _parameters(before, after, told.parameters),
        _inputs(signature, told.signature),
        _environment(before, after, profiles),
        _data("evaluation data", "Evaluation data", before, after, is_evaluation=True),
        *((_card(before, after, *cards),) if cards else ()),
        _words(before, after, told.others),
    )
    return Comparison(
        before,
        after,
        tuple(sorted(numbers, key=lambda one: _rank(one, first))),
        groups,
        signature,
        profiles,
        differences(*samples) if samples[0] and samples[1] else (),
    )


def _rank(one: Measured, deciding: set[str]) -> tuple[bool, bool, bool, str, str]:
    """What decides first, then what can be compared, then what moved."""
    name = one.number.name
    return (
        name not in deciding,
        one.number.delta is None,
        one.reads == "same",
        name,
        one.number.dataset,
    )


def _group(key: str, title: str, found: tuple[Property, ...], unit: str, units: str = "") -> Group:
    changed = sum(not one.is_same for one in found)
    if not found:
        return Group(key, title, "not recorded", f"no {units or unit + 's'} recorded")
    if not changed:
        return Group(key, title, "identical", "identical", found)
    many = units or f"{unit}s"
    said = f"{changed:,} of {len(found):,} {unit if len(found) == 1 else many} changed"
    return Group(key, title, "changed", said, found)


def _half_known(group: Group, before: Side, after: Side, *, known: tuple[bool, bool]) -> Group:
    """What only one of the two recorded was not changed as far as anybody knows."""
    if known[0] == known[1]:
        return group
    teller = before if known[0] else after
    return replace(group, state="not recorded", said=f"only {teller.called} recorded it")


def _data(key: str, title: str, before: Side, after: Side, *, is_evaluation: bool) -> Group:
    old, new = _used(before.run, is_evaluation), _used(after.run, is_evaluation)
    found = [
        *properties(_sets(old), _sets(new)),
        *properties(_schema(old), _schema(new)),
    ]
    same = [one.digest for one in old] == [one.digest for one in new]
    group = _group(key, title, tuple(found), "fact")
    if group.state == "changed":
        rows = _rows(old), _rows(new)
        more = (
            f", {rows[0]:,} and {rows[1]:,} rows" if None not in rows and rows[0] != rows[1] else ""
        )
        columns = sum(not one.is_same for one in properties(_schema(old), _schema(new)))
        verb = "1 column differs" if columns == 1 else f"{columns:,} columns differ"
        width = f", {verb}" if columns else ""
        group = replace(group, said=f"other rows{more}{width}" if not same else f"same rows{width}")
    elif group.state == "not recorded":
        group = replace(group, said="no run named its data")
    return _half_known(group, before, after, known=(bool(old), bool(new)))


def _used(run: Run | None, is_evaluation: bool) -> list[Dataset]:  # noqa: FBT001 - a fact
    return [
        one
        for one in (run.datasets if run else ())
        if (one.context.lower() in EVALUATION) == is_evaluation
    ]


def _sets(used: list[Dataset]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in used:
        rows = f", {one.rows:,} rows" if one.rows is not None else ""
        told = f"{one.name} {one.digest}{rows}"
        name = one.context or "used"
        found[name] = f"{found[name]}; {told}" if name in found else told
    return found


def _schema(used: list[Dataset]) -> dict[str, str]:
    return {
        f"column {name or 'unnamed'}": kind for one in used for name, kind in one.columns if used
    }


def _rows(used: list[Dataset]) -> int | None:
    rows = [one.rows for one in used if one.rows is not None]
    return sum(rows) if rows and len(rows) == len(used) else None


def _code(before: Side, after: Side) -> Group:
    old, new = _tags(before.run), _tags(after.run)
    group = _group("code", "Code", properties(old, new), "fact")
    commit = _CODE["mlflow.source.git.commit"]
    if not (commit in old and commit in new) and group.state == "identical":
        group = replace(
            group, state="not recorded", said="same source, but no Git commit was recorded"
        )
    elif group.state == "not recorded":
        group = replace(group, said="no run recorded its code")
    elif group.state == "changed":
        changed = [one.name.lower() for one in group.changes]
        group = replace(group, said=f"{', '.join(changed)} changed")
    return _half_known(group, before, after, known=(bool(old), bool(new)))


def _tags(run: Run | None) -> dict[str, str]:
    tags = run.tags if run else {}
    return {said: tags[name] for name, said in _CODE.items() if tags.get(name)}


def _parameters(before: Side, after: Side, found: tuple[Property, ...]) -> Group:
    group = _group("parameters", "Parameters", found, "parameter")
    known = bool(before.run and before.run.params), bool(after.run and after.run.params)
    return _half_known(group, before, after, known=known)


def _inputs(signature: Compatibility, found: tuple[Property, ...]) -> Group:
    group = _group("inputs", "Signature", found, "column")
    if not signature.is_known:
        return replace(group, state="not recorded", said="not both versions have a signature")
    if signature.changes:
        return replace(group, state="changed", said=group.said if group.changes else "optional now")
    return group


def _environment(
    before: Side,
    after: Side,
    profiles: tuple[Profile | None, Profile | None],
) -> Group:
    old, new = (one.environment if one else None for one in profiles)
    group = _group("environment", "Environment", properties(old or {}, new or {}), "package")
    if old is None or new is None:
        return replace(group, state="not recorded", said="not read yet", properties=())
    return _half_known(group, before, after, known=(bool(old), bool(new)))


def _card(before: Side, after: Side, old: CardBody | None, new: CardBody | None) -> Group:
    found = properties(_said(old), _said(new))
    group = _group("card", "Model card", found, "field")
    if group.state == "not recorded":
        return replace(group, said="nobody has written one")
    return _half_known(group, before, after, known=(old is not None, new is not None))


def _said(card: CardBody | None) -> dict[str, str]:
    told = {one.title: " / ".join(entries(card, one.key)) for one in FIELDS} if card else {}
    return {title: said for title, said in told.items() if said}


def _words(before: Side, after: Side, found: tuple[Property, ...]) -> Group:
    aliases = properties(
        {"Aliases": _aliases(before.version)} if before.version.aliases else {},
        {"Aliases": _aliases(after.version)} if after.version.aliases else {},
    )
    return _group("words", "In words", (*found, *aliases), "fact")


def _aliases(version: Version) -> str:
    return ", ".join(f"@{one}" for one in version.aliases)
