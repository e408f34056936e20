"""A version whose files lie outside of MLflow, as a vendor's do: said so, with what is known."""

from __future__ import annotations

from app.ui import chips, page, tables
from app.ui.markup import Markup, note, show
from catalog.registry.models import Version

# The tags of the recipe on Settings, in the order in which people ask for them.
_FIRST = ("vendor", "contract", "contact", "documentation")


def mark(version: Version | None) -> list[Markup]:
    """The chip of such a version, or none."""
    return [chips.fact(kind(version))] if version is not None and version.is_external else []


def kind(version: Version) -> str:
    """A vendor's model where its tags name the vendor, else an external one."""
    return "Vendor model" if "vendor" in version.told_tags else "External model"


def facts(version: Version) -> list[tuple[str, object]]:
    """What its registration says: vendor, contract, contact and documentation first."""
    told = version.told_tags
    ranked = sorted(told, key=lambda key: (key not in _FIRST, [*_FIRST, key].index(key), key))
    return [(key.capitalize() if key in _FIRST else key, told[key]) for key in ranked]


def panel(version: Version) -> None:
    """Why there is nothing to load, and whom to ask instead."""
    with page.card("vendor"):
        known = facts(version)
        show(
            page.section(f"{kind(version)}: nothing to load here", f"v{version.number}"),
            note(
                "MLflow holds no files of it, only that it is used: whoever calls it does so at "
                "its vendor."
            ),
            tables.facts(known) if known else note("Its registration names no vendor or contact."),
            note("Self-reported: whoever registered it wrote this into MLflow."),
        )
