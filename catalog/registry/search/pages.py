"""Pages: what the cards of a handful of found models show, read for all of them at once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import numpy as np
from sqlalchemy import Executable, select
from sqlmodel import Session, col

from auth.access import Resource, decide
from auth.actors import Actor
from catalog.registry.measures import Measure, reading
from catalog.registry.models import MODEL, Metric, Model, load_models
from catalog.registry.search.questions import Hit
from catalog.registry.search.shelf import Shelf
from catalog.registry.search.tables import ModelSearchRow
from catalog.registry.tables import MetricRow, ModelRow, RunDatasetRow, VersionRow
from ledger.among import among

T = TypeVar("T")

_AT_A_TIME: Final = 256
_MODELS: Final[Executable] = (
    select(
        *MODEL,
        col(ModelSearchRow.owner),
        col(VersionRow.id).label("shown_id"),
        col(VersionRow.number).label("shown_number"),
        col(VersionRow.run_id).label("shown_run"),
    )
    .join_from(ModelRow, ModelSearchRow, col(ModelSearchRow.model_id) == col(ModelRow.id))
    .join(VersionRow, col(VersionRow.id) == col(ModelSearchRow.shown_version_id), isouter=True)
    .where(among(col(ModelRow.id), "ids"))
)
_METRICS: Final[Executable] = select(
    col(MetricRow.version_id),
    col(MetricRow.name),
    col(MetricRow.value),
    col(MetricRow.dataset),
    col(MetricRow.dataset_digest),
).where(among(col(MetricRow.version_id), "ids"))
_USED: Final[Executable] = select(
    col(RunDatasetRow.server),
    col(RunDatasetRow.run_id),
    col(RunDatasetRow.digest),
    col(RunDatasetRow.context),
).where(among(col(RunDatasetRow.server), "servers"), among(col(RunDatasetRow.run_id), "ids"))


@dataclass(frozen=True)
class Card:
    """What may be shown of a model to whoever may read it.

    `number` is the version that stands for it, `uses` what its run used each data set for.
    """

    model: Model
    resource: Resource
    owner: str
    number: int | None
    metrics: tuple[Metric, ...]
    uses: Mapping[str, frozenset[str]]


class Kept(Generic[T]):
    """Keeps what was read of models last, of each until it is indexed again."""

    def __init__(
        self, read: Callable[[Session, Sequence[str]], Mapping[str, T]], most: int
    ) -> None:
        self._read = read
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[int, T]] = OrderedDict()

    def of(
        self, session: Session, shelf: Shelf, places: Sequence[int], *, is_settled: bool
    ) -> dict[str, T]:
        """What is kept of these places of the shelf, by model and in their order.

        A model that left meanwhile is left out. Unless the index is as the catalog is, all of them
        are read: nothing that was taken back a moment ago may be shown from memory.
        """
        ids = [shelf.ids[place] for place in places]
        if not is_settled:
            read = self._read(session, ids)
            return {one: read[one] for one in ids if one in read}
        stamps = dict(zip(ids, shelf.stamps[places].tolist(), strict=True))
        found: dict[str, T] = {}
        with self._lock:
            for one, stamp in stamps.items():
                kept = self._kept.get(one)
                if kept is not None and kept[0] == stamp:
                    found[one] = kept[1]
                    self._kept.move_to_end(one)
        missing = [one for one in ids if one not in found]
        if missing:
            read = self._read(session, missing)
            found.update(read)
            with self._lock:
                self._kept.update((one, (stamps[one], new)) for one, new in read.items())
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)
        return {one: found[one] for one in ids if one in found}

    def warm(self, session: Session, shelf: Shelf) -> None:
        """Read those of the models that are trusted most, as they come first."""
        places = np.argsort(-shelf.trust, kind="stable")
        kept = places[shelf.present[places]][: self._most].tolist()
        for start in range(0, len(kept), _AT_A_TIME):
            self.of(session, shelf, kept[start : start + _AT_A_TIME], is_settled=True)


def load(session: Session, ids: Sequence[str]) -> dict[str, Card]:
    """The cards of these models, by model."""
    if not ids:
        return {}
    connection = session.connection()
    rows = connection.execute(_MODELS, {"ids": ids}).all()
    metrics: dict[str, list[Metric]] = {}
    shown = [row.shown_id for row in rows if row.shown_id]
    for version_id, name, value, data, digest in connection.execute(_METRICS, {"ids": shown}).all():
        metrics.setdefault(version_id, []).append(Metric(name, value, data, digest))
    uses: dict[tuple[str, str], dict[str, frozenset[str]]] = {}
    used = {
        "ids": [row.shown_run for row in rows if row.shown_run],
        "servers": sorted({row.server for row in rows}),
    }
    for server, run_id, digest, context in connection.execute(_USED, used).all():
        by_digest = uses.setdefault((server, run_id), {})
        by_digest[digest] = by_digest.get(digest, frozenset()) | {context}
    return {
        row.id: Card(
            model,
            model.resource,
            row.owner,
            row.shown_number,
            tuple(sorted(metrics.get(row.shown_id, ()), key=lambda one: (one.name, one.dataset))),
            uses.get((row.server, row.shown_run or ""), {}),
        )
        for row, model in zip(rows, load_models(session, rows), strict=True)
    }


def hits(cards: Iterable[Card], measures: Mapping[str, Measure], *, by: Actor) -> tuple[Hit, ...]:
    """What the actor may be shown of these models.

    One that they may not know of any more is left out; of one they are kept out of there is its
    summary.
    """
    return tuple(
        _hit(card, measures, is_locked=not decide(by, "model:read", card.resource))
        for card in cards
        if decide(by, "model:find", card.resource)
    )


def _hit(card: Card, measures: Mapping[str, Measure], *, is_locked: bool) -> Hit:
    if is_locked:
        return Hit(card.model.summarised(), card.owner, is_locked=True)
    model = card.model
    key = reading(measures.get(model.task), card.metrics, card.uses)
    return Hit(model, card.owner, card.metrics, card.number, key)
