"""The receipt of a decision: where it stands in the log, and by which digests it can be checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import Session

from catalog.releases.requests.request import Decision, ReleaseRequest
from catalog.releases.states import Verb
from ledger import trail

# The acts by which a request is closed.
_CLOSING: Final = (
    "release:approve",
    "release:approve-with-conditions",
    "release:reject",
    "release:withdraw",
    "release:expire",
    "release:revoke",
    "release:roll-back",
)


@dataclass(frozen=True)
class Receipt:
    """What somebody keeps of a decision.

    `sequence` is the place of its record in the audit trail and `digest` SHA-256 over the record's
    bytes; `digests` are those the decision was bound to, as the record names them.
    """

    sequence: int
    digest: str
    decision: Decision
    recorded_at: datetime
    digests: Mapping[str, str]


def receipt_of(session: Session, request: ReleaseRequest) -> Receipt | None:
    """The receipt of the decision that closed a request; None while nobody closed it."""
    if request.is_open or not request.decisions:
        return None
    decision = request.decisions[-1]
    own = trail.done_at(session, decision.at, _CLOSING, resource=f"request:{request.id}")
    record = next(iter(own), None)
    if record is None and decision.verb is Verb.REVOKE:
        # What takes an approval back takes the rollbacks that rest on it along, in one record.
        along = trail.done_at(session, decision.at, ("release:revoke",))
        about = (one for one in along if one.facts.get("version") == request.version_id)
        record = next(about, None)
    if record is None:
        return None
    return Receipt(record.sequence, record.digest, decision, record.at, record.digests)
