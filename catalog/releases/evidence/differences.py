"""How sure it is that a version differs from the live one, in the metric that decides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from sqlalchemy import Executable, bindparam
from sqlalchemy import select as columns
from sqlmodel import Session, col

from catalog.lineage.difference import Number
from catalog.lineage.kept_rows import KeptRows
from catalog.lineage.measured import Kept, measured
from catalog.lineage.profile import from_text
from catalog.lineage.profiles import ProfileState
from catalog.lineage.tables import VersionProfileRow
from catalog.registry.models import Metric
from catalog.registry.run import load_runs
from catalog.registry.tables import MetricRow, ModelRow, VersionRow
from catalog.releases.evidence.snapshot import Apart
from catalog.releases.policies.law import Policy
from catalog.releases.policies.questions import PerformanceGate, flat


def differences_of(
    session: Session, model: ModelRow, live: VersionRow, version: VersionRow, policy: Policy
) -> tuple[Apart, ...]:
    """The deciding metric of a version minus the live one's, with its interval, by data set.

    Empty where the policy asks for no interval: it costs the reading of both versions' rows.
    """
    asks = any(isinstance(one, PerformanceGate) and one.confidence for one in flat(policy.gates))
    rule = policy.key_metric(model.task)
    if not asks or rule is None:
        return ()
    before, after = (_metrics(session, one) for one in (live, version))
    pairs = [
        (old, new)
        for old in before
        for new in after
        if old.name in rule.names and new.name in rule.names and new.dataset_digest
        if old.dataset_digest == new.dataset_digest
    ]
    numbers = [
        Number(new.name, new.dataset, new.dataset_digest, old.value, new.value, rule.better)
        for old, new in pairs
    ]
    runs = load_runs(session, model.server, [live.run_id, version.run_id])
    kept = Kept(_kept_rows(session, live), _kept_rows(session, version))
    made = measured(
        numbers, (before, after), (runs.get(live.run_id), runs.get(version.run_id)), kept
    )
    found = {}
    for one in made:
        low, high = (one.difference.low, one.difference.high) if one.difference else (None, None)
        key = one.number.dataset_digest
        found[key] = Apart(key, _rounded(low), _rounded(high), one.basis)
    return tuple(found[key] for key in sorted(found))


def _rounded(value: float | None) -> float | None:
    """To six digits: what another machine computes differently lies far below."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")


def _metrics(session: Session, version: VersionRow) -> tuple[Metric, ...]:
    rows: Sequence[tuple[str, float, str, str]] = (
        session.connection().execute(_METRICS, {"version": version.id}).tuples().all()
    )
    return tuple(sorted((Metric(*row) for row in rows), key=lambda one: (one.name, one.dataset)))


def _kept_rows(session: Session, version: VersionRow) -> KeptRows | None:
    row = session.connection().execute(_PROFILE, {"version": version.id}).first()
    return _read(row.digest, row.body) if row else None


@lru_cache(maxsize=16)
def _read(_digest: str, body: str) -> KeptRows | None:
    return from_text(body).kept


_METRICS: Final[Executable] = columns(
    col(MetricRow.name), col(MetricRow.value), col(MetricRow.dataset), col(MetricRow.dataset_digest)
).where(col(MetricRow.version_id) == bindparam("version"))
_PROFILE: Final[Executable] = columns(
    col(VersionProfileRow.digest), col(VersionProfileRow.body)
).where(
    col(VersionProfileRow.version_id) == bindparam("version"),
    col(VersionProfileRow.state) == ProfileState.DONE,
)
