"""Stems: what the forms of an English word have in common.

M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980, pages 130-137.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_SHORTEST: Final = 3
_STEP_2: Final = (
    ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"),
    ("abli", "able"), ("alli", "al"), ("entli", "ent"), ("eli", "e"), ("ousli", "ous"),
    ("ization", "ize"), ("ation", "ate"), ("ator", "ate"), ("alism", "al"), ("iveness", "ive"),
    ("fulness", "ful"), ("ousness", "ous"), ("aliti", "al"), ("iviti", "ive"), ("biliti", "ble"),
)  # fmt: skip
_STEP_3: Final = (
    ("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""),
    ("ness", ""),
)  # fmt: skip
_STEP_4: Final = (
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "sion",
    "tion", "ou", "ism", "ate", "iti", "ous", "ive", "ize",
)  # fmt: skip
# A consonant is what is no vowel; y is a vowel after a consonant.
_CONSONANT: Final = "(?:[^aeiouy]|(?<![^aeiou])y)"
_VOWEL: Final = "(?:[aeiou]|(?<=[^aeiou])y)"
_HAS_VOWEL: Final = re.compile(_VOWEL)
_MEASURE: Final = re.compile(f"{_VOWEL}+{_CONSONANT}+")
_SHORT: Final = re.compile(f"{_CONSONANT}{_VOWEL}[^aeiouwxy]$")
_DOUBLE: Final = re.compile(r"([^aeioulsz])\1$")


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """The stem of a folded word; what is no English word in small letters stays as it is."""
    if len(word) < _SHORTEST or not (word.isascii() and word.isalpha()):
        return word
    word = _past_and_progress(_plural(word))
    if word.endswith("y") and _HAS_VOWEL.search(word[:-1]):
        word = word[:-1] + "i"
    word = _replaced(_replaced(word, _STEP_2), _STEP_3)
    return _tidied(_stripped(word))


def _measure(part: str) -> int:
    """How many times vowels are followed by consonants."""
    return len(_MEASURE.findall(part))


def _plural(word: str) -> str:
    if word.endswith(("sses", "ies")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _past_and_progress(word: str) -> str:
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) else word
    for suffix in ("ed", "ing"):
        if word.endswith(suffix) and _HAS_VOWEL.search(word[: -len(suffix)]):
            left = word[: -len(suffix)]
            if left.endswith(("at", "bl", "iz")):
                return left + "e"
            if _DOUBLE.search(left):
                return left[:-1]
            return left + "e" if _measure(left) == 1 and _SHORT.search(left) else left
    return word


def _replaced(word: str, endings: tuple[tuple[str, str], ...]) -> str:
    for suffix, instead in endings:
        if word.endswith(suffix):
            left = word[: -len(suffix)]
            return left + instead if _measure(left) else word
    return word


def _stripped(word: str) -> str:
    # The longest ending decides, whether it is taken away or not.
    for suffix in sorted(_STEP_4, key=len, reverse=True):
        if word.endswith(suffix):
            cut = suffix[1:] if suffix in {"sion", "tion"} else suffix
            left = word[: -len(cut)]
            return left if _measure(left) > 1 else word
    return word


def _tidied(word: str) -> str:
    if word.endswith("e"):
        left, measure = word[:-1], _measure(word[:-1])
        if measure > 1 or (measure == 1 and not _SHORT.search(left)):
            word = left
    return word[:-1] if word.endswith("ll") and _measure(word) > 1 else word
