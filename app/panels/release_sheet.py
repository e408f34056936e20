"""The reviewer's one screen: what is asked, what it rests on, and who may decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

import streamlit as st

from app.panels import discussion, evidence, quorum
from app.panels.release_asked import asked
from app.panels.release_assurance import does, files, findings, watching
from app.panels.release_dossier import Dossier
from app.panels.release_people import people
from app.panels.release_provenance import provenance
from app.panels.release_routes import state_words
from app.panels.release_since import since
from app.ui import chips, page, tables, words
from app.ui.feedback import notice
from app.ui.markup import (
    Markup,
    join,
    mono,
    note,
    paragraph,
    show,
    tag,
)
from app.ui.page import Stop
from app.ui.tables import Evidence, Gate
from catalog.releases.gates.asking import Answer, GateResult
from catalog.releases.requests.request import ReleaseRequest
from catalog.releases.states import Route, State

_VERDICTS: Final[Mapping[Answer, Literal["pass", "fail", "missing"]]] = {
    Answer.PASS: "pass",
    Answer.FAIL: "fail",
    Answer.MISSING: "missing",
}
# What is only asked of a version that is to go live.
_OF_GOING_LIVE: Final = frozenset({provenance, does, files, watching})


def draw(dossier: Dossier, *, first: Callable[[Dossier], None]) -> None:
    """The whole sheet but for the bar at its foot; `first` draws what came of the request."""
    request = dossier.request
    main, side = st.columns([0.83, 0.17], gap="medium")
    with main:
        page.head(("Releases", f"{request.number} · {dossier.model.name}"), title_of(request))
        _warnings(dossier)
        first(dossier)
        since(dossier)
        # Numbers stay what they are: a section with nothing in it says so.
        sections: tuple[tuple[Stop, Callable[[Dossier, int], None]], ...] = (
            (Stop("asked", "Decision asked"), asked),
            (_gates_stop(dossier.sheet.gates), _gates),
            (Stop("use", "Use"), _use),
            (Stop("changed", "Where from"), provenance),
            (Stop("does", "How it does"), does),
            (_files_stop(dossier), files),
            (Stop("watching", "Once live"), watching),
            (_findings_stop(dossier), findings),
            (Stop("people", "Who may decide"), people),
        )
        if request.route is Route.RETIREMENT:
            sections = tuple(one for one in sections if one[1] not in _OF_GOING_LIVE)
        for number, (stop, piece) in enumerate(sections, 1):
            with page.card(stop.anchor):
                piece(dossier, number)
        said = Stop("said", "Discussion")
        with page.card(said.anchor):
            _said(dossier)
    stops = [*(stop for stop, _piece in sections), said]
    with side:
        show(page.rail(stops))


def title_of(request: ReleaseRequest) -> str:
    """The question while it is open, then the answer."""
    version = f"{request.model_name} v{request.version_number}"
    if request.route is Route.RETIREMENT:
        move = f"Take @{request.alias} away from {version}"
    elif request.alias == "champion":
        move = f"Make {version} the champion"
    else:
        move = f"Point @{request.alias} at {version}"
    if request.is_open:
        return f"{move}?"
    return f"{move}: {state_words(request.route, request.state).lower()}"


# -- before the numbered sections ------------------------------------------------------------------


def _warnings(dossier: Dossier) -> None:
    request = dossier.request
    if request.route is Route.EMERGENCY:
        notice(
            "This is an emergency: one person decides, and gates do not hold it up.",
            "Somebody who had no part in it reviews it afterwards, or the approval lapses.",
        )
    if request.is_open:
        quorum.warnings(dossier.outlook, request.route)
    if request.problem and request.is_open:
        notice("It cannot be read, so it cannot be approved.", request.problem)
    if dossier.sheet.changed_since and request.state is State.IN_REVIEW:
        notice(
            "Something changed since this request was read.",
            "It is being read again, which takes seconds; what was agreed to before does not "
            "count then.",
        )


# -- the numbered sections -------------------------------------------------------------------------


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
    evidence.documents(dossier)
    evidence.acts(dossier, by=dossier.reader)


def verdict_chips(gates: tuple[GateResult, ...]) -> list[Markup]:
    """How many gates give each answer, the good ones first."""
    counted = {answer: sum(gate.answer is answer for gate in gates) for answer in Answer}
    return [chips.count(count, answer.value) for answer, count in counted.items() if count]


def gate_row(gate: GateResult, now: datetime) -> Gate:
    """A gate's answer as a row: what stands in the way is said in its own words."""
    is_known = gate.answer is not Answer.MISSING or bool(gate.digest)
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
        if gate.evidence and is_known
        else None,
        instead="Nothing on record",
        produced_by=gate.produced_by if is_known else "",
        verified=gate.is_verified if is_known else None,
        age=words.age(at, now) if at else "",
    )


def _use(dossier: Dossier, number: int) -> None:
    model, version, card = dossier.model, dossier.version, dossier.card
    tier = f"Tier {model.tier}" if model.tier else chips.gap("No tier was named")
    new = version.description.strip() if version else ""
    facts: list[tuple[str, object]] = [
        ("Owner", dossier.name(model.owner_id) if model.owner_id else "Nobody is named"),
        ("Domain", model.domain or "Not said"),
        ("Predicts", model.task or "Not said"),
        ("Model tier", tier),
        (
            "Regulatory class",
            model.regulatory_class or chips.gap("No class was named"),
        ),
        (f"New in v{dossier.request.version_number}", new or "The version has no description."),
    ]
    said = dict(
        (("Meant for", card.body.use_cases), ("Not meant for", card.body.out_of_scope))
        if card
        else ()
    )
    facts += [
        (title, _lines(lines) if lines else chips.gap("Not written yet"))
        for title, lines in said.items()
    ]
    if card is None:
        facts.append(("Model card", chips.gap("Nobody has written one")))
    show(
        page.section("What it is for", number=number, anchor="use"),
        paragraph(model.description.strip() or "MLflow has no description of this model."),
        tables.facts(facts),
    )


def _said(dossier: Dossier) -> None:
    """Questions and answers about the request; whoever is mentioned is told."""
    show(page.section("Discussion", anchor="said"))
    discussion.about(dossier.model, dossier.request.number, by=dossier.reader)


def _lines(said: Sequence[str]) -> Markup:
    """Whole sentences under each other."""
    return join(tag("span", one, cls="cs-main") for one in said)


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
