"""Reminders: each once, before a finding is overdue and while a request can still be decided."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlmodel import col, select

from auth.access import ANYTHING, decide
from auth.actors import Actor
from auth.holders import holders
from catalog.registry.authorship import authors
from catalog.registry.models import resource
from catalog.registry.tables import ModelRow
from catalog.releases.decisions.agreement import panels_of
from catalog.releases.findings.finding import FindingState
from catalog.releases.policies.law import PANELS
from catalog.releases.policies.shelf import Policies
from catalog.releases.requests.time_limits import WAITS, is_half_over, put_again
from catalog.releases.states import AGREEING
from catalog.releases.tables import DecisionRow, FindingRow, RequestRow
from ledger.acts import Ledger
from ledger.troubles import Troubles

# So long before its day the owner of a finding is reminded.
BEFORE: Final = timedelta(days=3)


class Reminders:
    """The desk that reminds."""

    def __init__(self, ledger: Ledger, policies: Policies) -> None:
        self._ledger = ledger
        self._policies = policies
        self._troubles = Troubles(__name__, ledger.clock)

    def of_findings(self, *, by: Actor) -> list[str]:
        """Remind the owners of findings that are overdue in three days; returns their ids.

        One that was opened as late as that was told of then.
        """
        decide(by, "promotion:carry-out", ANYTHING).insist()
        today = self._ledger.clock.now().date()
        with self._ledger.store.read() as session:
            rows = session.exec(
                select(FindingRow).where(
                    FindingRow.state == FindingState.OPEN,
                    FindingRow.owner_id != "",
                    col(FindingRow.due_on) <= today + BEFORE,
                    col(FindingRow.reminded_on).is_(None),
                )
            ).all()
        due = [row.id for row in rows if row.opened_at.date() < row.due_on - BEFORE]
        return self._troubles.each(
            due, lambda one: self._remind_owner(one, by), "cannot be reminded of"
        )

    def of_requests(self, *, by: Actor) -> list[str]:
        """Remind the reviewers of requests that waited for half of their time; returns their ids.

        Once for each state of a request: what was changed and sent again waits anew.
        """
        decide(by, "promotion:carry-out", ANYTHING).insist()
        now = self._ledger.clock.now()
        with self._ledger.store.read() as session:
            rows = session.exec(
                select(RequestRow).where(
                    col(RequestRow.state).in_(WAITS),
                    RequestRow.policy_digest != "",
                    col(RequestRow.reminded) != col(RequestRow.revision),
                )
            ).all()
            waiting = {row.id: row for row in rows}
            again = put_again(session, waiting)

        def remind(one: str) -> bool:
            row = waiting[one]
            limits = self._policies.by_digest(row.policy_digest).limits
            since = again.get(one, row.requested_at)
            return is_half_over(limits, row, since, now) and self._remind_reviewers(one, by)

        return self._troubles.each(waiting, remind, "cannot be reminded of")

    def _remind_owner(self, finding_id: str, by: Actor) -> bool:
        with self._ledger.act(
            "finding:remind", actor=by.id, resource=f"finding:{finding_id}"
        ) as act:
            row = act.session.get_one(FindingRow, finding_id, with_for_update=True)
            if row.reminded_on is not None or row.state != FindingState.OPEN:
                act.reason = "nothing-to-do"
                return False
            row.reminded_on = act.at.date()
            act.session.add(row)
            act.facts |= {"model": row.model_id, "owner": row.owner_id}
            act.emit("finding:remind", row.id, model=row.model_id)
            return True

    def _remind_reviewers(self, request_id: str, by: Actor) -> bool:
        with self._ledger.act(
            "release:remind", actor=by.id, resource=f"request:{request_id}"
        ) as act:
            row = act.session.get_one(RequestRow, request_id, with_for_update=True)
            if row.reminded == row.revision or row.state not in WAITS:
                act.reason = "nothing-to-do"
                return False
            row.reminded = row.revision
            act.session.add(row)
            act.facts["model"] = row.model_id
            model = act.session.get_one(ModelRow, row.model_id)
            agreed = act.session.exec(
                select(DecisionRow.person_id).where(
                    DecisionRow.request_id == row.id,
                    DecisionRow.reading == row.reading,
                    col(DecisionRow.verb).in_(sorted(AGREEING)),
                )
            )
            apart = {row.requested_by, *authors(act.session, row.version_id), *agreed}
            reviewers = {
                one.id
                for panel in panels_of(self._policies.by_digest(row.policy_digest), row)
                for one in holders(act.session, PANELS[panel.role], resource(model))
            }
            act.emit("release:remind", row.id, reviewers=" ".join(sorted(reviewers - apart)))
            return True
