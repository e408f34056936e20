"""Behind MLflow's own sign-in: whoever is not signed in stays out, whoever is is guarded too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.guard.scene import ALIASES, FILES, HEADER, PORTAL, guarded, refusal, ticket
from tests.stack import MlflowServer

ADMIN = ("admin", "correct horse battery staple")
BOB = ("bob", "a password of more than twelve")
EVE = ("eve", "another one of more than twelve")
API = "/api/2.0/mlflow"
NAME = "behind a sign-in"
MOVE = {"name": NAME, "alias": "champion", "version": "1"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A server with sign-in and guard. Bob may change the one model, Eve nothing."""
    folder = tmp_path_factory.mktemp("signed-in")
    ini = folder / "auth.ini"
    ini.write_text(
        "[mlflow]\n"
        "default_permission = NO_PERMISSIONS\n"
        f"database_uri = sqlite:///{folder / 'auth.db'}\n"
        f"admin_username = {ADMIN[0]}\nadmin_password = {ADMIN[1]}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        "auth_cache_ttl_seconds = 60\n"
    )
    made = guarded(
        folder,
        app="countersign-basic-auth",
        MLFLOW_AUTH_CONFIG_PATH=str(ini),
        MLFLOW_FLASK_SERVER_SECRET_KEY="a key of these tests alone",
    )
    made.start()
    try:
        made.wait()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def folder(server: MlflowServer) -> str:
    """Where the files of the model's version are."""
    with asking(server, ADMIN) as admin:

        def ask(path: str, **body: str) -> dict[str, Any]:
            answer = admin.post(path, json=body)
            assert answer.is_success, answer.text
            return dict(answer.json())

        for name, password in (BOB, EVE):
            ask(f"{API}/users/create", username=name, password=password)
        run = ask(f"{API}/runs/create", experiment_id="0")["run"]["info"]
        source = f"{run['artifact_uri']}/model"
        ask(f"{API}/registered-models/create", name=NAME)
        ask(f"{API}/model-versions/create", name=NAME, source=source, run_id=run["run_id"])
        for kind, which in (("registered_model", NAME), ("experiment", "0")):
            ask(
                "/api/3.0/mlflow/users/permissions/grant",
                username=BOB[0],
                resource_type=kind,
                resource_id=which,
                permission="EDIT",
            )
    return str(source.partition(":/")[2])


def asking(server: MlflowServer, who: tuple[str, str] | None) -> httpx.Client:
    """Somebody's way to the server."""
    return httpx.Client(base_url=server.uri, auth=who, trust_env=False, timeout=60)


def test_a_ticket_opens_no_door_to_whoever_is_not_signed_in(
    server: MlflowServer, folder: str
) -> None:
    for who in (None, (BOB[0], "a wrong password")):
        with asking(server, who) as stranger:
            shown = {HEADER: ticket(NAME)}
            assert stranger.post(ALIASES, json=MOVE, headers=shown).status_code == 401
            assert stranger.put(f"{FILES}/{folder}/a.txt", content="x").status_code == 401
            assert stranger.get(f"{FILES}/{folder}/a.txt").status_code == 401


def test_a_ticket_gives_nobody_rights_that_mlflow_does_not_give(
    server: MlflowServer, folder: str
) -> None:
    with asking(server, EVE) as eve:
        answer = eve.post(ALIASES, json=MOVE, headers={HEADER: ticket(NAME)})
        assert (answer.status_code, answer.text) == (403, "Permission denied")
        assert eve.put(f"{FILES}/{folder}/a.txt", content="x").status_code == 403
    with asking(server, ADMIN) as admin:
        found = admin.get(f"{API}/registered-models/get", params={"name": NAME}).json()
        assert "aliases" not in found["registered_model"]


@pytest.mark.parametrize("who", [BOB, ADMIN], ids=lambda who: who[0])
def test_whoever_may_edit_is_guarded_as_administrators_are(
    server: MlflowServer, folder: str, who: tuple[str, str]
) -> None:
    with asking(server, who) as somebody:
        assert PORTAL in refusal(somebody.post(ALIASES, json=MOVE))
        free = {**MOVE, "alias": f"challenger-{who[0]}"}
        assert somebody.post(ALIASES, json=free).is_success
        assert somebody.put(f"{FILES}/{folder.rpartition('/')[0]}/{who[0]}.txt").is_success


def test_with_rights_and_a_ticket_the_alias_moves_and_the_files_are_sealed(
    server: MlflowServer, folder: str
) -> None:
    with asking(server, BOB) as bob, asking(server, ADMIN) as admin:
        assert bob.put(f"{FILES}/{folder}/MLmodel", content="as approved").is_success
        moved = bob.post(ALIASES, json=MOVE, headers={HEADER: ticket(NAME)})
        assert moved.is_success, moved.text
        for somebody in (bob, admin):
            told = refusal(somebody.put(f"{FILES}/{folder}/MLmodel", content="other"))
            assert "approved as it is" in told
        assert bob.get(f"{FILES}/{folder}/MLmodel").text == "as approved"
    assert f"refused to {BOB[0]}: The alias 'champion'" in server.said
