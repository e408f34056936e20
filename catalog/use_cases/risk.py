"""What is at stake: the tier an organisation gives, and the class the EU AI Act gives."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from ledger.errors import Invalid

# Materiality, exposure x purpose: tier 1 is validated deepest. Empty: nobody has said yet.
TIERS: Final = ("1", "2", "3")


class RegulatoryClass(StrEnum):
    """The classes of the EU AI Act, the strictest first."""

    PROHIBITED = "Prohibited"
    HIGH = "High"
    LIMITED = "Limited"
    MINIMAL = "Minimal"


def checked_tier(given: str) -> str:
    """A tier, or nothing. Raises Invalid."""
    if given not in {"", *TIERS}:
        raise Invalid(
            f"{given[:40]!r} is no tier.",
            hint="Use 1, 2 or 3; 1 is the most material.",
            code="bad-tier",
        )
    return given


def checked_class(given: str) -> str:
    """A regulatory class, or nothing. Raises Invalid."""
    if given not in {"", *RegulatoryClass}:
        raise Invalid(
            f"{given[:40]!r} is no regulatory class.",
            hint=f"Use one of: {', '.join(RegulatoryClass)}.",
            code="bad-class",
        )
    return given


def is_stricter_tier(one: str, than: str) -> bool:
    """Whether a tier asks for more than another; what nobody has said asks for nothing."""
    return bool(one and than) and TIERS.index(one) < TIERS.index(than)


def is_stricter_class(one: str, than: str) -> bool:
    """Whether a class asks for more than another; what nobody has said asks for nothing."""
    order = list(RegulatoryClass)
    return bool(one and than) and order.index(RegulatoryClass(one)) < order.index(
        RegulatoryClass(than)
    )
