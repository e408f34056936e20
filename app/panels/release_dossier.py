"""Everything the reviewer's screen shows of one request, gathered by the reader's rights."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.compared import judged
from app.portal import Portal
from app.ui import page
from app.ui.feedback import problem
from auth.actors import Actor
from catalog.assurance.explanations import Explanation
from catalog.dossiers.receipt import Receipt
from catalog.impact.portfolio import Line
from catalog.lineage.difference import Difference, Number, difference
from catalog.lineage.measured import Measured
from catalog.registry.cards.cards import Card
from catalog.registry.models import Model, Run, Version
from catalog.releases.decisions.deciders import Outlook
from catalog.releases.decisions.docket import Step
from catalog.releases.evidence.attaching import Attached
from catalog.releases.requests.request import ReleaseRequest
from catalog.releases.requests.sheet import Sheet
from catalog.releases.states import Route
from ledger.errors import CountersignError, NotFound

_MOST_NUMBERS: Final = 4


@dataclass(frozen=True)
class Dossier:
    """Everything the screen shows of one request."""

    sheet: Sheet
    model: Model
    version: Version | None
    run: Run | None
    replaced: Version | None
    difference: Difference | None
    judged: tuple[Measured, ...]
    unread: frozenset[str]
    affected: Line | None
    card: Card | None
    explanation: Explanation | None
    documents: tuple[Attached, ...]
    outlook: Outlook
    history: tuple[Step, ...]
    files_now: str
    names: Mapping[str, str]
    reader: Actor
    now: datetime
    receipt: Receipt | None = None
    successor: str = ""  # of a version that is to be taken away, in words

    @property
    def request(self) -> ReleaseRequest:
        """The request itself."""
        return self.sheet.request

    def name(self, person_id: str) -> str:
        """The name behind an id."""
        return self.names.get(person_id, "Somebody unknown")


def read(portal: Portal, request_id: str, *, by: Actor) -> Dossier | None:
    """What the screen needs, or the reason in its place when there is no such request."""
    try:
        found = gather(portal, request_id, by=by)
    except NotFound as error:
        page.head("Releases", "Which request?")
        problem(error)
        return None
    _ask_for_rows(portal, found, by=by)
    return found


def _ask_for_rows(portal: Portal, dossier: Dossier, *, by: Actor) -> None:
    """Who opens the screen first has the rows of both versions read, as on Compare."""
    if not dossier.unread or not portal.profiles.may_request(dossier.model, by=by):
        return
    # Somebody else asked at the same moment, or a version is gone by now.
    with suppress(CountersignError):
        portal.profiles.request(dossier.unread, by=by)


def gather(portal: Portal, request_id: str, *, by: Actor) -> Dossier:
    """Read what the screen needs. Raises NotFound."""
    sheet = portal.requests.sheet(request_id, by=by)
    request = sheet.request
    model = portal.models.get(request.model_id, by=by)
    asked = {number for number in (request.version_number, request.replaces) if number}
    versions, runs = portal.models.some(model, asked)
    mine = versions.get(request.version_number)
    if mine and mine.id != request.version_id:  # the number belongs to a model made again
        mine = None
    # What is to be taken away takes nobody's place.
    is_retirement = request.route is Route.RETIREMENT
    live = versions.get(request.replaces) if request.replaces and not is_retirement else None
    rules = sheet.policy.metrics.get(sheet.snapshot.task, [])
    better = {name: rule.better for rule in rules for name in rule.names}
    apart = difference(live, mine, runs, better) if mine and live else None
    known = portal.profiles.of({live.id, mine.id}, by=by) if mine and live else {}
    lines = portal.impact.portfolio(by=by, model_id=model.id).lines
    around = portal.docket.around(request.id, by=by, built_by=request.authors)
    people = {request.requested_by, model.owner_id, *request.authors}
    people |= {one.person_id for one in (*request.decisions, *request.rounds)}
    people |= {one.person_id for one in around.history}
    people |= {request.reviewer_id, *(one.owner_id for one in sheet.findings)}
    people |= {application for line in lines for application, _ in line.applications}
    return Dossier(
        sheet=sheet,
        model=model,
        version=mine,
        run=runs.get(mine.run_id) if mine else None,
        replaced=live,
        difference=apart,
        judged=judged(shown_first(apart, better), (live, mine), runs, known)
        if apart and mine and live
        else (),
        unread=frozenset({live.id, mine.id} - known.keys()) if mine and live else frozenset(),
        affected=lines[0] if lines else None,
        card=portal.cards.of(model) if sheet.snapshot.card_digest else None,
        explanation=_explanation(portal, request.version_id, by),
        documents=_documents(portal, sheet, by),
        outlook=around.outlook,
        history=around.history,
        files_now=around.files_now,
        names=portal.people.names(people),
        reader=by,
        now=portal.clock.now(),
        receipt=portal.dossiers.receipt(request, by=by),
        successor=_successor(portal, sheet, by),
    )


def _successor(portal: Portal, sheet: Sheet, by: Actor) -> str:
    """What was named to come instead, as far as the reader may know of it."""
    leaving, version_id = sheet.snapshot.leaving, sheet.request.version_id
    if leaving is None or not leaving.successor_id:
        return ""
    said = portal.deprecations.among([version_id], by=by).get(version_id)
    following = said.successor if said else None
    return f"{following.model_name} v{following.number}" if following else ""


def _explanation(portal: Portal, version_id: str, by: Actor) -> Explanation | None:
    try:
        return portal.explanations.of(version_id, by=by)
    except NotFound:
        return None


def _documents(portal: Portal, sheet: Sheet, by: Actor) -> tuple[Attached, ...]:
    """The documents of the version that count, and those that the request is bound to."""
    bound = {one.digest for one in sheet.snapshot.pieces}
    return tuple(
        one
        for one in portal.evidence.of(sheet.request.version_id, by=by)
        if one.has_document and (one.withdrawn_at is None or one.digest in bound)
    )


def shown_first(apart: Difference, deciding: Collection[str]) -> list[Number]:
    """The few numbers that the screen begins with: on the same rows, what decides first."""
    compared = [one for one in apart.numbers if one.delta is not None]
    compared.sort(key=lambda one: one.name not in deciding)
    return compared[:_MOST_NUMBERS]
