"""What callers write does not get into the record, and what they repeat does not fill it."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlmodel import select

from auth.tables import PrincipalRow
from ledger import trail
from ledger.acts import Ledger
from ledger.clock import SetClock
from ledger.errors import CountersignError, NotFound, Refused, Unavailable
from ledger.jobs import NoJobs
from ledger.journal import Journal
from ledger.store import Store
from ledger.tables import RefusalCountRow

AT = datetime(2026, 11, 20, 9, 12, 30, 5, tzinfo=UTC)
GOSSIP = "Ann Smith of Malmö stole money"


@pytest.fixture
def clock() -> SetClock:
    return SetClock(AT)


@pytest.fixture
def ledger(store: Store, clock: SetClock) -> Ledger:
    return Ledger(store, clock, Journal(NoJobs()))


def records(store: Store) -> list[trail.Record]:
    with store.read() as session:
        return trail.listing(session, trail.Filter(), limit=1000)[::-1]


def counts(store: Store) -> list[int]:
    with store.read() as session:
        return sorted(session.exec(select(RefusalCountRow.times)))


def looked(ledger: Ledger, actor: str = "nobody") -> None:
    refusal = Refused("No.", code="no-token")
    ledger.refuse_look("api:get", actor=actor, resource="route:/models", refusal=refusal)
    assert refusal.is_recorded


# -- what a record may say -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "resource",
    [
        "person:*",
        "person:per_4xk2mfq7hyd3zt6nwcgb",
        "route:/release-requests/{request_id}/decision",
        "route:/models/{name}/versions/{version}",
        "page:home",
        "person:unknown",
        "promotion:prm_1",
    ],
)
def test_a_resource_of_ours_stands_in_the_record_as_it_is(ledger: Ledger, resource: str) -> None:
    with ledger.act("person:add", actor="per_grace", resource=resource):
        pass
    assert [record.resource for record in records(ledger.store)] == [resource]


@pytest.mark.parametrize("written", [GOSSIP, "x" * 3000, "a\x00b", "\ud800", "", "<b>", "a\nb"])
def test_what_a_caller_wrote_in_place_of_an_id_is_not_recorded(
    ledger: Ledger, written: str
) -> None:
    for error in (Refused("No."), NotFound("There is no such request.")):
        with (
            pytest.raises(type(error)),
            ledger.act("release:approve", actor="per_bob", resource=f"request:{written}"),
        ):
            raise error
    told = records(ledger.store)
    assert [(one.resource, one.outcome) for one in told] == [("request:unknown", "refused")] * 2
    assert not any("Ann" in one.body or "xxx" in one.body for one in told)


def test_a_refusal_that_the_database_caused_is_recorded_on_both_databases(ledger: Ledger) -> None:
    with (
        pytest.raises(CountersignError) as told,
        ledger.act("release:approve", actor="per_bob", resource="request:a\x00b") as act,
    ):
        act.session.add(PrincipalRow(id="a\x00b", kind="person", name="\ud800", created_at=AT))
        act.session.flush()
    assert told.value.code == "cannot-be-kept"
    assert [one.resource for one in records(ledger.store)] == ["request:unknown"]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("champion", "champion"),
        ("model owner", "model owner"),
        ("multi-class classification", "multi-class classification"),
        ("everything:*", "everything:*"),
        ("-2.50", "-2.50"),
        ("1E+3", "1E+3"),
        ("sha256:" + "0" * 64, "sha256:" + "0" * 64),
        ("", ""),
        (GOSSIP, "unfit"),
        ("Ann Smith", "unfit"),
        ("ann@norrland.example", "unfit"),
        ("x" * 121, "unfit"),
        ("a\x00b", "unfit"),
        ("\ud800", "unfit"),
    ],
)
def test_a_fact_is_an_id_a_number_a_digest_or_a_word_of_ours(
    ledger: Ledger, value: str, kept: str
) -> None:
    with ledger.act("person:add", actor="per_grace", resource="person:*") as act:
        act.facts["said"] = value
        act.digests["seen"] = value
    (record,) = records(ledger.store)
    assert (record.facts, record.digests) == ({"said": kept}, {"seen": kept})


def test_canonical_json_also_holds_characters_that_an_act_may_not_write(store: Store) -> None:
    odd = 'é \N{EURO SIGN} \U0001f600 " \\ \n'
    entry = trail.Entry("a:b", "per_a", "person:*", trail.DONE, "ok", AT, facts={"a": odd})
    with store.write() as session:
        trail.append(session, entry)
    (record,) = records(store)
    assert json.loads(record.body)["facts"] == {"a": odd}


# -- how often -------------------------------------------------------------------------------------


def test_what_does_not_exist_is_refused_on_the_record_once_an_hour(
    ledger: Ledger, clock: SetClock
) -> None:
    def guess(number: int) -> None:
        with (
            pytest.raises(NotFound) as told,
            ledger.act("release:approve", actor="per_dave", resource=f"request:req_{number}"),
        ):
            raise NotFound("There is no such request.")
        assert told.value.is_recorded

    for number in range(30):
        guess(number)
    assert [(one.act, one.resource, one.reason) for one in records(ledger.store)] == [
        ("release:approve", "request:unknown", "not-found")
    ]
    clock.advance(timedelta(hours=1))
    guess(31)
    assert len(records(ledger.store)) == 2
    assert counts(ledger.store) == [1, 30]


def test_a_thousand_refused_looks_cost_one_transaction_and_a_second_after_a_minute(
    ledger: Ledger, clock: SetClock
) -> None:
    begun: list[int] = []

    def count(*_: object) -> None:
        begun.append(1)

    event.listen(ledger.store.engine, "commit", count)
    for _ in range(1000):
        looked(ledger)
    assert len(begun) == 1
    clock.advance(timedelta(minutes=1))
    looked(ledger)
    assert len(begun) == 2
    event.remove(ledger.store.engine, "commit", count)
    assert len(records(ledger.store)) == 1
    assert counts(ledger.store) == [1001]


def test_counts_that_wait_are_written_when_the_database_is_closed(
    database_url: str, clock: SetClock
) -> None:
    first = Store(database_url)
    here = Ledger(first, clock, Journal(NoJobs()))
    for _ in range(5):
        looked(here)
    first.close()
    second = Store(database_url)
    assert counts(second) == [5]
    second.close()


def test_counts_that_cannot_be_written_are_written_later(
    sqlite_store: Store, clock: SetClock
) -> None:
    ledger = Ledger(sqlite_store, clock, Journal(NoJobs()))
    for _ in range(3):
        looked(ledger)
    clock.advance(timedelta(minutes=1))

    def full(*_: object) -> None:
        raise OperationalError("", {}, sqlite3.OperationalError("database or disk is full"))

    event.listen(sqlite_store.engine, "begin", full)
    with pytest.raises(Unavailable):
        looked(ledger)
    event.remove(sqlite_store.engine, "begin", full)
    assert counts(sqlite_store) == [1]
    clock.advance(timedelta(minutes=1))
    looked(ledger)
    assert counts(sqlite_store) == [5]


def test_two_processes_that_count_the_same_look_record_it_once(
    database_url: str, clock: SetClock
) -> None:
    stores = [Store(database_url) for _ in range(2)]
    for store in stores:
        here = Ledger(store, clock, Journal(NoJobs()))
        for _ in range(3):
            looked(here)
        store.close()
    assert len(records(stores[0])) == 1
    assert counts(stores[0]) == [6]
    stores[0].close()


# -- what a log may say ----------------------------------------------------------------------------


def test_an_error_of_the_database_does_not_show_what_was_given_to_it(store: Store) -> None:
    def asked(engine: Engine) -> str:
        with pytest.raises(SQLAlchemyError) as told, engine.connect() as connection:
            connection.execute(text("SELECT * FROM nowhere WHERE a = :a"), {"a": "hush-hush"})
        return str(told.value)

    said = asked(store.engine)
    assert "nowhere" in said
    assert "hush-hush" not in said
