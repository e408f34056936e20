"""The database reaches the shape the code asks for, on every kind of database."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from app import migrate
from ledger.errors import Misconfigured
from ledger.store import Store, sqlite_url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "sqlite":
        return Store(sqlite_url(tmp_path / "empty.db"))
    return Store(request.getfixturevalue("postgres_url"))


def test_an_empty_database_reaches_the_newest_shape_with_no_difference_left(empty: Store) -> None:
    assert not migrate.is_at_head(empty)
    migrate.to_head(empty)
    assert migrate.is_at_head(empty)
    with empty.engine.connect() as connection:
        assert migrate.difference(connection) == []
    empty.close()


def test_tables_of_the_job_engine_are_not_ours_to_change(empty: Store) -> None:
    migrate.to_head(empty)
    with empty.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE workflow_status (workflow_uuid TEXT PRIMARY KEY)")
        connection.exec_driver_sql("CREATE INDEX of_another ON workflow_status (workflow_uuid)")
    with empty.engine.connect() as connection:
        assert migrate.difference(connection) == []
    empty.close()


def test_models_that_were_there_before_stand_nowhere_yet(empty: Store) -> None:
    with migrate._turn(empty), migrate._alone(empty) as connection:
        command.upgrade(migrate._config(connection), "0001")
    with empty.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO model (id, server, workspace, name, created_at, updated_at, seen_at, "
                "description, tags, content, searched, domain, task, owner_id) VALUES "
                "('mdl_1', 'main', 'default', 'old', :at, :at, :at, '', '', '', '', '', '', '')"
            ),
            {"at": "2026-11-20 09:12:00+00:00"},
        )
    migrate.to_head(empty)
    found = empty.rows("SELECT tier, regulatory_class, stage, use_case_id FROM model")
    assert [tuple(row) for row in found] == [("", "", "", "")]
    with empty.engine.connect() as connection:
        assert migrate.difference(connection) == []
    empty.close()


def test_two_programs_that_start_together_migrate_once(empty: Store) -> None:
    stores = [Store(empty.url.render_as_string(hide_password=False)) for _ in range(4)]
    failures: list[BaseException] = []

    def start(store: Store) -> None:
        try:
            migrate.to_head(store)
        except BaseException as error:  # noqa: BLE001 - carried to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=start, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert migrate.is_at_head(empty)
    for store in [*stores, empty]:
        store.close()


def test_a_database_of_a_newer_version_is_refused_in_words(empty: Store) -> None:
    migrate.to_head(empty)
    with empty.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Misconfigured, match="newer version of Countersign") as refusal:
        migrate.to_head(empty)
    assert refusal.value.hint
    empty.close()
