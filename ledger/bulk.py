"""Bulk: many rows into one table, as fast as the database takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError


def insert_rows(
    connection: Connection, table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Insert rows whose cells are in the order of these columns, in the transaction that is open.

    What SQLAlchemy does for each row and cell costs more than the rows themselves. Every column
    that must be given has to be among the names; defaults of Python are not filled in.

    Raises:
        sqlalchemy.exc.DBAPIError: as for any statement, whatever driver said it.
    """
    listed = ", ".join(f'"{name}"' for name in names)
    dialect = connection.dialect
    processors = [
        # The same few moments stand in thousands of rows.
        (place, lru_cache(maxsize=512, typed=True)(process))
        for place, name in enumerate(names)
        if (process := table.c[name].type.dialect_impl(dialect).bind_processor(dialect))
    ]
    ready = _processed(rows, processors) if processors else rows
    raw = connection.connection.driver_connection
    if isinstance(raw, psycopg.Connection):
        statement = f'COPY "{table.name}" ({listed}) FROM STDIN'
        try:
            with raw.cursor() as cursor, cursor.copy(statement) as copy:
                for row in ready:
                    copy.write_row(row)
        except psycopg.Error as error:
            raise DBAPIError.instance(
                statement, None, error, psycopg.Error, hide_parameters=True
            ) from error
    else:
        places = ", ".join("?" * len(names))
        statement = f'INSERT INTO "{table.name}" ({listed}) VALUES ({places})'  # noqa: S608 - ours
        connection.exec_driver_sql(statement, [tuple(row) for row in ready])


def _processed(
    rows: Iterable[Sequence[Any]], processors: Sequence[tuple[int, Callable[[Any], Any]]]
) -> Iterator[Sequence[Any]]:
    """The rows as the driver takes them."""
    for row in rows:
        cells = list(row)
        for place, process in processors:
            cells[place] = process(cells[place])
        yield cells
