"""Who stands around a release request: who asked, who built, who may decide, who decided so far."""

from __future__ import annotations

from app.panels.release_dossier import DID, Dossier
from app.ui import chips, page, tables, words
from app.ui.markup import Markup, note, show
from app.ui.tables import Column, Row
from auth.actors import Actor
from catalog.releases.agreement import Seats
from catalog.releases.docket import Candidate


def people(dossier: Dossier, number: int) -> None:
    """Who asked, built, may decide and decided: nobody twice."""
    request = dossier.request
    authors = [dossier.name(one) for one in request.authors]
    facts: list[tuple[str, object]] = [
        ("Asked by", dossier.name(request.requested_by)),
        (
            "Built by",
            words.listing(authors) if authors else chips.mark("Missing", "Nobody is known"),
        ),
        *((f"Needs of {one.role}", _seats_words(dossier, one)) for one in dossier.sheet.seats),
    ]
    pieces: list[Markup] = [tables.facts(facts)]
    if request.is_open:
        rows = [
            Row(
                (
                    one.name,
                    chips.mark("Allowed", "May decide")
                    if one.verdict
                    else chips.mark("Refused", "May not decide"),
                    _why(one, dossier.reader),
                )
            )
            for one in dossier.candidates
        ]
        pieces.append(
            tables.table(
                (Column("Approver", lead=True), Column("This request"), Column("Why")),
                rows,
                "Who decides on this model",
            )
            if rows
            else note("Nobody holds the role approver here. A governance admin gives it on Access.")
        )
    if request.decisions:
        pieces.append(
            tables.table(
                (Column("Decided by", lead=True), Column("What"), Column("Why"), Column("When")),
                [
                    Row(
                        (
                            dossier.name(one.person_id),
                            DID.get(one.verb, one.verb),
                            one.reason,
                            words.moment(one.at),
                        )
                    )
                    for one in request.decisions
                ],
                "Decisions so far",
            )
        )
    show(page.section("Who may decide", number=number, anchor="people"), *pieces)


def _seats_words(dossier: Dossier, seats: Seats) -> str:
    """How many of a role must agree, and who did."""
    who = f": {words.listing([dossier.name(one) for one in seats.agreed])}" if seats.agreed else ""
    return f"{len(seats.agreed)} of {seats.needed} agreed{who}"


def _why(one: Candidate, reader: Actor) -> str:
    if one.verdict:
        return one.verdict.reason
    who = {"requester": "asked for this release", "author": "built this version"}
    said = who.get(one.verdict.code)
    if said is None:
        return one.verdict.reason
    return f"You {said}." if one.person_id == reader.id else f"{one.name} {said}."
