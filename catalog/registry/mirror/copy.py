"""Our copy of one MLflow server's registry, held against what was read of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, Executable, Row, bindparam
from sqlalchemy import select as columns
from sqlmodel import col

from catalog.registry.mirror.pen import Reading
from catalog.registry.mirror.seen import SeenModel, SeenVersion, content_hash
from catalog.registry.tables import AliasRow, ModelRow, VersionRow
from ledger.store import Store


@dataclass
class Listed:
    """The versions of one model, as far as a listing showed them.

    Attributes:
        seen: those that are new or say something new, and every one when the model was read alone.
        same: the ids of those that say what the copy says, by number.
    """

    reading: Reading
    seen: dict[int, SeenVersion] = field(default_factory=dict)
    same: dict[int, str] = field(default_factory=dict)

    @property
    def numbers(self) -> set[int]:
        """All version numbers that were listed."""
        return self.seen.keys() | self.same.keys()


@dataclass(frozen=True)
class Found:
    """A model with its versions, each with the time at which it was read."""

    model: SeenModel
    reading: Reading
    versions: Listed


@dataclass
class Compared:
    """What a page of models shows: who is as before, who changed, and who must be read alone."""

    same: list[str] = field(default_factory=list)
    changed: list[Found] = field(default_factory=list)
    again: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Known:
    """A model of the copy, as much of it as tells it from another."""

    id: str
    name: str
    created_at: datetime
    updated_at: datetime


class Copy:
    """The rows of one server's models, versions and aliases."""

    def __init__(self, store: Store, server: str) -> None:
        self._store = store
        self._server = server

    # -- looking -------------------------------------------------------------------------------

    def present(self, workspace: str | None = None) -> list[tuple[str, str]]:
        """The models that are there, as workspace and name."""
        query = columns(col(ModelRow.workspace), col(ModelRow.name)).where(
            col(ModelRow.server) == self._server, col(ModelRow.gone_at).is_(None)
        )
        if workspace is not None:
            query = query.where(col(ModelRow.workspace) == workspace)
        with self._store.read() as session:
            return [(row[0], row[1]) for row in session.connection().execute(query)]

    def called(self, workspace: str, name: str) -> Known | None:
        """The model that has this name now."""
        with self._store.read() as session:
            row = session.connection().execute(_KNOWN, self._asked(workspace, [name])).first()
            return _known(row) if row else None

    def made_at(self, workspace: str, created_at: datetime) -> list[Known]:
        """The models that are there and were made at this moment: who was renamed is among them."""
        asked = {"server": self._server, "workspace": workspace, "at": created_at}
        with self._store.read() as session:
            return [_known(row) for row in session.connection().execute(_MADE_AT, asked)]

    def numbers(self, workspace: str, name: str) -> list[int]:
        """The versions a model is known to have."""
        asked = self._asked(workspace, [name])
        with self._store.read() as session:
            return [row.number for row in session.connection().execute(_VERSIONS_OF, asked)]

    def is_same(self, model_id: str, versions: Mapping[int, SeenVersion]) -> bool:
        """Whether every version the model is known to have is among these, unchanged in origin."""
        with self._store.read() as session:
            known = session.connection().execute(_VERSIONS, {"ids": [model_id]}).all()
        return all(
            row.number in versions and is_incarnation(row, versions[row.number]) for row in known
        )

    def list_versions(
        self, into: dict[str, Listed], page: Sequence[SeenVersion], began: datetime, ended: datetime
    ) -> None:
        """Take a page of versions in: whole where it says something new, by number otherwise."""
        if not page:
            return
        asked = self._asked(page[0].workspace, list({version.name for version in page}))
        with self._store.read() as session:
            known = {
                (row.name, row.number): row
                for row in session.connection().execute(_VERSIONS_OF, asked)
            }
        for version in page:
            listed = into.setdefault(version.name, Listed(Reading(began, ended)))
            listed.reading = Reading(listed.reading.began, ended)
            row = known.get((version.name, version.number))
            if row is None or row.content != content_hash(version):
                listed.seen[version.number] = version
            else:
                listed.same[version.number] = row.id

    def news(self, page: Sequence[SeenModel]) -> list[str]:
        """The names of a page's models that are not as the copy has them."""
        if not page:
            return []
        asked = self._asked(page[0].workspace, [model.name for model in page])
        with self._store.read() as session:
            known = {row.name: row.content for row in session.connection().execute(_KNOWN, asked)}
        return [model.name for model in page if known.get(model.name) != content_hash(model)]

    def compare(
        self,
        page: Sequence[SeenModel],
        reading: Reading,
        listed: Mapping[str, Listed],
        began: datetime,
    ) -> Compared:
        """Hold a page of models, and the versions listed before it, against the copy."""
        compared = Compared()
        if not page:
            return compared
        workspace = page[0].workspace
        none = Listed(Reading(began, reading.began))
        with self._store.read() as session:
            connection = session.connection()
            asked = self._asked(workspace, [model.name for model in page])
            known = {row.name: row for row in connection.execute(_KNOWN, asked)}
            ids = {"ids": [row.id for row in known.values()]}
            versions: dict[str, dict[int, Row[Any]]] = {}
            for row in connection.execute(_VERSIONS, ids):
                versions.setdefault(row.model_id, {})[row.number] = row
            aliases: dict[str, dict[str, str]] = {}
            for row in connection.execute(_ALIASES, ids):
                aliases.setdefault(row.model_id, {})[row.alias] = row.version_id
            strangers = [model.created_at for model in page if model.name not in known]
            elsewhere: set[datetime] = set()
            if strangers:
                asked = {"server": self._server, "workspace": workspace, "at": strangers}
                elsewhere = set(connection.execute(_MADE_AMONG, asked).scalars())
        for model in page:
            found = Found(model, reading, listed.get(model.name, none))
            mine = known.get(model.name)
            of_mine = versions.get(mine.id, {}) if mine is not None else {}
            # One with the making of another was renamed, or made again: its story is asked for.
            is_odd = (
                model.created_at in elsewhere
                if mine is None
                else (mine.created_at != model.created_at)
            )
            if is_odd or not _is_whole(found, of_mine):
                compared.again.append(model.name)
            elif (
                mine is not None
                and mine.content == content_hash(model)
                and not found.versions.seen
                and aliases.get(mine.id, {})
                == {alias: of_mine[number].id for alias, number in model.aliases.items()}
            ):
                compared.same.append(mine.id)
            else:
                compared.changed.append(found)
        return compared

    def _asked(self, workspace: str, names: Sequence[str]) -> dict[str, Any]:
        return {"server": self._server, "workspace": workspace, "names": names}


def _is_whole(found: Found, known: Mapping[int, Row[Any]]) -> bool:
    """Whether a model and its versions, read one after the other, can be of the same moment."""
    listed = found.versions
    return (
        set(found.model.aliases.values()) <= listed.numbers
        and known.keys() <= listed.numbers
        and all(n in known and known[n].id == id_ for n, id_ in listed.same.items())
        and all(
            is_incarnation(known[number], seen)
            if number in known
            # One that is older than its model was another model's of the same name.
            else seen.created_at >= found.model.created_at
            for number, seen in listed.seen.items()
        )
    )


def is_incarnation(row: VersionRow | Row[Any], seen: SeenVersion) -> bool:
    """Whether a row and a reading are of the same making of a version."""
    return (row.created_at, row.source, row.run_id) == (seen.created_at, seen.source, seen.run_id)


def _known(row: Row[Any]) -> Known:
    return Known(row.id, row.name, row.created_at, row.updated_at)


_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
_NAMES: Final[BindParameter[Any]] = bindparam("names", expanding=True)
_PLACE: Final = (
    col(ModelRow.server) == bindparam("server"),
    col(ModelRow.workspace) == bindparam("workspace"),
    col(ModelRow.gone_at).is_(None),
)
_KNOWN_COLUMNS: Final = (
    col(ModelRow.id),
    col(ModelRow.name),
    col(ModelRow.created_at),
    col(ModelRow.updated_at),
    col(ModelRow.content),
)
_KNOWN: Final[Executable] = columns(*_KNOWN_COLUMNS).where(*_PLACE, col(ModelRow.name).in_(_NAMES))
_MADE_AT: Final[Executable] = columns(*_KNOWN_COLUMNS).where(
    *_PLACE, col(ModelRow.created_at) == bindparam("at")
)
_MADE_AMONG: Final = columns(col(ModelRow.created_at)).where(
    *_PLACE, col(ModelRow.created_at).in_(bindparam("at", expanding=True))
)
_VERSION_COLUMNS: Final = (
    col(VersionRow.id),
    col(VersionRow.model_id),
    col(VersionRow.number),
    col(VersionRow.created_at),
    col(VersionRow.source),
    col(VersionRow.run_id),
    col(VersionRow.content),
)
_VERSIONS: Final[Executable] = columns(*_VERSION_COLUMNS).where(
    col(VersionRow.model_id).in_(_IDS), col(VersionRow.gone_at).is_(None)
)
_VERSIONS_OF: Final[Executable] = columns(
    col(ModelRow.name), col(VersionRow.id), col(VersionRow.number), col(VersionRow.content)
).where(
    *_PLACE,
    col(ModelRow.name).in_(_NAMES),
    col(VersionRow.model_id) == col(ModelRow.id),
    col(VersionRow.gone_at).is_(None),
)
_ALIASES: Final[Executable] = columns(
    col(AliasRow.model_id), col(AliasRow.alias), col(AliasRow.version_id)
).where(col(AliasRow.model_id).in_(_IDS))
