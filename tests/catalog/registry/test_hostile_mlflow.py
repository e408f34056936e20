"""Anybody who may register a version decides what it says, and harms nobody else by it."""

from __future__ import annotations

import itertools
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.worker import MIRROR
from catalog.assurance.explanations import LARGEST_MODEL_BYTES, ExplanationState
from catalog.registry import artifacts
from catalog.registry.artifacts import (
    Described,
    at_most,
    insist_small,
    manifest_of,
    on_disk,
    read_mlmodel,
)
from catalog.registry.mirror import mirror
from catalog.registry.mirror.seen import SeenDetails, SeenVersion
from catalog.registry.mlflow.addresses import checked_address
from catalog.registry.mlflow.server import MlflowServer
from ledger.errors import CountersignError, Invalid, NotFound, Unavailable
from tests.cast import SYSTEM, House, models_of
from tests.fakes import AWAY

_NAMES = itertools.count(1)
TOKEN = "only-for-the-tracking-server"
Raw = Callable[..., dict[str, Any]]


# -- where the worker is sent ----------------------------------------------------------------------


@contextmanager
def answering(answers: Mapping[str, object]) -> Iterator[tuple[str, list[str]]]:
    """A server that answers some paths: its address, and what others authenticated with."""
    credentials: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            credentials.append(self.headers.get("Authorization", ""))
            path = self.path.partition("?")[0].rpartition("/mlflow/")[2]
            body = json.dumps(answers.get(path, {})).encode()
            self.send_response(200 if path in answers else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}", credentials
        finally:
            server.shutdown()
            thread.join(10)


@pytest.fixture
def raw(mlflow_server: str) -> Raw:
    """MLflow's API as anybody may speak it, past MLflow's own client."""

    def post(question: str, **body: object) -> dict[str, Any]:
        answer = httpx.post(
            f"{mlflow_server}/api/2.0/mlflow/{question}", json=body, timeout=60, trust_env=False
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    return post


def _registered(server: str, raw: Raw, files: dict[str, bytes], *, started: int = 1) -> SeenVersion:
    """A version somebody registered by hand, with these files in its run's folder."""
    name = f"hostile-{next(_NAMES)}"
    experiment = raw("experiments/create", name=name)["experiment_id"]
    run = raw("runs/create", experiment_id=experiment, start_time=started)["run"]["info"]
    place = run["artifact_uri"].removeprefix("mlflow-artifacts:/")
    for path, content in files.items():
        stored = httpx.put(
            f"{server}/api/2.0/mlflow-artifacts/artifacts/{place}/model/{path}",
            content=content,
            timeout=60,
            trust_env=False,
        )
        assert stored.status_code == 200, stored.text
    raw("registered-models/create", name=name)
    raw(
        "model-versions/create",
        name=name,
        source=f"{run['artifact_uri']}/model",
        run_id=run["run_id"],
    )
    return MlflowServer(server).version(name, 1)


def test_mlflow_s_token_is_not_sent_to_a_host_that_a_version_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A newer MLflow refuses such an address; an older or a configured one does not."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    version = SeenVersion("credit-pd", 1, datetime.now(UTC), "elsewhere", "a1")
    answers: dict[str, object] = {}
    with answering({}) as (elsewhere, heard), answering(answers) as (tracking, asked):
        folder = f"mlflow-artifacts://{elsewhere}/evil"
        answers["registered-models/get"] = {"registered_model": {"name": "credit-pd"}}
        answers["model-versions/get-download-uri"] = {"artifact_uri": folder}
        answers["runs/get"] = {"run": {"info": {"run_id": "a1", "artifact_uri": folder}}}
        answers["experiments/get"] = {"experiment": {"experiment_id": "1", "name": "x"}}
        server = MlflowServer(f"http://{tracking}")
        assert server.details(version).flavors == ()
        for fetch in (server.download, server.download_sample):
            with pytest.raises(Invalid) as told:
                fetch(version, tmp_path)
            assert told.value.code == "artifact-store"
    assert set(asked) == {f"Bearer {TOKEN}"}
    assert heard == []


@pytest.mark.parametrize(
    "address",
    [
        "mlflow-artifacts://evil.example/x",
        "mlflow-artifacts://evil.example:5000/x",
        "mlflow-artifacts://mlflow.example:5001/x",
        "mlflow-artifacts://mlflow.example:5000@evil.example/x",
        "mlflow-artifacts://evil.example\\@mlflow.example:5000/x",
        "mlflow-artifacts://somebody@mlflow.example:5000/x",
        "mlflow-artifacts://[mlflow.example:5000/x",
        "mlflow-artifacts:/../../mlflow/users",
        "mlflow-artifacts:/%2e%2E/x",
        "MLFLOW-ARTIFACTS://evil.example/x",
        "abfss://files@account.evil.example/x",
        "abfss://files@evil.example\\.dfs.core.windows.net/x",
    ],
)
def test_files_are_fetched_from_no_host_but_mlflow_s(address: str) -> None:
    server = MlflowServer("http://worker:secret@mlflow.example:5000")
    with pytest.raises(Invalid) as told:
        server._opened(address)
    assert told.value.code == "artifact-store"
    assert "secret" not in told.value.message


def test_files_at_mlflow_s_own_address_are_asked_of_the_configured_one() -> None:
    server = "http://worker:secret@mlflow.example:5000"
    for host in ("", "//mlflow.example:5000", "//worker:secret@mlflow.example:5000"):
        address = checked_address(f"mlflow-artifacts:{host}/1/model", server)
        assert address == "mlflow-artifacts:/1/model"
    azure = "abfss://files@account.dfs.core.windows.net/x"
    assert checked_address(azure, server) == azure


# -- what MLmodel says -----------------------------------------------------------------------------


def _bomb() -> bytes:
    rows = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    rows += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    return ("signature: {\n" + ",\n".join(rows) + "}\n").encode()


HOSTILE: dict[str, bytes] = {
    "back references": _bomb(),
    "a reference to itself": b"signature: &a {x: *a}\n",
    "a deep nest": b"[" * 20_000,
    "a date": b"signature: {inputs: 2020-01-01}\n",
    "an endless number": b"signature: {inputs: " + b"9" * 5_000 + b"}\n",
    "a number to the base of sixty": b"signature: {inputs: 1" + b":1" * 200 + b"}\n",
    "a list as a key": b"signature: {? [a, b] : c}\n",
    "a program": b"signature: !!python/object/apply:os.system ['true']\n",
    "a text": b"hello",
    "nothing": b"",
    "bytes": bytes(range(256)),
    "too much": b"signature: {" + b",".join(b"k%d: v" % n for n in range(40_000)) + b"}\n",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_an_mlmodel_that_makes_no_sense_says_nothing(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "MLmodel"
    file.write_bytes(content)
    assert read_mlmodel(file) == Described()


def test_a_plain_mlmodel_says_its_flavors_and_its_signature(tmp_path: Path) -> None:
    file = tmp_path / "MLmodel"
    file.write_text(
        'flavors: {sklearn: {}, python_function: {}, "a\\0b": {}, 3: {}}\nsignature: {inputs: "[]"}'
        "\nsaved_input_example_info: {artifact_path: input_example.json, type: dataframe}"
    )
    told = ("sklearn", "python_function"), '{"inputs": "[]"}', "input_example.json"
    assert read_mlmodel(file) == Described(*told)


@pytest.mark.parametrize(
    "files",
    [
        {"MLmodel": HOSTILE["a date"]},
        {"MLmodel": HOSTILE["back references"]},
        {"MLmodel": b"flavors: {sklearn: {}}\n" + b"#" * artifacts.LARGEST_MLMODEL_BYTES},
        {"MLmodel/in/a/folder": b"flavors: {sklearn: {}}\n"},
        {"another": b"file"},
    ],
    ids=["a date", "back references", "too much", "a folder", "none"],
)
def test_a_version_with_a_hostile_mlmodel_is_opened_without_it(
    mlflow_server: str, raw: Raw, files: dict[str, bytes]
) -> None:
    version = _registered(mlflow_server, raw, files)
    details = MlflowServer(mlflow_server).details(version)
    assert (details.flavors, details.signature) == ((), "")
    assert details.run is not None


def test_a_run_that_began_at_no_possible_time_is_read(mlflow_server: str, raw: Raw) -> None:
    version = _registered(mlflow_server, raw, {"MLmodel": b"flavors: {}"}, started=10**18)
    run = MlflowServer(mlflow_server).details(version).run
    assert run is not None
    assert run.started_at is None


# -- one that cannot be read -----------------------------------------------------------------------


@pytest.fixture
def troubled(small_house: House, monkeypatch: pytest.MonkeyPatch) -> _Troubled:
    """Two models of which the newer one, opened first, cannot be."""
    for name in ("zzz-good", "aaa-hostile"):
        small_house.mlflow.register(name)
        small_house.mlflow.log(name)
    trouble = _Troubled(small_house)
    monkeypatch.setattr(small_house.mlflow, "details", trouble.details)
    return trouble


class _Troubled:
    def __init__(self, house: House) -> None:
        self.house = house
        self.problem: Exception | None = AWAY
        self.opened: list[str] = []
        self._details = house.mlflow.details

    def details(self, version: SeenVersion) -> SeenDetails:
        self.opened.append(version.name)
        if version.name.endswith("hostile") and self.problem is not None:
            raise self.problem
        return self._details(version)

    def known(self) -> dict[str, int]:
        """The models in the catalog, and how many numbers are known of version 1 of each."""
        models = models_of(self.house.portal, by=SYSTEM)
        return {one.name: len(self.house.version(1, one.name).metrics) for one in models}


@pytest.mark.parametrize(
    "problem",
    [
        TypeError("Object of type date is not JSON serializable"),
        RecursionError("deep"),
        AWAY,
        Invalid("The version's files lie elsewhere.", code="artifact-store"),
        NotFound("MLflow has no such thing any more."),
    ],
    ids=lambda problem: type(problem).__name__,
)
def test_a_version_that_cannot_be_opened_stops_no_other(
    troubled: _Troubled, problem: Exception
) -> None:
    troubled.problem = problem
    troubled.house.mirror()
    troubled.house.mirror()
    assert troubled.known() == {"aaa-hostile": 0, "zzz-good": 1}
    (state,) = troubled.house.portal.models.mirrored()
    assert (state.succeeded_at, state.problem) == (troubled.house.clock.now(), "")
    troubled.problem = None
    troubled.house.mirror()
    assert troubled.known() == {"aaa-hostile": 1, "zzz-good": 1}


def test_a_model_that_cannot_be_written_down_stops_no_other(small_house: House) -> None:
    small_house.mlflow.register("aaa-hostile", "half a sign: \ud800")
    small_house.mlflow.register("zzz-good")
    small_house.mlflow.log("zzz-good")
    small_house.mirror()
    assert [one.name for one in models_of(small_house.portal, by=SYSTEM)] == ["zzz-good"]


def test_a_model_that_cannot_be_read_again_is_not_called_gone(
    small_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_house.credit()
    small_house.mlflow.register("zzz-good")
    small_house.mlflow.page_rows = 1
    kept = small_house.mlflow._kept.pop("credit-pd")  # as if it slipped between two pages

    def fails(_name: str) -> None:
        raise AWAY

    monkeypatch.setattr(small_house.mlflow, "model", fails)
    small_house.mirror()
    assert small_house.model().gone_at is None
    small_house.mlflow._kept["credit-pd"] = kept
    monkeypatch.undo()
    small_house.mirror()
    assert {one.name for one in models_of(small_house.portal, by=SYSTEM)} == {
        "credit-pd",
        "zzz-good",
    }


def test_a_server_that_goes_away_while_versions_are_opened_ends_the_look(
    troubled: _Troubled, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = troubled.house

    def gone(_version: SeenVersion) -> SeenDetails:
        house.mlflow.trouble = AWAY
        raise AWAY

    monkeypatch.setattr(house.mlflow, "details", gone)
    with pytest.raises(Unavailable):
        house.mirror()
    (state,) = house.portal.models.mirrored()
    assert state.problem == f"{AWAY.message} {AWAY.hint}"


def test_what_could_not_be_opened_waits_behind_the_others_and_is_told_once(
    troubled: _Troubled, caplog: pytest.LogCaptureFixture
) -> None:
    house = troubled.house
    house.mirror()
    house.mlflow.register("mmm-new")
    house.mlflow.log("mmm-new")
    troubled.opened.clear()
    house.mirror()
    assert troubled.opened == ["mmm-new", "aaa-hostile"]
    told = [one.getMessage() for one in caplog.records if one.name == mirror.__name__]
    assert told == [f"version 1 of 'aaa-hostile' cannot be read: {AWAY.message}"]


def test_versions_that_hang_do_not_hold_the_look_for_ever(
    troubled: _Troubled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "_PATIENCE_S", 0.0)
    troubled.house.mirror()
    assert troubled.opened == ["aaa-hostile"]
    assert set(troubled.known()) == {"aaa-hostile", "zzz-good"}
    troubled.house.mirror()
    assert troubled.known() == {"aaa-hostile": 0, "zzz-good": 1}


def test_a_model_renamed_away_and_back_is_followed(house: House) -> None:
    before = house.credit()
    house.mlflow.rename("credit-pd", "other")
    house.mirror()
    house.mlflow.rename("other", "credit-pd")
    house.mirror()
    house.mirror()
    (model,) = models_of(house.portal, by=SYSTEM)
    assert model.name == "credit-pd"
    assert (model.id, model.owner_id) == (before.id, before.owner_id)
    assert [one.number for one in house.portal.models.versions(model)] == [2, 1]


def test_two_looks_at_a_new_model_at_the_same_moment_write_it_down_once(house: House) -> None:
    house.mlflow.register("credit-pd")
    house.mlflow.log("credit-pd")
    together = threading.Barrier(4)
    faults: list[BaseException] = []

    def look() -> None:
        together.wait(30)
        try:
            house.portal.mirror.refresh("credit-pd", by=MIRROR)
        except CountersignError:
            pass  # somebody else was first
        except BaseException as fault:  # noqa: BLE001 - carried to the test's own thread
            faults.append(fault)

    looks = [threading.Thread(target=look) for _ in range(4)]
    for one in looks:
        one.start()
    for one in looks:
        one.join(60)
    assert faults == []
    assert [one.name for one in models_of(house.portal, by=SYSTEM)] == ["credit-pd"]
    assert [one.number for one in house.portal.models.versions(house.model())] == [1]


# -- how much is downloaded ------------------------------------------------------------------------


def test_no_file_of_a_version_is_left_out_of_its_manifest(
    mlflow_server: str, raw: Raw, tmp_path: Path
) -> None:
    """MLflow's own loader writes a note of this name; what is downloaded here has none."""
    plain = _registered(mlflow_server, raw, {"model.skops": b"weights"})
    noted = _registered(mlflow_server, raw, {"registered_model_meta": b"a pickle"})
    kept = []
    for version in (plain, noted):
        (tmp_path / version.name).mkdir()
        kept.append(
            set(
                manifest_of(
                    MlflowServer(mlflow_server).download(version, tmp_path / version.name)
                ).files
            )
        )
    assert kept == [{"model.skops"}, {"registered_model_meta"}]


@pytest.mark.parametrize(
    ("names", "limits"),
    [
        (["weights", "in/a/folder/weights"], (19, 100)),
        (["weights", "in/a/folder/weights"], (1_000, 2)),
        (["/".join(["deep"] * 70)], (1_000, 100)),
    ],
    ids=["bytes", "files", "depth"],
)
def test_a_version_that_is_too_large_is_refused_before_a_byte_is_fetched(
    mlflow_server: str,
    raw: Raw,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    names: list[str],
    limits: tuple[int, int],
) -> None:
    size, most = limits
    version = _registered(mlflow_server, raw, dict.fromkeys(names, b"ten bytes."))
    monkeypatch.setattr(artifacts, "MOST_FILES", most)
    with at_most(size), pytest.raises(Invalid) as told:
        MlflowServer(mlflow_server).download(version, tmp_path)
    assert told.value.code == "artifact-too-large"
    assert told.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_version_within_the_limits_is_fetched_whole(
    mlflow_server: str, raw: Raw, tmp_path: Path
) -> None:
    names = ["weights", "in/a/folder/weights"]
    version = _registered(mlflow_server, raw, dict.fromkeys(names, b"ten bytes."))
    with at_most(20):
        files = MlflowServer(mlflow_server).download(version, tmp_path)
    assert sorted(manifest_of(files).files) == sorted(names)


def test_what_a_listing_did_not_tell_is_counted_on_disk(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"ten bytes.")
    with at_most(9), pytest.raises(Invalid):
        insist_small(on_disk(tmp_path))
    with at_most(9), pytest.raises(Invalid):
        insist_small(on_disk(tmp_path / "weights"))
    insist_small(on_disk(tmp_path))


def test_an_explanation_does_not_fetch_what_it_will_not_explain(
    small_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_house.credit()
    small_house.portal.explanations.request(small_house.version(1).id, by=small_house.alice)

    def download(_version: SeenVersion, into: Path) -> Path:
        insist_small([("model.skops", LARGEST_MODEL_BYTES + 1)])
        return into

    monkeypatch.setattr(small_house.mlflow, "download", download)
    small_house.work()
    told = small_house.portal.explanations.of(small_house.version(1).id, by=small_house.alice)
    assert told is not None
    assert told.state is ExplanationState.FAILED
    assert told.problem.startswith("The version has more than 2 GB of files")


# -- what the operator is told ---------------------------------------------------------------------


def test_the_cause_of_an_outage_is_told_once_a_minute_without_a_secret(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = MlflowServer(f"http://worker:{TOKEN}@127.0.0.1:{free.getsockname()[1]}")
        with caplog.at_level(logging.DEBUG, logger="catalog"):
            for _ in range(3):
                with pytest.raises(Unavailable):
                    server.model("credit-pd")
            told = [one for one in caplog.records if one.name.startswith("catalog")]
            assert [one.levelno for one in told] == [logging.WARNING]
            assert "MlflowException" in told[0].getMessage()
            assert "Connection" in told[0].getMessage()
            for kind in server._to._told:
                server._to._told[kind] -= 60
            with pytest.raises(Unavailable):
                server.model("credit-pd")
    assert len([one for one in caplog.records if one.name.startswith("catalog")]) == 2
    assert TOKEN not in "".join(
        f"{one.getMessage()}{one.exc_text}" for one in caplog.records if one.name != "urllib3"
    )


def test_an_entry_of_a_listing_that_makes_no_sense_hides_no_other() -> None:
    """Times no calendar has, as some gateway or a broken store may answer."""
    good = {"name": "good", "creation_timestamp": 1, "last_updated_timestamp": 1}
    body = {"registered_models": [{**good, "creation_timestamp": 10**18}, good]}
    with answering({"registered-models/search": body}) as (address, _):
        listed = [m for page in MlflowServer(f"http://{address}").model_pages() for m in page]
    assert [(one.name, one.created_at) for one in listed] == [
        ("good", datetime.fromtimestamp(0.001, UTC))
    ]
