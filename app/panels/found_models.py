"""Found models: what the card of each says, and where the words stand that were asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from app.panels import deprecation, ways
from app.panels.narrowing import LIVE
from app.session import portal
from app.ui import cards, chips, words
from app.ui.markup import Markup, join, tag
from catalog.registry.deprecations import Deprecation
from catalog.registry.search.questions import Hit
from catalog.registry.search.texts import DESCRIPTION

_MARK: Final = "mark"


def live_version(hit: Hit) -> str:
    """The version that is live, if one is."""
    champion = hit.model.alias(LIVE)
    return champion.version_id if champion else ""


def card(hit: Hit, calls_a_day: float | None, said: Deprecation | None = None) -> cards.Result:
    """What a card says of a model: what it does, where it stands, how good it is, how much used."""
    model = hit.model
    champion = model.alias(LIVE)
    marks: list[Markup] = []
    if hit.is_locked:
        marks.append(chips.fact("Restricted"))
    elif champion is not None:
        marks.append(chips.alias(LIVE, champion.number))
        if said is not None:
            marks += deprecation.mark(said, portal().clock.now().date())
    elif hit.number is not None:
        marks.append(chips.status("None", f"Not live, newest is v{hit.number}"))
    owner = f"owned by {hit.owner}" if hit.owner else "nobody owns it yet"
    said_of_it = (model.domain or "No domain yet", model.task, owner, ways.place(model))
    about = " · ".join(one for one in said_of_it if one)
    return cards.Result(
        hit.name or ((model.name, False),),
        _does(hit),
        about,
        marks,
        tuple(_figures(hit, calls_a_day)),
        _where(hit),
    )


def _does(hit: Hit) -> str:
    """What the model does, with the words marked that were asked for."""
    if hit.snippet is None or hit.snippet.place != DESCRIPTION:
        return hit.model.description
    return _marked(hit.snippet.parts)


def _where(hit: Hit) -> Markup | None:
    """Where else the words stand."""
    if hit.snippet is None or hit.snippet.place == DESCRIPTION:
        return None
    place = f"{hit.snippet.place[:1].upper()}{hit.snippet.place[1:]}: "
    return join((tag("span", place, cls="cs-place"), _marked(hit.snippet.parts)))


def _marked(parts: Iterable[tuple[str, bool]]) -> Markup:
    return join(tag(_MARK, text) if is_found else text for text, is_found in parts)


def _figures(hit: Hit, calls_a_day: float | None) -> list[tuple[str, str]]:
    figures = []
    if hit.key is not None:
        figures.append(
            (
                f"{hit.key.measure.label} {words.figure(hit.key.value)}",
                f"v{hit.number} on {hit.key.dataset}",
            )
        )
    if calls_a_day is not None:
        figures.append((words.thousands(calls_a_day), "calls a day, 30 days"))
    return figures
