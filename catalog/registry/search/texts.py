"""Texts: everything in a model that is looked through, by the place it stands in.

What is indexed and what is shown of a hit are read here, so that whatever is found can be shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from catalog.registry.mirror.seen import EXTERNAL
from catalog.registry.search.known import Known
from catalog.registry.version import told_tags

NAME: Final = "name"
DESCRIPTION: Final = "description"
# What every version has says nothing about how it was made.
_EVERYBODYS: Final = frozenset({"python_function"})
# Whose post is kept where says nothing of a model.
_MAIL_DOMAIN: Final = re.compile(r"(?<=[\w.+-])@[\w-]+(?:\.[\w-]+)+")


@dataclass(frozen=True, slots=True)
class Text:
    """A text, the letter of its place in the index, and what is shown before it unsearched."""

    place: str
    letter: str
    text: str
    before: str = ""


def texts(one: Known) -> Iterator[Text]:
    """The texts of a model, those first that say most of why it was found.

    Of tags only the values are looked through, and the keys that name them.
    """
    row, shown = one.row, one.shown
    yield Text(NAME, "n", row.name)
    yield Text(DESCRIPTION, "u", row.description)
    yield Text("use case", "u", row.use_case)
    yield Text("purpose of its use case", "u", row.purpose)
    yield Text("owner", "o", row.owner or "")
    yield Text("domain", "d", row.domain)
    yield Text("task", "t", row.task)
    for value in frameworks(shown.flavors) if shown is not None else ():
        yield Text("framework", "t", value)
    for value in one.datasets:
        yield Text("data set", "t", value)
    for value in _sentences(json.loads(one.card)) if one.card else ():
        yield Text("model card", "t", _MAIL_DOMAIN.sub("", value))
    if shown is not None:
        yield Text(f"version {shown.number}", "t", _MAIL_DOMAIN.sub("", shown.description))
    for key, value in sorted({**told_tags(one.logged_tags), **one.tags}.items()):
        yield Text("tag", "t", _MAIL_DOMAIN.sub("", value), f"{key}: ")
    if EXTERNAL in one.logged_tags:
        yield Text("registration", "t", "vendor external")


@lru_cache(maxsize=4096)
def frameworks(flavors: str) -> tuple[str, ...]:
    """What a version was made with, of the names MLflow gives its flavors."""
    return tuple(sorted(set(flavors.split()) - _EVERYBODYS))


def _sentences(told: object) -> Iterator[str]:
    """The texts of a card, not the names of its fields; what stands together in a list as one."""
    if isinstance(told, dict):
        for one in told.values():
            yield from _sentences(one)
    elif isinstance(told, list):
        for one in told:
            yield " · ".join(_strings(one))
    else:
        yield from _strings(told)


def _strings(told: object) -> Iterator[str]:
    if isinstance(told, str):
        yield told
    elif isinstance(told, list):
        for one in told:
            yield from _strings(one)
    elif isinstance(told, dict):
        for one in told.values():
            yield from _strings(one)
