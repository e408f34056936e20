"""Among: whether a column holds one of many given values, in a statement of one length.

A placeholder for each value would make another statement for each number of values, to be written
and planned anew. The values go as one: a JSON array on SQLite, an array on PostgreSQL.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Dialect, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine

Values = Sequence[str] | Sequence[int]


def among(column: Mapped[Any], name: str) -> ColumnElement[bool]:
    """The column holds one of the texts that are given under this name, as a list."""
    return _among(column, name, _TEXTS)


def numbered(column: Mapped[Any], name: str) -> ColumnElement[bool]:
    """The column holds one of the whole numbers that are given under this name, as a list."""
    return _among(column, name, _NUMBERS)


class _Listed(TypeDecorator[Values]):
    """Many values as one parameter."""

    impl = Text
    cache_ok = True

    def __init__(self, *, numbers: bool) -> None:
        super().__init__()
        self.numbers = numbers

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The type of the parameter."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(ARRAY(BigInteger if self.numbers else Text))

    def process_bind_param(self, value: Values | None, dialect: Dialect) -> Any:  # noqa: ANN401 - DB-API
        """The parameter."""
        given = list(value or ())
        return json.dumps(given) if dialect.name == "sqlite" else given


class _Held(GenericFunction[bool]):
    """Whether the first clause is among the values that are the second."""

    # Not Boolean: where a database has none, SQLAlchemy would compare the answer with 1.
    type: TypeEngine[Any] = NullType()
    name = "held_among"
    inherit_cache = True


@compiles(_Held, "sqlite")
def _on_sqlite(held: _Held, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    column, values = (compiler.process(clause, **more) for clause in held.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - both compiled


@compiles(_Held, "postgresql")
def _on_postgresql(held: _Held, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401 - likewise
    column, values = (compiler.process(clause, **more) for clause in held.clauses)
    return f"{column} = ANY({values})"


def _among(column: Mapped[Any], name: str, kind: _Listed) -> ColumnElement[bool]:
    return _Held(column, bindparam(name, type_=kind))


_TEXTS: Final = _Listed(numbers=False)
_NUMBERS: Final = _Listed(numbers=True)
