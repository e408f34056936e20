"""A version at a glance: its people, data, use, worth and health."""

from __future__ import annotations

from decimal import Decimal

from app.panels import assurance, vendor
from app.panels.shown import Shown
from app.ui import chips, words
from app.ui.markup import Markup, join, mono, strong, tag
from catalog.impact.calls import WINDOW_DAYS
from catalog.impact.portfolio import Line
from catalog.registry.models import Run, Version


def glance(shown: Shown, subject: Version) -> list[tuple[str, object]]:
    """The facts of the version a reader means first: people, data, use, worth, digest."""
    model, line, key = shown.model, shown.line, shown.key(subject)
    built = words.listing(shown.builders(subject))
    facts: list[tuple[str, object]] = [
        ("Version", f"v{subject.number}, registered {words.day(subject.created_at)}"),
        ("Owner", shown.name(model.owner_id) if model.owner_id else chips.gap("nobody yet")),
        ("Built by", built or chips.gap("not known yet")),
    ]
    if key is not None:
        facts.append(
            (
                key.measure.label,
                assurance.RUN.behind(
                    f"{words.figure(key.value)} on {key.dataset} {key.dataset_digest}"
                ),
            )
        )
    facts.append(("Trained on", trained_on(subject, shown.run(subject))))
    if subject.is_external:
        facts += vendor.facts(subject)
    facts += _use(shown, line)
    return facts


def trained_on(version: Version, run: Run | None) -> Markup:
    """The training data of the run that made a version, with digest and rows."""
    if run is None:
        whose = "its vendor trained it" if version.is_external else "no run is known"
        return chips.gap(f"not known: {whose}")
    # What it was measured on is no training: a run that says of no data what it was for may be.
    data = [one for one in run.datasets if one.context == "training"] or [
        one for one in run.datasets if not one.context
    ]
    if not data:
        return chips.gap("the run named no data set for training")
    listed = [
        tag(
            "span",
            f"{one.name} ",
            mono(one.digest),
            f", {words.plural(one.rows, 'row')}" if one.rows is not None else ", rows not said",
            f" ({one.context})" if one.context else " (use not said)",
            cls="cs-main",
        )
        for one in data
    ]
    return join((*listed, assurance.RUN.chip))


def _use(shown: Shown, line: Line | None) -> list[tuple[str, object]]:
    if line is None:
        return [("Used by", "nobody: nothing is live")]
    apps = words.listing([shown.name(one) for one, _ in line.applications])
    a_day = words.thousands(line.calls / WINDOW_DAYS)
    last = f", last {words.moment(line.last_call)}" if line.last_call else ""
    return [
        ("Used by", apps or chips.gap("no application reports calls")),
        ("Calls", assurance.APPLICATIONS.behind(f"{a_day} a day over {WINDOW_DAYS} days{last}")),
        ("Value", worth(shown, line)),
        ("Health", assurance.APPLICATIONS.behind(line.why)),
    ]


def worth(shown: Shown, line: Line) -> Markup:
    """What the outcomes of the last 30 days are worth, as somebody declared."""
    if line.value_eur is None:
        return chips.gap("nobody has declared what an outcome is worth")
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
    return assurance.DECLARED.behind(said)


def _euro(amount: Decimal) -> str:
    return f"{words.thousands(amount, 2)} EUR"
