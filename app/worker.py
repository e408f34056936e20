"""The worker: mirrors MLflow, collects evidence, explains versions, carries approvals out.

It is the only process that holds MLflow's credentials and the only one that talks to MLflow.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from app import loops, mirror_loops
from app.drills import drill
from app.durable import EXECUTOR, DurableWorker, Handler
from app.occasions import TELL, occasion_of
from app.portal import Portal, build
from app.post import deliver, deliver_one
from app.settings import OWN_MLFLOW, Settings
from auth.actors import Actor
from catalog.notifications.deliveries import AGAIN, DELIVER
from catalog.notifications.outbound import AppriseOutbound, Outbound
from catalog.registry.artifact_readings import JOB as READ_ARTIFACTS
from catalog.registry.artifacts import manifest_of
from catalog.registry.mirror.pen import Moved
from catalog.registry.mirror.seen import USUAL_WORKSPACE, SeenVersion
from catalog.registry.mlflow.connection import load_mlflow
from catalog.registry.models import Model
from catalog.releases.promotions.promotions import MOVED
from catalog.releases.requests.request import ReleaseRequest
from catalog.releases.states import Route
from ledger.errors import CountersignError, Invalid, NotFound, Refused, Unavailable
from ledger.journal import event_of

_LOG = logging.getLogger(__name__)
MIRROR: Final = loops.MIRROR
RELEASES: Final = loops.RELEASES
EXPLAINER: Final = Actor.system("explainer")
NOTIFIER: Final = loops.NOTIFIER
PROFILER: Final = Actor.system("profiler")


def main(settings: Settings) -> int:
    """Run until told to stop."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    # Before there are threads: several that ask MLflow something at once would each import it.
    load_mlflow()
    # What is loaded now stays: indexing many models looks through it no more (15 % of the CPU).
    gc.collect()
    gc.freeze()
    portal = build(settings)
    portal.promotions.release_claims(EXECUTOR)
    is_busy = threading.Event()
    durable = DurableWorker(
        portal.store, handlers(portal, at_point=drill(), is_busy=is_busy.is_set)
    )
    durable.start()
    threads = [
        *mirror_loops.threads(portal, stop),
        *loops.threads(portal, stop, at_point=drill(), is_busy=is_busy),
    ]
    for thread in threads:
        thread.start()
    if loads_demo(settings, os.environ):
        from app.demo.loader import load  # noqa: PLC0415 - trains models; only where it is wanted

        try:
            load(portal, stop=stop)
        except CountersignError as problem:
            print(f"The demo could not be loaded: {problem.message} {problem.hint}", flush=True)  # noqa: T201
    stop.wait()
    durable.stop()
    portal.store.close()
    return 0


def loads_demo(settings: Settings, environment: Mapping[str, str]) -> bool:
    """Whether the demo organisation is to be loaded into the MLflow server that answers here.

    A worker that is started alone cannot know whose server listens on MLFLOW_PORT: the run that
    started one says so, or the operator says DEMO=1.
    """
    asked = bool(environment.get("DEMO", "").strip())
    return settings.demo and (asked or environment.get(OWN_MLFLOW) == "1")


def handlers(
    portal: Portal,
    outbound: Outbound | None = None,
    at_point: Callable[[str], None] = lambda _point: None,
    is_busy: Callable[[], bool] = lambda: False,
) -> Mapping[str, Handler]:
    """What the worker does for each durable job; `is_busy` tells of promotions under way."""
    settings = portal.settings
    out = outbound or AppriseOutbound(settings.mail_url, settings.webhook_hosts)
    return {
        "collect-evidence": lambda payload: collect_evidence(portal, payload["subject"]),
        "look-for-changes": lambda payload: look_for_changes(portal, payload["event"]),
        "compute-explanation": lambda payload: compute(
            portal.explanations, payload["subject"], "compute this explanation", by=EXPLAINER
        ),
        "try-policy": lambda payload: compute(
            portal.trials, payload["subject"], "finish this trial", by=RELEASES
        ),
        "profile-version": lambda payload: read_rows(portal, payload["subject"], is_busy),
        "close-requests": lambda payload: close_requests(portal, payload["subject"]),
        "settle-approval": lambda payload: settle_approval(portal, payload["request"]),
        "refresh-model": lambda payload: refresh_model(portal, payload),
        READ_ARTIFACTS: lambda payload: read_artifacts(portal, payload["version"]),
        "index-model": lambda payload: index_model(portal, payload["model"]),
        TELL: lambda payload: tell(portal, payload["event"], at_point),
        DELIVER: lambda payload: deliver(
            portal, out, payload["event"], payload["first"], payload["last"], at_point
        ),
        AGAIN: lambda payload: deliver_one(
            portal, out, (payload["event"], payload["person"], payload["channel"]), at_point
        ),
    }


def look_for_changes(portal: Portal, event_id: str) -> None:
    """Send the open requests back that an event made other than they were read."""
    portal.rereadings.after(event_id, by=RELEASES)


def settle_approval(portal: Portal, request_id: str) -> None:
    """Make a conditional approval a plain one, where the last of its conditions was met."""
    if request_id:
        portal.approvals.fulfil(request_id, by=RELEASES)


def collect_evidence(portal: Portal, request_id: str) -> None:
    """Read a version's files and open its request for review, or close it if they are gone."""
    request = portal.requests.get(request_id, by=RELEASES)
    if not request.is_open:
        return
    if request.route is Route.RETIREMENT:
        portal.requests.collected(request_id, None, by=RELEASES)
        return
    model = portal.models.get(request.model_id, by=RELEASES)
    try:
        mlflow = portal.servers.at(model.server, model.workspace)
        seen = mlflow.version(model.name, request.version_number)
        _insist_same(portal, model, request.version_number, seen)
        with tempfile.TemporaryDirectory(prefix="countersign-") as folder:
            manifest = manifest_of(mlflow.download(seen, Path(folder)))
    except NotFound:
        portal.requests.expire(
            request_id,
            f"Version {request.version_number} or its files are not in MLflow any more.",
            by=RELEASES,
        )
        return
    except Invalid as problem:
        portal.requests.cannot_collect(request_id, problem, by=RELEASES)
        return
    try:
        portal.requests.collected(request_id, manifest, by=RELEASES)
    except Refused as no_law:
        portal.requests.cannot_collect(request_id, no_law, by=RELEASES)
        return
    portal.mirrors[model.server].read_files(request.version_id, manifest.digest, by=MIRROR)
    have_rows_read(portal, model, request)


def have_rows_read(portal: Portal, model: Model, request: ReleaseRequest) -> None:
    """Whoever decides is told what moved beyond noise: that needs the rows of both versions."""
    live = model.alias(request.alias)
    pair = {request.version_id, *([live.version_id] if live else [])}
    try:
        portal.profiles.request(pair, by=PROFILER)
    except NotFound as gone:
        _LOG.info("rows for %s are not read: %s", request.number, gone.message)


def read_rows(portal: Portal, version_id: str, is_busy: Callable[[], bool]) -> None:
    """Read a version's rows and environment; what was decided asks MLflow first.

    Raises:
        Unavailable: promotions are carried out just now, or MLflow does not answer.
    """
    if is_busy():
        raise Unavailable("Promotions go first.", hint="It is tried again.", code="busy")
    compute(portal.profiles, version_id, "read this version's rows and environment", by=PROFILER)


def read_artifacts(portal: Portal, version_id: str) -> None:
    """Read a version's files again: that they are other ones than before is a change."""
    found = portal.artifact_readings.subject(version_id)
    if found is None:
        return
    model, number = portal.models.get(found[0], by=RELEASES), found[1]
    mlflow = portal.servers.at(model.server, model.workspace)
    try:
        seen = mlflow.version(model.name, number)
        _insist_same(portal, model, number, seen)
        with tempfile.TemporaryDirectory(prefix="countersign-") as folder:
            manifest = manifest_of(mlflow.download(seen, Path(folder)))
    except (NotFound, Invalid) as problem:
        _LOG.warning("files of %s cannot be read again: %s", version_id, problem.message)
        return
    portal.mirrors[model.server].read_files(version_id, manifest.digest, by=MIRROR)


def refresh_model(portal: Portal, payload: Mapping[str, str]) -> None:
    """Read a model again; if a promotion asks for it, the move it made is told to be its."""
    server = payload.get("server") or portal.settings.server_slug
    mirror = portal.mirrors.get(server)
    if mirror is None:
        return
    mirror.refresh(
        payload["model"], workspace=payload.get("workspace") or USUAL_WORKSPACE, by=MIRROR
    )
    if payload.get("how") in MOVED:
        began, ended = payload.get("called_at", ""), payload.get("finished_at", "")
        moved = Moved(
            payload["subject"],
            payload["model_id"],
            payload["alias"],
            int(payload["number"]) if payload["number"] else None,
            datetime.fromisoformat(began) if began else None,
            datetime.fromisoformat(ended) if ended else portal.clock.now(),
        )
        mirror.moved_by(moved, by=MIRROR)


def close_requests(portal: Portal, version_id: str) -> None:
    """Close what was asked for a version that is gone."""
    for request_id in portal.requests.open_on(version_id):
        portal.requests.expire(request_id, "The version was deleted in MLflow.", by=RELEASES)


def index_model(portal: Portal, name: str) -> None:
    """Have the models of a name indexed again: how far they are trusted has changed."""
    portal.indexer.mark(portal.models.ids_called(name))


def tell(
    portal: Portal, event_id: str, at_point: Callable[[str], None] = lambda _point: None
) -> None:
    """Tell everybody concerned of an event, once each."""
    with portal.store.write() as session:
        event = event_of(session, event_id)
        occasion = occasion_of(session, event) if event else None
        if occasion is not None:
            portal.notices.tell(session, occasion, by=NOTIFIER)
            portal.deliveries.queue(session, occasion, by=NOTIFIER)
            at_point("told")


class Computing(Protocol):
    """A desk where something that takes long is asked for, and shown when it is there."""

    def compute(self, subject: str, /, *, by: Actor) -> None:
        """Compute it and keep it; once is enough."""

    def give_up(self, subject: str, problem: CountersignError, /, *, by: Actor) -> None:
        """Say on the page, and on the record, why there will be nothing."""


def compute(desk: Computing, subject: str, what: str, *, by: Actor) -> None:
    """Compute what somebody waits for; what stops it, a fault of ours too, is told on the page.

    Raises:
        Unavailable: something does not answer; the job is tried again.
    """
    try:
        desk.compute(subject, by=by)
    except Unavailable:
        raise
    except CountersignError as problem:
        desk.give_up(subject, problem, by=by)
    except Exception:  # noqa: BLE001 - a fault must not end the worker; it keeps its traceback
        _LOG.exception("Countersign could not %s: %s", what, subject)
        hint = f"Tell the operator to look for {subject} in the worker's log."
        fault = CountersignError(f"Countersign could not {what}.", hint=hint, code="fault")
        desk.give_up(subject, fault, by=by)


def _insist_same(portal: Portal, model: Model, number: int, seen: SeenVersion) -> None:
    """Raises NotFound when MLflow's version is not the one the catalog knows."""
    if portal.models.version(model, number).created_at != seen.created_at:
        raise NotFound("The version was made again.")
