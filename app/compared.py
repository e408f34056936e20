"""Two versions brought together for a screen or a caller: read, measured and told apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.portal import Portal
from auth.access import insist_visible
from auth.actors import Actor
from catalog.lineage.comparison import Comparison, Side, compare
from catalog.lineage.difference import Number, difference
from catalog.lineage.measured import Kept, Measured, Reads, measured
from catalog.lineage.profiles import Known
from catalog.registry.measures import Measure
from catalog.registry.models import Model, Run, Version
from ledger.errors import NotFound


@dataclass(frozen=True)
class Asked:
    """Which version of which model stands on which side."""

    before: Model
    left: int
    after: Model
    right: int


def compared(portal: Portal, asked: Asked, *, by: Actor) -> Comparison:
    """The comparison, from two versions' rows alone, however many versions the models have.

    Raises:
        NotFound: one of the versions is not there, or the actor may not know of its model.
    """
    for model in (asked.before, asked.after):
        insist_visible(
            by, "model:read", model.resource, "such model", "Search for it under Discover."
        )
    before = _side(portal, asked.before, asked.left, is_alone=_is_alone(asked))
    after = _side(portal, asked.after, asked.right, is_alone=_is_alone(asked))
    known = portal.profiles.of({before.version.id, after.version.id}, by=by)
    one, two = (known.get(side.version.id) for side in (before, after))
    cards = None
    if not _is_alone(asked):
        old, new = (portal.cards.of(side.model) for side in (before, after))
        cards = (old.body if old else None), (new.body if new else None)
    measure = portal.policies.measures().get(asked.after.task)
    return compare(
        before,
        after,
        better=dict.fromkeys(measure.names, measure.better) if measure else {},
        deciding=measure.names if measure else (),
        profiles=(one.profile if one else None, two.profile if two else None),
        cards=cards,
    )


def reads(
    portal: Portal,
    before: Version,
    after: Version,
    runs: Mapping[str, Run],
    measure: Measure,
    *,
    by: Actor,
) -> dict[str, Reads]:
    """What Compare says of the deciding number, by the digest of its data set.

    For a screen that has both versions already: one more look, at what is known of their rows.
    """
    directions = dict.fromkeys(measure.names, measure.better)
    told = difference(before, after, runs, directions)
    deciding = [one for one in told.numbers if one.name in measure.names]
    known = portal.profiles.of({before.id, after.id}, by=by)
    found = judged(deciding, (before, after), runs, known)
    return {one.number.dataset_digest: one.reads for one in found}


def judged(
    numbers: Iterable[Number],
    pair: tuple[Version, Version],
    runs: Mapping[str, Run],
    known: Mapping[str, Known],
) -> tuple[Measured, ...]:
    """What Compare says of these numbers of two versions: better only beyond their noise.

    `known` is what is known of the rows that each version kept, by its id.
    """
    before, after = pair
    kept = [
        one.profile.kept if one and one.profile else None
        for one in (known.get(before.id), known.get(after.id))
    ]
    return measured(
        numbers,
        (before.metrics, after.metrics),
        (runs.get(before.run_id), runs.get(after.run_id)),
        Kept(*kept),
    )


def _is_alone(asked: Asked) -> bool:
    return asked.before.id == asked.after.id


def _side(portal: Portal, model: Model, number: int, *, is_alone: bool) -> Side:
    versions, runs = portal.models.some(model, (number,))
    version = versions.get(number)
    if version is None:
        raise NotFound(
            f"{model.name} has no version {number}.",
            hint="Its versions are listed on the Model page.",
            code="no-such-version",
        )
    called = f"v{number}" if is_alone else f"{model.name} v{number}"
    return Side(model, version, runs.get(version.run_id), called)
