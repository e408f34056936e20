"""Emergencies: one person decides alone, and who can review it afterwards, if anybody."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Final

from sqlmodel import Session

from auth.absences import away
from auth.access import Verdict
from auth.actors import Actor
from catalog.registry.tables import ModelRow
from catalog.releases.findings.rights import approvers, reviewers
from catalog.releases.tables import RequestRow

REMEDY: Final = (
    "A governance admin gives somebody who had no part in it the role approver or independent "
    "validator, on Access."
)


def can_review(
    session: Session, row: RequestRow, model: ModelRow, built_by: Collection[str]
) -> list[Actor]:
    """Who can review an emergency: they neither asked, nor built, nor approved it so far."""
    apart = {row.requested_by, *built_by, *approvers(session, row.id)}
    return reviewers(session, model, apart=apart)


def given_to(session: Session, people: Sequence[Actor], today: date) -> str:
    """Whom the review is given to: the first by name who is here. Empty where nobody can."""
    ids = [one.id for one in people]
    gone = away(session, ids, today)
    return next((one for one in ids if one not in gone), ids[0] if ids else "")


def reviewable(deciders: Collection[str], can: Collection[str], *, by: str = "") -> Verdict:
    """Whether somebody can review an emergency who is not the one who decides it.

    Args:
        deciders: who may decide it, by id.
        can: who can review it, by id.
        by: who is about to decide it; empty before anybody is.
    """
    alone = {by} if by else set(deciders) or {""}
    if any(set(can) - {one} for one in alone):
        return Verdict(True, "Somebody who had no part in it reviews it afterwards.")
    but = f" but {'you' if by else 'whoever decides this emergency'}" if alone & set(can) else ""
    who = f"Nobody{but} could"
    return Verdict(
        False,
        f"{who} review it afterwards, so the approval would lapse.",
        "no-reviewer",
        REMEDY,
    )
