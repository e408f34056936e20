"""The past and what is live, asked some at a time: under a policy, or as each was bound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlmodel import Session, and_, col, func, or_, select

from auth.actors import Actor
from catalog.registry.tables import AliasRow, ModelRow, VersionRow
from catalog.registry.visible import VISIBLE, seen_by
from catalog.releases.evidence import taking
from catalog.releases.evidence.snapshot import Snapshot
from catalog.releases.gates import asking as gates
from catalog.releases.policies.digests import digest_of_text
from catalog.releases.policies.law import Policy
from catalog.releases.policies.shelf import Policies, classified
from catalog.releases.states import AGREEING, Verb
from catalog.releases.tables import DecisionRow, RequestRow, SnapshotRow
from catalog.releases.trials.found import Again, Flip, Found, Live, Said
from ledger.acts import Ledger
from ledger.errors import NotFound

# Of past requests, of live versions (each is read anew, with all that is known of it) and of past
# approvals: the newest so many.
MOST: Final = 5_000
AT_A_TIME: Final = 100


@dataclass(frozen=True)
class Part:
    """How many were asked in one go, and what was found of them."""

    asked: int
    found: Found


class Past:
    """All that was ever asked and decided, and what is live."""

    def __init__(self, ledger: Ledger, policies: Policies) -> None:
        self._ledger = ledger
        self._policies = policies

    def size(self, policy: Policy | None) -> tuple[int, bool]:
        """How many are asked under a policy, or as they were bound; and whether there are more."""
        counts = (_REQUESTS_COUNT, _LIVE_COUNT) if policy else (_APPROVALS_COUNT,)
        with self._ledger.store.read() as session:
            found = [session.exec(one).one() for one in counts]
        return sum(min(MOST, one) for one in found), any(one > MOST for one in found)

    def under(self, policy: Policy) -> Iterator[Part]:
        """Past requests, the newest first, then what is live.

        A past request is asked with the evidence it was bound to, at its own moment; what is live
        is asked with what is known now, against itself as the champion.
        """
        yield from self._requests(policy)
        yield from self._live(policy)

    def as_bound(self, *, by: Actor | None = None) -> Iterator[Part]:
        """Past approvals, the newest first, each under the policy and the evidence of then.

        All of them, or those that somebody may see.
        """
        asked, left, who = _APPROVALS, MOST, {}
        if by is not None:
            asked = asked.where(col(ModelRow.id) == col(RequestRow.model_id), VISIBLE)
            who = seen_by(by, "release:read")
        query = asked
        while left > 0:
            with self._ledger.store.read() as session:
                rows = session.exec(query.limit(min(AT_A_TIME, left)), params=who).all()
            if not rows:
                return
            left -= len(rows)
            made = rows[-1][0]
            is_before = and_(col(DecisionRow.at) == made.at, col(DecisionRow.id) < made.id)
            query = asked.where(or_(col(DecisionRow.at) < made.at, is_before))
            yield Part(len(rows), Found(again=tuple(self._again(*row) for row in rows)))

    def _again(self, made: DecisionRow, request: RequestRow, kept: SnapshotRow | None) -> Again:
        verb = Verb(made.verb)
        asked = Again(
            request.number, request.id, request.model_id, verb, made.at, made.verdict_digest, None
        )
        if kept is None:
            return replace(asked, problem="Its evidence is not on record any more.")
        if digest_of_text(kept.body) != made.snapshot_digest:
            return replace(asked, problem="Its evidence is not what it was decided on.")
        try:
            bound = self._policies.by_digest(made.policy_digest)
        except NotFound:
            return replace(asked, problem="Its policy is not on record any more.")
        return replace(asked, now=_said(bound, Snapshot.from_body(kept.body), made.at))

    def _requests(self, policy: Policy) -> Iterator[Part]:
        """Past requests; what the policy does not cover is counted aside."""
        query, left = _REQUESTS, MOST
        while left > 0:
            with self._ledger.store.read() as session:
                rows = session.exec(query.limit(min(AT_A_TIME, left))).all()
            if not rows:
                return
            left -= len(rows)
            query = _REQUESTS.where(col(RequestRow.number) < rows[-1][0].number)
            flips: list[Flip] = []
            aside: Counter[str] = Counter()
            for request, model, kept in rows:
                if policy.applies_to.covers(classified(model, request.alias)):
                    flips.append(self._flip(policy, request, model, kept))
                else:
                    aside[model.id] += 1
            yield Part(len(rows), Found(requests=tuple(flips), aside=aside))

    def _flip(
        self, policy: Policy, request: RequestRow, model: ModelRow, kept: SnapshotRow
    ) -> Flip:
        snapshot = Snapshot.from_body(kept.body)
        bound = self._policies.by_digest(request.policy_digest)
        return Flip(
            request.number,
            request.id,
            model.name,
            model.id,
            request.version_number,
            request.alias,
            request.state,
            _said(bound, snapshot, request.changed_at),
            _said(policy, snapshot, request.changed_at),
        )

    def _live(self, policy: Policy) -> Iterator[Part]:
        last, left = "", MOST
        while left > 0:
            with self._ledger.store.read() as session:
                query = _LIVE.where(col(ModelRow.id) > last)
                rows = session.exec(query.limit(min(AT_A_TIME, left))).all()
                found = [
                    self._one(session, policy, *row)
                    for row in rows
                    if policy.applies_to.covers(classified(row[1], row[0].alias))
                ]
            if not rows:
                return
            last, left = rows[-1][1].id, left - len(rows)
            yield Part(len(rows), Found(live=tuple(found)))

    def _one(
        self,
        session: Session,
        policy: Policy,
        alias: AliasRow,
        model: ModelRow,
        version: VersionRow,
    ) -> Live:
        snapshot = taking.take(session, model, version, alias.alias)
        said = _said(policy, snapshot, self._ledger.clock.now())
        return Live(model.name, model.id, version.number, alias.alias, said)


def _said(policy: Policy, snapshot: Snapshot, at: datetime) -> Said:
    """What the gates of a policy say of what was known, as of a moment."""
    results = gates.evaluate(policy, snapshot, at)
    return Said(
        gates.all_pass(results),
        tuple(one.title for one in results if one.answer is not gates.Answer.PASS),
        gates.verdict_digest(results),
    )


_WITH_EVIDENCE: Final = (
    col(ModelRow.id) == col(RequestRow.model_id),
    col(SnapshotRow.digest) == col(RequestRow.snapshot_digest),
)
_REQUESTS: Final = (
    select(RequestRow, ModelRow, SnapshotRow)
    .where(*_WITH_EVIDENCE)
    .order_by(col(RequestRow.number).desc())
)
_REQUESTS_COUNT: Final = (
    select(func.count()).select_from(RequestRow, ModelRow, SnapshotRow).where(*_WITH_EVIDENCE)
)
_IS_LIVE: Final = (
    col(ModelRow.id) == col(AliasRow.model_id),
    col(VersionRow.id) == col(AliasRow.version_id),
    col(ModelRow.gone_at).is_(None),
    col(AliasRow.alias) == "champion",
)
_LIVE: Final = select(AliasRow, ModelRow, VersionRow).where(*_IS_LIVE).order_by(col(ModelRow.id))
_LIVE_COUNT: Final = (
    select(func.count()).select_from(AliasRow, ModelRow, VersionRow).where(*_IS_LIVE)
)
_APPROVED: Final = (
    col(RequestRow.id) == col(DecisionRow.request_id),
    col(DecisionRow.verb).in_(sorted(AGREEING)),
)
_APPROVALS: Final = (
    select(DecisionRow, RequestRow, SnapshotRow)
    .outerjoin(SnapshotRow, col(SnapshotRow.digest) == col(DecisionRow.snapshot_digest))
    .where(*_APPROVED)
    .order_by(col(DecisionRow.at).desc(), col(DecisionRow.id).desc())
)
_APPROVALS_COUNT: Final = (
    select(func.count()).select_from(DecisionRow, RequestRow).where(*_APPROVED)
)
