"""Mentions: the people whose names stand behind an @, of those who may see the model."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from sqlmodel import Session

from auth.holders import holders_called
from catalog.registry.models import resource
from catalog.registry.tables import ModelRow

MOST_MENTIONS: Final = 20
MENTION: Final = re.compile(r"(?<!\w)@(\w[^\s@]{0,79})")
_LONGEST_NAME: Final = 120


def mentioned(session: Session, model: ModelRow, text: str, *, at: datetime) -> list[str]:
    """The ids of the people whose names stand behind an @, of those who may see the model."""
    found: dict[str, None] = {}
    folded = text.casefold()
    for match in MENTION.finditer(text):
        begun = match.start() + 1
        first = re.split(r"\W", match[1], maxsplit=1)[0]
        likely = holders_called(session, "model:read", resource(model), first, at=at)
        said = folded[begun : begun + _LONGEST_NAME]
        fitting = [name for name in set(likely.values()) if _names(said, name.casefold())]
        longest = max(fitting, key=len, default=None)
        found |= dict.fromkeys(id_ for id_, name in likely.items() if name == longest)
    return list(found)


def _names(said: str, name: str) -> bool:
    """Whether a text begins with a name that ends where a word ends."""
    after = said[len(name) : len(name) + 1]
    return said.startswith(name) and not (after.isalnum() or after == "_")
