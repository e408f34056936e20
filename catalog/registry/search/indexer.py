"""The indexer: reads what marked models are now, and writes it into the index.

The next models are read while the database takes in those before them. So a model is written only
if its marks are the very ones that were there before it was read; else it waits for its next turn.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Executable,
    Table,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlmodel import Session, col

from auth.access import ANYTHING, decide
from auth.actors import Actor
from catalog.registry.search import words
from catalog.registry.search.engines import engine_for
from catalog.registry.search.known import Known, read
from catalog.registry.search.shelf import STATE
from catalog.registry.search.tables import (
    ModelMeasureRow,
    ModelSearchRow,
    SearchMarkRow,
    SearchStateRow,
    SearchWordRow,
)
from catalog.registry.search.texts import frameworks, texts
from catalog.registry.tables import ModelRow
from ledger.among import among, numbered
from ledger.bulk import insert_rows
from ledger.store import Store

BATCH: Final = 3000
COMPLETE: Final = 80
_SHORTEST_KEPT_WORD: Final = 3
_LONGEST_FACET_VALUE: Final = 80
# Tags that say what other facets say, and those that programs keep for themselves.
_OTHER_FACETS: Final = frozenset({"domain", "owner", "task"})
_PROGRAMS: Final = ("mlflow.", "countersign.")
# What is kept of a model, and its place in the table of states: another form indexes all anew.
_FORM: Final = 2
_FORMS: Final = "form"


@dataclass(frozen=True)
class Trust:
    """What other chapters know of a model: approved here, called by somebody, watched lately."""

    certified: bool = False
    used: bool = False
    monitored: bool = False


# Says of many models at once how far they are trusted; one that nobody knows may be left out.
Witnesses = Callable[[Session, Sequence[str]], Mapping[str, Trust]]


def keep_back(session: Session, model_id: str) -> None:
    """Count a model that is restricted by nothing but its summary, from this transaction on.

    What is looked through in it follows with the next run of the indexer.
    """
    connection = session.connection()
    stamp = _next_stamp(connection)
    numbers = list(connection.execute(_NUMBERS, {"ids": [model_id]}).scalars())
    connection.execute(_FORGET_MEASURES, {"numbers": numbers})
    connection.execute(_KEEP_BACK, {"key": model_id, "stamp": stamp})


def nobody(_session: Session, _model_ids: Sequence[str]) -> Mapping[str, Trust]:
    """Where nobody bears witness, nothing is known."""
    return {}


def trust_number(trust: Trust, *, live: bool, completeness: int) -> int:
    """One number to order by: certified before live, used, card complete and monitored."""
    complete = completeness >= COMPLETE
    facts = (trust.certified, live, trust.used, complete, trust.monitored)
    return sum(bool(fact) << place for place, fact in enumerate(reversed(facts)))


class Indexer:
    """Keeps the search index like the catalog."""

    def __init__(self, store: Store, witnesses: Witnesses = nobody) -> None:
        self._store = store
        self._witnesses = witnesses
        # Words that are surely kept already; asking the database again costs more than this.
        self._words: set[str] = set()

    def waiting(self) -> bool:
        """Whether anything is to be indexed."""
        with self._store.read() as session:
            return session.connection().execute(_ANY_MARK).first() is not None

    def run(self, *, by: Actor) -> int:
        """Index what was marked, until nothing is. Returns how many models that were.

        Each batch is a transaction of its own; what a crash takes back is marked again.
        """
        decide(by, "mirror:write", ANYTHING).insist()
        total = 0
        with ThreadPoolExecutor(1, "index") as aside:
            while (batch := self._read()) is not None:
                while batch is not None:
                    ahead = aside.submit(self._read, batch.last) if batch.is_full else None
                    total += self._index(batch)
                    batch = ahead.result() if ahead else None
        if total > BATCH:
            # Every search looks whether a mark waits: it would walk over all that were taken.
            self._store.vacuum("search_mark", "search_text")
        return total

    def renew(self, *, by: Actor) -> None:
        """Have every model indexed again, if an older program has indexed them in another form."""
        decide(by, "mirror:write", ANYTHING).insist()
        with self._store.read() as session:
            if session.connection().execute(_KEPT_FORM).scalar() == _FORM:
                return
        with self._store.write() as session:
            connection = session.connection()
            connection.execute(delete(SearchStateRow).where(col(SearchStateRow.name) == _FORMS))
            connection.execute(insert(SearchStateRow), [{"name": _FORMS, "stamp": _FORM}])
            connection.execute(_MARK_ALL)

    def mark(self, model_ids: Iterable[str]) -> None:
        """Have these models indexed again."""
        rows = [{"model_id": one} for one in model_ids]
        if rows:
            with self._store.write() as session:
                session.connection().execute(insert(SearchMarkRow), rows)

    def _read(self, after: int = 0) -> _Batch | None:
        """The models marked next after this mark, and what they are now."""
        with self._store.read() as session:
            connection = session.connection()
            marks = connection.execute(_MARKS, {"after": after}).all()
            if not marks:
                return None
            model_ids = list(dict.fromkeys(mark.model_id for mark in marks))
            # Those that were marked again further on are done with all their marks.
            marked = _marked(connection, model_ids)
            known = read(connection, model_ids)
            return _Batch(marks[-1].id, len(marks) == BATCH, marked, known)

    def _index(self, batch: _Batch) -> int:
        """Write into the index what was read. Returns how many models that were."""
        with self._store.write() as session:
            connection = session.connection()
            stamp = _next_stamp(connection)
            now = _marked(connection, list(batch.marked))
            settled = [key for key, marks in batch.marked.items() if now.get(key) == marks]
            taken = [mark for key in settled for mark in batch.marked[key]]
            connection.execute(_TAKE, {"ids": taken})
            kept = frozenset(settled)
            found = self._write(session, [one for one in batch.known if one.row.id in kept], stamp)
        self._words |= found
        return len(settled)

    def _write(self, session: Session, known: Sequence[Known], stamp: int) -> set[str]:
        """Write models into the index. Returns the words that are kept now."""
        connection = session.connection()
        there = [one for one in known if one.row.gone_at is None]
        # Whether a restricted model is approved or called is not for everybody in its scope.
        trusted = self._witnesses(
            session, [one.row.id for one in there if one.row.restricted_at is None]
        )
        rows = [
            _present(one, trusted.get(one.row.id, Trust()), stamp)
            if one.row.gone_at is None
            else _absent(one, stamp)
            for one in known
        ]
        numbers, before = _put(connection, rows)
        engine = engine_for(connection)
        if before:
            engine.remove(connection, before)
            connection.execute(_FORGET_MEASURES, {"numbers": before})
        found: set[str] = set()

        def taken_apart() -> Iterator[tuple[int, str]]:
            for one in there:
                indexed = words.index(_document(one))
                found.update(indexed.words)
                yield numbers[one.row.id], indexed.tokens

        engine.put(connection, taken_apart())
        measures = [row for one in there for row in _measures(numbers[one.row.id], one)]
        if measures:
            insert_rows(connection, _MEASURES, _MEASURE, measures)
        return self._keep_words(connection, found)

    def _keep_words(self, connection: Connection, found: set[str]) -> set[str]:
        new = sorted(word for word in found - self._words if len(word) >= _SHORTEST_KEPT_WORD)
        if not new:
            return set()
        known = set(
            connection.execute(_KNOWN_WORDS, {"words": new}).scalars()
            if len(new) <= BATCH
            else connection.execute(select(col(SearchWordRow.word))).scalars()
        )
        engine_for(connection).keep_words(connection, [word for word in new if word not in known])
        return known | set(new)


@dataclass(frozen=True)
class _Batch:
    """Models as they were read: the last of the marks looked at, and all marks of each model."""

    last: int
    is_full: bool
    marked: Mapping[str, frozenset[int]]
    known: Sequence[Known]


def _marked(connection: Connection, model_ids: Sequence[str]) -> dict[str, frozenset[int]]:
    """The marks of these models."""
    found: dict[str, set[int]] = {}
    for mark, model_id in connection.execute(_MARKS_OF, {"ids": model_ids}).all():
        found.setdefault(model_id, set()).add(mark)
    return {key: frozenset(marks) for key, marks in found.items()}


def _next_stamp(connection: Connection) -> int:
    """The number of this change; whoever has it writes alone until the transaction ends."""
    return int(connection.execute(_BUMP).scalar_one())


def _present(one: Known, trust: Trust, stamp: int) -> dict[str, Any]:
    row, shown, completeness = one.row, one.shown, one.completeness
    return {
        "model_id": row.id,
        "stamp": stamp,
        "is_present": True,
        "name": row.name,
        "domain": row.domain,
        "task": row.task,
        "owner": row.owner or "",
        "stage": row.stage,
        "tier": f"Tier {row.tier}" if row.tier else "",
        "regulatory_class": row.regulatory_class,
        "frameworks": _listed(frameworks(shown.flavors) if shown is not None else ()),
        "aliases": _listed(tuple(sorted(one.aliases))),
        "tags": json.dumps(_tags({**one.logged_tags, **one.tags})),
        "datasets": _listed(tuple(name[:_LONGEST_FACET_VALUE] for name in sorted(one.datasets))),
        "completeness": completeness,
        "trust": trust_number(trust, live=one.is_live, completeness=completeness),
        "shown_version_id": shown.id if shown is not None else "",
        "shown_number": shown.number if shown is not None else 0,
        "changed_at": max(row.updated_at, one.newest_at or row.updated_at),
    }


def _absent(one: Known, stamp: int) -> dict[str, Any]:
    texts = ("name", "domain", "task", "owner", "stage", "tier", "regulatory_class")
    return {
        "model_id": one.row.id,
        "stamp": stamp,
        "is_present": False,
        **dict.fromkeys(texts, ""),
        **dict.fromkeys(("frameworks", "aliases", "tags", "datasets"), "[]"),
        "completeness": 0,
        "trust": 0,
        "shown_version_id": "",
        "shown_number": 0,
        "changed_at": one.row.gone_at,
    }


@lru_cache(maxsize=4096)
def _listed(values: tuple[str, ...]) -> str:
    return json.dumps(values)


def _tags(kept: Mapping[str, str]) -> list[str]:
    return sorted(
        f"{key}: {value}"
        for key, value in kept.items()
        if value
        and len(key) + len(value) <= _LONGEST_FACET_VALUE
        and key not in _OTHER_FACETS
        and not key.startswith(_PROGRAMS)
    )


def _document(one: Known) -> words.Document:
    """The texts of a model by how much they say."""
    found: dict[str, list[str]] = {}
    for text in texts(one):
        if text.text:
            found.setdefault(text.letter, []).append(text.text)
    return words.Document(*(" . ".join(found.get(letter, ())) for letter in words.PLACES))


def _measures(number: int, one: Known) -> Iterator[tuple[int, str, str, str, float]]:
    """Each number, once for each use of its data set; the least favourable is for the reader."""
    seen: set[tuple[str, str, str]] = set()
    for metric in one.metrics:
        for context in sorted(one.uses.get(metric.dataset_digest, {""})):
            key = (metric.name, metric.dataset_digest, context)
            if key not in seen:
                seen.add(key)
                yield number, metric.name, metric.dataset_digest, context, metric.value


def _put(
    connection: Connection, rows: Sequence[dict[str, Any]]
) -> tuple[dict[str, int], list[int]]:
    """Write the rows of the index. Returns each model's number, and the numbers known before."""
    if not rows:
        return {}, []
    ids = [row["model_id"] for row in rows]
    known = _numbers(connection, ids)
    new = [row for row in rows if row["model_id"] not in known]
    old = [{**row, "key": row["model_id"]} for row in rows if row["model_id"] in known]
    if old:
        connection.execute(
            _UPDATE, [{k: v for k, v in row.items() if k != "model_id"} for row in old]
        )
    if not new:
        return known, list(known.values())
    insert_rows(connection, _ROWS, tuple(new[0]), [tuple(row.values()) for row in new])
    added = _numbers(connection, [row["model_id"] for row in new])
    return known | added, list(known.values())


def _numbers(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    found = connection.execute(_NUMBERS, {"ids": ids}).all()
    return {model_id: number for number, model_id in found}


_ROWS: Final[Table] = ModelSearchRow.__table__  # type: ignore[attr-defined] # SQLModel hides it
_MEASURES: Final[Table] = ModelMeasureRow.__table__  # type: ignore[attr-defined] # likewise
_MEASURE: Final = ("no", "name", "dataset_digest", "context", "value")
_ANY_MARK: Final[Executable] = select(col(SearchMarkRow.id)).limit(1)
_MARKS: Final[Executable] = (
    select(col(SearchMarkRow.id), col(SearchMarkRow.model_id))
    .where(col(SearchMarkRow.id) > bindparam("after"))
    .order_by(col(SearchMarkRow.id))
    .limit(BATCH)
)
_MARKS_OF: Final[Executable] = select(col(SearchMarkRow.id), col(SearchMarkRow.model_id)).where(
    among(col(SearchMarkRow.model_id), "ids")
)
_KEPT_FORM: Final[Executable] = select(col(SearchStateRow.stamp)).where(
    col(SearchStateRow.name) == _FORMS
)
_MARK_ALL: Final[Executable] = insert(SearchMarkRow).from_select(
    ["model_id"], select(col(ModelRow.id)).where(col(ModelRow.gone_at).is_(None))
)
_TAKE: Final[Executable] = delete(SearchMarkRow).where(numbered(col(SearchMarkRow.id), "ids"))
_BUMP: Final[Executable] = (
    update(SearchStateRow)
    .where(col(SearchStateRow.name) == STATE)
    .values(stamp=col(SearchStateRow.stamp) + 1)
    .returning(col(SearchStateRow.stamp))
)
_NUMBERS: Final[Executable] = select(col(ModelSearchRow.no), col(ModelSearchRow.model_id)).where(
    among(col(ModelSearchRow.model_id), "ids")
)
_UPDATE: Final[Executable] = _ROWS.update().where(_ROWS.c.model_id == bindparam("key"))
_KEEP_BACK: Final[Executable] = (
    _ROWS.update()
    .where(_ROWS.c.model_id == bindparam("key"))
    .values(
        **dict.fromkeys(("frameworks", "aliases", "tags", "datasets"), "[]"),
        **dict.fromkeys(("stage", "tier", "regulatory_class", "shown_version_id"), ""),
        stamp=bindparam("stamp"),
        completeness=0,
        trust=0,
        shown_number=0,
    )
)
_FORGET_MEASURES: Final[Executable] = delete(ModelMeasureRow).where(
    numbered(col(ModelMeasureRow.no), "numbers")
)
_KNOWN_WORDS: Final[Executable] = select(col(SearchWordRow.word)).where(
    among(col(SearchWordRow.word), "words")
)
