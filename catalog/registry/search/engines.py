"""Engines: which models hold a token. SQLite's FTS5 and PostgreSQL's tsvector, behind one seam.

Both are given the same finished tokens and asked for the same ones; neither ranks anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
from sqlalchemy import Column, Connection, Integer, MetaData, Table
from sqlalchemy.dialects.postgresql import TSVECTOR as TSVECTOR_TYPE

from ledger.bulk import insert_rows

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Token:
    """A token to look for; with `begins`, every token that begins so."""

    text: str
    begins: bool = False


class Engine(Protocol):
    """A full-text index over tokens. A model is its number in the index."""

    def install(self, connection: Connection) -> None:
        """Make the index where it is not there yet."""
        ...

    def put(self, connection: Connection, rows: Iterable[tuple[int, str]]) -> None:
        """Keep the tokens of models that are not kept yet, or were removed."""
        ...

    def remove(self, connection: Connection, numbers: Sequence[int]) -> None:
        """Forget models."""
        ...

    def keep_words(self, connection: Connection, words: Sequence[str]) -> None:
        """Keep words as they are written, each once."""
        ...

    def holding(
        self, connection: Connection, wanted: Sequence[Sequence[Token]]
    ) -> Iterator[Numbers]:
        """For each list of tokens the models that hold any of them, each once."""
        ...


def engine_for(connection: Connection) -> Engine:
    """The engine of the database that is connected."""
    return FTS5 if connection.dialect.name == "sqlite" else TSVECTOR


class _Fts5:
    """SQLite: tokens are kept whole, so letters beyond ASCII are nobody else's to fold."""

    def install(self, connection: Connection) -> None:
        connection.exec_driver_sql(
            "CREATE VIRTUAL TABLE IF NOT EXISTS search_text USING fts5("
            "tokens, tokenize='ascii', detail=none, columnsize=0, prefix='3')"
        )

    def put(self, connection: Connection, rows: Iterable[tuple[int, str]]) -> None:
        if listed := list(rows):
            connection.exec_driver_sql(
                "INSERT INTO search_text(rowid, tokens) VALUES (?, ?)", listed
            )

    def remove(self, connection: Connection, numbers: Sequence[int]) -> None:
        if numbers:
            connection.exec_driver_sql(
                "DELETE FROM search_text WHERE rowid = ?", [(number,) for number in numbers]
            )

    def keep_words(self, connection: Connection, words: Sequence[str]) -> None:
        if words:
            connection.exec_driver_sql(
                "INSERT OR IGNORE INTO search_word (word) VALUES (?)", [(word,) for word in words]
            )

    def holding(
        self, connection: Connection, wanted: Sequence[Sequence[Token]]
    ) -> Iterator[Numbers]:
        asked = [
            " OR ".join(f'"{one.text}"' + " *" * one.begins for one in tokens) for tokens in wanted
        ]
        statement = (
            "SELECT key, (SELECT group_concat(rowid) FROM search_text WHERE search_text MATCH "
            "asked.value) FROM json_each(?) AS asked ORDER BY key"
        )
        yield from _answers(connection, statement, json.dumps(asked))


class _Tsvector:
    """PostgreSQL: an array of tokens as a tsvector, kept out of line so that scans stay narrow."""

    def install(self, connection: Connection) -> None:
        for statement in (
            (
                "CREATE TABLE IF NOT EXISTS search_text (no integer PRIMARY KEY, "
                "words tsvector NOT NULL) WITH (toast_tuple_target = 128)"
            ),
            "ALTER TABLE search_text ALTER COLUMN words SET STORAGE EXTERNAL",
            "CREATE INDEX IF NOT EXISTS ix_search_text ON search_text USING gin (words)",
        ):
            connection.exec_driver_sql(statement)

    def put(self, connection: Connection, rows: Iterable[tuple[int, str]]) -> None:
        # While the next models are taken apart here, the database indexes those it was sent. Tokens
        # are letters and digits, so a line of them is a tsvector as it is written.
        insert_rows(connection, _TEXT, ("no", "words"), rows)

    def remove(self, connection: Connection, numbers: Sequence[int]) -> None:
        if numbers:
            connection.exec_driver_sql(
                "DELETE FROM search_text WHERE no = ANY(%s)", (list(numbers),)
            )

    def keep_words(self, connection: Connection, words: Sequence[str]) -> None:
        if words:
            connection.exec_driver_sql(
                "INSERT INTO search_word (word) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING",
                (list(words),),
            )

    def holding(
        self, connection: Connection, wanted: Sequence[Sequence[Token]]
    ) -> Iterator[Numbers]:
        asked = [
            " | ".join(f"'{one.text}'" + ":*" * one.begins for one in tokens) for tokens in wanted
        ]
        statement = (
            "SELECT place, (SELECT string_agg(no::text, ',') FROM search_text WHERE words @@ "
            "CAST(query AS tsquery)) FROM unnest(CAST(%s AS text[])) WITH ORDINALITY "
            "AS asked (query, place) ORDER BY place"
        )
        yield from _answers(connection, statement, asked)


def _answers(connection: Connection, statement: str, asked: str | list[str]) -> Iterator[Numbers]:
    """All questions in one statement, planned once: the way to the database is gone once."""
    for _, listed in connection.exec_driver_sql(statement, (asked,)):
        yield np.fromstring(listed, dtype=np.int64, sep=",") if listed else _NOBODY


_TEXT: Final = Table(
    "search_text", MetaData(), Column("no", Integer), Column("words", TSVECTOR_TYPE)
)
_NOBODY: Final[Numbers] = np.empty(0, dtype=np.int64)
FTS5: Final[Engine] = _Fts5()
TSVECTOR: Final[Engine] = _Tsvector()


def tokens_of(letters: Iterable[str], text: str, *, begins: bool = False) -> list[Token]:
    """A word at each of several places."""
    return [Token(letter + text, begins) for letter in letters]
