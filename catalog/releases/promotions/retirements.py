"""Retirement: an alias taken away, so that a version is not live under it any more."""

from __future__ import annotations

from typing import Final

from auth.access import Verdict
from auth.actors import Actor
from auth.people import as_of_now
from catalog.registry.deprecations import Farewell, hold, say_farewell
from catalog.releases.policies.shelf import Policies
from catalog.releases.requests.binding import bind
from catalog.releases.requests.request import ReleaseRequest, load_request
from catalog.releases.requests.rights import checked_reason, may_retire
from catalog.releases.requests.steps import asked_version, new_request
from catalog.releases.states import Route, State
from ledger.acts import Ledger

_HINT: Final = "Choose one that is live, on the Model page."


class Retirements:
    """The desk where one asks that an alias be taken away."""

    def __init__(self, ledger: Ledger, policies: Policies) -> None:
        self._ledger = ledger
        self._policies = policies

    def may(self, version_id: str, alias: str, *, by: Actor) -> Verdict:
        """Whether the actor may ask now that an alias be taken away. Raises NotFound."""
        with self._ledger.store.read() as session:
            model, version = asked_version(session, version_id, by, hint=_HINT)
            return may_retire(session, by, model, version, alias)

    def retire(
        self,
        version_id: str,
        alias: str,
        reason: str,
        *,
        farewell: Farewell | None = None,
        by: Actor,
    ) -> ReleaseRequest:
        """Ask that an alias be taken away from a version.

        It is a release request of its own, decided by the approvers under the retirement policy.
        With a farewell the version is deprecated by the same act, which tells whoever relies on it.

        Raises:
            Invalid: no reason; the farewell names a day in the past or years ahead.
            NotFound, Refused, Conflict: no such version or successor; no such role; the alias does
                not point at the version; asked already.
        """
        reason = checked_reason(reason)
        if farewell is not None:
            farewell = farewell.checked(self._ledger.clock.now().date())
        with self._ledger.act("release:retire", actor=by.id, resource="request:*") as act:
            act.facts |= {"version": version_id, "alias": alias, "route": Route.RETIREMENT}
            # Versions before their model, as where they are deprecated.
            hold(act.session, version_id, farewell.successor_id if farewell else "")
            model, version = asked_version(act.session, version_id, by, hint=_HINT, lock=True)
            by = as_of_now(act.session, by, at=act.at)
            may_retire(act.session, by, model, version, alias).insist()
            if farewell is not None:
                say_farewell(act, version, model, farewell, by=by)
            row = new_request(
                act,
                model,
                version,
                alias=alias,
                reason=reason,
                by=by,
                state=State.PENDING_REVIEW,
                route=Route.RETIREMENT,
            )
            bind(self._policies, act, row, model, version)
            act.emit("release:requested", row.id, version=version.id, route=Route.RETIREMENT)
            return load_request(act.session, row)
