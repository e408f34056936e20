"""Databases of PostgreSQL that are lent to one test after another, each time as good as new.

To make a database costs some 300 files, more work than most tests do with it. So one that comes
back is emptied and given the rows of its template again; only where a test changed the shape (a
table, a trigger, a function) is it thrown away.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from tests import dialects
from tests.postgres import Server

_Row = tuple[object, ...]
_TABLES = """
SELECT relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname
"""
_COUNTERS = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"
# Those that hold for a superuser too: the record is never rewritten.
_STRICT = """
SELECT relname, tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE tgenabled = 'A' AND NOT tgisinternal ORDER BY relname, tgname
"""
# Whatever changes the shape leaves another number of a transaction in one of these.
_SHAPE = """
SELECT
  (SELECT md5(string_agg(oid || ' ' || xmin, ',' ORDER BY oid)) FROM pg_class WHERE oid >= 16384),
  (SELECT md5(string_agg(oid || ' ' || xmin, ',' ORDER BY oid)) FROM pg_proc WHERE oid >= 16384),
  (SELECT md5(string_agg(oid || ' ' || xmin, ',' ORDER BY oid)) FROM pg_trigger),
  (SELECT md5(string_agg(oid || ' ' || xmin, ',' ORDER BY oid)) FROM pg_namespace),
  (SELECT count(*) FROM pg_db_role_setting)
"""
_ALONE = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND pid <> ALL (%s)
"""


@dataclass
class _Lent:
    """One database, and the line through which it is put in order."""

    url: str
    line: psycopg.Connection[_Row]
    shape: _Row


@dataclass
class Lending:
    """The databases that are like one template."""

    server: Server
    template: str
    _free: list[_Lent] = field(default_factory=list)
    _out: dict[str, _Lent] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with psycopg.connect(self.server.url(self.template)) as line:
            self._tables = [str(name) for (name,) in line.execute(_TABLES)]
            self._strict = [(str(table), str(name)) for table, name in line.execute(_STRICT)]
            self._counters = {str(name): last for name, last in line.execute(_COUNTERS)}
            self._rows = {table: rows for table in self._tables if (rows := _copy(line, table))}
        self._filled = sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(
                sql.Literal(table), sql.Identifier(table)
            )
            for table in self._tables
        )

    def take(self) -> str:
        """The address of a database that is like the template."""
        lent = self._free.pop() if self._free else self._made()
        self._out[lent.url] = lent
        return lent.url

    def give_back(self, url: str) -> None:
        """Put a database in order for the next test, whoever is still connected to it."""
        lent = self._out.pop(url)
        name = _name(url)
        lent.line.execute(_ALONE, (dialects.kept(name),))
        if _shape(lent.line) != lent.shape:
            dialects.forget(name)
            lent.line.close()
            self.server.drop_database(url)
            return
        with lent.line.transaction():
            self._restore(lent.line)
        # The strict triggers were off for a moment, which counts as another shape.
        lent.shape = _shape(lent.line)
        self._free.append(lent)

    def close(self) -> None:
        """Hang up."""
        for lent in (*self._free, *self._out.values()):
            dialects.forget(_name(lent.url))
            lent.line.close()

    def _made(self) -> _Lent:
        url = self.server.new_database(self.template)
        dialects.keep(_name(url))
        line = psycopg.connect(url, autocommit=True)
        # No key asks for an order of tables, and of the triggers only the strict ones are left.
        line.execute("SET session_replication_role = replica")
        return _Lent(url, line, _shape(line))

    def _restore(self, line: psycopg.Connection[_Row]) -> None:
        filled = [str(name) for (name,) in line.execute(self._filled)]
        strict = [one for one in self._strict if one[0] in filled]
        _switch(line, strict, "DISABLE TRIGGER")
        for table in filled:
            line.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        for table, rows in self._rows.items():
            into = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
            with line.cursor().copy(into) as copy:
                copy.write(rows)
        _switch(line, strict, "ENABLE ALWAYS TRIGGER")
        for name, last in self._counters.items():
            line.execute("SELECT setval(%s::regclass, %s, %s)", (name, last or 1, last is not None))


def _name(url: str) -> str:
    return url.rpartition("/")[2]


def _switch(line: psycopg.Connection[_Row], triggers: list[tuple[str, str]], how: str) -> None:
    change = sql.SQL(f"ALTER TABLE {{}} {how} {{}}")
    for table, name in triggers:
        line.execute(change.format(sql.Identifier(table), sql.Identifier(name)))


def _copy(line: psycopg.Connection[_Row], table: str) -> bytes:
    out = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
    with line.cursor().copy(out) as copy:
        return b"".join(bytes(part) for part in copy)


def _shape(line: psycopg.Connection[_Row]) -> _Row:
    return tuple(line.execute(_SHAPE).fetchone() or ())
