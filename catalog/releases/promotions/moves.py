"""Who stands behind an alias that was moved: the approval that was carried out, or nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from catalog.releases.states import AGREEING, PromotionState, Route
from catalog.releases.tables import DecisionRow, PromotionRow, RequestRow


@dataclass(frozen=True)
class Behind:
    """The request that was carried out, and whoever approved it last."""

    request_id: str
    person_id: str


def behind(
    session: Session,
    model_id: str,
    alias: str,
    version_number: int | None,
    *,
    since: datetime | None,
    until: datetime,
) -> Behind | None:
    """The approval whose promotion set the alias between two moments, or nothing.

    `version_number` is where it was set; None where it was taken away.
    An older approval of the same version explains nothing: somebody moved the alias away since.
    """
    query = (
        select(PromotionRow.request_id, DecisionRow.person_id)
        .where(
            PromotionRow.model_id == model_id,
            PromotionRow.alias == alias,
            RequestRow.id == PromotionRow.request_id,
            PromotionRow.state != PromotionState.FAILED,
            col(PromotionRow.called_at) <= until,
            DecisionRow.request_id == PromotionRow.request_id,
            col(DecisionRow.verb).in_(sorted(AGREEING)),
        )
        .order_by(col(PromotionRow.place).desc(), col(DecisionRow.at).desc())
    )
    if version_number is None:
        query = query.where(RequestRow.route == Route.RETIREMENT)
    else:
        query = query.where(
            RequestRow.route != Route.RETIREMENT, PromotionRow.version_number == version_number
        )
    if since is not None:
        query = query.where(col(PromotionRow.called_at) >= since)
    found = session.exec(query).first()
    return None if found is None else Behind(*found)
