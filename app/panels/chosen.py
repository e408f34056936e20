"""Which model a screen is about: named in the address, or chosen here from those one may see."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.panels import locked, ways
from app.session import portal, show_failure
from app.ui import cards, chips, feedback, page
from app.ui.markup import show
from auth.actors import Actor
from catalog.registry.locked import Locked
from catalog.registry.models import Model
from ledger.errors import Conflict, CountersignError, NotFound

_MOST_OFFERED: Final = 24


def asked_model(screen: str, title: str, *, by: Actor) -> Model | None:
    """The model named in the address; otherwise the screen offers some and there is none yet."""
    name = st.query_params.get("name", "")
    if not name:
        _offer(screen, title, portal().models.visible(by=by))
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
        same = [one for one in portal().models.visible(by=by) if one.name == name]
        _offer(screen, title, same, problem=error)
    except NotFound as error:
        page.head("Find", title)
        feedback.problem(error)
        st.page_link(ways.to("discover"), label="Search under Discover", icon=":material/search:")
    return None


def asked_number(given: str, fallback: int | None) -> int | None:
    """A version number from an address; what is no number asks for nothing."""
    plain = given.strip().removeprefix("v")
    return int(plain) if plain.isdecimal() and len(plain) <= 9 else fallback  # noqa: PLR2004


def _offer(
    screen: str, title: str, models: list[Model], *, problem: CountersignError | None = None
) -> None:
    page.head("Find", title, "Choose a model.")
    if problem is not None:
        show_failure(problem)
    if not models:
        feedback.empty(
            "There is no model you may see yet",
            "Models appear here when they are registered in MLflow and you hold a role on them.",
        )
        return
    live_first = sorted(models, key=lambda one: (one.alias("champion") is None, one.name))
    columns = st.columns(2)
    for place, model in enumerate(live_first[:_MOST_OFFERED]):
        champion = model.alias("champion")
        with columns[place % 2]:
            cards.inbox_card(
                cards.Waiting(
                    model.name,
                    model.description or "No description yet.",
                    due=chips.alias("champion", champion.number) if champion else None,
                    icon=":material/deployed_code:",
                ),
                f"offered-{place}",
                ways.to(screen),
                ways.of(model),
            )
    if len(models) > _MOST_OFFERED:
        show(f"{_MOST_OFFERED} of {len(models):,} models are offered here.")
        st.page_link(
            ways.to("discover"), label="Search all under Discover", icon=":material/search:"
        )
