"""Replay: past decisions asked again, and a policy tried on everything before it binds anybody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import Session, col, select

from auth.access import decide
from auth.actors import Actor
from catalog.registry.models import resource
from catalog.registry.tables import AliasRow, ModelRow, VersionRow
from catalog.releases.evidence import taking
from catalog.releases.evidence.snapshot import Snapshot
from catalog.releases.gates import asking as gates
from catalog.releases.policies.law import Policy
from catalog.releases.policies.shelf import Policies, classified
from catalog.releases.states import AGREEING, Verb
from catalog.releases.tables import DecisionRow, RequestRow, SnapshotRow
from ledger.acts import Ledger

MOST: Final = 5_000
MOST_LIVE: Final = 500  # each is read anew, with everything that is known of it


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


@dataclass(frozen=True)
class Flip:
    """A past request under another policy. `before` is None where nobody had decided yet."""

    number: str
    request_id: str
    model: str
    version: int
    alias: str
    state: str
    before: Verdict
    after: Verdict

    @property
    def has_flipped(self) -> bool:
        """Whether the answer over all is another one."""
        return self.before.passes != self.after.passes


@dataclass(frozen=True)
class Live:
    """A version that is live now, under the policy."""

    model: str
    model_id: str
    version: int
    alias: str
    verdict: Verdict


@dataclass(frozen=True)
class Trial:
    """A policy on the past and on the present, by request number and by model."""

    requests: tuple[Flip, ...]
    live: tuple[Live, ...]
    not_governed: int
    is_cut: bool


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
                    _verdict(
                        self._policies.by_digest(made.policy_digest),
                        Snapshot.from_body(kept.body),
                        made.at,
                    ),
                )
                for made, request, model, kept in session.exec(query)
                if decide(by, "release:read", resource(model))
            ]

    def trial(self, policy: Policy, *, by: Actor) -> Trial:
        """What a policy would have said of every past request it covers, and says of what is live.

        A past request is asked with the evidence it was bound to, at its own moment; what is live
        is asked with what is known now, against itself as the champion.
        """
        with self._ledger.store.read() as session:
            flips, aside = [], 0
            asked = list(_past(session))
            for request, model, kept in asked[:MOST]:
                if not decide(by, "release:read", resource(model)):
                    continue
                if not policy.applies_to.covers(classified(model, request.alias)):
                    aside += 1
                    continue
                snapshot = Snapshot.from_body(kept.body)
                bound = self._policies.by_digest(request.policy_digest)
                flips.append(
                    Flip(
                        request.number,
                        request.id,
                        model.name,
                        request.version_number,
                        request.alias,
                        request.state,
                        _verdict(bound, snapshot, request.changed_at),
                        _verdict(policy, snapshot, request.changed_at),
                    )
                )
            live = []
            held = session.exec(_LIVE.limit(MOST_LIVE + 1)).all()
            for alias, model, version in held[:MOST_LIVE]:
                if not policy.applies_to.covers(classified(model, alias.alias)):
                    continue
                if not decide(by, "release:read", resource(model)):
                    continue
                snapshot = taking.take(session, model, version, alias.alias)
                verdict = _verdict(policy, snapshot, self._ledger.clock.now())
                live.append(Live(model.name, model.id, version.number, alias.alias, verdict))
        return Trial(tuple(flips), tuple(live), aside, len(asked) > MOST or len(held) > MOST_LIVE)


def _past(session: Session) -> Iterator[tuple[RequestRow, ModelRow, SnapshotRow]]:
    yield from session.exec(
        select(RequestRow, ModelRow, SnapshotRow)
        .where(
            col(ModelRow.id) == col(RequestRow.model_id),
            col(SnapshotRow.digest) == col(RequestRow.snapshot_digest),
        )
        .order_by(col(RequestRow.number).desc())
        .limit(MOST + 1)
    )


def _verdict(policy: Policy, snapshot: Snapshot, at: datetime) -> Verdict:
    results = gates.evaluate(policy, snapshot, at)
    return Verdict(
        gates.all_pass(results),
        tuple(one.title for one in results if one.answer is not gates.Answer.PASS),
        gates.verdict_digest(results),
    )


_LIVE: Final = (
    select(AliasRow, ModelRow, VersionRow)
    .where(
        col(ModelRow.id) == col(AliasRow.model_id),
        col(VersionRow.id) == col(AliasRow.version_id),
        col(ModelRow.gone_at).is_(None),
        AliasRow.alias == "champion",
    )
    .order_by(col(ModelRow.name))
)
