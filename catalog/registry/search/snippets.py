"""Snippets: where in a model the words stand that were asked for, and what stands around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from sqlmodel import Session

from catalog.registry.search.known import read_indexed
from catalog.registry.search.matching import LITTLE
from catalog.registry.search.questions import Hit, Snippet
from catalog.registry.search.stems import stem
from catalog.registry.search.texts import DESCRIPTION, NAME, Text, texts
from catalog.registry.search.words import SHORTEST_PART, Asked, Term, marked, words_in

Parts = tuple[tuple[str, bool], ...]

_AROUND: Final = 220
_LONGEST: Final = 5_000


def load(session: Session, ids: Sequence[str]) -> dict[str, tuple[Text, ...]]:
    """The texts of these models; of a restricted one those of its summary."""
    if not ids:
        return {}
    found = read_indexed(session.connection(), ids)
    return {one.row.id: tuple(text for text in texts(one) if text.text) for one in found}


def shown(
    hits: Sequence[Hit],
    asked: Asked,
    holds: Callable[[str], frozenset[int]],
    load: Callable[[Sequence[str]], Mapping[str, Sequence[Text]]],
) -> tuple[Hit, ...]:
    """These hits with their names marked, and each with the place that says why it was found.

    Most hold what was asked for in name and description; of those that `holds` says hold more of
    the terms, `load` gives all texts.
    """
    near = {hit.model.id: _near(hit) for hit in hits}
    far = [
        key
        for key, (name, description) in near.items()
        if not holds(key) <= _held(name, asked) | _held(description, asked)
    ]
    found = {**near, **load(far)} if far else near
    return tuple(
        replace(
            hit, name=_name(hit.model.name, asked), snippet=_snippet(found[hit.model.id], asked)
        )
        for hit in hits
    )


def _near(hit: Hit) -> tuple[Text, Text]:
    return Text(NAME, "n", hit.model.name), Text(DESCRIPTION, "u", hit.model.description)


@lru_cache(maxsize=8_192)
def _taken_apart(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """The stems of a text and its words."""
    words = frozenset(words_in(text[:_LONGEST]))
    return frozenset(map(stem, words)), words


def _held(text: Text, asked: Asked) -> frozenset[int]:
    """Which of the terms a text holds, by their places in the question."""
    roots, words = _taken_apart(text.text)
    small = text.text.lower() if text.place == NAME else ""
    return frozenset(
        place
        for place, term in enumerate(asked.terms)
        if any(roots.issuperset(one) for one in term.alternatives)
        or (term.beginning and any(word.startswith(term.beginning) for word in words))
        or (small and any(word in small for word in _typed(term, asked)))
    )


def _typed(term: Term, asked: Asked) -> list[str]:
    """The words of a term as they were typed, as far as parts of names are looked for."""
    own = term.alternatives[0]
    return [word for word in asked.words if len(word) >= SHORTEST_PART and stem(word) in own]


def _snippet(found: Sequence[Text], asked: Asked) -> Snippet | None:
    """The text that holds most of what the name does not; else what the description holds."""
    named = frozenset[int]().union(*(_held(one, asked) for one in found if one.place == NAME))
    missing = frozenset(range(len(asked.terms))) - named
    best, most = None, 0.0
    for one in found:
        if one.place == NAME:
            continue
        held = _held(one, asked)
        worth = sum(LITTLE if asked.terms[place].is_little else 1.0 for place in held - named)
        if worth > most or (best is None and held and one.place == DESCRIPTION):
            best, most = one, worth
            if held >= missing:
                break
    if best is None:
        return None
    told = _around(_marked(best.text[:_LONGEST], asked))
    return Snippet(best.place, ((best.before, False), *told) if best.before else told)


def _marked(text: str, asked: Asked) -> Parts:
    return marked(text, asked.stems(), asked.terms[-1].beginning) if asked.terms else ()


def _name(name: str, asked: Asked) -> Parts:
    """A name with its words marked, or the part of it that is no word of its own."""
    parts = _marked(name, asked)
    if any(found for _, found in parts):
        return parts
    small = name.lower()
    for word in asked.words:
        start = small.find(word) if len(word) >= SHORTEST_PART and len(small) == len(name) else -1
        if start >= 0:
            end = start + len(word)
            cut = ((name[:start], False), (name[start:end], True), (name[end:], False))
            return tuple(part for part in cut if part[0])
    return ()


def _around(parts: Parts) -> Parts:
    """About two lines of a text, from a little before the first word that was asked for."""
    length = sum(len(text) for text, _ in parts)
    if length <= _AROUND:
        return parts
    before = 0
    for text, found in parts:
        if found:
            break
        before += len(text)
    start = max(0, min(before - _AROUND // 4, length - _AROUND))
    kept: list[tuple[str, bool]] = [("… ", False)] if start else []
    at = 0
    for text, found in parts:
        inside = text[max(0, start - at) : max(0, start + _AROUND - at)]
        at += len(text)
        if inside:
            kept.append((inside, found))
    return (*kept, ("…", False)) if at > start + _AROUND else tuple(kept)
