"""The columns of applications: which of them relies on which model."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Index, Text, text
from sqlmodel import Field, SQLModel

from ledger.store import UtcDateTime

_PRESENT = text("ended_at IS NULL")


class ConsumerRow(SQLModel, table=True):
    """An application that relies on what an alias of a model points at."""

    __tablename__ = "consumer"
    __table_args__ = (
        Index("ix_consumer_model", "model_id", "alias"),
        Index(
            "ux_consumer_present",
            "application_id",
            "model_id",
            "alias",
            unique=True,
            sqlite_where=_PRESENT,
            postgresql_where=_PRESENT,
        ),
    )

    id: str = Field(primary_key=True)
    application_id: str = Field(foreign_key="principal.id")
    model_id: str
    alias: str
    purpose: str = Field(sa_column=Column(Text, nullable=False))
    contact: str
    criticality: str
    registered_by: str
    registered_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    ended_by: str = ""
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
