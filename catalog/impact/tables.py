"""The columns of value: what a named person declared an outcome to be worth."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Column, Numeric, Text
from sqlmodel import Field, SQLModel

from ledger.store import UtcDateTime


class DeclaredValueRow(SQLModel, table=True):
    """What one outcome of a model is worth in euro, says this person since this moment."""

    __tablename__ = "declared_value"

    id: str = Field(primary_key=True)
    model_id: str = Field(foreign_key="model.id", index=True)
    outcome: str
    value_eur: Decimal = Field(sa_column=Column(Numeric(14, 4), nullable=False))
    reason: str = Field(sa_column=Column(Text, nullable=False))
    declared_by: str
    declared_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
