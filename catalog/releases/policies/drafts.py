"""The draft of a policy that somebody is writing: kept for them alone until it is published."""

from __future__ import annotations

from auth.access import may_anywhere
from auth.actors import Actor
from catalog.releases.policies.reading import LARGEST_BYTES
from catalog.releases.tables import PolicyDraftRow
from ledger.acts import Ledger
from ledger.errors import Invalid, Refused


class Drafts:
    """The desk where one leaves a draft and finds it again.

    It binds nobody and only its writer reads it, so keeping it is no act on the record.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def of(self, *, by: Actor) -> str:
        """What the actor left, empty where there is nothing."""
        with self._ledger.store.read() as session:
            row = session.get(PolicyDraftRow, by.id)
            return row.written if row else ""

    def keep(self, text: str, *, by: Actor) -> None:
        """Keep a draft in place of the one before it; an empty one is forgotten.

        Raises:
            Refused: may read no release at all.
            Invalid: it is longer than any policy that is read.
        """
        if not may_anywhere(by, "release:read"):
            raise Refused(
                f"{by.name} may read no release.",
                hint="A governance admin gives roles on the Access page.",
                code="no-role",
            )
        if len(text.encode("utf-8", "surrogatepass")) > LARGEST_BYTES:
            raise Invalid(
                f"A draft of more than {LARGEST_BYTES:,} bytes is not kept.",
                hint="A policy is a few pages long. Leave out what is not part of it.",
                code="draft-too-long",
            )
        with self._ledger.store.write() as session:
            row = session.get(PolicyDraftRow, by.id)
            if not text.strip():
                if row is not None:
                    session.delete(row)
                return
            now = self._ledger.clock.now()
            row = row or PolicyDraftRow(person_id=by.id, written=text, changed_at=now)
            row.written, row.changed_at = text, now
            session.add(row)
