"""What SQLAlchemy has compiled for one database of the tests serves the next one too.

Every test opens a database of its own. In a running portal an engine lives for days and compiles a
statement once; here each engine lived for one test, and half of a test's work was to compile the
statements of the one before. Two databases of one kind are one dialect: same driver, same server.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final
from weakref import WeakKeyDictionary

import psycopg
from sqlalchemy import Engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg, _log_notices
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

DATABASES: Final = ("sqlite", "postgresql")
# The lines to each database that is lent to one test after another.
_KEPT: Final[dict[str, list[Any]]] = {}
_BLANK: Final = "RESET ALL; UNLISTEN *; CLOSE ALL; SELECT pg_advisory_unlock_all()"
# Far more than all statements of the suite: nothing is thrown out between two tests.
_STATEMENTS: Final = 10_000


class _Shared:
    """Dialects of one class are equal, and share what they know of statements and types."""

    _compiled: LRUCache[Any, Any]
    _types: WeakKeyDictionary[Any, Any]

    def __init_subclass__(cls) -> None:
        cls._compiled = LRUCache(_STATEMENTS)
        cls._types = WeakKeyDictionary()

    @property
    def _type_memos(self) -> WeakKeyDictionary[Any, Any]:
        return self._types

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        """SQLAlchemy has made an engine that speaks this dialect."""
        engine._compiled_cache = cls._compiled


class Sqlite(_Shared, SQLiteDialect_pysqlite):  # type: ignore[misc] # types shared too
    """SQLite, as all databases of the tests."""

    supports_statement_cache = True


class Postgres(_Shared, PGDialect_psycopg):  # type: ignore[misc] # types shared too
    """PostgreSQL, as all databases of the tests.

    A line that is hung up is kept for the next test of the same database: what the server has read
    of its tables and planned of the statements is most of what a new line costs.
    """

    supports_statement_cache = True

    def connect(self, *cargs: Any, **cparams: Any) -> Any:  # noqa: ANN401 - the engine's contract
        """Take a line that was kept, or a new one."""
        kept = _KEPT.get(str(cparams.get("dbname")), [])
        with suppress(IndexError):
            while (line := kept.pop()).closed:
                pass
            return line
        return super().connect(*cargs, **cparams)

    def do_close(self, dbapi_connection: Any) -> None:  # noqa: ANN401 - likewise
        """Keep the line, with nothing on it of whoever had it."""
        line: psycopg.Connection[Any] = dbapi_connection
        name = line.info.dbname if not line.closed else ""
        if name not in _KEPT:
            line.close()
            return
        try:
            line.rollback()
            line.autocommit = True
            line.execute(_BLANK)
            line.autocommit = False
        except psycopg.Error:
            line.close()
            return
        line.remove_notice_handler(_log_notices)
        _KEPT[name].append(line)

    def do_terminate(self, dbapi_connection: Any) -> None:  # noqa: ANN401 - likewise
        """Hang up."""
        dbapi_connection.close()


def keep(name: str) -> None:
    """From now on, lines to this database are kept."""
    _KEPT[name] = []


def kept(name: str) -> list[int]:
    """The numbers of the server's processes at the other end of the lines that are kept."""
    return [line.info.backend_pid for line in _KEPT[name] if not line.closed]


def forget(name: str) -> None:
    """Hang up all lines to this database."""
    for line in _KEPT.pop(name):
        line.close()


def share() -> None:
    """From now on, in this process, every engine speaks one of the dialects above."""
    registry.register("sqlite", __name__, "Sqlite")
    registry.register("postgresql.psycopg", __name__, "Postgres")
