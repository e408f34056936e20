"""Promotions: an approval carried out in MLflow, once, whatever is killed in between.

MLflow has no transaction to share and no compare-and-set on aliases. So the approval leaves a row
in an outbox, and the worker reads the alias before and after it moves it. What it finds decides:

    the alias points at the version           -> applied (this time, or by an attempt that died)
    (at none, where it is to be taken away)
    it points where it did at the approval    -> move it
    it points anywhere else                   -> somebody moved it since: failed, left where it is

A guarded server (decision 20) seals the version's files before they are compared with the approved
ones, and moves the alias for a ticket that is good for this one move.

A fencing number grows with each claim, so that a worker that slept through its lease cannot mark
anything; promotions of one model go one after the other, in the order of their approvals.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import func
from sqlmodel import Session, col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from auth.access import ANYTHING, decide
from auth.actors import Actor
from catalog.registry.artifacts import manifest_of
from catalog.registry.inventory.classified import write_down
from catalog.registry.inventory.standing import Stage
from catalog.registry.mirror.seen import Mlflow, SeenVersion
from catalog.registry.servers import Servers
from catalog.registry.tables import AliasRow, ModelRow, VersionRow
from catalog.releases.policies.calendar import opens_at
from catalog.releases.policies.law import governing
from catalog.releases.policies.shelf import Policies, classified
from catalog.releases.promotions.outbox import AtPoint, Promotion, promotion
from catalog.releases.promotions.tickets import Allowed, TicketOffice, move_of
from catalog.releases.promotions.unchanged import StoppedError, insist_unchanged
from catalog.releases.states import PromotionState, target
from catalog.releases.tables import PromotionRow, RequestRow
from ledger.acts import Act, Ledger
from ledger.errors import (
    Conflict,
    Invalid,
    NotFound,
    Unavailable,
)

# Longer than any single call to MLflow may take, so that a live worker keeps its claim.
LEASE: Final = timedelta(minutes=5)
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 8.0

# How an alias can have come to where it was to be: by a call of ours.
MOVED: Final = frozenset({"applied", "applied-before"})

# The places in the work at which a drill kills the worker, in the order in which they are reached.
POINTS: Final = (
    *("claiming", "claimed", "sealed", "before-call", "ticketed", "after-call"),
    *("before-mark", "marking", "marked"),
)
# Those inside a transaction: what it wrote is undone with it.
WITHIN: Final = frozenset({"claiming", "marking"})


@dataclass(frozen=True)
class _Claim:
    row: PromotionRow
    model: ModelRow
    version: VersionRow
    at_point: AtPoint
    by: Actor
    target: int | None  # where the alias is to point: nowhere, when it is taken away

    @property
    def model_name(self) -> str:
        return self.model.name


class Promotions:
    """The desk from which approvals are carried out."""

    def __init__(
        self, ledger: Ledger, policies: Policies, servers: Servers, tickets: TicketOffice
    ) -> None:
        self._ledger = ledger
        self._policies = policies
        self._servers = servers
        self._tickets = tickets

    def release_claims(self, worker: str) -> None:
        """Forget the claims of a worker that died under this name: they are taken at once."""
        with self._ledger.store.write() as session:
            for row in session.exec(
                select(PromotionRow).where(
                    PromotionRow.state == PromotionState.QUEUED, PromotionRow.claimed_by == worker
                )
            ):
                row.lease_until, row.claimed_by = None, ""
                session.add(row)

    def carry_out_next(
        self, worker: str, *, by: Actor, at_point: AtPoint = lambda _point: None
    ) -> Promotion | None:
        """Take the next due promotion and carry it out. Returns it, or None when none is due.

        Raises:
            Unavailable: MLflow does not answer; the promotion stays queued and is tried again.
        """
        decide(by, "promotion:carry-out", ANYTHING).insist()
        claim = self._claim(worker, at_point, by)
        if claim is None:
            return None
        at_point("claimed")
        try:
            how = self._carry_out(claim)
        except StoppedError as stop:
            return self._finish(claim, PromotionState.FAILED, stop.code, stop.message, by)
        except Invalid as problem:
            return self._finish(
                claim, PromotionState.FAILED, problem.code, f"{problem.message} {problem.hint}", by
            )
        except Unavailable as problem:
            self._put_back(claim, problem)
            raise
        at_point("before-mark")
        return self._finish(claim, PromotionState.APPLIED, how, "", by)

    def _asked(self, claim: _Claim) -> Mlflow:
        """The model's own server, within its own workspace."""
        return self._servers.at(claim.model.server, claim.model.workspace)

    def _claim(self, worker: str, at_point: AtPoint, by: Actor) -> _Claim | None:
        now = self._ledger.clock.now()
        with self._ledger.store.write() as session:
            while (row := session.exec(self._due(now)).first()) is not None:
                row.opens_at = self._opens_at(session, row, now)
                session.add(row)
                if row.opens_at is None:
                    break
                session.flush()
            if row is None:
                return None
            row.lease_until = now + LEASE
            row.claimed_by = worker
            row.fence += 1
            row.attempts += 1
            session.add(row)
            session.flush()
            at_point("claiming")
            model = session.get_one(ModelRow, row.model_id)
            version = session.get_one(VersionRow, row.version_id)
            route = session.get_one(RequestRow, row.request_id).route
            to = target(route, row.version_number)
            return _Claim(row, model, version, at_point, by, to)

    def _opens_at(self, session: Session, row: PromotionRow, now: datetime) -> datetime | None:
        """When the release window opens that it waits for, if it has to wait."""
        request = session.get_one(RequestRow, row.request_id)
        return opens_at(self._policies.by_digest(request.policy_digest), request, now)

    def _due(self, now: datetime) -> SelectOfScalar[PromotionRow]:
        """The next promotion: of each model the first that may go, in the order of approvals."""
        is_open = or_(col(PromotionRow.opens_at).is_(None), col(PromotionRow.opens_at) <= now)
        first = (
            select(PromotionRow.model_id, func.min(PromotionRow.place).label("place"))
            .where(PromotionRow.state == PromotionState.QUEUED, is_open)
            .group_by(col(PromotionRow.model_id))
            .subquery()
        )
        return (
            select(PromotionRow)
            .where(
                col(PromotionRow.place).in_(select(first.c.place)),
                col(PromotionRow.next_try_at) <= now,
                or_(col(PromotionRow.lease_until).is_(None), col(PromotionRow.lease_until) <= now),
                PromotionRow.model_id == ModelRow.id,
                col(ModelRow.server).in_(self._servers.slugs),
            )
            .order_by(col(PromotionRow.place))
            .limit(1)
            .with_for_update(skip_locked=True, of=PromotionRow)
        )

    def _carry_out(self, claim: _Claim) -> str:
        row = claim.row
        self._insist_same_version(claim)
        before = self._points_at(claim)
        if before == claim.target:
            return "applied-before" if row.called_at else "already-there"
        if before != row.replaces:
            raise StoppedError(
                f"{row.alias} pointed at {_named(row.replaces)} when this was approved and at "
                f"{_named(before)} now: somebody moved it since, so it was left there.",
                code="alias-moved-since",
            )
        self._note_call(claim)
        claim.at_point("before-call")
        try:
            self._call(claim)
        except NotFound as error:
            raise _gone(claim) from error
        claim.at_point("after-call")
        if self._points_at(claim) != claim.target:
            raise Unavailable(
                "MLflow took the new alias and does not show it.",
                hint="It is tried again.",
                code="alias-not-shown",
            )
        return "applied"

    def _call(self, claim: _Claim) -> None:
        """Have MLflow move the alias, or take it away, by a ticket for just that."""
        row, mlflow = claim.row, self._asked(claim)
        allowed = Allowed.DELETE_ALIAS if claim.target is None else Allowed.SET_ALIAS
        ticket = self._tickets.issue(allowed, move_of(row, claim.model))
        claim.at_point("ticketed")
        if claim.target is None:
            mlflow.delete_alias(claim.model_name, row.alias, ticket)
        else:
            mlflow.set_alias(claim.model_name, row.alias, claim.target, ticket)

    def _insist_same_version(self, claim: _Claim) -> None:
        """The version must be the very one that was approved, with the very same files.

        Whatever has become of its files, an alias may be taken away from it.
        """
        if claim.version.gone_at is not None:
            raise _gone(claim)
        try:
            seen = self._asked(claim).version(claim.model_name, claim.row.version_number)
            if not _is_approved_one(claim.version, seen):
                raise _gone(claim)
            if claim.target is None:
                return
            ticket = self._tickets.issue(Allowed.SEAL, move_of(claim.row, claim.model))
            self._asked(claim).seal(claim.model_name, claim.row.version_number, ticket)
            claim.at_point("sealed")
            with tempfile.TemporaryDirectory(prefix="countersign-") as folder:
                manifest = manifest_of(self._asked(claim).download(seen, Path(folder)))
        except NotFound as error:
            raise _gone(claim) from error
        if manifest.digest != claim.row.manifest_digest:
            raise StoppedError(
                f"The files of version {claim.row.version_number} are not the approved ones.",
                code="artifacts-changed",
            )

    def _points_at(self, claim: _Claim) -> int | None:
        try:
            return self._asked(claim).model(claim.model_name).aliases.get(claim.row.alias)
        except NotFound as error:
            raise _gone(claim) from error

    def _note_call(self, claim: _Claim) -> None:
        """Write down that MLflow is about to be called, if what was approved still stands."""
        with self._ledger.store.write() as session:
            row = self._mine(session, claim)
            now = self._ledger.clock.now()
            insist_unchanged(self._policies, session, row, now, claim.by)
            row.called_at = now
            session.add(row)

    def _put_back(self, claim: _Claim, problem: Unavailable) -> None:
        # The exponent is bounded too: after hours of outage it would leave the range of a float.
        wait = min(_FIRST_WAIT_S * 2 ** min(claim.row.attempts - 1, 16), _LONGEST_WAIT_S)
        with self._ledger.store.write() as session:
            row = self._mine(session, claim)
            row.lease_until, row.claimed_by = None, ""
            row.next_try_at = self._ledger.clock.now() + timedelta(seconds=wait)
            row.message = problem.message
            session.add(row)

    def _finish(
        self, claim: _Claim, state: PromotionState, code: str, message: str, by: Actor
    ) -> Promotion:
        verb = "apply" if state is PromotionState.APPLIED else "fail"
        with self._ledger.act(
            f"promotion:{verb}", actor=by.id, resource=f"request:{claim.row.request_id}"
        ) as act:
            row = self._mine(act.session, claim)
            row.state, row.code, row.message = state, code, message
            row.finished_at = act.at
            row.lease_until = None
            act.session.add(row)
            act.reason = code
            act.facts |= {
                "promotion": row.id,
                "request": row.request_id,
                "model": row.model_id,
                "version": row.version_id,
                "alias": row.alias,
            }
            act.digests["artifacts"] = row.manifest_digest
            if claim.target is None and state is PromotionState.APPLIED:
                self._retire(act, row)
            act.emit(
                f"promotion:{verb}",
                row.id,
                server=claim.model.server,
                workspace=claim.model.workspace,
                model=claim.model_name,
                model_id=row.model_id,
                alias=row.alias,
                number="" if claim.target is None else str(claim.target),
                how=code,
                called_at=row.called_at.isoformat() if row.called_at else "",
                finished_at=act.at.isoformat(),
            )
            act.session.flush()
            claim.at_point("marking")
        claim.at_point("marked")
        return promotion(row)

    def _retire(self, act: Act, row: PromotionRow) -> None:
        """A model of which no alias is left that a policy covers is retired."""
        model = act.session.get_one(ModelRow, row.model_id, with_for_update=True)
        policies = self._policies.in_force(act.session)
        held = select(AliasRow.alias).where(
            AliasRow.model_id == model.id, AliasRow.alias != row.alias
        )
        if not any(governing(policies, classified(model, one)) for one in act.session.exec(held)):
            write_down(act, model, {"stage": Stage.RETIRED})

    def _mine(self, session: Session, claim: _Claim) -> PromotionRow:
        """The row, if still this claim's. Raises Conflict for a worker that slept too long."""
        row = session.get_one(PromotionRow, claim.row.id, with_for_update=True)
        if row.fence != claim.row.fence or row.state != PromotionState.QUEUED:
            raise Conflict(
                "Another worker carries this promotion out now.",
                hint="Nothing to do: the other one finishes it.",
                code="lease-lost",
            )
        return row


def _is_approved_one(approved: VersionRow, seen: SeenVersion) -> bool:
    return (approved.created_at, approved.source, approved.run_id) == (
        seen.created_at,
        seen.source,
        seen.run_id,
    )


def _gone(claim: _Claim) -> StoppedError:
    return StoppedError(
        f"Version {claim.row.version_number} of {claim.model_name} is not the one approved: "
        "it was deleted in MLflow, or made again under the same name.",
        code="version-gone",
    )


def _named(number: int | None) -> str:
    return "nothing" if number is None else f"v{number}"
