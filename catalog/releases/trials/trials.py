"""The desk where policies are tried on the past before they bind anybody, and the past asked again.

It takes as long as there is a past, so it is a durable job. What it found is kept for a while, and
shown to each reader as far as they may read the models in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import delete
from sqlmodel import col, select

from auth.access import ANYTHING, Verdict, decide, may_anywhere
from auth.actors import Actor
from catalog.releases.policies.reading import read
from catalog.releases.policies.shelf import Policies
from catalog.releases.tables import TrialRow
from catalog.releases.trials.found import Found, as_text, from_text, seen
from catalog.releases.trials.past import Past
from ledger.acts import Ledger
from ledger.errors import Conflict, CountersignError, NotFound, Refused
from ledger.ids import new_id

MOST_UNDER_WAY: Final = 3
# A trial tells of the policies and the models of its day.
KEPT_FOR: Final = timedelta(days=90)
_NO_TRIAL: Final = f"Trials are kept for {KEPT_FOR.days} days. Ask for another one on Policies."


class TrialState(StrEnum):
    """How far a trial is."""

    QUEUED = "Queued"
    RUNNING = "Running"
    DONE = "Done"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


UNDER_WAY: Final = frozenset({TrialState.QUEUED, TrialState.RUNNING})


@dataclass(frozen=True)
class Trial:
    """A trial as it stands. `found` is there when it is done.

    Attributes:
        written: the policy as it was written; empty where past decisions are asked again.
        percent: how much of it is done, once that is known. It is no count: whoever waits may not
            see each model that is asked.
    """

    id: str
    policy_digest: str
    written: str
    state: TrialState
    percent: int | None
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

    @property
    def is_replay(self) -> bool:
        """Whether past decisions are asked again as they were bound, and no policy is tried."""
        return not self.written


class Trials:
    """The desk where policies are tried."""

    def __init__(self, ledger: Ledger, policies: Policies) -> None:
        self._ledger = ledger
        self._past = Past(ledger, policies)

    def request(self, text: str, *, by: Actor) -> str:
        """Have a policy tried; returns the id of the trial. It changes nothing that binds anybody.

        Raises:
            NotAPolicy: the text is wrong somewhere; every problem is told with its line.
            Refused, Conflict: may read no release at all; has three trials under way already.
        """
        return self._request("policy:trial:request", read(text).digest, text, by)

    def request_replay(self, *, by: Actor) -> str:
        """Have all past decisions asked again, each as it was bound; returns the id of the trial.

        Raises:
            Refused, Conflict: may read no release at all; has three trials under way already.
        """
        return self._request("policy:replay:request", "", "", by)

    def _request(self, name: str, digest: str, written: str, by: Actor) -> str:
        with self._ledger.act(name, actor=by.id, resource="trial:*") as act:
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
            if digest:
                act.digests["policy"] = digest
            for row in mine:
                if row.policy_digest == digest:
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
                policy_digest=digest,
                written=written,
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
            found = seen(session, from_text(row.found), by=by) if row.found else None
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
        """Ask all there is to be asked and keep what was found. It stops where it was cancelled."""
        decide(by, "promotion:carry-out", ANYTHING).insist()
        with self._ledger.store.read() as session:
            row = session.get(TrialRow, trial_id)
            if row is None or row.state not in UNDER_WAY:
                return
        policy = read(row.written) if row.written else None
        total, is_cut = self._past.size(policy)
        if not self._goes_on(trial_id, 0, total):
            return
        done, found = 0, Found(is_cut=is_cut)
        for part in self._past.under(policy) if policy else self._past.as_bound():
            done, found = done + part.asked, found + part.found
            if not self._goes_on(trial_id, done, total):
                return
        name = "policy:trial:compute" if policy else "policy:replay:compute"
        with self._ledger.act(name, actor=by.id, resource=f"trial:{trial_id}") as act:
            row = act.session.get_one(TrialRow, trial_id, with_for_update=True)
            if row.state not in UNDER_WAY:
                act.reason = "nothing-to-do"
                return
            row.state, row.finished_at = TrialState.DONE, act.at
            row.found, row.done, row.total = as_text(found), done, done
            act.session.add(row)
            if policy:
                act.digests["policy"] = row.policy_digest
            else:
                act.facts |= {
                    "decisions": str(len(found.again)),
                    "differ": str(sum(not one.is_same for one in found.again)),
                }

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

    def forget_old(self, *, by: Actor) -> int:
        """Delete the trials that ended longer ago than they are kept; returns how many."""
        decide(by, "promotion:carry-out", ANYTHING).insist()
        is_old = col(TrialRow.finished_at) < self._ledger.clock.now() - KEPT_FOR
        with self._ledger.store.read() as session:
            if session.exec(select(TrialRow.id).where(is_old).limit(1)).first() is None:
                return 0
        with self._ledger.act("policy:trial:forget", actor=by.id, resource="trial:*") as act:
            gone = act.session.exec(delete(TrialRow).where(is_old)).rowcount
            act.facts["trials"] = str(gone)
            return gone


def _may_cancel(row: TrialRow, by: Actor) -> Verdict:
    if row.requested_by == by.id:
        return Verdict(True, "You asked for it.")
    return decide(by, "policy:publish", ANYTHING)


def _trial(row: TrialRow, found: Found | None, may_cancel: Verdict) -> Trial:
    return Trial(
        row.id,
        row.policy_digest,
        row.written,
        TrialState(row.state),
        100 * row.done // row.total if row.total else None,
        row.requested_by,
        row.requested_at,
        row.finished_at,
        row.problem,
        row.hint,
        may_cancel,
        found,
    )
