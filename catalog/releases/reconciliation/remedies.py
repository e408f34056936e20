"""What puts a move right that nobody approved: seen in MLflow and closed, or set back by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session, col, select

from auth.access import ANYTHING, decide
from auth.actors import Actor
from auth.tables import PrincipalRow
from catalog.releases.decisions.approvals import is_approved_otherwise, is_live
from catalog.releases.findings.finding import (
    STANDING,
    UNEXPLAINED,
    FindingState,
    FindingVerb,
    after,
)
from catalog.releases.policies.law import governing
from catalog.releases.policies.shelf import Policies, classified
from catalog.releases.promotions.outbox import on_its_way
from catalog.releases.promotions.rollbacks import Rollbacks
from catalog.releases.reconciliation.known import Known, read_known
from catalog.releases.requests.steps import visible
from catalog.releases.states import Route, State, Verb
from catalog.releases.tables import DecisionRow, FindingRow, RequestRow
from ledger.acts import Ledger
from ledger.errors import CountersignError, Unavailable
from ledger.troubles import Troubles

# Who moves an alias again and again is not fought: a person has to look.
ONCE_IN: Final = timedelta(hours=1)
_FOUGHT: Final = (
    "It was set back less than an hour before and moved again, so it was left for a person."
)
# Of a reason for revoking, as the request that follows from it quotes it.
_MOST_SAID: Final = 400
_NOTHING: Final = "No approval stands that it could be set back to."
_RETIRED: Final = "It was retired: ask for its retirement again, or for a release."
# It comes to its end by itself: asked again a moment later.
_PASSING: Final = frozenset({"promotion-on-its-way", "already-live"})


@dataclass(frozen=True)
class Aftermath:
    """What revoking an approval would lead to.

    Attributes:
        is_live: the alias points at the version now, and no other approval covers it.
        sets_back: the policy in force has Countersign set the alias back by itself.
        to: the version it can be set back to; None where no other approval stands.
        policy: the policy in force, as `baseline v1`; empty where there is none.
    """

    is_live: bool
    sets_back: bool = False
    to: int | None = None
    policy: str = ""


@dataclass(frozen=True)
class _Group:
    """The findings of one alias that stand, oldest first."""

    model_id: str
    alias: str
    rows: tuple[FindingRow, ...]


class Remedies:
    """Closes what was put right, and puts right what a policy says is to be."""

    def __init__(self, ledger: Ledger, policies: Policies, rollbacks: Rollbacks) -> None:
        self._ledger = ledger
        self._policies = policies
        self._rollbacks = rollbacks
        self._troubles = Troubles(__name__, ledger.clock)

    # -- seen to be put right ------------------------------------------------------------------

    def close(self, *, by: Actor) -> list[str]:
        """Close the findings of aliases that are again where an approval that stands put them.

        Returns the ids of the findings.
        """
        decide(by, "promotion:carry-out", ANYTHING).insist()
        with self._ledger.store.read() as session:
            groups = _standing(session)
            known = read_known(session, {one.model_id for one in groups})
            due = [
                row.id
                for group in groups
                if put_right(known[group.model_id], group.alias)
                for row in group.rows
            ]
        return self._troubles.each(due, lambda one: self._close(one, by), "cannot be closed")

    def _close(self, finding_id: str, by: Actor) -> bool:
        with self._ledger.act(
            "finding:close", actor=by.id, resource=f"finding:{finding_id}"
        ) as act:
            row = act.session.get_one(FindingRow, finding_id, with_for_update=True)
            act.facts |= {"model": row.model_id, "kind": row.kind, "severity": row.severity}
            why = put_right(read_known(act.session, [row.model_id])[row.model_id], row.alias)
            if row.state not in STANDING or not why:
                act.reason = "nothing-to-do"
                return False
            act.reason = "verified"
            row.state = after(FindingState(row.state), FindingVerb.VERIFY)
            row.closed_by, row.closed_at, row.closed_why = by.id, act.at, why
            act.session.add(row)
            act.texts["reason"] = why
            act.emit("finding:closed", row.id, model=row.model_id, request=row.request_id)
            return True

    def aftermath(self, request_id: str, *, by: Actor) -> Aftermath:
        """What revoking an approval would lead to now. Raises NotFound."""
        with self._ledger.store.read() as session:
            row, model = visible(session, request_id, by)
            if not is_live(session, row) or is_approved_otherwise(session, row):
                return Aftermath(is_live=False)
            known = read_known(session, [model.id])[model.id]
            left = tuple(one for one in known.asked if one.version_id != row.version_id)
            place = replace(known, asked=left).place(row.alias)
            to = place.version_number if place else None
            law = governing(self._policies.in_force(session), classified(model, row.alias))
            if law is None:
                return Aftermath(is_live=True, to=to)
            return Aftermath(
                is_live=True,
                sets_back=law.policy.unapproved == "roll back",
                to=to,
                policy=f"{law.policy.name} v{law.policy.version}",
            )

    # -- set back by itself --------------------------------------------------------------------

    def revert(self, *, by: Actor) -> list[str]:
        """Have aliases set back where the policy that governs them says so, once per finding.

        Returns the ids of the release requests.
        """
        decide(by, "promotion:carry-out", ANYTHING).insist()
        with self._ledger.store.read() as session:
            groups = [one for one in _standing(session) if _untried(one.rows)]
            known = read_known(session, {one.model_id for one in groups})
            policies = self._policies.in_force(session)
        made = []
        for group in groups:
            there = known[group.model_id]
            law = governing(policies, classified(there.model, group.alias))
            if law is None or law.policy.unapproved != "roll back" or there.model.gone_at:
                continue
            if put_right(there, group.alias):
                continue
            what = f"{group.alias} of {group.model_id} cannot be set back"
            if self._troubles.rests(what):
                continue
            with self._troubles.apart(what, what):
                request = self._set_back(group, there, by)
                made += [request] if request else []
        return made

    def _set_back(self, group: _Group, known: Known, by: Actor) -> str:
        """Ask for the rollback and write down what came of it. Returns the request's id."""
        rows = _untried(group.rows)
        place = known.place(group.alias)
        with self._ledger.store.read() as session:
            # Asked for by a worker that was killed before it could write it down.
            request = _asked_since(session, group, rows[0].opened_at, by)
            is_fought = _set_back_since(session, group, self._ledger.clock.now() - ONCE_IN)
            why = _why_it_leaves(session, known, group.alias)
            moves = on_its_way(session, group.model_id, group.alias, besides_windows=True)
        if not request and moves is not None:
            return ""  # It comes to its end by itself: looked at again a moment later.
        why_not = ""
        if not request and place is None:
            why_not = _NOTHING
        elif not request and place is not None and place.is_retirement:
            why_not = _RETIRED
        elif not request and is_fought:
            why_not = _FOUGHT
        elif not request and place is not None:
            reason = f"{why} {place.number} approved this version."
            try:
                request = self._rollbacks.roll_back(place.version_id, group.alias, reason, by=by).id
            except Unavailable:
                raise
            except CountersignError as refusal:
                if refusal.code in _PASSING:
                    return ""
                why_not = refusal.message
        for row in rows:
            self._write_down(row.id, request, why_not, by)
        return request

    def _write_down(self, finding_id: str, request_id: str, why_not: str, by: Actor) -> None:
        with self._ledger.act(
            "finding:revert", actor=by.id, resource=f"finding:{finding_id}"
        ) as act:
            row = act.session.get_one(FindingRow, finding_id, with_for_update=True)
            row.reverted_at, row.reverted_by, row.not_reverted = act.at, request_id, why_not
            act.session.add(row)
            act.facts["model"] = row.model_id
            if request_id:
                act.facts["request"] = request_id
            else:
                act.reason = "not-set-back"
                act.texts["reason"] = why_not


def put_right(known: Known, alias: str) -> str:
    """How an alias is seen to be where it may be, in a sentence; empty where it is not."""
    held = known.aliases.get(alias, "")
    place = known.place(alias)
    if place is not None:
        if held != place.leaves_on:
            return ""
        if place.is_retirement:
            return f"{alias} points at nothing, as approved in {place.number}."
        return f"{alias} points at v{place.version_number}, as approved in {place.number}."
    original = known.original(alias)
    if not held and not original:
        return f"{alias} points at nothing any more, and nothing was approved for it."
    if held and original and known.numbers.get(alias) == int(original):
        return f"{alias} is on v{original} again, where it was when Countersign first looked."
    return ""


def _why_it_leaves(session: Session, known: Known, alias: str) -> str:
    """Why an alias does not stay where it is: nobody approved that, or it was taken back."""
    taken_back = [
        one.request_id
        for one in known.asked
        if one.alias == alias
        and one.version_id == known.aliases.get(alias)
        and one.state == State.REVOKED
    ]
    last = session.exec(
        select(DecisionRow, RequestRow.number, PrincipalRow.name)
        .join(RequestRow, col(RequestRow.id) == col(DecisionRow.request_id))
        .outerjoin(PrincipalRow, col(PrincipalRow.id) == col(DecisionRow.person_id))
        .where(
            col(DecisionRow.request_id).in_(taken_back),
            DecisionRow.verb == Verb.REVOKE,
            RequestRow.route != Route.ROLLBACK,
        )
        .order_by(col(DecisionRow.at).desc())
    ).first()
    if last is None:
        return "Nobody approved where it was;"
    decision, number, name = last
    who = f"was revoked by {name}" if name else "lapsed"
    return f"{number} had approved where it was and {who}: {decision.reason[:_MOST_SAID]}"


def _untried(rows: Iterable[FindingRow]) -> list[FindingRow]:
    return [row for row in rows if row.reverted_at is None]


def _standing(session: Session) -> list[_Group]:
    groups: dict[tuple[str, str], list[FindingRow]] = {}
    for row in session.exec(_STANDING):
        groups.setdefault((row.model_id, row.alias), []).append(row)
    return [_Group(*key, tuple(rows)) for key, rows in groups.items()]


def _asked_since(session: Session, group: _Group, at: datetime, by: Actor) -> str:
    found: Sequence[str] = session.exec(
        select(RequestRow.id).where(
            RequestRow.model_id == group.model_id,
            RequestRow.alias == group.alias,
            RequestRow.route == Route.ROLLBACK,
            RequestRow.requested_by == by.id,
            RequestRow.requested_at >= at,
        )
    ).all()
    return found[0] if found else ""


def _set_back_since(session: Session, group: _Group, at: datetime) -> bool:
    return (
        session.exec(
            select(FindingRow.id).where(
                FindingRow.model_id == group.model_id,
                FindingRow.alias == group.alias,
                FindingRow.reverted_by != "",
                col(FindingRow.reverted_at) > at,
            )
        ).first()
        is not None
    )


# Asked every few seconds: built once.
_STANDING: Final = (
    select(FindingRow)
    .where(
        col(FindingRow.state).in_(sorted(STANDING)),
        col(FindingRow.kind).in_(sorted(UNEXPLAINED)),
        col(FindingRow.alias) != "",
    )
    .order_by(col(FindingRow.place))
)
