"""Who stands around a release request: who asked, who built, who may decide, who decided so far."""

from __future__ import annotations

import streamlit as st

from app.panels.release_dossier import DID, Dossier
from app.session import did, portal
from app.ui import chips, page, tables, words
from app.ui.markup import Markup, note, show
from app.ui.tables import Column, Row
from auth.actors import Actor
from catalog.releases.agreement import Seats
from catalog.releases.deciders import Candidate


def people(dossier: Dossier, number: int) -> None:
    """Who asked, built, may decide and decided: nobody twice."""
    request = dossier.request
    authors = [dossier.name(one) for one in request.authors]
    facts: list[tuple[str, object]] = [
        ("Asked by", dossier.name(request.requested_by)),
        (
            "Built by",
            words.listing(authors) if authors else chips.gap("Nobody is known"),
        ),
        *_reads_first(dossier),
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
                    _load(one),
                )
            )
            for one in dossier.candidates
        ]
        pieces.append(
            tables.table(
                (
                    Column("Approver", lead=True),
                    Column("This request"),
                    Column("Why"),
                    Column("Reads first"),
                ),
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
    take_over(dossier)


def _reads_first(dossier: Dossier) -> list[tuple[str, object]]:
    """Whom an open request was given to."""
    request = dossier.request
    if not request.is_open or not request.reviewer_id:
        return []
    return [("Reads it first", dossier.name(request.reviewer_id))]


def take_over(dossier: Dossier) -> None:
    """The way for somebody who may decide to read first what was given to somebody else."""
    request = dossier.request
    others = request.reviewer_id not in {"", dossier.reader.id}
    if not (others and request.is_open and dossier.sheet.may_decide):
        return
    if st.button("Take it over", key="take-over", icon=":material/assignment_ind:") and did(
        lambda by: portal().requests.take_over(request.id, by=by)
    ):
        st.rerun()


def _load(one: Candidate) -> str:
    """What somebody has to read already, and whether they are there."""
    said = words.plural(one.given, "request") if one.given else "nothing else"
    return f"{said}, away" if one.is_away else said


def _seats_words(dossier: Dossier, seats: Seats) -> str:
    """How many of a role must agree, and who did."""
    who = f": {words.listing([dossier.name(one) for one in seats.agreed])}" if seats.agreed else ""
    return f"{len(seats.agreed)} of {seats.needed} agreed{who}"


def why_not(one: Candidate, *, is_asked: bool) -> str:
    """What somebody did, or would do, that keeps them from deciding; nothing if it is no deed."""
    asks = "asked for this release" if is_asked else "would ask"
    return {"requester": asks, "author": "built this version"}.get(one.verdict.code, "")


def _why(one: Candidate, reader: Actor) -> str:
    did = why_not(one, is_asked=True)
    if one.verdict or not did:
        return one.verdict.reason
    return f"You {did}." if one.person_id == reader.id else f"{one.name} {did}."
