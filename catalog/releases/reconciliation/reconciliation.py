"""The desk of reconciliation: whatever moved in MLflow without an approval becomes a finding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session, col, select

from auth.access import ANYTHING, decide
from auth.actors import Actor
from catalog.releases.findings.finding import STANDING, Kind, Severity
from catalog.releases.findings.opening import LONGEST_TEXT, Problem, open_finding
from catalog.releases.policies.law import governing
from catalog.releases.policies.shelf import Policies, classified
from catalog.releases.reconciliation.astray import astray
from catalog.releases.reconciliation.journal import ChangeJournal, Moved
from catalog.releases.reconciliation.judging import Found, fold, judge
from catalog.releases.reconciliation.known import Known, read_known
from catalog.releases.states import Route
from catalog.releases.tables import FindingRow
from ledger.acts import Act, Ledger

# What one transaction looks at.
BATCH: Final = 500
# How many days there are to put it right.
DUE_WITHIN: Final[Mapping[Severity, timedelta]] = {
    Severity.CRITICAL: timedelta(days=1),
    Severity.HIGH: timedelta(days=1),
    Severity.MEDIUM: timedelta(days=7),
    Severity.LOW: timedelta(days=30),
}


@dataclass(frozen=True)
class Looked:
    """Up to when the changes in MLflow were explained, and how many wait for it."""

    at: datetime | None
    waiting: int


class Reconciliation:
    """Explains the changes in MLflow, in their order, each once."""

    def __init__(self, ledger: Ledger, policies: Policies) -> None:
        self._ledger = ledger
        self._policies = policies
        self._journal = ChangeJournal(ledger.store)

    def looked(self, *, by: Actor) -> Looked:
        """How far the changes in MLflow are explained. Raises Refused."""
        decide(by, "settings:read", ANYTHING).insist()
        with self._ledger.store.read() as session:
            return Looked(self._journal.looked_at(session), self._journal.waiting(session))

    def run(self, *, by: Actor, batch: int = BATCH) -> int:
        """Look at all that changed since the last time. Returns how many findings were opened."""
        decide(by, "promotion:carry-out", ANYTHING).insist()
        self._journal.begin(at=self._ledger.clock.now())
        until = self._journal.newest()
        opened = 0
        while (more := self._look(until, batch, by)) is not None:
            opened += more
        return opened

    def look_astray(self, *, by: Actor) -> int:
        """Find aliases that are not where they were approved though no change was ever read.

        Returns how many findings were opened.
        """
        decide(by, "promotion:carry-out", ANYTHING).insist()
        with self._ledger.store.read() as session:
            if not astray(session, self._journal.reached(session)):
                return 0
        with self._ledger.act(
            "registry:reconcile", actor=by.id, resource="registry:changes"
        ) as act:
            found = astray(act.session, self._journal.reached(act.session))
            for one in found:
                now = f"on v{one.number}" if one.number else "not set"
                title = (
                    f"{one.alias} is {now}, and it was taken away from v{one.version_number}"
                    if one.route == Route.RETIREMENT
                    else f"{one.alias} is {now}, and v{one.version_number} was approved for it"
                )
                row = open_finding(
                    act,
                    Problem(
                        Kind.OUTSIDE,
                        Severity.CRITICAL,
                        title,
                        f"It was moved after {one.request} was carried out and before it was read.",
                        (act.at + DUE_WITHIN[Severity.CRITICAL]).date(),
                        one.owner_id or one.requested_by,
                        one.model_id,
                        one.held or one.version_id,
                        one.number or one.version_number,
                        one.alias,
                        since=one.finished_at,
                        until=one.seen_at,
                        cause=f"astray:{one.id}",
                    ),
                    by=by,
                )
                if row is not None:
                    act.texts[row.number] = title
            act.facts["findings"] = str(len(found))
            return len(found)

    def _look(self, until: int, batch: int, by: Actor) -> int | None:
        """Look at the next changes; None where there are no more."""
        with self._ledger.store.read() as session:
            reached = self._journal.reached(session)
            if reached >= until:
                return None
            moved = self._journal.after(session, reached, until, batch)
            found = self._judged(session, moved)
        to = moved[-1].sequence if len(moved) == batch else until
        if not found:
            # Nothing to put on record: all of it is explained, or asks for no explanation.
            with self._ledger.store.write() as session:
                self._journal.advance(session, reached, to, at=self._ledger.clock.now())
            return 0
        with self._ledger.act(
            "registry:reconcile", actor=by.id, resource="registry:changes"
        ) as act:
            act.facts |= {"after": str(reached), "until": str(to), "changes": str(len(moved))}
            if not self._journal.advance(act.session, reached, to, at=act.at):
                act.reason = "nothing-to-do"
                return 0
            # Judged again: an approval may have been taken back since.
            opened = self._open(act, self._judged(act.session, moved), by)
            act.facts["findings"] = str(opened)
        return opened

    def _judged(self, session: Session, moved: list[Moved]) -> list[tuple[Found, Known]]:
        if not moved:
            return []
        known = read_known(
            session,
            {one.model_id for one in moved},
            {one.version_id for one in moved} - {""},
        )
        policies = self._policies.in_force(session)

        def is_covered(there: Known) -> Callable[[str], bool]:
            return lambda alias: governing(policies, classified(there.model, alias)) is not None

        found = [
            judged
            for one in moved
            if (judged := judge(one, known[one.model_id], is_covered(known[one.model_id])))
        ]
        return [(one, known[one.moved.model_id]) for one in fold(found)]

    @staticmethod
    def _open(act: Act, found: list[tuple[Found, Known]], by: Actor) -> int:
        opened = 0
        for one, known in found:
            if one.moved.kind == "tag" and _told_already(act.session, one):
                continue
            row = open_finding(
                act,
                Problem(
                    one.kind,
                    one.severity,
                    one.title,
                    one.detail,
                    (act.at + DUE_WITHIN[one.severity]).date(),
                    _owner(known),
                    one.moved.model_id,
                    one.version_id,
                    one.version_number,
                    one.alias,
                    since=one.moved.since or known.model.created_at,
                    until=one.moved.until,
                    cause=one.cause,
                ),
                by=by,
            )
            if row is not None:
                opened += 1
                act.texts[row.number] = one.title
        return opened


def _told_already(session: Session, found: Found) -> bool:
    """Add to the finding about the tags of a version that stands, where there is one.

    Whoever may write tags could open one finding after the other.
    """
    row = session.exec(
        select(FindingRow)
        .where(
            FindingRow.version_id == found.version_id,
            FindingRow.kind == found.kind,
            FindingRow.severity == found.severity,
            col(FindingRow.state).in_(sorted(STANDING)),
        )
        .with_for_update()
    ).first()
    if row is None:
        return False
    if len(row.detail) + len(found.detail) < LONGEST_TEXT:
        row.detail = f"{row.detail}\n{found.detail}"
    row.until = found.moved.until
    session.add(row)
    return True


def _owner(known: Known) -> str:
    """Whoever owns the model, else asked for its last release; empty where nobody is known."""
    if known.model.owner_id:
        return known.model.owner_id
    people = [one.requested_by for one in known.asked if not one.requested_by.startswith("system:")]
    return people[-1] if people else ""
