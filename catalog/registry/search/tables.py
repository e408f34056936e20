"""The columns of the search index: one row per model, its numbers, its words, and what waits."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, Integer, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from ledger.store import UtcDateTime


def _text() -> Column[str]:
    return Column(Text, nullable=False)


def _moment() -> Column[datetime]:
    return Column(UtcDateTime, nullable=False)


class SearchMarkRow(SQLModel, table=True):
    """Something about this model changed since it was indexed. Written by the database itself."""

    __tablename__ = "search_mark"

    id: int | None = Field(
        default=None,
        sa_column=Column(
            BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
        ),
    )
    model_id: str


class SearchStateRow(SQLModel, table=True):
    """How often the index was written to; whoever writes to it holds this row."""

    __tablename__ = "search_state"

    name: str = Field(primary_key=True)
    stamp: int = Field(sa_column=Column(BigInteger, nullable=False))


class ModelSearchRow(SQLModel, table=True):
    """A model as the search sees it: what it may be narrowed by, and how far it is trusted.

    A row of a model that is gone stays, empty and absent, so that every reader hears of it.
    """

    __tablename__ = "model_search"

    no: int | None = Field(default=None, primary_key=True)
    model_id: str = Field(unique=True)
    stamp: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    is_present: bool
    name: str
    domain: str = ""
    task: str = ""
    owner: str = ""
    stage: str = ""
    tier: str = ""
    regulatory_class: str = ""
    frameworks: str = Field(default="[]", sa_column=_text())
    aliases: str = Field(default="[]", sa_column=_text())
    tags: str = Field(default="[]", sa_column=_text())
    datasets: str = Field(default="[]", sa_column=_text())
    completeness: int = 0
    trust: int = 0
    shown_version_id: str = ""
    shown_number: int = 0
    changed_at: datetime = Field(sa_column=_moment())


class ModelMeasureRow(SQLModel, table=True):
    """A number of the version that stands for a model, with the use of the data it was got on."""

    __tablename__ = "model_measure"
    __table_args__ = (Index("ix_model_measure_value", "name", "value"),)

    no: int = Field(primary_key=True, foreign_key="model_search.no")
    name: str = Field(primary_key=True)
    dataset_digest: str = Field(primary_key=True)
    context: str = Field(primary_key=True)
    value: float


class SearchWordRow(SQLModel, table=True):
    """A word that stands in some model, as it is written, for correcting what is typed."""

    __tablename__ = "search_word"

    id: int | None = Field(default=None, primary_key=True)
    word: str = Field(unique=True)


class SavedSearchRow(SQLModel, table=True):
    """A search somebody keeps; `stamp` is the index at which it was looked at last."""

    __tablename__ = "saved_search"
    __table_args__ = (UniqueConstraint("owner_id", "name"),)

    id: str = Field(primary_key=True)
    owner_id: str = Field(foreign_key="principal.id")
    name: str
    state: str = Field(sa_column=_text())
    notifies: bool = Field(index=True)
    stamp: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    created_at: datetime = Field(sa_column=_moment())


class SavedMatchRow(SQLModel, table=True):
    """A model that a notifying search has found: nobody is told of it again."""

    __tablename__ = "saved_search_match"

    search_id: str = Field(primary_key=True, foreign_key="saved_search.id")
    model_id: str = Field(primary_key=True)
