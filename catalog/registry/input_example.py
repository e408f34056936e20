"""The input example of a version: the rows saved with it, that show what the model is asked.

Whoever registers a version chooses the file. It is read as strict JSON of at most 64 KB by the
worker, never unpickled, and never from a page.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import Executable, bindparam
from sqlalchemy import select as columns
from sqlmodel import Session, col

from catalog.registry.artifacts import at_most
from catalog.registry.mirror.seen import ExampleState, SeenExample
from catalog.registry.models import Version
from catalog.registry.strict_json import parsed
from catalog.registry.tables import InputExampleRow
from ledger.acts import Ledger
from ledger.errors import CountersignError

LARGEST_EXAMPLE_BYTES: Final = 64 * 1024
_FIELDS: Final = 200


class Told(NamedTuple):
    """Why there is no example to show, and what would bring one."""

    said: str
    remedy: str


TOLD: Final[Mapping[ExampleState, Told]] = {
    "none": Told(
        "This version was saved without an input example.",
        "Pass input_example with a few rows to log_model: MLflow saves them beside the model.",
    ),
    "too-large": Told(
        f"The input example has more than {LARGEST_EXAMPLE_BYTES // 1024} KB, so it is not shown.",
        "Save a few rows: three are enough to show what the model is asked.",
    ),
    "unreadable": Told(
        "The input example is no plain JSON, so it is not shown.",
        "Save it through MLflow as a table, a list or a dictionary of plain values.",
    ),
    "foreign": Told(
        "The input example is no JSON file at the top of the version, so it is not read.",
        "Save it through MLflow, which calls it input_example.json.",
    ),
    "not-given": Told(
        "The version names an input example, but MLflow did not give the file.",
        "Register the version again with the file that its MLmodel names.",
    ),
    "external": Told(
        "The files of this version lie outside of MLflow, so no input example was saved with it.",
        "Its vendor's documentation says what it takes.",
    ),
    "unknown": Told(
        "The MLmodel file of this version could not be read, so its input example is not known.",
        "Save the version through MLflow, which writes that file.",
    ),
}
NOT_READ: Final = Told(
    "The files of this version have not been read yet.",
    "They are read within minutes after a version was registered.",
)


@dataclass(frozen=True)
class Table:
    """An example as rows and fields; a value is a number, a text, true, false, or null."""

    fields: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


@dataclass(frozen=True)
class InputExample:
    """What is known of a version's input example. `body` is JSON, its digest is SHA-256 over it."""

    state: ExampleState
    body: str
    digest: str
    read_at: datetime

    @property
    def told(self) -> Told | None:
        """Why there is none to show."""
        return TOLD.get(self.state)

    @property
    def table(self) -> Table | None:
        """Its rows, where it has any: MLflow keeps whatever a model takes."""
        return tabular(self.body) if self.state == "read" else None

    @property
    def copied(self) -> str:
        """The JSON as people copy it, one row a line."""
        return laid_out(self.body)


class InputExamples:
    """The desk where input examples are kept: whoever holds a version may see its example."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def of(self, version: Version) -> InputExample | None:
        """What is known of a version's example; nothing until the worker has read its files."""
        with self._ledger.store.read() as session:
            row = session.connection().execute(_OF, {"id": version.id}).first()
        return InputExample(row.state, row.body, row.digest, row.read_at) if row else None


def write_example(session: Session, version_id: str, seen: SeenExample, *, at: datetime) -> None:
    """Write down what a version's example was found to be."""
    digest = f"sha256:{hashlib.sha256(seen.body.encode()).hexdigest()}" if seen.body else ""
    session.merge(
        InputExampleRow(
            version_id=version_id, state=seen.state, body=seen.body, digest=digest, read_at=at
        )
    )


# -- reading a stranger's file -------------------------------------------------------------------


def seen_example(named: str, fetch: Callable[[str], Path | None]) -> SeenExample:
    """The example that an MLmodel names, fetched by one question and read strictly.

    `fetch` gives the file at the top of the version with that name; what goes wrong with it is an
    answer, since no example may keep a version from being known.
    """
    if not named:
        return SeenExample("none")
    if "/" in named or "\\" in named or not named.endswith(".json") or named.startswith("."):
        return SeenExample("foreign")
    state: ExampleState = "not-given"
    try:
        with at_most(LARGEST_EXAMPLE_BYTES):
            file = fetch(named)
        # A link could lead to a file of this machine.
        if file is not None and file.is_file() and not file.is_symlink():
            return SeenExample("read", strict(file.read_bytes()))
    except ValueError:
        state = "unreadable"
    except CountersignError as problem:
        state = "too-large" if problem.code == "artifact-too-large" else state
    except OSError:
        pass
    return SeenExample(state)


def strict(raw: bytes) -> str:
    """A stranger's JSON, written anew. Raises ValueError for anything that is not plain JSON."""
    if len(raw) > LARGEST_EXAMPLE_BYTES:
        msg = "larger than an example may be"
        raise ValueError(msg)
    written = json.dumps(parsed(raw.decode("utf-8")), ensure_ascii=False)
    written.encode("utf-8")  # half a character can be kept nowhere
    return written


# -- how it is shown -----------------------------------------------------------------------------


@lru_cache(maxsize=64)
def tabular(body: str) -> Table | None:
    """An example as a table, in each of the shapes MLflow saves; nothing for any other."""
    value = json.loads(body)
    if isinstance(value, dict):
        return _of_object(value)
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        fields = list(dict.fromkeys(key for one in value for key in one))
        return _checked(fields, [[one.get(key) for key in fields] for one in value])
    if isinstance(value, list):
        rows = value if all(isinstance(one, list) for one in value) else [[one] for one in value]
        return _split(None, rows)
    return _checked(["value"], [[value]])


def _of_object(value: dict[str, Any]) -> Table | None:
    """Rows with the names of their columns, one row by name, or one list for each column."""
    if "data" in value and set(value) <= {"columns", "data", "index"}:
        return _split(value.get("columns"), value["data"])
    listed = [*value.values()]
    if value and all(map(_is_plain, listed)):
        return _checked([*value], [listed])
    alike = all(isinstance(one, list) for one in listed) and len(set(map(len, listed))) == 1
    return _checked([*value], list(map(list, zip(*listed, strict=True)))) if alike else None


def _split(names: object, rows: object) -> Table | None:
    if not isinstance(rows, list) or not rows or not all(isinstance(row, list) for row in rows):
        return None
    listed = names if isinstance(names, list) else [f"[{n}]" for n in range(len(rows[0]))]
    return _checked(listed, rows)


def _checked(names: list[Any], rows: list[list[Any]]) -> Table | None:
    wide = len(names)
    if not 1 <= wide <= _FIELDS or any(len(row) != wide for row in rows):
        return None
    if not all(_is_plain(cell) for row in rows for cell in row):
        return None
    fields = tuple(
        " / ".join(map(str, one)) if isinstance(one, list) else str(one) for one in names
    )
    return Table(fields, tuple(map(tuple, rows)))


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)


@lru_cache(maxsize=64)
def laid_out(body: str) -> str:
    """The JSON with each row of a table on a line of its own."""
    value = json.loads(body)
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        rest = {key: one for key, one in value.items() if key != "data"}
        head = [f"  {_line(key)}: {_line(one)}," for key, one in rest.items()]
        return "\n".join(["{", *head, '  "data": [', *_rows(value["data"], "    "), "  ]", "}"])
    if isinstance(value, list) and value:
        return "\n".join(["[", *_rows(value, "  "), "]"])
    return json.dumps(value, ensure_ascii=False, indent=2)


def _rows(rows: list[Any], indent: str) -> list[str]:
    last = len(rows) - 1
    return [f"{indent}{_line(row)}{',' if n < last else ''}" for n, row in enumerate(rows)]


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


_OF: Final[Executable] = columns(
    col(InputExampleRow.state),
    col(InputExampleRow.body),
    col(InputExampleRow.digest),
    col(InputExampleRow.read_at),
).where(col(InputExampleRow.version_id) == bindparam("id"))
