"""The files of a version that was approved stay as they are; all others may be written."""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest
from countersign_guard.places import Places, upwards

from tests.guard.scene import (
    FILES,
    HEADER,
    PORTAL,
    Made,
    another,
    guarded,
    make,
    put,
    refusal,
    set_alias,
    ticket,
)
from tests.stack import MlflowServer

RAW = "/api/2.0/mlflow-artifacts"


@pytest.fixture(scope="module")
def approved(server: MlflowServer) -> Made:
    """The champion of a model, by a ticket, with one file."""
    # In an experiment of its own: below another's folder other tests' versions are approved too.
    its_own = server.client.create_experiment("approved files")
    version = make(server.client, "approved files", experiment=its_own)[0]
    assert put(server, f"{version.folder}/model.skops", "as approved").is_success
    assert set_alias(server, version.name, 1, ticket(version.name)).is_success
    return version


def content(server: MlflowServer, version: Made) -> str:
    answer = httpx.get(f"{server.uri}{FILES}/{version.folder}/model.skops", trust_env=False)
    assert answer.is_success, answer.text
    return answer.text


def as_written(server: MlflowServer, method: str, path: str, text: str) -> int:
    """Send a path exactly as it is written, where httpx would tidy it, and go where one is sent."""
    for _ in range(5):
        caller = HTTPConnection("127.0.0.1", server.port, timeout=60)
        caller.request(method, path, text)
        answer = caller.getresponse()
        caller.close()
        if answer.status not in {307, 308}:
            return answer.status
        path = str(answer.headers["Location"]).removeprefix(server.uri)
    return answer.status


WAYS: dict[str, Callable[[httpx.Client, Made], httpx.Response]] = {
    "over it": lambda c, v: c.put(f"{FILES}/{v.folder}/model.skops", content="other"),
    "beside it": lambda c, v: c.put(f"{FILES}/{v.folder}/more/new.py", content="other"),
    "ajax": lambda c, v: c.put(
        f"{FILES.replace('/api/', '/ajax-api/')}/{v.folder}/model.skops", content="other"
    ),
    "delete": lambda c, v: c.delete(f"{FILES}/{v.folder}/model.skops"),
    "delete all": lambda c, v: c.delete(f"{FILES}/{v.folder}"),
    "delete what holds it": lambda c, v: c.delete(f"{FILES}/{v.folder.rpartition('/')[0]}"),
    "delete the experiment": lambda c, v: c.delete(f"{FILES}/{v.folder.split('/')[0]}"),
    "parts": lambda c, v: c.post(
        f"{RAW}/mpu/create/{v.folder}", json={"path": "model.skops", "num_parts": 1}
    ),
    "parts, by the name": lambda c, v: c.post(
        f"{RAW}/mpu/create/{v.folder.rpartition('/')[0]}",
        json={"path": "elsewhere/artifacts", "num_parts": 1},
    ),
    "parts, by the path": lambda c, v: c.post(
        f"{RAW}/mpu/create/{v.folder.split('/')[0]}",
        json={"path": f"{v.folder.partition('/')[2]}/model.skops", "num_parts": 1},
    ),
    "parts, the end": lambda c, v: c.post(
        f"{RAW}/mpu/complete/{v.folder}",
        json={"path": "model.skops", "upload_id": "1", "parts": [{"part_number": 1, "etag": "1"}]},
    ),
    "parts, given up": lambda c, v: c.post(
        f"{RAW}/mpu/abort/{v.folder}", json={"path": "model.skops", "upload_id": "1"}
    ),
    "signed address": lambda c, v: c.post(
        "/api/2.0/mlflow/artifacts/presigned-upload-url",
        json={"model_id": v.model_id, "path": "model.skops"},
    ),
    "the logged model": lambda c, v: c.delete(f"/api/2.0/mlflow/logged-models/{v.model_id}"),
    "an experiment inside": lambda c, v: c.post(
        "/api/2.0/mlflow/experiments/create",
        json={"name": "inside", "artifact_location": f"mlflow-artifacts:/{v.folder}/x"},
    ),
}


@pytest.mark.parametrize("how", WAYS)
def test_files_of_an_approved_version_are_not_written_by_any_way(
    server: MlflowServer, approved: Made, how: str
) -> None:
    with httpx.Client(base_url=server.uri, trust_env=False, timeout=60) as caller:
        told = refusal(WAYS[how](caller, approved))
    assert "version 1 of 'approved files'" in told
    assert PORTAL in told
    assert content(server, approved) == "as approved"


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize(
    "spelled",
    [
        "{files}//{folder}/model.skops",
        "{files}/{head}//{tail}/model.skops",
        "{files}/{head}/./{tail}/model.skops",
        "{files}/{head}/x/../{tail}/model.skops",
        "{files}/{head}%2F{tail}%2Fmodel.skops",
        "{files}/{head}%252F{tail}%252Fmodel.skops",
        "{files}/{head}/%2e/{tail}/model.skops",
        "{files}/file:{folder}/model.skops",
        "{files}/file%3A{folder}/model.skops",
        "{files}/file:file:{folder}/model.skops",
        "{files}/file:///{folder}/model.skops",
        "{files}/{folder}/model%2eskops",
        "{files}/{folder}/model.skops?x=1",
        "{files}/{folder}/model.skops%3F",
        "{files}/{folder}/model.skops/",
        "/{files}/{folder}/model.skops",
    ],
)
def test_files_of_an_approved_version_are_not_written_however_their_address_is_written(
    server: MlflowServer, approved: Made, spelled: str, method: str
) -> None:
    head, _, tail = approved.folder.partition("/")
    path = spelled.format(files=FILES, folder=approved.folder, head=head, tail=tail)
    assert as_written(server, method, path, "other") in {400, 403, 404, 405}
    assert content(server, approved) == "as approved"


def test_files_of_other_versions_are_written_as_before(server: MlflowServer) -> None:
    first, second = make(server.client, "one approved", 2)
    for version in (first, second):
        assert put(server, f"{version.folder}/model.skops", "before").is_success
    assert set_alias(server, first.name, 1, ticket(first.name)).is_success
    refusal(put(server, f"{first.folder}/model.skops", "after"))
    assert put(server, f"{second.folder}/model.skops", "after").is_success
    # A folder whose name only begins alike is another folder.
    assert put(server, f"{first.folder}-not/model.skops", "after").is_success
    deleted = httpx.delete(f"{server.uri}{FILES}/{second.folder}/model.skops", trust_env=False)
    assert deleted.is_success
    uploaded = httpx.post(
        f"{server.uri}/ajax-api/2.0/mlflow/upload-artifact",
        params={"run_uuid": second.run_id, "path": "notes/a.txt"},
        content="text",
        trust_env=False,
    )
    assert uploaded.is_success


def test_what_was_approved_once_stays_as_it_is(server: MlflowServer) -> None:
    first, second = make(server.client, "followed by another", 2)
    for version in (first, second):
        shown = ticket(version.name, version.number)
        assert set_alias(server, version.name, version.number, shown).is_success
    for version in (first, second):
        refusal(put(server, f"{version.folder}/model.skops"))


def test_reading_a_version_with_a_ticket_seals_its_files_before_they_are_compared(
    server: MlflowServer,
) -> None:
    version = make(server.client, "sealed first")[0]
    ask = {"name": version.name, "version": "1"}
    url = f"{server.uri}/api/2.0/mlflow/model-versions/get"

    def read(shown: str) -> httpx.Response:
        return httpx.get(url, params=ask, headers={HEADER: shown}, trust_env=False, timeout=60)

    assert "something else" in refusal(read(ticket(version.name)))
    assert "something else" in refusal(read(ticket(version.name, 2, act="seal")))
    assert put(server, f"{version.folder}/a.txt").is_success
    assert read(ticket(version.name, act="seal")).is_success
    refusal(put(server, f"{version.folder}/a.txt"))


def test_a_model_kept_among_the_files_of_its_run_is_sealed_there(server: MlflowServer) -> None:
    client = server.client
    client.create_registered_model("of a run")
    run = client.create_run("0")
    root = run.info.artifact_uri.partition(":/")[2]
    client.create_model_version("of a run", f"{run.info.artifact_uri}/model", run.info.run_id)
    assert set_alias(server, "of a run", 1, ticket("of a run")).is_success

    def upload(path: str) -> httpx.Response:
        return httpx.post(
            f"{server.uri}/ajax-api/2.0/mlflow/upload-artifact",
            params={"run_uuid": run.info.run_id, "path": path},
            content="text",
            trust_env=False,
        )

    refusal(put(server, f"{root}/model/MLmodel"))
    refusal(upload("model/MLmodel"))
    refusal(upload("model%2FMLmodel"))
    assert put(server, f"{root}/plots/a.png").is_success
    assert upload("plots/a.txt").is_success


def test_what_was_live_before_there_was_a_guard_is_sealed_when_it_starts(tmp_path: Path) -> None:
    before = MlflowServer(tmp_path)
    before.start()
    try:
        before.wait()
        live = make(before.client, "live before")[0]
        free = another(before.client, "live before")
        before.client.set_registered_model_alias("live before", "champion", "1")
    finally:
        before.stop()
    after = guarded(tmp_path)
    after.start()
    try:
        after.wait()
        refusal(put(after, f"{live.folder}/model.skops"))
        assert put(after, f"{free.folder}/model.skops").is_success
    finally:
        after.stop()


def test_workspaces_have_folders_of_their_own(tmp_path: Path) -> None:
    server = guarded(tmp_path, MLFLOW_ENABLE_WORKSPACES="true")
    server.start()
    try:
        server.wait()
        server.client.create_workspace("lab")
        lab = {"X-MLFLOW-WORKSPACE": "lab"}
        with httpx.Client(
            base_url=server.uri + "/api/2.0/mlflow", headers=lab, trust_env=False, timeout=60
        ) as inside:
            experiment = inside.post("/experiments/create", json={"name": "lab"}).json()
            logged = inside.post("/logged-models", json=experiment).json()["model"]["info"]
            inside.post("/registered-models/create", json={"name": "twin"})
            where, model_id = logged["artifact_uri"], logged["model_id"]
            made = inside.post(
                "/model-versions/create",
                json={"name": "twin", "source": f"models:/{model_id}", "model_id": model_id},
            )
            assert made.is_success, made.text
        folder = where.partition(":/")[2]
        inner = folder.removeprefix("workspaces/lab/")
        wrong = set_alias(server, "twin", 1, ticket("twin"))
        assert wrong.status_code == 404
        shown = ticket("twin", workspace="lab")
        in_lab = httpx.post(
            f"{server.uri}/api/2.0/mlflow/registered-models/alias",
            json={"name": "twin", "alias": "champion", "version": "1"},
            headers={**lab, HEADER: shown},
            trust_env=False,
        )
        assert in_lab.is_success, in_lab.text
        for path in (folder, inner):
            refusal(put(server, f"{path}/model.skops", headers=lab))
        assert put(server, f"{inner}/model.skops").is_success
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("mlflow-artifacts:/1/m", "s3://kept/root/1/m"),
        ("mlflow-artifacts://host:5000/1/m/", "s3://kept/root/1/m"),
        ("http://host/api/2.0/mlflow-artifacts/artifacts/1/m", "s3://kept/root/1/m"),
        ("s3://kept/root//1/./m", "s3://kept/root/1/m"),
        ("S3://KEPT/root/1%2Fm", "s3://kept/root/1/m"),
        ("gs://kept/root/1/m", "gs://kept/root/1/m"),
        ("/srv/a/../b", "/srv/b"),
        ("file:///srv/b", "/srv/b"),
        ("file:/srv//b/", "/srv/b"),
    ],
)
def test_one_place_has_one_spelling(address: str, place: str) -> None:
    assert Places("s3://kept/root").of(address) == place


def test_a_place_is_held_by_what_is_above_it() -> None:
    assert list(upwards("s3://kept/a/b")) == ["s3://kept/a/b", "s3://kept/a", "s3://kept"]
    assert list(upwards("/a/b")) == ["/a/b", "/a"]
