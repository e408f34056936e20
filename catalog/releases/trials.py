"""Trials: a policy tried on every past request and on all that is live, before it binds anybody.

It takes as long as there is a past, so it is a durable job. What it found is kept, and shown to
each reader as far as they may read the models in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import select as columns
from sqlmodel import Session, col, func, select

from auth.access import ANYTHING, Verdict, decide, may_anywhere
from auth.actors import Actor
from catalog.registry.tables import AliasRow, ModelRow, VersionRow
from catalog.registry.visible import VISIBLE, seen_by
from catalog.releases.evidence import taking
from catalog.releases.evidence.snapshot import Snapshot
from catalog.releases.policies.law import Policy
from catalog.releases.policies.reading import read
from catalog.releases.policies.shelf import Policies, classified
from catalog.releases.replay import Verdict as Said
from catalog.releases.replay import verdict_of
from catalog.releases.tables import RequestRow, SnapshotRow, TrialRow
from ledger.acts import Ledger
from ledger.among import among
from ledger.errors import Conflict, CountersignError, NotFound, Refused
from ledger.ids import new_id

MOST: Final = 5_000
MOST_LIVE: Final = 5_000  # each is read anew, with everything that is known of it
MOST_UNDER_WAY: Final = 3
AT_A_TIME: Final = 100
_NO_TRIAL: Final = "Try the policy again on Policies."


class TrialState(StrEnum):
    """How far a trial is."""

    QUEUED = "Queued"
    RUNNING = "Running"
    DONE = "Done"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


UNDER_WAY: Final = frozenset({TrialState.QUEUED, TrialState.RUNNING})


@dataclass(frozen=True)
class Flip:
    """A past request under the policy it was bound to, and under the one that is tried."""

    number: str
    request_id: str
    model: str
    model_id: str
    version: int
    alias: str
    state: str
    before: Said
    after: Said

    @property
    def has_flipped(self) -> bool:
        """Whether the answer over all is another one."""
        return self.before.passes != self.after.passes


@dataclass(frozen=True)
class Live:
    """A version that is live now, under the policy."""

    model: str
    model_id: str
    version: int
    alias: str
    verdict: Said


@dataclass(frozen=True)
class Found:
    """What a policy says of the past and of the present, by request number and by model.

    `aside` counts the past requests it does not cover, by the id of their model.
    """

    requests: tuple[Flip, ...] = ()
    live: tuple[Live, ...] = ()
    aside: Mapping[str, int] | None = None
    is_cut: bool = False

    @property
    def not_governed(self) -> int:
        """How many past requests the policy does not cover."""
        return sum((self.aside or {}).values())


@dataclass(frozen=True)
class Trial:
    """A trial as it stands. `found` is there when it is done; `done` and `total` count asked ones.

    `written` is the policy as it was written.
    """

    id: str
    policy_digest: str
    written: str
    state: TrialState
    done: int
    total: int
    requested_by: str
    requested_at: datetime
    finished_at: datetime | None
    problem: str
    hint: str
    may_cancel: Verdict
    found: Found | None

    @property
    def is_under_way(self) -> bool:
        """Whether it is worth looking again soon."""
        return self.state in UNDER_WAY


class Trials:
    """The desk where policies are tried."""

    def __init__(self, ledger: Ledger, policies: Policies) -> None:
        self._ledger = ledger
        self._policies = policies

    def request(self, text: str, *, by: Actor) -> str:
        """Have a policy tried; returns the id of the trial. It changes nothing that binds anybody.

        Raises:
            NotAPolicy: the text is wrong somewhere; every problem is told with its line.
            Refused, Conflict: may read no release at all; has three trials under way already.
        """
        policy = read(text)
        with self._ledger.act("policy:trial:request", actor=by.id, resource="trial:*") as act:
            if not may_anywhere(by, "release:read"):
                raise Refused(
                    f"{by.name} may read no release.",
                    hint="A governance admin gives roles on the Access page.",
                    code="no-role",
                )
            mine = act.session.exec(
                select(TrialRow).where(
                    TrialRow.requested_by == by.id, col(TrialRow.state).in_(sorted(UNDER_WAY))
                )
            ).all()
            act.digests["policy"] = policy.digest
            for row in mine:
                if row.policy_digest == policy.digest:
                    act.reason, act.resource = "there-already", f"trial:{row.id}"
                    return row.id
            if len(mine) >= MOST_UNDER_WAY:
                raise Conflict(
                    f"{len(mine)} of your trials are under way.",
                    hint="Wait for one of them, or cancel it.",
                    code="too-many-trials",
                )
            row = TrialRow(
                id=new_id("try"),
                policy_digest=policy.digest,
                written=text,
                state=TrialState.QUEUED,
                requested_by=by.id,
                requested_at=act.at,
            )
            act.session.add(row)
            act.session.flush()
            act.resource = f"trial:{row.id}"
            act.emit("policy:tried", row.id)
            return row.id

    def get(self, trial_id: str, *, by: Actor) -> Trial:
        """A trial with what it found of the models the actor may read now. Raises NotFound."""
        if not may_anywhere(by, "release:read"):
            raise NotFound("There is no such trial.", hint=_NO_TRIAL)
        with self._ledger.store.read() as session:
            row = session.get(TrialRow, trial_id)
            if row is None:
                raise NotFound("There is no such trial.", hint=_NO_TRIAL)
            found = _seen(session, _read(row.found), by) if row.found else None
            return _trial(row, found, _may_cancel(row, by))

    def cancel(self, trial_id: str, *, by: Actor) -> None:
        """Stop a trial: whoever asked does, or who publishes policies.

        Raises NotFound, Refused; Conflict when it has ended.
        """
        with self._ledger.act(
            "policy:trial:cancel", actor=by.id, resource=f"trial:{trial_id}"
        ) as act:
            row = act.session.get(TrialRow, trial_id, with_for_update=True)
            if row is None:
                raise NotFound("There is no such trial.", hint=_NO_TRIAL)
            _may_cancel(row, by).insist()
            if row.state not in UNDER_WAY:
                raise Conflict(f"The trial is {row.state.lower()}.", code="wrong-state")
            row.state, row.finished_at = TrialState.CANCELLED, act.at
            act.session.add(row)

    # -- what the worker does --------------------------------------------------------------------

    def compute(self, trial_id: str, *, by: Actor) -> None:
        """Try the policy on everything and keep what it says. It stops where it was cancelled.

        A past request is asked with the evidence it was bound to, at its own moment; what is live
        is asked with what is known now, against itself as the champion.
        """
        decide(by, "promotion:carry-out", ANYTHING).insist()
        with self._ledger.store.read() as session:
            row = session.get(TrialRow, trial_id)
            if row is None or row.state not in UNDER_WAY:
                return
            policy = read(row.written)
            past, held = (session.exec(one).one() for one in (_PAST_COUNT, _LIVE_COUNT))
        total = min(MOST, past) + min(MOST_LIVE, held)
        flips: list[Flip] = []
        live: list[Live] = []
        aside: dict[str, int] = {}
        if not self._goes_on(trial_id, 0, total):
            return
        done = 0
        for requests in self._past(policy, aside):
            flips += [one for one in requests if one is not None]
            done += len(requests)
            if not self._goes_on(trial_id, done, total):
                return
        for versions in self._live(policy):
            live += [one for one in versions if one is not None]
            done += len(versions)
            if not self._goes_on(trial_id, done, total):
                return
        body = json.dumps(
            asdict(Found(tuple(flips), _by_name(live), aside, past > MOST or held > MOST_LIVE))
        )
        with self._ledger.act(
            "policy:trial:compute", actor=by.id, resource=f"trial:{trial_id}"
        ) as act:
            row = act.session.get_one(TrialRow, trial_id, with_for_update=True)
            if row.state not in UNDER_WAY:
                act.reason = "nothing-to-do"
                return
            row.state, row.finished_at = TrialState.DONE, act.at
            row.found, row.done, row.total = body, done, done
            act.session.add(row)
            act.digests["policy"] = row.policy_digest

    def give_up(self, trial_id: str, problem: CountersignError, *, by: Actor) -> None:
        """Say on the page, and on the record, why there will be no result."""
        with self._ledger.act(
            "policy:trial:fail", actor=by.id, resource=f"trial:{trial_id}"
        ) as act:
            row = act.session.get_one(TrialRow, trial_id, with_for_update=True)
            act.reason = problem.code
            if row.state in UNDER_WAY:
                row.state, row.finished_at = TrialState.FAILED, act.at
                row.problem, row.hint = problem.message, problem.hint
                act.session.add(row)

    def _goes_on(self, trial_id: str, done: int, total: int) -> bool:
        """Say how far it is. Returns whether nobody cancelled it."""
        with self._ledger.store.write() as session:
            row = session.get_one(TrialRow, trial_id, with_for_update=True)
            if row.state not in UNDER_WAY:
                return False
            row.state, row.done, row.total = TrialState.RUNNING, done, max(done, total)
            session.add(row)
            return True

    def _past(self, policy: Policy, aside: dict[str, int]) -> Iterator[list[Flip | None]]:
        """Past requests, some at a time, the newest first; what is not covered is counted aside."""
        last, left = "", MOST
        while left > 0:
            query = _PAST.where(col(RequestRow.number) < last) if last else _PAST
            with self._ledger.store.read() as session:
                rows = session.exec(query.limit(min(AT_A_TIME, left))).all()
            if not rows:
                return
            last, left = rows[-1][0].number, left - len(rows)
            found: list[Flip | None] = []
            for request, model, kept in rows:
                if policy.applies_to.covers(classified(model, request.alias)):
                    found.append(self._flip(policy, request, model, kept))
                else:
                    aside[model.id] = aside.get(model.id, 0) + 1
                    found.append(None)
            yield found

    def _flip(
        self, policy: Policy, request: RequestRow, model: ModelRow, kept: SnapshotRow
    ) -> Flip:
        snapshot = Snapshot.from_body(kept.body)
        bound = self._policies.by_digest(request.policy_digest)
        return Flip(
            request.number,
            request.id,
            model.name,
            model.id,
            request.version_number,
            request.alias,
            request.state,
            verdict_of(bound, snapshot, request.changed_at),
            verdict_of(policy, snapshot, request.changed_at),
        )

    def _live(self, policy: Policy) -> Iterator[list[Live | None]]:
        """What is live, some at a time."""
        last, left = "", MOST_LIVE
        while left > 0:
            with self._ledger.store.read() as session:
                rows = session.exec(
                    _LIVE.where(col(ModelRow.id) > last).limit(min(AT_A_TIME, left))
                ).all()
                found = [self._one(session, policy, *row) for row in rows]
            if not rows:
                return
            last, left = rows[-1][1].id, left - len(rows)
            yield found

    def _one(
        self,
        session: Session,
        policy: Policy,
        alias: AliasRow,
        model: ModelRow,
        version: VersionRow,
    ) -> Live | None:
        if not policy.applies_to.covers(classified(model, alias.alias)):
            return None
        snapshot = taking.take(session, model, version, alias.alias)
        said = verdict_of(policy, snapshot, self._ledger.clock.now())
        return Live(model.name, model.id, version.number, alias.alias, said)


def _by_name(live: list[Live]) -> tuple[Live, ...]:
    return tuple(sorted(live, key=lambda one: (one.model, one.model_id)))


def _may_cancel(row: TrialRow, by: Actor) -> Verdict:
    if row.requested_by == by.id:
        return Verdict(True, "You asked for it.")
    return decide(by, "policy:publish", ANYTHING)


def _seen(session: Session, found: Found, by: Actor) -> Found:
    """What somebody may read of what was found."""
    ids = {one.model_id for one in found.requests} | {one.model_id for one in found.live}
    ids |= set(found.aside or {})
    asked = {**seen_by(by, "release:read"), "models": sorted(ids)}
    seen = set(session.connection().execute(_VISIBLE_ONES, asked).scalars())
    return replace(
        found,
        requests=tuple(one for one in found.requests if one.model_id in seen),
        live=tuple(one for one in found.live if one.model_id in seen),
        aside={model: n for model, n in (found.aside or {}).items() if model in seen},
    )


def _read(body: str) -> Found:
    kept: dict[str, Any] = json.loads(body)

    def said(plain: dict[str, Any]) -> Said:
        return Said(plain["passes"], tuple(plain["standing_in_the_way"]), plain["digest"])

    return Found(
        tuple(
            Flip(**{**one, "before": said(one["before"]), "after": said(one["after"])})
            for one in kept["requests"]
        ),
        tuple(Live(**{**one, "verdict": said(one["verdict"])}) for one in kept["live"]),
        kept["aside"],
        kept["is_cut"],
    )


def _trial(row: TrialRow, found: Found | None, may_cancel: Verdict) -> Trial:
    return Trial(
        row.id,
        row.policy_digest,
        row.written,
        TrialState(row.state),
        row.done,
        row.total,
        row.requested_by,
        row.requested_at,
        row.finished_at,
        row.problem,
        row.hint,
        may_cancel,
        found,
    )


_VISIBLE_ONES: Final = columns(col(ModelRow.id)).where(among(col(ModelRow.id), "models"), VISIBLE)
_BOUND: Final = (
    col(ModelRow.id) == col(RequestRow.model_id),
    col(SnapshotRow.digest) == col(RequestRow.snapshot_digest),
)
_PAST: Final = (
    select(RequestRow, ModelRow, SnapshotRow).where(*_BOUND).order_by(col(RequestRow.number).desc())
)
_PAST_COUNT: Final = (
    select(func.count()).select_from(RequestRow, ModelRow, SnapshotRow).where(*_BOUND)
)
_IS_LIVE: Final = (
    col(ModelRow.id) == col(AliasRow.model_id),
    col(VersionRow.id) == col(AliasRow.version_id),
    col(ModelRow.gone_at).is_(None),
    col(AliasRow.alias) == "champion",
)
_LIVE: Final = select(AliasRow, ModelRow, VersionRow).where(*_IS_LIVE).order_by(col(ModelRow.id))
_LIVE_COUNT: Final = (
    select(func.count()).select_from(AliasRow, ModelRow, VersionRow).where(*_IS_LIVE)
)
