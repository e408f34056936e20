"""Questions: what is looked for, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from catalog.registry.measures import Measure, Reading
from catalog.registry.models import Metric, Model
from ledger.errors import Invalid

# What models can be narrowed by: the name in an address, and the column it stands for.
FACETS: Final[Mapping[str, str]] = {
    "domain": "domain",
    "task": "task",
    "live": "aliases",
    "owner": "owner",
    "framework": "frameworks",
    "stage": "stage",
    "tier": "tier",
    "class": "regulatory_class",
    "data": "datasets",
    "tag": "tags",
    "card": "card",
    "changed": "changed",
}
# How complete a card is, in percent, and how many days ago something changed.
CARD_BANDS: Final[Mapping[str, tuple[int, int]]] = {
    "80 to 100 %": (80, 100),
    "50 to 79 %": (50, 79),
    "1 to 49 %": (1, 49),
    "No card": (0, 0),
}
CHANGED_BANDS: Final[Mapping[str, int]] = {
    "Last 7 days": 7,
    "Last 30 days": 30,
    "Last 90 days": 90,
    "Last 365 days": 365,
}
MOST_VALUES: Final = 50
_LONGEST_NAME: Final = 250


class Order(StrEnum):
    """What stands first."""

    BEST_MATCH = "match"
    NEWEST = "newest"
    BEST_METRIC = "metric"
    NAME = "name"


@dataclass(frozen=True)
class Range:
    """A number that must lie between two others, on the version that stands for the model."""

    metric: str
    least: float | None = None
    most: float | None = None

    def __bool__(self) -> bool:
        """Whether it narrows anything."""
        return bool(self.metric) and (self.least is not None or self.most is not None)


@dataclass(frozen=True)
class Question:
    """What is looked for. Of several values of a facet any one will do; facets narrow each other.

    `verbatim` takes the words as they are typed, corrected or not.
    """

    text: str = ""
    chosen: Mapping[str, frozenset[str]] = field(default_factory=dict)
    range: Range = Range("")
    verbatim: bool = False

    def __post_init__(self) -> None:
        """Raises Invalid for what no address of Discover can ask."""
        if unknown := self.chosen.keys() - FACETS.keys():
            raise Invalid(
                f"Models cannot be narrowed by {min(unknown)!r}.",
                hint=f"Narrow them by: {', '.join(FACETS)}.",
            )
        if any(len(values) > MOST_VALUES for values in self.chosen.values()):
            raise Invalid(f"At most {MOST_VALUES} values of a facet can be chosen.")
        if len(self.range.metric) > _LONGEST_NAME:
            raise Invalid("No metric has a name that long.", hint="Use its name as in MLflow.")

    def without(self, *, text: bool = False, facets: bool = False) -> Question:
        """The same question, asked more widely."""
        wider = replace(self, text="", verbatim=False) if text else self
        return replace(wider, chosen={}, range=Range("")) if facets else wider

    @property
    def is_open(self) -> bool:
        """Whether it leaves everything in."""
        return not (self.text.strip() or any(self.chosen.values()) or self.range)


@dataclass(frozen=True)
class Snippet:
    """Where the words stand in a text: its parts, each with whether it was asked for."""

    place: str
    parts: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class Hit:
    """A model that was found, with what its card shows.

    The metrics are those of its champion, or of its newest version while nothing is live; `number`
    says which version that is, and `key` is the one that decides. `is_locked` says that the model
    is restricted and whoever asked is kept out: then there is no more here than its summary.
    """

    model: Model
    owner: str
    metrics: tuple[Metric, ...] = ()
    number: int | None = None
    key: Reading | None = None
    name: tuple[tuple[str, bool], ...] = ()
    snippet: Snippet | None = None
    is_locked: bool = False

    @property
    def is_live(self) -> bool:
        """Whether a champion is set."""
        return self.model.alias("champion") is not None


@dataclass(frozen=True)
class Correction:
    """What was searched for instead, or could be, and what was typed."""

    typed: str
    meant: str
    is_applied: bool


@dataclass(frozen=True)
class Found:
    """One page of hits, how many there are in all, and how many each value would leave.

    `measure` is there when every hit is measured alike, so that all can be compared by it.
    `relaxed` says that no model holds all the words, and these hold some of them; `absent` are the
    words that none holds.
    """

    hits: tuple[Hit, ...]
    total: int
    facets: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    measure: Measure | None = None
    correction: Correction | None = None
    relaxed: bool = False
    absent: tuple[str, ...] = ()

    @property
    def live(self) -> int:
        """How many have a champion."""
        return dict(self.facets.get("live", ())).get("champion", 0)
