"""Replay: past decisions asked again, with the policy and the evidence each was bound to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import col, select

from auth.access import decide
from auth.actors import Actor
from catalog.registry.models import resource
from catalog.registry.tables import ModelRow
from catalog.releases.evidence.snapshot import Snapshot
from catalog.releases.gates import asking as gates
from catalog.releases.policies.law import Policy
from catalog.releases.policies.shelf import Policies
from catalog.releases.states import AGREEING, Verb
from catalog.releases.tables import DecisionRow, RequestRow, SnapshotRow
from ledger.acts import Ledger

MOST: Final = 5_000


@dataclass(frozen=True)
class Verdict:
    """What gates say: the answer over all, and those that stand in the way, by title."""

    passes: bool
    standing_in_the_way: tuple[str, ...]
    digest: str


@dataclass(frozen=True)
class Again:
    """A past decision asked again. `kept` is the digest of then, empty for the oldest ones."""

    number: str
    request_id: str
    verb: Verb
    at: datetime
    kept: str
    now: Verdict

    @property
    def is_same(self) -> bool:
        """Whether the verdict is the same byte for byte."""
        return not self.kept or self.kept == self.now.digest


class Replay:
    """The desk that asks again; it changes nothing."""

    def __init__(self, ledger: Ledger, policies: Policies) -> None:
        self._ledger = ledger
        self._policies = policies

    def decisions(self, *, by: Actor) -> list[Again]:
        """The approvals the actor may see, newest first, asked again as each was bound."""
        query = (
            select(DecisionRow, RequestRow, ModelRow, SnapshotRow)
            .where(
                col(RequestRow.id) == col(DecisionRow.request_id),
                col(ModelRow.id) == col(RequestRow.model_id),
                col(SnapshotRow.digest) == col(DecisionRow.snapshot_digest),
                col(DecisionRow.verb).in_(sorted(AGREEING)),
            )
            .order_by(col(DecisionRow.at).desc())
            .limit(MOST)
        )
        with self._ledger.store.read() as session:
            return [
                Again(
                    request.number,
                    request.id,
                    Verb(made.verb),
                    made.at,
                    made.verdict_digest,
                    verdict_of(
                        self._policies.by_digest(made.policy_digest),
                        Snapshot.from_body(kept.body),
                        made.at,
                    ),
                )
                for made, request, model, kept in session.exec(query)
                if decide(by, "release:read", resource(model))
            ]


def verdict_of(policy: Policy, snapshot: Snapshot, at: datetime) -> Verdict:
    """What the gates of a policy say of what was known, as of a moment."""
    results = gates.evaluate(policy, snapshot, at)
    return Verdict(
        gates.all_pass(results),
        tuple(one.title for one in results if one.answer is not gates.Answer.PASS),
        gates.verdict_digest(results),
    )
