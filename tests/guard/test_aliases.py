"""A protected alias moves by a ticket, once; everything else is as it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import pytest
from joserfc.jwk import OKPKey
from mlflow import MlflowClient
from mlflow.exceptions import RestException

from tests.guard.scene import (
    ALIASES,
    HEADER,
    PORTAL,
    another,
    champion,
    make,
    put,
    refusal,
    set_alias,
    ticket,
)
from tests.stack import MlflowServer

REGISTRY = "/api/2.0/mlflow"


def live(server: MlflowServer, name: str, versions: int = 2) -> None:
    """A model whose first version is the champion by a ticket."""
    make(server.client, name, versions)
    assert set_alias(server, name, 1, ticket(name)).is_success
    assert champion(server, name) == 1


@pytest.fixture(scope="module")
def standing(server: MlflowServer) -> str:
    """A model for whatever should change nothing: its champion is the first of three versions."""
    live(server, "standing", 3)
    return "standing"


def test_mlflows_own_client_is_refused_in_one_call_and_told_where_to_ask(
    server: MlflowServer, request: pytest.FixtureRequest
) -> None:
    name = "one call"
    make(server.client, name)
    before = server.said.count(f'"POST {ALIASES} HTTP/1.1" 403')
    with pytest.raises(RestException) as told:
        server.client.set_registered_model_alias(name, "champion", "1")
    assert told.value.error_code == "PERMISSION_DENIED"
    assert told.value.get_http_status_code() == 403
    assert f"Ask for a release: {PORTAL}" in told.value.message
    assert champion(server, name) is None
    assert server.said.count(f'"POST {ALIASES} HTTP/1.1" 403') == before + 1


def test_a_ticket_moves_the_alias_once(server: MlflowServer) -> None:
    name = "moved once"
    live(server, name)
    shown = ticket(name, 2)
    assert set_alias(server, name, 2, shown).is_success
    assert champion(server, name) == 2
    back = ticket(name)
    assert set_alias(server, name, 1, back).is_success
    assert "was used before" in refusal(set_alias(server, name, 2, shown))
    assert champion(server, name) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": "another model"},
        {"version": 3},
        {"alias": "shadow"},
        {"workspace": "lab"},
        {"aud": "lab"},
        {"act": "seal"},
        {"act": "delete-alias"},
        {"exp": 1_700_000_000, "iat": 1_700_000_000},
    ],
    ids=str,
)
def test_a_ticket_for_something_else_moves_nothing(
    server: MlflowServer, standing: str, wrong: dict[str, Any]
) -> None:
    shown = ticket(**{"model": standing, "version": 2, **wrong})
    assert "ticket" in refusal(set_alias(server, standing, 2, shown))
    assert champion(server, standing) == 1


def test_a_version_that_is_not_there_costs_no_ticket(server: MlflowServer) -> None:
    name = "not there yet"
    make(server.client, name)
    shown = ticket(name, 2)
    assert set_alias(server, name, 2, shown).status_code == 404
    another(server.client, name)
    assert set_alias(server, name, 2, shown).is_success
    assert champion(server, name) == 2


def test_of_many_who_show_one_ticket_at_once_one_is_let_through(server: MlflowServer) -> None:
    name = "at once"
    live(server, name)
    for count in range(1, 6):
        shown = ticket(name, 2)
        with ThreadPoolExecutor(8) as crowd:
            answers = list(crowd.map(partial(set_alias, server, name, 2), [shown] * 8))
        assert sorted(answer.status_code for answer in answers) == [200] + [403] * 7
        with sqlite3.connect(server.database) as database:
            spent = database.execute(
                "SELECT count(*) FROM countersign_guard_tickets WHERE model = ? AND version = 2",
                (name,),
            ).fetchone()[0]
        assert spent == count


# -- by every way in -------------------------------------------------------------------------------


def _json(name: str) -> dict[str, str]:
    return {"name": name, "alias": "champion", "version": "2"}


SPELLINGS: dict[str, Callable[[httpx.Client, str], httpx.Response]] = {
    "rest": lambda c, n: c.post(ALIASES, json=_json(n)),
    "ajax": lambda c, n: c.post(ALIASES.replace("/api/", "/ajax-api/"), json=_json(n)),
    "slashes": lambda c, n: c.post(ALIASES.replace("/mlflow", "//mlflow"), json=_json(n)),
    "leading slashes": lambda c, n: c.post("//" + ALIASES, json=_json(n)),
    "trailing slash": lambda c, n: c.post(ALIASES + "/", json=_json(n)),
    "percent": lambda c, n: c.post(ALIASES.replace("alias", "%61lias"), json=_json(n)),
    "percent slash": lambda c, n: c.post(ALIASES.replace("/alias", "%2Falias"), json=_json(n)),
    "dots": lambda c, n: c.post(ALIASES.replace("/alias", "/./alias"), json=_json(n)),
    "capitals": lambda c, n: c.post(ALIASES.upper(), json=_json(n)),
    "parameters": lambda c, n: c.post(ALIASES, params=_json(n)),
    "parameters and json": lambda c, n: c.post(
        ALIASES, params={**_json(n), "alias": "shadow"}, json=_json(n)
    ),
    "text": lambda c, n: c.post(
        ALIASES,
        content=httpx.Request("POST", "http://x", json=_json(n)).content,
        headers={"Content-Type": "text/plain"},
    ),
    "json in json": lambda c, n: c.post(
        ALIASES, json=httpx.Request("POST", "http://x", json=_json(n)).content.decode()
    ),
    "twice": lambda c, n: c.post(
        ALIASES,
        content=f'{{"alias": "shadow", "name": "{n}", "version": "2", "alias": "champion"}}',
        headers={"Content-Type": "application/json"},
    ),
    "form": lambda c, n: c.post(ALIASES, data=_json(n)),
    "get": lambda c, n: c.get(ALIASES, params=_json(n)),
    "head": lambda c, n: c.head(ALIASES, params=_json(n)),
    "put": lambda c, n: c.put(ALIASES, json=_json(n)),
    "patch": lambda c, n: c.patch(ALIASES, json=_json(n)),
    "options": lambda c, n: c.request("OPTIONS", ALIASES, json=_json(n)),
    "method override": lambda c, n: c.get(
        ALIASES, params=_json(n), headers={"X-HTTP-Method-Override": "POST"}
    ),
    "graphql": lambda c, n: c.post(
        "/graphql",
        json={
            "query": "mutation m($i: MlflowSetRegisteredModelAliasInput) "
            "{ mlflowSetRegisteredModelAlias(input: $i) { apiError { message } } }",
            "variables": {"i": _json(n)},
        },
    ),
    "stage": lambda c, n: c.post(
        f"{REGISTRY}/model-versions/transition-stage",
        json={"name": n, "version": "2", "stage": "Production"},
    ),
    "old stage": lambda c, n: c.post(
        f"{REGISTRY}/model-versions/transition-stage",
        json={"name": n, "version": "1", "stage": "Archived"},
    ),
    "alias away": lambda c, n: c.request("DELETE", ALIASES, json={"name": n, "alias": "champion"}),
    "version away": lambda c, n: c.request(
        "DELETE", f"{REGISTRY}/model-versions/delete", json={"name": n, "version": "1"}
    ),
    "version away, written oddly": lambda c, n: c.request(
        "DELETE", f"{REGISTRY}/model-versions/delete", json={"name": n, "version": " 01"}
    ),
    "model away": lambda c, n: c.request(
        "DELETE", f"{REGISTRY}/registered-models/delete", json={"name": n}
    ),
    "model renamed": lambda c, n: c.post(
        f"{REGISTRY}/registered-models/rename", json={"name": n, "new_name": f"{n} two"}
    ),
}
REFUSED = {
    *("rest", "ajax", "json in json", "twice", "percent", "stage", "old stage", "alias away"),
    *("version away", "version away, written oddly", "model away", "model renamed"),
    "parameters and json",
}


@pytest.mark.parametrize("how", SPELLINGS)
def test_nobody_moves_the_champion_by_any_way_in(
    server: MlflowServer, standing: str, how: str
) -> None:
    with httpx.Client(
        base_url=server.uri, trust_env=False, timeout=60, follow_redirects=True
    ) as caller:
        answer = SPELLINGS[how](caller, standing)
    if how in REFUSED:
        assert PORTAL in refusal(answer)
    after = server.client.get_model_version(standing, "1")
    assert (after.current_stage, after.status, after.aliases) == ("None", "READY", ["champion"])


@pytest.mark.parametrize("alias", ["CHAMPION", "Champion", "chämpion"])
def test_an_alias_that_some_database_takes_for_the_protected_one_is_refused(
    server: MlflowServer, standing: str, alias: str
) -> None:
    assert PORTAL in refusal(set_alias(server, standing, 2, alias=alias))


def test_a_ticket_deletes_the_alias_of_its_version_once(server: MlflowServer) -> None:
    name = "taken down"
    live(server, name)

    def delete(shown: str) -> httpx.Response:
        return httpx.request(
            "DELETE",
            server.uri + ALIASES,
            json={"name": name, "alias": "champion"},
            headers={HEADER: shown} if shown else {},
            trust_env=False,
            timeout=60,
        )

    assert f"Ask for its retirement: {PORTAL}" in refusal(delete(""))
    for wrong in (
        {"version": 2},
        {"act": "set-alias"},
        {"act": "seal"},
        {"alias": "shadow"},
        {"model": "another model"},
        {"workspace": "lab"},
    ):
        other = ticket(**{"model": name, "act": "delete-alias", **wrong})  # type: ignore[arg-type]
        assert "something else" in refusal(delete(other))
    elsewhere = ticket(name, act="delete-alias", aud="lab")
    assert "another MLflow server" in refusal(delete(elsewhere))
    forged = ticket(name, act="delete-alias", key=OKPKey.generate_key("Ed25519"))
    assert "not signed" in refusal(delete(forged))
    assert champion(server, name) == 1
    shown = ticket(name, 1, act="delete-alias")
    assert delete(shown).is_success
    assert champion(server, name) is None
    assert set_alias(server, name, 1, ticket(name)).is_success
    assert "was used before" in refusal(delete(shown))
    assert champion(server, name) == 1


# -- as before -------------------------------------------------------------------------------------


def test_mlflows_own_client_does_all_else_as_before(server: MlflowServer) -> None:
    client: MlflowClient = server.client
    name, other = "free to change", "free to change again"
    first, second = make(client, name, 2)
    client.update_registered_model(name, description="A model.")
    client.set_registered_model_tag(name, "team", "risk")
    client.set_model_version_tag(name, "1", "checked", "yes")
    client.update_model_version(name, "1", description="A version.")
    client.set_registered_model_alias(name, "challenger", "1")
    client.set_registered_model_alias(name, "challenger", "2")
    found = client.get_model_version_by_alias(name, "challenger")
    assert (int(found.version), found.source) == (2, f"models:/{second.model_id}")
    assert client.get_model_version(name, "1").tags["checked"] == "yes"
    assert [one.name for one in client.search_registered_models(f"name = '{name}'")] == [name]
    assert len(client.search_model_versions(f"name = '{name}'")) == 2
    client.delete_registered_model_alias(name, "challenger")
    client.delete_model_version_tag(name, "1", "checked")
    client.delete_registered_model_tag(name, "team")
    copied = client.copy_model_version(f"models:/{name}/1", other)
    assert int(copied.version) == 1
    assert put(server, f"{first.folder}/MLmodel", "flavors: {}").is_success
    client.delete_model_version(name, "1")
    client.rename_registered_model(name, "renamed as before")
    client.delete_registered_model("renamed as before")
    assert client.search_registered_models(f"name = '{name}'") == []


def test_what_mlflow_itself_refuses_is_refused_in_its_words(server: MlflowServer) -> None:
    make(server.client, "own words")
    missing = httpx.post(server.uri + ALIASES, json={"name": "own words"}, trust_env=False)
    assert missing.status_code == 400
    assert "Missing value for required parameter" in missing.json()["message"]
    with pytest.raises(RestException, match="RESOURCE_DOES_NOT_EXIST"):
        server.client.delete_model_version("own words", "9")
    with pytest.raises(RestException, match="RESOURCE_DOES_NOT_EXIST"):
        server.client.delete_registered_model("no such model")
