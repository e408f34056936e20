"""What becomes of an approval: its conditions are met, somebody takes it back, or it lapses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlmodel import Session, col, exists, select

from auth.access import ANYTHING, decide
from auth.actors import Actor
from auth.people import as_of_now
from catalog.registry.tables import AliasRow, ModelRow
from catalog.releases.findings.finding import BINDING, Kind, Severity
from catalog.releases.findings.finding import STANDING as STANDING_FINDINGS
from catalog.releases.findings.opening import Problem, open_finding, standing_conditions
from catalog.releases.promotions.outbox import cancel
from catalog.releases.requests.request import ReleaseRequest, load_request
from catalog.releases.requests.rights import checked_reason, insist_in_time, may_revoke
from catalog.releases.requests.steps import decided, locked, step
from catalog.releases.states import APPROVING, STANDING, Route, State, Verb
from catalog.releases.tables import FindingRow, RequestRow
from ledger.acts import Act, Ledger
from ledger.troubles import Troubles

# How long whoever owns it has to put a version right that is live without an approval.
PUT_RIGHT_WITHIN: Final = timedelta(days=1)


class Approvals:
    """The desk that watches over approvals that were given."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._troubles = Troubles(__name__, ledger.clock)

    def revoke(self, request_id: str, reason: str, *, by: Actor) -> ReleaseRequest:
        """Take an approval back. What waits to be carried out is stopped; what is live is found.

        Raises:
            Invalid: no reason.
            NotFound, Refused, Conflict: no such request; no such role; nothing to take back.
        """
        reason = checked_reason(reason)
        with self._ledger.act(
            "release:revoke", actor=by.id, resource=f"request:{request_id}"
        ) as act:
            row, model, _version = locked(act, request_id, by, gone_is_fine=True)
            by = as_of_now(act.session, by, at=act.at)
            insist_in_time(may_revoke(by, row, model), row, Verb.REVOKE)
            self._revoke(act, row, model, reason, by)
            return load_request(act.session, row)

    def fulfil(self, request_id: str, *, by: Actor) -> None:
        """Make a conditional approval a plain one, once none of its conditions stands."""
        decide(by, "promotion:carry-out", ANYTHING).insist()
        with self._ledger.store.read() as session:
            row = session.get(RequestRow, request_id)
            if row is None or row.state != State.CONDITIONALLY_APPROVED:
                return
            if standing_conditions(session, request_id):
                return
        with self._ledger.act(
            "release:fulfil", actor=by.id, resource=f"request:{request_id}"
        ) as act:
            row, _model, _version = locked(act, request_id, by, gone_is_fine=True)
            if row.state != State.CONDITIONALLY_APPROVED or standing_conditions(
                act.session, row.id
            ):
                act.reason = "nothing-to-do"
                return
            step(act, row, Verb.FULFIL)
            act.emit("release:fulfilled", row.id, version=row.version_id)

    def revoke_overdue(self, *, by: Actor) -> list[str]:
        """Revoke each conditional approval of which a condition stands after its day."""
        decide(by, "promotion:carry-out", ANYTHING).insist()
        today = self._ledger.clock.now().date()
        late = (
            col(FindingRow.request_id) == col(RequestRow.id),
            col(FindingRow.state).in_(sorted(STANDING_FINDINGS)),
            col(FindingRow.kind).in_(sorted(BINDING)),
            col(FindingRow.due_on) < today,
        )
        with self._ledger.store.read() as session:
            found = session.exec(
                select(RequestRow.id).where(
                    RequestRow.state == State.CONDITIONALLY_APPROVED,
                    exists().where(*late),
                )
            ).all()
        return self._troubles.each(
            found, lambda one: self._lapse(one, by), "cannot be looked at for overdue conditions"
        )

    def _lapse(self, request_id: str, by: Actor) -> bool:
        with self._ledger.act(
            "release:revoke", actor=by.id, resource=f"request:{request_id}"
        ) as act:
            row, model, _version = locked(act, request_id, by, gone_is_fine=True)
            late = [
                one
                for one in standing_conditions(act.session, row.id)
                if one.due_on < act.at.date()
            ]
            if row.state != State.CONDITIONALLY_APPROVED or not late:
                act.reason = "nothing-to-do"
                return False
            act.reason = "condition-overdue"
            act.facts["finding"] = late[0].id
            why = f"{late[0].number} was due on {late[0].due_on.isoformat()} and still stands."
            self._revoke(act, row, model, why, by)
            return True

    @staticmethod
    def _revoke(act: Act, row: RequestRow, model: ModelRow, reason: str, by: Actor) -> None:
        is_covered = is_approved_otherwise(act.session, row)
        if not is_covered:
            # Rollbacks to it rest on this approval, so they end with it.
            for resting in _rollbacks_to(act.session, row):
                decided(act, resting, Verb.REVOKE, by, reason)
                cancel(act.session, resting.id, at=act.at)
        decided(act, row, Verb.REVOKE, by, reason)
        cancel(act.session, row.id, at=act.at)
        if not is_live(act.session, row) or is_covered:
            return
        open_finding(
            act,
            Problem(
                Kind.UNAPPROVED,
                Severity.CRITICAL,
                f"v{row.version_number} is live as {row.alias} and its approval was revoked",
                f"{row.number} was revoked: {reason}",
                (act.at + PUT_RIGHT_WITHIN).date(),
                model.owner_id or row.requested_by,
                row.model_id,
                row.version_id,
                row.version_number,
                row.alias,
                since=act.at,
                until=act.at,
                cause=f"revoked:{row.id}",
            ),
            by=by,
        )


def _rollbacks_to(session: Session, row: RequestRow) -> Sequence[RequestRow]:
    """The rollbacks that stand and set the alias back to the version of an approval."""
    return session.exec(
        select(RequestRow).where(
            RequestRow.version_id == row.version_id,
            RequestRow.alias == row.alias,
            RequestRow.id != row.id,
            RequestRow.route == Route.ROLLBACK,
            col(RequestRow.state).in_(sorted(STANDING)),
        )
    ).all()


def is_live(session: Session, row: RequestRow) -> bool:
    """Whether the alias a request asked for points at its version now."""
    held = session.get(AliasRow, (row.model_id, row.alias))
    return held is not None and held.version_id == row.version_id


def is_approved_otherwise(session: Session, row: RequestRow) -> bool:
    """Whether another approval of the same version for the same alias stands."""
    others: Sequence[str] = session.exec(
        select(RequestRow.id).where(
            RequestRow.version_id == row.version_id,
            RequestRow.alias == row.alias,
            RequestRow.id != row.id,
            col(RequestRow.route).in_(sorted(APPROVING)),
            col(RequestRow.state).in_(sorted(STANDING)),
        )
    ).all()
    return bool(others)
