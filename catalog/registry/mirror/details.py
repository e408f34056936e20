"""What is learnt about a version only by opening it: its run, data sets and numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlmodel import Session, col, select

from catalog.registry.input_example import write_example
from catalog.registry.mirror.seen import SeenDetails, SeenVersion
from catalog.registry.tables import (
    DatasetRow,
    MetricRow,
    ModelRow,
    RunDatasetRow,
    RunRow,
    VersionRow,
)
from ledger.store import Store

# Of what waits to be opened, as much as one look can hope to open.
_MOST_WAITING: Final = 2_000


def unopened(
    store: Store, server: str, model_ids: Collection[str] = ()
) -> list[tuple[str, SeenVersion]]:
    """Versions nobody has opened yet, newest first, as MLflow would list them."""
    query = (
        select(VersionRow, ModelRow.workspace, ModelRow.name)
        .where(
            VersionRow.model_id == ModelRow.id,
            ModelRow.server == server,
            col(ModelRow.gone_at).is_(None),
            col(VersionRow.gone_at).is_(None),
            col(VersionRow.is_detailed).is_(False),
        )
        .order_by(col(VersionRow.created_at).desc())
        .limit(_MOST_WAITING)
    )
    if model_ids:
        query = query.where(col(VersionRow.model_id).in_(model_ids))
    with store.read() as session:
        return [
            (
                row.id,
                SeenVersion(
                    name,
                    row.number,
                    row.created_at,
                    row.source,
                    row.run_id,
                    workspace=workspace,
                    status=row.status,
                ),
            )
            for row, workspace, name in session.exec(query)
        ]


def write_details(
    session: Session,
    server: str,
    version_id: str,
    seen: SeenVersion,
    details: SeenDetails,
    *,
    at: datetime,
) -> None:
    """Write down what a version said when it was opened."""
    row = session.get_one(VersionRow, version_id)
    row.logged_model_id = details.logged_model_id
    row.flavors = " ".join(details.flavors)
    row.signature = details.signature
    row.logged_tags = json.dumps(dict(details.logged_tags), sort_keys=True)
    # A version that is still being written is opened again when it is ready.
    row.is_detailed = seen.status == "READY"
    session.add(row)
    write_example(session, version_id, details.example, at=at)
    _measured(session, version_id, details)
    _ran(session, server, details)


def _measured(session: Session, version_id: str, details: SeenDetails) -> None:
    for metric in details.metrics:
        if not math.isfinite(metric.value):
            continue  # no number: nothing can be compared with it, and SQLite cannot keep it
        session.merge(
            MetricRow(
                version_id=version_id,
                name=metric.name,
                dataset=metric.dataset,
                dataset_digest=metric.dataset_digest,
                value=metric.value,
            )
        )


def _ran(session: Session, server: str, details: SeenDetails) -> None:
    run = details.run
    if run is None:
        return
    session.merge(
        RunRow(
            server=server,
            run_id=run.run_id,
            name=run.name,
            experiment=run.experiment,
            user=run.user,
            status=run.status,
            started_at=run.started_at,
            ended_at=run.ended_at,
            params=json.dumps(dict(run.params)),
            tags=json.dumps(dict(run.tags)),
        )
    )
    for used in run.datasets:
        session.merge(
            DatasetRow(
                server=server,
                name=used.name,
                digest=used.digest,
                source_type=used.source_type,
                source=used.source,
                columns=used.columns,
                rows=used.rows,
            )
        )
        session.merge(
            RunDatasetRow(
                server=server,
                run_id=run.run_id,
                name=used.name,
                digest=used.digest,
                context=used.context,
            )
        )
