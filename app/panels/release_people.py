"""Who stands around a release request: who asked, who built, who may decide, who decided so far."""

from __future__ import annotations

import streamlit as st

from app.panels import quorum, release_receipt
from app.panels.release_dossier import Dossier
from app.panels.release_since import happened
from app.session import did, portal
from app.ui import chips, page, tables, words
from app.ui.markup import Markup, note, show, tag
from app.ui.tables import Column, Row
from auth.actors import Actor
from catalog.releases.decisions.deciders import Candidate
from catalog.releases.states import Route


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
        *_panels(dossier),
    ]
    pieces: list[Markup] = [tables.facts(facts)]
    if request.is_open:
        rows = [
            Row(
                (
                    one.name,
                    standing(one),
                    _why(one, dossier.reader),
                    _load(one),
                )
            )
            for one in dossier.outlook.people
        ]
        pieces.append(
            tables.table(
                (
                    Column("Person", lead=True),
                    Column("This request"),
                    Column("Why"),
                    Column("Reads first"),
                ),
                rows,
                "Who decides on this model",
            )
            if rows
            else note(
                "Nobody holds a role that decides here. A governance admin gives it on Access."
            )
        )
    pieces += [tag("h3", "What happened so far", cls="cs-group"), happened(dossier)]
    show(page.section("Who may decide", number=number, anchor="people"), *pieces)
    take_over(dossier)
    if dossier.request.is_open:
        release_receipt.pack_button(dossier.request)


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
        lambda by: portal().decisions.take_over(request.id, by=by)
    ):
        st.rerun()


def _load(one: Candidate) -> str:
    """What somebody has to read already, and whether they are there."""
    said = words.plural(one.given, "request") if one.given else "nothing else"
    return f"{said}, away" if one.is_away else said


def _panels(dossier: Dossier) -> list[tuple[str, object]]:
    """Each role that must agree; of an emergency also who could review it."""
    if not dossier.request.is_open:
        return [
            (f"Agreement: {one.role}", f"{len(one.agreed)} of {one.needed} agreed")
            for one in dossier.sheet.seats
        ]
    names = {one.person_id: one.name for one in dossier.outlook.people}
    told = quorum.facts(dossier.outlook, lambda one: names.get(one) or dossier.name(one))
    if dossier.request.route is Route.EMERGENCY:
        told.append(("Could review it afterwards", quorum.review_words(dossier.outlook)))
    return told


def standing(one: Candidate) -> Markup:
    """Whether somebody may decide, has agreed already, or decides once it is sent again."""
    if one.has_agreed_as:
        return chips.mark("Done", f"Has agreed as {one.has_agreed_as}")
    if one.verdict:
        return chips.mark("Allowed", "May decide")
    if one.verdict.code == "wrong-state" and one.roles:
        return chips.mark("Waits", "May decide once it is sent again")
    return chips.mark("Refused", "May not decide")


def why_not(one: Candidate, *, is_asked: bool) -> str:
    """What somebody did, or would do, that keeps them from deciding; nothing if it is no deed."""
    asks = "asked for this release" if is_asked else "would ask"
    return {"requester": asks, "author": "built this version"}.get(one.verdict.code, "")


def _why(one: Candidate, reader: Actor) -> str:
    did = why_not(one, is_asked=True)
    if one.verdict and len(one.roles) > 1:
        return f"{one.verdict.reason} Can agree as {words.listing(list(one.roles))}, but once."
    if one.verdict or not did:
        return one.verdict.reason
    return f"You {did}." if one.person_id == reader.id else f"{one.name} {did}."
