"""What SQLAlchemy has compiled for one database of the tests serves the next one too.

Every test opens a database of its own. In a running portal an engine lives for days and compiles a
statement once; here each engine lived for one test, and half of a test's work was to compile the
statements of the one before. Two databases of one kind are one dialect: same driver, same server.
"""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

DATABASES: Final = ("sqlite", "postgresql")
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
    """PostgreSQL, as all databases of the tests."""

    supports_statement_cache = True


def share() -> None:
    """From now on, in this process, every engine speaks one of the dialects above."""
    registry.register("sqlite", __name__, "Sqlite")
    registry.register("postgresql.psycopg", __name__, "Postgres")
