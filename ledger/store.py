"""The one database: how it is opened, read, and written to in one transaction at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Row,
    TextClause,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator
from sqlmodel import Session

from ledger.clock import as_utc
from ledger.errors import Conflict, CountersignError, Invalid, Misconfigured, Unavailable

_LOG = logging.getLogger(__name__)
_BUSY_TIMEOUT_MS = 15_000


class UtcDateTime(TypeDecorator[datetime]):
    """A moment that goes in and comes out in UTC, on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Only aware times are let in: a naive one is a bug of ours, not a time."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "a time without its zone reached the database"
            raise ValueError(msg)
        return as_utc(value)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """SQLite forgets the zone; put it back."""
        return None if value is None else as_utc(value)


class Store:
    """The database. `read()` looks, `write()` changes; nobody else opens a transaction.

    On SQLite a writing transaction begins IMMEDIATE, so two writers queue instead of colliding.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
        except Exception as error:
            raise Misconfigured(
                "DATABASE_URL is not a database address.",
                hint="Use sqlite:///path/to/file.db or postgresql://user:password@host/name.",
            ) from error
        self.url: URL = _with_driver(parsed)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._reader = _engine(self.url, "BEGIN")
        self._writer = _engine(self.url, "BEGIN IMMEDIATE") if self.is_sqlite else self._reader
        self._last_wishes: list[Callable[[], None]] = []

    @property
    def engine(self) -> Engine:
        """The engine migrations run on."""
        return self._writer

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session to look with; whatever it changes is thrown away."""
        with self._translated(), Session(self._reader, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction: everything in the block, or nothing of it.

        Raises:
            Unavailable: the database is locked, full, read-only or away.
            Conflict: a row that must be the only one of its kind was there already.
        """
        with (
            self._translated(),
            Session(self._writer, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def rows(self, sql: str | TextClause, **values: Any) -> list[Row[Any]]:  # noqa: ANN401 - SQL
        """Read by hand-written SQL, for the pages that must answer in milliseconds."""
        with self._translated(), self._reader.connect() as connection:
            statement = text(sql) if isinstance(sql, str) else sql
            return list(connection.execute(statement, values).all())

    def ping(self) -> None:
        """Ask the database for a sign of life. Raises Unavailable."""
        self.rows("SELECT 1")

    def vacuum(self, *tables: str) -> None:
        """Have PostgreSQL clear up after many changes now; by itself it would a minute later."""
        if self.is_sqlite:
            return
        with self._translated(), self._writer.connect() as connection:
            outside = connection.execution_options(isolation_level="AUTOCOMMIT")
            outside.exec_driver_sql(f"VACUUM {', '.join(tables)}")

    def before_closing(self, wish: Callable[[], None]) -> None:
        """Have something done while the database is still open."""
        self._last_wishes.append(wish)

    def close(self) -> None:
        """Do what was wished for, then give all connections back."""
        for wish in self._last_wishes:
            try:
                wish()
            except CountersignError as problem:
                _LOG.warning("while closing the database: %s", problem.message)
        self._reader.dispose()
        self._writer.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as error:
            raise Conflict(
                "Somebody else did the same thing at the same moment.",
                hint="Reload the page to see what is there now.",
                code="already-there",
            ) from error
        except (DataError, UnicodeEncodeError, OverflowError) as error:
            # A zero byte, half a surrogate pair, a number beyond 64 bits: only strangers send them.
            raise Invalid(
                "What was given holds a character or a number that cannot be kept.",
                hint="Leave out control characters, and numbers of more than 18 digits.",
                code="cannot-be-kept",
            ) from error
        except OperationalError as error:
            raise Unavailable(
                "Countersign's own database does not answer, so nothing was changed.",
                hint="Try again in a moment; the operator finds the cause in the log.",
                code="database-unavailable",
            ) from error
        except DatabaseError as error:
            if "not a database" not in str(error.orig):
                raise
            raise Misconfigured(
                "The database file is damaged, or is no database.",
                hint="Restore it from a backup, or set DATABASE_URL or DATA_DIR to another one.",
            ) from error


def sqlite_url(path: Path) -> str:
    """The address of an SQLite file."""
    return f"sqlite:///{path}"


def _with_driver(url: URL) -> URL:
    if url.drivername in {"postgresql", "postgres"}:
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() not in {"sqlite", "postgresql"}:
        raise Misconfigured(
            f"DATABASE_URL names {url.get_backend_name()}, which Countersign cannot use.",
            hint="Use sqlite:///path/to/file.db or postgresql://user:password@host/name.",
        )
    return url


def _without_jit(engine: Engine) -> Engine:
    """PostgreSQL compiles what it thinks costly: our questions take less time than that does."""

    @event.listens_for(engine, "connect")
    def _plain(dbapi: Any, _entry: ConnectionPoolEntry) -> None:  # noqa: ANN401 - DB-API
        dbapi.execute("SET jit = off")
        dbapi.commit()

    return engine


def _engine(url: URL, begin: str) -> Engine:
    # Names, addresses and digests of secrets are parameters: an error in the log shows none.
    pool: Mapping[str, Any] = {"pool_size": 10, "max_overflow": 20, "hide_parameters": True}
    if url.get_backend_name() != "sqlite":
        return _without_jit(create_engine(url, pool_pre_ping=True, **pool))
    options: Mapping[str, Any] = {"timeout": _BUSY_TIMEOUT_MS / 1000, "check_same_thread": False}
    engine = create_engine(url, connect_args=dict(options), **pool)

    @event.listens_for(engine, "connect")
    def _pragmas(dbapi: Any, _entry: ConnectionPoolEntry) -> None:  # noqa: ANN401 - DB-API
        # The driver's own transaction handling is switched off: it would begin too late.
        dbapi.isolation_level = None
        cursor = dbapi.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA cache_size=-32768")
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
