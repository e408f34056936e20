"""Mentions: whom an @ in a comment means, among those who may see the model, and whom it misses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import Session, select

from auth.access import Resource
from auth.holders import holders_called, holders_mailed
from catalog.registry.models import resource
from catalog.registry.tables import AliasRow, ModelRow

MOST_MENTIONS: Final = 20
MENTION: Final = re.compile(r"(?<!\w)@(\w[^\s@]{0,79})")
_WORD: Final = re.compile(r"\w(?:[\w.'+-]*\w)?")
_LONGEST_NAME: Final = 120


@dataclass(frozen=True)
class Missed:
    """A word behind an @ that told nobody; `fits` are the names it fits, where it fits several."""

    word: str
    fits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mentioned:
    """Who is told of a comment, by id, and the words that told nobody."""

    people: tuple[str, ...] = ()
    missed: tuple[Missed, ...] = ()


def mentioned(session: Session, model: ModelRow, text: str, *, at: datetime) -> Mentioned:
    """Whom the words behind each @ mean, of those who may see the model and nobody else.

    A full name means all who are called so. A first name, or what stands before the @ of an e-mail
    address, means the one person it fits. An alias of the model is no mention.
    """
    found: dict[str, None] = {}
    missed: dict[Missed, None] = {}
    aliases: set[str] | None = None
    folded, about = text.casefold(), resource(model)
    for match in MENTION.finditer(text):
        begun = match.start() + 1
        first = re.split(r"\W", match[1], maxsplit=1)[0]
        likely = holders_called(session, "model:read", about, first, at=at)
        said = folded[begun : begun + _LONGEST_NAME]
        fitting = [name for name in set(likely.values()) if _names(said, name.casefold())]
        if fitting:
            longest = max(fitting, key=len)
            found |= dict.fromkeys(id_ for id_, name in likely.items() if name == longest)
            continue
        word = _word(match[1])
        short = _by_a_short_name(session, about, word, likely, at=at)
        # A surname that goes on where theirs ends is another one.
        short = {id_: name for id_, name in short.items() if not said.startswith(name.casefold())}
        if len(short) == 1:
            found |= dict.fromkeys(short)
            continue
        if aliases is None:
            aliases = {*session.exec(select(AliasRow.alias).where(AliasRow.model_id == model.id))}
        if short or word not in aliases:
            missed[Missed(word, tuple(sorted(short.values())))] = None
    return Mentioned(tuple(found), tuple(missed))


def _by_a_short_name(
    session: Session, about: Resource, word: str, likely: dict[str, str], *, at: datetime
) -> dict[str, str]:
    """The people whose first name, or the beginning of whose e-mail address, is this word."""
    folded = word.casefold()
    called = {id_: name for id_, name in likely.items() if name.casefold().split()[:1] == [folded]}
    return called | holders_mailed(session, "model:read", about, word, at=at)


def _word(said: str) -> str:
    found = _WORD.match(said)
    return found[0] if found else said


def _names(said: str, name: str) -> bool:
    """Whether a text begins with a name that ends where a word ends."""
    after = said[len(name) : len(name) + 1]
    return said.startswith(name) and not (after.isalnum() or after == "_")
