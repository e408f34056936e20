"""Release requests: asked by one person, decided by another, bound to what both of them saw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import String, bindparam
from sqlmodel import Session, col, or_, select

from auth.access import Verdict, decide, insist_visible
from auth.actors import Actor
from auth.people import as_of_now
from catalog.registry.artifacts import Manifest
from catalog.registry.authorship import authors
from catalog.registry.deprecations import may_go_live
from catalog.registry.inventory.naming import rule_for
from catalog.registry.models import resource
from catalog.registry.tables import ModelRow, VersionRow
from catalog.releases.agreement import Seats, seat_for, seats
from catalog.releases.evidence import taking
from catalog.releases.evidence.snapshot import Snapshot
from catalog.releases.gates import asking as gates
from catalog.releases.policies.law import Policy
from catalog.releases.policies.shelf import Policies
from catalog.releases.promotions import (
    enqueue,
    insist_nothing_on_its_way,
)
from catalog.releases.request import ReleaseRequest, load_request, load_requests
from catalog.releases.rights import (
    checked_alias,
    checked_reason,
    gates_verdict,
    insist_in_time,
    may_decide,
    may_request,
    may_resubmit,
    may_withdraw,
)
from catalog.releases.states import OPEN, State, Verb, after
from catalog.releases.tables import DecisionRow, RequestRow
from ledger import trail
from ledger.acts import Act, Ledger
from ledger.errors import Conflict, CountersignError, Invalid, NotFound, Refused
from ledger.ids import new_id

NO_REQUEST_HINT: Final = "Open it from Releases or your inbox."


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
    may_withdraw: Verdict
    may_resubmit: Verdict
    seats: tuple[Seats, ...] = ()


@dataclass(frozen=True)
class Preview:
    """What the gates would say of a request that was not sent yet, and whether it may be."""

    gates: tuple[gates.GateResult, ...]
    may_request: Verdict
    replaces: int | None
    policy: Policy | None  # None: no policy covers it, so it may not be asked for


class Requests:
    """The release desk."""

    def __init__(self, ledger: Ledger, policies: Policies) -> None:
        self._ledger = ledger
        self._policies = policies

    # -- asking --------------------------------------------------------------------------------

    def preview(self, version_id: str, alias: str, *, by: Actor) -> Preview:
        """Ask the gates before sending: why a request would be blocked. Changes nothing."""
        alias = checked_alias(alias)
        with self._ledger.store.read() as session:
            model, version = _found(session, version_id, by)
            now = self._ledger.clock.now()
            snapshot = taking.take(session, model, version, alias)
            may = may_request(session, by, model, version, alias, now)
            try:
                policy = self._policies.governing(session, model, alias).policy
            except Refused as no_law:
                refused = Verdict(False, no_law.message, no_law.code, no_law.hint)
                return Preview((), refused if may else may, snapshot.replaces, None)
            return Preview(gates.evaluate(policy, snapshot, now), may, snapshot.replaces, policy)

    def request(self, version_id: str, alias: str, reason: str, *, by: Actor) -> ReleaseRequest:
        """Ask that an alias be moved to a version.

        Raises:
            Invalid: the alias is reserved or malformed; the reason is empty or too long.
            NotFound, Refused, Conflict: unknown version; no such role here; asked already or live.
        """
        alias, reason = checked_alias(alias), checked_reason(reason)
        with self._ledger.act("release:request", actor=by.id, resource="request:*") as act:
            act.facts |= {"version": version_id, "alias": alias}
            model, version = _found(act.session, version_id, by, lock=True)
            by = as_of_now(act.session, by, at=act.at)
            if (rule := rule_for(act.session, model.domain)) is not None:
                act.facts["naming-rule"] = rule.id
            may_request(act.session, by, model, version, alias, act.at).insist()
            year = act.at.year
            place = trail.next_in(act.session, f"release-request-{year}")
            row = RequestRow(
                id=new_id("req"),
                number=f"RR-{year}-{place:04d}",
                model_id=model.id,
                version_id=version.id,
                version_number=version.number,
                alias=alias,
                reason=reason,
                requested_by=by.id,
                requested_at=act.at,
                state=State.PENDING_REVIEW,
                changed_at=act.at,
            )
            act.session.add(row)
            act.session.flush()
            act.resource = f"request:{row.id}"
            act.facts["model"] = model.id
            act.texts["reason"] = reason
            self._bind(act, row, model, version)
            act.emit("release:requested", row.id, version=version.id)
            return load_request(act.session, row)

    def resubmit(self, request_id: str, reason: str, *, by: Actor) -> ReleaseRequest:
        """Send a request again after the changes that were asked for."""
        reason = checked_reason(reason)
        with self._ledger.act(
            "release:resubmit", actor=by.id, resource=f"request:{request_id}"
        ) as act:
            row, model, version = self._locked(act, request_id, by)
            by = as_of_now(act.session, by, at=act.at)
            insist_in_time(may_resubmit(by, row), row, Verb.RESUBMIT)
            self._step(act, row, Verb.RESUBMIT)
            row.reason = reason
            act.texts["reason"] = reason
            self._bind(act, row, model, version)
            act.emit("release:requested", row.id, version=row.version_id)
            return load_request(act.session, row)

    def withdraw(self, request_id: str, reason: str, *, by: Actor) -> ReleaseRequest:
        """Take one's own request back."""
        reason = checked_reason(reason)
        with self._ledger.act(
            "release:withdraw", actor=by.id, resource=f"request:{request_id}"
        ) as act:
            row, _model, _version = self._locked(act, request_id, by, gone_is_fine=True)
            by = as_of_now(act.session, by, at=act.at)
            insist_in_time(may_withdraw(by, row), row, Verb.WITHDRAW)
            self._decided(act, row, Verb.WITHDRAW, by, reason)
            return load_request(act.session, row)

    # -- deciding ------------------------------------------------------------------------------

    def decide(self, request_id: str, verb: Verb, reason: str, *, by: Actor) -> ReleaseRequest:
        """Approve, reject or ask for changes.

        An approval checks again that policy, evidence and files are those the request is bound to.
        If one changed, the request goes back to be read again, and the approver is told which.

        Raises:
            Refused: not this person (no role, requester, author), or a gate stands in the way.
            Conflict: decided already, or something changed since it was read.
        """
        reason = checked_reason(reason)
        if verb not in {Verb.APPROVE, Verb.REJECT, Verb.REQUEST_CHANGES}:
            raise Invalid(
                f"{verb!r} is no decision.", hint="Use approve, reject or request-changes."
            )
        changed = ""
        with self._ledger.act(
            f"release:{verb}", actor=by.id, resource=f"request:{request_id}"
        ) as act:
            row, model, version = self._locked(act, request_id, by)
            by = as_of_now(act.session, by, at=act.at)
            built_by = authors(act.session, version.id)
            policy = self._policy_of(act.session, row, model)
            panels = [panel.role for panel in policy.approvals]
            insist_in_time(may_decide(by, row, model, built_by, panels), row, verb)
            after(State(row.state), verb)
            act.digests |= _digests(row)
            if verb is Verb.APPROVE:
                changed = self._what_changed(act.session, row, model, version)
            if changed:
                act.reason = "changed-since-review"
                self._step(act, row, Verb.SEND_BACK)
                row.problem = changed
                self._bind(act, row, model, version)
                act.emit("release:requested", row.id, version=version.id)
            elif verb is Verb.APPROVE:
                insist_nothing_on_its_way(act.session, row)
                may_go_live(act.session, version.id, act.at, by).insist()
                self._agree(act, row, model, policy, built_by, by, reason)
            else:
                self._decided(act, row, verb, by, reason)
            result = load_request(act.session, row)
        if changed:
            raise Conflict(
                f"Not approved: {changed}",
                hint="The request was sent back to be read again; decide on the new evidence.",
                code="changed-since-review",
            )
        return result

    # -- what the worker does --------------------------------------------------------------------

    def collected(self, request_id: str, manifest: Manifest, *, by: Actor) -> None:
        """Put the version's files on record and open the request for review."""
        with self._ledger.act(
            "evidence:collect", actor=by.id, resource=f"request:{request_id}"
        ) as act:
            row, model, version = self._locked(act, request_id, by)
            decide(by, "evidence:collect", resource(model)).insist()
            taking.record_manifest(
                act.session, version.id, manifest, producer="Countersign", at=act.at
            )
            act.digests["artifacts"] = manifest.digest
            if State(row.state) is State.PENDING_REVIEW:
                self._step(act, row, Verb.COLLECT)
                self._bind(act, row, model, version)
                act.emit("release:in-review", row.id, version=version.id)

    def cannot_collect(self, request_id: str, problem: CountersignError, *, by: Actor) -> None:
        """Say on the request why it cannot be opened for review; it waits for somebody to act."""
        with self._ledger.act(
            "evidence:fail", actor=by.id, resource=f"request:{request_id}"
        ) as act:
            row, model, _version = self._locked(act, request_id, by)
            decide(by, "evidence:collect", resource(model)).insist()
            row.problem = f"{problem.message} {problem.hint}"
            act.session.add(row)
            act.reason = problem.code

    def expire(self, request_id: str, why: str, *, by: Actor) -> None:
        """Close an open request whose version is gone or cannot be read any more."""
        with self._ledger.act(
            "release:expire", actor=by.id, resource=f"request:{request_id}"
        ) as act:
            row, model, _version = self._locked(act, request_id, by, gone_is_fine=True)
            decide(by, "evidence:collect", resource(model)).insist()
            if State(row.state) in OPEN:
                self._decided(act, row, Verb.EXPIRE, by, why)

    def expire_overdue(self, *, by: Actor) -> list[str]:
        """Close the open requests on which nothing was done for as long as their policy allows."""
        with self._ledger.store.read() as session:
            waiting = session.exec(select(RequestRow).where(col(RequestRow.state).in_(OPEN))).all()
        closed = []
        for row in waiting:
            if not row.policy_digest:
                continue
            days = self._policies.by_digest(row.policy_digest).limits.expire_after_days
            if self._ledger.clock.now() - row.changed_at < timedelta(days=days):
                continue
            why = f"Nothing was done on it for {days} days, as long as its policy allows."
            self.expire(row.id, why, by=by)
            closed.append(row.id)
        return closed

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
            row, _model = _visible(session, request_id, by)
            return load_request(session, row)

    def sheet(self, request_id: str, *, by: Actor) -> Sheet:
        """All that a reviewer needs on one screen. Raises NotFound."""
        with self._ledger.store.read() as session:
            row, model = _visible(session, request_id, by)
            version = session.get_one(VersionRow, row.version_id)
            request = load_request(session, row)
            # What was decided is read as it was bound; only an open request is compared with now.
            bound = taking.kept(session, row.snapshot_digest)
            is_open = State(row.state) in OPEN
            at = self._ledger.clock.now() if is_open else row.changed_at
            now = (
                taking.take(session, model, version, row.alias)
                if is_open or bound is None
                else bound
            )
            snapshot = bound or now
            policy = self._policy_of(session, row, model)
            results = gates.evaluate(policy, snapshot, at)
            panels = seats(
                session,
                policy,
                row,
                model,
                decisions=request.decisions,
                built_by=request.authors,
            )
            may = may_decide(by, row, model, list(request.authors), [one.role for one in panels])
            return Sheet(
                request,
                policy,
                snapshot,
                results,
                is_open and bound is not None and bound.digest != now.digest,
                may,
                _may_agree(by, panels, model)
                if may and gates.all_pass(results)
                else may
                if not may
                else gates_verdict(results),
                may_withdraw(by, row),
                may_resubmit(by, row),
                panels,
            )

    def listing(
        self, *, by: Actor, model_id: str = "", states: frozenset[State] | None = None
    ) -> list[ReleaseRequest]:
        """The requests the actor may see, newest first."""
        query = select(RequestRow, ModelRow).where(col(ModelRow.id) == col(RequestRow.model_id))
        if model_id:
            query = query.where(RequestRow.model_id == model_id)
        if states is not None:
            query = query.where(col(RequestRow.state).in_(states))
        query = query.order_by(col(RequestRow.requested_at).desc())
        with self._ledger.store.read() as session:
            found = session.exec(query).all()
            return load_requests(
                session,
                [row for row, model in found if decide(by, "release:read", resource(model))],
            )

    # -- the inside ----------------------------------------------------------------------------

    def _locked(
        self, act: Act, request_id: str, by: Actor, *, gone_is_fine: bool = False
    ) -> tuple[RequestRow, ModelRow, VersionRow]:
        row, model = _visible(act.session, request_id, by)
        # One decision at a time on a model: the second one waits here and then sees the first.
        act.session.refresh(model, with_for_update=True)
        act.session.refresh(row, with_for_update=True)
        act.resource = f"request:{row.id}"
        act.facts |= {"model": model.id, "version": row.version_id, "alias": row.alias}
        version = act.session.get_one(VersionRow, row.version_id)
        if not gone_is_fine and (version.gone_at is not None or model.gone_at is not None):
            raise Conflict(
                f"Version {row.version_number} was deleted in MLflow, so it cannot be released.",
                hint="A version made again under its name needs a request of its own.",
                code="version-gone",
            )
        return row, model, version

    def _policy_of(self, session: Session, row: RequestRow, model: ModelRow) -> Policy:
        """The policy a request is bound to; the one that governs it now while it is not yet."""
        if row.policy_digest:
            return self._policies.by_digest(row.policy_digest)
        return self._policies.governing(session, model, row.alias).policy

    def _agree(  # noqa: PLR0917 - what was read for the verb already
        self,
        act: Act,
        row: RequestRow,
        model: ModelRow,
        policy: Policy,
        built_by: list[str],
        by: Actor,
        reason: str,
    ) -> None:
        """Take a seat on a panel; the last one to agree releases the promotion."""
        results = self._insist_on_gates(act.session, row, act.at)
        before = load_request(act.session, row)
        panels = seats(
            act.session, policy, row, model, decisions=before.decisions, built_by=built_by
        )
        _may_agree(by, panels, model).insist()
        seat = seat_for(by, panels, model)
        last = sum(one.open for one in panels) == 1
        if last:
            self._step(act, row, Verb.APPROVE)
        else:
            row.changed_at = act.at
            row.revision += 1
            act.reason = "agreed"
            act.session.add(row)
        self._write_decision(
            act,
            row,
            Verb.APPROVE,
            by,
            reason,
            panel=seat.role if seat else "",
            verdict=gates.verdict_digest(results),
        )
        if last:
            promotion_id = enqueue(act.session, row, at=act.at)
            act.facts["promotion"] = promotion_id
            act.emit("release:approved", row.id, promotion=promotion_id)
        else:
            act.emit("release:agreed", row.id, version=row.version_id)

    def _step(self, act: Act, row: RequestRow, verb: Verb) -> None:
        row.state = after(State(row.state), verb)
        row.changed_at = act.at
        row.revision += 1
        row.problem = ""
        act.session.add(row)

    def _decided(self, act: Act, row: RequestRow, verb: Verb, by: Actor, reason: str) -> None:
        self._step(act, row, verb)
        self._write_decision(act, row, verb, by, reason)
        if verb in _TOLD:
            act.emit(_TOLD[verb], row.id, version=row.version_id)

    def _write_decision(
        self,
        act: Act,
        row: RequestRow,
        verb: Verb,
        by: Actor,
        reason: str,
        *,
        panel: str = "",
        verdict: str = "",
    ) -> None:
        act.session.add(
            DecisionRow(
                id=new_id("dec"),
                request_id=row.id,
                verb=verb,
                person_id=by.id,
                reason=reason,
                at=act.at,
                policy_digest=row.policy_digest,
                snapshot_digest=row.snapshot_digest,
                manifest_digest=row.manifest_digest,
                panel=panel,
                verdict_digest=verdict,
            )
        )
        act.session.flush()
        act.texts["reason"] = reason
        act.digests |= _digests(row)
        if verdict:
            act.digests["verdict"] = verdict

    def _bind(self, act: Act, row: RequestRow, model: ModelRow, version: VersionRow) -> None:
        """Bind the request to the policy in force and to what is known now."""
        published = self._policies.governing(act.session, model, row.alias)
        self._policies.keep(act.session, published)
        snapshot = taking.take(act.session, model, version, row.alias)
        row.policy_digest = published.digest
        row.snapshot_digest = taking.keep(act.session, snapshot, at=act.at)
        row.manifest_digest = snapshot.manifest_digest
        row.replaces = snapshot.replaces
        act.session.add(row)
        act.session.flush()
        act.digests |= _digests(row)

    def _what_changed(
        self, session: Session, row: RequestRow, model: ModelRow, version: VersionRow
    ) -> str:
        governing = self._policies.governing(session, model, row.alias)
        if row.policy_digest != governing.digest:
            return "another policy is in force than when the request was read."
        now = taking.take(session, model, version, row.alias)
        if now.manifest_digest != row.manifest_digest:
            return "the version's files changed since the request was read."
        if now.digest != row.snapshot_digest:
            return "the evidence changed since the request was read."
        return ""

    def _insist_on_gates(
        self, session: Session, row: RequestRow, at: datetime
    ) -> tuple[gates.GateResult, ...]:
        snapshot = taking.kept(session, row.snapshot_digest)
        if snapshot is None:
            raise Conflict("The evidence of this request is not on record.", code="no-evidence")
        policy = self._policies.by_digest(row.policy_digest)
        results = gates.evaluate(policy, snapshot, at)
        gates_verdict(results).insist()
        return results


def _may_agree(by: Actor, panels: tuple[Seats, ...], model: ModelRow) -> Verdict:
    """Whether a seat is open that this person may take."""
    if any(by.id in one.agreed for one in panels):
        return Verdict(False, "You agreed already.", "agreed-already", "Others have to agree too.")
    if seat_for(by, panels, model) is None:
        return Verdict(
            False,
            "Everybody of your role who is needed agreed; others have to.",
            "no-seat",
            "You can still reject it or request changes.",
        )
    return Verdict(True, "Every gate passes.")


# What whoever asked is told of; an approval says more and is told where it is enqueued.
_TOLD: Final = {
    Verb.REJECT: "release:rejected",
    Verb.REQUEST_CHANGES: "release:changes-requested",
    Verb.EXPIRE: "release:expired",
}


def _digests(row: RequestRow) -> dict[str, str]:
    found = {
        "policy": row.policy_digest,
        "evidence": row.snapshot_digest,
        "artifacts": row.manifest_digest,
    }
    return {name: digest for name, digest in found.items() if digest}


def _found(
    session: Session, version_id: str, by: Actor, *, lock: bool = False
) -> tuple[ModelRow, VersionRow]:
    version = session.get(VersionRow, version_id)
    model = session.get(ModelRow, version.model_id, with_for_update=lock) if version else None
    gone = version is None or model is None or version.gone_at is not None
    if gone or version is None or model is None or not decide(by, "model:read", resource(model)):
        raise NotFound(
            "There is no such version.",
            hint="Choose one on the Model page.",
            code="no-such-version",
        )
    return model, version


def _visible(session: Session, request_id: str, by: Actor) -> tuple[RequestRow, ModelRow]:
    row = session.exec(_CALLED, params={"called": request_id}).first()
    if row is None:
        raise NotFound("There is no such request.", hint=NO_REQUEST_HINT)
    model = session.get_one(ModelRow, row.model_id)
    insist_visible(by, "release:read", resource(model), "such request", NO_REQUEST_HINT)
    return row, model


# By its id or by its number, asked on every click on a request: built once.
_CALLED: Final = select(RequestRow).where(
    or_(
        col(RequestRow.id) == bindparam("called", type_=String()),
        col(RequestRow.number) == bindparam("called", type_=String()),
    )
)
