"""The published schema of CycloneDX 1.7, asked before a card is kept and after it is exported."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from ledger.errors import Invalid

if TYPE_CHECKING:
    from cyclonedx.validation.json import JsonStrictValidator


def insist_valid(bom: str) -> None:
    """Go on only with a bill of materials that the schema accepts. Raises Invalid."""
    wrong = _validator().validate_str(bom)
    if wrong is not None:
        # The library's own words quote what was given; its first line is the reason.
        reason = str(wrong).partition("\n")[0][:300]
        raise Invalid(
            f"The card is no CycloneDX 1.7 model card: {reason}.",
            hint="Compare it with the schema bom-1.7.schema.json, under modelCard.",
            code="card-schema",
        )


@cache
def _validator() -> JsonStrictValidator:
    # Loaded when a card is written for the first time: no page that only reads pays for it.
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415

    return JsonStrictValidator(SchemaVersion.V1_7)
