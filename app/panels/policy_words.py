"""A policy in words: all that it says, for who keeps it and for who is about to publish it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Final

from app.ui import tables, words
from app.ui.markup import Markup, join, tag
from app.ui.tables import Column, Row
from catalog.releases.policies.calendar import Window
from catalog.releases.policies.law import AppliesTo, Policy
from catalog.releases.policies.questions import AllGate, AnyGate, SomeGate


def governs_words(rule: AppliesTo) -> str:
    """Which releases a policy governs, in words."""
    said = [
        f"tier {words.listing([str(one) for one in rule.tiers])}" if rule.tiers else "",
        f"class {words.listing(rule.classes)}" if rule.classes else "",
        f"domain {words.listing(rule.domains)}" if rule.domains else "",
        f"@{', @'.join(rule.aliases)}" if rule.aliases else "",
        words.listing(rule.tasks) if rule.tasks else "",
    ]
    return "; ".join(one for one in said if one) or "Every release"


def panels_words(policy: Policy) -> str:
    """Who has to agree, in words."""
    return words.listing(
        [
            f"every {panel.role}"
            if panel.needed == "all"
            else words.plural(int(panel.needed), panel.role)
            for panel in policy.approvals
        ]
    )


def rechecks_words(policy: Policy) -> str:
    """Which gates what is live is asked again, and how often."""
    titles = {gate.id: gate.title for gate in policy.gates}
    said = [
        f"{words.listing([titles[gate] for gate in one.gates])} "
        f"every {words.plural(one.every_days, 'day')}"
        for one in policy.rechecks
    ]
    return "; ".join(said) or "Nothing"


def expiry_words(policy: Policy) -> str:
    """When an open request is closed by itself."""
    days = words.plural(policy.limits.expire_after_days, "day")
    return f"Closed after {days} in which nothing was done"


def decision_words(policy: Policy) -> str:
    """By when an open request is decided, and what becomes of it after that."""
    if policy.limits.decide_within_days is None:
        return "No day is set"
    days = words.plural(policy.limits.decide_within_days, "day")
    closed = policy.limits.undecided == "close"
    after = "then it is closed by itself" if closed else "then it waits on, marked as overdue"
    return f"Within {days} of being asked for, sent again or read anew; {after}"


def windows_words(policy: Policy) -> list[str]:
    """When approvals are carried out, one line for each window."""
    if not policy.windows:
        return ["At any time, as soon as it is approved"]
    return [_window(one) for one in policy.windows]


def _window(one: Window) -> str:
    days = words.listing([_DAYS[day] for day in one.days])
    return f"{days}, {one.opens} to {one.closes} ({one.zone})"


def day_words(written: str) -> str:
    """A day as it is written in a policy, as it is read: `20 Nov 2026`."""
    return words.day(date.fromisoformat(written))


def freezes_words(policy: Policy) -> list[str]:
    """The days on which nothing is released, one line for each freeze."""
    said = [
        f"{day_words(one.first)}: {one.why}"
        if one.first == one.last
        else f"{day_words(one.first)} to {day_words(one.last)}: {one.why}"
        for one in policy.freezes
    ]
    return said or ["Never"]


def emergency_words(policy: Policy) -> str:
    """The route for emergencies."""
    if policy.emergency is None:
        return "There is no other way than the usual one"
    days = words.plural(policy.emergency.review_within_days, "day")
    role = policy.approvals[0].role
    return (
        f"One {role} decides, whatever the gates say, and it goes live at once; somebody else "
        f"reviews it within {days}"
    )


def unapproved_words(policy: Policy) -> str:
    """What becomes of a live version that no approval stands behind."""
    if policy.unapproved == "roll back":
        return "It is a finding, and the alias is set back by itself to what was approved last"
    return "It is a finding; nothing is set back by itself"


def measures_words(policy: Policy) -> list[str]:
    """What decides for each task, on which data; one line for each."""
    said = [
        f"{task[:1].upper()}{task[1:]}: {rules[0].label}, {rules[0].better} is better "
        f"(named {words.listing(names)})"
        for task, rules in policy.metrics.items()
        if rules
        for names in [rules[0].names]
    ]
    return [*said, f"Compared on the same rows alone, used as {policy.context}"]


def law_facts(policy: Policy) -> list[tuple[str, object]]:
    """All that a policy says beside its gates and its sources, in plain words."""
    return [
        ("Governs", governs_words(policy.applies_to)),
        ("Who has to agree", panels_words(policy)),
        ("Goes live", _lines(windows_words(policy))),
        ("Frozen", _lines(freezes_words(policy))),
        ("In an emergency", emergency_words(policy)),
        ("Open requests", expiry_words(policy)),
        ("To be decided", decision_words(policy)),
        ("Asked again once live", rechecks_words(policy)),
        ("Live without approval", unapproved_words(policy)),
        (
            "Built by nobody known",
            "May be approved, but never in an emergency"
            if policy.unknown_author == "accept"
            else "Cannot be approved",
        ),
        ("What decides", _lines(measures_words(policy))),
    ]


def _lines(said: list[str]) -> Markup:
    return join(tag("span", one, cls="cs-main") for one in said)


def gates_words(policy: Policy) -> str:
    """How many gates a policy asks, and their titles."""
    titles = words.listing([gate.title for gate in policy.gates])
    return f"{words.plural(len(policy.gates), 'gate')}: {titles}"


def settings_words(gate: AnyGate) -> str:
    """What is set for one gate, beside the words that it asks in."""
    given: dict[str, Any] = gate.model_dump(exclude=_IN_WORDS)
    said = [
        told(value) if (told := _SAID.get(name)) else f"{name.replace('_', ' ')} {_value(value)}"
        for name, value in given.items()
        if not (value is None or value in ("", []) or value is False)
    ]
    if gate.may_wait:
        said.append("may pass after an approval with conditions")
    return "; ".join(filter(None, said))


def _value(value: Any) -> str:  # noqa: ANN401 - whatever a gate is set to
    return words.listing(value) if isinstance(value, list) else str(value)


def gates_table(gates: list[AnyGate]) -> Markup:
    """The gates of a policy, those that lie in others below them."""
    rows: list[Row] = []

    def add(gate: AnyGate, inside: str) -> None:
        kind = gate.kind.replace("_", " ")
        set_to = settings_words(gate)
        under = f"{kind}: {set_to}" if set_to else kind
        rows.append(Row((tables.two(gate.title, inside), tables.two(gate.asks, under))))
        if isinstance(gate, AllGate | SomeGate):
            for part in gate.gates:
                add(part, f"in {gate.title}")

    for gate in gates:
        add(gate, "")
    shown = (Column("Gate", lead=True, words=True), Column("Asks"))
    return tables.table(shown, rows, "Gates of the policy")


_DAYS: Final = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}
_IN_WORDS: Final = {"id", "kind", "title", "asks", "may_wait", "gates"}
_SAID: Final[dict[str, Callable[[Any], str]]] = {
    "within_days": lambda value: f"not older than {words.plural(value, 'day')}",
    "margin": lambda value: f"by no more than {value}" if value else "no margin",
    "smallest_group": lambda value: f"groups of {value} rows or more",
    "verified": lambda _: "verified by Countersign",
    "confidence": lambda value: f"for the whole {value} % interval",
    "without_interval": lambda value: "missing without an interval" if value == "missing" else "",
    "tools": lambda value: f"by {words.listing(value)}",
    "role": lambda value: f"from the {value}",
    "independent": lambda _: "from neither who asks nor who built it",
}
