"""Bulk: many rows into one table, as fast as the database takes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from sqlalchemy import Connection, Table


def insert_rows(
    connection: Connection, table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Insert rows whose cells are in the order of these columns, in the transaction that is open.

    What SQLAlchemy does for each row and cell costs more than the rows themselves. Every column
    that must be given has to be among the names; defaults of Python are not filled in.
    """
    listed = ", ".join(f'"{name}"' for name in names)
    processors = [
        table.c[name].type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
        for name in names
    ]
    for place, process in enumerate(processors):
        if process is not None:
            rows = [[*row[:place], process(row[place]), *row[place + 1 :]] for row in rows]
    raw = connection.connection.driver_connection
    if isinstance(raw, psycopg.Connection):
        with (
            raw.cursor() as cursor,
            cursor.copy(f'COPY "{table.name}" ({listed}) FROM STDIN') as copy,
        ):
            for row in rows:
                copy.write_row(row)
    else:
        places = ", ".join("?" * len(names))
        statement = f'INSERT INTO "{table.name}" ({listed}) VALUES ({places})'  # noqa: S608 - ours
        connection.exec_driver_sql(statement, [tuple(row) for row in rows])
