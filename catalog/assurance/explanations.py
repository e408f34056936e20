"""Explanations: which features drive a version; computed in a locked child, kept and reused."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Executable, Row, bindparam
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from auth.access import Resource, Verdict, decide, insist_visible
from auth.actors import Actor
from catalog.assurance import runner
from catalog.assurance.runner import ExplainInput, ExplainResult, Limits, Progress
from catalog.assurance.tables import ExplanationRow
from catalog.registry.artifacts import at_most, manifest_of
from catalog.registry.models import Model, resource
from catalog.registry.servers import Servers
from catalog.registry.tables import ModelRow, VersionRow
from ledger.acts import Ledger
from ledger.errors import CountersignError, Invalid, NotFound
from ledger.ids import new_id

LARGEST_MODEL_BYTES: Final = 2 * 1024**3
# A result has about 80 kB; the models people look at are few.
_MOST_KEPT: Final = 64
_EXAMPLES: Final = ("input_example.json", "serving_input_example.json")


class ExplanationState(StrEnum):
    """How far an explanation is."""

    QUEUED = "Queued"
    RUNNING = "Running"
    DONE = "Done"
    FAILED = "Failed"


@dataclass(frozen=True)
class Explanation:
    """An explanation as the page shows it. `result` is there when the state is done."""

    id: str
    version_id: str
    state: ExplanationState
    step: str
    done: int
    total: int
    requested_by: str
    requested_at: datetime
    finished_at: datetime | None
    sample: str
    result: ExplainResult | None
    result_digest: str
    artifacts_digest: str
    problem: str
    hint: str

    @property
    def is_under_way(self) -> bool:
        """Whether it is worth looking again soon."""
        return self.state in {ExplanationState.QUEUED, ExplanationState.RUNNING}


class Explanations:
    """The desk where explanations are asked for, computed and kept."""

    def __init__(self, ledger: Ledger, servers: Servers) -> None:
        self._ledger = ledger
        self._servers = servers
        self._kept: dict[str, ExplainResult] = {}

    def of(self, version_id: str, *, by: Actor) -> Explanation | None:
        """The explanation of a version, if somebody asked for one. Raises NotFound."""
        with self._ledger.store.read() as session:
            row = session.connection().execute(_OF, {"version": version_id}).first()
            if row is None:
                raise NotFound("There is no such version.", hint="Choose one on the Model page.")
            model = Resource(
                "model", row.model_id, row.domain, row.owner_id, row.restricted_at is not None
            )
            insist_visible(
                by, "explanation:read", model, "such version", "Choose one on the Model page."
            )
            if row.id is None:
                return None
            result = self._result(session, row.result_digest) if row.result_digest else None
            return _explanation(row, result)

    def _result(self, session: Session, digest: str) -> ExplainResult | None:
        """A kept result by its digest, read once: it holds up to 200 rows of numbers."""
        kept = self._kept.get(digest)
        if kept is None:
            body = session.connection().execute(_RESULT, {"digest": digest}).scalar()
            if not body:
                return None
            kept = _read(body)
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[digest] = kept
        return kept

    def may_request(self, model: Model, *, by: Actor) -> Verdict:
        """Whether the actor may have a version of this model explained."""
        return decide(by, "explanation:request", model.resource)

    def request(self, version_id: str, *, by: Actor) -> None:
        """Ask for a version to be explained; asking again while one is there changes nothing.

        A failed one is computed again.
        """
        with self._ledger.act(
            "explanation:request", actor=by.id, resource=f"version:{version_id}"
        ) as act:
            version = act.session.get(VersionRow, version_id)
            model = act.session.get(ModelRow, version.model_id) if version else None
            gone = version is None or version.gone_at is not None
            if gone or model is None or not decide(by, "model:read", resource(model)):
                raise NotFound("There is no such version.", hint="Choose one on the Model page.")
            decide(by, "explanation:request", resource(model)).insist()
            row = act.session.exec(
                select(ExplanationRow).where(ExplanationRow.version_id == version_id)
            ).first()
            if row is not None and row.state != ExplanationState.FAILED:
                act.reason = "there-already"
                return
            if row is None:
                row = ExplanationRow(
                    id=new_id("exp"),
                    version_id=version_id,
                    state=ExplanationState.QUEUED,
                    requested_by=by.id,
                    requested_at=act.at,
                )
            row.state = ExplanationState.QUEUED
            row.step, row.done, row.total = "", 0, 0
            row.problem, row.hint, row.problem_code = "", "", ""
            act.session.add(row)
            act.session.flush()
            act.facts["explanation"] = row.id
            act.emit("explanation:requested", row.id)

    def compute(self, explanation_id: str, *, by: Actor) -> None:
        """Fetch the version, explain it in the sandbox and keep the result; once is enough.

        Raises:
            Unavailable: MLflow or the sandbox does not answer; the job is tried again.
            CountersignError: there will be no explanation, as `give_up` is to be told.
        """
        with self._ledger.store.read() as session:
            row = session.get(ExplanationRow, explanation_id)
            if row is None or row.state == ExplanationState.DONE:
                return
            version = session.get_one(VersionRow, row.version_id)
            model = session.get_one(ModelRow, version.model_id)
        decide(by, "explanation:compute", resource(model)).insist()
        self._tell(explanation_id, Progress("Fetching the model's files from MLflow", 0, 0))
        with tempfile.TemporaryDirectory(prefix="countersign-") as folder:
            mlflow = self._servers.at(model.server, model.workspace)
            seen = mlflow.version(model.name, version.number)
            if (seen.created_at, seen.source) != (version.created_at, version.source):
                raise NotFound(
                    f"Version {version.number} was deleted in MLflow, or made again.",
                    hint="Explain the version that is there now.",
                    code="version-gone",
                )
            with at_most(LARGEST_MODEL_BYTES):
                files = mlflow.download(seen, _folder(folder, "model"))
            manifest = manifest_of(files)
            if manifest.total_bytes > LARGEST_MODEL_BYTES:
                raise Invalid(
                    f"The model has {manifest.total_bytes / 1e9:.1f} GB; "
                    f"{LARGEST_MODEL_BYTES / 1e9:.0f} GB is the most that is explained here.",
                    code="model-too-large",
                )
            with at_most(LARGEST_MODEL_BYTES):
                kept = mlflow.download_sample(seen, _folder(folder, "sample"))
            sample = kept or _input_example(files)
            result = runner.explain(
                ExplainInput(files, sample),
                Limits(),
                lambda progress: self._tell(explanation_id, progress),
            )
        what = "evaluation sample of the run" if kept else "input example of the model"
        self._done(explanation_id, result, manifest.digest, what, by)

    def give_up(self, explanation_id: str, problem: CountersignError, *, by: Actor) -> None:
        """Say on the page, and on the record, why there will be no explanation."""
        with self._ledger.act(
            "explanation:fail", actor=by.id, resource=f"explanation:{explanation_id}"
        ) as act:
            row = act.session.get_one(ExplanationRow, explanation_id)
            row.state = ExplanationState.FAILED
            row.problem, row.hint, row.problem_code = problem.message, problem.hint, problem.code
            row.finished_at = act.at
            act.session.add(row)
            act.reason = problem.code
            act.facts["version"] = row.version_id

    def _done(
        self, explanation_id: str, result: ExplainResult, artifacts: str, sample: str, by: Actor
    ) -> None:
        body = json.dumps(asdict(result))
        with self._ledger.act(
            "explanation:compute", actor=by.id, resource=f"explanation:{explanation_id}"
        ) as act:
            row = act.session.get_one(ExplanationRow, explanation_id)
            row.state = ExplanationState.DONE
            row.result = body
            row.result_digest = "sha256:" + hashlib.sha256(body.encode()).hexdigest()
            row.artifacts_digest = artifacts
            row.sample = sample
            row.finished_at = act.at
            act.session.add(row)
            act.facts["version"] = row.version_id
            act.digests |= {"artifacts": artifacts, "result": row.result_digest}

    def _tell(self, explanation_id: str, progress: Progress) -> None:
        with self._ledger.store.write() as session:
            row = session.get_one(ExplanationRow, explanation_id)
            row.state = ExplanationState.RUNNING
            row.step, row.done, row.total = progress.step, progress.done, progress.total
            session.add(row)


def _folder(parent: str, name: str) -> Path:
    folder = Path(parent) / name
    folder.mkdir()
    return folder


def _input_example(files: Path) -> Path:
    for name in _EXAMPLES:
        if (files / name).is_file():
            return files / name
    raise Invalid(
        "There are no rows to explain this version on.",
        hint="Log it with an input example, or leave evaluation_sample.parquet in its run.",
        code="no-sample",
    )


def _explanation(row: Row[Any], result: ExplainResult | None) -> Explanation:
    return Explanation(
        row.id,
        row.version_id,
        ExplanationState(row.state),
        row.step,
        row.done,
        row.total,
        row.requested_by,
        row.requested_at,
        row.finished_at,
        row.sample,
        result,
        row.result_digest,
        row.artifacts_digest,
        row.problem,
        row.hint,
    )


def _read(body: str) -> ExplainResult:
    kept = json.loads(body)
    for name, value in kept.items():
        if isinstance(value, list):
            kept[name] = tuple(tuple(v) if isinstance(v, list) else v for v in value)
    return ExplainResult(**kept)


# Asked on every click on Model, Release and Explain: built once, and without the kept result.
_OF: Final[Executable] = (
    columns(
        col(ModelRow.id).label("model_id"),
        col(ModelRow.domain),
        col(ModelRow.owner_id),
        col(ModelRow.restricted_at),
        col(ExplanationRow.id),
        col(ExplanationRow.version_id),
        col(ExplanationRow.state),
        col(ExplanationRow.step),
        col(ExplanationRow.done),
        col(ExplanationRow.total),
        col(ExplanationRow.requested_by),
        col(ExplanationRow.requested_at),
        col(ExplanationRow.finished_at),
        col(ExplanationRow.sample),
        col(ExplanationRow.result_digest),
        col(ExplanationRow.artifacts_digest),
        col(ExplanationRow.problem),
        col(ExplanationRow.hint),
    )
    .select_from(VersionRow)
    .join(ModelRow, col(ModelRow.id) == col(VersionRow.model_id))
    .outerjoin(ExplanationRow, col(ExplanationRow.version_id) == col(VersionRow.id))
    .where(col(VersionRow.id) == bindparam("version"))
)
_RESULT: Final = columns(col(ExplanationRow.result)).where(
    col(ExplanationRow.result_digest) == bindparam("digest")
)
