"""Several read one model of MLflow at once, and none of them takes back what another has learnt."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import Connection, event

from app.worker import MIRROR
from catalog.registry.mirror.seen import SeenModel
from tests.cast import House
from tests.stack import until

_PATIENCE_S = 20


class Aside:
    """Something done in a thread of its own; what it raises is raised where it is waited for."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._problem: Exception | None = None
        self.thread = threading.Thread(target=self._run, args=(act,), daemon=True)

    def begin(self) -> None:
        """Start it."""
        self.thread.start()

    def _run(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Exception as problem:  # noqa: BLE001 - carried to the test's own thread
            self._problem = problem

    @property
    def is_here(self) -> bool:
        """Whether the caller is in this thread."""
        return threading.current_thread() is self.thread

    def end(self) -> None:
        """Wait for it."""
        self.thread.join(_PATIENCE_S)
        assert not self.thread.is_alive()
        if self._problem:
            raise self._problem


def champion(house: House) -> int:
    found = house.model().alias("champion")
    assert found is not None
    return found.number


def refresh(house: House) -> None:
    house.portal.mirror.refresh("credit-pd", by=MIRROR)


def spells(house: House) -> list[int]:
    return [one.number for one in house.portal.changes.spells(house.model(), "champion")]


def test_a_slow_answer_that_came_from_before_a_move_does_not_take_the_move_back(
    small_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that was asked earlier was answered later, and is written before the other one."""
    house = small_house
    house.credit()
    house.clock.advance(timedelta(minutes=5))
    model, pages = house.mlflow.model, house.mlflow.model_pages
    has_answer, may_write = threading.Event(), threading.Event()
    answers: list[SeenModel] = []
    hint = Aside(lambda: refresh(house))

    def answered(name: str) -> SeenModel:
        seen = model(name)
        if hint.is_here and len(answers) < 2:
            answers.append(seen)
            if len(answers) == 2:
                has_answer.set()
                assert may_write.wait(_PATIENCE_S)
        return seen

    def slow(*, newest_first: bool = False) -> Iterator[Sequence[SeenModel]]:
        if not newest_first and not answers:
            house.clock.advance(timedelta(seconds=1))
            hint.begin()
            assert has_answer.wait(_PATIENCE_S)
            house.clock.advance(timedelta(seconds=1))
            house.mlflow.point("credit-pd", "champion", 2)
        yield from pages(newest_first=newest_first)

    monkeypatch.setattr(house.mlflow, "model", answered)
    monkeypatch.setattr(house.mlflow, "model_pages", slow)
    house.mirror()
    assert champion(house) == 2
    house.clock.advance(timedelta(seconds=1))
    may_write.set()
    hint.end()
    assert champion(house) == 2
    assert spells(house) == [1, 2]


def test_two_who_meet_a_new_model_at_once_both_learn_where_its_alias_points(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.mlflow.register("credit-pd")
    for _ in range(2):
        house.mlflow.log("credit-pd")
    house.mlflow.point("credit-pd", "champion", 1)
    store, model = house.portal.store, house.mlflow.model
    first, second = Aside(lambda: refresh(house)), Aside(lambda: refresh(house))
    has_read = threading.Event()

    def answered(name: str) -> SeenModel:
        if second.is_here:
            has_read.set()
        return model(name)

    def is_waiting() -> bool:
        return bool(
            store.rows(
                "SELECT 1 FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        )

    def meets(_connection: Connection) -> None:
        if first.is_here and not second.thread.ident:
            house.mlflow.point("credit-pd", "champion", 2)
            house.clock.advance(timedelta(seconds=1))
            second.begin()
            assert has_read.wait(_PATIENCE_S)
            if not store.is_sqlite:
                until(is_waiting, "the second one waits for the first", within=_PATIENCE_S)

    monkeypatch.setattr(house.mlflow, "model", answered)
    event.listen(store.engine, "commit", meets)
    first.begin()
    first.end()
    second.end()
    event.remove(store.engine, "commit", meets)
    assert champion(house) == 2
    assert spells(house) == [1, 2]


def test_a_look_never_makes_what_is_known_older_than_it_is(small_house: House) -> None:
    """Somebody reads the model again between a look's comparison and its writing it down."""
    house = small_house
    house.credit()
    house.clock.advance(timedelta(minutes=5))
    pages, store = house.mlflow.model_pages, house.portal.store
    compared: list[str] = []

    def slow(*, newest_first: bool = False) -> Iterator[Sequence[SeenModel]]:
        for page in pages(newest_first=newest_first):
            if not newest_first:
                compared.append("read")
            yield page

    def is_quicker(_connection: Connection) -> None:
        if compared == ["read"]:
            compared.append("written")
            house.clock.advance(timedelta(seconds=5))
            house.mlflow.point("credit-pd", "champion", 2)
            refresh(house)

    event.listen(store.engine, "engine_connect", is_quicker)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(house.mlflow, "model_pages", slow)
            house.mirror()
    finally:
        event.remove(store.engine, "engine_connect", is_quicker)
    assert compared == ["read", "written"]
    assert champion(house) == 2
    known = house.clock.now()
    house.clock.advance(timedelta(minutes=1))
    house.mlflow.point("credit-pd", "champion", 1)
    refresh(house)
    last = house.portal.changes.of(house.model())[0]
    assert (last.kind, last.after, last.since) == ("alias", "1", known)
