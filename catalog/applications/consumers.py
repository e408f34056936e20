"""Consumers: the applications that rely on an alias of a model, registered by name and purpose."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session, col, select

from auth.access import Resource, Verdict, decide, insist_visible
from auth.actors import Actor, Kind
from auth.people import as_of_now
from auth.places import Place
from auth.tables import PrincipalRow
from catalog.applications.tables import ConsumerRow
from ledger.acts import Act, Ledger
from ledger.errors import Conflict, Invalid, NotFound
from ledger.ids import new_id
from ledger.statements import statement

LONGEST_PURPOSE: Final = 500
LONGEST_CONTACT: Final = 200
_ALIAS: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NO_MODEL_HINT: Final = "Search for it under Discover."


class Criticality(StrEnum):
    """What happens to the application's work when the model fails."""

    HIGH = "High"
    MEDIUM = "Medium"
    LOW = "Low"


@dataclass(frozen=True)
class Relies:
    """What an application says of its use of a model."""

    alias: str
    purpose: str
    contact: str
    criticality: Criticality | str = Criticality.MEDIUM


@dataclass(frozen=True)
class Consumer:
    """An application that relies on an alias of a model."""

    id: str
    application_id: str
    application: str
    model_id: str
    alias: str
    purpose: str
    contact: str
    criticality: Criticality
    registered_by: str
    registered_at: datetime


class Consumers:
    """The desk where applications say on what they rely."""

    def __init__(self, ledger: Ledger, place: Place) -> None:
        self._ledger = ledger
        self._place = place

    # -- verbs ---------------------------------------------------------------------------------

    def register(
        self, model_id: str, relies: Relies, *, by: Actor, application_id: str = ""
    ) -> Consumer:
        """Say that an application relies on an alias of a model; an application says it of itself.

        Raises:
            Invalid: the alias, purpose, contact or criticality cannot be kept.
            NotFound, Refused: no such model or application for this actor; no such role here.
            Conflict: it is registered for this alias already.
        """
        relies = _checked(relies)
        with self._ledger.act(
            "consumer:register", actor=by.id, resource=f"model:{model_id}"
        ) as act:
            by = as_of_now(act.session, by, at=act.at)
            there = self._visible(act.session, model_id, by)
            about = application_id or by.id
            may_speak_for(by, about, there).insist()
            application = _application(act.session, about)
            present = act.session.exec(
                select(ConsumerRow.id).where(
                    ConsumerRow.application_id == application.id,
                    ConsumerRow.model_id == model_id,
                    ConsumerRow.alias == relies.alias,
                    col(ConsumerRow.ended_at).is_(None),
                )
            ).first()
            if present is not None:
                raise Conflict(
                    f"{application.name} is registered for @{relies.alias} already.",
                    hint="End that registration first to say something else of it.",
                    code="registered-already",
                )
            row = ConsumerRow(
                id=new_id("con"),
                application_id=application.id,
                model_id=model_id,
                alias=relies.alias,
                purpose=relies.purpose,
                contact=relies.contact,
                criticality=relies.criticality,
                registered_by=by.id,
                registered_at=act.at,
            )
            act.session.add(row)
            _record(act, row)
            act.facts["criticality"] = row.criticality
            act.texts |= {"purpose": relies.purpose, "contact": relies.contact}
            _emit(act, "consumer:register", row)
            return _consumer(row, application.name)

    def end(self, consumer_id: str, *, by: Actor) -> None:
        """Say that an application does not rely on it any more."""
        with self._ledger.act(
            "consumer:end", actor=by.id, resource=f"consumer:{consumer_id}"
        ) as act:
            by = as_of_now(act.session, by, at=act.at)
            row = act.session.get(ConsumerRow, consumer_id, with_for_update=True)
            there = self._place(act.session, row.model_id) if row else None
            if row is None or there is None or not decide(by, "model:read", there):
                raise NotFound(
                    "There is no such consumer.", hint="They are listed on the Model page."
                )
            may_speak_for(by, row.application_id, there).insist()
            if row.ended_at is not None:
                raise Conflict("This registration was ended already.", code="consumer-ended")
            row.ended_at, row.ended_by = act.at, by.id
            act.session.add(row)
            _record(act, row)
            _emit(act, "consumer:end", row)

    # -- looking -------------------------------------------------------------------------------

    def of(self, model_id: str, *, by: Actor) -> list[Consumer]:
        """The applications that rely on a model now, by alias and name. Raises NotFound."""
        with self._ledger.store.read() as session:
            self._visible(session, model_id, by)
            return consumers_of(session, model_id)

    def get(self, consumer_id: str, *, by: Actor) -> Consumer:
        """One registration that has not ended. Raises NotFound."""
        with self._ledger.store.read() as session:
            row = session.get(ConsumerRow, consumer_id)
            there = self._place(session, row.model_id) if row else None
            gone = row is None or row.ended_at is not None
            if gone or there is None or row is None or not decide(by, "model:read", there):
                raise NotFound(
                    "There is no such consumer.", hint="They are listed on the Model page."
                )
            return _consumer(row, session.get_one(PrincipalRow, row.application_id).name)

    def may_register(self, where: Resource, *, by: Actor) -> Verdict:
        """Whether the actor registers applications on this model."""
        return decide(by, "consumer:register", where)

    def applications(self, where: Resource, *, by: Actor) -> list[tuple[str, str]]:
        """The applications the actor could register on this model, as (id, name) by name."""
        if by.kind is Kind.APPLICATION or not decide(by, "consumer:register", where):
            return []
        with self._ledger.store.read() as session:
            found = session.exec(
                select(PrincipalRow.id, PrincipalRow.name)
                .where(
                    PrincipalRow.kind == Kind.APPLICATION, col(PrincipalRow.disabled_at).is_(None)
                )
                .order_by(PrincipalRow.name, PrincipalRow.id)
            )
            return [(one, name) for one, name in found]

    def _visible(self, session: Session, model_id: str, by: Actor) -> Resource:
        there = self._place(session, model_id)
        if there is None:
            raise NotFound("There is no such model.", hint=_NO_MODEL_HINT)
        insist_visible(by, "model:read", there, "such model", _NO_MODEL_HINT)
        return there


def may_speak_for(by: Actor, application_id: str, where: Resource) -> Verdict:
    """Who registers an application on a model: itself, or a person with the role there."""
    if by.kind is Kind.APPLICATION and by.id != application_id:
        return Verdict(
            False,
            "An application speaks only for itself.",
            "another-application",
            "Leave the application out, or use its own token.",
        )
    if by.kind is not Kind.APPLICATION and by.id == application_id:
        return Verdict(
            False,
            "Only an application relies on a model.",
            "no-application",
            "Say which application relies on it.",
        )
    return decide(by, "consumer:register", where)


def consumers_of(session: Session, model_id: str) -> list[Consumer]:
    """The applications that rely on a model now, by alias and name."""
    found = session.exec(
        select(ConsumerRow, PrincipalRow.name)
        .join(PrincipalRow, col(PrincipalRow.id) == col(ConsumerRow.application_id))
        .where(ConsumerRow.model_id == model_id, col(ConsumerRow.ended_at).is_(None))
        .order_by(ConsumerRow.alias, PrincipalRow.name, ConsumerRow.id)
    )
    return [_consumer(row, name) for row, name in found]


def _checked(relies: Relies) -> Relies:
    alias = relies.alias.strip().removeprefix("@")
    if not _ALIAS.fullmatch(alias):
        raise Invalid(
            f"{alias[:64]!r} is no alias.",
            hint="Name the alias the application loads, such as champion.",
            code="bad-alias",
        )
    if relies.criticality not in set(Criticality):
        raise Invalid(
            f"{str(relies.criticality)[:40]!r} is no criticality.",
            hint=f"Use one of: {', '.join(Criticality)}.",
            code="bad-criticality",
        )
    return Relies(
        alias,
        statement(
            relies.purpose,
            "purpose",
            longest=LONGEST_PURPOSE,
            hint="Say in a sentence what the application uses the model for.",
        ),
        statement(
            " ".join(relies.contact.split()),
            "contact",
            longest=LONGEST_CONTACT,
            hint="Name who is told when the model changes: a person, a team or an address.",
        ),
        Criticality(relies.criticality),
    )


def _application(session: Session, application_id: str) -> PrincipalRow:
    """The application, held until the act is over. Raises NotFound."""
    row = session.get(PrincipalRow, application_id, with_for_update=True)
    if row is None or row.kind != Kind.APPLICATION or row.disabled_at is not None:
        raise NotFound(
            "There is no such application.",
            hint="A governance admin registers it on the Access page.",
            code="no-such-application",
        )
    return row


def _record(act: Act, row: ConsumerRow) -> None:
    act.facts |= {
        "model": row.model_id,
        "application": row.application_id,
        "alias": row.alias,
        "consumer": row.id,
    }


def _emit(act: Act, event: str, row: ConsumerRow) -> None:
    act.emit(event, row.id, model=row.model_id, application=row.application_id, alias=row.alias)


def _consumer(row: ConsumerRow | Row[Any], name: str) -> Consumer:
    return Consumer(
        row.id,
        row.application_id,
        name,
        row.model_id,
        row.alias,
        row.purpose,
        row.contact,
        Criticality(row.criticality),
        row.registered_by,
        row.registered_at,
    )
