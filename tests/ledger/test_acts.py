"""One verb, one transaction, one record: done acts and refused ones, and nothing half done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
import rfc8785
from sqlmodel import Session, select

from auth.tables import PrincipalRow
from ledger import trail
from ledger.acts import Act, Ledger
from ledger.clock import SetClock, iso
from ledger.errors import Conflict, CountersignError, Invalid, NotFound, Refused, Unavailable
from ledger.jobs import NoJobs
from ledger.journal import Journal, Subscription
from ledger.store import Store
from ledger.tables import AuditRecordRow, AuditTextRow, DomainEventRow, RefusalCountRow
from tests.at_once import at_once
from tests.fakes import FakeJobs

AT = datetime(2026, 11, 20, 9, 12, 30, 5, tzinfo=UTC)


@pytest.fixture
def clock() -> SetClock:
    return SetClock(AT)


@pytest.fixture
def ledger(store: Store, clock: SetClock) -> Ledger:
    return Ledger(store, clock, Journal(NoJobs()))


def somebody(session: Session, name: str) -> None:
    """A change that an act may make: a row."""
    session.add(PrincipalRow(id=f"per_{name}", kind="person", name=name, created_at=AT))
    session.flush()


def names(store: Store) -> list[str]:
    with store.read() as session:
        return sorted(session.exec(select(PrincipalRow.name)))


def records(store: Store) -> list[trail.Record]:
    with store.read() as session:
        return trail.listing(session, trail.Filter(), limit=1000)[::-1]


def test_a_done_act_leaves_its_change_and_its_record(ledger: Ledger) -> None:
    with ledger.act("person:add", actor="per_grace", resource="person:*") as act:
        somebody(act.session, "Ann")
        act.resource = "person:per_Ann"
        act.facts["role"] = "viewer"
        act.digests["policy"] = "sha256:1"
        act.texts["name"] = "Ann"
    (record,) = records(ledger.store)
    assert names(ledger.store) == ["Ann"]
    assert act.sequence == record.sequence == 1
    assert (record.act, record.actor, record.resource) == (
        "person:add",
        "per_grace",
        "person:per_Ann",
    )
    assert (record.outcome, record.reason, record.at) == ("done", "ok", AT)
    assert (record.facts, record.digests) == ({"role": "viewer"}, {"policy": "sha256:1"})
    assert record.texts == {"name": "Ann"}


@pytest.mark.parametrize("error", [Refused, Invalid, Conflict])
def test_a_refused_act_leaves_its_record_and_nothing_else(
    ledger: Ledger, error: type[CountersignError]
) -> None:
    with (
        pytest.raises(error) as told,
        ledger.act("person:add", actor="per_dave", resource="person:*") as act,
    ):
        somebody(act.session, "Ann")
        act.emit("person:added", "per_Ann")
        act.facts["role"] = "viewer"
        act.texts["name"] = "Ann"
        raise error("No.", code="no-role")
    assert names(ledger.store) == []
    (record,) = records(ledger.store)
    assert (record.outcome, record.reason, record.actor) == ("refused", "no-role", "per_dave")
    assert record.facts == {"role": "viewer"}
    assert (record.texts, record.commitments) == ({}, {})
    assert told.value.is_recorded
    with ledger.store.read() as session:
        assert not session.exec(select(DomainEventRow)).all()
        assert not session.exec(select(AuditTextRow)).all()


def test_an_act_on_what_does_not_exist_changes_nothing_and_is_recorded_once_an_hour(
    ledger: Ledger,
) -> None:
    for _ in range(5):
        with (
            pytest.raises(NotFound),
            ledger.act("person:disable", actor="per_dave", resource="person:per_x") as act,
        ):
            somebody(act.session, "Ann")
            raise NotFound("There is no such person.")
    assert names(ledger.store) == []
    (record,) = records(ledger.store)
    assert (record.outcome, record.reason, record.actor) == ("refused", "not-found", "per_dave")


def test_a_fault_of_ours_changes_nothing_and_keeps_its_traceback(ledger: Ledger) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        ledger.act("person:add", actor="per_a", resource="person:*") as act,
    ):
        somebody(act.session, "Ann")
        _ = 1 / 0
    assert names(ledger.store) == []
    assert records(ledger.store) == []


def test_without_a_record_there_is_no_act(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot_write(session: Session, entry: trail.Entry) -> int:
        raise Unavailable("The disk is full.")

    monkeypatch.setattr(trail, "append", cannot_write)
    with (
        pytest.raises(Unavailable),
        ledger.act("person:add", actor="per_a", resource="person:*") as act,
    ):
        somebody(act.session, "Ann")
    assert names(ledger.store) == []


def test_a_refusal_that_cannot_be_recorded_is_said_to_be_a_fault_of_the_trail(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot_write(session: Session, entry: trail.Entry) -> int:
        raise Unavailable("The disk is full.")

    monkeypatch.setattr(trail, "append", cannot_write)
    with (
        pytest.raises(Unavailable) as told,
        ledger.act("person:add", actor="per_a", resource="person:*"),
    ):
        raise Refused("No.")
    assert told.value.code == "trail-unavailable"
    assert told.value.status == 503


def test_a_refusal_leaves_no_gap_in_the_sequence(ledger: Ledger) -> None:
    for number in range(6):
        with (
            suppress(Refused),
            ledger.act("person:add", actor="per_a", resource="person:*") as act,
        ):
            somebody(act.session, str(number))
            if number % 2:
                raise Refused("No.")
    assert [record.sequence for record in records(ledger.store)] == [1, 2, 3, 4, 5, 6]


def test_many_writers_at_once_leave_no_gap_and_no_double(ledger: Ledger) -> None:
    def write(number: int) -> int:
        with ledger.act("person:add", actor=f"per_{number}", resource="person:*") as act:
            somebody(act.session, str(number))
        return act.sequence

    with ThreadPoolExecutor(8) as threads:
        sequences = list(threads.map(write, range(40)))
    assert sorted(sequences) == list(range(1, 41))
    assert [record.sequence for record in records(ledger.store)] == list(range(1, 41))
    assert all(
        json.loads(record.body)["seq"] == record.sequence for record in records(ledger.store)
    )


def test_of_two_writers_at_once_one_that_fails_leaves_its_number_to_the_next(
    ledger: Ledger,
) -> None:
    def write(name: str) -> int:
        with ledger.act("person:add", actor="per_a", resource="person:*") as act:
            somebody(act.session, name)
        return act.sequence

    # The same person twice: the database lets only one of them in.
    outcomes = at_once(ledger, [lambda: write("Ann"), lambda: write("Ann"), lambda: write("Ben")])
    assert sorted(o.code for o in outcomes if isinstance(o, CountersignError)) == ["already-there"]
    assert [record.sequence for record in records(ledger.store)] == [1, 2, 3]
    assert names(ledger.store) == ["Ann", "Ben"]


def test_a_record_is_canonical_json_of_a_fixed_shape(ledger: Ledger) -> None:
    with ledger.act("release:approve", actor="per_bob", resource="request:req_1") as act:
        act.facts |= {"z": "last", "a": 'é \N{EURO SIGN} \U0001f600 " \\ \n'}
        act.digests["policy"] = "sha256:1"
        act.texts["reason"] = "Good."
    (record,) = records(ledger.store)
    kept = json.loads(record.body)
    assert rfc8785.dumps(kept).decode() == record.body
    assert list(kept) == [
        "act",
        "actor",
        "at",
        "commitments",
        "digests",
        "facts",
        "outcome",
        "reason",
        "resource",
        "seq",
        "v",
    ]
    assert kept["v"] == trail.SCHEMA_VERSION == 1
    assert kept["at"] == "2026-11-20T09:12:30.000005Z" == iso(AT)
    assert "Good." not in record.body
    # The columns beside the record are copies of it, for searching.
    with ledger.store.read() as session:
        row = session.get_one(AuditRecordRow, 1)
    assert (row.act, row.actor, row.resource, row.outcome, row.reason) == tuple(
        kept[name] for name in ("act", "actor", "resource", "outcome", "reason")
    )


def test_a_text_is_committed_to_with_a_salt_of_its_own(ledger: Ledger) -> None:
    for _ in range(2):
        with ledger.act("release:approve", actor="per_bob", resource="request:req_1") as act:
            act.texts["reason"] = "Good."
    one, two = records(ledger.store)
    assert one.commitments["reason"] != two.commitments["reason"]
    with ledger.store.read() as session:
        for record in (one, two):
            kept = session.get_one(AuditTextRow, (record.sequence, "reason"))
            assert kept.salt is not None
            assert len(kept.salt) == 32
            assert trail.commit_to(kept.salt, "Good.") == record.commitments["reason"]
            assert trail.commit_to(kept.salt, "Bad.") != record.commitments["reason"]
    assert json.loads(one.body)["commitments"] == one.commitments


def test_an_event_is_written_in_the_transaction_of_its_act(ledger: Ledger) -> None:
    with ledger.act("release:request", actor="per_alice", resource="request:req_1") as act:
        act.emit("release:requested", "req_1", version="ver_1")
        with ledger.store.read() as session:
            assert not session.exec(select(DomainEventRow)).all()
    with ledger.store.read() as session:
        (event,) = session.exec(select(DomainEventRow)).all()
    assert (event.name, event.subject, event.at) == ("release:requested", "req_1", AT)
    assert json.loads(event.payload) == {"version": "ver_1"}


def test_only_subscribers_of_an_event_are_asked_for_work(store: Store, clock: SetClock) -> None:
    jobs = FakeJobs()
    subscriptions = (
        Subscription("release:requested", "collect-evidence"),
        Subscription("release:requested", "tell-approvers"),
        Subscription("version:gone", "close-requests"),
    )
    ledger = Ledger(store, clock, Journal(jobs, subscriptions))
    with ledger.act("release:request", actor="per_alice", resource="request:req_1") as act:
        event = act.emit("release:requested", "req_1", version="ver_1")
    assert [(one.job, one.key, one.payload) for one in jobs.waiting()] == [
        (job, f"{job}:{event}", {"subject": "req_1", "version": "ver_1", "event": event})
        for job in ("collect-evidence", "tell-approvers")
    ]


# -- looks -----------------------------------------------------------------------------------------


def looked(ledger: Ledger, actor: str = "per_dave") -> None:
    refusal = Refused("No.", code="no-role")
    ledger.refuse_look("api:get", actor=actor, resource="route:/audit", refusal=refusal)
    assert refusal.is_recorded


def test_a_refused_look_is_recorded_once_an_hour_and_counted(
    ledger: Ledger, clock: SetClock
) -> None:
    for _ in range(5):
        looked(ledger)
    looked(ledger, "per_eve")
    assert [record.actor for record in records(ledger.store)] == ["per_dave", "per_eve"]
    clock.advance(timedelta(hours=1))
    looked(ledger)
    assert [record.actor for record in records(ledger.store)] == [
        "per_dave",
        "per_eve",
        "per_dave",
    ]
    with ledger.store.read() as session:
        counts = session.exec(select(RefusalCountRow.times)).all()
    assert sorted(counts) == [1, 1, 5]


# -- finding ---------------------------------------------------------------------------------------


@contextmanager
def _acted(ledger: Ledger, act: str, actor: str, resource: str) -> Iterator[Act]:
    with ledger.act(act, actor=actor, resource=resource) as under_way:
        yield under_way


@pytest.mark.parametrize(
    ("wanted", "sequences"),
    [
        (trail.Filter(), [3, 2, 1]),
        (trail.Filter(actor="per_a"), [2, 1]),
        (trail.Filter(act="grant:give"), [3, 2]),
        (trail.Filter(resource="person:x"), [1]),
        (trail.Filter(outcome="refused"), []),
        (trail.Filter(since=AT + timedelta(minutes=1)), [3, 2]),
        (trail.Filter(until=AT + timedelta(minutes=1)), [1]),
        (trail.Filter(actor="per_a", act="grant:give"), [2]),
        (trail.Filter(act="' OR 1=1 --"), []),
    ],
)
def test_records_are_filtered_newest_first(
    ledger: Ledger, clock: SetClock, wanted: trail.Filter, sequences: list[int]
) -> None:
    for act, actor, resource in (
        ("person:add", "per_a", "person:x"),
        ("grant:give", "per_a", "person:y"),
        ("grant:give", "per_b", "person:z"),
    ):
        with _acted(ledger, act, actor, resource):
            pass
        clock.advance(timedelta(minutes=1))
    with ledger.store.read() as session:
        assert [r.sequence for r in trail.listing(session, wanted)] == sequences
        assert trail.count(session, wanted) == len(sequences)
        assert [r.sequence for r in trail.listing(session, wanted, limit=1, offset=1)] == sequences[
            1:2
        ]
        assert trail.acts_known(session) == ["grant:give", "person:add"]
