"""The columns of explanations: asked for once, computed once, shown ever after."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Text
from sqlmodel import Field, SQLModel

from ledger.store import UtcDateTime


class ExplanationRow(SQLModel, table=True):
    """An explanation of one version, from the moment it was asked for."""

    __tablename__ = "explanation"

    id: str = Field(primary_key=True)
    version_id: str = Field(unique=True, foreign_key="model_version.id")
    state: str
    step: str = ""
    done: int = 0
    total: int = 0
    requested_by: str
    requested_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    finished_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    result: str = Field(default="", sa_column=Column(Text, nullable=False))
    result_digest: str = ""
    artifacts_digest: str = ""
    sample: str = ""
    problem: str = Field(default="", sa_column=Column(Text, nullable=False))
    hint: str = Field(default="", sa_column=Column(Text, nullable=False))
    problem_code: str = ""
