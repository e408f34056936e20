"""Matching: how well each model answers the words, by the rule that is ours on both engines.

A word counts at the best place it stands in; words seldom met count more than common ones. All
words must be there; where no model has all of them, those that have most are told, and it is said.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from sqlmodel import Session

from catalog.registry.search import spelling
from catalog.registry.search.engines import Token, engine_for, tokens_of
from catalog.registry.search.questions import Correction
from catalog.registry.search.shelf import Codes, Mask, Shelf
from catalog.registry.search.spelling import Vocabulary
from catalog.registry.search.stems import stem
from catalog.registry.search.words import PHRASE, PLACES, REST, Asked, Term, asked, words_in

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
_SHORTEST_PART: Final = 3
_MOST_BEGUN: Final = 64
_MOST_KEPT: Final = 24


@dataclass(frozen=True)
class Match:
    """Which models answer the words and how well; every model's score is in its place."""

    mask: Mask
    steps: Codes
    asked: Asked
    relaxed: bool = False
    correction: Correction | None = None


@dataclass(frozen=True)
class _Answer:
    """How well each model answers each term, and what stands together as it was asked."""

    terms: tuple[Scores, ...]
    bonus: Scores


class Matcher:
    """Asks the engine, and remembers the last few answers: a click on a facet asks the same."""

    def __init__(self) -> None:
        self._vocabulary = Vocabulary()
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, str], _Answer] = OrderedDict()

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
        answer = self._answer(session, shelf, text, question)
        answer = _with_parts_of_names(answer, shelf, question, visible)
        meant = self._meant(session, shelf, text, question, answer, visible)
        correction = None
        if meant is not None and meant != " ".join(words_in(text)):
            correction = Correction(text.strip(), meant, is_applied=not verbatim)
            if not verbatim:
                question = asked(meant)
                answer = self._answer(session, shelf, meant, question)
                answer = _with_parts_of_names(answer, shelf, question, visible)
        mask, scores, relaxed = _all_or_most(question, answer, visible)
        steps = np.floor((scores + answer.bonus) / STEP).astype(np.int32)
        return Match(mask, steps, question, relaxed, correction)

    def _answer(self, session: Session, shelf: Shelf, text: str, question: Asked) -> _Answer:
        key = (shelf.stamp, text.strip() + " " * (not question.terms[-1].beginning))
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                return kept
        words = self._vocabulary.words(session, shelf.stamp)
        answer = _ask(session, shelf, question, words)
        with self._lock:
            self._kept[key] = answer
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return answer

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
        unknown = [
            word
            for term, scores in zip(question.terms, answer.terms, strict=True)
            if not (scores[visible] > 0).any()
            for word in _typed(question, term)
        ]
        if not unknown:
            return None
        words = self._vocabulary.words(session, shelf.stamp)
        instead = {
            word: found
            for word in unknown
            if (found := _corrected(session, shelf, word, words, visible))
        }
        return " ".join(instead.get(word, word) for word in words_in(text)) if instead else None


def _typed(question: Asked, term: Term) -> list[str]:
    own = term.alternatives[0]
    return [word for word in question.words if stem(word) in own]


def _corrected(
    session: Session, shelf: Shelf, word: str, words: Sequence[str], visible: Mask
) -> str:
    """The nearest word that stands in a model the person may see; of several the most common."""
    near = spelling.near(word, words)
    if not near:
        return ""
    connection = session.connection()
    wanted = [tokens_of(PLACES, stem(one)) for one, _ in near]
    found = engine_for(connection).holding(connection, wanted)
    ranked = [
        (slips + (one[0] != word[0]), -int(visible[shelf.places_of(numbers)].sum()), one)
        for (one, slips), numbers in zip(near, found, strict=True)
    ]
    known = [one for one in ranked if one[1] < 0]
    return min(known)[2] if known else ""


@dataclass(frozen=True)
class _Slot:
    """One list of tokens for the engine: for which term, and what holding one of them is worth."""

    term: int
    worth: float
    tokens: tuple[Token, ...]


def _ask(session: Session, shelf: Shelf, question: Asked, words: Sequence[str]) -> _Answer:
    slots = [
        slot for place, term in enumerate(question.terms) for slot in _slots(place, term, words)
    ]
    pairs = [_pair_slots(place, term) for place, term in enumerate(question.terms)]
    bonuses = [(Token(question.whole),), *((Token(phrase),) for phrase in question.phrases)]
    wanted = [slot.tokens for slot in slots]
    wanted += [(token,) for of_term in pairs for tokens in of_term for token in tokens]
    wanted += bonuses
    connection = session.connection()
    found = engine_for(connection).holding(connection, wanted)
    scores = [np.zeros(len(shelf), dtype=np.float32) for _ in question.terms]
    for slot in slots:
        _raise_to(scores[slot.term], shelf.places_of(next(found)), slot.worth)
    for place, of_term in enumerate(pairs):
        for tokens in of_term:
            together = np.ones(len(shelf), dtype=np.bool_)
            for _ in tokens:
                held = np.zeros(len(shelf), dtype=np.bool_)
                held[shelf.places_of(next(found))] = True
                together &= held
            _raise_to(scores[place], np.flatnonzero(together), SYNONYM * PLACES["u"])
    bonus = np.zeros(len(shelf), dtype=np.float32)
    bonus[shelf.places_of(next(found))] += NAME_BONUS
    for _ in question.phrases:
        bonus[shelf.places_of(next(found))] += PHRASE_BONUS / len(question.phrases)
    return _Answer(tuple(scores), bonus)


def _slots(place: int, term: Term, words: Sequence[str]) -> Iterator[_Slot]:
    own, *others = term.alternatives
    alike = [other[0] for other in others if len(other) == 1]
    begun = _begun(term.beginning, words)
    for letter, worth in PLACES.items():
        for root in own:
            yield _Slot(place, worth, tuple(tokens_of(letter, root)))
        if alike and letter != REST:
            tokens = tuple(Token(letter + root) for root in alike)
            yield _Slot(place, worth * SYNONYM, tokens)
        if term.beginning and (len(term.beginning) > 1 or letter == "n"):
            first = Token(letter + term.beginning, begins=True)
            rest = tuple(Token(letter + root) for root in begun)
            yield _Slot(place, worth * BEGINNING, (first, *rest))


def _pair_slots(_place: int, term: Term) -> list[tuple[Token, ...]]:
    """For each synonym of several words, the neighbours that must stand together."""
    return [
        tuple(Token(PHRASE + a + b) for a, b in pairwise(other))
        for other in term.alternatives[1:]
        if len(other) > 1
    ]


def _begun(beginning: str, words: Sequence[str]) -> list[str]:
    """Stems of words that begin as typed although their stems do not: predicti, predict."""
    if len(beginning) <= _SHORTEST_PART:
        return []
    start = bisect_left(words, beginning)
    found: dict[str, None] = {}
    for word in islice(words, start, None):
        if not word.startswith(beginning):
            break
        if not (root := stem(word)).startswith(beginning):
            found[root] = None
    return list(found)[:_MOST_BEGUN]


def _raise_to(scores: Scores, places: npt.NDArray[np.integer], worth: float) -> None:
    scores[places] = np.maximum(scores[places], np.float32(worth))


def _with_parts_of_names(answer: _Answer, shelf: Shelf, question: Asked, visible: Mask) -> _Answer:
    """The answer in which a word that stands in nothing visible may still be a part of names.

    Whether it stands in something hidden must change nothing of what is found.
    """
    terms = list(answer.terms)
    for place, term in enumerate(question.terms):
        if (terms[place][visible] > 0).any():
            continue
        words = [word for word in _typed(question, term) if len(word) >= _SHORTEST_PART]
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
