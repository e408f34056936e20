"""Release requests: asked for, sent again, taken back, read by the worker, closed in time."""

from __future__ import annotations

from sqlmodel import col, select

from auth.access import Verdict, decide, insist_visible
from auth.actors import Actor
from auth.holders import holders
from auth.people import as_of_now
from catalog.registry.artifacts import Manifest
from catalog.registry.inventory.naming import rule_for
from catalog.registry.models import resource
from catalog.registry.tables import ModelRow
from catalog.releases.decisions.agreement import panels_of
from catalog.releases.decisions.conditions import (
    has_emergencies,
)
from catalog.releases.decisions.reviewers import give
from catalog.releases.evidence import taking
from catalog.releases.gates import asking as gates
from catalog.releases.policies.law import PANELS
from catalog.releases.policies.shelf import Policies
from catalog.releases.requests.binding import bind, bound_policy
from catalog.releases.requests.drafts import sent
from catalog.releases.requests.request import (
    ALL,
    ReleaseRequest,
    Which,
    counted,
    listed,
    load_request,
)
from catalog.releases.requests.rights import (
    checked_alias,
    checked_reason,
    insist_in_time,
    may_request,
    may_resubmit,
    may_tell_apart,
    may_withdraw,
)
from catalog.releases.requests.sheet import Preview, Sheet, read_sheet
from catalog.releases.requests.steps import (
    asked_version,
    decided,
    locked,
    new_request,
    step,
    visible,
    write_decision,
)
from catalog.releases.requests.time_limits import closes, put_again
from catalog.releases.states import OPEN, Route, State, Verb
from catalog.releases.tables import RequestRow
from ledger.acts import Act, Ledger
from ledger.errors import CountersignError, Refused
from ledger.troubles import Troubles


class Requests:
    """The desk where releases are asked for."""

    def __init__(self, ledger: Ledger, policies: Policies) -> None:
        self._ledger = ledger
        self._policies = policies
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
