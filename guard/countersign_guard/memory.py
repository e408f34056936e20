"""What every worker and replica of a guarded server must know alike: spent tickets, sealed files.

Both are tables in MLflow's own registry database, or in one that the operator names. A ticket is
spent by inserting its id: the database lets one of any number of attempts through.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    inspect,
    select,
)
from sqlalchemy.exc import DBAPIError, IntegrityError

from countersign_guard.places import upwards
from countersign_guard.tickets import Ticket

_TABLES: Final = MetaData()
_MANY: Final = 500

TICKETS: Final = Table(
    "countersign_guard_tickets",
    _TABLES,
    Column("id", String(64), primary_key=True),
    Column("act", String(32), nullable=False),
    Column("workspace", String(63), nullable=False),
    Column("model", String(256), nullable=False),
    Column("alias", String(256), nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", String(256), nullable=False),
    Column("spent_at_ms", BigInteger, nullable=False),
)

SEALED: Final = Table(
    "countersign_guard_sealed",
    _TABLES,
    # An address is longer than some databases index: its SHA-256 stands for it.
    Column("key", String(64), primary_key=True),
    Column("place", Text, nullable=False),
    Column("workspace", String(63), nullable=False),
    Column("model", String(256), nullable=False),
    Column("version", Integer, nullable=False),
    Column("sealed_at_ms", BigInteger, nullable=False),
)


@dataclass(frozen=True)
class Sealed:
    """A place whose files must stay as they are, and the version they are of."""

    place: str
    workspace: str
    model: str
    version: int


class Memory:
    """The two tables."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def prepare(self) -> None:
        """Make the tables if they are not there; several workers may do so at once."""
        for table in (TICKETS, SEALED):
            try:
                table.create(self._engine, checkfirst=True)
            except DBAPIError:
                if not inspect(self._engine).has_table(table.name):
                    raise

    def spend(self, ticket: Ticket, *, now: float) -> bool:
        """Whether the ticket was good until now; it is spent from now on."""
        row = {
            "id": ticket.id,
            "act": ticket.act.value,
            "workspace": ticket.workspace,
            "model": ticket.model,
            "alias": ticket.alias,
            "version": ticket.version,
            "digest": ticket.digest,
            "spent_at_ms": int(now * 1000),
        }
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(TICKETS), row)
        except IntegrityError:
            return False
        return True

    def seal(self, places: Collection[Sealed], *, now: float) -> None:
        """Keep the files at these places as they are, from now on and for ever."""
        wanted = {_key(one.place): one for one in places}
        for batch in _batches(wanted):
            with self._engine.connect() as connection:
                asked = select(SEALED.c.key).where(SEALED.c.key.in_(batch))
                known = set(connection.execute(asked).scalars())
            for key in batch:
                if key not in known:
                    self._keep(key, wanted[key], now)

    def _keep(self, key: str, one: Sealed, now: float) -> None:
        row = {
            "key": key,
            "place": one.place,
            "workspace": one.workspace,
            "model": one.model,
            "version": one.version,
            "sealed_at_ms": int(now * 1000),
        }
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(SEALED), row)
        except IntegrityError:
            return  # another worker was first

    def sealed_at(self, places: Iterable[str], *, and_below: bool = False) -> Sealed | None:
        """What is sealed at these places or holds them; with `and_below` also what they hold."""
        wanted = [place for place in places if place]
        keys = {_key(above) for place in wanted for above in upwards(place)}
        with self._engine.connect() as connection:
            asked = select(SEALED).where(SEALED.c.key.in_(keys))
            found = connection.execute(asked).first()
            for place in wanted if and_below and found is None else ():
                inside = SEALED.c.place.startswith(place.rstrip("/") + "/", autoescape=True)
                found = found or connection.execute(select(SEALED).where(inside)).first()
        return Sealed(found.place, found.workspace, found.model, found.version) if found else None


def _key(place: str) -> str:
    return hashlib.sha256(place.encode("utf-8", "surrogatepass")).hexdigest()


def _batches(keys: Iterable[str]) -> Iterable[list[str]]:
    every = list(keys)
    for start in range(0, len(every), _MANY):
        yield every[start : start + _MANY]
