"""A watcher of champion moves is told of each move once, however often the worker is killed."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.durable import DurableJobs
from app.portal import build
from app.settings import from_environment
from app.worker import MIRROR
from catalog.notifications.channels import Way
from catalog.notifications.kinds import How, Kind
from catalog.notifications.watches import On
from tests.faults.nursery import OUTSIDE
from tests.faults.workshop import ALIAS, Workshop, register, train
from tests.sinks import WebSink, web_sink
from tests.stack import MlflowServer, Program, until

MODELS = [f"moved-{number}" for number in range(10)]
# In full, 200 moves and 20 kills, it is part of `make faults`.
IS_FULL = os.environ.get("COUNTERSIGN_DRILLS") == "full"
ROUNDS = KILLS = 20 if IS_FULL else 5
MOVES = ROUNDS * len(MODELS)
POINTS = ("told", "claimed-delivery", "called-channel")


@pytest.fixture
def web() -> Iterator[WebSink]:
    with web_sink() as sink:
        yield sink


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """An MLflow server that holds nothing else and that nobody stops."""
    made = MlflowServer(tmp_path_factory.mktemp("own-mlflow"))
    made.start()
    made.wait()
    yield made
    made.stop()


@pytest.fixture
def at(tmp_path: Path, own: MlflowServer, web: WebSink) -> Iterator[Workshop]:
    """A workshop whose worker looks at MLflow only when it is told to, and may call the sink."""
    made = Workshop(tmp_path, own, train(own))
    made.environment |= {"NOTIFY_WEBHOOK_HOSTS": web.url, "MIRROR_SECONDS": "3600"}
    made.portal.store.close()
    made.portal = build(from_environment(made.environment))
    yield made
    made.close()


class Mover:
    """Moves aliases in MLflow, and knows what Countersign has seen of it."""

    def __init__(self, at: Workshop) -> None:
        self._at = at
        self._jobs = DurableJobs(at.portal.store)
        self.moves = 0

    def move(self, name: str, number: int) -> None:
        """Move an alias by hand; somebody says that the model changed."""
        self._at.server.client.set_registered_model_alias(name, ALIAS, str(number))
        self.moves += 1
        with self._at.portal.store.write() as session:
            key = f"hint-{name}-{self.moves}"
            self._jobs.enqueue(session, "refresh-model", key, {"model": name})

    def seen(self, number: int) -> int:
        """How many models Countersign knows to have the alias on this version."""
        (row,) = self._at.portal.store.rows(
            "SELECT COUNT(*) FROM model_alias WHERE alias = :alias AND number = :number",
            alias=ALIAS,
            number=number,
        )
        return int(row[0])


def count(at: Workshop, table: str, where: str = "1 = 1") -> int:
    ((found,),) = at.portal.store.rows(f"SELECT COUNT(*) FROM {table} WHERE {where}")  # noqa: S608
    return int(found)


def plan(chance: random.Random) -> list[str]:
    """Where each worker dies: at a named point, the nth time it is there, or at any moment."""
    outside = KILLS // 4
    named = [f"{POINTS[one % 3]}*{chance.randint(1, 5)}" for one in range(KILLS - outside)]
    drills = [*[OUTSIDE] * outside, *named]
    if IS_FULL:
        chance.shuffle(drills)
    return drills


def kill_from_outside(nursery: Program) -> None:
    """Kill the worker that waits for it, if it is one of those."""
    words = nursery.said.splitlines()[-1].split()
    if words[:1] == ["worker"] and words[2] == OUTSIDE:
        os.kill(int(words[1]), signal.SIGKILL)


@pytest.mark.timeout(600)
def test_each_move_is_told_once_although_the_worker_is_killed_again_and_again(
    at: Workshop, web: WebSink
) -> None:
    chance = random.Random(20261120)  # noqa: S311 - so that a failure can be seen again
    for name in MODELS:
        register(at.server, at.logged, name, versions=2)
        at.server.client.set_registered_model_alias(name, ALIAS, "1")
    at.portal.mirror.crawl(by=MIRROR)
    bob, mover = at.cast.bob, Mover(at)
    before = count(at, "domain_event", "name = 'alias:seen'")
    at.portal.watches.start(On.ALIAS, ALIAS, by=bob)
    at.portal.channels.prefer(Kind.ALIAS, How.AT_ONCE, by=bob)
    # That nobody approved the moves is found too, and told to nobody here.
    for one in (bob, at.cast.grace):
        at.portal.channels.prefer(Kind.FINDING, How.OFF, by=one)
    at.portal.channels.add(Way.WEBHOOK, "Sink", f"{web.url}/hook", by=bob)

    nursery = Program("tests.faults.nursery", "worker", *plan(chance), environment=at.environment)
    try:
        for turn in range(ROUNDS):
            number = 2 - turn % 2
            killed_when = chance.randint(0, len(MODELS) - 1)
            for name in MODELS:
                mover.move(name, number)
            until(lambda: mover.seen(number) >= killed_when, "some moves were seen")  # noqa: B023
            kill_from_outside(nursery)
            until(lambda: mover.seen(number) == len(MODELS), "all moves were seen")  # noqa: B023
        until(
            lambda: count(at, "delivery", "state = 'sent'") == mover.moves,
            "all that is told is sent",
        )
        assert "ended by itself" not in nursery.said
        assert nursery.said.count("\nkilled ") == KILLS, nursery.said
    finally:
        nursery.kill()

    assert mover.moves == MOVES
    assert count(at, "domain_event", "name = 'alias:seen'") - before == MOVES
    assert count(at, "notice") == MOVES
    assert count(at, "notice", f"person_id = '{bob.id}' AND kind = 'alias-moved'") == MOVES
    assert at.portal.notices.page(by=bob).unread == MOVES
    assert count(at, "delivery") == MOVES
    # The sink was called again where a worker died in between, each time under the same id.
    assert len(set(web.ids)) == MOVES
    assert len(web.ids) >= MOVES
    print(f"{len(web.ids)} calls for {MOVES} moves: {len(web.ids) - MOVES} of them repeats")
