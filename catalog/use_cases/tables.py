"""The columns of AI use cases."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Text
from sqlmodel import Field, SQLModel

from ledger.store import UtcDateTime


class UseCaseRow(SQLModel, table=True):
    """What models are used for: the parent of any number of them."""

    __tablename__ = "use_case"

    id: str = Field(primary_key=True)
    name: str = Field(unique=True, index=True)
    purpose: str = Field(sa_column=Column(Text, nullable=False))
    domain: str = Field(index=True)
    business_owner_id: str
    regulatory_class: str = ""
    tier: str = ""
    status: str = Field(index=True)
    proposed_by: str
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    changed_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
