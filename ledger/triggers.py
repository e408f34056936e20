"""The locks on the record: the database itself refuses to change or remove what was written down.

A migration that rebuilds one of these tables on SQLite loses its triggers with the old table and
must call `install` again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection

# Table -> the columns that tell two of its rows apart.
SEALED: Final[dict[str, tuple[str, ...]]] = {
    "audit_record": ("sequence",),
    "audit_text": ("sequence", "field"),
    "domain_event": ("id",),
}
# Table -> the columns that may be emptied, so that a person can be forgotten.
FORGETTABLE: Final[dict[str, tuple[str, ...]]] = {"audit_text": ("salt", "text")}
_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "audit_text": ("sequence", "field", "commitment", "salt", "text")
}


def install(connection: Connection) -> None:
    """Forbid UPDATE, DELETE and (PostgreSQL) TRUNCATE on the record, in the caller's transaction.

    A breach raises the driver's IntegrityError on both databases. Installing twice is harmless.
    """
    sqlite = connection.dialect.name == "sqlite"
    for statement in _for_sqlite() if sqlite else _for_postgresql():
        connection.exec_driver_sql(statement)


def _for_sqlite() -> Iterator[str]:
    for table, key in SEALED.items():
        refusal = f"SELECT RAISE(ABORT, '{table} is never rewritten');"
        same = " AND ".join(f"{column} = NEW.{column}" for column in key)
        # INSERT OR REPLACE would remove the old row without asking the DELETE trigger.
        replaced = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE ({same}) OR rowid = NEW.rowid)"  # noqa: S608 - our own names
        for act, condition in (
            ("INSERT", replaced),
            ("UPDATE", _unless_forgetting(table, "IS NOT")),
            ("DELETE", ""),
        ):
            yield (
                f"CREATE TRIGGER IF NOT EXISTS {table}_sealed_{act.lower()} BEFORE {act} "
                f"ON {table} FOR EACH ROW {condition} BEGIN {refusal} END"
            )


def _for_postgresql() -> Iterator[str]:
    yield (
        "CREATE OR REPLACE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is never rewritten', "
        "ERRCODE = 'restrict_violation'; END $$"
    )
    for table in SEALED:
        for act, each, condition in (
            ("UPDATE", "ROW", _unless_forgetting(table, "IS DISTINCT FROM")),
            ("DELETE", "ROW", ""),
            ("TRUNCATE", "STATEMENT", ""),
        ):
            name = f"{table}_sealed_{act.lower()}"
            yield (
                f"CREATE OR REPLACE TRIGGER {name} BEFORE {act} ON {table} "
                f"FOR EACH {each} {condition} EXECUTE FUNCTION refuse_rewriting()"
            )
            # ALWAYS: also in a session that calls itself a replica.
            yield f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"


def _unless_forgetting(table: str, differs: str) -> str:
    """The WHEN clause that lets an UPDATE pass only if it does nothing but empty columns."""
    if table not in FORGETTABLE:
        return ""
    breaches = [
        f"NEW.{column} {differs} OLD.{column}"
        + (f" AND NEW.{column} IS NOT NULL" if column in FORGETTABLE[table] else "")
        for column in _COLUMNS[table]
    ]
    return "WHEN (" + " OR ".join(f"({breach})" for breach in breaches) + ")"
