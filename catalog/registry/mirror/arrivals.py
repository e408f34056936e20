"""Models met for the first time, each written with all its versions and aliases.

A first crawl holds nothing else: row by row, it would cost more to write than to read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Table
from sqlmodel import Session

from catalog.registry.mirror.copy import Found
from catalog.registry.mirror.pen import Pen
from catalog.registry.mirror.seen import content_hash
from catalog.registry.tables import AliasRow, ModelRow, VersionRow
from ledger.bulk import insert_rows
from ledger.ids import new_id


def write_arrivals(
    session: Session, pen: Pen, server: str, arrived: Sequence[Found]
) -> dict[str, str]:
    """Write down models that nobody has met before. Returns their ids by name.

    Raises:
        sqlalchemy.exc.IntegrityError: somebody else has just met one of them.
    """
    ids: dict[str, str] = {}
    models: list[tuple[Any, ...]] = []
    versions: list[tuple[Any, ...]] = []
    aliases: list[tuple[Any, ...]] = []
    for found in arrived:
        model_id = new_id("mdl")
        ids[found.model.name] = model_id
        models.append(_model(pen, server, model_id, found))
        numbers = _versions(pen, model_id, found, versions)
        _aliases(pen, model_id, found, numbers, aliases)
    connection = session.connection()
    for table, names, rows in (
        (_MODELS, _MODEL, models),
        (_VERSIONS, _VERSION, versions),
        (_ALIASES, _ALIAS, aliases),
    ):
        if rows:
            insert_rows(connection, table, names, rows)
    return ids


def _model(pen: Pen, server: str, model_id: str, found: Found) -> tuple[Any, ...]:
    seen, reading, listed = found.model, found.reading, found.versions.reading
    pen.change("created", model_id, after=seen.name, since=None, until=reading.ended)
    pen.tell("model:seen", model_id)
    return (
        *(model_id, server, seen.workspace, seen.name, seen.created_at, seen.updated_at),
        *(seen.description, _tags(seen.tags), content_hash(seen)),
        *(reading.began, listed.began, max(reading.ended, listed.ended)),
        *_NOT_SAID_OF_MODELS.values(),
    )


def _versions(pen: Pen, model_id: str, found: Found, rows: list[tuple[Any, ...]]) -> dict[int, str]:
    """Add the rows of a model's versions. Returns their ids by number."""
    reading, numbers = found.versions.reading, {}
    for number, seen in sorted(found.versions.seen.items()):
        version_id = numbers[number] = new_id("ver")
        pen.change(
            "created", model_id, version_id, name=str(number), since=None, until=reading.ended
        )
        pen.tell("version:seen", version_id)
        rows.append(
            (
                *(version_id, model_id, number, seen.created_at, seen.source, seen.run_id),
                *(seen.description, seen.status, seen.stage, _tags(seen.tags)),
                *(content_hash(seen), reading.began),
                *_NOT_SAID_OF_VERSIONS.values(),
            )
        )
    return numbers


def _aliases(
    pen: Pen,
    model_id: str,
    found: Found,
    numbers: Mapping[int, str],
    rows: list[tuple[Any, ...]],
) -> None:
    at = found.reading.ended
    for alias, number in found.model.aliases.items():
        version_id = numbers.get(number)
        if version_id is None:
            continue  # it points at a version that nobody has read yet
        rows.append((model_id, alias, version_id, number, at))
        pen.change(
            "alias", model_id, version_id, name=alias, after=str(number), since=None, until=at
        )
        pen.tell("alias:seen", model_id, alias=alias, before="", after=str(number))


def _tags(tags: Mapping[str, str]) -> str:
    return json.dumps(dict(tags), sort_keys=True) if tags else "{}"


def _defaults(kind: type[ModelRow | VersionRow], names: Sequence[str]) -> dict[str, Any]:
    """What a row says where nothing is said of it: the columns that a database must be given."""
    fields = kind.model_fields
    return {
        name: field.default
        for name, field in fields.items()
        if name not in names and field.default is not None
    }


_MODELS: Final[Table] = ModelRow.__table__  # type: ignore[attr-defined] # SQLModel hides it
_VERSIONS: Final[Table] = VersionRow.__table__  # type: ignore[attr-defined] # likewise
_ALIASES: Final[Table] = AliasRow.__table__  # type: ignore[attr-defined] # likewise
_SAID_OF_MODELS: Final = (
    *("id", "server", "workspace", "name", "created_at", "updated_at"),
    *("description", "tags", "content"),
    *("seen_at", "versions_seen_at", "read_until"),
)
_SAID_OF_VERSIONS: Final = (
    *("id", "model_id", "number", "created_at", "source", "run_id"),
    *("description", "status", "stage", "tags"),
    *("content", "seen_at"),
)
_NOT_SAID_OF_MODELS: Final = _defaults(ModelRow, _SAID_OF_MODELS)
_NOT_SAID_OF_VERSIONS: Final = _defaults(VersionRow, _SAID_OF_VERSIONS)
_MODEL: Final = (*_SAID_OF_MODELS, *_NOT_SAID_OF_MODELS)
_VERSION: Final = (*_SAID_OF_VERSIONS, *_NOT_SAID_OF_VERSIONS)
_ALIAS: Final = ("model_id", "alias", "version_id", "number", "since")
