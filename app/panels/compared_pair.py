"""Which two versions are compared: named in the address, chosen here, swapped with one click."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

import streamlit as st

from app.compared import Asked
from app.panels import ways
from app.panels.chosen import asked_number, one_model
from app.panels.links import link
from app.session import portal
from app.ui import feedback, page
from app.ui.markup import label, note, show
from auth.access import decide
from auth.actors import Actor
from catalog.registry.models import Model
from ledger.errors import CountersignError

CHAMPION: Final = "champion"
# However many versions a model has, the lists offer its newest and those with an alias; every other
# one is reached by typing its number.
_MOST_OFFERED: Final = 20


def choose(model: Model, *, by: Actor) -> Asked | None:
    """The two versions, kept in the address; the newest and the one before it at first."""
    other = _other(model, by=by)
    newest = portal().models.numbers(model, limit=_MOST_OFFERED)
    theirs = newest if other is model else portal().models.numbers(other, limit=_MOST_OFFERED)
    if not newest or not theirs or (other is model and len(newest) == 1):
        _too_few(model, other)
        return None
    right = _asked(other, "right", _usual(other, theirs) if other is not model else newest[0])
    left = _asked(model, "left", _left(model, other, newest, right))
    asked = Asked(model, left, other, right)
    page.head(
        (model.domain, model.name, "Compare"),
        _title(asked),
        f"{_called(model, left)} on the left, {_called(other, right)} on the right.",
        actions=lambda: _fields(asked, newest, theirs),
    )
    _links(asked, by=by)
    if model.id == other.id and left == right:
        feedback.empty("This is one and the same version", "Choose another one at the top.")
        return None
    return asked


def _title(asked: Asked) -> str:
    if asked.before.id == asked.after.id:
        if asked.left == asked.right:
            return "Choose two versions"
        return f"What is different in v{asked.right}?"
    return f"How does {asked.after.name} differ from {asked.before.name}?"


def _other(model: Model, *, by: Actor) -> Model:
    """The second model named in the address, or the one and only."""
    name = st.query_params.get("with", "")
    if not name:
        return model
    try:
        found = portal().models.find(
            name,
            by=by,
            server=st.query_params.get("with_server", ""),
            workspace=st.query_params.get("with_workspace", ""),
        )
    except CountersignError as error:
        feedback.problem(error)
        return model
    return model if found.id == model.id else found


def _too_few(model: Model, other: Model) -> None:
    bare = model if not portal().models.numbers(model, limit=1) else other
    count = "one version is no comparison" if other is model else "there is no version yet"
    page.head("Find", f"{bare.name}: {count}")
    feedback.empty(
        "There is nothing to compare with yet",
        "The next version that is registered in MLflow can be compared with this one.",
        page=ways.to("model"),
        link=f"Back to {model.name}",
        query=ways.of(model),
    )


def _usual(model: Model, numbers: list[int]) -> int:
    live = model.alias(CHAMPION)
    return live.number if live else numbers[0]


def _left(model: Model, other: Model, newest: list[int], right: int) -> int:
    if other is not model:
        return _usual(model, newest)
    return next(iter(portal().models.numbers(model, limit=1, below=right)), newest[0])


def _asked(model: Model, key: str, fallback: int) -> int:
    given = st.query_params.get(key, "")
    number = asked_number(given, fallback)
    if number is None or number == fallback:
        return fallback
    if portal().models.numbers(model, limit=1, below=number + 1) == [number]:
        return number
    feedback.notice(f"{model.name} has no version {number}.", f"Shown is v{fallback} instead.")
    return fallback


def _called(model: Model, number: int) -> str:
    aliases = " ".join(f"@{one.name}" for one in model.aliases if one.number == number)
    return f"{model.name} v{number} {aliases}".strip()


def _fields(asked: Asked, newest: list[int], theirs: list[int]) -> None:
    for key, said, model, number, numbers in (
        ("left", "From", asked.before, asked.left, newest),
        ("right", "To", asked.after, asked.right, theirs),
    ):
        offered = {number, *numbers, *(one.number for one in model.aliases)}
        names = {str(one): _short(model, one) for one in sorted(offered, reverse=True)}
        # The address leads: a link to another pair must not be overruled by the last choice here.
        st.session_state[f"compare-{key}"] = str(number)
        st.selectbox(
            said,
            list(names),
            format_func=partial(_named, names),
            key=f"compare-{key}",
            accept_new_options=True,
            on_change=_keep,
            args=(key,),
            help="The newest versions and those with an alias; type the number of any other.",
        )
    st.button(
        "Swap", icon=":material/swap_horiz:", key="compare-swap", on_click=_swap, args=(asked,)
    )


def _named(names: Mapping[str, str], number: str) -> str:
    return names.get(number, number)


def _short(model: Model, number: int) -> str:
    aliases = " ".join(f"@{one.name}" for one in model.aliases if one.number == number)
    return f"v{number} {aliases}".strip()


def _keep(key: str) -> None:
    st.query_params[key] = str(st.session_state[f"compare-{key}"] or "")


def _swap(asked: Asked) -> None:
    st.query_params.from_dict(address(Asked(asked.after, asked.right, asked.before, asked.left)))


def address(asked: Asked) -> dict[str, str]:
    """The parameters that name two versions in an address."""
    other = {}
    if asked.before.id != asked.after.id:
        found = ways.of(asked.after)
        other = {"with": found.pop("name")} | {f"with_{key}": one for key, one in found.items()}
    return ways.of(asked.before, left=str(asked.left), right=str(asked.right), **other)


def _links(asked: Asked, *, by: Actor) -> None:
    model, other = asked.before, asked.after
    champion = other.alias(CHAMPION)
    before = next(iter(portal().models.numbers(other, limit=1, below=asked.right)), None)
    with st.container(horizontal=True, key="compare-links"):
        link(f"Back to {other.name}", "model", model=other, icon=":material/deployed_code:")
        for number, what in (
            (champion.number if champion else None, "the champion"),
            (before, "the previous version"),
        ):
            if number is None or number == asked.right:
                continue
            if model.id == other.id and number == asked.left:
                continue
            link(
                f"Compare v{asked.right} with {what}, v{number}",
                "compare",
                model=other,
                icon=":material/compare_arrows:",
                left=number,
                right=asked.right,
            )
        _another(asked, by=by)


def _another(asked: Asked, *, by: Actor) -> None:
    with st.popover("Another model", icon=":material/add:", key="compare-with"):
        show(note(f"Compare {_called(asked.before, asked.left)} with the live version of:"))
        found = one_model("Model", "compare-other", by=by)
        if found is None:
            return
        if not decide(by, "model:read", found.resource):
            show(note(f"{found.name} is restricted: ask for access on its page."))
            return
        there = portal().models.numbers(found, limit=1)
        if not there:
            show(note(f"{found.name} has no version yet."))
            return
        query = address(Asked(asked.before, asked.left, found, _usual(found, there)))
        st.page_link(
            ways.to("compare"),
            label=label(f"Compare with {found.name}"),
            icon=":material/compare_arrows:",
            query_params=query,
        )
