"""What makes one version different from another: numbers, parameters, data, signature, words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from catalog.registry.measures import DIRECTIONS, Better
from catalog.registry.models import Metric, Run, Version

Judgement = Literal["better", "worse", "same", "different", "not comparable"]


@dataclass(frozen=True)
class Number:
    """A metric of two versions on one data set; `None` where a version has no such number."""

    name: str
    dataset: str
    dataset_digest: str
    before: float | None
    after: float | None
    better: Better | None

    @property
    def delta(self) -> float | None:
        """After minus before, when both were measured on the same rows."""
        if self.before is None or self.after is None or not self.dataset_digest:
            return None
        return self.after - self.before

    @property
    def judgement(self) -> Judgement:
        """Whether the later version is better here. Other rows, or unnamed ones, tell nothing."""
        delta = self.delta
        if delta is None:
            return "not comparable"
        if delta == 0:
            return "same"
        if self.better is None:
            return "different"
        return "better" if (delta > 0) == (self.better == "higher") else "worse"


@dataclass(frozen=True)
class Property:
    """Something both versions have or lack, in words."""

    name: str
    before: str | None
    after: str | None

    @property
    def is_same(self) -> bool:
        """Whether both agree."""
        return self.before == self.after


@dataclass(frozen=True)
class Difference:
    """Everything that can be told apart between two versions."""

    numbers: tuple[Number, ...]
    parameters: tuple[Property, ...]
    data: tuple[Property, ...]
    signature: tuple[Property, ...]
    others: tuple[Property, ...]

    @property
    def count(self) -> int:
        """How many parameters, data sets, columns and words differ; numbers are not counted."""
        groups = (self.parameters, self.data, self.signature, self.others)
        return sum(not one.is_same for group in groups for one in group)


def difference(
    before: Version, after: Version, runs: Mapping[str, Run], better: Mapping[str, Better]
) -> Difference:
    """Tell two versions of a model apart; `better` adds the policy's metrics to the known ones."""
    ran, runs_now = runs.get(before.run_id), runs.get(after.run_id)
    return Difference(
        numbers=_numbers(before.metrics, after.metrics, {**DIRECTIONS, **better}),
        parameters=properties(ran.params if ran else {}, runs_now.params if runs_now else {}),
        data=properties(_data(ran), _data(runs_now)),
        signature=properties(_columns(before), _columns(after)),
        others=properties(_words(before, ran), _words(after, runs_now)),
    )


def _numbers(
    before: tuple[Metric, ...], after: tuple[Metric, ...], better: Mapping[str, Better]
) -> tuple[Number, ...]:
    old = {(metric.name, metric.dataset, metric.dataset_digest): metric.value for metric in before}
    new = {(metric.name, metric.dataset, metric.dataset_digest): metric.value for metric in after}
    placed = {
        (name, side) for side, kept in (("old", old), ("new", new)) for name, _, d in kept if d
    }
    rows = [
        Number(name, dataset, digest, old.get(key), new.get(key), better.get(name))
        for key in sorted(old.keys() | new.keys())
        for name, dataset, digest in (key,)
        # The same number without its data set says less than with it.
        if digest or not {(name, "old"), (name, "new")} & placed
    ]
    return tuple(rows)


def properties(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Property, ...]:
    """Everything that either side says, by name."""
    return tuple(
        Property(name, before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
    )


def _data(run: Run | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for data in run.datasets if run else ():
        use = data.context or "used"
        rows = f", {data.rows:,} rows" if data.rows is not None else ""
        told = f"{data.name} {data.digest}{rows}"
        found[use] = f"{found[use]}; {told}" if use in found else told
    return found


def _columns(version: Version) -> dict[str, str]:
    return {
        f"{side.removesuffix('s')} {name or 'unnamed'}": kind
        for side in ("inputs", "outputs")
        for name, kind in version.signature.get(side, ())
    }


def _words(version: Version, run: Run | None) -> dict[str, str]:
    told = {
        "Description": version.description.strip(),
        "Saved as": ", ".join(version.flavors),
        "Status in MLflow": version.status.lower(),
        "Run by": run.user if run else "",
        "Experiment": run.experiment if run else "",
    }
    return {name: value for name, value in told.items() if value}
