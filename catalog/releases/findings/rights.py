"""Who may put a finding right, close it, or give it to somebody else."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session, col, select

from auth.access import Verdict, decide
from auth.actors import Actor
from auth.actors import Kind as Who
from auth.holders import holders
from catalog.registry.authorship import authors
from catalog.registry.models import resource
from catalog.registry.tables import ModelRow
from catalog.releases.findings.finding import STANDING, FindingState, Kind
from catalog.releases.states import Verb
from catalog.releases.tables import DecisionRow, FindingRow, RequestRow


def may_remedy(by: Actor, row: FindingRow, model: ModelRow) -> Verdict:
    """Its owner says that it was put right, or whoever builds versions of the model."""
    if row.state != FindingState.OPEN:
        return Verdict(False, f"This finding is {row.state.lower()}.", "wrong-state")
    # Whoever owns the review of an emergency looks at it; there is nothing of theirs to put right.
    if by.id == row.owner_id and row.kind != Kind.EMERGENCY:
        return Verdict(True, "It is yours to put right.")
    return decide(by, "finding:remedy", resource(model))


def may_close(session: Session, by: Actor, row: FindingRow | Row[Any], model: ModelRow) -> Verdict:
    """Somebody who reviews, and neither put it right nor built nor asked for what it is about.

    An emergency is reviewed though nobody accounted for it.
    """
    is_review = row.kind == Kind.EMERGENCY and row.state in STANDING
    if row.state != FindingState.REMEDIED and not is_review:
        return Verdict(
            False, "Nobody has said yet that it was put right.", "wrong-state", "Its owner says so."
        )
    allowed = decide(by, "finding:close", resource(model))
    if allowed and by.kind is not Who.PERSON:
        return Verdict(False, "Only a person closes a finding.", "not-a-person")
    own = _own_part(session, by, row) if allowed else None
    if own is None:
        return allowed
    code, did = own
    return Verdict(
        False, f"You {did}, so somebody else looks.", code, "Another reviewer closes it."
    )


def _own_part(session: Session, by: Actor, row: FindingRow | Row[Any]) -> tuple[str, str] | None:
    """What this person did of what the finding is about, as a code and in words."""
    is_owner = by.id == row.owner_id and row.kind != Kind.EMERGENCY
    if by.id == row.remedied_by or is_owner:
        return "own-remedy", "put it right"
    if row.version_id and by.id in authors(session, row.version_id):
        return "author", "built this version"
    request = session.get(RequestRow, row.request_id) if row.request_id else None
    if request is not None and request.requested_by == by.id:
        return "requester", "asked for the release"
    if row.kind == Kind.EMERGENCY and by.id in approvers(session, row.request_id):
        return "approver", "approved it in the emergency"
    return None


def may_assign(session: Session, by: Actor, row: FindingRow, model: ModelRow) -> Verdict:
    """Whoever reviews gives it to another person or day; its owner does not."""
    if row.state not in STANDING:
        return Verdict(False, f"This finding is {row.state.lower()}.", "wrong-state")
    if by.id == row.owner_id and row.kind != Kind.EMERGENCY:
        return Verdict(
            False, "It is yours, so somebody else moves its day.", "own-finding", "Ask a reviewer."
        )
    allowed = decide(by, "finding:assign", resource(model))
    own = _own_part(session, by, row) if allowed else None
    if own is None:
        return allowed
    code, did = own
    return Verdict(False, f"You {did}, so somebody else decides.", code, "Ask another reviewer.")


def reviewers(session: Session, model: ModelRow, *, apart: Collection[str]) -> list[Actor]:
    """Who may review an emergency afterwards: reviewers of the model who had no part in it."""
    everybody = holders(session, "finding:close", resource(model))
    return [one for one in everybody if one.id not in apart]


def reviewers_of(session: Session, row: FindingRow, model: ModelRow) -> list[Actor]:
    """Who may review the emergency that a finding is about, by name."""
    request = session.get(RequestRow, row.request_id)
    apart = {row.remedied_by, request.requested_by if request else ""}
    apart |= approvers(session, row.request_id) | set(authors(session, row.version_id))
    return reviewers(session, model, apart=apart)


def approvers(session: Session, request_id: str) -> set[str]:
    """Who agreed to a release."""
    verbs = [Verb.APPROVE, Verb.APPROVE_WITH_CONDITIONS]
    return set(
        session.exec(
            select(DecisionRow.person_id).where(
                DecisionRow.request_id == request_id, col(DecisionRow.verb).in_(verbs)
            )
        )
    )
