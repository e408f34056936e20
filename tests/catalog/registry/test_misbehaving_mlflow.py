"""MLflow fails, hangs, cuts pages off and changes under the crawl: no model is lost or invented."""

from __future__ import annotations

import json
import random
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.portal import build
from app.settings import from_environment
from app.worker import MIRROR
from catalog.registry.mirror import mirror as mirroring
from catalog.registry.mirror.seen import SeenModel, SeenVersion
from ledger.clock import SetClock
from ledger.errors import Unavailable
from tests.cast import AT, SYSTEM, House, models_of, open_house
from tests.fakes import AWAY, FakeJobs
from tests.stack import mlflow_client

Change = Callable[[House, str], None]


def _log(house: House, name: str) -> None:
    if name not in house.mlflow.names:
        house.mlflow.register(name)
    house.mlflow.log(name)


def _delete(house: House, name: str) -> None:
    if name in house.mlflow.names:
        house.mlflow.delete(name)


def _make_again(house: House, name: str) -> None:
    _delete(house, name)
    _log(house, name)


def _drop_version(house: House, name: str) -> None:
    if name in house.mlflow.names and (numbers := house.mlflow.numbers(name)):
        house.mlflow.delete_version(name, min(numbers))


def _rename(house: House, name: str) -> None:
    new = name.swapcase()
    if name in house.mlflow.names and new not in house.mlflow.names:
        house.mlflow.rename(name, new)


def _point(house: House, name: str) -> None:
    if name in house.mlflow.names and (numbers := house.mlflow.numbers(name)):
        house.mlflow.point(name, "champion", max(numbers))


def _describe(house: House, name: str) -> None:
    if name in house.mlflow.names:
        house.mlflow.describe(name, str(house.clock.now()), at=str(house.clock.now()))


changes = st.lists(
    st.tuples(
        st.sampled_from([_log, _delete, _make_again, _drop_version, _rename, _point, _describe]),
        st.sampled_from(["aa", "bb", "cc", "AA", "BB"]),
    ),
    max_size=6,
)
# What becomes of one question: it is answered, it fails or hangs (which looks alike from here),
# its page is cut off, or its rows come in another order.
moods = st.lists(st.sampled_from(["well", "well", "well", "fails", "cut", "shuffled"]), max_size=12)


class Moody:
    """Lets the stand-in answer as badly as it is told to, question by question."""

    def __init__(self, house: House, moods: Sequence[str], seed: int) -> None:
        self._house = house
        self._moods = list(moods)
        self._random = random.Random(seed)  # noqa: S311 - chooses an order, protects nothing
        self._model_pages = house.mlflow.model_pages
        self._version_pages = house.mlflow.version_pages
        self._answer = house.mlflow._answer

    def start(self, patch: pytest.MonkeyPatch) -> None:
        mlflow = self._house.mlflow
        patch.setattr(mlflow, "_answer", self.answer)
        patch.setattr(mlflow, "model_pages", self.model_pages)
        patch.setattr(mlflow, "version_pages", self.version_pages)

    def answer(self) -> None:
        self._answer()
        if self._mood() == "fails":
            raise AWAY

    def model_pages(self, *, newest_first: bool = False) -> Iterator[Sequence[SeenModel]]:
        return self._spoilt(self._model_pages(newest_first=newest_first))

    def version_pages(self, *, newest_first: bool = False) -> Iterator[Sequence[SeenVersion]]:
        return self._spoilt(self._version_pages(newest_first=newest_first))

    def _spoilt(self, pages: Iterator[Any]) -> Iterator[Any]:
        for page in pages:
            mood = self._mood()
            if mood == "cut":
                yield page[: len(page) // 2]
            elif mood == "shuffled":
                yield self._random.sample(list(page), len(page))
            else:
                yield page

    def _mood(self) -> str:
        return self._moods.pop() if self._moods else "well"


@pytest.mark.parametrize("small", [True, False], ids=["read whole", "read by its news"])
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    first=changes, meanwhile=changes, spoilt=moods, page_rows=st.integers(1, 3), seed=st.integers()
)
def test_however_mlflow_answers_no_model_is_lost_and_none_invented(
    _sqlite_cast: Path,  # noqa: PT019 - only its file is wanted
    small: bool,  # noqa: FBT001 - a parameter of the test
    first: list[tuple[Change, str]],
    meanwhile: list[tuple[Change, str]],
    spoilt: list[str],
    page_rows: int,
    seed: int,
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder) / "countersign.db"
        path.write_bytes(_sqlite_cast.read_bytes())
        house = open_house(f"sqlite:///{path}", Path(folder))
        for name in ("aa", "bb", "cc"):
            _log(house, name)
        for change, name in first:
            change(house, name)
        house.mirror()
        if not small:
            patch.setattr(mirroring, "SMALL", 0)
        before = _ids(house)
        there, ever = set(before), set(before)
        house.mlflow.page_rows = page_rows
        waiting = list(meanwhile)

        def shift() -> None:
            if waiting:
                change, name = waiting.pop(0)
                change(house, name)
                there.intersection_update(_alive(house))
                ever.update(_alive(house))

        house.mlflow.between_pages = shift
        with pytest.MonkeyPatch.context() as bad:
            Moody(house, spoilt, seed).start(bad)
            for _ in range(3):
                house.clock.advance(timedelta(minutes=2))
                with suppress(Unavailable):
                    house.portal.mirror.look(by=MIRROR)
                # Whatever was said, what was there all the time is there under its id.
                now = _ids(house)
                assert {one: now.get(one) for one in there} == {one: before[one] for one in there}
                # And nothing is shown that MLflow never held.
                assert now.keys() <= ever
        house.mlflow.between_pages = lambda: None
        house.clock.advance(timedelta(minutes=2))
        house.mirror()
        assert _shown(house) == _held(house)
        house.portal.store.close()


def _ids(house: House) -> dict[tuple[str, str], str]:
    """The versions in the catalog by number and run, which a rename leaves, with their ids."""
    return {
        (str(version.number), version.run_id): version.id
        for model in models_of(house.portal, by=SYSTEM)
        for version in house.portal.models.versions(model)
    }


def _alive(house: House) -> set[tuple[str, str]]:
    return {
        (str(number), version.run_id)
        for kept in house.mlflow._kept.values()
        for number, version in kept.versions.items()
    }


def _shown(house: House) -> dict[str, tuple[set[int], dict[str, int], str]]:
    return {
        model.name: (
            {version.number for version in house.portal.models.versions(model)},
            {alias.name: alias.number for alias in model.aliases},
            model.description,
        )
        for model in models_of(house.portal, by=SYSTEM)
    }


def _held(house: House) -> dict[str, tuple[set[int], dict[str, int], str]]:
    return {
        name: (set(kept.versions), dict(kept.model.aliases), kept.model.description)
        for name, kept in house.mlflow._kept.items()
    }


# -- a real server behind a line that is worse than any of ours ------------------------------------


class Line(BaseHTTPRequestHandler):
    """Passes questions on to a real MLflow, and spoils the answers as it is told to."""

    server_uri = ""
    moods: Iterator[str] = iter(())
    let_go = threading.Event()

    def do_GET(self) -> None:
        mood = next(self.moods, "well")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if mood == "hangs":
            self.let_go.wait(30)
            return
        answer = httpx.request(
            self.command,
            f"{self.server_uri}{self.path}",
            content=body,
            headers={"Content-Type": "application/json"},
            trust_env=False,
            timeout=60,
        )
        status, content = answer.status_code, answer.content
        if mood == "500":
            status, content = 500, b'{"error_code": "INTERNAL_ERROR", "message": "boom"}'
        if mood == "cut page":
            content = _cut_page(content)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if mood == "torn" else content)

    do_POST = do_GET  # noqa: N815 - the library's name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


def _cut_page(content: bytes) -> bytes:
    """A listing with half of its rows, as if the others had never been there."""
    told = json.loads(content)
    for rows in (value for value in told.values() if isinstance(value, list)):
        del rows[len(rows) // 2 :]
    return json.dumps(told).encode()


@contextmanager
def line(uri: str, moods: Sequence[str]) -> Iterator[str]:
    let_go = threading.Event()
    handler = type("Spoilt", (Line,), {"server_uri": uri, "moods": iter(moods), "let_go": let_go})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            let_go.set()
            server.shutdown()
            thread.join(10)


TROUBLE: Final = {
    "500": ["500", "well", "500", "500", "well", "well", "well", "500"],
    "hangs": ["well", "well", "well", "hangs", "well", "hangs"],
    "torn": ["torn", "well", "well", "torn", "well", "well", "well", "torn", "torn"],
    "cut page": ["well", *["cut page"] * 9],
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_a_real_mlflow_over_a_bad_line_loses_no_model_and_invents_none(
    mlflow_server: str,
    _sqlite_template: Path,  # noqa: PT019 - only its file is wanted
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trouble: str,
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    client = mlflow_client(mlflow_server)
    names = {f"bad line, {trouble}, {number}" for number in range(4)}
    for name in names:
        client.create_registered_model(name)
        client.create_model_version(name, "s3://models/1")
    (tmp_path / "countersign.db").write_bytes(_sqlite_template.read_bytes())
    clock = SetClock(AT)

    def look(uri: str) -> dict[str, str]:
        given = {"DATA_DIR": str(tmp_path), "MLFLOW_TRACKING_URI": uri}
        portal = build(from_environment(given), jobs=FakeJobs(), clock=clock)
        for _ in range(3):
            clock.advance(timedelta(minutes=2))
            with suppress(Unavailable):
                portal.mirror.look(by=MIRROR)
        ids = {
            model.name: model.id
            for model in models_of(portal, by=SYSTEM)
            if model.name.startswith(f"bad line, {trouble}")
        }
        portal.store.close()
        return ids

    before = look(mlflow_server)
    assert before.keys() == names
    with line(mlflow_server, TROUBLE[trouble]) as spoilt:
        assert look(spoilt) == before
    assert look(mlflow_server) == before
