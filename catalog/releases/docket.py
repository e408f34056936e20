"""The docket: release requests as lists show them, and who stands where around one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    Executable,
    Integer,
    Row,
    String,
    and_,
    bindparam,
    func,
    or_,
)
from sqlalchemy import select as columns
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select

from auth.absences import away
from auth.access import Verdict, decide, insist_visible
from auth.actors import Actor
from auth.holders import holders
from auth.permissions import Role
from catalog.registry.authorship import authors, authors_of
from catalog.registry.models import resource
from catalog.registry.tables import ModelRow, VersionRow
from catalog.registry.visible import VISIBLE, seen_by
from catalog.releases.agreement import panels_of
from catalog.releases.evidence.snapshot import Snapshot
from catalog.releases.evidence.taking import MANIFEST
from catalog.releases.gates import asking as gates
from catalog.releases.policies.law import PANELS, Policy
from catalog.releases.policies.shelf import Policies
from catalog.releases.reviewers import loads
from catalog.releases.rights import may_decide, may_resubmit
from catalog.releases.states import AGREEING, OPEN, PromotionState, State, Verb
from catalog.releases.tables import (
    DecisionRow,
    EvidenceRow,
    PromotionRow,
    RequestRow,
    SnapshotRow,
)
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
    reviewer_id: str = ""

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
class Desk:
    """What lies on one person's desk: what waits for them, what they asked for, what was closed.

    `undecided` is how many open requests they may see in all.
    """

    waiting: tuple[Brief, ...] = ()
    followed: tuple[Brief, ...] = ()
    closed: tuple[Brief, ...] = ()
    undecided: int = 0


@dataclass(frozen=True)
class Candidate:
    """Somebody who holds the right to decide on a model, and whether they may decide this one."""

    person_id: str
    name: str
    verdict: Verdict
    given: int = 0  # open requests that this person is to read first
    is_away: bool = False


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
        asked = _seen_by(by) | {"model": wanted.model_id}
        with self._ledger.store.read() as session:
            connection = session.connection()
            counted = {State(state): n for state, n in connection.execute(_BY_STATE, asked)}
            models = connection.execute(_MODELS, asked)
            total = sum(
                number
                for state, number in counted.items()
                if not wanted.states or state in wanted.states
            )
            found = _listed(session, wanted, by, limit=limit, offset=offset)
            return Docketed(
                tuple(self._briefs(session, found)),
                total,
                tuple((state, counted[state]) for state in State if state in counted),
                tuple((one, name) for one, name in models),
            )

    def briefs(self, wanted: Wanted, *, by: Actor, limit: int = PAGE) -> tuple[Brief, ...]:
        """The newest of the requests the actor may see, where nobody asks how many there are."""
        with self._ledger.store.read() as session:
            found = _listed(session, wanted, by, limit=limit)
            return tuple(self._briefs(session, found))

    def desk(self, *, by: Actor, closed: int) -> Desk:
        """What lies on this person's desk, with the newest `closed` of what was closed."""
        asked = _seen_by(by)
        with self._ledger.store.read() as session:
            is_open = _found(session, _OPEN_ONES, asked)
            ended = _listed(session, Wanted(frozenset(State) - OPEN), by, limit=closed)
            mine = self._to_act_on(session, is_open, by)
            followed = [one for one in reversed(is_open) if _is_followed(one.request, by)][:PAGE]
            briefs = {
                brief.id: brief for brief in self._briefs(session, [*mine, *followed, *ended])
            }
            undecided = len(is_open)
            if undecided == _MOST_OPEN:
                states = session.connection().execute(_BY_STATE, asked | {"model": ""})
                undecided = sum(n for state, n in states if state in OPEN)
            return Desk(
                tuple(briefs[one.request.id] for one in mine),
                tuple(briefs[one.request.id] for one in followed),
                tuple(briefs[one.request.id] for one in ended),
                undecided,
            )

    def waits_for(self, *, by: Actor) -> list[Brief]:
        """What this person can do something about, oldest first: decide, or send again."""
        with self._ledger.store.read() as session:
            is_open = _found(session, _OPEN_ONES, _seen_by(by))
            return self._briefs(session, self._to_act_on(session, is_open, by))

    def followed(self, *, by: Actor, limit: int = PAGE) -> list[Brief]:
        """The open requests this person asked for, that somebody else has to act on."""
        mine = col(RequestRow.requested_by) == by.id
        waits = col(RequestRow.state).in_(OPEN - {State.CHANGES_REQUESTED})
        with self._ledger.store.read() as session:
            query = _NEWEST.where(mine, waits).limit(limit)
            return self._briefs(session, _found(session, query, _seen_by(by)))

    def done(self, *, by: Actor, limit: int = PAGE) -> list[Brief]:
        """The closed requests this person asked for or decided, newest first."""
        decided = select(DecisionRow.request_id).where(DecisionRow.person_id == by.id)
        took_part = or_(col(RequestRow.requested_by) == by.id, col(RequestRow.id).in_(decided))
        closed = col(RequestRow.state).not_in(OPEN)
        with self._ledger.store.read() as session:
            query = _NEWEST.where(took_part, closed).limit(limit)
            return self._briefs(session, _found(session, query, _seen_by(by)))

    def moved_since(self, since: datetime, *, by: Actor, limit: int = PAGE) -> list[Brief]:
        """The requests whose alias was moved in MLflow since then, newest first."""
        moved = col(PromotionRow.finished_at) >= since
        is_there = col(PromotionRow.state) == PromotionState.APPLIED
        with self._ledger.store.read() as session:
            query = _NEWEST.where(is_there, moved).limit(limit)
            briefs = self._briefs(session, _found(session, query, _seen_by(by)))
        return sorted(briefs, key=lambda one: one.promoted_at or one.changed_at, reverse=True)

    # -- around one request ----------------------------------------------------------------------

    def around(
        self, request_id: str, *, by: Actor, built_by: Sequence[str] | None = None
    ) -> Surroundings:
        """Who decides, what was done so far, and the files as they were read last.

        `built_by` are the authors of its version, where the caller has read them already.
        Raises NotFound.
        """
        with self._ledger.store.read() as session:
            one = _seen(session, request_id, by)
            row = one.request
            candidates: tuple[Candidate, ...] = ()
            if row.state in OPEN:
                candidates = self._candidates(session, one, built_by)
            files = session.connection().execute(_FILES, {"version": row.version_id}).first()
            return Surroundings(candidates, _history(session, one), files[0] if files else "")

    def who_decides(
        self, request_id: str, *, by: Actor, built_by: Sequence[str] | None = None
    ) -> tuple[Candidate, ...]:
        """Everybody who decides on this model, and whether they may decide this request.

        `built_by` are the authors of its version, where the caller has read them already.
        Raises NotFound.
        """
        with self._ledger.store.read() as session:
            one = _seen(session, request_id, by)
            return self._candidates(session, one, built_by)

    def who_would_decide(self, version_id: str, *, by: Actor) -> tuple[Candidate, ...]:
        """Who could decide if this version were asked for now: by the actor, if they may ask."""
        with self._ledger.store.read() as session:
            version = session.get(VersionRow, version_id)
            model = session.get(ModelRow, version.model_id) if version else None
            if version is None or model is None:
                raise NotFound("There is no such version.", hint="Choose one on the Model page.")
            insist_visible(
                by,
                "release:read",
                resource(model),
                "such version",
                "Choose one on the Model page.",
            )
            now = self._ledger.clock.now()
            asked = RequestRow(
                id="",
                number="",
                model_id=model.id,
                version_id=version_id,
                version_number=version.number,
                alias="",
                reason="",
                requested_by=by.id if decide(by, "release:request", resource(model)) else "",
                requested_at=now,
                state=State.IN_REVIEW,
                changed_at=now,
            )
            return self._candidates(session, _Found(asked, model), None)

    def numbers(self, ids: set[str], *, by: Actor) -> dict[str, str]:
        """What requests are called, `RR-2026-0007 (credit-pd v4)`, among those the actor sees."""
        with self._ledger.store.read() as session:
            found = session.exec(
                select(
                    RequestRow.id, RequestRow.number, ModelRow.name, RequestRow.version_number
                ).where(
                    col(ModelRow.id) == col(RequestRow.model_id),
                    col(RequestRow.id).in_(ids),
                    VISIBLE,
                ),
                params=_seen_by(by),
            )
            return {one: f"{number} ({name} v{version})" for one, number, name, version in found}

    # -- the inside ----------------------------------------------------------------------------

    def _panels(self, one: _Found) -> tuple[str, ...]:
        """The roles whose agreement a request needs."""
        if not one.request.policy_digest:
            return (Role.APPROVER,)
        policy = self._policies.by_digest(one.request.policy_digest)
        return tuple(panel.role for panel in panels_of(policy, one.request))

    def _to_act_on(self, session: Session, found: Sequence[_Found], by: Actor) -> list[_Found]:
        """Those of these that this person may decide, and did not agree to, or send again."""
        # Having built a version only ever takes the right away, so authors are asked for last.
        mine = [
            one
            for one in found
            if may_resubmit(by, one.request) or self._may_decide(by, one, built_by=[])
        ]
        if not mine:
            return []
        built = authors_of(session, {one.request.version_id for one in mine})
        asked = {"requests": [one.request.id for one in mine], "person": by.id}
        agreed = {tuple(row) for row in session.connection().execute(_AGREED, asked)}
        return [
            one
            for one in mine
            if may_resubmit(by, one.request)
            or (
                _bound(one.request) not in agreed
                and self._may_decide(by, one, built_by=built[one.request.version_id])
            )
        ]

    def _may_decide(self, by: Actor, one: _Found, *, built_by: list[str]) -> bool:
        return bool(may_decide(by, one.request, one.model, built_by, self._panels(one)))

    def _candidates(
        self, session: Session, one: _Found, built_by: Sequence[str] | None
    ) -> tuple[Candidate, ...]:
        known = authors(session, one.request.version_id) if built_by is None else list(built_by)
        panels = self._panels(one)
        people = {
            person.id: person
            for panel in panels
            for person in holders(session, PANELS[panel], resource(one.model))
        }
        # Nobody is given what was not asked for yet.
        is_asked = bool(one.request.id)
        given = loads(session, people) if is_asked else {}
        gone = away(session, people, self._ledger.clock.now().date()) if is_asked else set()
        return tuple(
            Candidate(
                person.id,
                person.name,
                may_decide(person, one.request, one.model, known, panels),
                given.get(person.id, 0),
                person.id in gone,
            )
            for person in sorted(people.values(), key=lambda person: (person.name, person.id))
        )

    def _asked_at(self, row: RequestRow) -> datetime:
        """The moment the gates answer for: this hour while it is open, then its last change."""
        if row.state not in OPEN:
            return row.changed_at
        return self._ledger.clock.now().replace(minute=0, second=0, microsecond=0)

    def _briefs(self, session: Session, found: Sequence[_Found]) -> list[Brief]:
        last: dict[str, Row[Any]] = {}
        if found:
            ids = {"requests": [one.request.id for one in found]}
            for decision in session.connection().execute(_DECISIONS, ids):
                last[decision.request_id] = decision
        return [self._brief(one, last.get(one.request.id)) for one in found]

    def _brief(self, one: _Found, decision: Row[Any] | None) -> Brief:
        row = one.request
        answers: tuple[gates.GateResult, ...] = ()
        if one.evidence and row.policy_digest:
            policy = self._policies.by_digest(row.policy_digest)
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
            promoted_at=one.promotion.finished_at if one.promotion else None,
            answers=answers,
            reason=row.reason,
            manifest_digest=row.manifest_digest,
            reviewer_id=row.reviewer_id,
        )


@dataclass(frozen=True)
class _Found:
    """A request as it was found, with what belongs to it."""

    request: RequestRow
    model: ModelRow
    promotion: PromotionRow | None = None
    evidence: str | None = None


_Query = Select[RequestRow, ModelRow, PromotionRow, str]


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


def _found(session: Session, query: _Query, asked: Mapping[str, object]) -> list[_Found]:
    return [_Found(*row) for row in session.exec(query, params=asked)]


def _listed(
    session: Session, wanted: Wanted, by: Actor, *, limit: int, offset: int = 0
) -> list[_Found]:
    asked = {"model": wanted.model_id, "states": list(wanted.states or State)}
    page = {"most": limit, "after": offset}
    return _found(session, _WANTED, _seen_by(by) | asked | page)


def _seen_by(by: Actor) -> dict[str, object]:
    """What the actor may see, as the values of `VISIBLE`."""
    return seen_by(by, "release:read")


def _bound(row: RequestRow) -> tuple[str, str, str, str, int]:
    """A request with everything that an agreement to it is bound to."""
    digests = (row.policy_digest, row.snapshot_digest, row.manifest_digest)
    return row.id, *digests, row.reading


def _is_followed(row: RequestRow, by: Actor) -> bool:
    """Whether this person asked for it and somebody else has to act."""
    return row.requested_by == by.id and row.state != State.CHANGES_REQUESTED


def _seen(session: Session, request_id: str, by: Actor) -> _Found:
    found = _found(session, _ONE, {"request": request_id})
    if not found or not decide(by, "release:read", resource(found[0].model)):
        raise NotFound("There is no such request.", hint="Open it from Releases or your inbox.")
    return found[0]


def _history(session: Session, one: _Found) -> tuple[Step, ...]:
    """What was done to a request and its promotion, oldest first, by place in the trail."""
    done = trail.done_to(session, f"request:{one.request.id}", limit=PAGE)
    return tuple(
        Step(
            record.sequence,
            record.act,
            record.actor,
            record.at,
            record.reason,
            tuple(sorted(record.digests.items())),
        )
        for record in reversed(done)
    )


# Asked on every click on most screens: built once, narrowed where a list asks for more.
_BELONGS: Final = col(ModelRow.id) == col(RequestRow.model_id)
_ABOUT: Final = bindparam("model", type_=String())
_IN_SCOPE: Final = and_(_BELONGS, VISIBLE, or_(_ABOUT == "", col(RequestRow.model_id) == _ABOUT))
# At most one promotion belongs to a request, and one body of evidence to a digest.
_FOUND: Final = (
    select(RequestRow, ModelRow, PromotionRow, SnapshotRow.body)
    .join(ModelRow, _BELONGS)
    .outerjoin(PromotionRow, col(PromotionRow.request_id) == col(RequestRow.id))
    .outerjoin(SnapshotRow, col(SnapshotRow.digest) == col(RequestRow.snapshot_digest))
)
_ONE: Final = _FOUND.where(col(RequestRow.id) == bindparam("request"))
_NEWEST: Final = _FOUND.where(VISIBLE).order_by(
    col(RequestRow.requested_at).desc(), col(RequestRow.number).desc()
)
_WANTED: Final = (
    _NEWEST.where(
        or_(_ABOUT == "", col(RequestRow.model_id) == _ABOUT),
        col(RequestRow.state).in_(bindparam("states", expanding=True)),
    )
    .limit(bindparam("most", type_=Integer()))
    .offset(bindparam("after", type_=Integer()))
)
_OPEN_ONES: Final = (
    _FOUND.where(VISIBLE, col(RequestRow.state).in_(OPEN))
    .order_by(col(RequestRow.requested_at), col(RequestRow.number).desc())
    .limit(_MOST_OPEN)
)
_BY_STATE: Final = (
    columns(col(RequestRow.state), func.count()).where(_IN_SCOPE).group_by(col(RequestRow.state))
)
_MODELS: Final = (
    columns(col(ModelRow.id), col(ModelRow.name))
    # From the few that were asked for to their names: the other way round reads every model.
    .where(col(ModelRow.id).in_(columns(col(RequestRow.model_id))), VISIBLE)
    .order_by(col(ModelRow.name))
)
_AGREED: Final = columns(
    col(DecisionRow.request_id),
    col(DecisionRow.policy_digest),
    col(DecisionRow.snapshot_digest),
    col(DecisionRow.manifest_digest),
    col(DecisionRow.reading),
).where(
    col(DecisionRow.request_id).in_(bindparam("requests", expanding=True)),
    col(DecisionRow.person_id) == bindparam("person", type_=String()),
    col(DecisionRow.verb).in_(sorted(AGREEING)),
)
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
# The same newest record as `taking.latest_manifest`, without the list of files in it.
_FILES: Final = (
    columns(col(EvidenceRow.digest))
    .where(col(EvidenceRow.version_id) == bindparam("version"), col(EvidenceRow.kind) == MANIFEST)
    .order_by(col(EvidenceRow.place).desc())
    .limit(1)
)
