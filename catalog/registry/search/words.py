"""Words: how a text is taken apart, the same for what is kept and for what is asked.

The engines are given finished tokens, never text: so both match alike, and nothing a person types
can be read as an operator.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from operator import add
from pathlib import Path
from typing import Any, Final

import yaml

from catalog.registry.search.stems import stem

# A word counts where it says most: each place has its letter in the tokens, and its weight.
PLACES: Final = {"n": 8.0, "u": 4.0, "o": 2.5, "d": 2.0, "t": 1.0}
REST: Final = "t"
PHRASE: Final = "p"
WHOLE_NAME: Final = "x"
LONGEST_WORD: Final = 40
MOST_WORDS: Final = 8
LONGEST_QUERY: Final = 200
# The shortest part of a name that is looked for inside of its words.
SHORTEST_PART: Final = 3
_MOST_TOKENS: Final = 600
_LANGUAGE: Final = Path(__file__).with_name("language.yaml")
_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# Whether there may be a hump at all: most texts have capitals only where a word begins.
_MAYBE_HUMP: Final = re.compile(r"[A-Za-z][A-Z]")
_PLAIN: Final = re.compile(r"[a-z0-9]+")
_CUT: Final = re.compile(rf"([a-z0-9]{{1,{LONGEST_WORD}}})[a-z0-9]*")


@cache
def _language() -> dict[str, list[Any]]:
    kept: dict[str, list[Any]] = yaml.safe_load(_LANGUAGE.read_text())
    return kept


@cache
def little_words() -> frozenset[str]:
    """Stems of words that may be said of any model, and decide little."""
    return frozenset(stem(str(word)) for line in _language()["little"] for word in line.split())


@cache
def stop_words() -> frozenset[str]:
    """Words that say nothing about which model is meant."""
    return frozenset(str(word) for line in _language()["nothing"] for word in line.split())


@dataclass(frozen=True)
class Document:
    """The texts of a model by place: its name, its use, whose it is, where it lies, the rest."""

    name: str
    use: str = ""
    owner: str = ""
    domain: str = ""
    rest: str = ""


@dataclass(frozen=True)
class Indexed:
    """What an engine keeps of a model, and the words as they were written."""

    tokens: str
    words: frozenset[str]


def folded(text: str) -> str:
    """Small letters without accents."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text)
    return "".join(ch for ch in apart if not unicodedata.combining(ch)).casefold()


def words_in(text: str) -> list[str]:
    """The words of a text in their order, folded; a word in humps is several."""
    small = folded(_HUMP.sub(" ", text) if _MAYBE_HUMP.search(text) else text)
    if small.isascii():
        found: list[str] = _CUT.findall(small)
        return found
    apart = "".join(ch if ch.isalnum() else " " for ch in small).split()
    return [word[:LONGEST_WORD] for word in apart]


@lru_cache(maxsize=16_384)
def _short(text: str) -> tuple[str, ...]:
    """The words of a text that many models share: whose they are, where they lie."""
    return tuple(words_in(text))


def index(document: Document) -> Indexed:
    """The tokens of a model: every stem once, at the best place it stands in."""
    seen: dict[str, str] = {}
    pairs: dict[str, None] = {}
    nothing = stop_words()
    named = words_in(document.name)
    kept = set(named)
    for letter, found in (
        ("n", named),
        ("u", words_in(document.use)),
        ("o", _short(document.owner)),
        ("d", _short(document.domain)),
        (REST, words_in(document.rest)),
    ):
        said = found if letter == "n" else [word for word in found if word not in nothing]
        roots = list(map(stem, said))
        for root in roots:
            if root not in seen:
                seen[root] = letter
        kept.update(said)
        if letter in "nu":
            pairs.update(dict.fromkeys(map(add, roots, roots[1:])))
    tokens = [letter + root for root, letter in seen.items()]
    whole = WHOLE_NAME + "".join(named)
    phrases = [PHRASE + pair for pair in pairs]
    return Indexed(
        " ".join([whole, *tokens, *phrases][:_MOST_TOKENS]), frozenset(filter(str.isalpha, kept))
    )


@dataclass(frozen=True)
class Term:
    """One thing that must be found: a word, or a phrase for which there is another word.

    Any of the alternatives will do; each is a list of stems that must all stand there.
    """

    alternatives: tuple[tuple[str, ...], ...]
    # The last word as far as it is typed: whatever begins so is meant too.
    beginning: str = ""
    is_little: bool = False


@dataclass(frozen=True)
class Asked:
    """A text taken apart: its words as typed, and what must be found."""

    words: tuple[str, ...]
    terms: tuple[Term, ...]
    phrases: tuple[str, ...]
    whole: str

    def stems(self) -> frozenset[str]:
        """Every stem that counts as found, for marking it in a text."""
        return frozenset(
            root for term in self.terms for roots in term.alternatives for root in roots
        )


def asked(text: str) -> Asked:
    """What a text asks for; words that say nothing are left out unless there is nothing else."""
    plain = text[:LONGEST_QUERY]
    typed = list(dict.fromkeys(words_in(plain)))[:MOST_WORDS]
    words = [word for word in typed if word not in stop_words()] or typed
    is_open = bool(words) and plain[-1:].isalnum() and typed[-1] == words[-1]
    roots = [stem(word) for word in words]
    phrases = tuple(PHRASE + a + b for a, b in pairwise(roots))
    whole = WHOLE_NAME + "".join(words_in(plain)) if words else ""
    return Asked(tuple(words), tuple(_terms(words, roots, is_open=is_open)), phrases, whole)


def _terms(words: list[str], roots: list[str], *, is_open: bool) -> Iterator[Term]:
    others = synonyms()
    place = 0
    while place < len(roots):
        pair = tuple(roots[place : place + 2])
        taken = 2 if len(pair) == 2 and pair in others else 1  # noqa: PLR2004 - a pair is two
        own = tuple(roots[place : place + taken])
        place += taken
        beginning = words[-1] if is_open and place == len(roots) else ""
        is_little = len(roots) > 1 and own[0] in little_words()
        yield Term((own, *others.get(own, ())), beginning, is_little)


@cache
def synonyms() -> dict[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """For the stems of a word or a pair of words: the others that mean the same."""
    found: dict[tuple[str, ...], tuple[tuple[str, ...], ...]] = {}
    for group in _language()["alike"]:
        alike = list(dict.fromkeys(_roots(phrase) for phrase in group))
        for one in alike:
            known = found.get(one, ())
            found[one] = (*known, *(other for other in alike if other not in {one, *known}))
    return found


def _roots(phrase: str) -> tuple[str, ...]:
    return tuple(stem(word) for word in words_in(phrase) if word not in stop_words())


@lru_cache(maxsize=1024)
def marked(text: str, stems: frozenset[str], beginning: str) -> tuple[tuple[str, bool], ...]:
    """A text in parts, each with whether it was asked for."""
    parts: list[tuple[str, bool]] = []
    for part in _parts(text):
        found = not part.isspace() and _is_asked(part, stems, beginning)
        if parts and parts[-1][1] == found:
            parts[-1] = (parts[-1][0] + part, found)
        else:
            parts.append((part, found))
    return tuple(parts)


def _is_asked(part: str, stems: frozenset[str], beginning: str) -> bool:
    for word in (part,) if _PLAIN.fullmatch(part) else words_in(part):
        if stem(word) in stems or (beginning and word.startswith(beginning)):
            return True
    return False


def _parts(text: str) -> Iterable[str]:
    """Words and what stands between them, in their order; nothing is lost."""
    return re.findall(r"\w+|\W+", text)
