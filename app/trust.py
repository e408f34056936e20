"""Trust: what the upper chapters know of a model, asked for many at once when it is indexed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import BindParameter, Executable, bindparam, select
from sqlmodel import Session, col

from catalog.monitoring.tables import PredictionDayRow
from catalog.registry.search.indexer import Trust, Witnesses
from catalog.registry.tables import AliasRow
from catalog.releases.states import STANDING, PromotionState, Route
from catalog.releases.tables import PromotionRow, RequestRow
from ledger.clock import Clock

MONITORED_DAYS: Final = 30

_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
# The champion stands where an approval has put it.
_CERTIFIED: Final[Executable] = select(col(AliasRow.model_id)).where(
    col(AliasRow.model_id).in_(_IDS),
    col(AliasRow.alias) == "champion",
    col(PromotionRow.model_id) == col(AliasRow.model_id),
    col(PromotionRow.version_id) == col(AliasRow.version_id),
    col(PromotionRow.alias) == col(AliasRow.alias),
    col(PromotionRow.state) == PromotionState.APPLIED.value,
    col(RequestRow.id) == col(PromotionRow.request_id),
    col(RequestRow.state).in_(sorted(STANDING)),
    col(RequestRow.route) != Route.RETIREMENT,
)
_CALLED: Final[Executable] = (
    select(col(PredictionDayRow.model_id))
    .where(col(PredictionDayRow.model_id).in_(_IDS))
    .distinct()
)
_WATCHED: Final[Executable] = (
    select(col(PredictionDayRow.model_id))
    .where(col(PredictionDayRow.model_id).in_(_IDS), col(PredictionDayRow.day) >= bindparam("day"))
    .distinct()
)


def witnesses(clock: Clock) -> Witnesses:
    """Those who say whether a champion was approved here, and whether anybody calls it."""

    def say(session: Session, model_ids: Sequence[str]) -> Mapping[str, Trust]:
        connection = session.connection()
        asked = {"ids": list(model_ids)}
        since = (clock.now() - timedelta(days=MONITORED_DAYS)).date()
        certified = set(connection.execute(_CERTIFIED, asked).scalars())
        used = set(connection.execute(_CALLED, asked).scalars())
        watched = set(connection.execute(_WATCHED, {**asked, "day": since}).scalars())
        return {
            one: Trust(one in certified, one in used, one in watched)
            for one in certified | used | watched
        }

    return say
