"""Reading the audit trail: who may, and taking a copy of it away, which is an act itself."""

from __future__ import annotations

from auth.access import ANYTHING, decide
from auth.actors import Actor
from ledger import trail
from ledger.acts import Ledger
from ledger.errors import NotFound
from ledger.trail import Filter, Record

MOST_EXPORTED = 10_000


class Audits:
    """The reading room of the trail."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def listing(
        self, wanted: Filter, *, by: Actor, limit: int = 25, offset: int = 0
    ) -> list[Record]:
        """One page of records, newest first. Raises Refused."""
        decide(by, "audit:read", ANYTHING).insist()
        with self._ledger.store.read() as session:
            return trail.listing(session, wanted, limit=limit, offset=offset)

    def count(self, wanted: Filter, *, by: Actor) -> int:
        """How many records a filter lets through. Raises Refused."""
        decide(by, "audit:read", ANYTHING).insist()
        with self._ledger.store.read() as session:
            return trail.count(session, wanted)

    def acts(self, *, by: Actor) -> list[str]:
        """The acts that were ever recorded, for a filter to offer. Raises Refused."""
        decide(by, "audit:read", ANYTHING).insist()
        with self._ledger.store.read() as session:
            return trail.acts_known(session)

    def read(self, sequence: int, *, by: Actor) -> Record:
        """One record. Raises Refused, NotFound."""
        decide(by, "audit:read", ANYTHING).insist()
        with self._ledger.store.read() as session:
            record = trail.read(session, sequence)
        if record is None:
            raise NotFound(f"There is no record {sequence}.", hint="Choose one from the list.")
        return record

    def export(self, wanted: Filter, *, by: Actor) -> list[Record]:
        """The filtered records, at most 10,000, to be taken away: recorded itself."""
        with self._ledger.act("audit:export", actor=by.id, resource="trail:*") as act:
            decide(by, "audit:export", ANYTHING).insist()
            records = trail.listing(act.session, wanted, limit=MOST_EXPORTED)
            act.facts["records"] = str(len(records))
        return records
