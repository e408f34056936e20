"""The champion of a model: what is live and why, and what would come next."""

from __future__ import annotations

from typing import Final

from app.panels import assurance, model_findings
from app.panels.links import link
from app.panels.release_people import why_not
from app.panels.release_routes import mark
from app.panels.shown import CHAMPION, Shown
from app.session import portal
from app.ui import chips, page, tables, words
from app.ui.markup import Markup, join, mono, note, paragraph, quote, show, strong
from auth.actors import Actor
from catalog.registry.models import Version
from catalog.releases.decisions.briefs import Brief
from catalog.releases.gates.asking import Answer, GateResult
from catalog.releases.states import PromotionState, Route

_ANSWERS: Final = {Answer.PASS: "Pass", Answer.FAIL: "Fail", Answer.MISSING: "Missing"}


def live(shown: Shown, subject: Version) -> None:
    """Which version is live, who asked for it and who approved it, with their reasons."""
    alias, approval = shown.model.alias(CHAMPION), shown.approval(subject)
    if alias is None:
        show(
            page.section("Live now"),
            paragraph(
                f"Nothing is live. The newest version is v{subject.number}, registered "
                f"{words.moment(subject.created_at)}."
            ),
        )
        return
    way = mark(approval.route, approval.requested_by) if approval else ""
    held = model_findings.alias(shown, CHAMPION, alias.number)
    title = page.section("Live now", join((way, " ", held, f" since {words.moment(alias.since)}")))
    if approval is None:
        show(
            title,
            chips.status("Unknown", "Not approved in Countersign"),
            note("The alias was set in MLflow itself, so nobody here asked for it or approved it."),
        )
        return
    show(
        title,
        *_reasons(shown, approval),
        note(
            join(
                (
                    _moved(approval),
                    " The files approved: ",
                    mono(words.digest(approval.manifest_digest)),
                    ", verified." if approval.manifest_digest else "",
                )
            )
        ),
    )
    link(f"Open {approval.number}", "release", icon=":material/approval:", id=approval.id)


def _reasons(shown: Shown, approval: Brief) -> list[Markup]:
    """Why it was asked for and why approved; who put back what was live before says it once."""
    decided = quote(
        approval.decided_why,
        f"{shown.name(approval.decided_by)}, "
        f"{words.moment(approval.decided_at or approval.changed_at)}",
    )
    if approval.route is Route.ROLLBACK and approval.decided_why == approval.reason:
        return [note(strong("Why it was put back")), decided]
    asked = f"{shown.name(approval.requested_by)}, {words.moment(approval.requested_at)}"
    return [
        note(strong("Why it was asked for")),
        quote(approval.reason, asked),
        note(strong("Why it was approved")),
        decided,
    ]


def _moved(approval: Brief) -> str:
    if approval.promotion is PromotionState.APPLIED and approval.promoted_at:
        return f"Countersign moved the alias in MLflow {words.moment(approval.promoted_at)}."
    if approval.promotion is PromotionState.QUEUED:
        return "The alias is on its way into MLflow."
    return "The alias was not moved by Countersign."


def coming(shown: Shown, *, by: Actor) -> None:
    """Who may promote the newest version, and what stands in the way."""
    version = shown.next
    if version is None:
        show(
            page.section("Who may promote it, and what stands in the way"),
            paragraph(
                "The newest version is live. A new version appears here when it is registered."
            ),
        )
        return
    asked, here = shown.open_request(version), portal()
    if asked is not None:
        gates = asked.answers
        outlook = here.deciders.of(asked.id, by=by, built_by=shown.authors.get(version.id))
        asker = shown.name(asked.requested_by)
        how = f"{asked.number}, {asked.state.value.lower()}, asked by {asker}"
    else:
        preview = here.requests.preview(version.id, CHAMPION, by=by)
        gates, law = preview.gates, preview.policy
        outlook = here.deciders.if_asked(version.id, CHAMPION, by=by)
        how = "Not asked for yet"
    people = outlook.people
    may = outlook.able()
    agreed = [f"{one.name} as {one.has_agreed_as}" for one in people if one.has_agreed_as]
    may_not = [
        f"{one.name} {did}"
        if (did := why_not(one, is_asked=asked is not None))
        else f"{one.name}: {one.verdict.reason}"
        for one in people
        if not one.verdict
    ]
    show(
        page.section(
            "Who may promote it, and what stands in the way", f"v{version.number} to @{CHAMPION}"
        ),
        tables.facts(
            [
                ("Stands at", how),
                (
                    "May decide",
                    words.listing(may) or chips.gap("nobody yet: an approver is needed"),
                ),
                *([("Agreed", words.listing(agreed))] if agreed else []),
                *(
                    [("Too few", chips.gap(f"{outlook.decidable.reason} {outlook.decidable.hint}"))]
                    if not outlook.decidable
                    else []
                ),
                *([("May not", "; ".join(may_not))] if may_not else []),
            ]
        ),
        tables.facts([(gate.title, _gate(gate)) for gate in gates]),
        note(
            (f"Policy {law.name} v{law.version}, asked now." if law else preview.may_request.reason)
            if asked is None
            else "As bound to the request; it is asked again before the alias is moved."
        ),
    )
    if asked is not None:
        link(f"Open {asked.number}", "release", icon=":material/approval:", id=asked.id)


def _gate(gate: GateResult) -> Markup:
    if gate.answer is Answer.MISSING:  # nobody reported what is not there
        return join((chips.mark(_ANSWERS[gate.answer]), " ", gate.reason))
    assured = assurance.EVIDENCE if gate.is_verified else assurance.REPORTED_EVIDENCE
    return join((chips.mark(_ANSWERS[gate.answer]), " ", gate.reason, " ", assured.short))
