"""Durable jobs with the real engine: in the act's transaction, once per key, again after a kill."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from app import durable
from app.durable import DurableJobs, DurableWorker
from ledger.acts import Ledger
from ledger.clock import SetClock
from ledger.errors import Refused, Unavailable
from ledger.journal import Journal, Subscription
from ledger.store import Store

AT = datetime(2026, 11, 20, 9, 12, tzinfo=UTC)
_PATIENCE_S = 60


class Hands:
    """Notes what was done, fails as often as told, and says when enough was done."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.failures: dict[str, int] = {}
        self._changed = threading.Condition()

    def __call__(self, payload: Mapping[str, str]) -> None:
        with self._changed:
            subject = payload["subject"]
            if self.failures.get(subject, 0) > 0:
                self.failures[subject] -= 1
                raise Unavailable("MLflow is away.")
            self.done.append(subject)
            self._changed.notify_all()
            if subject == "refused":
                raise Refused("No.")

    def wait_for(self, subject: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: subject in self.done, _PATIENCE_S), self.done


@pytest.fixture
def ledger(store: Store, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setattr(durable, "FIRST_WAIT_S", 0.05)
    durable.prepare(store)
    subscriptions = (Subscription("thing:asked", "do-it"),)
    return Ledger(store, SetClock(AT), Journal(DurableJobs(store), subscriptions))


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def worker(ledger: Ledger, hands: Hands) -> Iterator[DurableWorker]:
    engine = DurableWorker(ledger.store, {"do-it": hands})
    yield engine
    engine.stop()


def ask(ledger: Ledger, subject: str) -> None:
    with ledger.act("thing:ask", actor="per_a", resource="thing:*") as act:
        act.emit("thing:asked", subject)


def asked(store: Store) -> int:
    table = "workflow_status" if store.is_sqlite else "dbos.workflow_status"
    with store.read() as session:
        return int(
            session.connection().execute(text(f"SELECT COUNT(*) FROM {table}")).scalar_one()  # noqa: S608
        )


def test_a_job_is_asked_for_with_its_act_or_not_at_all(ledger: Ledger) -> None:
    ask(ledger, "one")
    assert asked(ledger.store) == 1
    with (
        pytest.raises(Refused),
        ledger.act("thing:ask", actor="per_a", resource="thing:*") as act,
    ):
        act.emit("thing:asked", "two")
        raise Refused("No.")
    assert asked(ledger.store) == 1


def test_the_same_key_is_the_same_job(ledger: Ledger) -> None:
    jobs = DurableJobs(ledger.store)
    for _ in range(3):
        with ledger.store.write() as session:
            jobs.enqueue(session, "do-it", "key-1", {"subject": "one"})
    assert asked(ledger.store) == 1


@pytest.mark.parametrize(
    ("job", "patient"),
    [
        ("compute-explanation", "collect-evidence"),
        ("profile-version", "collect-evidence"),
        ("deliver", "collect-evidence"),
        ("deliver-again", "collect-evidence"),
        # While MLflow is away, these wait in their places.
        ("refresh-model", "tell"),
        ("collect-evidence", "tell"),
        ("refresh-model", "close-requests"),
    ],
)
def test_what_others_can_make_long_does_not_stand_before_what_need_not_wait(
    ledger: Ledger, job: str, patient: str
) -> None:
    jobs = DurableJobs(ledger.store)
    table = "workflow_status" if ledger.store.is_sqlite else "dbos.workflow_status"
    for one in (job, patient):
        with ledger.store.write() as session:
            jobs.enqueue(session, one, f"key-{one}", {"subject": "one"})
    rows = ledger.store.rows(f"SELECT name, queue_name FROM {table}")  # noqa: S608
    waits = {row.name: row.queue_name for row in rows}
    assert waits[patient] != waits[job]
    assert set(waits.values()) <= durable.AT_ONCE.keys()


def test_jobs_are_carried_out_also_those_that_had_to_wait_or_were_refused(
    ledger: Ledger, hands: Hands, worker: DurableWorker
) -> None:
    hands.failures["patient"] = 2
    for subject in ("before", "patient", "refused"):
        ask(ledger, subject)
    worker.start()
    ask(ledger, "after")
    for subject in ("before", "patient", "refused", "after"):
        hands.wait_for(subject)
    assert sorted(hands.done) == ["after", "before", "patient", "refused"]
