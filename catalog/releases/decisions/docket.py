"""The docket: release requests as lists show them, and who stands where around one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import (
    Integer,
    String,
    and_,
    bindparam,
    func,
    or_,
)
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from auth.actors import Actor
from catalog.registry.authorship import authors_of
from catalog.registry.tables import ModelRow
from catalog.registry.visible import VISIBLE, seen_by
from catalog.releases.decisions.briefs import BELONGS, FOUND, Brief, Briefs, Found, find, seen
from catalog.releases.decisions.deciders import Deciders, Outlook
from catalog.releases.evidence.taking import MANIFEST
from catalog.releases.policies.shelf import Policies
from catalog.releases.requests.rights import may_resubmit
from catalog.releases.states import AGREEING, OPEN, ROUNDS, PromotionState, Route, State
from catalog.releases.tables import (
    DecisionRow,
    EvidenceRow,
    PromotionRow,
    RequestRow,
)
from ledger import trail
from ledger.acts import Ledger

PAGE: Final = 25
# More open requests than one person reads in a sitting; the list says when there are more.
_MOST_OPEN: Final = 500


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
class Step:
    """Something done to a request, with its place in the audit trail and what was said with it."""

    sequence: int
    act: str
    person_id: str
    at: datetime
    reason_code: str
    digests: tuple[tuple[str, str], ...]
    said: str = ""


@dataclass(frozen=True)
class Surroundings:
    """What stands around a request. Who decides is given while it is open."""

    outlook: Outlook
    history: tuple[Step, ...]
    files_now: str


class Docket:
    """The desk that lists release requests; it decides nothing."""

    def __init__(self, ledger: Ledger, policies: Policies, deciders: Deciders) -> None:
        self._ledger = ledger
        self._deciders = deciders
        self._briefs = Briefs(policies, ledger.clock)

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
                tuple(self._briefs.of(session, found)),
                total,
                tuple((state, counted[state]) for state in State if state in counted),
                tuple((one, name) for one, name in models),
            )

    def briefs(self, wanted: Wanted, *, by: Actor, limit: int = PAGE) -> tuple[Brief, ...]:
        """The newest of the requests the actor may see, where nobody asks how many there are."""
        with self._ledger.store.read() as session:
            found = _listed(session, wanted, by, limit=limit)
            return tuple(self._briefs.of(session, found))

    def desk(self, *, by: Actor, closed: int) -> Desk:
        """What lies on this person's desk, with the newest `closed` of what was closed."""
        asked = _seen_by(by)
        with self._ledger.store.read() as session:
            is_open = find(session, _OPEN_ONES, asked)
            ended = _listed(session, Wanted(frozenset(State) - OPEN), by, limit=closed)
            mine = self._to_act_on(session, is_open, by)
            followed = [one for one in reversed(is_open) if _is_followed(one.request, by)][:PAGE]
            briefs = {
                brief.id: brief for brief in self._briefs.of(session, [*mine, *followed, *ended])
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
            is_open = find(session, _OPEN_ONES, _seen_by(by))
            return self._briefs.of(session, self._to_act_on(session, is_open, by))

    def followed(self, *, by: Actor, limit: int = PAGE) -> list[Brief]:
        """The open requests this person asked for, that somebody else has to act on."""
        mine = col(RequestRow.requested_by) == by.id
        waits = col(RequestRow.state).in_(OPEN - {State.CHANGES_REQUESTED})
        with self._ledger.store.read() as session:
            query = _NEWEST.where(mine, waits).limit(limit)
            return self._briefs.of(session, find(session, query, _seen_by(by)))

    def done(self, *, by: Actor, limit: int = PAGE) -> list[Brief]:
        """The closed requests this person asked for or decided, newest first."""
        decided = select(DecisionRow.request_id).where(
            DecisionRow.person_id == by.id, col(DecisionRow.verb).not_in(sorted(ROUNDS))
        )
        took_part = or_(col(RequestRow.requested_by) == by.id, col(RequestRow.id).in_(decided))
        closed = col(RequestRow.state).not_in(OPEN)
        with self._ledger.store.read() as session:
            query = _NEWEST.where(took_part, closed).limit(limit)
            return self._briefs.of(session, find(session, query, _seen_by(by)))

    def moved_since(self, since: datetime, *, by: Actor, limit: int = PAGE) -> list[Brief]:
        """The requests whose alias was moved in MLflow since then, newest first."""
        moved = col(PromotionRow.finished_at) >= since
        is_there = col(PromotionRow.state) == PromotionState.APPLIED
        with self._ledger.store.read() as session:
            query = _NEWEST.where(is_there, moved).limit(limit)
            briefs = self._briefs.of(session, find(session, query, _seen_by(by)))
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
            one = seen(session, request_id, by)
            row = one.request
            outlook = Outlook()
            if row.state in OPEN:
                outlook = self._deciders.among(session, one, built_by)
            files = session.connection().execute(_FILES, {"version": row.version_id}).first()
            return Surroundings(outlook, _history(session, one), files[0] if files else "")

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

    def _to_act_on(self, session: Session, found: Sequence[Found], by: Actor) -> list[Found]:
        """Those of these that this person may decide, and did not agree to, or send again."""
        # Having built a version only ever takes the right away, so authors are asked for last.
        mine = [
            one
            for one in found
            if may_resubmit(by, one.request) or self._deciders.may(session, by, one, built_by=[])
        ]
        if not mine:
            return []
        built = authors_of(session, {one.request.version_id for one in mine})
        asked = {"requests": [one.request.id for one in mine], "person": by.id}
        agreed = {tuple(row) for row in session.connection().execute(_AGREED, asked)}
        left = [
            one
            for one in mine
            if may_resubmit(by, one.request)
            or (
                _bound(one.request) not in agreed
                and self._deciders.may(session, by, one, built_by=built[one.request.version_id])
            )
        ]
        # What is an emergency is decided before what has waited for longer.
        return sorted(left, key=lambda one: one.request.route != Route.EMERGENCY)


def _listed(
    session: Session, wanted: Wanted, by: Actor, *, limit: int, offset: int = 0
) -> list[Found]:
    asked = {"model": wanted.model_id, "states": list(wanted.states or State)}
    page = {"most": limit, "after": offset}
    return find(session, _WANTED, _seen_by(by) | asked | page)


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


def _history(session: Session, one: Found) -> tuple[Step, ...]:
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
            record.texts.get("reason", ""),
        )
        for record in reversed(done)
    )


# Asked on every click on most screens: built once, narrowed where a list asks for more.
_ABOUT: Final = bindparam("model", type_=String())
_IN_SCOPE: Final = and_(BELONGS, VISIBLE, or_(_ABOUT == "", col(RequestRow.model_id) == _ABOUT))
_NEWEST: Final = FOUND.where(VISIBLE).order_by(
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
    FOUND.where(VISIBLE, col(RequestRow.state).in_(OPEN))
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
# The same newest record as `taking.latest_manifest`, without the list of files in it.
_FILES: Final = (
    columns(col(EvidenceRow.digest))
    .where(col(EvidenceRow.version_id) == bindparam("version"), col(EvidenceRow.kind) == MANIFEST)
    .order_by(col(EvidenceRow.place).desc())
    .limit(1)
)
