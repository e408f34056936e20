"""The history of a model's versions as a line, and of its aliases as lanes over time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.ui import chips, words
from app.ui.markup import Markup, join, tag

# In percent of the width: what a label of a version takes.
_NARROW = 4.0
State = Literal["live", "past", "waits", "rejected"]


@dataclass(frozen=True)
class Point:
    """One version: where it stands in words (`state_says`), its score and date, and who acted.

    `marks` are what else must be known of it, such as that it is on its way out.
    """

    version: str
    state: State
    state_says: str
    detail: str = ""
    who: str = ""
    aliases: Sequence[str] = ()
    marks: Sequence[Markup] = ()


def timeline(points: Sequence[Point]) -> Markup:
    """Versions oldest first along a line; on a phone newest first, down the page."""
    items = (
        tag(
            "li",
            tag("i", cls="cs-node", aria_hidden="true"),
            tag("p", tag("strong", point.version), join(map(chips.alias, point.aliases))),
            tag("p", point.state_says, cls="cs-state"),
            tag("p", join(point.marks)) if point.marks else "",
            tag("p", point.detail, cls="cs-note") if point.detail else "",
            tag("p", point.who, cls="cs-note") if point.who else "",
            cls=f"cs-point cs-point-{point.state}",
        )
        for point in points
    )
    return tag("ol", *items, cls="cs-timeline")


@dataclass(frozen=True)
class Stretch:
    """A time an alias was on a version.

    `began` and `ended` are windows: the last moment it was certainly not so, and the first moment
    it certainly was (the other way round at the end); None is before anybody looked, and still so.
    """

    label: str
    says: str
    began: tuple[datetime | None, datetime]
    ended: tuple[datetime, datetime | None]
    is_ours: bool = True


def lanes(named: Mapping[str, Sequence[Stretch]], now: datetime, asked: datetime) -> Markup:
    """One lane for each alias over time, `asked` marked in all; on a phone a list, newest first."""
    moments = [moment for row in named.values() for one in row for moment in _moments(one)]
    scale = _Scale(min([*moments, now]), now)
    rows = (
        tag(
            "div",
            chips.alias(name),
            tag(
                "ol",
                *(_drawn(one, scale) for one in row),
                tag("i", cls="cs-asked", style=f"left:{scale.share(asked):.2f}%")
                if scale.holds(asked)
                else "",
                cls="cs-track",
            ),
            cls="cs-lane",
        )
        for name, row in named.items()
    )
    ends = tag("div", tag("span", words.day(scale.first)), tag("span", "now"), cls="cs-axis")
    return tag("div", *rows, ends, cls="cs-lanes")


@dataclass(frozen=True)
class _Scale:
    """Time as a share of the width, in percent."""

    first: datetime
    last: datetime

    def share(self, at: datetime) -> float:
        whole = (self.last - self.first).total_seconds()
        if whole <= 0:
            return 0.0
        return min(max((at - self.first).total_seconds() / whole * 100, 0.0), 100.0)

    def holds(self, at: datetime) -> bool:
        return self.first <= at <= self.last


def _moments(one: Stretch) -> Iterator[datetime]:
    yield one.began[0] or one.began[1]
    yield one.ended[1] or one.ended[0]


def _drawn(one: Stretch, scale: _Scale) -> Markup:
    """The certain part filled, each doubtful end hatched, and all of it in words.

    One too narrow for its label stands before its neighbours, without it.
    """
    doubt = [(one.began[0] or one.began[1], one.began[1])]
    doubt += [(one.ended[0], one.ended[1])] if one.ended[1] else []
    left, right = scale.share(one.began[1]), scale.share(one.ended[0])
    hatched = (
        tag("i", cls="cs-doubt", aria_hidden="true", style=_place(since, until))
        for since, until in ((scale.share(one), scale.share(two)) for one, two in doubt)
        if until > since
    )
    is_narrow = right - left < _NARROW
    classes = ("cs-stretch", "" if one.is_ours else "cs-outside", "cs-narrow" if is_narrow else "")
    return tag(
        "li",
        *hatched,
        tag(
            "span",
            "" if is_narrow else one.label,
            cls=" ".join(filter(None, classes)),
            style=_place(left, max(left, right)),
            title=f"{one.label}, {one.says}",
        ),
        tag("span", one.says, cls="cs-stretch-says"),
    )


def _place(left: float, right: float) -> str:
    return f"left:{left:.2f}%;width:{right - left:.2f}%"
