"""How a release was asked for, as every screen marks it: in an emergency, back by whom, or away."""

from __future__ import annotations

from typing import Final

from app.ui import chips
from app.ui.markup import Markup, join
from catalog.releases.states import AGREEING, Route, State, Verb

_SYSTEM: Final = "system:"
DID: Final = {
    Verb.APPROVE: "Approved",
    Verb.APPROVE_WITH_CONDITIONS: "Approved with conditions",
    Verb.REVOKE: "Revoked",
    Verb.REJECT: "Rejected",
    Verb.REQUEST_CHANGES: "Asked for changes",
    Verb.WITHDRAW: "Withdrew",
    Verb.EXPIRE: "Closed",
}


def words_of(route: Route, requested_by: str) -> str:
    """`Emergency`, `Rollback`, `Automatic rollback`, `Retirement`; nothing for a usual release."""
    if route is Route.EMERGENCY:
        return "Emergency"
    if route is Route.ROLLBACK:
        return "Automatic rollback" if requested_by.startswith(_SYSTEM) else "Rollback"
    if route is Route.RETIREMENT:
        return "Retirement"
    return ""


def mark(route: Route, requested_by: str) -> Markup:
    """The chip of a way that is not the usual one; nothing for the usual."""
    said = words_of(route, requested_by)
    if route is Route.EMERGENCY:
        return chips.status(said)
    return chips.fact(said) if said else Markup("")


def state_words(route: Route, state: State) -> str:
    """Where a request stands; an approval in an emergency is called what it is."""
    if route is Route.EMERGENCY and state is State.CONDITIONALLY_APPROVED:
        return "Approved in an emergency, review due"
    return state.value


def state(route: Route, requested_by: str, stands: State) -> Markup:
    """The chips of a request: the way, and where it stands."""
    is_due = route is Route.EMERGENCY and stands is State.CONDITIONALLY_APPROVED
    at = chips.status(stands.value, "Approved, review due" if is_due else "")
    return join((mark(route, requested_by), " ", at))


def did(route: Route, verb: Verb) -> str:
    """What somebody did to a request."""
    if route is Route.EMERGENCY and verb in AGREEING:
        return "Approved in an emergency, to be reviewed"
    return DID.get(verb, verb.value)
