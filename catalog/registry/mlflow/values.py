"""What MLflow's client answers, read into values of ours. It imports none of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from catalog.registry.mirror.seen import SeenDataset, SeenMetric, SeenModel, SeenRun, SeenVersion

_MOST_TAGS: Final = 100
_LONGEST_TAG: Final = 5_000  # as long as MLflow lets a tag of the registry be
_LARGEST_ROWS: Final = 2**31 - 1  # the widest whole number every database keeps here


def seen_model(found: Any) -> SeenModel:  # noqa: ANN401 - MLflow's own type
    """A registered model.

    Raises:
        ValueError, TypeError: it makes no sense.
    """
    return SeenModel(
        name=_sound(found.name),
        workspace=getattr(found, "workspace", None) or "default",
        created_at=_certain(found.creation_timestamp),
        updated_at=_certain(found.last_updated_timestamp),
        description=found.description or "",
        tags=dict(found.tags or {}),
        aliases={alias: int(number) for alias, number in (found.aliases or {}).items()},
    )


def seen_version(found: Any) -> SeenVersion:  # noqa: ANN401 - MLflow's own type
    """A version of a model.

    Raises:
        ValueError, TypeError: it makes no sense.
    """
    return SeenVersion(
        name=_sound(found.name),
        number=int(found.version),
        workspace=getattr(found, "workspace", None) or "default",
        created_at=_certain(found.creation_timestamp),
        source=found.source or "",
        run_id=found.run_id or "",
        description=found.description or "",
        status=str(found.status or ""),
        tags=dict(found.tags or {}),
        stage="" if found.current_stage in {None, "None"} else str(found.current_stage),
        updated_at=_moment(found.last_updated_timestamp),
    )


def seen_dataset(given: Any) -> SeenDataset:  # noqa: ANN401 - MLflow's own type
    """A data set as a run used it."""
    dataset = given.dataset
    context = next((t.value for t in given.tags if t.key == "mlflow.data.context"), "")
    profile = _json(dataset.profile)
    rows = profile.get("num_rows") if isinstance(profile, dict) else None
    return SeenDataset(
        name=dataset.name,
        digest=dataset.digest,
        context=context,
        source_type=dataset.source_type or "",
        source=dataset.source or "",
        columns=dataset.schema or "",
        rows=rows if type(rows) is int and 0 <= rows <= _LARGEST_ROWS else None,
    )


def seen_run(found: Any, experiment: str) -> SeenRun:  # noqa: ANN401 - MLflow's own type
    """A run of an experiment called so."""
    return SeenRun(
        run_id=found.info.run_id,
        name=found.info.run_name or "",
        experiment=experiment,
        user=found.data.tags.get("mlflow.user", ""),
        status=found.info.status,
        started_at=_moment(found.info.start_time),
        ended_at=_moment(found.info.end_time),
        params=dict(found.data.params),
        tags={k: v for k, v in found.data.tags.items() if not k.startswith("mlflow.log-model")},
        datasets=tuple(seen_dataset(given) for given in found.inputs.dataset_inputs),
        metrics=tuple(
            SeenMetric(name, float(value), "", "") for name, value in found.data.metrics.items()
        ),
    )


def logged_tags(found: Any) -> dict[str, str]:  # noqa: ANN401 - MLflow's own type
    """The tags of a logged model: a hundred at most, each cut after 5,000 characters."""
    listed = sorted((found.tags or {}).items())[:_MOST_TAGS]
    return {str(key): str(value)[:_LONGEST_TAG] for key, value in listed}


def with_named(metrics: Sequence[SeenMetric], measured: Sequence[Any]) -> tuple[SeenMetric, ...]:
    """The numbers of a run with those measured on its logged model, which may name their data set.

    A number on a named data set says more than the same number without one.
    """
    named = tuple(
        SeenMetric(m.key, float(m.value), m.dataset_name or "", m.dataset_digest or "")
        for m in measured
    )
    placed = {m.name for m in named if m.dataset_digest}
    unplaced = [m for m in metrics if m.name not in placed]
    return tuple({(m.name, m.dataset_digest): m for m in (*unplaced, *named)}.values())


def _moment(milliseconds: int | None) -> datetime | None:
    """A time somebody wrote into a run, if there is such a time."""
    try:
        return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _certain(milliseconds: int | None) -> datetime:
    return datetime.fromtimestamp((milliseconds or 0) / 1000, UTC)


def _sound(name: str) -> str:
    """A name that can be kept. Raises ValueError for one that can stand in no database."""
    name.encode()
    if "\0" in name:
        msg = "a name holds a zero"
        raise ValueError(msg)
    return name


def _json(text: str | None) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
