"""The columns of notifications: watches, preferences, notices."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Index, Text, text
from sqlmodel import Field, SQLModel

from ledger.store import UtcDateTime


def _moment(*, nullable: bool = False) -> Column[datetime]:
    return Column(UtcDateTime, nullable=nullable)


class WatchRow(SQLModel, table=True):
    """Somebody wants to hear of a model, of a domain, or of aliases with such a name."""

    __tablename__ = "watch"
    __table_args__ = (Index("ix_watch_target", "kind", "target"),)

    person_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    target: str = Field(primary_key=True)
    # The domain in which an alias is watched; nothing means anywhere.
    within: str = Field(default="", primary_key=True)
    # An alias with `*` in it, as LIKE reads it, in small letters.
    pattern: str = ""
    # Silenced: hears nothing of this model although it is theirs, or in a domain they watch.
    is_off: bool = False
    since: datetime = Field(sa_column=_moment())


class PreferenceRow(SQLModel, table=True):
    """How somebody wants to be told of one kind of notice, where they chose."""

    __tablename__ = "notice_preference"

    person_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    how: str


_UNREAD = text("read_at IS NULL")
_READ = text("read_at IS NOT NULL")
_AGAIN = text("next_try_at IS NOT NULL")


class NoticeRow(SQLModel, table=True):
    """One person told of one event: the key is what makes it once."""

    __tablename__ = "notice"
    __table_args__ = (
        Index("ix_notice_event", "event_id"),
        Index(
            "ix_notice_unread", "person_id", "at", sqlite_where=_UNREAD, postgresql_where=_UNREAD
        ),
        Index("ix_notice_read", "person_id", "at", sqlite_where=_READ, postgresql_where=_READ),
    )

    person_id: str = Field(primary_key=True)
    event_id: str = Field(primary_key=True)
    kind: str
    why: str
    # The model it is about; what it says in ids and numbers, never in names.
    model_id: str
    facts: str = Field(sa_column=Column(Text, nullable=False))
    at: datetime = Field(sa_column=_moment())
    read_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))


class ChannelRow(SQLModel, table=True):
    """A way out of the portal: a webhook of a person or of a team. Its address is a secret."""

    __tablename__ = "notice_channel"

    id: str = Field(primary_key=True)
    # Whose it is; for a team's, who set it up: what they may not see is not told there either.
    owner_id: str = Field(index=True)
    kind: str
    name: str
    # The host alone is shown; the whole address is sealed.
    host: str
    address: str = Field(sa_column=Column(Text, nullable=False))
    # The domain whose news go there, `*` for all; nothing means: a person's own channel.
    team_domain: str = Field(default="", index=True)
    added_at: datetime = Field(sa_column=_moment())
    removed_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))


class DeliveryRow(SQLModel, table=True):
    """One notice on its way through one channel: the key is what makes it once."""

    __tablename__ = "delivery"
    __table_args__ = (
        Index("ix_delivery_person", "person_id", "queued_at"),
        Index("ix_delivery_again", "next_try_at", sqlite_where=_AGAIN, postgresql_where=_AGAIN),
    )

    # The event told of, or the day of a digest.
    event_id: str = Field(primary_key=True)
    person_id: str = Field(primary_key=True)
    channel_id: str = Field(primary_key=True)
    state: str
    attempts: int = 0
    queued_at: datetime = Field(sa_column=_moment())
    called_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    next_try_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    ended_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    reason: str = ""
