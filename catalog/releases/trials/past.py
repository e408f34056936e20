"""The past and what is live, asked some at a time: under a policy, or as each was bound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session, and_, col, func, or_, select, tuple_

from auth.actors import Actor
from catalog.registry.tables import AliasRow, ModelRow, VersionRow
from catalog.registry.visible import VISIBLE, seen_by
from catalog.releases.evidence import taking
from catalog.releases.evidence.snapshot import Snapshot
from catalog.releases.gates import asking as gates
from catalog.releases.policies.digests import digest_of_text
from catalog.releases.policies.law import Policy, Published, governing
from catalog.releases.policies.shelf import Policies, classified
from catalog.releases.states import AGREEING, Route, Verb
from catalog.releases.tables import DecisionRow, RequestRow, SnapshotRow
from catalog.releases.trials.found import Again, Flip, Found, Live, Said
from ledger.acts import Ledger
from ledger.errors import NotFound

# Of past requests, of live versions (each is read anew, with all that is known of it) and of past
# decisions: the newest so many.
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
        counts = (_REQUESTS_COUNT, _of_live(_LIVE_COUNT, policy)) if policy else (_DECIDED_COUNT,)
        with self._ledger.store.read() as session:
            found = [session.exec(one).one() for one in counts]
        return sum(min(MOST, one) for one in found), any(one > MOST for one in found)

    def under(self, policy: Policy) -> Iterator[Part]:
        """Past requests, the newest first, then what is live.

        Only what the policy would govern among those in force, as models are classified now. A past
        request is asked with the evidence it was bound to, at its own moment; what is live, under
        whatever alias, is asked with what is known now, against itself as the champion.
        """
        law = self._policies.with_draft(policy)

        def governs(model: ModelRow, alias: str) -> bool:
            found = governing(law, classified(model, alias))
            return found is not None and found.policy is policy

        yield from self._requests(policy, governs)
        yield from self._live(policy, governs)

    def as_bound(self, *, by: Actor | None = None) -> Iterator[Part]:
        """Past decisions, the newest first, each under the policy and the evidence of then.

        All of them, or those that somebody may see.
        """
        asked, left, who = _DECISIONS, MOST, {}
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

    def _requests(self, policy: Policy, governs: _Governs) -> Iterator[Part]:
        """Past requests; what the policy would not govern is counted aside, and so is going back.

        A rollback has a law of its own, whatever is published.
        """
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
                if request.route != Route.ROLLBACK and governs(model, request.alias):
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

    def _live(self, policy: Policy, governs: _Governs) -> Iterator[Part]:
        """What is live of all that the policy covers; what another one governs is counted aside."""
        last, left = ("", ""), MOST
        while left > 0:
            with self._ledger.store.read() as session:
                query = _of_live(_LIVE, policy).where(tuple_(*_BY_ALIAS) > tuple_(*last))
                rows = session.exec(query.limit(min(AT_A_TIME, left))).all()
                law = self._policies.in_force(session)
                found: list[Live] = []
                aside: Counter[str] = Counter()
                for alias, model, version in rows:
                    if governs(model, alias.alias):
                        found.append(self._one(session, policy, law, alias, model, version))
                    else:
                        aside[model.id] += 1
            if not rows:
                return
            last, left = (rows[-1][0].model_id, rows[-1][0].alias), left - len(rows)
            yield Part(len(rows), Found(live=tuple(found), live_aside=aside))

    def _one(
        self,
        session: Session,
        policy: Policy,
        law: tuple[Published, ...],
        alias: AliasRow,
        model: ModelRow,
        version: VersionRow,
    ) -> Live:
        snapshot = taking.take(session, model, version, alias.alias, policy=policy)
        now = self._ledger.clock.now()
        today = governing(law, classified(model, alias.alias))
        return Live(
            model.name,
            model.id,
            version.number,
            alias.alias,
            _said(policy, snapshot, now),
            _said(today.policy, snapshot, now) if today else None,
            today.policy.title if today else "",
        )


def worst(results: tuple[gates.GateResult, ...]) -> gates.Answer:
    """The answer over all: what fails is worse than what is missing. No gates at all fail."""
    answers = {one.answer for one in results}
    order = (gates.Answer.FAIL, gates.Answer.MISSING, gates.Answer.PASS)
    return next((one for one in order if one in answers), gates.Answer.FAIL)


def _of_live(query: Any, policy: Policy) -> Any:  # noqa: ANN401 - a statement of SQLModel
    """What is live of all that a policy covers, as `AppliesTo.covers` says."""
    rule = policy.applies_to
    for column, wanted in (
        (ModelRow.tier, [str(one) for one in rule.tiers]),
        (ModelRow.regulatory_class, rule.classes),
        (ModelRow.domain, rule.domains),
        (AliasRow.alias, rule.aliases),
        (ModelRow.task, rule.tasks),
    ):
        if wanted:
            query = query.where(col(column).in_(wanted))
    return query


def _said(policy: Policy, snapshot: Snapshot, at: datetime) -> Said:
    """What the gates of a policy say of what was known, as of a moment."""
    results = gates.evaluate(policy, snapshot, at)
    return Said(
        worst(results),
        tuple(one.title for one in results if one.answer is not gates.Answer.PASS),
        gates.verdict_digest(results),
    )


_Governs = Callable[[ModelRow, str], bool]
_WITH_EVIDENCE: Final = (
    col(ModelRow.id) == col(RequestRow.model_id),
    col(SnapshotRow.digest) == col(RequestRow.snapshot_digest),
    # What is taken away is judged by the retirement policy alone.
    col(RequestRow.route) != Route.RETIREMENT,
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
)
_BY_ALIAS: Final = (col(AliasRow.model_id), col(AliasRow.alias))
_LIVE: Final = select(AliasRow, ModelRow, VersionRow).where(*_IS_LIVE).order_by(*_BY_ALIAS)
_LIVE_COUNT: Final = (
    select(func.count()).select_from(AliasRow, ModelRow, VersionRow).where(*_IS_LIVE)
)
# What was decided on evidence; taking back and running out are decided on none.
_ON_EVIDENCE: Final = AGREEING | {Verb.REJECT, Verb.REQUEST_CHANGES}
_DECIDED: Final = (
    col(RequestRow.id) == col(DecisionRow.request_id),
    col(DecisionRow.verb).in_(sorted(_ON_EVIDENCE)),
    col(DecisionRow.snapshot_digest) != "",
)
_DECISIONS: Final = (
    select(DecisionRow, RequestRow, SnapshotRow)
    .outerjoin(SnapshotRow, col(SnapshotRow.digest) == col(DecisionRow.snapshot_digest))
    .where(*_DECIDED)
    .order_by(col(DecisionRow.at).desc(), col(DecisionRow.id).desc())
)
_DECIDED_COUNT: Final = select(func.count()).select_from(DecisionRow, RequestRow).where(*_DECIDED)
