"""Webhooks of MLflow: signed, fresh and taken once, or refused and recorded; only ever a hint."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from app.api import create_api
from app.settings import from_environment
from catalog.registry.mirror import hints as mirror_hints
from catalog.registry.mirror.hints import LARGEST_BYTES, MirrorHints
from tests.cast import House

SECRET = "a secret of at least sixteen characters"
MOVED = {
    "entity": "model_version_alias",
    "action": "created",
    "timestamp": "2026-11-20T09:12:00Z",
    "data": {"name": "credit-pd", "alias": "champion", "version": "2"},
}


class Mlflow:
    """Sends what MLflow sends, or what somebody sends who would like to be it."""

    def __init__(self, house: House) -> None:
        hints = MirrorHints(
            house.portal.ledger, house.jobs, {"main": (SECRET, "the next one of it")}
        )
        self.house = house
        self.portal = replace(house.portal, mirror_hints=hints)
        self.client = TestClient(create_api(self.portal), raise_server_exceptions=False)

    def send(
        self,
        payload: object = MOVED,
        *,
        delivery: str = "d-1",
        secret: str = SECRET,
        late: timedelta = timedelta(0),
        server: str = "main",
        body: bytes | None = None,
        **headers: str,
    ) -> httpx.Response:
        raw = json.dumps(payload).encode() if body is None else body
        at = str(int(self.house.clock.now().timestamp() - late.total_seconds()))
        signed = hmac.new(secret.encode(), f"{delivery}.{at}.".encode() + raw, hashlib.sha256)
        answer: httpx.Response = self.client.post(
            f"/webhooks/mlflow/{server}",
            content=raw,
            headers={
                "X-MLflow-Delivery-Id": delivery,
                "X-MLflow-Timestamp": at,
                "X-MLflow-Signature": "v1," + base64.b64encode(signed.digest()).decode(),
                **headers,
            },
        )
        return answer

    def refusals(self) -> list[tuple[str, str]]:
        found = self.house.records("webhook:receive", outcome="refused")
        return [(one.resource, one.reason) for one in found]

    def asked(self) -> list[str]:
        return [job.payload["model"] for job in self.house.jobs.waiting("refresh-model")]


@pytest.fixture
def mlflow(small_house: House) -> Mlflow:
    return Mlflow(small_house)


def test_a_delivery_has_its_model_read_again(mlflow: Mlflow) -> None:
    house = mlflow.house
    house.credit()
    house.mlflow.point("credit-pd", "champion", 2)
    assert mlflow.send().status_code == 202
    assert mlflow.asked() == ["credit-pd"]
    house.work()
    champion = house.model().alias("champion")
    assert champion is not None
    assert champion.number == 2
    assert mlflow.refusals() == []


def test_nothing_in_a_delivery_is_believed_but_the_name(mlflow: Mlflow) -> None:
    house = mlflow.house
    house.credit()
    mlflow.send()  # it says that champion is 2, and MLflow does not
    house.work()
    champion = house.model().alias("champion")
    assert champion is not None
    assert champion.number == 1


def test_a_secret_that_takes_another_s_place_is_good_beside_it(mlflow: Mlflow) -> None:
    assert mlflow.send(secret="the next one of it").status_code == 202


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"secret": "some other secret of somebody"}, "webhook-signature"),
        ({"X-MLflow-Signature": ""}, "webhook-signature"),
        ({"X-MLflow-Signature": "v1,\u00e4"}, "webhook-signature"),
        ({"X-MLflow-Delivery-Id": "d-2"}, "webhook-signature"),
        ({"late": timedelta(minutes=6)}, "webhook-old"),
        ({"late": timedelta(minutes=-6)}, "webhook-old"),
        ({"late": timedelta(days=-10_000_000)}, "webhook-old"),
    ],
    ids=["secret", "none", "no base64", "another delivery's", "old", "ahead", "in no calendar"],
)
def test_a_delivery_that_is_not_the_server_s_own_is_refused_and_recorded(
    mlflow: Mlflow, wrong: dict[str, object], reason: str
) -> None:
    given = {
        name: value.encode() if isinstance(value, str) and name.startswith("X-") else value
        for name, value in wrong.items()
    }
    answer = mlflow.send(**given)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["error"]) == (403, reason)
    assert mlflow.refusals() == [("webhook:main", reason)]
    assert mlflow.asked() == []


def test_a_delivery_that_was_changed_on_its_way_is_refused(mlflow: Mlflow) -> None:
    good = mlflow.send(delivery="d-9")
    changed = mlflow.client.post(
        "/webhooks/mlflow/main",
        content=good.request.content.replace(b"credit-pd", b"other-one"),
        headers=dict(good.request.headers) | {"content-length": str(len(good.request.content))},
    )
    assert changed.json()["error"] == "webhook-signature"


def test_a_delivery_is_taken_once(house: House) -> None:
    mlflow = Mlflow(house)
    assert mlflow.send().status_code == 202
    again = mlflow.send()
    assert (again.status_code, again.json()["error"]) == (409, "webhook-replayed")
    assert mlflow.refusals() == [("webhook:main", "webhook-replayed")]
    assert mlflow.asked() == ["credit-pd"]
    mlflow.house.clock.advance(timedelta(minutes=20))
    assert mlflow.send(late=timedelta(minutes=20)).json()["error"] == "webhook-old"


def test_a_server_of_which_no_webhook_is_expected_is_unknown(mlflow: Mlflow) -> None:
    for server in ("lab", "nobody", "x" * 300):
        answer = mlflow.send(server=server)
        assert (answer.status_code, answer.json()["error"]) == (404, "webhook-unknown")
    assert mlflow.refusals() == [("webhook:unknown", "webhook-unknown")]


def test_a_bearer_token_opens_nothing_here(mlflow: Mlflow) -> None:
    answer = mlflow.client.post(
        "/webhooks/mlflow/main", json=MOVED, headers={"Authorization": "Bearer csn_whatever"}
    )
    assert answer.status_code == 403


def test_refusals_of_one_hour_are_recorded_once_and_counted(mlflow: Mlflow) -> None:
    for number in range(20):
        mlflow.send(delivery=f"d-{number}", secret="some other secret of somebody")
    assert mlflow.refusals() == [("webhook:main", "webhook-signature")]


def test_a_delivery_that_is_too_large_is_refused(mlflow: Mlflow) -> None:
    assert mlflow.send(body=b"x" * (LARGEST_BYTES + 1)).status_code == 422


def test_a_flood_is_told_to_come_again_later(
    mlflow: Mlflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror_hints, "MOST_A_MINUTE", 3)
    answers = [mlflow.send(delivery=f"d-{number}").status_code for number in range(4)]
    assert answers == [202, 202, 202, 429]
    mlflow.house.clock.advance(timedelta(minutes=2))
    assert mlflow.send(delivery="d-later").status_code == 202


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"data": 1}',
        b'{"data": {"name": 7}}',
        b'{"data": {"name": ""}}',
        b'{"data": {"name": "a\\u0000b"}}',
        b'{"data": {"name": "half \\ud800"}}',
        b'{"data": {"name": "' + b"n" * 600 + b'"}}',
        b"\xff\xfe",
        b"[" * 2000,
    ],
)
def test_a_signed_delivery_that_names_no_model_asks_for_nothing(
    mlflow: Mlflow, body: bytes
) -> None:
    assert mlflow.send(body=body).status_code == 202
    assert mlflow.asked() == []


def test_a_name_nobody_knows_is_read_and_found_missing(mlflow: Mlflow) -> None:
    mlflow.send({"data": {"name": "never heard of"}})
    mlflow.house.work()
    assert mlflow.house.jobs.waiting() == []


# -- somebody opens a page -------------------------------------------------------------------------


def test_a_page_that_opens_has_its_model_read_again_once_a_minute(house: House) -> None:
    model = house.credit()
    hints = MirrorHints(house.portal.ledger, house.jobs, {})
    house.mlflow.describe("credit-pd", "Rewritten.")
    for _ in range(3):
        hints.opened(model, by=house.alice)
    hints._writer.shutdown()
    assert [job.payload for job in house.jobs.waiting("refresh-model")] == [
        {"server": "main", "workspace": "default", "model": "credit-pd"}
    ]
    house.work()
    assert house.model().description == "Rewritten."
    again = MirrorHints(house.portal.ledger, house.jobs, {})
    again.opened(model, by=house.bob)
    house.clock.advance(timedelta(minutes=1))
    again.opened(model, by=house.bob)
    again._writer.shutdown()
    assert len(house.jobs.waiting("refresh-model")) == 1


def test_who_may_not_see_a_model_asks_for_nothing(small_house: House) -> None:
    model = small_house.credit()
    hints = MirrorHints(small_house.portal.ledger, small_house.jobs, {})
    hints.opened(model, by=small_house.dave)
    hints._writer.shutdown()
    assert small_house.jobs.waiting("refresh-model") == []


def test_settings_name_the_secrets_of_each_server(tmp_path: Path) -> None:
    settings = from_environment(
        {
            "DATA_DIR": str(tmp_path),
            "MLFLOW_SERVERS": "risk-lab=http://risk.example:5000",
            "MLFLOW_WEBHOOK_SECRET": f"{'a' * 20} {'b' * 20}",
            "MLFLOW_WEBHOOK_SECRET_RISK_LAB": "c" * 20,
        }
    )
    assert settings.webhook_secrets == {"main": ("a" * 20, "b" * 20), "risk-lab": ("c" * 20,)}
    assert "aaaa" not in repr(settings)
