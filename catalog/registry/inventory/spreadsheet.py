"""Cells that a spreadsheet shows as they are: none of them can become a formula there."""

from __future__ import annotations

from typing import Final

# OWASP, "CSV injection": what begins like this is computed when the file is opened.
_TRIGGERS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\N{FULLWIDTH EQUALS SIGN}")
_QUOTE: Final = "'"


def neutral(cell: str) -> str:
    """A cell that no spreadsheet computes: an apostrophe stands before what would be a formula."""
    return _QUOTE + cell if _is_risky(cell) else cell


def restored(cell: str) -> str:
    """What was given to `neutral`, or a cell that a person wrote."""
    return cell[1:] if cell.startswith(_QUOTE) and _is_risky(cell) else cell


def _is_risky(cell: str) -> bool:
    """Apostrophes before it do not count, so that each way back takes away what was put there."""
    return cell.lstrip(_QUOTE).startswith(_TRIGGERS)
