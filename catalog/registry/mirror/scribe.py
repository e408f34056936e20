"""The mirror's scribe: writes what was found about models, each with the changes that it shows.

Everything about a model is written in one transaction, with its changes and the events they are. A
reading that was asked for before the one already written had its answer may be the older one: it is
thrown away, and whoever brought it reads again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import or_, update
from sqlmodel import Session, col, select

from catalog.registry.mirror.aliases import write_aliases
from catalog.registry.mirror.arrivals import write_arrivals
from catalog.registry.mirror.copy import Found, Known, is_incarnation
from catalog.registry.mirror.pen import Kind, Moved, Pen, Reading, Window, say_who_moved
from catalog.registry.mirror.seen import SeenVersion, content_hash
from catalog.registry.tables import AliasRow, ModelRow, VersionRow
from ledger.clock import Clock
from ledger.ids import new_id
from ledger.journal import Journal
from ledger.store import Store


class Scribe:
    """Writes the rows of one server's models, versions and aliases."""

    def __init__(self, store: Store, clock: Clock, journal: Journal, server: str) -> None:
        self._store = store
        self._clock = clock
        self._journal = journal
        self._server = server

    def confirm(self, ids: Collection[str], models: Reading, versions: datetime) -> None:
        """These are as they were, by a reading of models and one of versions that began then.

        One that somebody has read meanwhile is left as that reading says.
        """
        if not ids:
            return
        began = min(models.began, versions)
        with self._store.write() as session:
            session.connection().execute(
                update(ModelRow)
                .where(
                    col(ModelRow.id).in_(ids),
                    or_(
                        col(ModelRow.read_until).is_(None),
                        col(ModelRow.read_until) <= began,
                        col(ModelRow.read_until) > self._clock.now(),
                    ),
                )
                .values(seen_at=models.began, versions_seen_at=versions, read_until=models.ended)
            )

    def take(self, batch: Sequence[Found], *, is_quiet: bool = False) -> dict[str, str]:
        """Write down what was found, in one transaction, and tell of it unless that is quiet.

        Returns the ids of the models by name; those that may have been read better meanwhile are
        not among them. All are of one workspace.
        """
        with self._store.write() as session:
            pen = Pen(self._journal, self._clock.now(), is_quiet)
            ids = self._take(session, pen, batch[0].model.workspace, batch)
            pen.write(session)
        return ids

    def rename(self, moves: Sequence[tuple[Known, Found]]) -> None:
        """Give models their new names, all in one transaction: two may have swapped theirs."""
        with self._store.write() as session:
            pen = Pen(self._journal, self._clock.now())
            taken = {found.model.name for _, found in moves}
            rows = [(session.get_one(ModelRow, known.id), found) for known, found in moves]
            ids = {row.id for row, _ in rows}
            workspace = rows[0][1].model.workspace
            for other in self._rows(session, workspace, taken):
                if other.id not in ids:
                    self._bury(session, pen, other, rows[0][1].reading)
            before = {row.id: row.name for row, _ in rows}
            for row, _ in rows:
                row.name = row.id  # out of the way of the others
                session.add(row)
            session.flush()
            for row, found in rows:
                row.name = found.model.name
                session.add(row)
                pen.change(
                    "renamed",
                    row.id,
                    before=before[row.id],
                    after=row.name,
                    since=row.seen_at,
                    until=found.reading.ended,
                )
                pen.tell("model:renamed", row.id, before=before[row.id], after=row.name)
            session.flush()
            self._take(session, pen, workspace, [found for _, found in moves])
            pen.write(session)

    def gone(self, workspace: str, name: str, reading: Reading) -> bool:
        """A model is not in MLflow any more. Returns whether that is certain."""
        with self._store.write() as session:
            pen = Pen(self._journal, self._clock.now())
            rows = self._rows(session, workspace, [name])
            is_certain = not any(self._may_be_newer(row, reading.began) for row in rows)
            for row in rows if is_certain else ():
                self._bury(session, pen, row, reading)
            pen.write(session)
        return is_certain

    def moved_by(self, moved: Moved) -> None:
        """The newest move of an alias to a version was a promotion's."""
        with self._store.write() as session:
            say_who_moved(session, moved)

    def files(self, version_id: str, digest: str) -> None:
        """The files of a version were read and have this digest."""
        with self._store.write() as session:
            pen = Pen(self._journal, self._clock.now())
            row = session.get_one(VersionRow, version_id, with_for_update=True)
            if row.artifact_digest and row.artifact_digest != digest:
                pen.change(
                    "artifact",
                    row.model_id,
                    row.id,
                    before=row.artifact_digest,
                    after=digest,
                    since=row.artifact_read_at,
                    until=pen.at,
                )
                pen.tell("version:changed", row.id, kinds="artifact")
                pen.tell("artifact:changed", row.id)
            row.artifact_digest, row.artifact_read_at = digest, pen.at
            session.add(row)
            pen.write(session)

    # -- the inside ----------------------------------------------------------------------------

    def _may_be_newer(self, row: ModelRow, began: datetime) -> bool:
        """Whether what is written may be newer than a reading that was asked for at this moment.

        What is from the future is not: a clock that was set back must not stop the mirror.
        """
        return row.read_until is not None and began < row.read_until <= self._clock.now()

    def _rows(self, session: Session, workspace: str, names: Iterable[str]) -> list[ModelRow]:
        return list(
            session.exec(
                select(ModelRow)
                .where(
                    ModelRow.server == self._server,
                    ModelRow.workspace == workspace,
                    col(ModelRow.name).in_(list(names)),
                    col(ModelRow.gone_at).is_(None),
                )
                .order_by(ModelRow.id)
                .with_for_update()
            )
        )

    def _take(
        self, session: Session, pen: Pen, workspace: str, batch: Sequence[Found]
    ) -> dict[str, str]:
        rows = {
            row.name: row
            for row in self._rows(session, workspace, [found.model.name for found in batch])
        }
        taken: list[tuple[ModelRow, Found]] = []
        arrived: list[Found] = []
        buried = False
        for found in batch:
            row = rows.get(found.model.name)
            began = min(found.reading.began, found.versions.reading.began)
            if row is not None and self._may_be_newer(row, began):
                continue
            if row is not None and row.created_at != found.model.created_at:
                self._bury(session, pen, row, found.reading)
                buried, row = True, None
            if row is None:
                arrived.append(found)
            else:
                taken.append((row, found))
        if buried:
            session.flush()  # the name is free before another takes it
        ids = write_arrivals(session, pen, self._server, arrived)
        for row, found in taken:
            self._model(pen, row, found)
            session.add(row)
        if taken:
            session.flush()
            self._versions_and_aliases(session, pen, taken)
        return ids | {found.model.name: row.id for row, found in taken}

    def _model(self, pen: Pen, row: ModelRow, found: Found) -> None:
        seen, content = found.model, content_hash(found.model)
        if row.content != content:
            if row.content:
                self._model_changes(pen, row, found)
            row.content = content
            row.updated_at = seen.updated_at
            row.description = seen.description
            row.tags = json.dumps(dict(seen.tags), sort_keys=True)

    def _model_changes(self, pen: Pen, row: ModelRow, found: Found) -> None:
        window = Window(since=row.seen_at, until=found.reading.ended)
        kinds: list[Kind] = []
        if row.description != found.model.description:
            pen.change(
                "description",
                row.id,
                before=row.description,
                after=found.model.description,
                **window,
            )
            kinds.append("description")
        if pen.tags(row.id, "", json.loads(row.tags), found.model.tags, window):
            kinds.append("tag")
        if kinds:
            pen.tell("model:changed", row.id, kinds=" ".join(kinds))

    def _versions_and_aliases(
        self, session: Session, pen: Pen, taken: Sequence[tuple[ModelRow, Found]]
    ) -> None:
        ids = [row.id for row, _ in taken]
        known: dict[str, dict[int, VersionRow]] = {}
        for version in session.exec(
            select(VersionRow).where(
                col(VersionRow.model_id).in_(ids), col(VersionRow.gone_at).is_(None)
            )
        ):
            known.setdefault(version.model_id, {})[version.number] = version
        aliases: dict[str, dict[str, AliasRow]] = {}
        for alias in session.exec(select(AliasRow).where(col(AliasRow.model_id).in_(ids))):
            aliases.setdefault(alias.model_id, {})[alias.alias] = alias
        for row, found in taken:
            self._bury_missing(session, pen, row, found, known.setdefault(row.id, {}))
        session.flush()  # the numbers are free before others take them
        for row, found in taken:
            self._versions(session, pen, row, found, known[row.id])
        session.flush()
        for row, found in taken:
            write_aliases(session, pen, row, found, known[row.id], aliases.get(row.id, {}))
            row.seen_at = found.reading.began
            row.versions_seen_at = found.versions.reading.began
            row.read_until = max(found.reading.ended, found.versions.reading.ended)
            session.add(row)

    def _bury_missing(
        self,
        session: Session,
        pen: Pen,
        model: ModelRow,
        found: Found,
        known: dict[int, VersionRow],
    ) -> None:
        listed = found.versions
        for number, row in list(known.items()):
            seen = listed.seen.get(number)
            if (seen and not is_incarnation(row, seen)) or number not in listed.numbers:
                self._bury_version(session, pen, model, row, listed.reading)
                del known[number]

    def _versions(
        self,
        session: Session,
        pen: Pen,
        model: ModelRow,
        found: Found,
        known: dict[int, VersionRow],
    ) -> None:
        reading = found.versions.reading
        for number, seen in sorted(found.versions.seen.items()):
            content = content_hash(seen)
            row = known.get(number)
            if row is None:
                row = VersionRow(
                    id=new_id("ver"),
                    model_id=model.id,
                    number=number,
                    created_at=seen.created_at,
                    source=seen.source,
                    run_id=seen.run_id,
                    seen_at=reading.began,
                )
                known[number] = row
                pen.change(
                    "created",
                    model.id,
                    row.id,
                    name=str(number),
                    since=model.versions_seen_at,
                    until=reading.ended,
                )
                pen.tell("version:seen", row.id)
            elif row.content != content and row.content:
                self._version_changes(pen, model, row, seen, reading)
            if row.content != content:
                row.content = content
                row.description = seen.description
                row.status = seen.status
                row.stage = seen.stage
                row.tags = json.dumps(dict(seen.tags), sort_keys=True)
                row.seen_at = reading.began
                session.add(row)

    def _version_changes(
        self, pen: Pen, model: ModelRow, row: VersionRow, seen: SeenVersion, reading: Reading
    ) -> None:
        window = Window(since=_certainly(model, row), until=reading.ended)
        kinds: list[Kind] = []
        said: tuple[tuple[Kind, str, str], ...] = (
            ("description", row.description, seen.description),
            ("status", row.status, seen.status),
            ("stage", row.stage, seen.stage),
        )
        for kind, before, after in said:
            if before != after:
                pen.change(kind, model.id, row.id, before=before, after=after, **window)
                kinds.append(kind)
        if pen.tags(model.id, row.id, json.loads(row.tags), seen.tags, window):
            kinds.append("tag")
        if kinds:
            pen.tell("version:changed", row.id, kinds=" ".join(kinds))

    def _bury(self, session: Session, pen: Pen, model: ModelRow, reading: Reading) -> None:
        window = Window(since=model.seen_at, until=reading.ended)
        for alias in session.exec(select(AliasRow).where(AliasRow.model_id == model.id)).all():
            session.delete(alias)
            pen.change(
                "alias",
                model.id,
                alias.version_id,
                name=alias.alias,
                before=str(alias.number),
                **window,
            )
        for version in session.exec(
            select(VersionRow).where(
                VersionRow.model_id == model.id, col(VersionRow.gone_at).is_(None)
            )
        ).all():
            self._bury_version(session, pen, model, version, reading)
        model.gone_at = pen.at
        session.add(model)
        pen.change("deleted", model.id, before=model.name, **window)
        pen.tell("model:gone", model.id)

    def _bury_version(
        self, session: Session, pen: Pen, model: ModelRow, version: VersionRow, reading: Reading
    ) -> None:
        version.gone_at = pen.at
        session.add(version)
        pen.change(
            "deleted",
            model.id,
            version.id,
            name=str(version.number),
            since=_certainly(model, version),
            until=reading.ended,
        )
        pen.tell("version:gone", version.id)


def _certainly(model: ModelRow, version: VersionRow) -> datetime:
    """The last moment at which a version was certainly read as it is written down."""
    return max(version.seen_at, model.versions_seen_at or version.seen_at)
