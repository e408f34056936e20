"""Notices: who is told of what happened, exactly once each, if they may see the model now.

Telling is one statement for all who are told, so that ten thousand watchers of one alias cost no
more than a page of them. The key of a notice is (person, event): a job that runs twice, or two
workers at once, change nothing. A notice holds ids and numbers; its words are found when shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Executable, Row, bindparam, exists, false, func, literal, union_all, update
from sqlalchemy import select as columns
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.selectable import Select
from sqlmodel import Session, col

from auth.access import ANYTHING, Resource, decide
from auth.actors import Actor
from auth.actors import Kind as PrincipalKind
from auth.holders import holds
from auth.tables import PrincipalRow
from catalog.notifications.kinds import DEFAULTS, ONLY_NAMED, How, Kind, Why, needs
from catalog.notifications.tables import NoticeRow, PreferenceRow, WatchRow
from catalog.notifications.watches import On
from ledger.clock import Clock
from ledger.store import Store, UtcDateTime

PAGE: Final = 25
MOST_COUNTED: Final = 100


@dataclass(frozen=True)
class Occasion:
    """Something that happened to a model, with those who are told whether they watch or not.

    `besides` is whoever did it themselves; `facts` are ids and numbers.
    """

    event_id: str
    kind: Kind
    model: Resource
    at: datetime
    facts: Mapping[str, str]
    alias: str = ""
    named: Mapping[str, Why] = field(default_factory=dict)
    besides: str = ""


@dataclass(frozen=True)
class Notice:
    """One person told of one event."""

    event_id: str
    kind: Kind
    why: Why
    model_id: str
    facts: Mapping[str, str]
    at: datetime
    read_at: datetime | None


@dataclass(frozen=True)
class Listed:
    """One page of notices, unread first; the counts are of all that were asked for."""

    notices: tuple[Notice, ...]
    unread: int
    total: int


class Notices:
    """What people were told."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def tell(self, session: Session, occasion: Occasion, *, by: Actor) -> int:
        """Tell everybody concerned who may see the model at this moment. Returns how many.

        Whoever was told of this event before is not told again.
        """
        decide(by, "notice:write", ANYTHING).insist()
        insert = sqlite.insert if self._store.is_sqlite else postgresql.insert
        told = (
            insert(NoticeRow)
            .from_select(
                ["person_id", "event_id", "kind", "why", "model_id", "facts", "at"],
                _concerned(occasion, self._clock.now()),
            )
            .on_conflict_do_nothing(index_elements=["person_id", "event_id"])
        )
        return (
            session.connection()
            .execute(told, execution_options={"preserve_rowcount": True})
            .rowcount
        )

    # -- reading -------------------------------------------------------------------------------

    def unread(self, person_id: str) -> int:
        """How many one has not read, for the bell: counted up to a hundred."""
        with self._store.read() as session:
            asked = {"person": person_id}
            return int(session.connection().execute(_UNREAD, asked).scalar_one())

    def page(
        self, *, by: Actor, kinds: Sequence[Kind] = tuple(Kind), offset: int = 0, limit: int = PAGE
    ) -> Listed:
        """One's own notices, unread first and then the newest, a page at a time."""
        asked: dict[str, Any] = {"person": by.id, "kinds": list(kinds)}
        with self._store.read() as session:
            connection = session.connection()
            unread, total = connection.execute(_COUNTS, asked).one()
            rows: list[Row[Any]] = []
            if offset < unread:
                rows += connection.execute(_FRESH, asked | {"limit": limit, "offset": offset})
            if len(rows) < limit:
                rest = {"limit": limit - len(rows), "offset": max(0, offset - unread)}
                rows += connection.execute(_OLD, asked | rest)
        return Listed(tuple(_notice(row) for row in rows), unread, total)

    def about(self, event_id: str, person_id: str) -> Notice | None:
        """What one person was told of one event, if they were."""
        with self._store.read() as session:
            row = session.get(NoticeRow, (person_id, event_id))
            return None if row is None else _notice(row)

    def read(self, event_ids: Sequence[str], *, by: Actor) -> None:
        """Mark some of one's own as read. What one has read is no act: nothing is recorded."""
        self._mark(_MINE.where(col(NoticeRow.event_id).in_(list(event_ids))), by)

    def read_all(self, *, by: Actor) -> None:
        """Mark all of one's own as read."""
        self._mark(_MINE, by)

    def _mark(self, these: Any, by: Actor) -> None:  # noqa: ANN401 - an UPDATE under construction
        with self._store.write() as session:
            session.connection().execute(these, {"person": by.id, "now": self._clock.now()})


def _concerned(occasion: Occasion, now: datetime) -> Select[Any]:
    """Everybody who is told, each once, with all that a notice keeps."""
    nobody = columns(col(PrincipalRow.id), literal("").label("why")).where(false())
    heard = union_all(nobody, *_heard(occasion)).subquery("heard")
    person = heard.c.id
    silenced = exists().where(
        col(WatchRow.person_id) == person,
        col(WatchRow.kind) == On.MODEL,
        col(WatchRow.target) == occasion.model.id,
        col(WatchRow.is_off).is_(True),
    )
    off = exists().where(
        col(PreferenceRow.person_id) == person,
        col(PreferenceRow.kind) == occasion.kind,
        col(PreferenceRow.how) == How.OFF,
    )
    chosen = (
        columns(
            person,
            literal(occasion.event_id),
            literal(str(occasion.kind)),
            func.min(heard.c.why),
            literal(occasion.model.id),
            literal(json.dumps(dict(occasion.facts), sort_keys=True)),
            literal(occasion.at, UtcDateTime),
        )
        .select_from(heard)
        .join(PrincipalRow, col(PrincipalRow.id) == person)
        .where(
            col(PrincipalRow.kind) == PrincipalKind.PERSON,
            col(PrincipalRow.disabled_at).is_(None),
            person != occasion.besides,
            holds(needs(occasion.kind), person, occasion.model, at=now),
            ~silenced,
        )
        .group_by(person)
    )
    if DEFAULTS[occasion.kind] is How.OFF:
        chosen = chosen.where(
            exists().where(
                col(PreferenceRow.person_id) == person,
                col(PreferenceRow.kind) == occasion.kind,
                col(PreferenceRow.how) != How.OFF,
            )
        )
    return chosen.where(~off)


def _heard(occasion: Occasion) -> list[Select[str, str]]:
    """Each way to hear of it, as the people and the reason."""
    since = col(WatchRow.since) <= occasion.at
    watching = columns(col(WatchRow.person_id), literal(str(Why.MODEL)).label("why")).where(
        col(WatchRow.kind) == On.MODEL,
        col(WatchRow.target) == occasion.model.id,
        col(WatchRow.is_off).is_(False),
        since,
    )
    ways = [watching]
    if occasion.model.domain:
        ways.append(
            columns(col(WatchRow.person_id), literal(str(Why.DOMAIN))).where(
                col(WatchRow.kind) == On.DOMAIN,
                col(WatchRow.target) == occasion.model.domain,
                since,
            )
        )
    if occasion.alias:
        ways.append(
            columns(col(WatchRow.person_id), literal(str(Why.ALIAS))).where(
                col(WatchRow.kind) == On.ALIAS,
                literal(occasion.alias.lower()).like(col(WatchRow.pattern), escape="\\"),
                col(WatchRow.within).in_(["", occasion.model.domain]),
                since,
            )
        )
    named = [
        columns(col(PrincipalRow.id), literal(str(why)).label("why")).where(
            col(PrincipalRow.id).in_([one for one, its in occasion.named.items() if its is why])
        )
        for why in sorted(set(occasion.named.values()))
    ]
    return named if occasion.kind in ONLY_NAMED else ways + named


def _notice(row: Row[Any] | NoticeRow) -> Notice:
    return Notice(
        row.event_id,
        Kind(row.kind),
        Why(row.why),
        row.model_id,
        json.loads(row.facts),
        row.at,
        row.read_at,
    )


_PERSON: Final = col(NoticeRow.person_id) == bindparam("person")
_IS_UNREAD: Final = col(NoticeRow.read_at).is_(None)
_OF_KINDS: Final = col(NoticeRow.kind).in_(bindparam("kinds", expanding=True))
_NOTICE: Final = columns(
    col(NoticeRow.event_id),
    col(NoticeRow.kind),
    col(NoticeRow.why),
    col(NoticeRow.model_id),
    col(NoticeRow.facts),
    col(NoticeRow.at),
    col(NoticeRow.read_at),
).where(_PERSON, _OF_KINDS)
_NEWEST: Final = (col(NoticeRow.at).desc(), col(NoticeRow.event_id))
_FRESH: Final[Executable] = (
    _NOTICE.where(_IS_UNREAD)
    .order_by(*_NEWEST)
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)
_OLD: Final[Executable] = (
    _NOTICE.where(~_IS_UNREAD)
    .order_by(*_NEWEST)
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)
_COUNTS: Final[Executable] = columns(
    func.count().filter(_IS_UNREAD).label("unread"), func.count().label("total")
).where(_PERSON, _OF_KINDS)
# Asked on every click of everybody.
_UNREAD: Final[Executable] = columns(func.count()).select_from(
    columns(literal(1)).where(_PERSON, _IS_UNREAD).limit(MOST_COUNTED).subquery()
)
_MINE: Final = update(NoticeRow).where(_PERSON, _IS_UNREAD).values(read_at=bindparam("now"))
