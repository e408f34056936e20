"""The columns of the record: audit records, the texts beside them, events, refusal counts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Index, Text
from sqlmodel import Field, SQLModel

from ledger.store import UtcDateTime


class AuditRecordRow(SQLModel, table=True):
    """One act. `body` is the record; the other columns are copies of it to search by."""

    __tablename__ = "audit_record"
    __table_args__ = (
        Index("ix_audit_record_resource", "resource", "sequence"),
        Index("ix_audit_record_actor", "actor", "sequence"),
        Index("ix_audit_record_act", "act", "sequence"),
    )

    sequence: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    body: str = Field(sa_column=Column(Text, nullable=False))
    act: str
    actor: str
    resource: str
    outcome: str
    reason: str
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class AuditTextRow(SQLModel, table=True):
    """A name or a free text that a record commits to; it can be forgotten, the record cannot."""

    __tablename__ = "audit_text"

    sequence: int = Field(primary_key=True, foreign_key="audit_record.sequence")
    field: str = Field(primary_key=True)
    commitment: str
    salt: str | None = None
    text: str | None = Field(default=None, sa_column=Column(Text))


class CounterRow(SQLModel, table=True):
    """A number that grows by one inside a transaction, without gaps, whoever else is writing."""

    __tablename__ = "counter"

    name: str = Field(primary_key=True)
    value: int


class RefusalCountRow(SQLModel, table=True):
    """How often the same look was refused within one hour: the first one is in the trail."""

    __tablename__ = "refusal_count"

    actor: str = Field(primary_key=True)
    act: str = Field(primary_key=True)
    resource: str = Field(primary_key=True)
    reason: str = Field(primary_key=True)
    hour: datetime = Field(sa_column=Column(UtcDateTime, primary_key=True))
    times: int


class DomainEventRow(SQLModel, table=True):
    """Something that happened, written by the act itself, for whoever subscribes to it."""

    __tablename__ = "domain_event"
    __table_args__ = (Index("ix_domain_event_subject", "subject", "name", "at"),)

    id: str = Field(primary_key=True)
    name: str = Field(index=True)
    subject: str
    payload: str = Field(sa_column=Column(Text, nullable=False))
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
