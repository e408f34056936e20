"""Who has agreed to a release, panel by panel, and who still has to."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from sqlmodel import Session

from auth.access import Verdict, decide
from auth.actors import Actor
from auth.holders import holders
from auth.permissions import Role
from catalog.registry.models import resource
from catalog.registry.tables import ModelRow
from catalog.releases.decisions.quorum import Bench
from catalog.releases.policies.law import PANELS, Panel, Policy
from catalog.releases.requests.request import Decision
from catalog.releases.states import AGREEING, Route


class Asked(Protocol):
    """A request, as far as the way in which it is asked goes."""

    route: str


class Bound(Asked, Protocol):
    """A request, as far as what it is bound to and who asked for it go."""

    policy_digest: str
    snapshot_digest: str
    manifest_digest: str
    requested_by: str
    reading: int


@dataclass(frozen=True)
class Seats:
    """One panel: how many of its role must agree, and who did."""

    role: str
    needed: int
    agreed: tuple[str, ...]

    @property
    def open(self) -> int:
        """How many still have to agree."""
        return max(0, self.needed - len(self.agreed))


def panels_of(policy: Policy, request: Asked) -> list[Panel]:
    """Who has to agree: in an emergency one person of the first panel, else whom the policy says.

    A rollback is agreed to by whoever carries it out, under a policy of its own.
    """
    if request.route == Route.EMERGENCY:
        return [Panel(role=policy.approvals[0].role)]
    return policy.approvals


def seats(
    session: Session,
    policy: Policy,
    request: Bound,
    model: ModelRow,
    *,
    decisions: Iterable[Decision],
    built_by: Collection[str],
) -> tuple[Seats, ...]:
    """The panels of a request. What was agreed to on other evidence does not count."""
    agreed: dict[str, list[str]] = {}
    for one in decisions:
        is_bound = one.is_bound_to(
            request.policy_digest,
            request.snapshot_digest,
            request.manifest_digest,
            reading=request.reading,
        )
        # Who turned out to have built the version since does not count either.
        if one.verb in AGREEING and is_bound and one.person_id not in built_by:
            # Before there were panels, approvers alone agreed.
            agreed.setdefault(one.panel or Role.APPROVER, []).append(one.person_id)
    found = []
    for panel in panels_of(policy, request):
        people = agreed.get(panel.role, [])
        if isinstance(panel.needed, int):
            needed = panel.needed
        else:
            everybody = holders(session, PANELS[panel.role], resource(model))
            apart = {request.requested_by, *built_by}
            # Nobody there is nobody who agreed: one has to be found.
            needed = max(1, sum(one.id not in apart for one in everybody))
            # Who does not hold the role any more stands for none of those who do.
            people = [one for one in people if one in {holder.id for holder in everybody}]
        found.append(Seats(panel.role, needed, tuple(people)))
    return tuple(found)


def benches(
    session: Session,
    panels: Iterable[Seats],
    model: ModelRow,
    *,
    apart: Collection[str],
    by: Actor | None = None,
) -> tuple[Bench, ...]:
    """The panels with those who could still agree: they neither asked, nor built, nor agreed.

    `by` is somebody who is there, though their role may end by itself.
    """
    panels = tuple(panels)
    out = {*apart, *(person for one in panels for person in one.agreed)}
    found = []
    for one in panels:
        permission = PANELS[one.role]
        people = {person.id for person in holders(session, permission, resource(model))}
        if by is not None and decide(by, permission, resource(model)):
            people.add(by.id)
        found.append(Bench(one.role, one.needed, one.agreed, tuple(sorted(people - out))))
    return tuple(found)


def seat_for(by: Actor, panels: Iterable[Seats], model: ModelRow) -> Seats | None:
    """The first panel with an open seat that this person may take; nobody takes two."""
    panels = tuple(panels)
    if any(by.id in one.agreed for one in panels):
        return None
    may = (one for one in panels if decide(by, PANELS[one.role], resource(model)))
    return next((one for one in may if one.open), None)


def may_agree(by: Actor, panels: tuple[Seats, ...], model: ModelRow) -> Verdict:
    """Whether a seat is open that this person may take."""
    if any(by.id in one.agreed for one in panels):
        return Verdict(False, "You agreed already.", "agreed-already", "Others have to agree too.")
    if seat_for(by, panels, model) is None:
        return Verdict(
            False,
            "Everybody of your role who is needed agreed; others have to.",
            "no-seat",
            "You can still reject it or request changes.",
        )
    return Verdict(True, "Every gate passes.")
