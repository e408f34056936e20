"""The watch desk: who wants to hear of which model, domain or alias, from when on."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Executable, bindparam, func
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from auth.access import Resource, insist_visible, may_anywhere
from auth.actors import Actor, Kind
from catalog.notifications.tables import WatchRow
from ledger.acts import Act, Ledger
from ledger.errors import Conflict, Invalid, NotFound, Refused

MOST_WATCHES: Final = 500
_ALIAS: Final = re.compile(r"[A-Za-z0-9_.*-]{1,64}")
_DOMAIN: Final = re.compile(r"[^\x00-\x1f\x7f]{1,80}")
_HINT: Final = "Search for it under Discover."

# A model as the access law sees it, or nothing: handed in by whoever knows models.
ModelResource = Callable[[Session, str], Resource | None]


class On(StrEnum):
    """What can be watched."""

    MODEL = "model"
    ALIAS = "alias"
    DOMAIN = "domain"


@dataclass(frozen=True)
class Watch:
    """One thing somebody watches; `within` is the domain an alias is watched in, or anywhere."""

    on: On
    target: str
    within: str
    since: datetime


class Watches:
    """Who watches what."""

    def __init__(self, ledger: Ledger, model_resource: ModelResource) -> None:
        self._ledger = ledger
        self._model_resource = model_resource

    def start(self, on: On, target: str, *, by: Actor, within: str = "") -> None:
        """Watch a model, a domain, or aliases: `champion`, `champion-*`, anywhere or in a domain.

        Watching what is watched already changes nothing. A model that was silenced is heard again.

        Raises:
            Invalid: this is no alias or domain. NotFound: no such model for this person.
            Refused: not a person, or somebody who may see no model. Conflict: too many watches.
        """
        target, within = _checked(on, target, within)
        with self._ledger.act("watch:start", actor=by.id, resource=f"person:{by.id}") as act:
            self._told(act, on, target, within, by)
            watched = select(func.count()).where(WatchRow.person_id == by.id)
            if act.session.exec(watched).one() >= MOST_WATCHES:
                raise Conflict(
                    f"Nobody watches more than {MOST_WATCHES} things.",
                    hint="Stop some under Notifications, or watch a whole domain.",
                    code="too-many-watches",
                )
            row = act.session.get(WatchRow, (by.id, on, target, within))
            if row is not None and not row.is_off:
                return
            row = row or WatchRow(
                person_id=by.id, kind=on, target=target, within=within, since=act.at
            )
            row.is_off, row.since = False, act.at
            row.pattern = like(target) if on is On.ALIAS else ""
            act.session.add(row)

    def stop(self, on: On, target: str, *, by: Actor, within: str = "") -> None:
        """Watch it no longer. Raises NotFound when it was not watched."""
        with self._ledger.act("watch:stop", actor=by.id, resource=f"person:{by.id}") as act:
            row = act.session.get(WatchRow, (by.id, on, target, within))
            if row is None:
                raise NotFound("You do not watch this.", hint="Reload the page.")
            _name(act, on, target, within)
            act.session.delete(row)

    def silence(self, model_id: str, *, by: Actor) -> None:
        """Hear nothing of one model, although one owns it or watches its domain."""
        with self._ledger.act("watch:silence", actor=by.id, resource=f"person:{by.id}") as act:
            self._told(act, On.MODEL, model_id, "", by)
            act.session.merge(
                WatchRow(person_id=by.id, kind=On.MODEL, target=model_id, is_off=True, since=act.at)
            )

    def of(self, *, by: Actor) -> list[Watch]:
        """What somebody watches, by kind and name."""
        query = select(WatchRow).where(WatchRow.person_id == by.id, col(WatchRow.is_off).is_(False))
        with self._ledger.store.read() as session:
            rows = session.exec(query.order_by(WatchRow.kind, WatchRow.target, WatchRow.within))
            return [Watch(On(row.kind), row.target, row.within, row.since) for row in rows]

    def silenced(self, *, by: Actor) -> list[str]:
        """The models somebody wants to hear nothing of, by id."""
        query = select(WatchRow.target).where(
            WatchRow.person_id == by.id,
            WatchRow.kind == On.MODEL,
            col(WatchRow.is_off).is_(True),
        )
        with self._ledger.store.read() as session:
            return list(session.exec(query))

    def is_on(self, on: On, target: str, *, by: Actor, within: str = "") -> bool | None:
        """Whether somebody watches it; nothing when they never said so, false when silenced."""
        asked = {"person": by.id, "kind": on, "target": target, "within": within}
        with self._ledger.store.read() as session:
            found = session.connection().execute(_STATE, asked).first()
        return None if found is None else not found.is_off

    def _told(self, act: Act, on: On, target: str, within: str, by: Actor) -> None:
        """Write down what it is about, and go on only if this person may know of it."""
        if by.kind is not Kind.PERSON:
            raise Refused(
                "Only people watch: an application has nobody who reads.",
                hint="Add a webhook under Notifications to tell another program.",
                code="only-people-watch",
            )
        if on is On.MODEL:
            resource = self._model_resource(act.session, target)
            if resource is None:
                raise NotFound("There is no such model.", hint=_HINT)
            insist_visible(by, "model:read", resource, "such model", _HINT)
        elif not may_anywhere(by, "model:read"):
            raise Refused(
                f"{by.name} may see no model, so there is nothing to hear of.",
                hint="A governance admin gives roles on the Access page.",
                code="no-role",
            )
        _name(act, on, target, within)


def like(alias: str) -> str:
    r"""An alias with `*` in it as LIKE reads it with `\` before what is meant literally."""
    escaped = re.sub(r"([\\%_])", r"\\\1", alias.lower())
    return re.sub(r"\*+", "%", escaped)


def _checked(on: On, target: str, within: str) -> tuple[str, str]:
    target, within = " ".join(target.split()), " ".join(within.split())
    if on is On.ALIAS and not _ALIAS.fullmatch(target):
        raise Invalid(
            "An alias has 1 to 64 letters, digits, dots, hyphens and underscores.",
            hint="Write champion, or champion-* for all that begin so.",
            code="bad-alias",
        )
    if on is On.DOMAIN and not _DOMAIN.fullmatch(target):
        raise Invalid("A domain's name has 1 to 80 characters.", hint="For example Payments.")
    if within and (on is not On.ALIAS or not _DOMAIN.fullmatch(within)):
        raise Invalid("Only an alias is watched within a domain.", hint="Leave the domain out.")
    return target, within


def _name(act: Act, on: On, target: str, within: str) -> None:
    act.facts["on"] = on
    if on is On.DOMAIN:
        act.texts["domain"] = target
    else:
        act.facts[on] = target
    if within:
        act.texts["domain"] = within


_STATE: Final[Executable] = columns(col(WatchRow.is_off)).where(
    col(WatchRow.person_id) == bindparam("person"),
    col(WatchRow.kind) == bindparam("kind"),
    col(WatchRow.target) == bindparam("target"),
    col(WatchRow.within) == bindparam("within"),
)
