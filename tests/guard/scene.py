"""A guarded MLflow server, a portal's key, and models whose files the server keeps."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
from joserfc import jwt
from joserfc.jwk import OKPKey

from app.settings import ROOT
from tests.stack import MlflowServer

if TYPE_CHECKING:
    from mlflow import MlflowClient

HEADER: Final = "X-Countersign-Ticket"
PORTAL: Final = "https://models.example.com"
KEY: Final = OKPKey.generate_key("Ed25519")
ALIASES: Final = "/api/2.0/mlflow/registered-models/alias"
FILES: Final = "/api/2.0/mlflow-artifacts/artifacts"


def public(key: OKPKey) -> str:
    """What the operator of a guarded server is given."""
    return json.dumps(key.as_dict(private=False))


def ticket(
    model: str,
    version: int = 1,
    *,
    key: OKPKey = KEY,
    header: Mapping[str, str] | None = None,
    without: str = "",
    **other: object,
) -> str:
    """A good ticket that moves `champion`, but for what is said to be different."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "jti": f"tkt_{time.monotonic_ns()}",
        "act": "set-alias",
        "aud": "main",
        "workspace": "default",
        "model": model,
        "alias": "champion",
        "version": version,
        "digest": "sha256:00",
        "iat": now,
        "exp": now + 120,
        **other,
    }
    claims.pop(without, None)
    stamp = {"alg": "Ed25519", "typ": "countersign-ticket+jwt", "kid": key.thumbprint()}
    return jwt.encode({**stamp, **(header or {})}, claims, key, algorithms=["Ed25519"])


def guarded(
    folder: Path, *, workers: int = 1, app: str = "countersign", **more: str
) -> MlflowServer:
    """A server that trusts the key; nobody has started it yet."""
    environment = {
        "PYTHONPATH": str(ROOT / "guard"),
        "COUNTERSIGN_GUARD_PUBLIC_KEY": public(KEY),
        "COUNTERSIGN_GUARD_PORTAL": PORTAL,
        **more,
    }
    return MlflowServer(folder, environment, ("--app-name", app, "--workers", str(workers)))


@dataclass(frozen=True)
class Made:
    """A version and where its files are: the path below the artifacts that the server serves."""

    name: str
    number: int
    model_id: str
    run_id: str
    folder: str


def make(
    client: MlflowClient, name: str, versions: int = 1, *, experiment: str = "0"
) -> list[Made]:
    """Register a model with versions whose files the server keeps."""
    client.create_registered_model(name)
    return [another(client, name, experiment=experiment) for _ in range(versions)]


def another(client: MlflowClient, name: str, *, experiment: str = "0") -> Made:
    """Register one more version of a model."""
    run = client.create_run(experiment)
    logged = client.create_logged_model(experiment, source_run_id=run.info.run_id)
    client.finalize_logged_model(logged.model_id, "READY")
    version = client.create_model_version(
        name, f"models:/{logged.model_id}", run_id=run.info.run_id, model_id=logged.model_id
    )
    folder = logged.artifact_location.partition(":/")[2]
    return Made(name, int(version.version), logged.model_id, run.info.run_id, folder)


def set_alias(
    server: MlflowServer,
    name: str,
    version: object,
    shown: str = "",
    *,
    alias: str = "champion",
    **more: Any,  # noqa: ANN401 - as httpx
) -> httpx.Response:
    """What MLflow's client sends to move an alias, with a ticket."""
    return httpx.post(
        server.uri + ALIASES,
        json={"name": name, "alias": alias, "version": str(version)},
        headers={HEADER: shown} if shown else {},
        trust_env=False,
        timeout=60,
        **more,
    )


def put(server: MlflowServer, path: str, text: str = "written", **more: Any) -> httpx.Response:  # noqa: ANN401
    """Upload a file as MLflow's client does."""
    return httpx.put(
        f"{server.uri}{FILES}/{path}", content=text, trust_env=False, timeout=60, **more
    )


def champion(server: MlflowServer, name: str) -> int | None:
    """Where `champion` points, asked by MLflow's own client."""
    number = server.client.get_registered_model(name).aliases.get("champion")
    return None if number is None else int(number)


def refusal(answer: httpx.Response) -> str:
    """The sentence of a refusal in MLflow's shape."""
    assert answer.status_code == 403, answer.text
    told = answer.json()
    assert told["error_code"] == "PERMISSION_DENIED"
    return str(told["message"])
