"""The finder: which models answer a question, best first, and how many each choice would leave."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import Boolean, Executable, String, bindparam, cast, func, select, text
from sqlmodel import Session, col

from auth.access import visible_scopes
from auth.actors import Actor, Scope
from catalog.registry.measures import Measure
from catalog.registry.search import pages, snippets
from catalog.registry.search.answers import Answers, Asking
from catalog.registry.search.matching import Match, Matcher
from catalog.registry.search.pages import Kept
from catalog.registry.search.questions import (
    CARD_BANDS,
    CHANGED_BANDS,
    FACETS,
    Found,
    Order,
    Question,
    Range,
)
from catalog.registry.search.shelf import Codes, Mask, Shelf, Shelves
from catalog.registry.search.tables import ModelMeasureRow
from catalog.registry.search.texts import Text
from ledger.clock import Clock
from ledger.store import Store

_FEW: Final = 500
_MOST_NAMED: Final = 256
# About 2 kB each, and 4 kB.
_MOST_CARDS: Final = 16_384
_MOST_TEXTS: Final = 8_192
_NONE_FAILS: Final = np.zeros(0, dtype=np.int8)


class Finder:
    """The search desk."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._shelves = Shelves()
        self._matcher = Matcher()
        self._answers = Answers()
        self._cards = Kept(pages.load, _MOST_CARDS)
        self._texts = Kept(snippets.load, _MOST_TEXTS)
        self._lock = threading.Lock()
        self._deciding: tuple[object, npt.NDArray[np.float64]] | None = None
        self._named: dict[tuple[int, frozenset[Scope]], list[str]] = {}

    def find(
        self,
        question: Question,
        *,
        by: Actor,
        limit: int = 10,
        offset: int = 0,
        order: Order = Order.BEST_MATCH,
        measures: Mapping[str, Measure] | None = None,
        facets: bool = True,
        snippets: bool = True,
    ) -> Found:
        """One page of the models that answer the question, among those the actor may see.

        `measures` says what decides for each task. Ordered by the deciding number, models that
        predict the same kind of thing stand together: first the kind of which most were measured.
        """
        asking = Asking(question, by, limit, offset, order, measures or {}, facets, snippets)
        with self._store.read() as session:
            shelf, is_settled = self._shelves.now(session)
            if not is_settled:
                return self._found(session, shelf, asking, is_settled=False)
            key, now = asking.key(shelf.stamp), self._clock.now()
            found = self._answers.known(key, now)
            if found is None:
                found = self._found(session, shelf, asking, is_settled=True)
                until = self._answers.steady_until(shelf, now) if asking.is_timed else None
                self._answers.keep(key, found, now, until)
            return found

    def _found(self, session: Session, shelf: Shelf, asking: Asking, *, is_settled: bool) -> Found:
        question, measures = asking.question, asking.measures
        visible = _visible(shelf, asking.by)
        match = self._matcher.match(
            session, shelf, question.text, visible, verbatim=question.verbatim
        )
        among = visible if match is None else match.mask
        masks = self._masks(session, shelf, question)
        if masks:
            fails = np.zeros(len(shelf), dtype=np.int8)
            for mask in masks.values():
                fails += ~mask
            places = np.flatnonzero(among & (fails == 0))
        else:
            fails, places = _NONE_FAILS, np.flatnonzero(among)
        chosen = self._ordered(session, shelf, places, match, asking)
        page = chosen[asking.offset : asking.offset + asking.limit].tolist()
        cards = self._cards.of(session, shelf, page, is_settled=is_settled)
        hits = pages.hits(cards.values(), measures, by=asking.by)
        if match is not None and asking.snippets:

            def load(ids: Sequence[str]) -> Mapping[str, Sequence[Text]]:
                there = [shelf.places[one] for one in ids]
                return self._texts.of(session, shelf, there, is_settled=is_settled)

            held = {shelf.ids[place]: match.held(place) for place in page}
            hits = snippets.shown(hits, match.asked, held.__getitem__, load)
        return Found(
            hits=hits,
            total=len(places),
            facets=self._facets(shelf, among, masks, fails) if asking.facets else {},
            measure=_shared_measure(shelf, places, measures),
            correction=match.correction if match else None,
            relaxed=bool(match and match.relaxed),
            absent=match.absent if match else (),
        )

    def warm(self) -> None:
        """Read before somebody waits for it what nearly every answer is made of."""
        with self._store.read() as session:
            shelf, is_settled = self._shelves.now(session)
            if is_settled:
                self._cards.warm(session, shelf)
                self._texts.warm(session, shelf)

    def size(self, *, by: Actor) -> int:
        """How many models the actor may know of."""
        with self._store.read() as session:
            return int(_visible(self._shelves.current(session), by).sum())

    def stamp(self, session: Session) -> int:
        """How often the index was written to."""
        return self._shelves.current(session).stamp

    def matching(self, question: Question, *, by: Actor) -> tuple[int, list[str]]:
        """The ids of all models that answer, and the stamp of the index at which they do."""
        with self._store.read() as session:
            shelf = self._shelves.current(session)
            visible = _visible(shelf, by)
            # What was corrected or holds only some of the words is offered to a reader, and told
            # to nobody.
            match = self._matcher.match(session, shelf, question.text, visible, verbatim=True)
            held = visible.copy() if match is None else match.mask & (not match.relaxed)
            for mask in self._masks(session, shelf, question).values():
                held &= mask
            return shelf.stamp, [shelf.ids[place] for place in np.flatnonzero(held).tolist()]

    def metrics(self, *, by: Actor) -> list[str]:
        """The names of the numbers that models are narrowed by, at most a hundred.

        Of the models the actor may know of: what is measured elsewhere may say what is kept there.
        """
        scopes = frozenset(visible_scopes(by, "model:find"))
        with self._store.read() as session:
            key = (self._shelves.current(session).stamp, scopes)
            with self._lock:
                names = self._named.get(key)
            if names is None:
                found = session.connection().execute(_METRIC_NAMES, _scoped(scopes)).scalars()
                names = [str(name) for name in found]
                with self._lock:
                    if len(self._named) >= _MOST_NAMED:
                        self._named.clear()
                    self._named[key] = names
        return list(names)

    # -- narrowing -----------------------------------------------------------------------------

    def _masks(self, session: Session, shelf: Shelf, question: Question) -> dict[str, Mask]:
        masks: dict[str, Mask] = {}
        for facet, values in question.chosen.items():
            if not values:
                continue
            if facet == "card":
                masks[facet] = _any(self._card(shelf, band) for band in values)
            elif facet == "changed":
                masks[facet] = _any(self._changed(shelf, band) for band in values)
            else:
                masks[facet] = shelf.mask_of(FACETS[facet], values)
        if question.range:
            mask = np.zeros(len(shelf), dtype=np.bool_)
            mask[shelf.places_of(_in_range(session, question.range))] = True
            masks["range"] = mask
        return masks

    def _card(self, shelf: Shelf, band: str) -> Mask:
        least, most = CARD_BANDS.get(band, (101, 101))
        return (shelf.completeness >= least) & (shelf.completeness <= most)

    def _changed(self, shelf: Shelf, band: str) -> Mask:
        if band not in CHANGED_BANDS:
            return np.zeros(len(shelf), dtype=np.bool_)
        since = self._clock.now() - timedelta(days=CHANGED_BANDS[band])
        return shelf.changed >= since.timestamp()

    def _facets(
        self, shelf: Shelf, among: Mask, masks: Mapping[str, Mask], fails: npt.NDArray[np.int8]
    ) -> dict[str, tuple[tuple[str, int], ...]]:
        """How many models each value would leave: what is chosen of the same facet is no limit."""
        everywhere = among & (fails == 0) if masks else among
        counted: dict[str, tuple[tuple[str, int], ...]] = {}
        for facet, column in FACETS.items():
            left = everywhere
            if facet in masks:
                left = among & (fails - ~masks[facet] == 0)
            if facet == "card":
                bands = [(band, int((left & self._card(shelf, band)).sum())) for band in CARD_BANDS]
            elif facet == "changed":
                bands = [
                    (band, int((left & self._changed(shelf, band)).sum())) for band in CHANGED_BANDS
                ]
            else:
                counted[facet] = tuple(shelf.counts(column, left))
                continue
            counted[facet] = tuple(band for band in bands if band[1])
        return counted

    # -- ordering ------------------------------------------------------------------------------

    def _ordered(
        self,
        session: Session,
        shelf: Shelf,
        places: npt.NDArray[np.intp],
        match: Match | None,
        asking: Asking,
    ) -> npt.NDArray[np.intp]:
        ranks = shelf.ranks[places]
        if asking.order is Order.NAME:
            keys: tuple[Any, ...] = (ranks,)
        elif asking.order is Order.NEWEST:
            keys = (ranks, -shelf.changed[places])
        else:
            steps = match.steps[places] if match else np.zeros(len(places), dtype=np.int32)
            best = (ranks, -shelf.trust[places], -steps)
            if asking.order is Order.BEST_MATCH:
                return _first(asking.offset + asking.limit, places, *best)
            tasks = shelf.single["task"][places]
            values = self._values(session, shelf, places, asking.measures)
            keys = (ranks, values, _task_ranks(tasks, values, np.lexsort(best)))
        return places[np.lexsort(keys)]

    def _values(
        self,
        session: Session,
        shelf: Shelf,
        places: npt.NDArray[np.intp],
        measures: Mapping[str, Measure],
    ) -> npt.NDArray[np.float64]:
        """The deciding numbers, the better the lower; infinite where there is none."""
        key = (shelf.stamp, tuple(measures.items()))
        with self._lock:
            kept = self._deciding
        if kept is not None and kept[0] == key:
            return kept[1][places]
        if len(places) <= _FEW:
            few = [int(number) for number in shelf.numbers[places]]
            return _deciding(session, shelf, measures, few)[places]
        values = _deciding(session, shelf, measures, None)
        with self._lock:
            self._deciding = (key, values)
        return values[places]


def _first(
    number: int,
    places: npt.NDArray[np.intp],
    ranks: Codes,
    trust: npt.NDArray[np.signedinteger[Any]],
    steps: npt.NDArray[np.signedinteger[Any]],
) -> npt.NDArray[np.intp]:
    """So many of them by text, trust and name: in one number, which sorts faster than three."""
    whole = (steps.astype(np.int64) << 32) + (trust.astype(np.int64) << 26) + ranks
    if number < len(whole):
        first = np.argpartition(whole, number)[:number]
        return places[first[np.argsort(whole[first])]]
    return places[np.argsort(whole)]


def _any(masks: Iterable[Mask]) -> Mask:
    return functools.reduce(np.logical_or, masks)


def _visible(shelf: Shelf, by: Actor) -> Mask:
    """What the actor may know of: the same scopes `auth.decide` asks.

    Of a restricted model the index holds only what everybody in its scope may know.
    """
    scopes = visible_scopes(by, "model:find")
    if any(scope.kind == "everything" for scope in scopes):
        return shelf.present
    mask = shelf.mask_of(
        "domain", [scope.id for scope in scopes if scope.kind == "domain" and scope.id]
    )
    for scope in scopes:
        if scope.kind == "model" and scope.id in shelf.places:
            mask[shelf.places[scope.id]] = True
    return mask & shelf.present


def _scoped(scopes: Iterable[Scope]) -> dict[str, Any]:
    """Scopes as the values of a question; no domain covers a model that lies in none."""
    return {
        "everything": any(scope.kind == "everything" for scope in scopes),
        "domains": [scope.id for scope in scopes if scope.kind == "domain" and scope.id],
        "models": [scope.id for scope in scopes if scope.kind == "model"],
    }


def _shared_measure(
    shelf: Shelf, places: npt.NDArray[np.intp], measures: Mapping[str, Measure]
) -> Measure | None:
    if not measures:
        return None
    tasks = np.unique(shelf.single["task"][places])
    return measures.get(shelf.values["task"].names[int(tasks[0])]) if len(tasks) == 1 else None


def _task_ranks(
    tasks: Codes, values: npt.NDArray[np.float64], best: npt.NDArray[np.intp]
) -> npt.NDArray[np.intp]:
    """Where the task of each hit stands: the one most were measured for first, then by match.

    One hit that matches best must not put another kind of thing before all that was asked for.
    """
    found, first = np.unique(tasks[best], return_index=True)
    measured = [int(np.isfinite(values[tasks == task]).sum()) for task in found]
    ranks = np.zeros(int(found.max(initial=0)) + 1, dtype=np.intp)
    ranks[found[np.lexsort((first, -np.array(measured, dtype=np.intp)))]] = np.arange(len(found))
    return ranks[tasks]


def _deciding(
    session: Session, shelf: Shelf, measures: Mapping[str, Measure], few: list[int] | None
) -> npt.NDArray[np.float64]:
    values = np.full(len(shelf), np.inf)
    names = sorted({name for measure in measures.values() for name in measure.names})
    contexts = sorted({measure.context for measure in measures.values()})
    tasks = shelf.values["task"].names
    query = _MEASURED if few is None else _MEASURED_FEW
    given = {"names": names, "contexts": contexts, "numbers": few or []}
    for no, name, context, value in session.connection().execute(query, given):
        if no >= len(shelf.place_of) or (place := int(shelf.place_of[no])) < 0:
            continue
        measure = measures.get(tasks[shelf.single["task"][place]])
        if measure is None or name not in measure.names or context != measure.context:
            continue
        signed = -value if measure.better == "higher" else value
        known = values[place]
        values[place] = signed if np.isinf(known) else max(known, signed)
    return values


def _in_range(session: Session, wanted: Range) -> npt.NDArray[np.int64]:
    given = {
        "name": wanted.metric,
        "least": -1e308 if wanted.least is None else wanted.least,
        "most": 1e308 if wanted.most is None else wanted.most,
    }
    listed = session.connection().execute(_IN_RANGE, given).scalar()
    none = np.empty(0, dtype=np.int64)
    return np.fromstring(listed, dtype=np.int64, sep=",") if listed else none


# A step to the next name in the index at a time: there are few names and many numbers.
# Of each it is asked whether any model that may be known of has it.
_METRIC_NAMES: Final[Executable] = text(
    "WITH RECURSIVE known (name) AS (SELECT MIN(name) FROM model_measure UNION ALL "
    "SELECT (SELECT MIN(m.name) FROM model_measure m WHERE m.name > known.name) FROM known "
    "WHERE known.name IS NOT NULL) SELECT name FROM known WHERE name IS NOT NULL AND EXISTS ("
    "SELECT 1 FROM model_measure m JOIN model_search s ON s.no = m.no WHERE m.name = known.name "
    "AND s.is_present AND (:everything OR s.domain IN :domains OR s.model_id IN :models)) LIMIT 100"
).bindparams(
    bindparam("everything", type_=Boolean()),
    bindparam("domains", expanding=True, type_=String()),
    bindparam("models", expanding=True, type_=String()),
)
_MEASURED: Final[Any] = select(
    col(ModelMeasureRow.no),
    col(ModelMeasureRow.name),
    col(ModelMeasureRow.context),
    col(ModelMeasureRow.value),
).where(
    col(ModelMeasureRow.name).in_(bindparam("names", expanding=True)),
    col(ModelMeasureRow.context).in_(bindparam("contexts", expanding=True)),
)
_MEASURED_FEW: Final[Any] = _MEASURED.where(
    col(ModelMeasureRow.no).in_(bindparam("numbers", expanding=True))
)
_IN_RANGE: Final[Executable] = select(
    func.aggregate_strings(cast(col(ModelMeasureRow.no), String), ",")
).where(
    col(ModelMeasureRow.name) == bindparam("name"),
    col(ModelMeasureRow.value).between(bindparam("least"), bindparam("most")),
)
