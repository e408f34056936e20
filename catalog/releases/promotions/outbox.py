"""The outbox: approvals on their way into MLflow, in the order in which they were decided.

Decisions put them in and take them off in their own transactions; `promotions` carries them out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Executable, Row, bindparam
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from catalog.releases.states import PromotionState
from catalog.releases.tables import PromotionRow, RequestRow
from ledger import trail
from ledger.errors import Conflict
from ledger.ids import new_id

# Told where the work is, so that a drill can end it there.
AtPoint = Callable[[str], None]


@dataclass(frozen=True)
class Promotion:
    """An approval on its way into MLflow, or arrived there, or stopped."""

    id: str
    request_id: str
    model_id: str
    version_id: str
    version_number: int
    alias: str
    replaces: int | None
    state: PromotionState
    queued_at: datetime
    finished_at: datetime | None
    attempts: int
    code: str
    message: str
    opens_at: datetime | None = None


def cancel(session: Session, request_id: str, *, at: datetime) -> None:
    """Take what nobody carries out yet off the outbox, in the transaction that revokes it.

    What a worker has claimed is stopped by the worker, which reads the approval again.
    """
    row = session.exec(
        select(PromotionRow)
        .where(PromotionRow.request_id == request_id, PromotionRow.state == PromotionState.QUEUED)
        .with_for_update()
    ).first()
    if row is None or (row.lease_until is not None and row.lease_until > at):
        return
    row.state, row.code, row.finished_at = PromotionState.FAILED, "revoked", at
    row.message = "The approval was revoked before it was carried out."
    session.add(row)


def enqueue(
    session: Session, request: RequestRow, *, at: datetime, opens_at: datetime | None = None
) -> str:
    """Put an approval into the outbox, in the transaction of the decision. Returns its id.

    `opens_at` is the moment from which it may be carried out, where that is not at once.
    """
    row = PromotionRow(
        id=new_id("prm"),
        place=trail.next_in(session, "promotion"),
        request_id=request.id,
        model_id=request.model_id,
        version_id=request.version_id,
        version_number=request.version_number,
        alias=request.alias,
        replaces=request.replaces,
        manifest_digest=request.manifest_digest,
        state=PromotionState.QUEUED,
        queued_at=at,
        next_try_at=at,
        opens_at=opens_at,
    )
    session.add(row)
    session.flush()
    return row.id


def on_its_way(
    session: Session, model_id: str, alias: str, *, besides_windows: bool = False
) -> PromotionRow | None:
    """The approval that is about to move an alias, if there is one.

    `besides_windows` leaves out what waits for a release window: what is urgent goes first, and the
    other finds the alias moved.
    """
    query = select(PromotionRow).where(
        PromotionRow.model_id == model_id,
        PromotionRow.alias == alias,
        PromotionRow.state == PromotionState.QUEUED,
    )
    if besides_windows:
        query = query.where(col(PromotionRow.opens_at).is_(None))
    return session.exec(query).first()


def insist_nothing_on_its_way(
    session: Session, model_id: str, alias: str, *, besides_windows: bool = False
) -> None:
    """Raises Conflict while another approval is about to move the same alias."""
    other = on_its_way(session, model_id, alias, besides_windows=besides_windows)
    if other is None:
        return
    raise Conflict(
        f"An approval of version {other.version_number} is on its way to {other.alias}, so what "
        "this request would replace is about to change.",
        hint="Decide when that promotion has arrived in MLflow, which takes seconds."
        if other.opens_at is None
        else "It waits for its release window: decide after that, or revoke its approval.",
        code="promotion-on-its-way",
    )


def promotions_of(session: Session, request_ids: list[str]) -> dict[str, Promotion]:
    """The promotions that carry approved requests out, by request."""
    found = session.connection().execute(_CARRIED_OUT, {"requests": request_ids})
    return {row.request_id: promotion(row) for row in found}


# Asked on every click on a request: built once.
_CARRIED_OUT: Final[Executable] = columns(*PromotionRow.__table__.columns).where(  # type: ignore[attr-defined]
    col(PromotionRow.request_id).in_(bindparam("requests", expanding=True))
)


def promotion(row: PromotionRow | Row[Any]) -> Promotion:
    """A promotion's row as a value."""
    return Promotion(
        row.id,
        row.request_id,
        row.model_id,
        row.version_id,
        row.version_number,
        row.alias,
        row.replaces,
        PromotionState(row.state),
        row.queued_at,
        row.finished_at,
        row.attempts,
        row.code,
        row.message,
        row.opens_at,
    )
