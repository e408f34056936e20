"""A release request as a value, with its decisions and the promotion that carries it out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Executable, Row, bindparam, func
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from auth.actors import Actor
from catalog.registry.authorship import authors_of
from catalog.registry.tables import ModelRow
from catalog.registry.visible import visible
from catalog.releases.promotions.outbox import Promotion, promotions_of
from catalog.releases.requests.steps import digests
from catalog.releases.states import OPEN, ROUNDS, Route, State, Verb
from catalog.releases.tables import DecisionRow, RequestRow


@dataclass(frozen=True)
class Decision:
    """What somebody decided, when, and why."""

    verb: Verb
    person_id: str
    reason: str
    at: datetime
    policy_digest: str
    snapshot_digest: str
    manifest_digest: str
    panel: str = ""
    verdict_digest: str = ""
    reading: int = 0

    def is_bound_to(self, policy: str, snapshot: str, manifest: str, *, reading: int) -> bool:
        """Whether it was decided on these three digests, in the same reading of the request."""
        return (self.policy_digest, self.snapshot_digest, self.manifest_digest, self.reading) == (
            policy,
            snapshot,
            manifest,
            reading,
        )


@dataclass(frozen=True)
class ReleaseRequest:
    """A release request as it stands."""

    id: str
    number: str
    model_id: str
    model_name: str
    version_id: str
    version_number: int
    alias: str
    reason: str
    requested_by: str
    requested_at: datetime
    state: State
    changed_at: datetime
    replaces: int | None
    policy_digest: str
    snapshot_digest: str
    manifest_digest: str
    problem: str
    authors: tuple[str, ...]
    route: Route
    decisions: tuple[Decision, ...]
    promotion: Promotion | None
    reviewer_id: str = ""
    # How it was read once more: sent back as something changed, bound as it was before; or sent
    # again by who asked, bound as it is since.
    rounds: tuple[Decision, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do something."""
        return self.state in OPEN

    @property
    def put_at(self) -> datetime:
        """Since when it is before its reviewers as it is: asked, sent again, or read anew."""
        return max((one.at for one in self.rounds), default=self.requested_at)

    @property
    def digests(self) -> dict[str, str]:
        """What it is decided on, as far as it is bound: policy, evidence and artifacts."""
        return digests(self)


@dataclass(frozen=True)
class Which:
    """Which requests to list; an empty field leaves everything in."""

    states: frozenset[State] = frozenset()
    model_id: str = ""
    version: int | None = None
    alias: str = ""


ALL: Final = Which()


def listed(
    session: Session, which: Which, by: Actor, *, limit: int | None, offset: int
) -> list[ReleaseRequest]:
    """The requests that are asked for and may be seen, newest first."""
    newest = (col(RequestRow.requested_at).desc(), col(RequestRow.number).desc())
    query = select(RequestRow).where(*_asked(which, by)).order_by(*newest)
    return load_requests(session, list(session.exec(query.limit(limit).offset(offset))))


def counted(session: Session, which: Which, by: Actor) -> int:
    """How many requests are asked for and may be seen."""
    return session.exec(select(func.count(col(RequestRow.id))).where(*_asked(which, by))).one()


def load_request(session: Session, row: RequestRow) -> ReleaseRequest:
    """A request's row as a value."""
    return load_requests(session, [row])[0]


def load_requests(session: Session, rows: list[RequestRow]) -> list[ReleaseRequest]:
    """Rows as values, with what belongs to them read in five queries, however many there are."""
    connection = session.connection()
    named = connection.execute(_NAMES, {"models": list({row.model_id for row in rows})})
    names = dict(named.all())
    built = authors_of(session, {row.version_id for row in rows})
    promotions = promotions_of(session, [row.id for row in rows])
    made: dict[str, list[Decision]] = {}
    for one in connection.execute(_DECISIONS, {"requests": [row.id for row in rows]}):
        made.setdefault(one.request_id, []).append(_decision(one))
    return [
        ReleaseRequest(
            id=row.id,
            number=row.number,
            model_id=row.model_id,
            model_name=names[row.model_id],
            version_id=row.version_id,
            version_number=row.version_number,
            alias=row.alias,
            reason=row.reason,
            requested_by=row.requested_by,
            requested_at=row.requested_at,
            state=State(row.state),
            changed_at=row.changed_at,
            replaces=row.replaces,
            policy_digest=row.policy_digest,
            snapshot_digest=row.snapshot_digest,
            manifest_digest=row.manifest_digest,
            problem=row.problem,
            authors=tuple(built[row.version_id]),
            route=Route(row.route),
            decisions=tuple(one for one in made.get(row.id, ()) if one.verb not in ROUNDS),
            promotion=promotions.get(row.id),
            reviewer_id=row.reviewer_id,
            rounds=tuple(one for one in made.get(row.id, ()) if one.verb in ROUNDS),
        )
        for row in rows
    ]


def _asked(which: Which, by: Actor) -> list[ColumnElement[bool]]:
    asked = [col(ModelRow.id) == col(RequestRow.model_id), visible(by, "release:read")]
    if which.states:
        asked.append(col(RequestRow.state).in_(which.states))
    if which.model_id:
        asked.append(col(RequestRow.model_id) == which.model_id)
    if which.version is not None:
        asked.append(col(RequestRow.version_number) == which.version)
    if which.alias:
        asked.append(col(RequestRow.alias) == which.alias)
    return asked


def _decision(row: Row[Any]) -> Decision:
    return Decision(
        Verb(row.verb),
        row.person_id,
        row.reason,
        row.at,
        row.policy_digest,
        row.snapshot_digest,
        row.manifest_digest,
        row.panel,
        row.verdict_digest,
        row.reading,
    )


# Asked on every click on a request: built once.
_NAMES: Final = columns(col(ModelRow.id), col(ModelRow.name)).where(
    col(ModelRow.id).in_(bindparam("models", expanding=True))
)
_DECISIONS: Final[Executable] = (
    columns(*DecisionRow.__table__.columns)  # type: ignore[attr-defined]
    .where(col(DecisionRow.request_id).in_(bindparam("requests", expanding=True)))
    .order_by(col(DecisionRow.at), col(DecisionRow.reading))
)
