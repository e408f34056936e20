"""What is known of models: what was approved, what was there first, and who relies on it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Executable, func
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from auth.tables import PrincipalRow
from catalog.applications.tables import ConsumerRow
from catalog.registry.tables import AliasRow, ChangeRow, ModelRow, VersionRow
from catalog.releases.reconciliation.journal import IS_NEWS, Moved
from catalog.releases.states import STANDING, PromotionState, target
from catalog.releases.tables import PromotionRow, RequestRow
from ledger.among import among


@dataclass(frozen=True)
class Asked:
    """A release request and, where it was approved, how it was carried out.

    Attributes:
        route: how it was asked for.
        place: the order in which approvals were given; 0 where there is none.
        called_at: when MLflow was about to be asked for the move; nothing when it never was.
    """

    request_id: str
    number: str
    version_id: str
    version_number: int
    alias: str
    state: str
    requested_by: str
    manifest_digest: str
    route: str
    promotion_id: str = ""
    place: int = 0
    promotion: str = ""
    queued_at: datetime | None = None
    called_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def is_retirement(self) -> bool:
        """Whether the alias was to be taken away from the version, and not set to it."""
        return target(self.route, self.version_number) is None

    @property
    def leaves_on(self) -> str:
        """The id of the version on which it leaves the alias; empty: on none."""
        return "" if self.is_retirement else self.version_id

    @property
    def leaves_at(self) -> str:
        """The number of that version; empty: none."""
        return "" if self.is_retirement else str(self.version_number)

    @property
    def stands(self) -> bool:
        """Whether it is an approval that nobody took back."""
        return self.state in STANDING

    def has_arrived(self, until: datetime | None) -> bool:
        """Whether it is what put the alias where it was at a moment, from its call on."""
        at = self.called_at or self.finished_at
        return (
            self.promotion == PromotionState.APPLIED
            and at is not None
            and (until is None or at <= until)
        )

    def may_have_moved(self, moved: Moved) -> bool:
        """Whether a call of ours can be this move: the same one, at the same time.

        The window may begin after the call was written down and before MLflow answered, and a call
        that timed out may have gone through, so all of the promotion's time counts.
        """
        return (
            self.alias == moved.name
            and self.leaves_at == moved.after
            and self.queued_at is not None
            and self.called_at is not None
            and self.queued_at <= moved.until
            and (moved.since is None or self.finished_at is None or self.finished_at >= moved.since)
        )


@dataclass(frozen=True)
class Known:
    """What is known of one model.

    Attributes:
        asked: its release requests, in the order of their approvals.
        first: where its aliases pointed when Countersign first looked, as numbers.
        aliases: where they point now: name to version id; `numbers` likewise.
        removed: versions that an alias was taken from: version id to when that was last seen.
        consumers: the applications that rely on an alias, by name.
    """

    model: ModelRow
    versions: Mapping[str, VersionRow] = field(default_factory=dict)
    asked: tuple[Asked, ...] = ()
    first: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)
    removed: Mapping[str, datetime] = field(default_factory=dict)
    consumers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def place(self, alias: str, *, until: datetime | None = None) -> Asked | None:
        """The newest approval that stands and put an alias somewhere, up to a moment."""
        arrived = [
            one
            for one in self.asked
            if one.alias == alias and one.stands and one.has_arrived(until)
        ]
        return max(arrived, key=lambda one: one.place, default=None)

    def was_governed(self, alias: str, *, until: datetime | None = None) -> bool:
        """Whether any approval has put an alias somewhere, up to a moment, taken back or not."""
        return any(one.alias == alias and one.has_arrived(until) for one in self.asked)

    def original(self, alias: str, *, until: datetime | None = None) -> str:
        """The version it was on when Countersign first looked, while nothing was approved yet."""
        return "" if self.was_governed(alias, until=until) else self.first.get(alias, "")

    def approval_of(self, version_id: str) -> Asked | None:
        """The newest approval of a version that stands."""
        found = [
            one
            for one in self.asked
            if one.version_id == version_id and one.stands and not one.is_retirement
        ]
        return max(found, key=lambda one: one.place, default=None)

    def is_live(self, version_id: str) -> bool:
        """Whether an alias points at the version now."""
        return version_id in self.aliases.values()


def read_known(
    session: Session, model_ids: Collection[str], version_ids: Collection[str] = ()
) -> dict[str, Known]:
    """All that is known of these models, in seven questions, however many they are."""
    connection = session.connection()
    asked = {"models": sorted(model_ids), "versions": sorted(version_ids)}
    versions: dict[str, dict[str, VersionRow]] = {}
    for version in session.exec(_VERSIONS, params=asked):
        versions.setdefault(version.model_id, {})[version.id] = version
    requests: dict[str, list[Asked]] = {}
    for model_id, *rest in connection.execute(_ASKED, asked):
        requests.setdefault(model_id, []).append(Asked(*rest))
    first = _by_name(connection.execute(_FIRST, asked).all())
    held = connection.execute(_ALIASES, asked).all()
    aliases = _by_name([row[:3] for row in held])
    numbers = _by_name([(row[0], row[1], row[3]) for row in held])
    removed = _by_name(connection.execute(_REMOVED, asked).all())
    consumers: dict[str, dict[str, tuple[str, ...]]] = {}
    for model_id, alias, name in connection.execute(_CONSUMERS, asked):
        there = consumers.setdefault(model_id, {})
        there[alias] = (*there.get(alias, ()), name)
    return {
        model.id: Known(
            model,
            versions.get(model.id, {}),
            tuple(requests.get(model.id, ())),
            first.get(model.id, {}),
            aliases.get(model.id, {}),
            numbers.get(model.id, {}),
            removed.get(model.id, {}),
            consumers.get(model.id, {}),
        )
        for model in session.exec(_MODELS, params=asked)
    }


def _by_name(rows: Iterable[Sequence[Any]]) -> dict[str, dict[str, Any]]:
    """Rows of (model, name, value) as a value by name for each model."""
    found: dict[str, dict[str, Any]] = {}
    for model_id, name, value in rows:
        found.setdefault(model_id, {})[name] = value
    return found


_MODELS: Final = select(ModelRow).where(among(col(ModelRow.id), "models"))
_VERSIONS: Final = select(VersionRow).where(among(col(VersionRow.id), "versions"))
_ASKED: Final[Executable] = (
    columns(
        col(RequestRow.model_id),
        col(RequestRow.id),
        col(RequestRow.number),
        col(RequestRow.version_id),
        col(RequestRow.version_number),
        col(RequestRow.alias),
        col(RequestRow.state),
        col(RequestRow.requested_by),
        col(RequestRow.manifest_digest),
        col(RequestRow.route),
        func.coalesce(col(PromotionRow.id), ""),
        func.coalesce(col(PromotionRow.place), 0),
        func.coalesce(col(PromotionRow.state), ""),
        col(PromotionRow.queued_at),
        col(PromotionRow.called_at),
        col(PromotionRow.finished_at),
    )
    .outerjoin(PromotionRow, col(PromotionRow.request_id) == col(RequestRow.id))
    .where(among(col(RequestRow.model_id), "models"))
    .order_by(col(RequestRow.requested_at), col(RequestRow.number))
)
_FIRST: Final[Executable] = columns(
    col(ChangeRow.model_id), col(ChangeRow.name), col(ChangeRow.after)
).where(
    among(col(ChangeRow.model_id), "models"),
    col(ChangeRow.kind) == "alias",
    col(ChangeRow.since).is_(None),
    ~IS_NEWS,
)
_ALIASES: Final[Executable] = columns(
    col(AliasRow.model_id), col(AliasRow.alias), col(AliasRow.version_id), col(AliasRow.number)
).where(among(col(AliasRow.model_id), "models"))
# The newest one last, so that it is the one that counts.
_REMOVED: Final[Executable] = (
    columns(col(ChangeRow.model_id), col(ChangeRow.version_id), col(ChangeRow.until))
    .where(
        among(col(ChangeRow.model_id), "models"),
        col(ChangeRow.kind) == "alias",
        col(ChangeRow.after) == "",
    )
    .order_by(col(ChangeRow.sequence))
)
_CONSUMERS: Final[Executable] = (
    columns(col(ConsumerRow.model_id), col(ConsumerRow.alias), col(PrincipalRow.name))
    .where(
        among(col(ConsumerRow.model_id), "models"),
        col(ConsumerRow.ended_at).is_(None),
        col(PrincipalRow.id) == col(ConsumerRow.application_id),
    )
    .order_by(col(PrincipalRow.name), col(ConsumerRow.id))
)
