"""Rows in bulk: the same rows, and the same refusals in words, as one at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlmodel import select

from auth.tables import PrincipalRow
from ledger.bulk import insert_rows
from ledger.errors import Conflict, Invalid
from ledger.store import Store

NAMES = ("id", "kind", "name", "email", "created_at", "disabled_at")
AT = datetime(2026, 11, 20, 11, 12, 30, 123456, tzinfo=timezone(timedelta(hours=2)))


def put(store: Store, *rows: tuple[Any, ...]) -> None:
    table: Any = PrincipalRow
    with store.write() as session:
        insert_rows(session.connection(), table.__table__, NAMES, rows)


def test_rows_in_bulk_come_back_as_they_went_in(store: Store) -> None:
    put(
        store,
        ("per_1", "person", "Ann", "ann@x.example", AT, None),
        ("per_2", "person", "Ben\tand\n\\N", None, AT + timedelta(days=1), AT),
    )
    with store.read() as session:
        first, second = session.exec(select(PrincipalRow).order_by(PrincipalRow.id))
    assert (first.created_at, first.created_at.tzinfo) == (AT, UTC)
    assert (second.name, second.email) == ("Ben\tand\n\\N", None)


def test_what_is_there_already_or_cannot_be_kept_is_refused_in_words(store: Store) -> None:
    ann = ("per_1", "person", "Ann", "ann@x.example", AT, None)
    put(store, ann)
    with pytest.raises(Conflict) as told:
        put(store, ("per_2", "person", "Ben", "ben@x.example", AT, None), ann)
    assert told.value.code == "already-there"
    with pytest.raises(Invalid):
        put(store, ("per_3", "person", "half \ud800 a pair", None, AT, None))
    with pytest.raises(Exception, match="a time without its zone"):
        put(store, ("per_4", "person", "Dora", None, AT.replace(tzinfo=None), None))
    with store.read() as session:
        assert [one.id for one in session.exec(select(PrincipalRow))] == ["per_1"]
