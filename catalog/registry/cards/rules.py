"""The law of the card: what each field may hold, what it weighs, and what to write when it lacks.

One table says for each field who asks, how much of the whole it makes, and the sentence that tells
a person what to write. The editor, the verb and the score read the same table.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from catalog.registry.cards.body import Assessment, CardBody, Figure, Risk, entries
from ledger.errors import Invalid

APPROACHES: Final = (
    "supervised",
    "unsupervised",
    "reinforcement-learning",
    "semi-supervised",
    "self-supervised",
)
MOST_ENTRIES: Final = 20
LONGEST_ENTRY: Final = 2_000
LONGEST_NAME: Final = 120

Sort = Literal["lines", "risks", "assessments", "choice", "name", "figures"]


@dataclass(frozen=True)
class Field:
    """One field of a card.

    `weight` is its part of the score, which is 100 when every field that weighs anything is filled
    with at least `least` characters; `missing` says what to write.
    """

    key: str
    title: str
    asks: str
    weight: int
    sort: Sort
    least: int = 1
    missing: str = ""


FIELDS: Final = (
    Field(
        "use_cases",
        "Intended use",
        "Which decision is it made for?",
        20,
        "lines",
        20,
        "Write which decision the model is made for, and at which moment it is asked.",
    ),
    Field(
        "out_of_scope",
        "Not meant for",
        "What must it not be used for?",
        15,
        "lines",
        15,
        "Name the uses that lie near and are wrong: other products, other people, other countries.",
    ),
    Field(
        "users",
        "Users",
        "Who works with its answers?",
        10,
        "lines",
        5,
        "Name who works with the answers: a role, a team or an application.",
    ),
    Field(
        "limitations",
        "Limitations",
        "Where is it weak?",
        15,
        "lines",
        20,
        "Say on which data it is known to be weak, and what it was never tried on.",
    ),
    Field(
        "assessments",
        "Fairness",
        "Whom could it put at a disadvantage?",
        15,
        "assessments",
        5,
        "Name a group at risk with harms and what is done; if no people are judged, say that.",
    ),
    Field(
        "risks",
        "Ethical risks",
        "What could go wrong for people?",
        10,
        "risks",
        10,
        "Name at least one risk and what is done about it.",
    ),
    Field(
        "tradeoffs",
        "Trade-offs",
        "What was given up for what?",
        5,
        "lines",
        15,
        "Say what was given up for what: recall for precision, accuracy for an explanation.",
    ),
    Field(
        "approach",
        "Approach",
        "How did it learn?",
        3,
        "choice",
        1,
        f"Choose how it learnt: {', '.join(APPROACHES)}.",
    ),
    Field(
        "family",
        "Family",
        "Of which kind is it?",
        2,
        "name",
        3,
        "Write the kind of model, for example gradient boosted trees.",
    ),
    Field("architecture", "Architecture", "Which one exactly?", 0, "name"),
    Field(
        "environment",
        "Environment",
        "What does running it cost the environment?",
        5,
        "lines",
        15,
        "Say what training and running it use: hours of which machine, or kilowatt-hours.",
    ),
    Field(
        "figures", "Reported figures", "Which numbers do you report beside the runs?", 0, "figures"
    ),
)
TITLES: Final = {field.key: field.title for field in FIELDS}
_EMPTY_WORDS: Final = frozenset(
    {"-", "--", ".", "...", "?", "n/a", "na", "nil", "none yet", "tba", "tbd", "to do", "xxx"}
)


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field, and the remedy; `place` counts entries from 1, 0 is all."""

    field: str
    place: int
    said: str
    remedy: str

    def __str__(self) -> str:
        """As a sentence that names the field."""
        entry = f", entry {self.place}" if self.place else ""
        return f"{TITLES[self.field]}{entry} {self.said}."


@dataclass(frozen=True)
class Completeness:
    """How much of a card is there, from 0 to 100, and the fields that lack."""

    score: int
    missing: tuple[Field, ...]


def completeness(body: CardBody) -> Completeness:
    """The weights of the filled fields, and what to write in the others."""
    missing = tuple(
        field
        for field in FIELDS
        if field.weight and sum(map(len, entries(body, field.key))) < field.least
    )
    return Completeness(100 - sum(field.weight for field in missing), missing)


def problems(body: CardBody) -> list[Problem]:
    """Everything that is wrong with a card, field by field; nothing when it may be published."""
    found: list[Problem] = []
    for field in FIELDS:
        said = entries(body, field.key)
        if len(said) > MOST_ENTRIES:
            found.append(
                Problem(
                    field.key,
                    0,
                    f"has {len(said)} entries",
                    f"Keep it to {MOST_ENTRIES}; join those that belong together.",
                )
            )
        found += _of_field(body, field)
    return found


def insist_sound(body: CardBody) -> None:
    """Go on only with a card without problems. Raises Invalid about the first, naming its field."""
    found = problems(body)
    if found:
        more = f" {len(found) - 1} more fields are wrong." if len(found) > 1 else ""
        raise Invalid(f"{found[0]}", hint=f"{found[0].remedy}{more}", code="card-field")
    if not any(entries(body, field.key) for field in FIELDS):
        raise Invalid(
            "The card says nothing yet.",
            hint="Begin with Intended use: which decision the model is made for.",
            code="card-empty",
        )


def _of_field(body: CardBody, field: Field) -> Iterator[Problem]:
    value = getattr(body, field.key)
    if field.sort == "choice":
        if value and value not in APPROACHES:
            yield Problem(field.key, 0, f"cannot be {value[:40]!r}", field.missing)
    elif field.sort == "name":
        yield from (_wrong(field, 0, value, "", LONGEST_NAME) if value else ())
    elif field.sort == "lines":
        for place, one in enumerate(value, start=1):
            yield from _wrong(field, place, one, "", LONGEST_ENTRY)
        if len({one.casefold() for one in value}) < len(value):
            yield Problem(field.key, 0, "says the same thing twice", "Leave one of them out.")
    else:
        for place, one in enumerate(value, start=1):
            yield from _of_part(field, place, one)


def _of_part(field: Field, place: int, part: Risk | Assessment | Figure) -> Iterator[Problem]:
    if isinstance(part, Risk):
        yield from _wrong(field, place, part.name, "the risk", LONGEST_ENTRY)
        yield from _wrong(field, place, part.mitigation, "what is done about it", LONGEST_ENTRY)
    elif isinstance(part, Assessment):
        yield from _wrong(field, place, part.group, "the group", LONGEST_ENTRY)
        if not (part.benefits or part.harms):
            yield Problem(
                field.key, place, "says neither benefit nor harm", "Write at least one of the two."
            )
        if part.harms and not part.mitigation:
            yield Problem(
                field.key,
                place,
                "names a harm without what is done about it",
                "Write what is done, or that nothing is done and why.",
            )
        for said, what in (
            (part.benefits, "the benefits"),
            (part.harms, "the harms"),
            (part.mitigation, "what is done"),
        ):
            yield from (_wrong(field, place, said, what, LONGEST_ENTRY) if said else ())
    else:
        yield from _of_figure(field, place, part)


def _of_figure(field: Field, place: int, figure: Figure) -> Iterator[Problem]:
    yield from _wrong(field, place, figure.type, "the name of the metric", LONGEST_NAME)
    yield from (
        _wrong(field, place, figure.slice, "the slice", LONGEST_NAME) if figure.slice else ()
    )
    value = _number(figure.value)
    if value is None:
        yield Problem(
            field.key, place, "has no number as its value", "Write it with a point: 0.812."
        )
    if bool(figure.lower) != bool(figure.upper):
        yield Problem(
            field.key, place, "has half an interval", "Give both bounds, or leave both out."
        )
    elif figure.lower:
        low, high = _number(figure.lower), _number(figure.upper)
        if low is None or high is None:
            yield Problem(
                field.key, place, "has a bound that is no number", "Write it with a point: 0.79."
            )
        elif value is not None and not low <= value <= high:
            yield Problem(
                field.key,
                place,
                "has a value outside its interval",
                "The lower bound comes first, and the value lies between the bounds.",
            )


def _number(said: str) -> float | None:
    try:
        value = float(said)
    except ValueError:
        return None
    return value if math.isfinite(value) and said.isascii() and "_" not in said else None


def _wrong(field: Field, place: int, said: str, what: str, longest: int) -> Iterator[Problem]:
    """What is wrong with one text of a field."""
    of = f" in {what}" if what else ""
    if not said.strip():
        yield Problem(
            field.key, place, f"lacks {what or 'its text'}", "Write it, or leave the entry out."
        )
    elif said.strip().casefold() in _EMPTY_WORDS:
        yield Problem(
            field.key,
            place,
            f"says nothing{of}",
            "Leave it empty until you know it: it counts less.",
        )
    if len(said) > longest:
        yield Problem(
            field.key,
            place,
            f"has {len(said):,} characters{of}",
            f"Keep it to {longest:,}; link to the longer text instead.",
        )
    if any(unicodedata.category(one) in {"Cc", "Cs"} for one in said):
        yield Problem(
            field.key, place, f"holds a control character{of}", "Type it again as plain text."
        )
