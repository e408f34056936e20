"""Nothing found: why that is, and the nearest question that finds something."""

from __future__ import annotations

from app.panels import ways
from app.panels.narrowing import TITLES
from app.session import portal
from app.ui import feedback, words
from app.ui.markup import option
from auth.actors import Actor
from catalog.registry.search.questions import FACETS, Question
from catalog.registry.search.words import stop_words, words_in


def panel(question: Question, *, by: Actor) -> None:
    """Say what is true of a question that no model answers, and lead on from it."""
    if question.is_open:
        feedback.empty(
            "There is no model you may see yet",
            "Models appear here within a minute of being registered in MLflow, once you hold a "
            "role on them.",
        )
        return
    text = question.text.strip()
    is_narrowed = not question.without(text=True).is_open
    if not text:
        _say("No model matches all that is chosen", "Take a choice away.", "Show all models", {})
        return
    if is_narrowed:
        wider = portal().finder.find(question.without(facets=True), by=by, limit=1, facets=False)
        if wider.total:
            _say(
                f"No model for “{text}” matches all that is chosen",
                f"Without the choices the words find {words.plural(wider.total, 'model')}.",
                f"Show {'it' if wider.total == 1 else 'them'}",
                {"q": text},
            )
            return
    known = _as_a_choice(text, by=by)
    if known is not None:
        facet, value, count = known
        _say(
            f"No model holds “{text}” in its words",
            f"It is a choice under {TITLES[facet]}: {words.plural(count, 'model')}.",
            f"Narrow to {value}",
            {facet: option(value)},
        )
        return
    _say(*_why(text), "Show all models", {})


def _why(text: str) -> tuple[str, str]:
    said = words_in(text)
    if not said:
        return f"There is no word in “{text}”", "Search for a name, or for what a model does."
    if all(one in stop_words() for one in said):
        return (
            f"“{text}” says nothing of a model",
            "Words that stand in every text are looked for in names alone. Add one that says more.",
        )
    return (
        f"No model that you may see holds “{text}”",
        "Search for another word for it, for a part of its name, or for its owner.",
    )


def _as_a_choice(text: str, *, by: Actor) -> tuple[str, str, int] | None:
    """The choice of a facet that is called so, and how many models it finds."""
    everything = portal().finder.find(Question(), by=by, limit=1)
    small = text.casefold()
    return next(
        (
            (facet, value, count)
            for facet in FACETS
            for value, count in everything.facets.get(facet, ())
            if value.casefold() == small
        ),
        None,
    )


def _say(title: str, next_step: str, link: str, query: dict[str, str]) -> None:
    feedback.empty(
        title, next_step, page=ways.to("discover"), link=link, query=query, key="nothing-found"
    )
