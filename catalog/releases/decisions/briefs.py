"""Release requests in one line each, with what their gates say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Executable, Row, bindparam
from sqlalchemy import select as columns
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select

from auth.access import decide
from auth.actors import Actor
from catalog.registry.models import resource
from catalog.registry.tables import ModelRow
from catalog.releases.evidence.snapshot import Snapshot
from catalog.releases.gates import asking as gates
from catalog.releases.policies.law import Policy
from catalog.releases.policies.shelf import Policies
from catalog.releases.requests.time_limits import decide_by
from catalog.releases.states import OPEN, ROUNDS, PromotionState, Route, State, Verb
from catalog.releases.tables import DecisionRow, PromotionRow, RequestRow, SnapshotRow
from ledger.clock import Clock
from ledger.errors import NotFound


@dataclass(frozen=True)
class Brief:
    """A release request in one line: what is asked, where it stands, and what the gates say."""

    id: str
    number: str
    model_id: str
    model_name: str
    version_number: int
    alias: str
    state: State
    replaces: int | None
    problem: str
    requested_by: str
    requested_at: datetime
    changed_at: datetime
    decided_by: str = ""
    decided_as: Verb | None = None
    decided_at: datetime | None = None
    decided_why: str = ""
    promotion: PromotionState | None = None
    promotion_id: str = ""
    promoted_at: datetime | None = None
    answers: tuple[gates.GateResult, ...] = ()
    reason: str = ""
    manifest_digest: str = ""
    reviewer_id: str = ""
    route: Route = Route.RELEASE
    # When it is closed by itself if nothing is done on it, while it is open.
    expires_at: datetime | None = None
    # The last day for its decision, where its policy names one and reviewers are to act.
    decide_by: date | None = None

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do something."""
        return self.state in OPEN

    def answering(self, answer: gates.Answer) -> list[str]:
        """The titles of the gates that give this answer."""
        return [gate.title for gate in self.answers if gate.answer is answer]


@dataclass(frozen=True)
class Found:
    """A request as it was found, with what belongs to it."""

    request: RequestRow
    model: ModelRow
    promotion: PromotionRow | None = None
    evidence: str | None = None


Query = Select[RequestRow, ModelRow, PromotionRow, str]


def find(session: Session, query: Query, asked: Mapping[str, object]) -> list[Found]:
    """The requests that a question made of `FOUND` asks for."""
    return [Found(*row) for row in session.exec(query, params=asked)]


def seen(session: Session, request_id: str, by: Actor) -> Found:
    """A request that the actor may read. Raises NotFound."""
    found = find(session, _ONE, {"request": request_id})
    if not found or not decide(by, "release:read", resource(found[0].model)):
        raise NotFound("There is no such request.", hint="Open it from Releases or your inbox.")
    return found[0]


class Briefs:
    """Makes requests brief."""

    def __init__(self, policies: Policies, clock: Clock) -> None:
        self._policies = policies
        self._clock = clock

    def of(self, session: Session, found: Sequence[Found]) -> list[Brief]:
        """These requests in one line each, in their order."""
        last: dict[str, Row[Any]] = {}
        again: dict[str, datetime] = {}
        if found:
            ids = {"requests": [one.request.id for one in found]}
            for decision in session.connection().execute(_DECISIONS, ids):
                if decision.verb in ROUNDS:
                    again[decision.request_id] = decision.at
                else:
                    last[decision.request_id] = decision
        return [self._brief(one, last.get(one.request.id), again) for one in found]

    def _brief(self, one: Found, decision: Row[Any] | None, again: Mapping[str, datetime]) -> Brief:
        row = one.request
        answers: tuple[gates.GateResult, ...] = ()
        policy = self._policies.by_digest(row.policy_digest) if row.policy_digest else None
        if one.evidence and policy is not None:
            answers = _answers(_Asked(policy, row.policy_digest), one.evidence, self._asked_at(row))
        return Brief(
            id=row.id,
            number=row.number,
            model_id=row.model_id,
            model_name=one.model.name,
            version_number=row.version_number,
            alias=row.alias,
            state=State(row.state),
            replaces=row.replaces,
            problem=row.problem,
            requested_by=row.requested_by,
            requested_at=row.requested_at,
            changed_at=row.changed_at,
            decided_by=decision.person_id if decision else "",
            decided_as=Verb(decision.verb) if decision else None,
            decided_at=decision.at if decision else None,
            decided_why=decision.reason if decision else "",
            promotion=PromotionState(one.promotion.state) if one.promotion else None,
            promotion_id=one.promotion.id if one.promotion else "",
            promoted_at=one.promotion.finished_at if one.promotion else None,
            answers=answers,
            reason=row.reason,
            manifest_digest=row.manifest_digest,
            reviewer_id=row.reviewer_id,
            route=Route(row.route),
            expires_at=row.changed_at + timedelta(days=policy.limits.expire_after_days)
            if policy is not None and row.state in OPEN
            else None,
            decide_by=decide_by(policy.limits, row.state, again.get(row.id, row.requested_at))
            if policy is not None
            else None,
        )

    def _asked_at(self, row: RequestRow) -> datetime:
        """The moment the gates answer for: this hour while it is open, then its last change."""
        if row.state not in OPEN:
            return row.changed_at
        return self._clock.now().replace(minute=0, second=0, microsecond=0)


class _Asked:
    """A policy that is the same as another by its digest, so that answers can be remembered."""

    def __init__(self, policy: Policy, digest: str) -> None:
        self.policy = policy
        self.digest = digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and other.digest == self.digest


@lru_cache(maxsize=1024)
def _answers(asked: _Asked, body: str, at: datetime) -> tuple[gates.GateResult, ...]:
    # Gates are pure functions of these three, so an answer never grows old.
    return gates.evaluate(asked.policy, Snapshot.from_body(body), at)


# Asked on every click on most screens: built once, narrowed where a list asks for more.
BELONGS: Final = col(ModelRow.id) == col(RequestRow.model_id)
# At most one promotion belongs to a request, and one body of evidence to a digest.
FOUND: Final = (
    select(RequestRow, ModelRow, PromotionRow, SnapshotRow.body)
    .join(ModelRow, BELONGS)
    .outerjoin(PromotionRow, col(PromotionRow.request_id) == col(RequestRow.id))
    .outerjoin(SnapshotRow, col(SnapshotRow.digest) == col(RequestRow.snapshot_digest))
)
_ONE: Final = FOUND.where(col(RequestRow.id) == bindparam("request"))
_DECISIONS: Final[Executable] = (
    columns(
        col(DecisionRow.request_id),
        col(DecisionRow.person_id),
        col(DecisionRow.verb),
        col(DecisionRow.at),
        col(DecisionRow.reason),
    )
    .where(col(DecisionRow.request_id).in_(bindparam("requests", expanding=True)))
    .order_by(col(DecisionRow.at))
)
