"""The reviewer's sheet: a request with everything that a decision on it is taken from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from auth.access import Verdict
from auth.actors import Actor
from catalog.registry.authorship import vouched_authors
from catalog.registry.tables import ModelRow, VersionRow
from catalog.releases.agreement import Seats, may_agree, seats
from catalog.releases.binding import bound_policy, known_now
from catalog.releases.evidence import taking
from catalog.releases.evidence.changes import Changed, changes
from catalog.releases.evidence.snapshot import Snapshot
from catalog.releases.findings.finding import BINDING, Finding, findings_of
from catalog.releases.gates import asking as gates
from catalog.releases.policies.law import Policy
from catalog.releases.policies.shelf import Policies
from catalog.releases.rechecks import Rechecked, rechecks_of
from catalog.releases.request import ReleaseRequest, load_request
from catalog.releases.rights import (
    gates_verdict,
    may_decide,
    may_resubmit,
    may_revoke,
    may_tell_apart,
    may_withdraw,
)
from catalog.releases.states import OPEN, State, Verb
from catalog.releases.tables import RequestRow


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
    # What is not what it was when somebody last asked for changes, or since it was read.
    changes: tuple[Changed, ...] = ()
    rechecks: tuple[Rechecked, ...] = ()

    @property
    def conditions(self) -> tuple[Finding, ...]:
        """What the approval was given on, without what was found since."""
        return tuple(one for one in self.findings if one.kind in BINDING)


@dataclass(frozen=True)
class Preview:
    """What the gates would say of a request that was not sent yet, and whether it may be."""

    gates: tuple[gates.GateResult, ...]
    may_request: Verdict
    replaces: int | None
    policy: Policy | None  # None: no policy covers it, so it may not be asked for


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
    known = known_now(session, row, model, version) if is_open or bound is None else bound
    snapshot = bound or known
    policy = bound_policy(policies, session, row, model)
    results = gates.evaluate(policy, snapshot, now if is_open else row.changed_at)
    panels = seats(
        session, policy, row, model, decisions=request.decisions, built_by=request.authors
    )
    may = may_decide(by, row, model, list(request.authors), [one.role for one in panels])
    apart = may_tell_apart(policy, row, vouched_authors(session, row.version_id))
    agrees = may and apart and may_agree(by, panels, model)
    plainly = gates_verdict(results, row.route)
    on_conditions = gates_verdict(results, row.route, policy.waiting)
    return Sheet(
        request=request,
        policy=policy,
        snapshot=snapshot,
        gates=results,
        changed_since=is_open and bound is not None and row.snapshot_digest != known.digest,
        may_decide=may,
        may_approve=agrees if plainly or not may else plainly,
        may_condition=agrees if on_conditions or not may else on_conditions,
        may_withdraw=may_withdraw(by, row),
        may_resubmit=may_resubmit(by, row),
        may_revoke=may_revoke(by, row, model),
        seats=panels,
        findings=tuple(findings_of(session, row.id)),
        changes=_changes(session, request, snapshot, known) if is_open else (),
        rechecks=rechecks_of(session, row, policy),
    )


def _changes(
    session: Session, request: ReleaseRequest, bound: Snapshot, known: Snapshot
) -> tuple[Changed, ...]:
    """What changed since changes were asked for; else since the request was read."""
    asked = [one for one in request.decisions if one.verb is Verb.REQUEST_CHANGES]
    read_then = taking.kept(session, asked[-1].snapshot_digest) if asked else bound
    return changes(read_then or bound, known)
