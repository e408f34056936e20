"""Aliases that are not where the newest approval put them, though no change was ever read.

Who moves an alias back between two readings leaves nothing in the journal of changes: what was read
before and after is the same. So where things stand is compared as well.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Executable, Row, and_, bindparam, or_
from sqlalchemy import select as columns
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from catalog.registry.tables import AliasRow, ChangeRow, ModelRow, VersionRow
from catalog.releases.findings.finding import STANDING as STANDING_FINDINGS
from catalog.releases.findings.finding import UNEXPLAINED
from catalog.releases.states import STANDING, PromotionState, Route
from catalog.releases.tables import FindingRow, PromotionRow, RequestRow


def astray(session: Session, reached: int) -> list[Row[Any]]:
    """Promotions whose alias is elsewhere, read since, with nothing left to explain or to do."""
    return list(session.connection().execute(_ASTRAY, {"reached": reached}).all())


_COLUMNS: Final[tuple[Any, ...]] = (
    col(PromotionRow.id),
    col(PromotionRow.model_id),
    col(PromotionRow.version_id),
    col(PromotionRow.version_number),
    col(PromotionRow.alias),
    col(PromotionRow.finished_at),
    col(RequestRow.number).label("request"),
    col(ModelRow.seen_at),
    col(ModelRow.owner_id),
    col(RequestRow.requested_by),
    col(RequestRow.route),
    col(AliasRow.number).label("number"),
    col(AliasRow.version_id).label("held"),
)
_LATER: Final = aliased(PromotionRow)
_ITS: Final = aliased(RequestRow)
_ASTRAY: Final[Executable] = (
    columns(*_COLUMNS)
    .select_from(PromotionRow)
    .join(RequestRow, col(RequestRow.id) == col(PromotionRow.request_id))
    .join(ModelRow, col(ModelRow.id) == col(PromotionRow.model_id))
    .join(VersionRow, col(VersionRow.id) == col(PromotionRow.version_id))
    .outerjoin(
        AliasRow,
        and_(
            col(AliasRow.model_id) == col(PromotionRow.model_id),
            col(AliasRow.alias) == col(PromotionRow.alias),
        ),
    )
    .where(
        col(PromotionRow.state) == PromotionState.APPLIED,
        col(RequestRow.state).in_(sorted(STANDING)),
        col(ModelRow.gone_at).is_(None),
        # That an approved version was deleted is found of the version.
        col(VersionRow.gone_at).is_(None),
        col(ModelRow.seen_at) > col(PromotionRow.finished_at),
        or_(
            and_(
                col(RequestRow.route) != Route.RETIREMENT,
                or_(
                    col(AliasRow.version_id).is_(None),
                    col(AliasRow.version_id) != col(PromotionRow.version_id),
                ),
            ),
            and_(
                col(RequestRow.route) == Route.RETIREMENT,
                col(AliasRow.version_id).is_not(None),
            ),
        ),
        # A later one counts, or is about to.
        ~columns(col(_LATER.id))
        .where(
            col(_LATER.model_id) == col(PromotionRow.model_id),
            col(_LATER.alias) == col(PromotionRow.alias),
            col(_LATER.place) > col(PromotionRow.place),
            col(_ITS.id) == col(_LATER.request_id),
            or_(
                col(_LATER.state) == PromotionState.QUEUED,
                and_(
                    col(_LATER.state) == PromotionState.APPLIED,
                    col(_ITS.state).in_(sorted(STANDING)),
                ),
            ),
        )
        .exists(),
        # It is found already, or the change is still to be looked at.
        ~columns(col(FindingRow.id))
        .where(
            col(FindingRow.model_id) == col(PromotionRow.model_id),
            col(FindingRow.alias) == col(PromotionRow.alias),
            col(FindingRow.kind).in_(sorted(UNEXPLAINED)),
            or_(
                col(FindingRow.state).in_(sorted(STANDING_FINDINGS)),
                # What people closed by hand is not found again as it is.
                col(FindingRow.opened_at) > col(PromotionRow.finished_at),
            ),
        )
        .exists(),
        ~columns(col(ChangeRow.sequence))
        .where(
            col(ChangeRow.model_id) == col(PromotionRow.model_id),
            col(ChangeRow.sequence) > bindparam("reached"),
        )
        .exists(),
    )
    .order_by(col(PromotionRow.place))
)
