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
from catalog.releases.gates.answers import Answer
from catalog.releases.states import Verb
from ledger.among import among
from ledger.clock import iso


@dataclass(frozen=True)
class Said:
    """What gates say: the worst answer of all, and those that stand in the way, by title."""

    answer: Answer
    standing_in_the_way: tuple[str, ...]
    digest: str

    @property
    def passes(self) -> bool:
        """Whether nothing stands in the way."""
        return self.answer is Answer.PASS


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
        return self.before.answer is not self.after.answer


@dataclass(frozen=True)
class Live:
    """A version that an alias points at now, under the policy that is tried.

    `today` is what the policy says that governs it now, called `governed_by`; None where none does.
    """

    model: str
    model_id: str
    version: int
    alias: str
    verdict: Said
    today: Said | None = None
    governed_by: str = ""


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
    """What a policy says of the past and of the present, or what past decisions say again.

    What the policy would not govern is counted by the id of the model: past requests in `aside`,
    live versions that it covers and another policy governs in `live_aside`.
    """

    requests: tuple[Flip, ...] = ()
    live: tuple[Live, ...] = ()
    again: tuple[Again, ...] = ()
    aside: Mapping[str, int] = field(default_factory=dict)
    is_cut: bool = False
    live_aside: Mapping[str, int] = field(default_factory=dict)

    @property
    def not_governed(self) -> int:
        """How many past requests the policy would not govern."""
        return sum(self.aside.values())

    @property
    def live_not_governed(self) -> int:
        """How many live versions the policy covers and another one governs."""
        return sum(self.live_aside.values())

    def __add__(self, more: Found) -> Found:
        """Both parts as one."""
        return Found(
            self.requests + more.requests,
            self.live + more.live,
            self.again + more.again,
            _sum(self.aside, more.aside),
            self.is_cut or more.is_cut,
            _sum(self.live_aside, more.live_aside),
        )


def _sum(some: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return {one: some.get(one, 0) + more.get(one, 0) for one in some.keys() | more.keys()}


def as_text(found: Found) -> str:
    """What was found, to be kept: JSON, what is live by the names of the models."""
    by_name = sorted(found.live, key=lambda one: (one.model, one.model_id, one.alias))
    return json.dumps(asdict(replace(found, live=tuple(by_name))), default=iso)


def from_text(text: str) -> Found:
    """What was kept."""
    kept: dict[str, Any] = json.loads(text)

    def said(plain: dict[str, Any]) -> Said:
        # What was kept before answers were told apart says only whether it passes.
        answer = plain.get("answer") or ("pass" if plain["passes"] else "fail")
        return Said(Answer(answer), tuple(plain["standing_in_the_way"]), plain["digest"])

    def live(one: dict[str, Any]) -> Live:
        today = said(one["today"]) if one.get("today") else None
        return Live(**{**one, "verdict": said(one["verdict"]), "today": today})

    def again(one: dict[str, Any]) -> Again:
        verb, at = Verb(one["verb"]), datetime.fromisoformat(one["at"])
        now = said(one["now"]) if one["now"] else None
        return Again(**{**one, "verb": verb, "at": at, "now": now})

    return Found(
        tuple(
            Flip(**{**one, "before": said(one["before"]), "after": said(one["after"])})
            for one in kept["requests"]
        ),
        tuple(live(one) for one in kept["live"]),
        tuple(again(one) for one in kept.get("again", ())),
        kept["aside"],
        kept["is_cut"],
        kept.get("live_aside", {}),
    )


def seen(session: Session, found: Found, *, by: Actor) -> Found:
    """What somebody may read of what was found, as of now."""
    ids = {one.model_id for one in found.requests} | {one.model_id for one in found.live}
    ids |= {one.model_id for one in found.again} | set(found.aside) | set(found.live_aside)
    asked = {**seen_by(by, "release:read"), "models": sorted(ids)}
    may = set(session.connection().execute(_VISIBLE_ONES, asked).scalars())
    return replace(
        found,
        requests=tuple(one for one in found.requests if one.model_id in may),
        live=tuple(one for one in found.live if one.model_id in may),
        again=tuple(one for one in found.again if one.model_id in may),
        aside={model: n for model, n in found.aside.items() if model in may},
        live_aside={model: n for model, n in found.live_aside.items() if model in may},
    )


_VISIBLE_ONES: Final = columns(col(ModelRow.id)).where(among(col(ModelRow.id), "models"), VISIBLE)
