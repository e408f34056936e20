"""Where aliases point, written down as they were read, with each move and its window."""

from __future__ import annotations

from collections.abc import Mapping

from sqlmodel import Session

from catalog.registry.mirror.copy import Found
from catalog.registry.mirror.pen import Pen
from catalog.registry.tables import AliasRow, ModelRow, VersionRow


def write_aliases(
    session: Session,
    pen: Pen,
    model: ModelRow,
    found: Found,
    versions: Mapping[int, VersionRow],
    known: Mapping[str, AliasRow],
) -> None:
    """Bring a model's aliases to where they were read, among the versions it has now."""
    there = {version.id for version in versions.values()}
    for alias, row in known.items():
        number = found.model.aliases.get(alias)
        # One that moved to a version nobody has read yet has at least left one that is gone.
        if number is None or (number not in versions and row.version_id not in there):
            session.delete(row)
            _moved(pen, model, found, alias, row, None)
    for alias, number in found.model.aliases.items():
        version, before = versions.get(number), known.get(alias)
        if version is None or (before is not None and before.version_id == version.id):
            continue
        _moved(pen, model, found, alias, before, version)
        at = found.reading.ended
        if before is None:
            before = AliasRow(
                model_id=model.id, alias=alias, version_id=version.id, number=number, since=at
            )
        before.version_id, before.number, before.since = version.id, number, at
        session.add(before)


def _moved(
    pen: Pen,
    model: ModelRow,
    found: Found,
    alias: str,
    before: AliasRow | None,
    after: VersionRow | None,
) -> None:
    was = str(before.number) if before else ""
    now = str(after.number) if after else ""
    pen.change(
        "alias",
        model.id,
        after.id if after else before.version_id if before else "",
        name=alias,
        before=was,
        after=now,
        since=model.seen_at,
        until=found.reading.ended,
    )
    pen.tell("alias:seen", model.id, alias=alias, before=was, after=now)
