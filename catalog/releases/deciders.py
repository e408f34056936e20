"""Deciders: who decides on a release request, and whether they may decide this one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from auth.absences import away
from auth.access import Verdict, decide, insist_visible
from auth.actors import Actor
from auth.holders import holders
from auth.permissions import Role
from catalog.registry.authorship import authors
from catalog.registry.models import resource
from catalog.registry.tables import ModelRow, VersionRow
from catalog.releases.agreement import panels_of
from catalog.releases.binding import bound_policy
from catalog.releases.briefs import Found, seen
from catalog.releases.policies.law import PANELS
from catalog.releases.policies.shelf import Policies
from catalog.releases.reviewers import loads
from catalog.releases.rights import may_decide
from catalog.releases.states import State
from catalog.releases.tables import RequestRow
from ledger.acts import Ledger
from ledger.errors import NotFound, Refused


@dataclass(frozen=True)
class Candidate:
    """Somebody who holds the right to decide on a model, and whether they may decide this one."""

    person_id: str
    name: str
    verdict: Verdict
    given: int = 0  # open requests that this person is to read first
    is_away: bool = False


class Deciders:
    """The desk that says who decides; it decides nothing."""

    def __init__(self, ledger: Ledger, policies: Policies) -> None:
        self._ledger = ledger
        self._policies = policies

    def of(
        self, request_id: str, *, by: Actor, built_by: Sequence[str] | None = None
    ) -> tuple[Candidate, ...]:
        """Everybody who decides on this model, and whether they may decide this request.

        `built_by` are the authors of its version, where the caller has read them already.
        Raises NotFound.
        """
        with self._ledger.store.read() as session:
            one = seen(session, request_id, by)
            return self.among(session, one, built_by)

    def if_asked(self, version_id: str, alias: str, *, by: Actor) -> tuple[Candidate, ...]:
        """Who could decide if a version were asked for now: by the actor, if they may ask.

        Raises NotFound.
        """
        with self._ledger.store.read() as session:
            version = session.get(VersionRow, version_id)
            model = session.get(ModelRow, version.model_id) if version else None
            if version is None or model is None:
                raise NotFound("There is no such version.", hint="Choose one on the Model page.")
            insist_visible(
                by,
                "release:read",
                resource(model),
                "such version",
                "Choose one on the Model page.",
            )
            now = self._ledger.clock.now()
            asked = RequestRow(
                id="",
                number="",
                model_id=model.id,
                version_id=version_id,
                version_number=version.number,
                alias=alias,
                reason="",
                requested_by=by.id if decide(by, "release:request", resource(model)) else "",
                requested_at=now,
                state=State.IN_REVIEW,
                changed_at=now,
            )
            return self.among(session, Found(asked, model), None)

    def may(self, session: Session, by: Actor, one: Found, *, built_by: list[str]) -> bool:
        """Whether somebody may decide on a request that was found."""
        panels = self._panels(session, one)
        return bool(may_decide(by, one.request, one.model, built_by, panels))

    def among(
        self, session: Session, one: Found, built_by: Sequence[str] | None
    ) -> tuple[Candidate, ...]:
        """Everybody who decides on the model of a request that was found."""
        known = authors(session, one.request.version_id) if built_by is None else list(built_by)
        panels = self._panels(session, one)
        people = {
            person.id: person
            for panel in panels
            for person in holders(session, PANELS[panel], resource(one.model))
        }
        # Nobody is given what was not asked for yet.
        is_asked = bool(one.request.id)
        given = loads(session, people) if is_asked else {}
        gone = away(session, people, self._ledger.clock.now().date()) if is_asked else set()
        return tuple(
            Candidate(
                person.id,
                person.name,
                may_decide(person, one.request, one.model, known, panels),
                given.get(person.id, 0),
                person.id in gone,
            )
            for person in sorted(people.values(), key=lambda person: (person.name, person.id))
        )

    def _panels(self, session: Session, one: Found) -> tuple[str, ...]:
        """The roles whose agreement a request needs, or would need if it were bound now."""
        try:
            policy = bound_policy(self._policies, session, one.request, one.model)
        except Refused:  # no policy covers it
            return (Role.APPROVER,)
        return tuple(panel.role for panel in panels_of(policy, one.request))
