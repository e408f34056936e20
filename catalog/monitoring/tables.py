"""The columns of telemetry: reported predictions, and their counts by day."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Column, Date, Index, Text
from sqlmodel import Field, SQLModel

from ledger.store import UtcDateTime


class PredictionRow(SQLModel, table=True):
    """One call of a model, as an application reported it."""

    __tablename__ = "prediction"
    __table_args__ = (Index("ix_prediction_model", "model_id", "occurred_at"),)

    application_id: str = Field(primary_key=True)
    prediction_id: str = Field(primary_key=True)
    occurred_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    received_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    model_id: str
    version_id: str
    output: str = ""
    error: str = ""
    latency_ms: float = 0.0
    features: str = Field(default="", sa_column=Column(Text, nullable=False))


class PredictionDayRow(SQLModel, table=True):
    """How many calls had which outcome on a day; kept in the same transaction as the rows."""

    __tablename__ = "prediction_day"
    __table_args__ = (Index("ix_prediction_day_day", "day"),)

    model_id: str = Field(primary_key=True)
    version_id: str = Field(primary_key=True)
    application_id: str = Field(primary_key=True)
    day: date = Field(sa_column=Column(Date, primary_key=True))
    outcome: str = Field(primary_key=True)
    is_error: bool = False
    calls: int
    latency_ms: float
    last_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
