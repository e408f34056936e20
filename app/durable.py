"""Durable jobs, on DBOS in Countersign's own database: asked for in the act's transaction."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from dbos import DBOS, DBOSClient, DBOSConfig, Serializer
from sqlalchemy import URL
from sqlmodel import Session

from ledger.errors import CountersignError, Unavailable
from ledger.store import Store

# What takes minutes of a processor has a queue of its own, so that evidence never waits for it.
QUICK: Final = "quick"
LONG: Final = "long"
LONG_JOBS: Final = frozenset({"compute-explanation"})
# Whoever may read a model may have its tables read, and each may take its reader two minutes.
TABLES: Final = "tables"
TABLE_JOBS: Final = frozenset({"profile-version"})
# A policy is tried on everything there ever was; it and explanations do not wait for each other.
TRIALS: Final = "trials"
TRIAL_JOBS: Final = frozenset({"try-policy"})
# While MLflow is away what asks it waits in its place: it must not keep notices waiting.
MLFLOW: Final = "mlflow"
MLFLOW_JOBS: Final = frozenset({"collect-evidence", "refresh-model"})
# A version's files may be many gigabytes.
FILES: Final = "files"
FILE_JOBS: Final = frozenset({"read-artifacts"})
# What waits for strangers' servers must not keep evidence waiting either.
POST: Final = "post"
POST_JOBS: Final = frozenset({"deliver", "deliver-again"})
# Recovery goes by name of executor and version of application: both stay the same for ever, so that
# a worker that was killed, or upgraded, finds its own unfinished jobs again.
EXECUTOR: Final = "worker-1"
APPLICATION_VERSION: Final = "1"
AT_ONCE: Final = {QUICK: 4, MLFLOW: 4, LONG: 1, FILES: 1, TABLES: 2, TRIALS: 1, POST: 8}
# How often each queue is looked at, in seconds: what somebody waits for in front of a screen first.
LOOK_S: Final = {
    QUICK: 0.25,
    MLFLOW: 0.25,
    LONG: 1.0,
    FILES: 2.0,
    TABLES: 0.5,
    TRIALS: 0.5,
    POST: 1.0,
}
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 10.0

_LOG = logging.getLogger(__name__)


class Json(Serializer):
    """Jobs are kept as JSON: reading one must never run code, as unpickling would."""

    def serialize(self, data: Any) -> str:  # noqa: ANN401 - the engine's own contract
        """Plain values to text."""
        return json.dumps(data, default=str)

    def deserialize(self, serialized_data: str) -> Any:  # noqa: ANN401 - the engine's own contract
        """Text to plain values."""
        return json.loads(serialized_data)

    def name(self) -> str:
        """What the engine writes beside each job."""
        return "countersign_json"


class DurableJobs:
    """The port's adapter on the asking side: one more row in the caller's transaction."""

    def __init__(self, store: Store) -> None:
        self._client = DBOSClient(
            system_database_url=_address(store.url), serializer=Json(), lazy=True
        )

    def enqueue(self, session: Session, job: str, key: str, payload: Mapping[str, str]) -> None:
        """Ask for a job. The same key is the same job."""
        self._client.enqueue_in_transaction(
            session,
            {
                "workflow_name": job,
                "queue_name": _queue(job),
                "workflow_id": key,
                "app_version": APPLICATION_VERSION,
            },
            dict(payload),
        )


Handler = Callable[[Mapping[str, str]], None]


class DurableWorker:
    """The carrying-out side: runs each job until it went through, also after a kill.

    A handler may run more than once, so it is idempotent. `Unavailable` means: again in a while.
    """

    def __init__(self, store: Store, handlers: Mapping[str, Handler]) -> None:
        config: DBOSConfig = {
            "name": "countersign",
            "system_database_url": _address(store.url),
            "application_version": APPLICATION_VERSION,
            "executor_id": EXECUTOR,
            "serializer": Json(),
            "log_level": "WARNING",
            "notification_listener_polling_interval_sec": 0.5,
        }
        DBOS(config=config)
        for job, handler in handlers.items():
            DBOS.workflow(name=job)(_until_done(job, handler))

    def start(self) -> None:
        """Take up what was left, and listen for more."""
        DBOS.launch()
        for queue, at_once in AT_ONCE.items():
            DBOS.register_queue(
                queue, worker_concurrency=at_once, polling_interval_sec=LOOK_S[queue]
            )

    def stop(self) -> None:
        """Let go; what is under way is taken up again at the next start."""
        DBOS.destroy(workflow_completion_timeout_sec=0)


def prepare(store: Store) -> None:
    """Make the engine's own tables, before anybody asks for a job."""
    DBOS.migrate(system_database_url=_address(store.url))


def _until_done(job: str, handler: Handler) -> Callable[[dict[str, str]], None]:
    def attempt(payload: dict[str, str]) -> str:
        try:
            handler(payload)
        except Unavailable as problem:
            _LOG.warning("%s waits: %s", job, problem.message)
            return problem.message
        except CountersignError as problem:
            # The law or the facts say no; that is an outcome, and it is on record.
            _LOG.warning("%s ended: %s", job, problem.message)
        return ""

    def run(payload: dict[str, str]) -> None:
        wait = FIRST_WAIT_S
        while DBOS.run_step({"name": job}, attempt, payload):
            DBOS.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_S)

    run.__qualname__ = run.__name__ = job
    return run


def _queue(job: str) -> str:
    apart = {MLFLOW: MLFLOW_JOBS, LONG: LONG_JOBS, FILES: FILE_JOBS}
    apart |= {TABLES: TABLE_JOBS, TRIALS: TRIAL_JOBS, POST: POST_JOBS}
    return next((queue for queue, jobs in apart.items() if job in jobs), QUICK)


def _address(url: URL) -> str:
    return url.render_as_string(hide_password=False)
