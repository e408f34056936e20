"""Everybody who is known and what was given to them, and the ways to one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeVar

import streamlit as st

from app.session import portal
from app.ui import paging
from auth.actors import Actor, Kind, Scope
from auth.grants import Grant
from auth.people import Person

_PAGE: Final = 50
_T = TypeVar("_T")


@dataclass(frozen=True)
class Known:
    """Everybody who is known, and what was given to them."""

    people: tuple[Person, ...]
    applications: tuple[Person, ...]
    grants: tuple[Grant, ...]
    models: Mapping[str, str]

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The names of everybody by id."""
        return {one.id: one.name for one in (*self.people, *self.applications)}

    @cached_property
    def to_people(self) -> list[Grant]:
        """What was given to people; an application's one role is not given here."""
        ids = {one.id for one in self.people}
        return [one for one in self.grants if one.principal_id in ids]

    @cached_property
    def _held(self) -> Mapping[str, list[Grant]]:
        held: dict[str, list[Grant]] = {}
        for one in self.grants:
            held.setdefault(one.principal_id, []).append(one)
        return held

    def held_by(self, person_id: str) -> list[Grant]:
        """What somebody holds."""
        return self._held.get(person_id, [])

    def scope(self, scope: Scope) -> str:
        """A scope in words."""
        if scope.kind == "model":
            return f"model {self.models.get(scope.id, scope.id)}"
        return "everything" if scope.kind == "everything" else f"domain {scope.id}"


def known(*, by: Actor) -> Known:
    """Everybody, for somebody who may see that. Raises Refused."""
    everybody = portal().people.everybody(by=by)
    grants = tuple(portal().grants.everywhere(by=by))
    on_models = {one.scope.id for one in grants if one.scope.kind == "model"}
    return Known(
        tuple(one for one in everybody if one.kind is Kind.PERSON),
        tuple(one for one in everybody if one.kind is Kind.APPLICATION),
        grants,
        portal().models.names(on_models),
    )


def turned_to(listed: Sequence[_T], key: str) -> Sequence[_T]:
    """One page of a long list, with the way to the others above it."""
    start = paging.start(len(listed), _PAGE, key)
    return listed[start : start + _PAGE]


def one_person(people: Sequence[Person], key: str) -> Person | None:
    """Choose one of these people."""
    by_id = {one.id: one for one in people}
    chosen = st.selectbox(
        "Person",
        list(by_id),
        index=None,
        format_func=lambda one: f"{by_id[one].name}, {by_id[one].email}",
        placeholder="Choose a person",
        key=f"chosen-{key}",
        label_visibility="collapsed",
    )
    return by_id.get(chosen or "")
