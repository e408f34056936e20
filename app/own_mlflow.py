"""The MLflow server that a run starts itself: how it is started, and how it tells of changes."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import sys
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from app.settings import Settings
from app.supervisor import Program
from catalog.registry.mlflow.server import MlflowServer
from catalog.releases.promotions.tickets import TicketOffice
from ledger.clock import SystemClock
from ledger.errors import Misconfigured

# How the names of the guard's own settings begin.
GUARD: Final = "COUNTERSIGN_GUARD_"
_GUARDED: Final = "countersign"


def program(settings: Settings, machine: Mapping[str, str], secret: str) -> Program:
    """MLflow on this machine, with its own SQLite and artifacts, for this machine only."""
    folder = settings.data_dir / "mlflow"
    folder.mkdir(mode=0o700, exist_ok=True)
    names = [f"{host}:{settings.mlflow_port}" for host in ("127.0.0.1", "localhost")]
    command = (
        *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
        *("--host", "127.0.0.1", "--port", str(settings.mlflow_port)),
        *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
        *("--artifacts-destination", str(folder / "artifacts"), "--serve-artifacts"),
        # A page of another site must not reach it through somebody's browser.
        *("--allowed-hosts", ",".join(names)),
        *("--cors-allowed-origins", ",".join(f"http://{name}" for name in names)),
        *(("--app-name", _GUARDED) if settings.guard else ()),
    )
    return Program(
        name="mlflow",
        label="MLflow",
        command=command,
        environment={
            **machine,
            # Its job runner is eight more processes and 2 GB that Countersign does not ask for.
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            **_for_webhooks(secret),
            **(_for_guard(settings) if settings.guard else {}),
        },
        folder=folder,
        health=f"http://127.0.0.1:{settings.mlflow_port}/health",
    )


def webhook_secret(folder: Path) -> str:
    """What this MLflow signs with: made once, kept where only its owner can read it.

    Raises:
        Misconfigured: it cannot be read or written.
    """
    path = folder / "webhook-secret"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(made, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(32))
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise Misconfigured(
            f"The secret in {path} cannot be read or written: {error.strerror}.",
            hint="Give this account read and write access to the folder.",
        ) from error


def listen(settings: Settings) -> None:
    """Have the MLflow that this run started tell the portal of changes.

    Never asked of a server of somebody else: there an administrator makes the webhook.
    """
    MlflowServer(settings.mlflow_uri).tell_of_changes(
        f"{settings.local_url}/api/v1/webhooks/mlflow/{settings.server_slug}",
        settings.webhook_secrets[settings.server_slug][0],
    )


def _for_guard(settings: Settings) -> dict[str, str]:
    """It knows our tickets, and tells whoever it refuses where to ask.

    Raises:
        Misconfigured: the guard is not installed, or the key cannot be read or written.
    """
    if not entry_points(group="mlflow.app", name=_GUARDED):
        raise Misconfigured(
            "The guard of MLflow is not installed.",
            hint="Install it with `pip install --no-deps ./guard`, or run without it: GUARD=0.",
        )
    office = TicketOffice(settings.data_dir / "keys", SystemClock())
    return {
        f"{GUARD}PUBLIC_KEY": office.public_key(),
        f"{GUARD}SERVER": settings.server_slug,
        f"{GUARD}PORTAL": settings.public_url,
    }


def _for_webhooks(secret: str) -> dict[str, str]:
    """It may call this machine, and keeps the webhook's secret under a key that stays the same."""
    key = hashlib.sha256(f"key of kept webhooks: {secret}".encode()).digest()
    return {
        # A webhook made at the start must not miss what happens in the first minute.
        "MLFLOW_WEBHOOK_CACHE_TTL": "5",
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "https,http",
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": base64.urlsafe_b64encode(key).decode("ascii"),
    }
