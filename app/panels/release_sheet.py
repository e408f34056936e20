"""The reviewer's one screen: what is asked, what it rests on, and who may decide."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import streamlit as st

from app.compared import judged
from app.panels.findings import table_of
from app.panels.links import link
from app.portal import Portal
from app.ui import chips, page, tables, words
from app.ui.feedback import notice, problem
from app.ui.markup import (
    Markup,
    join,
    mono,
    note,
    paragraph,
    quote,
    sentence,
    show,
    strong,
    tag,
    text,
)
from app.ui.page import Stop
from app.ui.tables import Change, Column, Evidence, Gate, Row
from auth.actors import Actor
from catalog.assurance.explanations import Explanation, ExplanationState
from catalog.impact.portfolio import Line
from catalog.lineage.difference import Difference, Number, difference
from catalog.lineage.measured import Measured
from catalog.registry.models import Model, Version
from catalog.releases.agreement import Seats
from catalog.releases.docket import Candidate, Step
from catalog.releases.gates.asking import Answer, GateResult
from catalog.releases.request import ReleaseRequest
from catalog.releases.sheet import Sheet
from catalog.releases.states import Route, State, Verb
from ledger.errors import CountersignError, NotFound

_MOST_CHANGES: Final = 12
_MOST_NUMBERS: Final = 4
_TOP_FEATURES: Final = 6
_ARROW: Final = " \N{RIGHTWARDS ARROW} "
_VERDICTS: Final[Mapping[Answer, Literal["pass", "fail", "missing"]]] = {
    Answer.PASS: "pass",
    Answer.FAIL: "fail",
    Answer.MISSING: "missing",
}
DID: Final[Mapping[Verb, str]] = {
    Verb.APPROVE: "Approved",
    Verb.APPROVE_WITH_CONDITIONS: "Approved with conditions",
    Verb.REVOKE: "Revoked",
    Verb.REJECT: "Rejected",
    Verb.REQUEST_CHANGES: "Asked for changes",
    Verb.WITHDRAW: "Withdrew",
    Verb.EXPIRE: "Closed",
}


@dataclass(frozen=True)
class Dossier:
    """Everything the screen shows of one request."""

    sheet: Sheet
    model: Model
    version: Version | None
    replaced: Version | None
    difference: Difference | None
    judged: tuple[Measured, ...]
    unread: frozenset[str]
    affected: Line | None
    explanation: Explanation | None
    candidates: tuple[Candidate, ...]
    history: tuple[Step, ...]
    files_now: str
    names: Mapping[str, str]
    reader: Actor
    now: datetime

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
    live = versions.get(request.replaces) if request.replaces else None
    rules = sheet.policy.metrics.get(sheet.snapshot.task, [])
    better = {name: rule.better for rule in rules for name in rule.names}
    apart = difference(live, mine, runs, better) if mine and live else None
    known = portal.profiles.of({live.id, mine.id}, by=by) if mine and live else {}
    lines = portal.impact.portfolio(by=by, model_id=model.id).lines
    around = portal.docket.around(request.id, by=by, built_by=request.authors)
    people = {request.requested_by, model.owner_id, *request.authors}
    people |= {one.person_id for one in request.decisions}
    people |= {one.person_id for one in around.history}
    people |= {one.owner_id for one in sheet.findings}
    people |= {application for line in lines for application, _ in line.applications}
    return Dossier(
        sheet=sheet,
        model=model,
        version=mine,
        replaced=live,
        difference=apart,
        judged=judged(_shown_first(apart, better), (live, mine), runs, known)
        if apart and mine and live
        else (),
        unread=frozenset({live.id, mine.id} - known.keys()) if mine and live else frozenset(),
        affected=lines[0] if lines else None,
        explanation=_explanation(portal, request.version_id, by),
        candidates=around.candidates,
        history=around.history,
        files_now=around.files_now,
        names=portal.people.names(people),
        reader=by,
        now=portal.clock.now(),
    )


def _explanation(portal: Portal, version_id: str, by: Actor) -> Explanation | None:
    try:
        return portal.explanations.of(version_id, by=by)
    except NotFound:
        return None


def draw(dossier: Dossier, *, first: Callable[[Dossier], None]) -> None:
    """The whole sheet but for the bar at its foot; `first` draws what came of the request."""
    request = dossier.request
    main, side = st.columns([0.83, 0.17], gap="medium")
    with main:
        page.head(("Releases", f"{request.number} · {dossier.model.name}"), title_of(request))
        _warnings(dossier)
        first(dossier)
        number = 0
        stops = []
        for stop, piece in (
            (Stop("asked", "Decision asked"), _asked),
            (_gates_stop(dossier.sheet.gates), _gates),
            (Stop("use", "Use"), _use),
            (Stop("changed", "What changed"), _changed),
            (Stop("explained", "Explanation"), _explained),
            (_files_stop(dossier), _files),
            (_findings_stop(dossier), _findings),
            (Stop("people", "Who may decide"), _people),
        ):
            if piece is _changed and dossier.difference is None:
                continue
            if piece is _findings and not (dossier.sheet.findings or dossier.sheet.snapshot.flaws):
                continue
            number += 1
            stops.append(stop)
            with page.card(stop.anchor):
                piece(dossier, number)
    with side:
        show(page.rail(stops))


def title_of(request: ReleaseRequest) -> str:
    """The question while it is open, then the answer."""
    version = f"{request.model_name} v{request.version_number}"
    asked = (
        f"Make {version} the champion"
        if request.alias == "champion"
        else f"Point @{request.alias} at {version}"
    )
    if request.is_open:
        return f"{asked}?"
    return f"{asked}: {request.state.lower()}"


# -- before the numbered sections ------------------------------------------------------------------


def _warnings(dossier: Dossier) -> None:
    request = dossier.request
    if request.route is Route.EMERGENCY:
        notice(
            "This is an emergency: one person decides, and gates do not hold it up.",
            "Somebody who had no part in it reviews it afterwards, or the approval lapses.",
        )
    if request.problem and request.is_open:
        notice(f"Sent back to be read again: {request.problem}", "Read what is below anew.")
    if dossier.sheet.changed_since:
        notice(
            "The evidence changed since this request was read.",
            "What is below is what the request is bound to. An approval would send it back to be "
            "read again.",
        )


# -- the numbered sections -------------------------------------------------------------------------


def _asked(dossier: Dossier, number: int) -> None:
    request = dossier.request
    waited = words.ago(request.requested_at, dossier.now)
    asked = join((chips.status(request.state), tag("span", f"asked {waited}")))
    instead = (
        f"in place of v{request.replaces}" if request.replaces else "where nothing is live yet"
    )
    move = sentence(
        strong(f"v{request.version_number}"), "becomes", chips.alias(request.alias), instead
    )
    facts: list[tuple[str, object]] = [*_key_numbers(dossier)]
    facts.append(("Who is affected", affected_words(dossier.affected)))
    by = f"{dossier.name(request.requested_by)}, {words.moment(request.requested_at)}"
    show(
        page.section("The decision asked", asked, number=number, anchor="asked"),
        page.columns(join((move, tables.facts(facts))), quote(request.reason, by)),
    )


def affected_words(line: Line | None) -> str:
    """How many applications call the model, and how often."""
    if line is None or not line.calls:
        return "No application has reported calls in the last 30 days"
    applications = words.plural(len(line.applications), "application")
    return f"{applications}, {words.thousands(line.calls / 30)} calls a day (last 30 days)"


def _key_numbers(dossier: Dossier) -> list[tuple[str, Markup]]:
    sheet = dossier.sheet
    rules = sheet.policy.metrics.get(sheet.snapshot.task, [])
    labels = {name: rule.label for rule in rules for name in rule.names}
    if dossier.difference is None:
        mine = dossier.version.metrics if dossier.version else ()
        return [
            (labels.get(one.name, one.name), text(f"{one.value:.4g} on {one.dataset}"))
            for one in mine
            if one.dataset_digest
        ][:_MOST_NUMBERS]
    return [
        (labels.get(one.number.name, one.number.name), before_after(one)) for one in dossier.judged
    ]


def _shown_first(apart: Difference, deciding: Collection[str]) -> list[Number]:
    """The few numbers that the screen begins with: on the same rows, what decides first."""
    compared = [one for one in apart.numbers if one.delta is not None]
    compared.sort(key=lambda one: one.name not in deciding)
    return compared[:_MOST_NUMBERS]


def before_after(one: Measured) -> Markup:
    """How far a number moved, and better or worse only where that is no noise."""
    number = one.number
    tone = {"better": "cs-t-pass", "worse": "cs-t-fail"}.get(one.reads, "cs-quiet")
    return join(
        (
            f"{number.before:.4g}{_ARROW}",
            strong(f"{number.after:.4g}"),
            " ",
            tag("span", one.reads, cls=tone),
            tag("span", f" on {number.dataset}", cls="cs-quiet"),
        )
    )


def _gates(dossier: Dossier, number: int) -> None:
    sheet = dossier.sheet
    policy = f"policy {sheet.policy.name} v{sheet.policy.version}"
    bound = (
        f"{sheet.policy.title}, version {sheet.policy.version}, digest "
        f"{words.digest(dossier.request.policy_digest)}; evidence as of digest "
        f"{words.digest(dossier.request.snapshot_digest)}. Asked again with the same two, the "
        "gates give the same answers."
        if dossier.request.policy_digest
        else f"{sheet.policy.title}, version {sheet.policy.version}."
    )
    show(
        page.section(
            "Gates", join((*verdict_chips(sheet.gates), policy)), number=number, anchor="gates"
        ),
        tables.gate_table(gate_row(gate, dossier.now) for gate in sheet.gates),
        note(bound),
    )


def verdict_chips(gates: tuple[GateResult, ...]) -> list[Markup]:
    """How many gates give each answer, the good ones first."""
    counted = {answer: sum(gate.answer is answer for gate in gates) for answer in Answer}
    return [chips.count(count, answer.value) for answer, count in counted.items() if count]


def gate_row(gate: GateResult, now: datetime) -> Gate:
    """A gate's answer as a row: what stands in the way is said in its own words."""
    at = datetime.fromisoformat(gate.at) if gate.at else None
    rules: list[tuple[str, object]] = [("Asks", gate.asks), ("Answer", gate.reason)]
    if gate.digest:
        rules.append(("Digest", mono(gate.digest)))
    if at:
        rules.append(("Measured", words.moment(at)))
    return Gate(
        gate.title,
        gate.asks if gate.answer is Answer.PASS else gate.reason,
        _VERDICTS[gate.answer],
        gate.required,
        gate.observed,
        Evidence(gate.evidence, words.digest(gate.digest) if gate.digest else "", rules)
        if gate.evidence
        else None,
        instead="Nothing on record",
        produced_by=gate.produced_by,
        verified=gate.is_verified,
        age=words.age(at, now) if at else "",
    )


def _use(dossier: Dossier, number: int) -> None:
    model, version = dossier.model, dossier.version
    facts = [
        ("Owner", dossier.name(model.owner_id) if model.owner_id else "Nobody is named"),
        ("Domain", model.domain or "Not said"),
        ("Predicts", model.task or "Not said"),
    ]
    new = version.description.strip() if version else ""
    show(
        page.section("What it is for", number=number, anchor="use"),
        paragraph(model.description.strip() or "MLflow has no description of this model."),
        tables.facts(
            [
                *facts,
                (
                    f"New in v{dossier.request.version_number}",
                    new or "The version has no description.",
                ),
            ]
        ),
    )


def _changed(dossier: Dossier, number: int) -> None:
    apart, request = dossier.difference, dossier.request
    if apart is None:
        return
    before, after = f"v{request.replaces}", f"v{request.version_number}"
    changes = [
        Change(f"{kind}: {one.name}", one.before, one.after)
        for kind, group in (
            ("Parameter", apart.parameters),
            ("Data", apart.data),
            ("Column", apart.signature),
        )
        for one in group
        if not one.is_same
    ]
    if changes:
        body = tables.difference(
            changes[:_MOST_CHANGES], before, after, "What changed against the live version"
        )
    else:
        body = note("Parameters, data and signature are identical.")
    more = len(changes) - _MOST_CHANGES
    show(
        page.section(
            "What changed",
            f"{words.plural(len(changes), 'difference')} from {before} to {after}",
            number=number,
            anchor="changed",
        ),
        body,
        note(f"{words.plural(more, 'more difference')} on the Compare page.") if more > 0 else "",
    )
    link(
        f"Compare {before} with {after}",
        "compare",
        model=dossier.model,
        left=request.replaces,
        right=request.version_number,
    )


def _explained(dossier: Dossier, number: int) -> None:
    request, explanation = dossier.request, dossier.explanation
    result = explanation.result if explanation else None
    if explanation is not None and result is not None and explanation.finished_at:
        top = sorted(zip(result.importance, result.features, strict=True), reverse=True)
        scale = top[0][0] or 1.0
        rows = [(name, _bar(value / scale), f"{value:.3g}") for value, name in top[:_TOP_FEATURES]]
        body = join(
            (
                tables.table(
                    (
                        Column("Feature", lead=True),
                        Column("How much it moves the output"),
                        Column(f"Mean contribution, {result.space}", "right"),
                    ),
                    rows,
                    "What drives the version most",
                ),
                note(
                    f"{result.explainer}, {words.thousands(result.rows_explained)} rows of the "
                    f"{explanation.sample}, {words.moment(explanation.finished_at)}. A "
                    "contribution says what the model used, not what causes the outcome, and "
                    "does not show that it treats people fairly."
                ),
            )
        )
    else:
        body = note(_not_explained(explanation, request.version_number))
    show(page.section("What drives it", number=number, anchor="explained"), body)
    link(
        f"Explain v{request.version_number}",
        "explain",
        model=dossier.model,
        version=request.version_number,
    )


def _bar(share: float) -> Markup:
    filled = tag("i", style=f"width:{max(share, 0.02) * 100:.0f}%")
    return tag("span", filled, cls="cs-progress", aria_hidden="true")


def _not_explained(explanation: Explanation | None, version: int) -> str:
    if explanation is None:
        return f"Nobody has asked for an explanation of v{version} yet. Ask for it on Explain."
    if explanation.state is ExplanationState.FAILED:
        return f"v{version} could not be explained: {explanation.problem}"
    return "The explanation is being computed; it is ready within a few minutes."


def _files(dossier: Dossier, number: int) -> None:
    sheet, request = dossier.sheet, dossier.request
    snapshot = sheet.snapshot
    if not request.manifest_digest:
        show(
            page.section(
                "Files", chips.status("Missing", "Not read yet"), number=number, anchor="files"
            ),
            note("The worker reads every file of the version and records its SHA-256."),
        )
        return
    same = dossier.files_now == request.manifest_digest
    facts: list[tuple[str, object]] = [
        ("Files", f"{words.plural(snapshot.manifest_files, 'file')}, SHA-256 of each on record"),
        ("Digest over all", mono(request.manifest_digest)),
    ]
    if snapshot.manifest_at:
        read = datetime.fromisoformat(snapshot.manifest_at)
        facts.append(("Read by Countersign", words.moment(read)))
    facts.append(
        (
            "Last reading",
            chips.mark("Pass", "The same files")
            if same
            else chips.mark("Fail", f"Other files: {words.digest(dossier.files_now)}"),
        )
    )
    explained = dossier.explanation.artifacts_digest if dossier.explanation else ""
    if explained:
        facts.append(
            (
                "Explanation",
                chips.mark("Pass", "Computed on the same files")
                if explained == request.manifest_digest
                else chips.mark("Fail", "Computed on other files"),
            )
        )
    show(
        page.section(
            "Files",
            chips.status("Verified") if same else chips.status("Fail", "Changed"),
            number=number,
            anchor="files",
        ),
        tables.facts(facts),
        note("The files are read once more before the alias is moved; a changed byte stops it."),
    )


def _findings(dossier: Dossier, number: int) -> None:
    found, today = dossier.sheet.findings, dossier.now.date()
    others = [one.number for one in dossier.sheet.snapshot.flaws]
    standing = sum(one.stands for one in found)
    show(
        page.section(
            "Findings",
            f"{standing} to be put right" if found else "",
            number=number,
            anchor="findings",
        ),
        table_of(found, dossier.names, today) if found else "",
        note(f"Open on this version or its model when the request was read: {', '.join(others)}.")
        if others
        else "",
    )
    for one in found:
        link(f"{one.number}: {one.title[:80]}", "findings", id=one.number)


def _people(dossier: Dossier, number: int) -> None:
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


# -- the rail --------------------------------------------------------------------------------------


def _gates_stop(gates: tuple[GateResult, ...]) -> Stop:
    failing = sum(gate.answer is Answer.FAIL for gate in gates)
    missing = sum(gate.answer is Answer.MISSING for gate in gates)
    if failing:
        return Stop("gates", "Gates", f"{failing} fail", "Fail")
    if missing:
        return Stop("gates", "Gates", f"{missing} missing", "Missing")
    return Stop("gates", "Gates")


def _findings_stop(dossier: Dossier) -> Stop:
    late = sum(one.is_overdue(dossier.now.date()) for one in dossier.sheet.findings)
    return Stop("findings", "Findings", f"{late} overdue" if late else "", "Fail" if late else "")


def _files_stop(dossier: Dossier) -> Stop:
    changed = dossier.request.manifest_digest not in {"", dossier.files_now}
    return Stop("files", "Files", "changed" if changed else "", "Fail" if changed else "")


def is_waiting_for_worker(request: ReleaseRequest) -> bool:
    """Whether the worker, not a person, has the next step."""
    promotion = request.promotion
    return request.state is State.PENDING_REVIEW or (
        promotion is not None and promotion.finished_at is None
    )
