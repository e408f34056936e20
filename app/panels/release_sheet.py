"""The reviewer's one screen: what is asked, what it rests on, and who may decide."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Literal

import streamlit as st

from app.panels import discussion, evidence, quorum
from app.panels.links import link
from app.panels.release_assurance import explained, files, findings, groups, watching
from app.panels.release_dossier import Dossier
from app.panels.release_people import people
from app.panels.release_routes import state as state_chips
from app.panels.release_routes import state_words
from app.ui import chips, page, tables, words
from app.ui.feedback import notice
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
from app.ui.tables import Change, Evidence, Gate
from catalog.impact.portfolio import Line
from catalog.lineage.measured import Measured
from catalog.releases.gates.asking import Answer, GateResult
from catalog.releases.request import Decision, ReleaseRequest
from catalog.releases.states import Route, State, Verb

_DIGEST: Final = re.compile(r"(sha256:)?[0-9a-f]{64}")
_MOST_CHANGES: Final = 12
_MOST_NUMBERS: Final = 4
_TOP_FEATURES: Final = 6
_ARROW: Final = " \N{RIGHTWARDS ARROW} "
_VERDICTS: Final[Mapping[Answer, Literal["pass", "fail", "missing"]]] = {
    Answer.PASS: "pass",
    Answer.FAIL: "fail",
    Answer.MISSING: "missing",
}


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
            (Stop("groups", "By group"), groups),
            (Stop("explained", "Explanation"), explained),
            (_files_stop(dossier), files),
            (Stop("watching", "Once live"), watching),
            (_findings_stop(dossier), findings),
            (Stop("people", "Who may decide"), people),
            (Stop("said", "Discussion"), _said),
        ):
            if piece is _changed and dossier.difference is None:
                continue
            if piece is findings and not (dossier.sheet.findings or dossier.sheet.snapshot.flaws):
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
    return f"{asked}: {state_words(request.route, request.state).lower()}"


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
    _since(dossier)


def _since(dossier: Dossier) -> None:
    """What this reader has not seen yet: why it went back, and what is other than it was then."""
    sheet, request = dossier.sheet, dossier.request
    back = [one for one in request.rounds if one.verb is Verb.SEND_BACK]
    since = sheet.since
    if since is not None and since.verb is not Verb.SEND_BACK:
        back = [one for one in back if one.at >= since.at]
    asked = since is not None and since.verb is Verb.REQUEST_CHANGES
    if not request.is_open or not (back or sheet.changes or asked):
        return
    rows = [
        Change(one.name, _short(one.before, dossier), _short(one.after, dossier))
        for one in sheet.changes
    ]
    with page.card("since"):
        show(
            page.section("What changed since", since_words(dossier)),
            *(note(sent_back_words(one)) for one in back),
            tables.difference(rows, "then", "now", "What changed since")
            if rows
            else note("Nothing is different: policy, files, evidence and facts are as they were."),
        )


def since_words(dossier: Dossier) -> str:
    """Since when things are told to have changed, for this reader."""
    since = dossier.sheet.since
    if since is None or since.verb is Verb.SEND_BACK:
        return "since the request was read"
    who = "you" if since.person_id == dossier.reader.id else dossier.name(since.person_id)
    did = "asked for changes" if since.verb is Verb.REQUEST_CHANGES else "agreed"
    return f"since {who} {did}, {words.moment(since.at)}"


def sent_back_words(back: Decision) -> str:
    """When and why a request went back to be read again."""
    return f"Sent back to be read again on {words.moment(back.at)}: {back.reason}"


def _short(value: str, dossier: Dossier) -> str:
    """A digest by its ends, and people by their names."""
    if _DIGEST.fullmatch(value):
        return words.digest(value)
    return ", ".join(dossier.names.get(one, one) for one in value.split(", "))


# -- the numbered sections -------------------------------------------------------------------------


def _asked(dossier: Dossier, number: int) -> None:
    request = dossier.request
    waited = words.ago(request.requested_at, dossier.now)
    stands = state_chips(request.route, request.requested_by, request.state)
    asked = join((stands, tag("span", f"asked {waited}")))
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


def before_after(one: Measured) -> Markup:
    """How far a number moved, and better or worse only where that is no noise."""
    number = one.number
    tone = {"better": "cs-t-pass", "worse": "cs-t-fail"}.get(one.reads, "cs-quiet")
    return join(
        (
            f"{number.before:.4g}{_ARROW}",
            strong(f"{number.after:.4g}"),
            " ",
            tag("span", one.reads, cls=tone, title=one.basis),
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
    evidence.documents(dossier)
    evidence.acts(dossier, by=dossier.reader)


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
        (title, words.listing(list(lines)) if lines else chips.gap("Not written yet"))
        for title, lines in said.items()
    ]
    if card is None:
        facts.append(("Model card", chips.gap("Nobody has written one")))
    show(
        page.section("What it is for", number=number, anchor="use"),
        paragraph(model.description.strip() or "MLflow has no description of this model."),
        tables.facts(facts),
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


def _said(dossier: Dossier, number: int) -> None:
    """Questions and answers about the request; whoever is mentioned is told."""
    show(page.section("Discussion", number=number, anchor="said"))
    discussion.about(dossier.model, dossier.request.number, by=dossier.reader)


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
