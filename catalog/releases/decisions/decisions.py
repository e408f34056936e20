"""Decisions on release requests: by another person, bound to what both of them saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlmodel import Session

from auth.actors import Actor
from auth.people import as_of_now
from catalog.registry.authorship import authors, vouched_authors
from catalog.registry.deprecations import may_go_live
from catalog.registry.tables import ModelRow
from catalog.releases.decisions.agreement import Seats, benches, may_agree, panels_of, seats
from catalog.releases.decisions.conditions import (
    Condition,
    afterwards,
    checked_conditions,
    open_condition,
    to_pass_later,
)
from catalog.releases.decisions.emergencies import can_review, given_to
from catalog.releases.decisions.quorum import takes
from catalog.releases.findings.opening import standing_conditions
from catalog.releases.gates import asking as gates
from catalog.releases.policies.calendar import opens_at
from catalog.releases.policies.law import Policy
from catalog.releases.policies.shelf import Policies
from catalog.releases.promotions.outbox import AtPoint, enqueue, insist_nothing_on_its_way
from catalog.releases.requests.binding import answers, bound_policy, verdict_digest, what_changed
from catalog.releases.requests.request import ReleaseRequest, load_request
from catalog.releases.requests.rereadings import send_back
from catalog.releases.requests.rights import (
    checked_reason,
    gates_verdict,
    insist_in_time,
    may_decide,
    may_tell_apart,
)
from catalog.releases.requests.steps import (
    decided,
    digests,
    locked,
    step,
    write_decision,
)
from catalog.releases.states import AGREEING, Route, State, Verb, after
from catalog.releases.tables import RequestRow
from ledger.acts import Act, Ledger
from ledger.errors import Conflict, Invalid, Refused

# The places in the work at which a drill kills the portal: before and after the commit.
DECIDING: Final = ("deciding", "decided")


class Decisions:
    """The desk where releases are decided."""

    def __init__(
        self,
        ledger: Ledger,
        policies: Policies,
        at_point: AtPoint = lambda _point: None,
    ) -> None:
        self._ledger = ledger
        self._policies = policies
        self._at_point = at_point

    def decide(
        self,
        request_id: str,
        verb: Verb,
        reason: str,
        *,
        conditions: Sequence[Condition] = (),
        panel: str = "",
        seen: Mapping[str, str] | None = None,
        by: Actor,
    ) -> ReleaseRequest:
        """Approve, with conditions or without, reject or ask for changes.

        An approval checks again that policy, evidence and files are those the request is bound to.
        If one changed, the request goes back to be read again, and the approver is told which.
        `seen` are the digests that whoever decides has read, by the names of a request's `digests`:
        where it was read again since, an approval does not count.
        Each condition becomes a finding; one that stands after its day revokes the approval.
        Who holds several of the roles that must agree may name the one they agree in, a `panel`;
        unsaid, it is one that leaves the others to be found.

        Raises:
            Invalid: a condition is empty or due in the past, or there are none where some are due.
            Refused: not this person (no role, requester, author), or a gate stands in the way.
            Conflict: decided already, or something changed since it was read.
        """
        reason = checked_reason(reason)
        if verb not in _DECISIONS:
            raise Invalid(
                f"{verb!r} is no decision.",
                hint="Use approve, approve-with-conditions, reject or request-changes.",
            )
        conditions = checked_conditions(verb, conditions, self._ledger.clock.now().date())
        changed = ""
        with self._ledger.act(
            f"release:{verb}", actor=by.id, resource=f"request:{request_id}"
        ) as act:
            row, model, version = locked(act, request_id, by)
            by = as_of_now(act.session, by, at=act.at)
            built_by = authors(act.session, version.id)
            policy = bound_policy(self._policies, act.session, row, model)
            roles = [panel.role for panel in panels_of(policy, row)]
            insist_in_time(may_decide(by, row, model, built_by, roles), row, verb)
            after(State(row.state), verb)
            act.digests |= digests(row)
            if row.route == Route.RETIREMENT and verb is Verb.APPROVE_WITH_CONDITIONS:
                raise Refused(
                    "An alias is taken away or it is not: a retirement has no conditions.",
                    hint="Approve it, or request changes.",
                    code="no-conditions",
                )
            if verb in AGREEING:
                changed = what_changed(self._policies, act.session, row, model, version)
            if changed:
                send_back(self._policies, act, row, model, version, changed, by=by)
            elif verb in AGREEING:
                _insist_seen(row, seen)
                insist_nothing_on_its_way(
                    act.session,
                    row.model_id,
                    row.alias,
                    besides_windows=row.route == Route.EMERGENCY,
                )
                if row.route != Route.RETIREMENT:
                    may_go_live(act.session, version.id, act.at, by).insist()
                self._agree(act, row, model, policy, by, reason, conditions, panel)
            else:
                said = verdict_digest(self._policies, act.session, row, act.at)
                decided(act, row, verb, by, reason, verdict=said)
            result = load_request(act.session, row)
            self._at_point(DECIDING[0])
        self._at_point(DECIDING[1])
        if changed:
            raise Conflict(
                f"Not approved: {changed}",
                hint="The request was sent back to be read again; decide on the new evidence.",
                code="changed-since-review",
            )
        return result

    def take_over(self, request_id: str, *, by: Actor) -> ReleaseRequest:
        """Read a request first, in the place of whom it was given to.

        Raises NotFound, Refused, Conflict: as for a decision.
        """
        with self._ledger.act(
            "release:take-over", actor=by.id, resource=f"request:{request_id}"
        ) as act:
            row, model, version = locked(act, request_id, by)
            by = as_of_now(act.session, by, at=act.at)
            policy = bound_policy(self._policies, act.session, row, model)
            roles = [panel.role for panel in panels_of(policy, row)]
            may = may_decide(by, row, model, authors(act.session, version.id), roles)
            insist_in_time(may, row, Verb.REJECT)
            act.facts["reviewer-before"] = row.reviewer_id
            row.reviewer_id = by.id
            act.session.add(row)
            return load_request(act.session, row)

    def _agree(  # noqa: PLR0917 - what was read for the verb already
        self,
        act: Act,
        row: RequestRow,
        model: ModelRow,
        policy: Policy,
        by: Actor,
        reason: str,
        conditions: Sequence[Condition],
        panel: str,
    ) -> None:
        """Take a seat on a panel; the last one to agree releases the promotion."""
        results = answers(self._policies, act.session, row, act.at)
        gates_verdict(results, row.route, policy.waiting if conditions else frozenset()).insist()
        may_tell_apart(policy, row.route, vouched_authors(act.session, row.version_id)).insist()
        before = load_request(act.session, row)
        built_by = list(before.authors)
        panels = seats(
            act.session, policy, row, model, decisions=before.decisions, built_by=built_by
        )
        may_agree(by, panels, model).insist()
        role = _seat(act.session, panels, row, model, built_by, by, panel)
        conditions = [
            *conditions,
            *to_pass_later(policy, results, conditions),
            *afterwards(policy, row, act.at.date()),
        ]
        verb = Verb.APPROVE_WITH_CONDITIONS if conditions else Verb.APPROVE
        reviewer = ""
        if row.route == Route.EMERGENCY:
            able = [one for one in can_review(act.session, row, model, built_by) if one.id != by.id]
            reviewer = given_to(act.session, able, act.at.date())
        for one in conditions:
            open_condition(act, row, one, reviewer=reviewer, by=by)
        is_last = sum(one.open for one in panels) == 1
        if is_last:
            # What one of several asked for binds the agreement of all.
            is_bound = bool(conditions or standing_conditions(act.session, row.id))
            step(act, row, Verb.APPROVE_WITH_CONDITIONS if is_bound else Verb.APPROVE)
        else:
            row.changed_at = act.at
            row.revision += 1
            act.reason = "agreed"
            act.session.add(row)
        write_decision(
            act,
            row,
            verb,
            by,
            reason,
            panel=role,
            verdict=gates.verdict_digest(results),
        )
        if is_last:
            promotion_id = enqueue(
                act.session, row, at=act.at, opens_at=opens_at(policy, row, act.at)
            )
            act.facts["promotion"] = promotion_id
            act.emit("release:approved", row.id, promotion=promotion_id)
        else:
            act.emit("release:agreed", row.id, version=row.version_id)


def _seat(  # noqa: PLR0917 - what was read for the verb already
    session: Session,
    panels: Sequence[Seats],
    row: RequestRow,
    model: ModelRow,
    built_by: list[str],
    by: Actor,
    wanted: str,
) -> str:
    """The role in which somebody agrees. Raises Refused where it is none of theirs."""
    apart = {row.requested_by, *built_by}
    free = takes(by.id, benches(session, panels, model, apart=apart, by=by))
    if wanted and wanted not in free:
        raise Refused(
            f"You cannot agree as {wanted} here.",
            hint=f"You can agree as {' or '.join(free)}." if free else "",
            code="no-seat",
        )
    return wanted or free[0]


_DECISIONS: Final = AGREEING | {Verb.REJECT, Verb.REQUEST_CHANGES}


def _insist_seen(row: RequestRow, seen: Mapping[str, str] | None) -> None:
    """Nobody agrees to what they have not read. Raises Conflict."""
    if seen is not None and {name: one for name, one in seen.items() if one} != digests(row):
        raise Conflict(
            "Not approved: the request was read again since you opened it.",
            hint="What changed stands on its page; decide on it as it is now.",
            code="changed-since-review",
        )
