"""A card brought as a file: tried first, field by field, then published as the next revision.

What the file does not say stays as it is, so that no file clears what people wrote.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Final

from auth.access import decide
from auth.actors import Actor
from catalog.registry.cards.body import CardBody, changed, entries
from catalog.registry.cards.bom import read_json
from catalog.registry.cards.cards import Card, Cards, Source
from catalog.registry.cards.file import CardFile, Left, text_of, wrong
from catalog.registry.cards.hub import read_markdown
from catalog.registry.cards.rules import FIELDS, completeness, problems
from catalog.registry.models import Model
from ledger.acts import Ledger
from ledger.errors import Conflict, Invalid

_EMPTY: Final = CardBody()


@dataclass(frozen=True)
class Change:
    """One field as it is and as it would be, one text for each entry."""

    field: str
    title: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True)
class Fault:
    """What is wrong with the card as it would be; `line` is the file's, 0 where it is in none."""

    line: int
    field: str
    said: str
    remedy: str


@dataclass(frozen=True)
class Plan:
    """What a file would make of a card. `digest` is SHA-256 over the file."""

    kind: str
    digest: str
    based_on: int
    body: CardBody
    changes: tuple[Change, ...]
    faults: tuple[Fault, ...]
    left: tuple[Left, ...]
    completeness_before: int
    completeness_after: int

    @property
    def may_be_published(self) -> bool:
        """Whether it changes something, and nothing is wrong with it."""
        return bool(self.changes) and not self.faults


class CardImport:
    """The desk at which a card is brought as a file."""

    def __init__(self, ledger: Ledger, cards: Cards) -> None:
        self._ledger = ledger
        self._cards = cards

    def dry_run(self, model: Model, data: bytes, *, by: Actor, based_on: int | None = None) -> Plan:
        """What the file would change, what is wrong and what is left out. Changes nothing.

        `based_on` is the revision it is tried on, the newest unless one is named; 0 is no card.

        Raises:
            Invalid: the file cannot be read; with the line and the remedy.
            NotFound, Refused: no such revision; no role that may write here.
        """
        decide(by, "card:write", model.resource).insist()
        told = _read(data, model.name)
        if based_on is None:
            newest = self._cards.of(model)
            based_on = newest.revision if newest else 0
            before = newest.body if newest else _EMPTY
        else:
            before = self._cards.revision(model, based_on).body if based_on else _EMPTY
        return _planned(told, hashlib.sha256(data).hexdigest(), before, based_on)

    def run(self, model: Model, data: bytes, *, based_on: int, by: Actor) -> Card:
        """Publish the next revision as the file says, over the revision it was tried on; one act.

        Raises:
            Invalid: the file cannot be read, or the card it makes breaks a rule.
            Conflict: it changes nothing, or somebody published since; nothing was changed.
            NotFound, Refused: as for `Cards.publish`.
        """
        may = decide(by, "card:write", model.resource)
        if not may:
            # The file of somebody who may not write here is not even read.
            with self._ledger.act("card:publish", actor=by.id, resource=f"model:{model.id}"):
                may.insist()
        plan = self.dry_run(model, data, by=by, based_on=based_on)
        if plan.faults:
            first = plan.faults[0]
            line = f"Line {first.line}: " if first.line else ""
            raise Invalid(f"{line}{first.said}", hint=first.remedy, code="card-field")
        if not plan.changes:
            raise Conflict(
                "The file says what the card says already, so there is nothing to publish.",
                hint="Bring a file that says something else.",
                code="card-unchanged",
            )
        source = Source(plan.kind.lower().replace(" ", "-"), f"sha256:{plan.digest}")
        return self._cards.publish(model.id, plan.body, based_on=based_on, by=by, source=source)


def _read(data: bytes, model: str) -> CardFile:
    """What a file says, in whichever of the formats it is. Raises Invalid."""
    text = text_of(data)
    begins = text.lstrip()[:1]
    if begins in {"{", "["}:
        return read_json(text, model)
    if not begins:
        raise wrong(1, "the file is empty.", "Bring a Hugging Face card or a CycloneDX file.")
    told = read_markdown(text)
    if told.body == _EMPTY and not told.left:
        raise wrong(
            1,
            "this is neither a Hugging Face card nor CycloneDX.",
            "Bring a README.md with headings, or a JSON file with a modelCard.",
        )
    return told


def _planned(told: CardFile, digest: str, before: CardBody, based_on: int) -> Plan:
    said: dict[str, Any] = {
        field.key: value
        for field in FIELDS
        if (value := getattr(told.body, field.key)) != getattr(_EMPTY, field.key)
    }
    after = replace(before, **said)
    differs = set(changed(before, after))
    return Plan(
        told.kind,
        digest,
        based_on,
        after,
        tuple(
            Change(one.key, one.title, entries(before, one.key), entries(after, one.key))
            for one in FIELDS
            if one.key in differs
        ),
        tuple(
            Fault(_line(told, one.field, one.place), one.field, str(one), one.remedy)
            for one in problems(after)
        ),
        told.left,
        completeness(before).score,
        completeness(after).score,
    )


def _line(told: CardFile, field: str, place: int) -> int:
    return told.lines.get((field, place), told.lines.get((field, 0), 0))
