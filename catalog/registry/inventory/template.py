"""The language naming rules are written in: `{domain}-{purpose}-{kind:pd|lgd}`, and nothing more.

A rule is never a regular expression: those can be written so that one name keeps a processor busy
for years. A template is read once into a machine of states; a name is then read once, letter by
letter, whatever the template says: the time is the length of the name.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from ledger.errors import Invalid

LONGEST_TEMPLATE: Final = 200
MOST_CHOICES: Final = 20
LONGEST_NAME: Final = 500
_MOST_REMEMBERED: Final = 20_000

SMALL: Final = frozenset(string.ascii_lowercase)
DIGITS: Final = frozenset(string.digits)
PLAIN: Final = frozenset(string.ascii_letters + string.digits + "-_. ")
ANY: Final = frozenset(string.ascii_letters + string.digits + "-_.")
# What a part may be, and how a person reads it.
KINDS: Final = {
    "word": "small letters and digits, a letter first",
    "words": "words with - between them",
    "letters": "small letters",
    "digits": "digits",
    "any": "letters, digits, - _ and .",
    "domain": "the model's own domain, in small letters with - for spaces",
}
_PART: Final = re.compile(r"([a-z][a-z0-9_]{0,39})(?::([A-Za-z0-9_.|-]{1,150}))?")
_HINT: Final = "For example {domain}-{purpose}-{kind:pd|lgd}."


@dataclass(frozen=True)
class Part:
    """One piece of a template: written out, or to be filled in. An optional one may be missing."""

    kind: str
    text: str = ""
    choices: tuple[str, ...] = ()
    optional: int = 0


@dataclass(frozen=True)
class Breach:
    """Where a name stops following a template (0 is its first letter), and what should follow."""

    at: int
    expected: str


def parse(template: str) -> tuple[Part, ...]:
    """The parts of a template. Raises Invalid, saying where it cannot be read."""
    if not 1 <= len(template) <= LONGEST_TEMPLATE:
        raise _wrong(f"A template has 1 to {LONGEST_TEMPLATE} characters")
    parts: list[Part] = []
    at, group, groups = 0, 0, 0
    while at < len(template):
        sign = template[at]
        if sign == "{":
            end = template.find("}", at)
            if end < 0:
                raise _wrong(f"The brace at {at + 1} is not closed")
            parts.append(_part(template[at + 1 : end], at, group))
            at = end
        elif sign == "[" and not group:
            groups += 1
            group = groups
        elif sign == "]" and group:
            if not any(part.optional == group for part in parts):
                raise _wrong(f"There is nothing in the brackets that end at {at + 1}")
            group = 0
        elif sign in PLAIN:
            parts.append(Part("plain", sign, optional=group))
        else:
            raise _wrong(f"The character {sign!r} at {at + 1} cannot stand in a template")
        at += 1
    if group:
        raise _wrong("A bracket is not closed")
    return tuple(parts)


def _part(inside: str, at: int, group: int) -> Part:
    found = _PART.fullmatch(inside)
    if not found:
        raise _wrong(f"The part at {at + 1} has no name in small letters, or a sign too many")
    name, said = found.groups()
    kind = said or (name if name in KINDS else "word")
    if kind in KINDS:
        return Part(kind, optional=group)
    choices = tuple(kind.split("|"))
    if "" in choices or len(choices) > MOST_CHOICES:
        raise _wrong(f"The part at {at + 1} has 1 to {MOST_CHOICES} choices with | between them")
    if len(choices) == 1:
        raise _wrong(f"The part at {at + 1} is of an unknown kind; use {', '.join(KINDS)}")
    return Part("choice", choices=choices, optional=group)


def _wrong(why: str) -> Invalid:
    return Invalid(f"{why}.", hint=_HINT, code="bad-template")


def slug(domain: str) -> str:
    """A domain as a name can hold it: `Retail credit` is `retail-credit`."""
    return "-".join(re.findall(r"[a-z0-9]+", domain.lower()))


@dataclass
class _State:
    """A place in the machine: where each letter leads to, and where one may go without any."""

    ways: list[tuple[frozenset[str], int]] = field(default_factory=list)
    free: list[int] = field(default_factory=list)


class Matcher:
    """A template made ready for the names of one domain.

    Where each letter led is remembered, so that most letters cost one look. `domain` is None for
    the example of a rule: any domain will do.
    """

    def __init__(self, template: str, domain: str | None) -> None:
        self._states = [_State()]
        # The places at which a letter of the domain is expected.
        self._in_domain: set[int] = set()
        self._slug = slug(domain or "")
        end, group, began = 0, 0, 0
        for part in parse(template):
            if part.optional != group:
                if group:
                    end = self._skippable(began, end)
                group, began = part.optional, end
            end = self._add(part, end, domain)
        if group:
            end = self._skippable(began, end)
        self._end = end
        self._start = self._closed({0})
        self._steps: dict[tuple[frozenset[int], str], frozenset[int]] = {}

    def follows(self, name: str) -> bool:
        """Whether a name follows the template."""
        return self.breach(name) is None

    def breach(self, name: str) -> Breach | None:
        """Where the name stops following the template, or nothing."""
        here, steps = self._start, self._steps
        for at, letter in enumerate(name[:LONGEST_NAME]):
            led = steps.get((here, letter))
            if led is None:
                led = self._step(here, letter)
            if not led:
                return Breach(at, self._expected(here))
            here = led
        if len(name) <= LONGEST_NAME and self._end in here:
            return None
        return Breach(min(len(name), LONGEST_NAME), self._expected(here))

    # -- building ------------------------------------------------------------------------------

    def _new(self) -> int:
        self._states.append(_State())
        return len(self._states) - 1

    def _skippable(self, began: int, end: int) -> int:
        """A place behind what may be left out. Its own end may go round, so it is not led to."""
        behind = self._new()
        self._states[began].free.append(behind)
        self._states[end].free.append(behind)
        return behind

    def _one(self, letters: frozenset[str], at: int, to: int | None = None) -> int:
        """One letter of these leads on."""
        to = self._new() if to is None else to
        self._states[at].ways.append((letters, to))
        return to

    def _many(self, first: frozenset[str], then: frozenset[str], at: int) -> int:
        """One letter of the first, and any number of the others."""
        end = self._one(first, at)
        self._one(then, end, end)
        return end

    def _spelt(self, text: str, at: int) -> int:
        for letter in text:
            at = self._one(frozenset(letter), at)
        return at

    def _own_domain(self, at: int) -> int:
        """The domain letter by letter; of no domain nothing leads on."""
        if not self._slug:
            return self._new()
        end = self._spelt(self._slug, at)
        self._in_domain |= {at, *range(end - len(self._slug) + 1, end)}
        return end

    def _add(self, part: Part, at: int, domain: str | None) -> int:
        if part.kind == "plain":
            return self._spelt(part.text, at)
        if part.kind == "choice":
            end = self._new()
            for choice in part.choices:
                self._states[self._spelt(choice, at)].free.append(end)
            return end
        if part.kind == "domain" and domain is not None:
            return self._own_domain(at)
        if part.kind in {"words", "domain"}:
            first = SMALL if part.kind == "words" else SMALL | DIGITS
            end = self._many(first, SMALL | DIGITS, at)
            again = self._one(frozenset("-"), end)
            self._one(first, again, end)
            return end
        letters = {"letters": SMALL, "digits": DIGITS, "any": ANY}.get(part.kind)
        if letters is not None:
            return self._many(letters, letters, at)
        return self._many(SMALL, SMALL | DIGITS, at)

    # -- running -------------------------------------------------------------------------------

    def _closed(self, places: set[int]) -> frozenset[int]:
        """The places, and all that are reached from them for nothing."""
        found, todo = set(places), list(places)
        while todo:
            for one in self._states[todo.pop()].free:
                if one not in found:
                    found.add(one)
                    todo.append(one)
        return frozenset(found)

    def _step(self, here: frozenset[int], letter: str) -> frozenset[int]:
        led = self._closed(
            {to for place in here for letters, to in self._states[place].ways if letter in letters}
        )
        if len(self._steps) < _MOST_REMEMBERED:
            self._steps[here, letter] = led
        return led

    def _expected(self, places: frozenset[int]) -> str:
        """What may follow a set of places, in words."""
        if places <= self._in_domain:
            return f"its domain, {self._slug!r}"
        letters: frozenset[str] = frozenset()
        for place in places:
            for found, _to in self._states[place].ways:
                letters |= found
        said = [word for group, word in _WORDS if group <= letters]
        rest = letters - frozenset().union(*(group for group, _word in _WORDS if group <= letters))
        said += [f"{letter!r}" for letter in sorted(rest)]
        if self._end in places:
            said.append("the end")
        return " or ".join(said) or "the model's domain, which nobody has said yet"


_WORDS: Final = (
    (SMALL, "a small letter"),
    (frozenset(string.ascii_uppercase), "a capital"),
    (DIGITS, "a digit"),
)


@lru_cache(maxsize=1024)
def matcher(template: str, domain: str | None) -> Matcher:
    """The template made ready for one domain, kept for the next name. Raises Invalid."""
    return Matcher(template, domain)


def needs_domain(template: str) -> bool:
    """Whether what the template lets through depends on the domain."""
    return any(part.kind == "domain" for part in parse(template))
