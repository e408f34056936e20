"""Has the people of the demo say what they say of their models, by the verbs everybody uses.

Each step looks whether it was done: an interrupted load says nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final, Protocol

from app.demo.organisation import GRACE, Person
from app.demo.said import CARDS, CLOSED, GOING, RELIANCES, TALKS, WATCHES
from app.portal import Portal
from auth.actors import Actor, Kind
from catalog.applications.consumers import Relies
from catalog.notifications.watches import On
from catalog.registry.models import Model

SIMULATED: Final = "{} (simulated)"
_DEMO: Final = Actor.system("demo")


class Numbered(Protocol):
    """A version of the demo: the key it was trained under, and the number MLflow gave it."""

    @property
    def name(self) -> str:
        """The registered model's name."""
        ...

    @property
    def key(self) -> str:
        """The recipe's key."""
        ...

    @property
    def version(self) -> int:
        """MLflow's number."""
        ...


def say_all(portal: Portal, people: Mapping[str, Actor], versions: Iterable[Numbered]) -> None:
    """Watches first, so that there is somebody to be told of the rest."""
    saying = _Saying(portal, people)
    numbers = {(one.name, one.key): one.version for one in versions}
    saying.watches()
    saying.cards()
    saying.going(numbers)
    saying.talks()
    saying.closed()


def write_cards(portal: Portal, people: Mapping[str, Actor]) -> None:
    """Watches and cards alone, as early as they are wanted; said again they change nothing."""
    saying = _Saying(portal, people)
    saying.watches()
    saying.cards()


def register_consumers(portal: Portal, people: Mapping[str, Actor]) -> None:
    """Say which application relies on which model, once the applications are known."""
    _Saying(portal, people).consumers()


class _Saying:
    def __init__(self, portal: Portal, people: Mapping[str, Actor]) -> None:
        self._portal = portal
        self._people = people

    def _who(self, person: Person) -> Actor:
        """Somebody with the roles they hold now."""
        return self._portal.people.actor(self._people[person.email].id)

    def _model(self, name: str) -> Model:
        return self._portal.models.find(name, by=_DEMO, server=self._portal.settings.server_slug)

    def watches(self) -> None:
        for person, on, target in WATCHES:
            wanted = self._model(target).id if on is On.MODEL else target
            self._portal.watches.start(on, wanted, by=self._who(person))

    def cards(self) -> None:
        for said in CARDS:
            model = self._model(said.model)
            if self._portal.cards.of(model) is None:
                self._portal.cards.publish(model.id, said.body, based_on=0, by=self._who(said.by))

    def going(self, numbers: Mapping[tuple[str, str], int]) -> None:
        today = self._portal.clock.now().date()
        for said in GOING:
            model = self._model(said.model)
            old, new = (
                self._portal.models.version(model, numbers[said.model, key])
                for key in (said.version, said.successor)
            )
            by = self._who(said.by)
            if old.id not in self._portal.deprecations.of(model, by=by):
                self._portal.deprecations.deprecate(
                    old.id,
                    by=by,
                    ends_on=today + timedelta(days=said.days),
                    message=said.message,
                    successor_id=new.id,
                )

    def talks(self) -> None:
        desk = self._portal.discussion
        for said in TALKS:
            model = self._model(said.model)
            if desk.count(model):
                continue
            first = desk.post(model.id, said.text, by=self._who(said.by))
            desk.post(model.id, said.answer, by=self._who(said.answered_by), thread=first.id)

    def closed(self) -> None:
        for said in CLOSED:
            model, asker = self._model(said.model), self._who(said.asked_by)
            if model.restricted_at is None:
                self._portal.restrictions.restrict(model.id, said.reason, by=self._who(said.by))
            if self._portal.access_requests.newest(model.id, by=asker) is None:
                self._portal.access_requests.ask(model.id, said.purpose, by=asker)

    def consumers(self) -> None:
        everybody = self._portal.people.everybody(by=self._who(GRACE))
        known = {one.name: one.id for one in everybody if one.kind is Kind.APPLICATION}
        for said in RELIANCES:
            model, by = self._model(said.model), self._who(said.application.owner)
            application = known[SIMULATED.format(said.application.name)]
            registered = self._portal.consumers.of(model.id, by=by)
            if any(
                (one.application_id, one.alias) == (application, said.alias) for one in registered
            ):
                continue
            contact = said.application.owner.email
            self._portal.consumers.register(
                model.id,
                Relies(said.alias, said.purpose, contact, said.criticality),
                by=by,
                application_id=application,
            )
