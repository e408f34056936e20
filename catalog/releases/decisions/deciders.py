"""Deciders: who decides on a release request, and whether they may decide this one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from auth.absences import away
from auth.access import Verdict, decide, insist_visible
from auth.actors import Actor
from auth.holders import holders
from catalog.registry.authorship import authors
from catalog.registry.models import resource
from catalog.registry.tables import ModelRow, VersionRow
from catalog.releases.decisions.agreement import benches, panels_of, seats
from catalog.releases.decisions.briefs import Found, seen
from catalog.releases.decisions.emergencies import can_review, reviewable
from catalog.releases.decisions.quorum import Bench, decidable, takes
from catalog.releases.decisions.reviewers import loads
from catalog.releases.policies.law import PANELS, Panel
from catalog.releases.policies.shelf import Policies
from catalog.releases.requests.binding import bound_policy
from catalog.releases.requests.request import load_request
from catalog.releases.requests.rights import may_decide
from catalog.releases.states import Route, State
from catalog.releases.tables import RequestRow
from ledger.acts import Ledger
from ledger.errors import NotFound, Refused


@dataclass(frozen=True)
class Candidate:
    """Somebody who holds the right to decide on a model, and whether they may decide this one.

    `roles` are those of the panels in which they could agree now.
    """

    person_id: str
    name: str
    verdict: Verdict
    given: int = 0  # open requests that this person is to read first
    is_away: bool = False
    roles: tuple[str, ...] = ()
    has_agreed_as: str = ""

    @property
    def can_agree(self) -> bool:
        """Whether their agreement is needed still, and may be given."""
        return bool(self.verdict) and bool(self.roles)


@dataclass(frozen=True)
class Outlook:
    """Who decides a release, panel by panel, and whether enough people hold the roles.

    Of an emergency also who could review it afterwards, by name, and whether somebody can.
    """

    people: tuple[Candidate, ...] = ()
    benches: tuple[Bench, ...] = ()
    reviewers: tuple[Actor, ...] = ()

    @property
    def decidable(self) -> Verdict:
        """Whether enough people hold the roles for it to be approved at all."""
        return decidable(self.benches)

    def reviewable(self, *, by: str = "") -> Verdict:
        """Whether somebody could review an emergency that `by` decides, or anybody does."""
        deciders = [one.person_id for one in self.people if one.can_agree]
        return reviewable(deciders, [one.id for one in self.reviewers], by=by)

    def able(self) -> list[str]:
        """The names of those whose agreement is needed still, and who may give it."""
        return [one.name for one in self.people if one.can_agree]


class Deciders:
    """The desk that says who decides; it decides nothing."""

    def __init__(self, ledger: Ledger, policies: Policies) -> None:
        self._ledger = ledger
        self._policies = policies

    def of(self, request_id: str, *, by: Actor, built_by: Sequence[str] | None = None) -> Outlook:
        """Everybody who decides on this model, and whether they may decide this request.

        `built_by` are the authors of its version, where the caller has read them already.
        Raises NotFound.
        """
        with self._ledger.store.read() as session:
            one = seen(session, request_id, by)
            return self.among(session, one, built_by)

    def if_asked(
        self, version_id: str, alias: str, *, is_emergency: bool = False, by: Actor
    ) -> Outlook:
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
                route=Route.EMERGENCY if is_emergency else Route.RELEASE,
            )
            return self.among(session, Found(asked, model), None)

    def may(self, session: Session, by: Actor, one: Found, *, built_by: list[str]) -> bool:
        """Whether somebody may decide on a request that was found."""
        roles = [panel.role for panel in self._panels(session, one)]
        return bool(may_decide(by, one.request, one.model, built_by, roles))

    def among(self, session: Session, one: Found, built_by: Sequence[str] | None) -> Outlook:
        """Everybody who decides on the model of a request that was found."""
        known = authors(session, one.request.version_id) if built_by is None else list(built_by)
        roles = [panel.role for panel in self._panels(session, one)]
        people = {
            person.id: person
            for role in roles
            for person in holders(session, PANELS[role], resource(one.model))
        }
        # Nobody is given what was not asked for yet.
        is_asked = bool(one.request.id)
        given = loads(session, people) if is_asked else {}
        gone = away(session, people, self._ledger.clock.now().date()) if is_asked else set()
        sitting = self._benches(session, one, known)
        agreed = {person: bench.role for bench in sitting for person in bench.agreed}
        is_emergency = one.request.route == Route.EMERGENCY
        return Outlook(
            tuple(
                Candidate(
                    person.id,
                    person.name,
                    may_decide(person, one.request, one.model, known, roles),
                    given.get(person.id, 0),
                    person.id in gone,
                    takes(person.id, sitting),
                    agreed.get(person.id, ""),
                )
                for person in sorted(people.values(), key=lambda person: (person.name, person.id))
            ),
            sitting,
            tuple(can_review(session, one.request, one.model, known)) if is_emergency else (),
        )

    def _benches(self, session: Session, one: Found, built_by: Sequence[str]) -> tuple[Bench, ...]:
        """The panels of a request with who agreed and who still could."""
        row = one.request
        try:
            policy = bound_policy(self._policies, session, row, one.model)
        except Refused:
            return ()
        decisions = load_request(session, row).decisions if row.id else ()
        panels = seats(session, policy, row, one.model, decisions=decisions, built_by=set(built_by))
        return benches(session, panels, one.model, apart={row.requested_by, *built_by})

    def _panels(self, session: Session, one: Found) -> Sequence[Panel]:
        """Whose agreement a request needs, or would need if it were bound now."""
        try:
            policy = bound_policy(self._policies, session, one.request, one.model)
        except Refused:  # no policy covers it
            return (Panel(role="approver"),)
        return panels_of(policy, one.request)
