"""A version in short: what changed against the one before, and what drives it."""

from __future__ import annotations

from typing import Final

from app.compared import reads
from app.panels import assurance
from app.panels.links import link
from app.panels.shown import Shown
from app.session import portal
from app.ui import page, tables, words
from app.ui.markup import note, paragraph, show
from auth.access import decide
from auth.actors import Actor
from catalog.lineage.difference import Difference, difference
from catalog.registry.models import Version

_MOST_CHANGES: Final = 5
_MOST_DRIVERS: Final = 5


def changed(shown: Shown, subject: Version, *, by: Actor) -> None:
    """What changed against the version before."""
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


_VERDICTS: Final = {"not judged": "not judged: no interval yet"}


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
        said = f"{moved} on the same rows, {_VERDICTS.get(verdict, verdict)}"
        facts.append((new.measure.label, assurance.RUNS.behind(said)))
    elif new:
        said = f"{words.figure(new.value)}, measured on other rows before"
        facts.append((new.measure.label, assurance.RUN.behind(said)))
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


def drivers(shown: Shown, subject: Version, *, by: Actor) -> None:
    """What its answers rest on, as it was explained."""
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
                assurance.EXPLAINED.behind(
                    "Share of all contributions over "
                    f"{words.plural(result.rows_explained, 'row')}, "
                    f"{words.day(told.finished_at or told.requested_at)},"
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
