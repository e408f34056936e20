"""The record cannot be rewritten, whoever holds the database connection."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from ledger import trail, triggers
from ledger.errors import Conflict
from ledger.store import Store
from ledger.tables import AuditTextRow, DomainEventRow

AT = datetime(2026, 11, 20, 9, 12, tzinfo=UTC)


@pytest.fixture
def written(store: Store) -> Store:
    return _write(store)


def _write(store: Store) -> Store:
    with store.write() as session:
        trail.append(
            session,
            trail.Entry(
                "model:read", "per_a", "model:x", "done", "ok", AT, texts={"why": "because"}
            ),
        )
        session.add(DomainEventRow(id="evt_1", name="n", subject="s", payload="{}", at=AT))
    return store


def _contents(session: Session) -> list[object]:
    connection = session.connection()
    return [connection.exec_driver_sql(f"SELECT * FROM {t}").all() for t in triggers.SEALED]  # noqa: S608


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE audit_record SET body = '{}'",
        "UPDATE audit_record SET actor = 'per_b' WHERE sequence = 1",
        "UPDATE audit_record SET sequence = 2",
        "DELETE FROM audit_record WHERE sequence = 1",
        "UPDATE audit_text SET text = 'another reason'",
        "UPDATE audit_text SET commitment = 'sha256:0'",
        "UPDATE audit_text SET salt = 'other', text = NULL",
        "UPDATE audit_text SET field = 'else', text = NULL, salt = NULL",
        "DELETE FROM audit_text",
        "UPDATE domain_event SET payload = '{\"a\":1}'",
        "DELETE FROM domain_event",
    ],
)
def test_no_statement_rewrites_the_record(written: Store, attack: str) -> None:
    with written.read() as session:
        before = _contents(session)
    with pytest.raises(Conflict) as refusal, written.write() as session:
        session.connection().exec_driver_sql(attack)
    assert isinstance(refusal.value.__cause__, IntegrityError)
    assert "never rewritten" in str(refusal.value.__cause__)
    with written.read() as session:
        assert _contents(session) == before


@pytest.mark.parametrize("table", list(triggers.SEALED))
def test_no_table_of_the_record_is_emptied_at_a_stroke(written: Store, table: str) -> None:
    sql = f"DELETE FROM {table}" if written.is_sqlite else f"TRUNCATE {table} CASCADE"  # noqa: S608
    with pytest.raises(Conflict), written.write() as session:
        session.connection().exec_driver_sql(sql)


def test_a_replica_session_of_postgresql_rewrites_nothing_either(postgres_store: Store) -> None:
    _write(postgres_store)
    with pytest.raises(Conflict), postgres_store.write() as session:
        session.connection().exec_driver_sql("SET LOCAL session_replication_role = replica")
        session.connection().exec_driver_sql("UPDATE audit_record SET body = '{}'")


@pytest.mark.parametrize(
    "attack",
    [
        "INSERT OR REPLACE INTO audit_record SELECT * FROM audit_record",
        "REPLACE INTO audit_text (rowid, sequence, field, commitment) VALUES (1, 1, 'else', '0')",
        "INSERT OR REPLACE INTO domain_event SELECT * FROM domain_event",
    ],
)
def test_sqlite_replaces_no_row_of_the_record(sqlite_store: Store, attack: str) -> None:
    _write(sqlite_store)
    with pytest.raises(Conflict), sqlite_store.write() as session:
        session.connection().exec_driver_sql(attack)


def test_a_text_can_be_forgotten_and_its_record_stays(written: Store) -> None:
    with written.write() as session:
        text = session.get_one(AuditTextRow, (1, "why"))
        text.text = text.salt = None
        session.add(text)
    with written.read() as session:
        record = trail.read(session, 1)
    assert record is not None
    assert record.texts == {"why": "(forgotten)"}
    assert set(record.commitments) == {"why"}


def test_a_text_that_was_forgotten_stays_forgotten(written: Store) -> None:
    with written.write() as session:
        session.connection().exec_driver_sql("UPDATE audit_text SET text = NULL, salt = NULL")
    with pytest.raises(Conflict), written.write() as session:
        session.connection().exec_driver_sql("UPDATE audit_text SET text = 'because'")


def test_the_record_still_grows(written: Store) -> None:
    with written.write() as session:
        entry = trail.Entry("model:read", "per_a", "model:x", "done", "ok", AT)
        assert trail.append(session, entry) == 2


def test_installing_the_locks_twice_is_harmless(written: Store) -> None:
    with written.write() as session:
        triggers.install(session.connection())
