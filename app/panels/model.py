"""The Model screen: its head, the overview that answers most questions, and its tabs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

import streamlit as st

from app.compared import reads
from app.panels import (
    alias_history,
    assurance,
    card,
    classification,
    consumers,
    deprecation,
    discussion,
    health,
    loading,
    locked,
    releases_of,
    rollback,
    sources,
    versions,
    watching,
    ways,
)
from app.panels.links import link
from app.panels.release_people import why_not
from app.panels.shown import CHAMPION, Shown
from app.session import portal
from app.ui import chips, feedback, page, tables, timeline, words
from app.ui.markup import Markup, join, mono, note, paragraph, quote, show, strong, tag, text
from app.ui.timeline import Point
from auth.access import decide
from auth.actors import Actor
from catalog.impact.calls import WINDOW_DAYS
from catalog.impact.portfolio import Line
from catalog.lineage.difference import Difference, difference
from catalog.registry.models import Version
from catalog.releases.docket import Brief
from catalog.releases.gates.asking import Answer, GateResult
from catalog.releases.states import STANDING, PromotionState, State

_MOST_POINTS: Final = 7
_MOST_CHANGES: Final = 5
_MOST_DRIVERS: Final = 5
_ANSWERS: Final = {Answer.PASS: "Pass", Answer.FAIL: "Fail", Answer.MISSING: "Missing"}


def head(shown: Shown, *, by: Actor) -> None:
    """Its name, domain, aliases, health and what it does; the way to ask for a release."""
    model = shown.model
    marks = [chips.alias(one.name, one.number) for one in model.aliases]
    if shown.line is not None:
        marks.append(health.chip(shown.line))
    marks += [*classification.facts_of(model), *locked.mark(model)]
    page.head(
        tuple(one for one in (model.domain or "No domain yet", ways.place(model), "Model") if one),
        model.name,
        model.description or "Nobody has described this model in MLflow yet.",
        chips=marks,
        actions=lambda: _actions(shown, by=by),
    )
    if shown.champion is not None:
        deprecation.notice(shown.deprecations.get(shown.champion.id), shown)


def _actions(shown: Shown, *, by: Actor) -> None:
    model, candidate = shown.model, shown.next or shown.subject
    may = decide(by, "release:request", model.resource)
    if (
        may
        and candidate is not None
        and st.button("Request release", type="primary", icon=":material/approval:", key="ask")
    ):
        query = ways.of(model, version=str(candidate.number), alias=CHAMPION)
        st.switch_page(ways.to("request"), query_params=query)
    more = {"Compare versions": "compare", "Explain": "explain", "Lineage": "lineage"}
    watch = watching.offer(model, by=by)
    choices = [watch, *more, *(["Classify"] if portal().models.may_classify(by=by) else [])]
    choices += (
        ["Move to another stage"] if decide(by, "model:stage:prepare", model.resource) else []
    )
    choices += locked.offered(model, by=by)
    chosen = st.menu_button("More", choices, key="more")
    if chosen in more:
        st.switch_page(ways.to(more[chosen]), query_params=ways.of(model))
    locked.change(chosen or "", model)
    if chosen == watch:
        watching.change(watch, model)
    if chosen == "Classify":
        classification.dialog(shown, by=by)
    if chosen == "Move to another stage":
        classification.stage_dialog(model, by=by)


def overview(shown: Shown, *, by: Actor) -> None:
    """What is live and why, what comes next, what changed, what drives it, what it is worth."""
    subject = shown.subject
    if subject is None:
        feedback.empty(
            "This model has no version yet",
            "Register one in MLflow: it appears here within a minute.",
        )
        return
    with page.card("history"):
        show(
            page.section("Version history", _since(shown)),
            timeline.timeline([_point(shown, one) for one in _told(shown)]),
            note(alias_history.answer(shown, CHAMPION, shown.now - alias_history.LOOK_BACK)),
        )
    left, right = st.columns([0.56, 0.44])
    with left, page.card("live", stretch=True):
        _live(shown, subject)
        rollback.button(shown, by=by)
    with right, page.card("glance", stretch=True):
        show(page.section("At a glance"), tables.facts(glance(shown, subject)))
        classification.used_for(shown.model)
    left, right = st.columns([0.56, 0.44])
    with left, page.card("next", stretch=True):
        _next(shown, by=by)
    with right, page.card("changed", stretch=True):
        _changed(shown, subject, by=by)
        _drivers(shown, subject, by=by)


def _since(shown: Shown) -> Markup:
    first = shown.versions.listed[-1]
    count = words.plural(len(shown.versions), "version")
    hidden = len(shown.versions) - _MOST_POINTS
    older = f", {hidden} older under Versions" if hidden > 0 else ""
    since = f"{count} since {words.day(first.created_at)}{older}"
    if not any(shown.key(one) for one in _told(shown)):
        return text(since)
    return join((f"{since}, numbers ", assurance.RUNS.chip))


def _told(shown: Shown) -> list[Version]:
    """The newest few and the live one, oldest first."""
    kept = list(shown.versions[:_MOST_POINTS])
    champion = shown.champion
    if champion is not None and champion not in kept:
        kept[-1] = champion
    return kept[::-1]


def _point(shown: Shown, version: Version) -> Point:
    state, says, who = standing(shown, version)
    key = shown.key(version)
    number = f"{key.measure.label} {words.figure(key.value)} · " if key else ""
    return Point(
        f"v{version.number}",
        state,
        says,
        f"{number}{words.day(version.created_at)}",
        who,
        version.aliases,
    )


def standing(shown: Shown, version: Version) -> tuple[timeline.State, str, str]:
    """Where a version stands: how it is drawn, in words, and by whose act."""
    alias = shown.model.alias(CHAMPION)
    if alias is not None and alias.number == version.number:
        approval = shown.approval(version)
        who = f"approved by {shown.name(approval.decided_by)}" if approval else "no approval here"
        return "live", f"Live since {words.day(alias.since)}", who
    asked = shown.requests(version)
    if not asked:
        return "past", "Not asked for", ""
    newest = asked[0]
    by_whom = f"requested by {shown.name(newest.requested_by)}"
    if newest.is_open:
        return "waits", "Waits for a decision", by_whom
    if newest.state is State.REJECTED:
        return "rejected", "Rejected", f"by {shown.name(newest.decided_by)}"
    if newest.state in STANDING and newest.promotion is PromotionState.APPLIED:
        since = words.day(newest.promoted_at or newest.changed_at)
        return "past", f"Was live from {since}", f"approved by {shown.name(newest.decided_by)}"
    return "past", newest.state.value, by_whom


def _live(shown: Shown, subject: Version) -> None:
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
    title = page.section(
        "Live now",
        join((chips.alias(CHAMPION, alias.number), f"since {words.moment(alias.since)}")),
    )
    if approval is None:
        show(
            title,
            chips.status("Unknown", "Not approved in Countersign"),
            note("The alias was set in MLflow itself, so nobody here asked for it or approved it."),
        )
        return
    show(
        title,
        note(strong("Why it was asked for")),
        quote(
            approval.reason,
            f"{shown.name(approval.requested_by)}, {words.moment(approval.requested_at)}",
        ),
        note(strong("Why it was approved")),
        quote(
            approval.decided_why,
            f"{shown.name(approval.decided_by)}, "
            f"{words.moment(approval.decided_at or approval.changed_at)}",
        ),
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


def _moved(approval: Brief) -> str:
    if approval.promotion is PromotionState.APPLIED and approval.promoted_at:
        return f"Countersign moved the alias in MLflow {words.moment(approval.promoted_at)}."
    if approval.promotion is PromotionState.QUEUED:
        return "The alias is on its way into MLflow."
    return "The alias was not moved by Countersign."


def glance(shown: Shown, subject: Version) -> list[tuple[str, object]]:
    """The facts of the version a reader means first: people, data, use, worth, digest."""
    model, line, key = shown.model, shown.line, shown.key(subject)
    built = words.listing(shown.builders(subject))
    facts: list[tuple[str, object]] = [
        ("Version", f"v{subject.number}, registered {words.day(subject.created_at)}"),
        ("Owner", shown.name(model.owner_id) if model.owner_id else _gap("nobody yet")),
        ("Built by", built or _gap("not known yet")),
    ]
    if key is not None:
        facts.append(
            (
                key.measure.label,
                _marked(
                    f"{words.figure(key.value)} on {key.dataset} {key.dataset_digest}",
                    assurance.RUN,
                ),
            )
        )
    facts.append(("Trained on", trained_on(shown, subject)))
    facts += _use(shown, line)
    return facts


def trained_on(shown: Shown, version: Version) -> Markup:
    """The data sets of the run that made a version, with digest and rows."""
    run = shown.run(version)
    data = run.datasets if run else ()
    if not data:
        return _gap("the run named no data set")
    listed = [
        tag(
            "span",
            f"{one.name} ",
            mono(one.digest),
            f", {words.plural(one.rows, 'row')}" if one.rows is not None else ", rows not said",
            f" ({one.context})" if one.context else "",
            cls="cs-main",
        )
        for one in sorted(data, key=lambda one: one.context != "training")
    ]
    return join((*listed, assurance.RUN.chip))


def _use(shown: Shown, line: Line | None) -> list[tuple[str, object]]:
    if line is None:
        return [("Used by", "nobody: nothing is live")]
    apps = words.listing([shown.name(one) for one, _ in line.applications])
    a_day = words.thousands(line.calls / WINDOW_DAYS)
    last = f", last {words.moment(line.last_call)}" if line.last_call else ""
    return [
        ("Used by", apps or _gap("no application reports calls")),
        ("Calls", _marked(f"{a_day} a day over {WINDOW_DAYS} days{last}", assurance.APPLICATIONS)),
        ("Value", worth(shown, line)),
        ("Health", _marked(line.why, assurance.APPLICATIONS)),
    ]


def worth(shown: Shown, line: Line) -> Markup:
    """What the outcomes of the last 30 days are worth, as somebody declared."""
    if line.value_eur is None:
        return _gap("nobody has declared what an outcome is worth")
    newest = max(line.declared, key=lambda one: one.declared_at)
    who = shown.name(newest.declared_by)
    each = words.listing(
        [f"{_euro(one.value_eur)} for each {one.outcome}" for one in line.declared]
    )
    said = join(
        (
            strong(words.eur(line.value_eur)),
            f" in {WINDOW_DAYS} days, declared by {who} {words.day(newest.declared_at)}: {each}",
        )
    )
    return _marked(said, assurance.DECLARED)


def _euro(amount: Decimal) -> str:
    return f"{words.thousands(amount, 2)} EUR"


def _gap(said: str) -> Markup:
    return chips.mark("Missing", said)


def _marked(said: object, assured: chips.Assured) -> Markup:
    return join((said, " ", assured.chip))


def _next(shown: Shown, *, by: Actor) -> None:
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
        people = here.docket.who_decides(asked.id, by=by, built_by=shown.authors.get(version.id))
        asker = shown.name(asked.requested_by)
        how = f"{asked.number}, {asked.state.value.lower()}, asked by {asker}"
    else:
        preview = here.requests.preview(version.id, CHAMPION, by=by)
        gates, law = preview.gates, preview.policy
        people = here.docket.who_would_decide(version.id, by=by)
        how = "Not asked for yet"
    may = [one.name for one in people if one.verdict]
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
                ("May decide", words.listing(may) or _gap("nobody yet: an approver is needed")),
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
    assured = assurance.EVIDENCE if gate.is_verified else assurance.REPORTED_EVIDENCE
    return join((chips.mark(_ANSWERS[gate.answer]), " ", gate.reason, " ", assured.short))


def _changed(shown: Shown, subject: Version, *, by: Actor) -> None:
    before = shown.before(subject)
    title = "What changed against the previous version"
    if before is None:
        show(page.section(title), paragraph(f"v{subject.number} is the first version."))
        return
    told = difference(before, subject, shown.runs, {})
    show(
        page.section(title, f"v{before.number} to v{subject.number}"),
        tables.facts(in_short(shown, before, subject, told, by=by)),
    )
    link(
        f"Compare v{before.number} and v{subject.number}",
        "compare",
        model=shown.model,
        icon=":material/compare_arrows:",
        left=before.number,
        right=subject.number,
    )


def in_short(
    shown: Shown, before: Version, after: Version, told: Difference, *, by: Actor
) -> list[tuple[str, object]]:
    """The few differences that matter most: the deciding number, data, parameters, words."""
    facts: list[tuple[str, object]] = []
    old, new = shown.key(before), shown.key(after)
    if old and new and old.dataset_digest == new.dataset_digest:
        known = reads(portal(), before, after, shown.runs, new.measure, by=by)
        verdict = known.get(new.dataset_digest, "different")
        moved = f"{words.figure(old.value)} → {words.figure(new.value)}"
        said = f"{moved}, {verdict} on the same rows"
        facts.append((new.measure.label, _marked(said, assurance.RUNS)))
    elif new:
        said = f"{words.figure(new.value)}, measured on other rows before"
        facts.append((new.measure.label, _marked(said, assurance.RUN)))
    changed = [one for one in told.parameters if not one.is_same]
    facts += [
        (one.name, f"{one.before or 'not set'} → {one.after or 'not set'}")
        for one in changed[:_MOST_CHANGES]
    ]
    if len(changed) > _MOST_CHANGES:
        facts.append(("And", words.plural(len(changed) - _MOST_CHANGES, "more parameter")))
    data = [one.name for one in told.data if not one.is_same]
    facts.append(("Data", f"other {words.listing(data)} data" if data else "identical"))
    columns = sum(not one.is_same for one in told.signature)
    facts.append(
        ("Signature", f"{words.plural(columns, 'column')} differ" if columns else "identical")
    )
    return facts


def _drivers(shown: Shown, subject: Version, *, by: Actor) -> None:
    title = page.section("What drives it", f"v{subject.number}")
    if not decide(by, "explanation:read", shown.model.resource):
        show(title, note("Your roles do not include reading explanations."))
        return
    told = portal().explanations.of(subject.id, by=by)
    if told is None or told.result is None:
        show(title, note("It has not been explained yet." if told is None else told.state.value))
    else:
        result = told.result
        ranked = sorted(zip(result.importance, result.features, strict=True), reverse=True)
        total = sum(result.importance) or 1.0
        show(
            title,
            tables.facts(
                [(name, words.percent(value / total, 0)) for value, name in ranked[:_MOST_DRIVERS]]
            ),
            note(
                _marked(
                    "Share of all contributions over "
                    f"{words.plural(result.rows_explained, 'row')}, "
                    f"{words.day(told.finished_at or told.requested_at)},",
                    assurance.EXPLAINED,
                )
            ),
        )
    link(
        "Open the explanation" if told else "Have it explained",
        "explain",
        model=shown.model,
        icon=":material/bar_chart:",
        version=subject.number,
    )


def foot(shown: Shown) -> None:
    """Where all this comes from, and how old it is."""
    others = ["Releases and owners from Countersign's own record"]
    if shown.line is not None:
        others.append("calls as the applications reported them")
    show(
        sources.source(shown.states, shown.now, f"{', '.join(others)}, {words.moment(shown.now)}."),
        text(""),
    )


# What each tab shows, in the order they stand in.
TABS: Final[Mapping[str, Callable[[Shown, Actor], None]]] = {
    "Overview": lambda shown, by: overview(shown, by=by),
    "Card": lambda shown, by: card.panel(shown, by=by),
    "Versions": lambda shown, by: versions.panel(shown, by=by),
    "Data and parameters": lambda shown, _by: versions.data(shown),
    "Consumers": lambda shown, by: consumers.panel(shown, by=by),
    "Load": lambda shown, _by: loading.panel(shown),
    "Releases": lambda shown, _by: releases_of.panel(shown),
    "Discussion": lambda shown, by: discussion.panel(shown, by=by),
}
