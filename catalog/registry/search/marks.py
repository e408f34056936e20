"""Marks: the database itself writes down which models are to be indexed again.

No verb can forget it, and a mark stands in the transaction of the change it is about. A step of the
migrations that rebuilds a table on SQLite loses the table's triggers: they are put back after every
migration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection


@dataclass(frozen=True)
class _Source:
    """A table that a model's row in the index is made of; `models` says which models, by SQL."""

    table: str
    models: str
    columns: tuple[str, ...]
    is_whole: bool = True


_SOURCES: Final = (
    _Source(
        "model",
        "SELECT {row}.id",
        (
            "name",
            "description",
            "tags",
            "domain",
            "task",
            "owner_id",
            "use_case_id",
            "tier",
            "regulatory_class",
            "stage",
            "updated_at",
            "gone_at",
            "restricted_at",
        ),
    ),
    _Source(
        "model_version",
        "SELECT {row}.model_id",
        ("description", "run_id", "flavors", "is_detailed", "gone_at"),
    ),
    _Source("model_alias", "SELECT {row}.model_id", ("version_id", "number", "since")),
    _Source(
        "version_metric",
        "SELECT model_id FROM model_version WHERE id = {row}.version_id",
        ("value",),
    ),
    _Source(
        "run_dataset",
        "SELECT model_id FROM model_version WHERE run_id = {row}.run_id",
        ("context",),
    ),
    _Source("model_card", "SELECT {row}.model_id", ("completeness",)),
    _Source(
        "principal", "SELECT id FROM model WHERE owner_id = {row}.id", ("name",), is_whole=False
    ),
    _Source(
        "use_case",
        "SELECT id FROM model WHERE use_case_id = {row}.id",
        ("name", "purpose"),
        is_whole=False,
    ),
)


def install(connection: Connection) -> None:
    """Have changes written down from now on. Installing twice is harmless."""
    for statement in _statements(sqlite=connection.dialect.name == "sqlite"):
        connection.exec_driver_sql(statement)


def remove(connection: Connection) -> None:
    """Take the triggers away on SQLite: a table they name cannot be rebuilt under them."""
    if connection.dialect.name == "sqlite":
        for source in _SOURCES:
            for act in _acts(source):
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {_name(source, act)}")


def _name(source: _Source, act: str) -> str:
    return f"{source.table}_search_{act.lower()}"


def _acts(source: _Source) -> tuple[str, ...]:
    return ("INSERT", "UPDATE", "DELETE") if source.is_whole else ("UPDATE",)


def _statements(*, sqlite: bool) -> Iterator[str]:
    for source in _SOURCES:
        for act in _acts(source):
            name = _name(source, act)
            models = source.models.format(row="OLD" if act == "DELETE" else "NEW")
            insert = f"INSERT INTO search_mark (model_id) {models};"
            of = f" OF {', '.join(source.columns)}" if act == "UPDATE" else ""
            when = f"AFTER {act}{of} ON {source.table} FOR EACH ROW"
            if sqlite:
                yield f"CREATE TRIGGER IF NOT EXISTS {name} {when} BEGIN {insert} END"
            else:
                yield (
                    f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
                    f"$$ BEGIN {insert} RETURN NULL; END $$"
                )
                yield f"CREATE OR REPLACE TRIGGER {name} {when} EXECUTE FUNCTION {name}()"
