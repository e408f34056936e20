"""Which model a screen is about: named in the address, or chosen here from those one may see."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.panels import locked, ways
from app.screens import PAGES
from app.session import portal, show_failure
from app.ui import cards, chips, feedback, page
from app.ui.markup import join, show
from auth.access import decide
from auth.actors import Actor
from catalog.registry.locked import Locked
from catalog.registry.models import Model
from catalog.registry.search.questions import Question
from ledger.errors import Conflict, CountersignError, NotFound

_MOST_OFFERED: Final = 24
# Where a screen stands, as the navigation says, and what it takes to use it on a model.
_GROUPS: Final = {screen.key: screen.group for screen in PAGES}
_ASKS: Final = {"request": "release:request"}


def asked_model(screen: str, title: str, *, by: Actor) -> Model | None:
    """The model named in the address; otherwise the screen offers some and there is none yet."""
    name = st.query_params.get("name", "")
    if not name:
        found = portal().finder.find(Question(), by=by, limit=_MOST_OFFERED, facets=False)
        may = _ASKS.get(screen, "model:read")
        # Who is not let in would end at a closed door.
        open_ones = [hit.model for hit in found.hits if decide(by, may, hit.model.resource)]
        kept_back = len(found.hits) - len(open_ones)
        _offer(screen, title, open_ones, found.total - kept_back)
        return None
    try:
        return portal().models.find(
            name,
            by=by,
            server=st.query_params.get("server", ""),
            workspace=st.query_params.get("workspace", ""),
        )
    except Locked as kept:
        locked.panel(kept.summary, by=by)
    except Conflict as error:
        same = portal().models.called(name, by=by)
        _offer(screen, title, same, len(same), problem=error)
    except NotFound as error:
        page.head(_GROUPS.get(screen, "Find"), title)
        feedback.problem(error)
        st.page_link(ways.to("discover"), label="Search under Discover", icon=":material/search:")
    return None


def one_model(label: str, key: str, *, by: Actor, without: str = "") -> Model | None:
    """A field in which a part of a name is typed, and one of the models it finds is chosen.

    `without` is what the empty choice means; where there is none, nothing is chosen at first.
    """
    typed = st.text_input(
        f"Find a model by name: {label.lower()}",
        type="search",
        key=f"{key}-typed",
        placeholder="A part of its name, or what it does",
        max_chars=200,
        live="250ms",
    )
    found = portal().finder.find(Question(typed or ""), by=by, limit=_MOST_OFFERED, facets=False)
    models = {hit.model.id: hit.model for hit in found.hits}
    chosen = st.selectbox(
        label,
        [*([""] if without else []), *models],
        index=0 if without else None,
        format_func=lambda one: models[one].name if one in models else without,
        placeholder=f"Choose one of {found.total:,}",
        key=key,
    )
    return models.get(chosen or "")


def asked_number(given: str, fallback: int | None) -> int | None:
    """A version number from an address; what is no number asks for nothing."""
    plain = given.strip().removeprefix("v")
    return int(plain) if plain.isdecimal() and len(plain) <= 9 else fallback  # noqa: PLR2004


def _offer(
    screen: str,
    title: str,
    models: list[Model],
    total: int,
    *,
    problem: CountersignError | None = None,
) -> None:
    page.head(_GROUPS.get(screen, "Find"), title, "Choose a model.")
    if problem is not None:
        show_failure(problem)
    if not models:
        feedback.empty(
            "There is no model you may see yet",
            "Models appear here when they are registered in MLflow and you hold a role on them.",
        )
        return
    columns = st.columns(2)
    for place, model in enumerate(models[:_MOST_OFFERED]):
        champion = model.alias("champion")
        with columns[place % 2]:
            cards.inbox_card(
                cards.Waiting(
                    model.name,
                    model.description or "No description yet.",
                    due=join(
                        (
                            *locked.mark(model),
                            chips.alias("champion", champion.number) if champion else "",
                        ),
                        " ",
                    ),
                    icon=":material/deployed_code:",
                ),
                f"offered-{place}",
                ways.to(screen),
                ways.of(model),
            )
    if total > _MOST_OFFERED:
        show(f"{_MOST_OFFERED} of {total:,} models are offered here.")
        st.page_link(
            ways.to("discover"), label="Search all under Discover", icon=":material/search:"
        )
