"""The docket: release requests as lists show them, and who stands where around one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from sqlalchemy import ColumnElement, and_, false, func, or_, true
from sqlmodel import Session, col, select

from auth.access import Verdict, decide, insist_visible, visible_scopes
from auth.actors import Actor
from auth.holders import holders
from catalog.registry.authorship import authors, authors_of
from catalog.registry.models import resource
from catalog.registry.tables import ModelRow, VersionRow
from catalog.releases import gates
from catalog.releases.evidence import Snapshot, latest_manifest
from catalog.releases.policies import Policies, Policy
from catalog.releases.rights import may_decide, may_resubmit
from catalog.releases.states import OPEN, PromotionState, State, Verb
from catalog.releases.tables import DecisionRow, PromotionRow, RequestRow, SnapshotRow
from ledger import trail
from ledger.acts import Ledger
from ledger.errors import NotFound

PAGE: Final = 25
# More open requests than one person reads in a sitting; the list says when there are more.
_MOST_OPEN: Final = 500


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
    promoted_at: datetime | None = None
    answers: tuple[gates.GateResult, ...] = ()
    reason: str = ""
    manifest_digest: str = ""

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do something."""
        return self.state in OPEN

    def answering(self, answer: gates.Answer) -> list[str]:
        """The titles of the gates that give this answer."""
        return [gate.title for gate in self.answers if gate.answer is answer]


@dataclass(frozen=True)
class Wanted:
    """Which requests to list; an empty field leaves everything in."""

    states: frozenset[State] = frozenset()
    model_id: str = ""


@dataclass(frozen=True)
class Docketed:
    """One page of requests, how many there are in all, and in which states without the filter."""

    briefs: tuple[Brief, ...]
    total: int
    by_state: tuple[tuple[State, int], ...]
    models: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Candidate:
    """Somebody who holds the right to decide on a model, and whether they may decide this one."""

    person_id: str
    name: str
    verdict: Verdict


@dataclass(frozen=True)
class Step:
    """Something done to a request, with its place in the audit trail."""

    sequence: int
    act: str
    person_id: str
    at: datetime
    reason_code: str
    digests: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Surroundings:
    """What stands around a request. Candidates are given while it is open."""

    candidates: tuple[Candidate, ...]
    history: tuple[Step, ...]
    files_now: str


class Docket:
    """The desk that lists release requests; it decides nothing."""

    def __init__(self, ledger: Ledger, policies: Policies) -> None:
        self._ledger = ledger
        self._policies = policies

    # -- lists ---------------------------------------------------------------------------------

    def page(self, wanted: Wanted, *, by: Actor, limit: int = PAGE, offset: int = 0) -> Docketed:
        """One page of the requests the actor may see, newest first."""
        seen = _visible_to(by)
        narrowed = [seen]
        if wanted.model_id:
            narrowed.append(col(RequestRow.model_id) == wanted.model_id)
        filtered = [*narrowed]
        if wanted.states:
            filtered.append(col(RequestRow.state).in_(wanted.states))
        with self._ledger.store.read() as session:
            by_state = session.exec(
                select(RequestRow.state, func.count())
                .where(col(ModelRow.id) == col(RequestRow.model_id), *narrowed)
                .group_by(col(RequestRow.state))
            ).all()
            models = session.exec(
                select(ModelRow.id, ModelRow.name)
                .where(col(ModelRow.id) == col(RequestRow.model_id), seen)
                .distinct()
                .order_by(col(ModelRow.name))
            ).all()
            counted = {State(state): number for state, number in by_state}
            total = sum(
                number
                for state, number in counted.items()
                if not wanted.states or state in wanted.states
            )
            found = _rows(session, filtered, limit=limit, offset=offset)
            return Docketed(
                tuple(self._briefs(session, found)),
                total,
                tuple((state, counted[state]) for state in State if state in counted),
                tuple((one, name) for one, name in models),
            )

    def waits_for(self, *, by: Actor) -> list[Brief]:
        """What this person can do something about, oldest first: decide, or send again."""
        is_open = col(RequestRow.state).in_(OPEN)
        with self._ledger.store.read() as session:
            found = _rows(session, [_visible_to(by), is_open], limit=_MOST_OPEN, oldest_first=True)
            built = authors_of(session, {row.version_id for row, _ in found})
            mine = [
                (row, model)
                for row, model in found
                if may_decide(by, row, model, built.get(row.version_id, []))
                or may_resubmit(by, row)
            ]
            return self._briefs(session, mine)

    def followed(self, *, by: Actor, limit: int = PAGE) -> list[Brief]:
        """The open requests this person asked for, that somebody else has to act on."""
        mine = col(RequestRow.requested_by) == by.id
        waits = col(RequestRow.state).in_(OPEN - {State.CHANGES_REQUESTED})
        with self._ledger.store.read() as session:
            found = _rows(session, [_visible_to(by), mine, waits], limit=limit)
            return self._briefs(session, found)

    def done(self, *, by: Actor, limit: int = PAGE) -> list[Brief]:
        """The closed requests this person asked for or decided, newest first."""
        decided = select(DecisionRow.request_id).where(DecisionRow.person_id == by.id)
        took_part = or_(col(RequestRow.requested_by) == by.id, col(RequestRow.id).in_(decided))
        closed = col(RequestRow.state).not_in(OPEN)
        with self._ledger.store.read() as session:
            found = _rows(session, [_visible_to(by), took_part, closed], limit=limit)
            return self._briefs(session, found)

    def moved_since(self, since: datetime, *, by: Actor, limit: int = PAGE) -> list[Brief]:
        """The requests whose alias was moved in MLflow since then, newest first."""
        moved = select(PromotionRow.request_id).where(
            PromotionRow.state == PromotionState.APPLIED, col(PromotionRow.finished_at) >= since
        )
        with self._ledger.store.read() as session:
            found = _rows(session, [_visible_to(by), col(RequestRow.id).in_(moved)], limit=limit)
            briefs = self._briefs(session, found)
        return sorted(briefs, key=lambda one: one.promoted_at or one.changed_at, reverse=True)

    # -- around one request ----------------------------------------------------------------------

    def around(self, request_id: str, *, by: Actor) -> Surroundings:
        """Who decides, what was done so far, and the files as they were read last.

        Raises NotFound.
        """
        with self._ledger.store.read() as session:
            row, model = _seen(session, request_id, by)
            built = authors(session, row.version_id)
            manifest = latest_manifest(session, row.version_id)
            return Surroundings(
                _candidates(session, row, model, built) if row.state in OPEN else (),
                _history(session, row),
                manifest.digest if manifest else "",
            )

    def who_decides(self, request_id: str, *, by: Actor) -> tuple[Candidate, ...]:
        """Everybody who decides on this model, and whether they may decide this request.

        Raises NotFound.
        """
        with self._ledger.store.read() as session:
            row, model = _seen(session, request_id, by)
            built = authors(session, row.version_id)
            return _candidates(session, row, model, built)

    def who_would_decide(self, version_id: str, *, by: Actor) -> tuple[Candidate, ...]:
        """Who could decide if the actor asked for this version now."""
        with self._ledger.store.read() as session:
            version = session.get(VersionRow, version_id)
            model = session.get(ModelRow, version.model_id) if version else None
            if version is None or model is None:
                raise NotFound("There is no such version.", hint="Choose one on the Model page.")
            insist_visible(by, "release:read", resource(model), "such version")
            now = self._ledger.clock.now()
            asked = RequestRow(
                id="",
                number="",
                model_id=model.id,
                version_id=version_id,
                version_number=version.number,
                alias="",
                reason="",
                requested_by=by.id,
                requested_at=now,
                state=State.IN_REVIEW,
                changed_at=now,
            )
            return _candidates(session, asked, model, authors(session, version.id))

    def numbers(self, ids: set[str], *, by: Actor) -> dict[str, str]:
        """What requests are called, `RR-2026-0007 (credit-pd v4)`, among those the actor sees."""
        with self._ledger.store.read() as session:
            found = session.exec(
                select(
                    RequestRow.id, RequestRow.number, ModelRow.name, RequestRow.version_number
                ).where(
                    col(ModelRow.id) == col(RequestRow.model_id),
                    col(RequestRow.id).in_(ids),
                    _visible_to(by),
                )
            )
            return {one: f"{number} ({name} v{version})" for one, number, name, version in found}

    # -- the inside ----------------------------------------------------------------------------

    def _briefs(
        self, session: Session, found: Sequence[tuple[RequestRow, ModelRow]]
    ) -> list[Brief]:
        ids = [row.id for row, _ in found]
        decisions: dict[str, DecisionRow] = {}
        for decision in session.exec(
            select(DecisionRow)
            .where(col(DecisionRow.request_id).in_(ids))
            .order_by(col(DecisionRow.at))
        ):
            decisions[decision.request_id] = decision
        promotions = {
            one.request_id: one
            for one in session.exec(
                select(PromotionRow).where(col(PromotionRow.request_id).in_(ids))
            )
        }
        snapshots = dict(
            session.exec(
                select(SnapshotRow.digest, SnapshotRow.body).where(
                    col(SnapshotRow.digest).in_({row.snapshot_digest for row, _ in found})
                )
            ).all()
        )
        return [
            self._brief(row, model, decisions.get(row.id), promotions.get(row.id), snapshots)
            for row, model in found
        ]

    def _brief(
        self,
        row: RequestRow,
        model: ModelRow,
        decision: DecisionRow | None,
        promotion: PromotionRow | None,
        snapshots: dict[str, str],
    ) -> Brief:
        body = snapshots.get(row.snapshot_digest)
        answers: tuple[gates.GateResult, ...] = ()
        if body and row.policy_digest:
            policy = self._policies.by_digest(row.policy_digest)
            answers = _answers(_Asked(policy, row.policy_digest), body)
        return Brief(
            id=row.id,
            number=row.number,
            model_id=row.model_id,
            model_name=model.name,
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
            promotion=PromotionState(promotion.state) if promotion else None,
            promoted_at=promotion.finished_at if promotion else None,
            answers=answers,
            reason=row.reason,
            manifest_digest=row.manifest_digest,
        )


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
def _answers(asked: _Asked, body: str) -> tuple[gates.GateResult, ...]:
    # Gates are pure functions of these two, so an answer never grows old.
    return gates.evaluate(asked.policy, Snapshot.from_body(body))


def _rows(
    session: Session,
    conditions: Sequence[ColumnElement[bool]],
    *,
    limit: int,
    offset: int = 0,
    oldest_first: bool = False,
) -> list[tuple[RequestRow, ModelRow]]:
    when = col(RequestRow.requested_at)
    query = (
        select(RequestRow, ModelRow)
        .where(col(ModelRow.id) == col(RequestRow.model_id), *conditions)
        .order_by(when if oldest_first else when.desc(), col(RequestRow.number).desc())
        .limit(limit)
        .offset(offset)
    )
    return [(row, model) for row, model in session.exec(query)]


def _visible_to(by: Actor) -> ColumnElement[bool]:
    """What the actor may see, as a condition on models: the same scopes `auth.decide` asks."""
    scopes = visible_scopes(by, "release:read")
    if any(scope.kind == "everything" for scope in scopes):
        return true()
    domains = [scope.id for scope in scopes if scope.kind == "domain"]
    models = [scope.id for scope in scopes if scope.kind == "model"]
    if not domains and not models:
        return false()
    return or_(
        and_(col(ModelRow.domain) != "", col(ModelRow.domain).in_(domains)),
        col(ModelRow.id).in_(models),
    )


def _seen(session: Session, request_id: str, by: Actor) -> tuple[RequestRow, ModelRow]:
    row = session.get(RequestRow, request_id)
    model = session.get(ModelRow, row.model_id) if row else None
    if row is None or model is None or not decide(by, "release:read", resource(model)):
        raise NotFound("There is no such request.", hint="Open it from Releases or your inbox.")
    return row, model


def _candidates(
    session: Session, row: RequestRow, model: ModelRow, built_by: list[str]
) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(one.id, one.name, may_decide(one, row, model, built_by))
        for one in holders(session, "release:decide", resource(model))
    )


def _history(session: Session, row: RequestRow) -> tuple[Step, ...]:
    """What was done to a request and its promotion, oldest first, by place in the trail."""
    promotion = session.exec(
        select(PromotionRow.id).where(PromotionRow.request_id == row.id)
    ).first()
    about = [f"request:{row.id}"] + ([f"promotion:{promotion}"] if promotion else [])
    records = [
        record
        for one in about
        for record in trail.listing(
            session, trail.Filter(resource=one, outcome=trail.DONE), limit=PAGE
        )
    ]
    return tuple(
        Step(
            record.sequence,
            record.act,
            record.actor,
            record.at,
            record.reason,
            tuple(sorted(record.digests.items())),
        )
        for record in sorted(records, key=lambda one: one.sequence)
    )
