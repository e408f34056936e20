"""The shape of the database: brought to what this version of Countersign needs, one step at a time.

A new step is written by `make migration m="what changes"`: it compares the tables in the code with
an empty database brought to the newest step.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.sql.schema import SchemaItem
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

from app.settings import ROOT
from catalog.registry.search import marks
from ledger.errors import Misconfigured, Unavailable
from ledger.store import Store, UtcDateTime, sqlite_url

# Every module that declares columns. A chapter's tables count only once they are named here.
TABLES: Final = (
    "ledger.tables",
    "auth.tables",
    "catalog.notifications.tables",
    "catalog.applications.tables",
    "catalog.registry.tables",
    "catalog.use_cases.tables",
    "catalog.registry.search.tables",
    "catalog.assurance.tables",
    "catalog.lineage.tables",
    "catalog.monitoring.tables",
    "catalog.releases.tables",
    "catalog.impact.tables",
)
# Any number will do, as long as it stays the same: it names the lock among PostgreSQL's.
_ADVISORY_LOCK: Final = 7_316_001


def metadata() -> MetaData:
    """All columns of Countersign, as the code declares them."""
    for module in TABLES:
        importlib.import_module(module)
    return SQLModel.metadata


@cache
def head() -> str | None:
    """The newest step there is, or nothing before the first was written."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def is_at_head(store: Store) -> bool:
    """Whether the database has the shape this version of Countersign needs."""
    return _revision(store) == head()


def to_head(store: Store) -> str | None:
    """Bring the database to the newest step, all or nothing, and say which one that is.

    Two programs that start at the same moment queue: the second finds the work done.

    Raises:
        Misconfigured: the database was written by a newer Countersign.
        Unavailable: the database does not answer.
    """
    try:
        with _turn(store), _alone(store) as connection:
            marks.remove(connection)
            command.upgrade(_config(connection), "head")
            marks.install(connection)
    except CommandError as error:
        if not isinstance(error.__cause__, ResolutionError):
            raise
        raise Misconfigured(
            "The database was written by a newer version of Countersign.",
            hint="Start that version, or restore a backup made by this one.",
            code="database-newer",
        ) from error
    except Unavailable as error:
        raise Unavailable(
            f"The database {store.url.render_as_string()} cannot be used: {_cause(error)}",
            hint="See that it runs and may be written, or correct DATABASE_URL.",
            code=error.code,
        ) from error
    return head()


def difference(connection: Connection) -> list[Any]:
    """What the tables in the code have that the database has not, and the reverse."""
    return list(
        compare_metadata(MigrationContext.configure(connection, opts=options()), metadata())
    )


def write_step(message: str) -> str:
    """Write the next step from the tables in the code. Returns the file's path."""
    with tempfile.TemporaryDirectory(prefix="countersign-") as folder:
        store = Store(sqlite_url(Path(folder) / "empty.db"))
        to_head(store)
        with store.engine.connect() as connection:
            written = command.revision(
                _config(connection), message, autogenerate=True, rev_id=f"{_steps() + 1:04d}"
            )
        store.close()
    head.cache_clear()
    if written is None or isinstance(written, list):
        raise Misconfigured("No step was written.", hint="Read what Alembic said above.")
    return str(written.path)


def options() -> dict[str, Any]:
    """How databases are compared: by our tables only, whatever else lives beside them."""
    return {
        "target_metadata": metadata(),
        "include_object": _is_ours,
        "render_item": _render_type,
        "render_as_batch": True,
        "compare_type": True,
        "compare_server_default": True,
        "transactional_ddl": True,
    }


def _is_ours(
    _item: SchemaItem,
    name: str | None,
    type_: str,
    reflected: bool,  # noqa: FBT001 - Alembic calls it so
    _compared_to: SchemaItem | None,
) -> bool:
    # The durable-job engine keeps its tables in the same database, and looks after them itself.
    return not (type_ == "table" and reflected and name not in metadata().tables)


def _render_type(type_: str, item: object, _context: object) -> str | bool:
    """Steps outlive the code: they name SQL types, never ours."""
    if type_ == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if type_ == "type" and isinstance(item, TypeEngine) and type(item).__name__ == "AutoString":
        return "sa.String()"
    return False


def _cause(error: Unavailable) -> str:
    """What the database's driver said, in one line: this one is read by an operator."""
    return str(getattr(error.__cause__, "orig", error.message)).strip().splitlines()[0]


def _steps() -> int:
    return len(list(ScriptDirectory.from_config(_config()).walk_revisions()))


def _revision(store: Store) -> str | None:
    with store.read() as session:
        return MigrationContext.configure(session.connection()).get_current_revision()


@contextmanager
def _turn(store: Store) -> Iterator[None]:
    """One at a time for an SQLite file: its very first opening does not queue by itself."""
    if store.is_sqlite and store.url.database:
        folder = os.open(Path(store.url.database).resolve().parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            store.ping()
            yield
        finally:
            os.close(folder)
    else:
        store.ping()
        yield


@contextmanager
def _alone(store: Store) -> Iterator[Connection]:
    """A transaction in which nobody else migrates."""
    with store.engine.connect() as connection:
        if not store.is_sqlite:
            with connection.begin():
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
                yield connection
            return
        # Rebuilding a table drops the old one, to which others point. The switch works only
        # outside a transaction, so it goes past SQLAlchemy; the writer begins IMMEDIATE: a lock.
        raw = connection.connection.dbapi_connection
        if raw is None:  # pragma: no cover - a connection just made is there
            raise Misconfigured("The database file cannot be opened.")
        cursor = raw.cursor()
        cursor.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                yield connection
                if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all():
                    msg = f"a step left rows pointing nowhere: {broken[:3]}"
                    raise ValueError(msg)
        finally:
            cursor.execute("PRAGMA foreign_keys=ON")
            cursor.close()


def _config(connection: Connection | None = None) -> Config:
    config = Config(attributes={"connection": connection})
    # The configuration format reads % as its own sign.
    config.set_main_option("script_location", str(ROOT / "migrations").replace("%", "%%"))
    return config
