"""The reviewer's sheet: a request with everything that a decision on it is taken from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from auth.access import Verdict
from auth.actors import Actor
from catalog.registry.authorship import vouched_authors
from catalog.registry.tables import ModelRow, VersionRow
from catalog.releases.decisions.agreement import Seats, may_agree, seats
from catalog.releases.evidence import taking
from catalog.releases.evidence.changes import Changed, changes
from catalog.releases.evidence.snapshot import Snapshot
from catalog.releases.findings.finding import BINDING, Finding, findings_of
from catalog.releases.gates import asking as gates
from catalog.releases.policies.law import Policy, Published
from catalog.releases.policies.shelf import Policies
from catalog.releases.promotions.rechecks import Rechecked, rechecks_of
from catalog.releases.requests.binding import bound_policy, known_now, law_for
from catalog.releases.requests.request import Decision, ReleaseRequest, load_request
from catalog.releases.requests.rights import (
    gates_verdict,
    may_decide,
    may_resubmit,
    may_revoke,
    may_tell_apart,
    may_withdraw,
)
from catalog.releases.requests.time_limits import decide_by
from catalog.releases.states import AGREEING, OPEN, State, Verb
from catalog.releases.tables import RequestRow
from ledger.errors import Refused


@dataclass(frozen=True)
class Sheet:
    """The reviewer's sheet: the request, the gates, what changed since, what this reader may."""

    request: ReleaseRequest
    policy: Policy
    snapshot: Snapshot
    gates: tuple[gates.GateResult, ...]
    changed_since: bool
    may_decide: Verdict
    may_approve: Verdict
    may_condition: Verdict  # the same with conditions: gates that may wait do not stand in the way
    may_withdraw: Verdict
    may_resubmit: Verdict
    may_revoke: Verdict
    seats: tuple[Seats, ...] = ()
    findings: tuple[Finding, ...] = ()
    # What this reader compares with, and what is not what it was then; else since it was read.
    since: Decision | None = None
    changes: tuple[Changed, ...] = ()
    rechecks: tuple[Rechecked, ...] = ()

    @property
    def decide_by(self) -> date | None:
        """The last day for a decision, where its policy names one and reviewers are to act."""
        return decide_by(self.policy.limits, self.request.state, self.request.put_at)

    @property
    def conditions(self) -> tuple[Finding, ...]:
        """What the approval was given on, without what was found since."""
        return tuple(one for one in self.findings if one.kind in BINDING)


@dataclass(frozen=True)
class Preview:
    """What the gates would say of a request that was not sent yet, and whether it may be.

    `may_tell_apart`: whether an approver can be told from who built the version.
    """

    gates: tuple[gates.GateResult, ...]
    may_request: Verdict
    replaces: int | None
    policy: Policy | None  # None: no policy covers it, so it may not be asked for
    may_tell_apart: Verdict


def read_sheet(
    session: Session,
    policies: Policies,
    row: RequestRow,
    model: ModelRow,
    *,
    by: Actor,
    now: datetime,
) -> Sheet:
    """All that a reviewer needs of a request, as the actor may see and do it at a moment."""
    version = session.get_one(VersionRow, row.version_id)
    request = load_request(session, row)
    # What was decided is read as it was bound; only an open request is compared with now.
    bound = taking.kept(session, row.snapshot_digest)
    is_open = State(row.state) in OPEN
    policy = bound_policy(policies, session, row, model)
    known = known_now(session, row, model, version, policy) if is_open or bound is None else bound
    since = _since(request, by) if is_open else None
    law = _governing(policies, session, row, model) if is_open else None
    told = _changes(policies, session, since or row, (bound or known, policy), known, law)
    # Whoever is to change something sees what the gates say by now; else what is decided on.
    is_theirs = State(row.state) is State.CHANGES_REQUESTED
    snapshot = known if is_theirs or bound is None else bound
    policy = law.policy if is_theirs and law else policy
    results = gates.evaluate(policy, snapshot, now if is_open else row.changed_at)
    panels = seats(
        session, policy, row, model, decisions=request.decisions, built_by=request.authors
    )
    may = may_decide(by, row, model, list(request.authors), [one.role for one in panels])
    apart = may_tell_apart(policy, row.route, vouched_authors(session, row.version_id))
    agrees = may and (_is_read(row) and (apart and may_agree(by, panels, model)))
    plainly = gates_verdict(results, row.route)
    on_conditions = gates_verdict(results, row.route, policy.waiting)
    return Sheet(
        request=request,
        policy=policy,
        snapshot=snapshot,
        gates=results,
        changed_since=is_open
        and bound is not None
        and (row.snapshot_digest, row.policy_digest) != (known.digest, law.digest if law else ""),
        may_decide=may,
        may_approve=agrees if plainly or not agrees else plainly,
        may_condition=agrees if on_conditions or not agrees else on_conditions,
        may_withdraw=may_withdraw(by, row),
        may_resubmit=may_resubmit(by, row),
        may_revoke=may_revoke(by, row, model),
        seats=panels,
        findings=tuple(findings_of(session, row.id)),
        since=since,
        changes=told if is_open else (),
        rechecks=rechecks_of(session, row, policy),
    )


def _is_read(row: RequestRow) -> Verdict:
    """Whether the request is read, so that it can be agreed to."""
    if State(row.state) is State.IN_REVIEW:
        return Verdict(True, "It was read.")
    why = row.problem or "The worker is reading what it is decided on; that takes seconds."
    return Verdict(False, f"Approve opens once it is read. {why}", "wrong-state")


def _governing(
    policies: Policies, session: Session, row: RequestRow, model: ModelRow
) -> Published | None:
    """The policy that governs a request now, if there is one."""
    try:
        return law_for(policies, session, row, model)
    except Refused:
        return None


def _since(request: ReleaseRequest, by: Actor) -> Decision | None:
    """What this reader compares with: the last word of a reviewer, else the first sending back.

    An agreement is a last word for whoever gave it alone; others have not read it yet.
    """
    said = [
        one
        for one in request.decisions
        if one.verb is Verb.REQUEST_CHANGES or (one.verb in AGREEING and one.person_id == by.id)
    ]
    if said:
        return said[-1]
    return next((one for one in request.rounds if one.verb is Verb.SEND_BACK), None)


def _changes(
    policies: Policies,
    session: Session,
    since: Decision | RequestRow,
    bound: tuple[Snapshot, Policy],
    known: Snapshot,
    law: Published | None,
) -> tuple[Changed, ...]:
    """What is not what it was, of the policy and of what was known; `bound` where that is lost."""
    before, was = bound
    before = taking.kept(session, since.snapshot_digest) or before
    was = policies.by_digest(since.policy_digest) if since.policy_digest else was
    told = changes(before, known)
    if law is not None and law.digest == (since.policy_digest or law.digest):
        return told
    then, now = f"{was.name} v{was.version}", "none covers it"
    if law is not None:
        now = f"{law.policy.name} v{law.policy.version}"
        # Who writes another text under the same number is told apart by the digest.
        now = f"{now} ({law.digest})" if now == then else now
    return (Changed("Policy", then, now), *told)
