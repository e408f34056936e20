"""Release requests: asked by one person, decided by another, bound to what both of them saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlmodel import Session, col, select

from auth.access import Verdict, decide, insist_visible
from auth.actors import Actor
from auth.holders import holders
from auth.people import as_of_now
from catalog.registry.artifacts import Manifest
from catalog.registry.authorship import authors, vouched_authors
from catalog.registry.deprecations import may_go_live
from catalog.registry.inventory.naming import rule_for
from catalog.registry.models import resource
from catalog.registry.tables import ModelRow
from catalog.releases.agreement import Seats, benches, may_agree, panels_of, seats
from catalog.releases.binding import answers, bind, bound_policy, verdict_digest, what_changed
from catalog.releases.conditions import (
    Condition,
    afterwards,
    checked_conditions,
    has_emergencies,
    open_condition,
    to_pass_later,
)
from catalog.releases.drafts import sent
from catalog.releases.emergencies import can_review, given_to
from catalog.releases.evidence import taking
from catalog.releases.findings.opening import standing_conditions
from catalog.releases.gates import asking as gates
from catalog.releases.outbox import AtPoint, enqueue, insist_nothing_on_its_way
from catalog.releases.policies.calendar import opens_at
from catalog.releases.policies.law import PANELS, Policy
from catalog.releases.policies.shelf import Policies
from catalog.releases.quorum import takes
from catalog.releases.request import ALL, ReleaseRequest, Which, counted, listed, load_request
from catalog.releases.rereadings import send_back
from catalog.releases.reviewers import give
from catalog.releases.rights import (
    checked_alias,
    checked_reason,
    gates_verdict,
    insist_in_time,
    may_decide,
    may_request,
    may_resubmit,
    may_tell_apart,
    may_withdraw,
)
from catalog.releases.sheet import Preview, Sheet, read_sheet
from catalog.releases.states import AGREEING, OPEN, Route, State, Verb, after
from catalog.releases.steps import (
    asked_version,
    decided,
    digests,
    locked,
    new_request,
    step,
    visible,
    write_decision,
)
from catalog.releases.tables import RequestRow
from catalog.releases.time_limits import closes, put_again
from ledger.acts import Act, Ledger
from ledger.errors import Conflict, CountersignError, Invalid, Refused
from ledger.troubles import Troubles

# The places in the work at which a drill kills the portal: before and after the commit.
DECIDING: Final = ("deciding", "decided")


class Requests:
    """The release desk."""

    def __init__(
        self,
        ledger: Ledger,
        policies: Policies,
        at_point: AtPoint = lambda _point: None,
    ) -> None:
        self._ledger = ledger
        self._policies = policies
        self._at_point = at_point
        self._troubles = Troubles(__name__, ledger.clock)

    # -- asking --------------------------------------------------------------------------------

    def preview(self, version_id: str, alias: str, *, by: Actor) -> Preview:
        """Ask the gates before sending: why a request would be blocked. Changes nothing."""
        alias = checked_alias(alias)
        with self._ledger.store.read() as session:
            model, version = asked_version(session, version_id, by)
            insist_visible(
                by, "release:read", resource(model), "such version", "Choose one on the Model page."
            )
            now = self._ledger.clock.now()
            try:
                policy = self._policies.governing(session, model, alias).policy
            except Refused as no_law:
                refused = Verdict(False, no_law.message, no_law.code, no_law.hint)
                replaces = taking.take(session, model, version, alias).replaces
                return Preview((), refused, replaces, None, refused)
            snapshot = taking.take(
                session, model, version, alias, requested_by=by.id, policy=policy
            )
            may = may_request(session, by, model, version, alias, now)
            said = gates.evaluate(policy, snapshot, now)
            apart = may_tell_apart(policy, Route.RELEASE, snapshot.authors)
            return Preview(said, may, snapshot.replaces, policy, apart)

    def request(
        self,
        version_id: str,
        alias: str,
        reason: str,
        *,
        is_emergency: bool = False,
        draft_id: str = "",
        by: Actor,
    ) -> ReleaseRequest:
        """Ask that an alias be moved to a version; a draft of it that is named is sent by that.

        In an emergency one person decides though gates stand in the way, where the policy has such
        a route; it is reviewed afterwards, or lapses.

        Raises:
            Invalid: the alias is reserved or malformed; the reason is empty or too long.
            NotFound, Refused, Conflict: unknown version; no such role here; asked already or live;
                the policy has no route for emergencies.
        """
        alias, reason = checked_alias(alias), checked_reason(reason)
        with self._ledger.act("release:request", actor=by.id, resource="request:*") as act:
            act.facts |= {"version": version_id, "alias": alias}
            model, version = asked_version(act.session, version_id, by, lock=True)
            by = as_of_now(act.session, by, at=act.at)
            if (rule := rule_for(act.session, model.domain)) is not None:
                act.facts["naming-rule"] = rule.id
            may_request(act.session, by, model, version, alias, act.at).insist()
            route = Route.EMERGENCY if is_emergency else Route.RELEASE
            act.facts["route"] = route
            if is_emergency:
                has_emergencies(self._policies.governing(act.session, model, alias).policy).insist()
            row = new_request(
                act,
                model,
                version,
                alias=alias,
                reason=reason,
                by=by,
                state=State.PENDING_REVIEW,
                route=route,
            )
            bind(self._policies, act, row, model, version)
            if draft_id:
                sent(act, draft_id, by)
            self._tell_asked(act, row, model)
            return load_request(act.session, row)

    def resubmit(self, request_id: str, reason: str, *, by: Actor) -> ReleaseRequest:
        """Send a request again after the changes that were asked for, and say what is different.

        Why it was asked for in the first place stays as it was said then.

        Raises:
            Invalid: the reason is empty or too long.
            NotFound, Refused, Conflict: no such request; not the person who asked; no changes were
                asked for, or the version is gone.
        """
        reason = checked_reason(reason)
        with self._ledger.act(
            "release:resubmit", actor=by.id, resource=f"request:{request_id}"
        ) as act:
            row, model, version = locked(act, request_id, by)
            by = as_of_now(act.session, by, at=act.at)
            insist_in_time(may_resubmit(by, row), row, Verb.RESUBMIT)
            step(act, row, Verb.RESUBMIT)
            bind(self._policies, act, row, model, version)
            write_decision(act, row, Verb.RESUBMIT, by, reason)
            self._tell_asked(act, row, model)
            return load_request(act.session, row)

    def withdraw(self, request_id: str, reason: str, *, by: Actor) -> ReleaseRequest:
        """Take one's own request back."""
        reason = checked_reason(reason)
        with self._ledger.act(
            "release:withdraw", actor=by.id, resource=f"request:{request_id}"
        ) as act:
            row, _model, _version = locked(act, request_id, by, gone_is_fine=True)
            by = as_of_now(act.session, by, at=act.at)
            insist_in_time(may_withdraw(by, row), row, Verb.WITHDRAW)
            decided(act, row, Verb.WITHDRAW, by, reason)
            return load_request(act.session, row)

    # -- deciding ------------------------------------------------------------------------------

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

    # -- what the worker does --------------------------------------------------------------------

    def collected(self, request_id: str, manifest: Manifest | None, *, by: Actor) -> None:
        """Put the version's files on record and open the request for review.

        Without a manifest what is on record stays: an alias is taken away whatever the files are.
        """
        with self._ledger.act(
            "evidence:collect", actor=by.id, resource=f"request:{request_id}"
        ) as act:
            row, model, version = locked(act, request_id, by)
            decide(by, "evidence:collect", resource(model)).insist()
            if manifest is not None:
                taking.record_manifest(
                    act.session, version.id, manifest, producer="Countersign", at=act.at
                )
                act.digests["artifacts"] = manifest.digest
            if State(row.state) is State.PENDING_REVIEW:
                step(act, row, Verb.COLLECT)
                row.reading += 1
                bind(self._policies, act, row, model, version)
                policy = bound_policy(self._policies, act.session, row, model)
                row.reviewer_id = give(act.session, row, model, policy, act.at.date())
                if row.reviewer_id:
                    act.facts["reviewer"] = row.reviewer_id
                act.emit("release:in-review", row.id, version=version.id, reviewer=row.reviewer_id)

    def cannot_collect(self, request_id: str, problem: CountersignError, *, by: Actor) -> None:
        """Say on the request why it cannot be opened for review; it waits for somebody to act."""
        with self._ledger.act(
            "evidence:fail", actor=by.id, resource=f"request:{request_id}"
        ) as act:
            row, model, _version = locked(act, request_id, by)
            decide(by, "evidence:collect", resource(model)).insist()
            row.problem = f"{problem.message} {problem.hint}"
            act.session.add(row)
            act.reason = problem.code

    def expire(self, request_id: str, why: str, *, revision: int | None = None, by: Actor) -> bool:
        """Close an open request that nobody can decide any more, or decided in time.

        Where a revision is given it is closed only as it was then. Returns whether it was.
        """
        with self._ledger.act(
            "release:expire", actor=by.id, resource=f"request:{request_id}"
        ) as act:
            row, model, _version = locked(act, request_id, by, gone_is_fine=True)
            decide(by, "evidence:collect", resource(model)).insist()
            if State(row.state) not in OPEN or revision not in {None, row.revision}:
                act.reason = "nothing-to-do"
                return False
            decided(act, row, Verb.EXPIRE, by, why)
            return True

    def expire_overdue(self, *, by: Actor) -> list[str]:
        """Close the open requests that waited for longer than their policy allows."""
        with self._ledger.store.read() as session:
            waiting = session.exec(select(RequestRow).where(col(RequestRow.state).in_(OPEN))).all()
            bound = {row.id: row for row in waiting if row.policy_digest}
            again = put_again(session, bound)

        def expire(one: str) -> bool:
            row = bound[one]
            limits = self._policies.by_digest(row.policy_digest).limits
            since = again.get(one, row.requested_at)
            why = closes(limits, row, since, self._ledger.clock.now())
            return bool(why) and self.expire(one, why, revision=row.revision, by=by)

        return self._troubles.each(bound, expire, "cannot be closed")

    def open_on(self, version_id: str) -> list[str]:
        """The open requests for a version."""
        with self._ledger.store.read() as session:
            return list(
                session.exec(
                    select(RequestRow.id).where(
                        RequestRow.version_id == version_id, col(RequestRow.state).in_(OPEN)
                    )
                )
            )

    # -- looking -------------------------------------------------------------------------------

    def get(self, request_id: str, *, by: Actor) -> ReleaseRequest:
        """One request, by its id or its number. Raises NotFound."""
        with self._ledger.store.read() as session:
            row, _model = visible(session, request_id, by)
            return load_request(session, row)

    def sheet(self, request_id: str, *, by: Actor) -> Sheet:
        """All that a reviewer needs on one screen. Raises NotFound."""
        with self._ledger.store.read() as session:
            row, model = visible(session, request_id, by)
            return read_sheet(
                session, self._policies, row, model, by=by, now=self._ledger.clock.now()
            )

    def listing(
        self, which: Which = ALL, *, by: Actor, limit: int | None = None, offset: int = 0
    ) -> list[ReleaseRequest]:
        """The requests the actor may see, newest first; a page of them where a limit is given."""
        with self._ledger.store.read() as session:
            return listed(session, which, by, limit=limit, offset=offset)

    def count(self, which: Which = ALL, *, by: Actor) -> int:
        """How many of the requests asked for the actor may see."""
        with self._ledger.store.read() as session:
            return counted(session, which, by)

    # -- the inside ----------------------------------------------------------------------------

    def _tell_asked(self, act: Act, row: RequestRow, model: ModelRow) -> None:
        """Tell that a request waits; an emergency is told to the panel that decides it."""
        payload = {"version": row.version_id, "route": row.route}
        if row.route == Route.EMERGENCY:
            panels = panels_of(bound_policy(self._policies, act.session, row, model), row)
            people = {
                one.id
                for panel in panels
                for one in holders(act.session, PANELS[panel.role], resource(model))
            }
            payload["reviewers"] = " ".join(sorted(people))
        act.emit("release:requested", row.id, **payload)

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
