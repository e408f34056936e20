"""Matching: how well each model answers the words, by the rule that is ours on both engines.

A word counts at the best place it stands in; words seldom met count more than common ones. All
words must be there; where no model has all of them, those that have most are told, and it is said.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection
from sqlmodel import Session

from catalog.registry.search import spelling
from catalog.registry.search.engines import Token, engine_for, tokens_of
from catalog.registry.search.questions import Correction
from catalog.registry.search.shelf import Codes, Mask, Shelf
from catalog.registry.search.spelling import Vocabulary
from catalog.registry.search.stems import stem
from catalog.registry.search.words import (
    PHRASE,
    PLACES,
    REST,
    SHORTEST_PART,
    Asked,
    Term,
    asked,
    words_in,
)

Scores = npt.NDArray[np.float32]

# What a word is worth that only begins as typed, means the same, or is a part of a name.
BEGINNING: Final = 0.6
SYNONYM: Final = 0.7
PART: Final = 0.5
PHRASE_BONUS: Final = 2.0
NAME_BONUS: Final = 4.0
# What a word decides that may be said of any model, beside one that may not.
LITTLE: Final = 0.25
# Of the words that the best model has, how many another one must have when none has all.
ENOUGH: Final = 0.6
# Text is compared in steps of a quarter: a smaller difference says nothing, trust says more.
STEP: Final = 0.25
_MOST_BEGUN: Final = 64
# Every place a word may stand in, but the one that says whose a model is.
_NOT_PEOPLE: Final = tuple(letter for letter in PLACES if letter != "o")
# Of models that hold a part, eight bytes each, and of parts.
_MOST_KEPT: Final = 4_000_000
_MOST_PARTS: Final = 1_024


@dataclass(frozen=True)
class Match:
    """Which models answer the words and how well; every model's score is in its place.

    `terms` has for each term of the question what it is worth in each model: above 0 where held.
    """

    mask: Mask
    steps: Codes
    asked: Asked
    terms: tuple[Scores, ...] = ()
    relaxed: bool = False
    correction: Correction | None = None
    absent: tuple[str, ...] = ()

    def held(self, place: int) -> frozenset[int]:
        """Which terms of the question the model in this place holds, by their places in it."""
        return frozenset(term for term, scores in enumerate(self.terms) if scores[place] > 0)


@dataclass(frozen=True)
class _Whole:
    """What is worth more than its words: the name as it was typed, and what stands together."""

    name: str
    phrases: tuple[str, ...]


_Part = Term | _Whole


@dataclass(frozen=True)
class _Held:
    """The models that hold a part of a question, and what that is worth in each."""

    places: Codes
    worth: Scores


@dataclass(frozen=True)
class _Answer:
    """How well each model answers each term, and what stands together as it was asked."""

    terms: tuple[Scores, ...]
    bonus: Scores


class Matcher:
    """Asks the engine, and remembers parts of questions: the next key leaves all but one alone."""

    def __init__(self) -> None:
        self._vocabulary = Vocabulary()
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, _Part], _Held] = OrderedDict()
        self._size = 0

    def match(
        self, session: Session, shelf: Shelf, text: str, visible: Mask, *, verbatim: bool
    ) -> Match | None:
        """The models that hold the words; nothing when nothing was typed.

        Only what the person may see decides whether a word is known: a correction would otherwise
        tell what stands in models that are hidden.
        """
        if not text.strip():
            return None
        question = asked(text)
        if not question.terms:
            none = np.zeros(len(shelf), dtype=np.bool_)
            return Match(none, none.astype(np.int32), question)
        answer = self._answer(session, shelf, question)
        answer = _with_parts_of_names(answer, shelf, question, visible)
        meant = self._meant(session, shelf, text, question, answer, visible)
        correction = None
        if meant is not None and meant != " ".join(words_in(text)):
            correction = Correction(text.strip(), meant, is_applied=not verbatim)
            if not verbatim:
                question = asked(meant)
                answer = self._answer(session, shelf, question)
                answer = _with_parts_of_names(answer, shelf, question, visible)
        mask, scores, relaxed = _all_or_most(question, answer, visible)
        steps = np.floor((scores + answer.bonus) / STEP).astype(np.int32)
        absent = tuple(_unknown(question, answer, visible))
        return Match(mask, steps, question, answer.terms, relaxed, correction, absent)

    def _answer(self, session: Session, shelf: Shelf, question: Asked) -> _Answer:
        whole = _Whole(question.whole, question.phrases)
        parts: set[_Part] = {*question.terms, whole}
        with self._lock:
            found = {
                one: self._kept[key] for one in parts if (key := (shelf.stamp, one)) in self._kept
            }
            for one in found:
                self._kept.move_to_end((shelf.stamp, one))
        if missing := parts - found.keys():
            words = self._vocabulary.words(session, shelf.stamp)
            asked_now = _ask(session.connection(), shelf, list(missing), words)
            found |= asked_now
            self._keep(shelf.stamp, asked_now)

        def spread(part: _Part) -> Scores:
            scores = np.zeros(len(shelf), dtype=np.float32)
            scores[found[part].places] = found[part].worth
            return scores

        return _Answer(tuple(spread(term) for term in question.terms), spread(whole))

    def _keep(self, stamp: int, found: Mapping[_Part, _Held]) -> None:
        with self._lock:
            for part, held in found.items():
                if (stamp, part) not in self._kept:
                    self._kept[stamp, part] = held
                    self._size += len(held.places)
            while self._size > _MOST_KEPT or len(self._kept) > _MOST_PARTS:
                self._size -= len(self._kept.popitem(last=False)[1].places)

    def _meant(
        self,
        session: Session,
        shelf: Shelf,
        text: str,
        question: Asked,
        answer: _Answer,
        visible: Mask,
    ) -> str | None:
        """The text with its unknown words corrected; nothing when that changes nothing."""
        unknown = _unknown(question, answer, visible)
        if not unknown:
            return None
        words = self._vocabulary.words(session, shelf.stamp)
        instead = {
            word: found
            for word in unknown
            if (found := _corrected(session, shelf, word, words, visible))
        }
        return " ".join(instead.get(word, word) for word in words_in(text)) if instead else None


def _unknown(question: Asked, answer: _Answer, visible: Mask) -> list[str]:
    """The words that no visible model holds."""
    return [
        word
        for term, scores in zip(question.terms, answer.terms, strict=True)
        if not (scores[visible] > 0).any()
        for word in _typed(question, term)
    ]


def _typed(question: Asked, term: Term) -> list[str]:
    own = term.alternatives[0]
    return [word for word in question.words if stem(word) in own]


def _corrected(
    session: Session, shelf: Shelf, word: str, words: Sequence[str], visible: Mask
) -> str:
    """The nearest word that stands in a model the person may see; of several the most common.

    People's names are near to too many words: one is meant where a single later letter slipped.
    """
    near = [(one, slips + (one[0] != word[0])) for one, slips in spelling.near(word, words)]
    if not near:
        return ""
    wanted = [tokens_of(PLACES if slips == 1 else _NOT_PEOPLE, stem(one)) for one, slips in near]
    found = engine_for(session.connection()).holding(session.connection(), wanted)
    ranked = [
        (slips, -int(visible[shelf.places_of(numbers)].sum()), one)
        for (one, slips), numbers in zip(near, found, strict=True)
    ]
    known = [one for one in ranked if one[1] < 0]
    return min(known)[2] if known else ""


@dataclass(frozen=True)
class _Slot:
    """What holding one token of each of these lists is worth."""

    worth: float
    lists: tuple[tuple[Token, ...], ...]


def _ask(
    connection: Connection, shelf: Shelf, parts: Sequence[_Part], words: Sequence[str]
) -> dict[_Part, _Held]:
    """Who holds these parts, asked for all of them at once."""
    slots = {
        part: list(_slots(part, words) if isinstance(part, Term) else _bonuses(part))
        for part in parts
    }
    wanted = [tokens for some in slots.values() for slot in some for tokens in slot.lists]
    found = engine_for(connection).holding(connection, wanted)
    held: dict[_Part, _Held] = {}
    for part, some in slots.items():
        scores = np.zeros(len(shelf), dtype=np.float32)
        for slot in some:
            places = shelf.places_of(next(found))
            for _ in slot.lists[1:]:
                places = np.intersect1d(places, shelf.places_of(next(found)), assume_unique=True)
            if isinstance(part, Term):
                # A word counts at the best place it stands in.
                scores[places] = np.maximum(scores[places], np.float32(slot.worth))
            else:
                scores[places] += np.float32(slot.worth)
        places = np.flatnonzero(scores).astype(np.int32)
        held[part] = _Held(places, scores[places])
    return held


def _bonuses(whole: _Whole) -> Iterator[_Slot]:
    yield _Slot(NAME_BONUS, ((Token(whole.name),),))
    for phrase in whole.phrases:
        yield _Slot(PHRASE_BONUS / len(whole.phrases), ((Token(phrase),),))


def _slots(term: Term, words: Sequence[str]) -> Iterator[_Slot]:
    own, *others = term.alternatives
    alike = [other[0] for other in others if len(other) == 1]
    begun = _begun(term.beginning, words)
    for letter, worth in PLACES.items():
        for root in own:
            yield _Slot(worth, (tuple(tokens_of(letter, root)),))
        if alike and letter != REST:
            yield _Slot(worth * SYNONYM, (tuple(Token(letter + root) for root in alike),))
        if term.beginning and (len(term.beginning) > 1 or letter == "n"):
            first = Token(letter + term.beginning, begins=True)
            rest = (Token(letter + root) for root in begun)
            yield _Slot(worth * BEGINNING, ((first, *rest),))
    for other in others:
        if len(other) > 1:
            # A synonym of several words: its neighbours stand together.
            together = tuple((Token(PHRASE + a + b),) for a, b in pairwise(other))
            yield _Slot(SYNONYM * PLACES["u"], together)


def _begun(beginning: str, words: Sequence[str]) -> list[str]:
    """Stems of words that begin as typed although their stems do not: predicti, predict."""
    if len(beginning) <= SHORTEST_PART:
        return []
    start = bisect_left(words, beginning)
    found: dict[str, None] = {}
    for word in islice(words, start, None):
        if not word.startswith(beginning):
            break
        if not (root := stem(word)).startswith(beginning):
            found[root] = None
    return list(found)[:_MOST_BEGUN]


def _with_parts_of_names(answer: _Answer, shelf: Shelf, question: Asked, visible: Mask) -> _Answer:
    """The answer in which a word that stands in nothing visible may still be a part of names.

    Whether it stands in something hidden must change nothing of what is found.
    """
    terms = list(answer.terms)
    for place, term in enumerate(question.terms):
        if (terms[place][visible] > 0).any():
            continue
        words = [word for word in _typed(question, term) if len(word) >= SHORTEST_PART]
        held = [
            at
            for at, name in enumerate(shelf.folded() if words else ())
            if any(word in name for word in words)
        ]
        terms[place] = terms[place].copy()
        terms[place][held] = PART * PLACES["n"]
    return _Answer(tuple(terms), answer.bonus)


def _all_or_most(question: Asked, answer: _Answer, visible: Mask) -> tuple[Mask, Scores, bool]:
    """The models that hold every word that must be there, else those that hold most of them."""
    size = int(visible.sum())
    total = np.zeros(len(visible), dtype=np.float32)
    held_words = np.zeros(len(visible), dtype=np.int32)
    weights, needed = [], 0
    must = [not term.is_little for term in question.terms]
    for term, scores in enumerate(answer.terms):
        held = (scores > 0) & visible
        there = int(held.sum())
        if not there:
            # A word that stands nowhere cannot be asked of anybody.
            needed += 1
            continue
        weight = float(np.log1p((1 + size) / (1 + there)))
        if any(must) and not must[term]:
            weight *= LITTLE
        else:
            needed += 1
            held_words += held
        weights.append(weight)
        total += weight * scores
    total /= max(sum(weights), 1e-6)
    every = visible & (held_words == needed) & (total > 0)
    if every.any() or needed < 2:  # noqa: PLR2004 - of one word there is no half
        return every, total, False
    most = int(held_words.max(initial=0))
    some = visible & (held_words >= ENOUGH * most) & (held_words > 0)
    return some, total, bool(some.any())
