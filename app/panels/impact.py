"""What the Impact page reads, and what is the same for all models and for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import streamlit as st

from app.portal import Portal
from app.session import portal
from app.ui import charts, words
from app.ui.markup import Markup, note
from auth.actors import Actor
from catalog.impact.portfolio import Portfolio
from catalog.registry.models import Model
from catalog.releases.decisions.briefs import Brief
from catalog.releases.decisions.docket import Wanted
from catalog.releases.states import OPEN

_ALL: Final = "All models"
_CHOSEN: Final = "impact-model"
_WEEK: Final = 7
_MOST_OFFERED: Final = 200
_MONTH: Final = timedelta(days=30)


@dataclass(frozen=True)
class Business:
    """Everything the screen shows."""

    portfolio: Portfolio
    waiting: Sequence[Brief]
    moved: Sequence[Brief]
    names: Mapping[str, str]
    now: datetime

    def name(self, person_id: str) -> str:
        """The name behind an id."""
        return self.names.get(person_id, "Nobody")


def gather(desks: Portal, *, by: Actor, model_id: str = "") -> Business:
    """Read what the screen needs."""
    now = desks.clock.now()
    portfolio = desks.impact.portfolio(by=by, model_id=model_id)
    waiting = desks.docket.briefs(Wanted(OPEN, model_id), by=by)
    moved = [
        one
        for one in desks.docket.moved_since(now - _MONTH, by=by)
        if not model_id or one.model_id == model_id
    ]
    people = {line.owner_id for line in portfolio.lines}
    people |= {said.declared_by for line in portfolio.lines for said in line.declared}
    people |= {one for line in portfolio.lines for one, _calls in line.applications}
    people |= {one.requested_by for one in (*waiting, *moved)}
    people |= {one.decided_by for one in moved}
    return Business(portfolio, waiting, moved, desks.people.names(people), now)


def asked(*, by: Actor) -> Model | None:
    """The model named in the address or just chosen; nothing means all of them."""
    given = st.session_state.get(_CHOSEN) or st.query_params.get("model", _ALL)
    same = portal().models.called(given, by=by) if given != _ALL else []
    if not same:
        if "model" in st.query_params:
            del st.query_params["model"]
        return None
    if st.query_params.get("model") != given:
        st.query_params["model"] = given
    return same[0]


def choose(business: Business, chosen: Model | None) -> None:
    """The busiest models; any other is reached from its own page."""
    live = [line.model.name for line in business.portfolio.lines[:_MOST_OFFERED]]
    options = list(dict.fromkeys([_ALL, *live, *([chosen.name] if chosen else [])]))
    st.selectbox(
        "Model",
        options,
        index=options.index(chosen.name) if chosen else 0,
        key=_CHOSEN,
        label_visibility="collapsed",
    )


def week_words(by_day: Sequence[float]) -> str:
    """The last seven whole days against the seven before, in words."""
    last, before = sum(by_day[-_WEEK:]), sum(by_day[-2 * _WEEK : -_WEEK])
    if not before:
        return f"{words.thousands(last)} in the last 7 whole days"
    change = last / before - 1
    if round(abs(change) * 100) == 0:
        return "As many as in the week before"
    more = "more" if change > 0 else "fewer"
    return f"{words.percent(abs(change), 0)} {more} than in the week before"


def calls_chart(told: Portfolio, key: str) -> None:
    """Decisions on each day of the window."""
    by_day = {_short(day): float(calls) for day, calls in told.calls_by_day}
    most = max(by_day, key=lambda day: by_day[day])
    charts.days(
        by_day,
        "decisions",
        f"Decisions on each day; the most, {words.thousands(by_day[most])}, on {most}. "
        "The last day is not over.",
        key,
    )


def _short(day: date) -> str:
    return words.day(day).rsplit(" ", 1)[0]


def unbroken(said: str) -> str:
    """A figure or date that stays on one line."""
    return said.replace(" ", "\N{NO-BREAK SPACE}")


def source(business: Business) -> Markup:
    """Where the figures come from."""
    return note(
        "Source: calls reported by applications to Countersign, counted by day in UTC; last read "
        f"{words.moment(business.now)}. The last day is not over."
    )
