"""What a trial found: in parts as it goes, as it is kept, and as much as a reader may see."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select as columns
from sqlmodel import Session, col

from auth.actors import Actor
from catalog.registry.tables import ModelRow
from catalog.registry.visible import VISIBLE, seen_by
from catalog.releases.states import Verb
from ledger.among import among
from ledger.clock import iso


@dataclass(frozen=True)
class Said:
    """What gates say: the answer over all, and those that stand in the way, by title."""

    passes: bool
    standing_in_the_way: tuple[str, ...]
    digest: str


@dataclass(frozen=True)
class Flip:
    """A past request under the policy it was bound to, and under the one that is tried."""

    number: str
    request_id: str
    model: str
    model_id: str
    version: int
    alias: str
    state: str
    before: Said
    after: Said

    @property
    def has_flipped(self) -> bool:
        """Whether the answer over all is another one."""
        return self.before.passes != self.after.passes


@dataclass(frozen=True)
class Live:
    """A version that is live now, under the policy."""

    model: str
    model_id: str
    version: int
    alias: str
    verdict: Said


@dataclass(frozen=True)
class Again:
    """A past decision asked again.

    Attributes:
        kept: the digest of the verdict of then, empty for the oldest ones.
        now: what is said today; None where it cannot be asked, and `problem` says why.
    """

    number: str
    request_id: str
    model_id: str
    verb: Verb
    at: datetime
    kept: str
    now: Said | None
    problem: str = ""

    @property
    def is_same(self) -> bool:
        """Whether the verdict is the same byte for byte."""
        return self.now is not None and self.kept in {"", self.now.digest}


@dataclass(frozen=True)
class Found:
    """What a policy says of the past and of the present, or what past approvals say again.

    `aside` counts the past requests a policy does not cover, by the id of their model.
    """

    requests: tuple[Flip, ...] = ()
    live: tuple[Live, ...] = ()
    again: tuple[Again, ...] = ()
    aside: Mapping[str, int] = field(default_factory=dict)
    is_cut: bool = False

    @property
    def not_governed(self) -> int:
        """How many past requests the policy does not cover."""
        return sum(self.aside.values())

    def __add__(self, more: Found) -> Found:
        """Both parts as one."""
        aside = dict(self.aside)
        for model_id, count in more.aside.items():
            aside[model_id] = aside.get(model_id, 0) + count
        return Found(
            self.requests + more.requests,
            self.live + more.live,
            self.again + more.again,
            aside,
            self.is_cut or more.is_cut,
        )


def as_text(found: Found) -> str:
    """What was found, to be kept: JSON, what is live by the names of the models."""
    by_name = sorted(found.live, key=lambda one: (one.model, one.model_id))
    return json.dumps(asdict(replace(found, live=tuple(by_name))), default=iso)


def from_text(text: str) -> Found:
    """What was kept."""
    kept: dict[str, Any] = json.loads(text)

    def said(plain: dict[str, Any]) -> Said:
        return Said(plain["passes"], tuple(plain["standing_in_the_way"]), plain["digest"])

    def again(one: dict[str, Any]) -> Again:
        verb, at = Verb(one["verb"]), datetime.fromisoformat(one["at"])
        now = said(one["now"]) if one["now"] else None
        return Again(**{**one, "verb": verb, "at": at, "now": now})

    return Found(
        tuple(
            Flip(**{**one, "before": said(one["before"]), "after": said(one["after"])})
            for one in kept["requests"]
        ),
        tuple(Live(**{**one, "verdict": said(one["verdict"])}) for one in kept["live"]),
        tuple(again(one) for one in kept.get("again", ())),
        kept["aside"],
        kept["is_cut"],
    )


def seen(session: Session, found: Found, *, by: Actor) -> Found:
    """What somebody may read of what was found, as of now."""
    ids = {one.model_id for one in found.requests} | {one.model_id for one in found.live}
    ids |= {one.model_id for one in found.again} | set(found.aside)
    asked = {**seen_by(by, "release:read"), "models": sorted(ids)}
    may = set(session.connection().execute(_VISIBLE_ONES, asked).scalars())
    return replace(
        found,
        requests=tuple(one for one in found.requests if one.model_id in may),
        live=tuple(one for one in found.live if one.model_id in may),
        again=tuple(one for one in found.again if one.model_id in may),
        aside={model: n for model, n in found.aside.items() if model in may},
    )


_VISIBLE_ONES: Final = columns(col(ModelRow.id)).where(among(col(ModelRow.id), "models"), VISIBLE)
