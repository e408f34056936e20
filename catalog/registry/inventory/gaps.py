"""Gaps of the inventory: what nobody has said of a model, and what does not agree.

Each gap is written once as a rule for one model and once as a condition for the database, so that a
hundred thousand models are counted and paged without being read; a test holds both together.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import product
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, exists, false, func, or_, text
from sqlalchemy import select as columns
from sqlmodel import col

from auth.access import ANYTHING, decide, insist_visible
from auth.actors import Actor
from catalog.registry.inventory.classified import CHAMPION
from catalog.registry.inventory.standing import Stage, suggested
from catalog.registry.models import MODEL, Model, load_models
from catalog.registry.tables import UNCLASSIFIED, AliasRow, ModelRow
from catalog.registry.visible import visible
from catalog.use_cases.risk import TIERS, RegulatoryClass, is_stricter_class, is_stricter_tier
from catalog.use_cases.tables import UseCaseRow
from catalog.use_cases.use_cases import Status, UseCase
from ledger.acts import Ledger

# Counting reads every model; nobody needs it fresher than this.
_COUNTED_FOR: Final = timedelta(minutes=1)


class Gap(StrEnum):
    """What is missing or does not agree, in the words of the screen."""

    NO_OWNER = "No owner"
    NO_DOMAIN = "No domain"
    NO_TASK = "No task"
    NO_TIER = "No tier"
    NO_CLASS = "No regulatory class"
    NO_STAGE = "No lifecycle stage"
    NO_USE_CASE = "No AI use case"
    CLOSED_USE = "Its AI use case is closed"
    LOWER_CLASS = "A lower class than its AI use case"
    LOWER_TIER = "A lower tier than its AI use case"
    LIVE_TOO_SOON = "Live, and not said to be in production"
    NOTHING_LIVE = "Said to be in production, and nothing is live"


@dataclass(frozen=True)
class Unclassified:
    """How many models lack an owner, a domain or a task, and one page of them by name."""

    total: int
    models: tuple[Model, ...]


NONE: Final = Unclassified(0, ())


@dataclass(frozen=True)
class Counted:
    """How many models have each gap, out of how many, and when that was counted."""

    models: int
    gaps: Mapping[Gap, int]
    at: datetime


@dataclass(frozen=True)
class Placed:
    """A model under a use case, with what is missing or does not agree."""

    model: Model
    gaps: tuple[Gap, ...]


class InventoryGaps:
    """The desk that says what is still to be said."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._counted: Counted | None = None
        self._pages: dict[tuple[Gap, int, int], list[str]] = {}

    def unclassified(self, *, by: Actor, limit: int = 5, offset: int = 0) -> Unclassified:
        """The models without an owner, a domain or a task. Raises Refused."""
        decide(by, "model:classify", ANYTHING).insist()
        condition = text(UNCLASSIFIED)
        total = columns(func.count()).select_from(ModelRow).where(condition)
        page = columns(*_MODEL).where(condition).order_by(col(ModelRow.name), col(ModelRow.id))
        with self._ledger.store.read() as session:
            connection = session.connection()
            rows = connection.execute(page.limit(limit).offset(offset)).all()
            return Unclassified(
                connection.execute(total).scalar_one(), tuple(load_models(session, rows))
            )

    def counted(self, *, by: Actor) -> Counted:
        """How many models have each gap, counted within the last minute. Raises Refused."""
        decide(by, "settings:read", ANYTHING).insist()
        now = self._ledger.clock.now()
        with self._lock:
            kept = self._counted
            if kept is None or not now - _COUNTED_FOR <= kept.at <= now:
                kept = self._counted = self._count(now)
                self._pages = {}
            return kept

    def _count(self, now: datetime) -> Counted:
        each = [func.sum(case((condition(gap), 1), else_=0)) for gap in Gap]
        statement = _JOINED.with_only_columns(func.count(), *each)
        with self._ledger.store.read() as session:
            found = session.connection().execute(statement).one()
        gaps = {gap: int(number or 0) for gap, number in zip(Gap, found[1:], strict=True)}
        return Counted(int(found[0]), gaps, now)

    def models(self, gap: Gap, *, by: Actor, limit: int = 25, offset: int = 0) -> list[Model]:
        """One page of the models that had a gap when it was counted, by name. Raises Refused."""
        self.counted(by=by)
        pages, place = self._pages, (gap, limit, offset)
        ordered = (col(ModelRow.name), col(ModelRow.id))
        with self._ledger.store.read() as session:
            connection = session.connection()
            if place not in pages:
                found = _JOINED.where(condition(gap)).order_by(*ordered)
                ids = connection.execute(found.limit(limit).offset(offset)).scalars()
                pages[place] = list(ids)
            page = columns(*_MODEL).where(col(ModelRow.id).in_(pages[place])).order_by(*ordered)
            return load_models(session, connection.execute(page).all())

    def under(
        self, use_case: UseCase, *, by: Actor, limit: int = 25, offset: int = 0
    ) -> tuple[int, list[Placed]]:
        """How many models one may see are under a use case, and one page of them by name."""
        insist_visible(by, "use-case:read", use_case.resource, "such use case")
        mine = and_(
            col(ModelRow.use_case_id) == use_case.id,
            col(ModelRow.gone_at).is_(None),
            visible(by, "model:read"),
        )
        total = columns(func.count()).select_from(ModelRow).where(mine)
        page = columns(*_MODEL).where(mine).order_by(col(ModelRow.name), col(ModelRow.id))
        with self._ledger.store.read() as session:
            connection = session.connection()
            rows = connection.execute(page.limit(limit).offset(offset)).all()
            placed = [
                Placed(model, gaps_of(model, use_case)) for model in load_models(session, rows)
            ]
            return connection.execute(total).scalar_one(), placed


def gaps_of(model: Model, use_case: UseCase | None) -> tuple[Gap, ...]:
    """The gaps of one model, in the order they are named."""
    is_live = model.alias(CHAMPION) is not None
    fits = suggested(model.stage, is_live=is_live)
    found = {
        Gap.NO_OWNER: not model.owner_id,
        Gap.NO_DOMAIN: not model.domain,
        Gap.NO_TASK: not model.task,
        Gap.NO_TIER: not model.tier,
        Gap.NO_CLASS: not model.regulatory_class,
        Gap.NO_STAGE: not model.stage,
        Gap.NO_USE_CASE: not model.use_case_id,
        Gap.LIVE_TOO_SOON: bool(model.stage) and fits is Stage.PRODUCTION,
        Gap.NOTHING_LIVE: fits is Stage.DEPRECATED,
    }
    if use_case is not None:
        found |= {
            Gap.CLOSED_USE: use_case.status is Status.CLOSED,
            Gap.LOWER_CLASS: is_stricter_class(use_case.regulatory_class, model.regulatory_class),
            Gap.LOWER_TIER: is_stricter_tier(use_case.tier, model.tier),
        }
    return tuple(gap for gap in Gap if found.get(gap))


def condition(gap: Gap) -> ColumnElement[bool]:
    """The same for the database, over models joined with their use cases."""
    return _CONDITIONS[gap]


def _lower(said: Any, wanted: Any, pairs: list[tuple[str, str]]) -> ColumnElement[bool]:  # noqa: ANN401 - columns
    """Whether the model says less than its use case; of each pair the first is the stricter."""
    weaker: dict[str, list[str]] = {}
    for strict, weak in pairs:
        weaker.setdefault(strict, []).append(weak)
    return or_(
        false(), *(and_(wanted == strict, said.in_(weak)) for strict, weak in weaker.items())
    )


_MODEL: Final[tuple[Any, ...]] = MODEL
_IS_LIVE: Final = exists().where(
    col(AliasRow.model_id) == col(ModelRow.id), col(AliasRow.alias) == CHAMPION
)
_JOINED: Final = (
    columns(col(ModelRow.id))
    .join(UseCaseRow, col(UseCaseRow.id) == col(ModelRow.use_case_id), isouter=True)
    .where(col(ModelRow.gone_at).is_(None))
)
_CONDITIONS: Final[Mapping[Gap, ColumnElement[bool]]] = {
    Gap.NO_OWNER: col(ModelRow.owner_id) == "",
    Gap.NO_DOMAIN: col(ModelRow.domain) == "",
    Gap.NO_TASK: col(ModelRow.task) == "",
    Gap.NO_TIER: col(ModelRow.tier) == "",
    Gap.NO_CLASS: col(ModelRow.regulatory_class) == "",
    Gap.NO_STAGE: col(ModelRow.stage) == "",
    Gap.NO_USE_CASE: col(ModelRow.use_case_id) == "",
    Gap.CLOSED_USE: col(UseCaseRow.status) == Status.CLOSED,
    Gap.LOWER_CLASS: _lower(
        col(ModelRow.regulatory_class),
        col(UseCaseRow.regulatory_class),
        [pair for pair in product(RegulatoryClass, RegulatoryClass) if is_stricter_class(*pair)],
    ),
    Gap.LOWER_TIER: _lower(
        col(ModelRow.tier),
        col(UseCaseRow.tier),
        [pair for pair in product(TIERS, TIERS) if is_stricter_tier(*pair)],
    ),
    Gap.LIVE_TOO_SOON: and_(
        _IS_LIVE,
        col(ModelRow.stage).not_in(["", Stage.PRODUCTION, Stage.DEPRECATED]),
    ),
    Gap.NOTHING_LIVE: and_(col(ModelRow.stage) == Stage.PRODUCTION, ~_IS_LIVE),
}
