"""Replay: past decisions asked again at once, with the policy and the evidence of each."""

from __future__ import annotations

from auth.actors import Actor
from catalog.releases.policies.shelf import Policies
from catalog.releases.trials.found import Again
from catalog.releases.trials.past import Past
from ledger.acts import Ledger


class Replay:
    """The desk that asks again while one waits; it changes nothing."""

    def __init__(self, ledger: Ledger, policies: Policies) -> None:
        self._past = Past(ledger, policies)

    def decisions(self, *, by: Actor) -> list[Again]:
        """The decisions the actor may see, newest first, asked again as each was bound."""
        return [one for part in self._past.as_bound(by=by) for one in part.found.again]
