"""Short marks: a status says a word, a shape and a colour; a fact only says a word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from app.ui import words
from app.ui.markup import Markup, join, tag

Shape = Literal["tick", "cross", "ring", "triangle", "clock", "dash"]
Tone = Literal["pass", "fail", "attention", "accent", "neutral"]

_SOON_DAYS = 2


@dataclass(frozen=True)
class Look:
    """How one status word is drawn."""

    shape: Shape
    tone: Tone


_PASS = Look("tick", "pass")
_FAIL = Look("cross", "fail")
_GAP = Look("ring", "attention")
_WARNING = Look("triangle", "attention")
_WAITS = Look("clock", "accent")
_CLOCK = Look("clock", "neutral")
_QUIET = Look("dash", "neutral")

# The one vocabulary of statuses. A word that is not here is drawn quietly: an unknown status must
# never look like a good one.
VOCABULARY: dict[str, Look] = {
    **dict.fromkeys(
        (
            "Pass",
            "Healthy",
            "Sound",
            "Applied",
            "Verified",
            "Approved",
            "Active",
            "Live",
            "Closed",
            "Done",
            "Allowed",
            "Identical",
            "Accepted",
            "Work as expected",
        ),
        _PASS,
    ),
    **dict.fromkeys(
        (
            "Fail",
            "Breached",
            "Overdue",
            "Tainted",
            "Revoked",
            "Rejected",
            "Failed",
            "Refused",
            "Disabled",
            "Obsolete",
            "Outside their limits",
        ),
        _FAIL,
    ),
    **dict.fromkeys(
        ("Missing", "No monitor", "Second approver needed", "Not watched", "Unknown", "Silent"),
        _GAP,
    ),
    **dict.fromkeys(
        (
            "Drift",
            "Small sample",
            "Suspect",
            "Changes requested",
            "Warning",
            "Errors",
            "Stale",
            "Conditionally approved",
            "Need attention soon",
            "Deprecated",
        ),
        _WARNING,
    ),
    "Emergency": Look("triangle", "fail"),
    # How bad a finding is: each looks different from the others.
    "Critical": _FAIL,
    "High": Look("triangle", "fail"),
    "Medium": _WARNING,
    "Low": _QUIET,
    **dict.fromkeys(("In review", "Pending review", "Pending", "Running", "Queued"), _WAITS),
    **dict.fromkeys(("Due", "Expires", "Waits", "Open", "Remedied"), _CLOCK),
    **dict.fromkeys(
        ("Draft", "Dropped", "Withdrawn", "Expired", "Retired", "Superseded", "None"), _QUIET
    ),
}


def look(word: str) -> Look:
    """The shape and tone of a status word, whatever its capitals."""
    return VOCABULARY.get(word[:1].upper() + word[1:].lower(), _QUIET)


def shape(word: str) -> Markup:
    """Only the mark of a status, for where its word stands beside it."""
    drawn = look(word)
    return tag("i", cls=f"cs-shape cs-{drawn.shape} cs-t-{drawn.tone}", aria_hidden="true")


def status(word: str, said: str = "") -> Markup:
    """A status chip; `said` may say more than the word of the vocabulary, which sets the look."""
    return _chip(said or word, look(word))


def mark(word: str, said: str = "") -> Markup:
    """A status without a background, for tables and running text."""
    drawn = look(word)
    return tag("span", shape(word), said or word, cls=f"cs-mark cs-t-{drawn.tone}")


def gap(said: str) -> Markup:
    """What is not known or not there, in words, where it would stand."""
    return mark("Missing", said)


@dataclass(frozen=True, kw_only=True)
class Assured:
    """Who computed a number: Countersign itself, or whoever says so; `told` is the whole of it."""

    is_verified: bool
    by: str = ""
    told: str = ""

    @property
    def word(self) -> str:
        """The one word of it."""
        return "verified" if self.is_verified else "self-reported"

    @property
    def chip(self) -> Markup:
        """The word and the source."""
        return assured(is_verified=self.is_verified, by=self.by, told=self.told)

    def behind(self, said: object) -> Markup:
        """Something said, with who computed it behind it."""
        return join((said, " ", self.chip))

    @property
    def short(self) -> Markup:
        """The word alone, where many numbers stand close together."""
        return assured(is_verified=self.is_verified, told=self.told)


def assured(*, is_verified: bool, by: str = "", told: str = "") -> Markup:
    """Whether Countersign checked a number itself or somebody only said so, always in words.

    `told` says who computed it, to whoever points at the word.
    """
    said = f" by {by}" if by else ""
    drawn = (
        mark("Verified", f"verified{said}")
        if is_verified
        else tag("span", f"self-reported{said}", cls="cs-quiet")
    )
    return tag("span", drawn, cls="cs-assured", title=told) if told else drawn


def flagged(word: str, said: str) -> Markup:
    """A sentence marked by a status: only the shape takes its colour."""
    return tag("span", shape(word), tag("span", said), cls="cs-flag")


def due(due_on: date, today: date) -> Markup:
    """A due date as a chip: quiet, then asking for attention in the last 2 days, then overdue."""
    left = words.days_left(due_on, today)
    waits = Look("clock", "attention" if left <= _SOON_DAYS else "neutral")
    return _chip(words.due(due_on, today), _FAIL if left < 0 else waits)


def expires(day: date, today: date) -> Markup:
    """When something is closed by itself, as a chip: quiet, then asking for attention."""
    left = max(0, words.days_left(day, today))
    said = f"Expires in {words.plural(left, 'day')}" if left else "Expires today"
    return _chip(said, Look("clock", "attention" if left <= _SOON_DAYS else "neutral"))


def alias(name: str, version: str | int | None = None) -> Markup:
    """An alias, with the version it is on: `@champion v7`."""
    said = f"@{name.removeprefix('@')}" + ("" if version is None else f" v{version}")
    return tag("span", said, cls="cs-chip cs-alias")


def fact(said: str) -> Markup:
    """A fact without judgement: tier, regulatory class, stage."""
    return tag("span", said, cls="cs-chip cs-fact")


def count(number: int, word: str) -> Markup:
    """How many of a verdict there are: `6 pass`."""
    return _chip(f"{words.thousands(number)} {word.lower()}", look(word))


def row(*chips: object) -> Markup:
    """Chips beside each other, wrapping."""
    return tag("div", join(chips), cls="cs-chips")


def _chip(said: str, drawn: Look) -> Markup:
    mark_ = tag("i", cls=f"cs-shape cs-{drawn.shape}", aria_hidden="true")
    return tag("span", mark_, said, cls=f"cs-chip cs-b-{drawn.tone}")
