"""A policy in words: what it governs, who has to agree, what is asked, and what is asked again."""

from __future__ import annotations

from app.ui import tables, words
from app.ui.markup import Markup
from app.ui.tables import Column, Row
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


def gates_table(gates: list[AnyGate]) -> Markup:
    """The gates of a policy, those that lie in others below them."""
    rows: list[Row] = []

    def add(gate: AnyGate, inside: str) -> None:
        rows.append(Row((tables.two(gate.title, inside), tables.two(gate.asks, gate.kind))))
        if isinstance(gate, AllGate | SomeGate):
            for part in gate.gates:
                add(part, f"in {gate.title}")

    for gate in gates:
        add(gate, "")
    return tables.table((Column("Gate", lead=True), Column("Asks")), rows, "Gates of the policy")
