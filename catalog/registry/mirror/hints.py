"""Hints that a model may have changed: from an MLflow webhook, or because somebody opens its page.

A hint is never believed. It only asks the worker to read that model again, and names nothing but
the model. Whoever signs a webhook knows the server's secret; a delivery counts once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from sqlalchemy import delete, func
from sqlmodel import Session, col, select

from auth.access import decide
from auth.actors import NOBODY, Actor
from catalog.registry.mirror.seen import USUAL_WORKSPACE
from catalog.registry.models import Model
from catalog.registry.tables import DeliveryRow
from ledger.acts import Ledger
from ledger.errors import Conflict, CountersignError, Invalid, NotFound, Refused, TooMany
from ledger.jobs import Jobs

_LOG = logging.getLogger(__name__)
JOB: Final = "refresh-model"
# What MLflow is asked to tell of. Descriptions, renames, stages and deletions are seen by looking
# only: no event tells of them.
EVENTS: Final = (
    "registered_model.created",
    "model_version.created",
    "model_version_tag.set",
    "model_version_tag.deleted",
    "model_version_alias.created",
    "model_version_alias.deleted",
)
TOLERANCE: Final = timedelta(minutes=5)
LARGEST_BYTES: Final = 64 * 1024
# What one server may hint at in a minute; MLflow tries again later when it is told "too many".
MOST_A_MINUTE: Final = 600
_LONGEST_NAME: Final = 500
_LONGEST_ID: Final = 100
_LONGEST_NUMBER: Final = 12
# A page that is opened again and again is no news.
_REMEMBERED: Final = 10_000


class MirrorHints:
    """The desk at which somebody says that a model should be read again."""

    def __init__(self, ledger: Ledger, jobs: Jobs, secrets: Mapping[str, tuple[str, ...]]) -> None:
        self._ledger = ledger
        self._jobs = jobs
        self._secrets = secrets
        self._opened: dict[str, datetime] = {}
        self._lock = Lock()
        # One thread that writes, so that no page waits for the database to be free.
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="hints")
        ledger.store.before_closing(self._writer.shutdown)

    def opened(self, model: Model, *, by: Actor) -> None:
        """Somebody looks at a model: have it read again, once a minute. Never waits."""
        if not decide(by, "model:read", model.resource):
            return
        now = self._ledger.clock.now()
        minute = now.replace(second=0, microsecond=0)
        with self._lock:
            if self._opened.get(model.id) == minute:
                return
            if len(self._opened) >= _REMEMBERED:
                self._opened.clear()
            self._opened[model.id] = minute
        self._writer.submit(self._ask, model, f"opened:{model.id}:{minute:%Y%m%d%H%M}")

    def _ask(self, model: Model, key: str) -> None:
        try:
            with self._ledger.store.write() as session:
                self._enqueue(session, key, model.server, model.workspace, model.name)
        except CountersignError as problem:
            _LOG.warning("a page could not have its model read again: %s", problem.message)
        except Exception:  # noqa: BLE001 - it keeps its traceback, and nobody waits for it
            _LOG.exception("a page could not have its model read again")

    def receive(
        self, server: str, *, delivery: str, timestamp: str, signature: str, body: bytes
    ) -> str:
        """Take a webhook delivery of an MLflow server. Returns the model's name, if it has one.

        Raises:
            NotFound: no webhook is expected from such a server.
            Refused: it is not signed with the server's secret, or was signed too long ago.
            Conflict: this delivery was taken before.
            TooMany: the server hints at too much.
            Invalid: it is too large, or its headers are none of MLflow's.
        """
        try:
            return self._receive(server, delivery, timestamp, signature, body)
        except CountersignError as refusal:
            known = server if server in self._secrets else "unknown"
            self._ledger.refuse_look(
                "webhook:receive", actor=NOBODY.id, resource=f"webhook:{known}", refusal=refusal
            )
            raise

    def heard(self, server: str) -> datetime | None:
        """When a delivery of a server was taken last; nothing when none was lately.

        Deliveries are remembered for a quarter of an hour.
        """
        with self._ledger.store.read() as session:
            newest = select(func.max(DeliveryRow.at)).where(DeliveryRow.server == server)
            return session.exec(newest).one()

    def _receive(
        self, server: str, delivery: str, timestamp: str, signature: str, body: bytes
    ) -> str:
        secrets = self._secrets.get(server)
        if not secrets:
            raise NotFound(
                "No webhook is expected from this server.",
                hint="Set its secret in MLFLOW_WEBHOOK_SECRET.",
                code="webhook-unknown",
            )
        if len(body) > LARGEST_BYTES:
            raise Invalid("The delivery is larger than 64 kB.", code="webhook-large")
        signed = f"{delivery}.{timestamp}.".encode() + body
        if not any([_is_signed(secret, signed, signature) for secret in secrets]):  # noqa: C419 - every one is tried, whichever fits
            raise Refused(
                "The delivery is not signed with this server's secret.",
                hint="Give the webhook in MLflow the secret of MLFLOW_WEBHOOK_SECRET.",
                code="webhook-signature",
            )
        self._insist_fresh(timestamp)
        if not 0 < len(delivery) <= _LONGEST_ID:
            raise Invalid("The delivery has no usable id.", code="webhook-headers")
        workspace, name = _named(body)
        self._take(server, delivery, workspace, name)
        return name

    def _insist_fresh(self, timestamp: str) -> None:
        age = timedelta.max
        if timestamp.isdecimal() and len(timestamp) <= _LONGEST_NUMBER:
            age = timedelta(seconds=abs(self._ledger.clock.now().timestamp() - int(timestamp)))
        if age > TOLERANCE:
            raise Refused(
                "The delivery was signed more than five minutes ago, or ahead.",
                hint="Set the clocks of both machines by the same source.",
                code="webhook-old",
            )

    def _take(self, server: str, delivery: str, workspace: str, name: str) -> None:
        now = self._ledger.clock.now()
        try:
            with self._ledger.store.write() as session:
                # What is older is refused by its timestamp.
                session.execute(
                    delete(DeliveryRow).where(col(DeliveryRow.at) < now - 3 * TOLERANCE)
                )
                lately = session.exec(
                    select(func.count())
                    .select_from(DeliveryRow)
                    .where(
                        DeliveryRow.server == server, DeliveryRow.at > now - timedelta(minutes=1)
                    )
                ).one()
                if lately >= MOST_A_MINUTE:
                    raise TooMany(
                        "This server hints at more than 600 changes a minute.",
                        hint="Nothing is lost: the next look at MLflow sees them.",
                        code="webhook-flood",
                    )
                session.add(DeliveryRow(server=server, delivery=delivery, at=now))
                session.flush()
                if name:
                    key = f"webhook:{server}:{delivery}"
                    self._enqueue(session, key, server, workspace, name)
        except Conflict as again:
            raise Conflict(
                "This delivery was taken before.", hint="Send each once.", code="webhook-replayed"
            ) from again

    def _enqueue(self, session: Session, key: str, server: str, workspace: str, name: str) -> None:
        payload = {"server": server, "workspace": workspace, "model": name}
        self._jobs.enqueue(session, JOB, f"{JOB}:{key}", payload)


def _is_signed(secret: str, signed: bytes, signature: str) -> bool:
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    wanted = "v1," + base64.b64encode(digest).decode("ascii")
    return hmac.compare_digest(wanted.encode(), signature.encode())


def _named(body: bytes) -> tuple[str, str]:
    """The workspace and the model a delivery is about: all of it that is used."""
    try:
        payload = json.loads(body)
        name, workspace = payload["data"]["name"], payload.get("workspace") or USUAL_WORKSPACE
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return USUAL_WORKSPACE, ""
    if not (_is_name(name) and _is_name(workspace)):
        return USUAL_WORKSPACE, ""
    return workspace, name


def _is_name(value: object) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= _LONGEST_NAME
        and "\0" not in value
        and value.encode("utf-8", "replace").decode() == value
    )
