"""An MLflow with as many models as a drill needs, without training each of them.

One model is trained, logged and registered by MLflow's own client. The others are its rows again
under names and ids of their own, with files of their own, as if each had been logged.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from tests.faults.workshop import Logged, register
from tests.stack import MlflowServer

NAMES: Final = "released-"
_PATTERN: Final = f"{NAMES}0000"
_MADE: Final = frozenset({"creation_time", "last_updated_time"})
_OF_A_LOGGED_MODEL: Final = ("logged_model_metrics", "logged_model_params", "logged_model_tags")


def named(number: int) -> str:
    """What the model with this number is called."""
    return f"{NAMES}{number:04d}"


def fill(
    folder: Path, server: MlflowServer, logged: Logged, *, models: int, aliases: Sequence[str]
) -> None:
    """Make a folder that of a server with models of two versions each, all aliases on the first.

    It begins as a copy of what the server at hand holds, which goes on serving.
    """
    register(server, logged, _PATTERN, versions=2)
    for alias in aliases:
        server.client.set_registered_model_alias(_PATTERN, alias, "1")
    place = server.client.get_logged_model(logged.model_id).artifact_location
    copy(server.folder, folder)
    kept = folder / "artifacts" / place.partition(":/")[2].lstrip("/")
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        for number in range(1, models):
            model_id = f"m-{number:032x}"
            shutil.copytree(kept, kept.parent.parent / model_id / kept.name)
            own = place.replace(logged.model_id, model_id)
            _again(database, logged.model_id, number, model_id, own)
        _watch(database)
        database.commit()


def _again(
    database: sqlite3.Connection, pattern: str, number: int, model_id: str, place: str
) -> None:
    logged = {"model_id": model_id, "artifact_location": place, "name": named(number)}
    _copied(database, "logged_models", {"model_id": pattern}, logged)
    for table in _OF_A_LOGGED_MODEL:
        _copied(database, table, {"model_id": pattern}, {"model_id": model_id})
    name, of = {"name": named(number)}, {"name": _PATTERN}
    _copied(database, "registered_models", of, name, later=number)
    _copied(database, "model_versions", of | {"version": "1"}, name, later=number)
    own = {"source": f"models:/{model_id}", "storage_location": place}
    _copied(database, "model_versions", of | {"version": "2"}, name | own, later=number)
    _copied(database, "registered_model_aliases", of, name)


def _copied(
    database: sqlite3.Connection,
    table: str,
    of: dict[str, str],
    instead: dict[str, str],
    *,
    later: int = 0,
) -> None:
    """The rows of a table again, with some columns changed, made so many milliseconds later.

    No two models are made at the same moment: what has the same birth is the same model.
    """
    names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    chosen = [
        f":{one}" if one in instead else f"{one} + {later}" if one in _MADE else one
        for one in names
    ]
    where = " AND ".join(f"{one} = :of_{one}" for one in of)
    # Names of MLflow's own tables and columns, and a number of ours.
    copy = f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(chosen)} FROM {table}"  # noqa: S608
    database.execute(
        f"{copy} WHERE {where}", instead | {f"of_{one}": value for one, value in of.items()}
    )


def _watch(database: sqlite3.Connection) -> None:
    """Have the database itself remember each move of an alias; MLflow does not."""
    database.execute("CREATE TABLE drill_moves (name TEXT, alias TEXT, version INTEGER)")
    for event in ("INSERT", "UPDATE"):
        database.execute(
            f"CREATE TRIGGER drill_{event} AFTER {event} ON registered_model_aliases "  # noqa: S608
            "BEGIN INSERT INTO drill_moves VALUES (NEW.name, NEW.alias, NEW.version); END"
        )


def moves(database: Path) -> Counter[tuple[str, str]]:
    """How often each alias was moved since the server was filled, by model and alias."""
    return _counted(database, "SELECT name, alias FROM drill_moves")


def tickets(database: Path) -> Counter[tuple[str, str]]:
    """How often its guard was shown a good ticket to move an alias, by model and alias."""
    return _counted(
        database, "SELECT model, alias FROM countersign_guard_tickets WHERE act = 'set-alias'"
    )


def _counted(database: Path, query: str) -> Counter[tuple[str, str]]:
    with closing(sqlite3.connect(database)) as opened:
        return Counter((name, alias) for name, alias in opened.execute(query))


def copy(kept: Path, into: Path) -> None:
    """What a server keeps once more, in a folder of its own."""
    shutil.copytree(kept / "artifacts", into / "artifacts")
    with (
        closing(sqlite3.connect(kept / "mlflow.db")) as database,
        closing(sqlite3.connect(into / "mlflow.db")) as copied,
    ):
        database.backup(copied)
