"""What changed in MLflow, and when: each change with the window in which it must have happened.

MLflow keeps no history of aliases, tags or descriptions. The mirror reads again and again, so it
knows two moments of each change: one at which it certainly read the old value, and one at which it
had read the new one. Between them it happened; nobody can say more, and nothing here pretends to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, get_args

from sqlalchemy import BindParameter, Executable, Row, bindparam, func
from sqlalchemy import select as columns
from sqlmodel import col

from catalog.registry.mirror.pen import Kind
from catalog.registry.models import Model
from catalog.registry.tables import ChangeRow, ModelRow, VersionRow
from ledger.acts import Ledger

__all__ = ["KINDS", "Change", "Changes", "Kind", "Spell", "Uncertain"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


@dataclass(frozen=True)
class Change:
    """Something that became different in MLflow, in the window `(since, until]`, in UTC.

    Attributes:
        version_id: the version it is about; for an alias the one it points at now, or pointed at
            before it was removed; empty when it is about the model itself.
        name: the tag, the alias, or the number of a version that came or went.
        before: the old value, cut after 4,000 characters; empty when there was none.
        since: nothing when the mirror had not read it before: it may be as old as the model.
        by_promotion: the promotion of Countersign that moved the alias, where that is known.
        number: that of the version, also when it is gone; none when it is about the model itself.
    """

    id: str
    model_id: str
    version_id: str
    kind: Kind
    name: str
    before: str
    after: str
    since: datetime | None
    until: datetime
    by_promotion: str = ""
    number: int | None = None


@dataclass(frozen=True)
class Spell:
    """A time during which an alias pointed at one version: begun and ended in a window each.

    Attributes:
        start_since: nothing when it pointed there as long as Countersign knows the model.
        end_since: the last moment at which it certainly still pointed there.
        end_until: nothing while it has not ended.
        by_promotion: the promotion of Countersign that began it, where that is known.
    """

    alias: str
    number: int
    version_id: str
    start_since: datetime | None
    start_until: datetime
    end_since: datetime
    end_until: datetime | None
    by_promotion: str = ""


@dataclass(frozen=True)
class Uncertain:
    """Nobody can say which: the moment lies in a window, or before the model was first read.

    Attributes:
        candidates: what the alias may have pointed at then, oldest first; None is "it was not set".
        since: where the doubt begins; nothing when it reaches back to before the first reading.
        until: where the doubt ends.
    """

    candidates: tuple[Spell | None, ...]
    since: datetime | None
    until: datetime


@dataclass(frozen=True)
class _State:
    """What an alias was for a while; `spell` is None while it was not set."""

    spell: Spell | None
    start_since: datetime | None
    start_until: datetime | None
    end_until: datetime | None

    def may_hold(self, at: datetime) -> bool:
        """Whether the alias can have been so at that moment."""
        return (self.start_since is None or self.start_since < at) and (
            self.end_until is None or at < self.end_until
        )


class Changes:
    """The desk where the history of MLflow is looked up."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def of(
        self, model: Model, *, kinds: Collection[Kind] = (), limit: int = 50, offset: int = 0
    ) -> list[Change]:
        """What changed about a model and its versions, newest first."""
        asked = {
            "model": model.id,
            "kinds": list(kinds or KINDS),
            "limit": limit,
            "offset": offset,
        }
        with self._ledger.store.read() as session:
            return [_change(row) for row in session.connection().execute(_OF, asked)]

    def count(self, model: Model, *, kinds: Collection[Kind] = ()) -> int:
        """How many changes there are in all."""
        asked = {"model": model.id, "kinds": list(kinds or KINDS)}
        with self._ledger.store.read() as session:
            return int(session.connection().execute(_COUNT, asked).scalar_one())

    def spells(self, model: Model, alias: str) -> list[Spell]:
        """The times an alias pointed somewhere, oldest first."""
        states, _ = self._states(model, alias)
        return [one.spell for one in states if one.spell is not None]

    def alias_at(self, model: Model, alias: str, at: datetime) -> Spell | Uncertain | None:
        """Which version an alias pointed at; None when it certainly was not set.

        A spell that has not ended is known until its `end_since`; of any later moment it is the
        last thing that was seen.
        """
        states, first_read = self._states(model, alias)
        possible = [one for one in states if one.may_hold(at)]
        if at < first_read:
            known = [one.spell for one in possible if one.spell is not None]
            return Uncertain((None, *known), None, first_read)
        if len(possible) == 1:
            return possible[0].spell
        begun = [one.start_since for one in possible[1:]]
        ended = [one.start_until for one in possible[1:] if one.start_until is not None]
        return Uncertain(
            tuple(one.spell for one in possible),
            None if None in begun else min(one for one in begun if one is not None),
            max(ended),
        )

    def _states(self, model: Model, alias: str) -> tuple[list[_State], datetime]:
        """What the alias did, oldest first, and when the model was first read."""
        asked = {"model": model.id, "alias": alias}
        with self._ledger.store.read() as session:
            connection = session.connection()
            rows = connection.execute(_MOVES, asked).all()
            read_at = connection.execute(_READ_AT, {"model": model.id}).scalar_one()
            first = connection.execute(_FIRST, {"model": model.id}).scalar()
        return list(_chain(rows, read_at)), first or read_at


def _chain(rows: Sequence[Row[Any]], read_at: datetime) -> Iterator[_State]:
    """The states an alias went through; before the first it was not set, as far as anybody saw."""
    yield _State(None, None, None, rows[0].until if rows else None)
    # An alias that was never set has no rows at all.
    for row, later in zip(rows, [*rows[1:], None], strict=False):
        ended = None if later is None else later.until
        spell = None
        if row.after:
            still = later.since or row.until if later is not None else max(read_at, row.until)
            spell = Spell(
                row.name,
                int(row.after),
                row.version_id,
                row.since,
                row.until,
                max(still, row.until) if later is None else still,
                ended,
                row.by_promotion,
            )
        yield _State(spell, row.since, row.until, ended)


def _change(row: Row[Any]) -> Change:
    return Change(
        str(row.sequence),
        row.model_id,
        row.version_id,
        row.kind,
        row.name,
        row.before,
        row.after,
        row.since,
        row.until,
        row.by_promotion,
        row.number,
    )


_KINDS: Final[BindParameter[Any]] = bindparam("kinds", expanding=True)
_CHANGE: Final = (
    col(ChangeRow.sequence),
    col(ChangeRow.model_id),
    col(ChangeRow.version_id),
    col(ChangeRow.kind),
    col(ChangeRow.name),
    col(ChangeRow.before),
    col(ChangeRow.after),
    col(ChangeRow.since),
    col(ChangeRow.until),
    col(ChangeRow.by_promotion),
)
_THESE: Final = (col(ChangeRow.model_id) == bindparam("model"), col(ChangeRow.kind).in_(_KINDS))
_COUNT: Final[Executable] = columns(func.count()).select_from(ChangeRow).where(*_THESE)
_OF: Final[Executable] = (
    columns(*_CHANGE, col(VersionRow.number))
    .outerjoin_from(ChangeRow, VersionRow, col(VersionRow.id) == col(ChangeRow.version_id))
    .where(*_THESE)
    .order_by(col(ChangeRow.sequence).desc())
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)
_MOVES: Final[Executable] = (
    columns(*_CHANGE)
    .where(
        col(ChangeRow.model_id) == bindparam("model"),
        col(ChangeRow.kind) == "alias",
        col(ChangeRow.name) == bindparam("alias"),
    )
    .order_by(col(ChangeRow.sequence))
)
_READ_AT: Final = columns(col(ModelRow.seen_at)).where(col(ModelRow.id) == bindparam("model"))
_FIRST: Final = (
    columns(col(ChangeRow.until))
    .where(col(ChangeRow.model_id) == bindparam("model"))
    .order_by(col(ChangeRow.sequence))
    .limit(1)
)
