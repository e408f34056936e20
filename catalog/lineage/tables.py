"""The columns of profiles: what a version was saved with, and what its rows look like."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Text
from sqlmodel import Field, SQLModel

from ledger.store import UtcDateTime


class VersionProfileRow(SQLModel, table=True):
    """The profile of one version, from the moment somebody compared it first."""

    __tablename__ = "version_profile"

    version_id: str = Field(primary_key=True, foreign_key="model_version.id")
    state: str
    requested_by: str
    requested_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    computed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    body: str = Field(default="", sa_column=Column(Text, nullable=False))
    digest: str = ""
    problem: str = Field(default="", sa_column=Column(Text, nullable=False))
    hint: str = Field(default="", sa_column=Column(Text, nullable=False))
    problem_code: str = ""
