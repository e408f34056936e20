"""The one database: all of a transaction or nothing, times in UTC, problems in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlmodel import Session, select

from auth.tables import PrincipalRow
from ledger.errors import Conflict, Invalid, Misconfigured, Unavailable
from ledger.store import Store, sqlite_url

AT = datetime(2026, 11, 20, 9, 12, tzinfo=UTC)


def person(name: str, at: datetime = AT) -> PrincipalRow:
    return PrincipalRow(
        id=f"per_{name}", kind="person", name=name, email=f"{name}@x.example", created_at=at
    )


def everybody(store: Store) -> list[PrincipalRow]:
    with store.read() as session:
        return list(session.exec(select(PrincipalRow)))


def test_a_block_that_fails_changes_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError), store.write() as session:
        session.add(person("ann"))
        session.flush()
        raise RuntimeError
    assert everybody(store) == []


def test_what_a_look_changes_is_thrown_away(store: Store) -> None:
    with store.read() as session:
        session.add(person("ann"))
        session.flush()
    assert everybody(store) == []


def test_a_time_of_another_zone_comes_back_in_utc(store: Store) -> None:
    there = datetime(2026, 11, 20, 11, 12, 30, 123456, tzinfo=timezone(timedelta(hours=2)))
    with store.write() as session:
        session.add(person("ann", there))
    (row,) = everybody(store)
    assert row.created_at == there
    assert row.created_at.tzinfo is UTC


def test_a_time_without_a_zone_is_not_let_in(store: Store) -> None:
    with pytest.raises(Exception, match="a time without its zone"), store.write() as session:
        session.add(person("ann", datetime(2026, 11, 20)))  # noqa: DTZ001 - what must not happen


def test_what_is_there_already_is_a_conflict_in_words(store: Store) -> None:
    with store.write() as session:
        session.add(person("ann"))
    with pytest.raises(Conflict) as told, store.write() as session:
        session.add(person("ann"))
    assert told.value.code == "already-there"
    assert told.value.hint


@pytest.mark.parametrize("name", ["half \ud800 a pair"])
def test_what_is_no_text_is_refused_in_words(store: Store, name: str) -> None:
    with pytest.raises(Invalid) as told, store.write() as session:
        session.add(PrincipalRow(id="per_x", kind="person", name=name, created_at=AT))
    assert told.value.code == "cannot-be-kept"
    assert everybody(store) == []


def test_a_database_that_is_away_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        Store("postgresql://nobody:secret@127.0.0.1:9/none").ping()
    with pytest.raises(Unavailable):
        Store(sqlite_url(tmp_path / "no" / "folder" / "x.db")).ping()


@pytest.mark.parametrize("url", ["", "what is this", "mysql://a@b/c", "oracle://x"])
def test_an_address_that_is_no_database_is_told_with_the_remedy(url: str) -> None:
    with pytest.raises(Misconfigured) as told:
        Store(url)
    assert "sqlite:///" in told.value.hint


def test_the_password_of_a_database_is_not_in_what_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as told:
        Store("postgresql://nobody:secret@127.0.0.1:9/none").ping()
    assert "secret" not in f"{told.value.message} {told.value.hint}"


def test_sqlite_waits_for_a_writer_instead_of_failing(sqlite_store: Store) -> None:
    with sqlite_store.write() as session:
        session.add(person("ann"))
        session.flush()
        # Readers see the state before the writer, and are not held up.
        assert everybody(sqlite_store) == []
    assert len(everybody(sqlite_store)) == 1


def test_a_sqlite_file_keeps_what_was_committed_through_a_power_cut(sqlite_store: Store) -> None:
    with Session(sqlite_store.engine) as session:
        pragma = session.connection().exec_driver_sql
        assert pragma("PRAGMA journal_mode").scalar_one() == "wal"
        assert pragma("PRAGMA synchronous").scalar_one() == 2
        assert pragma("PRAGMA foreign_keys").scalar_one() == 1


def test_postgresql_compiles_no_question_that_is_answered_sooner(postgres_store: Store) -> None:
    assert [row.jit for row in postgres_store.rows("SHOW jit")] == ["off"]
