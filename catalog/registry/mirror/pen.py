"""The mirror's pen: what a reading changed, written in the transaction that changes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, TypedDict

from sqlalchemy import Table
from sqlmodel import Session, col, select

from catalog.registry.tables import ChangeRow
from ledger.bulk import insert_rows
from ledger.journal import Journal

Kind = Literal[
    "created",
    "deleted",
    "renamed",
    "description",
    "tag",
    "alias",
    "stage",
    "status",
    "artifact",
]
# Descriptions and tags may be of any length; a journal keeps enough of them to be recognised.
LONGEST_TEXT: Final = 4_000


@dataclass(frozen=True)
class Reading:
    """When MLflow was asked, and when its answer was there: what it said was true in between."""

    began: datetime
    ended: datetime


class Window(TypedDict):
    """When something became different: after the one moment, at the other at the latest."""

    since: datetime | None
    until: datetime


@dataclass
class Pen:
    """Gathers what one transaction changes, and writes it down at its end."""

    journal: Journal
    at: datetime
    is_quiet: bool = False
    _changes: list[tuple[Any, ...]] = field(default_factory=list)
    _events: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def change(
        self,
        kind: Kind,
        model_id: str,
        version_id: str = "",
        *,
        name: str = "",
        before: str = "",
        after: str = "",
        since: datetime | None,
        until: datetime,
    ) -> None:
        """Something became different in the window `(since, until]`."""
        # A clock that was set back must not make a window that ends before it begins.
        began = since if since is None else min(since, until)
        self._changes.append(
            (model_id, version_id, kind, name, _cut(before), _cut(after), began, until, "")
        )

    def tags(
        self,
        model_id: str,
        version_id: str,
        before: Mapping[str, str],
        after: Mapping[str, str],
        window: Window,
    ) -> bool:
        """Each tag that is not what it was became different. Returns whether there is any."""
        names = sorted(
            name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
        )
        for name in names:
            self.change(
                "tag",
                model_id,
                version_id,
                name=name,
                before=before.get(name, ""),
                after=after.get(name, ""),
                **window,
            )
        return bool(names)

    def tell(self, event: str, subject: str, **payload: str) -> None:
        """Somebody may want to act on it, unless it is only the first sight of a whole server."""
        if not self.is_quiet:
            self._events.append((event, subject, payload))

    def write(self, session: Session) -> None:
        """Write everything gathered, in its order."""
        if self._changes:
            session.flush()  # what they are about is written first
            insert_rows(session.connection(), _CHANGES, _CHANGE, self._changes)
        for event, subject, payload in self._events:
            self.journal.append(session, event, subject, payload, at=self.at)
        self._changes, self._events = [], []


@dataclass(frozen=True)
class Moved:
    """What a promotion did: it called MLflow at `began`, and read the alias moved at `ended`.

    `number` is the version that the alias was moved to; nothing where it was taken away.
    """

    promotion: str
    model_id: str
    alias: str
    number: int | None
    began: datetime | None
    ended: datetime


def say_who_moved(session: Session, moved: Moved) -> None:
    """Write beside the newest move of an alias to its place that a promotion made it, and when.

    Its window becomes the time of the call, where that is narrower: we were there.
    """
    move = session.exec(
        select(ChangeRow)
        .where(
            ChangeRow.model_id == moved.model_id,
            ChangeRow.kind == "alias",
            ChangeRow.name == moved.alias,
            ChangeRow.after == ("" if moved.number is None else str(moved.number)),
        )
        .order_by(col(ChangeRow.sequence).desc())
        .limit(1)
    ).first()
    if move is None or move.by_promotion:
        return
    move.by_promotion = moved.promotion
    known = [one for one in (move.since, moved.began) if one is not None]
    since, until = max(known, default=None), min(move.until, moved.ended)
    # Of two clocks that do not agree, neither is believed more than the other.
    if since is None or since <= until:
        move.since, move.until = since, until
    session.add(move)


_CHANGES: Final[Table] = ChangeRow.__table__  # type: ignore[attr-defined] # SQLModel hides it
_CHANGE: Final = (
    *("model_id", "version_id", "kind", "name", "before", "after", "since", "until"),
    "by_promotion",
)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
