"""Re-checks: what is live is asked gates again, by the policy it was approved under.

A policy names the gates and the days. A gate that does not pass any more opens a finding on the
live version; it closes by itself as soon as the gate passes again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from auth.access import ANYTHING, decide
from auth.actors import Actor
from catalog.registry.tables import AliasRow, ModelRow, VersionRow
from catalog.releases.evidence import taking
from catalog.releases.evidence.snapshot import Snapshot
from catalog.releases.findings.finding import STANDING as STANDING_FINDINGS
from catalog.releases.findings.finding import FindingState, FindingVerb, Kind, Severity, after
from catalog.releases.findings.opening import Problem, open_finding
from catalog.releases.gates import asking as gates
from catalog.releases.gates.answers import Answer, GateResult
from catalog.releases.policies.law import Policy
from catalog.releases.policies.shelf import Policies
from catalog.releases.requests.steps import locked
from catalog.releases.states import APPROVING, STANDING, PromotionState
from catalog.releases.tables import FindingRow, PromotionRow, RecheckRow, RequestRow
from ledger.acts import Act, Ledger
from ledger.among import among
from ledger.clock import iso
from ledger.troubles import Troubles

PUT_RIGHT_WITHIN: Final = timedelta(days=7)
# The gates that the files read last are held against, as they have to be the approved ones.
_OF_FILES: Final = frozenset({"artifacts_recorded", "digest_unchanged"})
_NOT_LIVE: Final = "The version is not live under this approval any more."


@dataclass(frozen=True)
class Rechecked:
    """A gate that is asked again after a release. Without a moment it was not asked yet."""

    gate_id: str
    title: str
    every_days: int
    checked_at: datetime | None
    answer: Answer | None
    reason: str


class Rechecks:
    """The desk that asks gates again."""

    def __init__(self, ledger: Ledger, policies: Policies) -> None:
        self._ledger = ledger
        self._policies = policies
        self._troubles = Troubles(__name__, ledger.clock)

    def run(self, *, by: Actor) -> list[str]:
        """Ask what is due of all that is live; returns the ids of the requests it was asked for.

        A request that cannot be asked is told to the operator and keeps no other waiting.

        Raises:
            Unavailable: our own database is away.
        """
        decide(by, "promotion:carry-out", ANYTHING).insist()
        with self._ledger.store.read() as session:
            live = _live(session)
            known = _rows(session, [row.id for row, _at in live])
            standing = {row.id: row.request_id for row in session.exec(_STANDING)}
        asked = []
        for row, since in live:
            if self._troubles.rests(row.id):
                continue
            with self._troubles.apart(row.id, f"{row.number} cannot be asked again"):
                due = self._due(row, since, known.get(row.id, {}), standing)
                if due and self._ask(row.id, due, by):
                    asked.append(row.id)
        held = {row.id for row, _at in live}
        for finding_id, request_id in standing.items():
            if request_id not in held:
                with self._troubles.apart(finding_id, f"finding {finding_id} cannot be closed"):
                    self._end(finding_id, by)
        return asked

    def _due(
        self,
        row: RequestRow,
        since: datetime,
        known: Mapping[str, RecheckRow],
        standing: Collection[str],
    ) -> set[str]:
        """The gates to be asked now: those whose days are over, and those that pass again."""
        policy, now = self._policies.by_digest(row.policy_digest), self._ledger.clock.now()
        due, failing = set(), set()
        for one in policy.rechecks:
            for gate in one.gates:
                last = known.get(gate)
                if now - (last.checked_at if last else since) >= timedelta(days=one.every_days):
                    due.add(gate)
                elif last is not None and last.finding_id in standing:
                    failing.add(gate)
        if failing:
            with self._ledger.store.read() as session:
                results = _answers(session, policy, row, now)[1]
            due |= {one.id for one in results if one.id in failing and one.answer is Answer.PASS}
        return due

    def _ask(self, request_id: str, gate_ids: Collection[str], by: Actor) -> bool:
        with self._ledger.act(
            "release:recheck", actor=by.id, resource=f"request:{request_id}"
        ) as act:
            row, model, _version = locked(act, request_id, by, gone_is_fine=True)
            if not _is_live(act.session, row):
                act.reason = "nothing-to-do"
                return False
            policy = self._policies.by_digest(row.policy_digest)
            snapshot, results = _answers(act.session, policy, row, act.at)
            results = tuple(one for one in results if one.id in gate_ids)
            act.digests |= {
                "policy": row.policy_digest,
                "evidence": taking.keep(act.session, snapshot, at=act.at),
                "verdict": gates.verdict_digest(results),
            }
            for result in results:
                act.facts[f"gate-{result.id}"] = result.answer
                _write_down(act, row, model, result, by)
            return True

    def _end(self, finding_id: str, by: Actor) -> None:
        """Close a finding of something that is not live any more."""
        with self._ledger.act(
            "finding:close", actor=by.id, resource=f"finding:{finding_id}"
        ) as act:
            row = act.session.get_one(FindingRow, finding_id, with_for_update=True)
            if row.state not in STANDING_FINDINGS:
                act.reason = "nothing-to-do"
                return
            _close(act, row, _NOT_LIVE, by)


def rechecks_of(session: Session, row: RequestRow, policy: Policy) -> tuple[Rechecked, ...]:
    """The gates that a release is asked again, with what they said last."""
    titles = {gate.id: gate.title for gate in policy.gates}
    if not policy.rechecks:
        return ()
    known = _rows(session, [row.id]).get(row.id, {})

    def one(gate: str, days: int) -> Rechecked:
        last = known.get(gate)
        if last is None:
            return Rechecked(gate, titles[gate], days, None, None, "")
        answer = Answer(last.answer)
        return Rechecked(gate, titles[gate], days, last.checked_at, answer, last.reason)

    return tuple(one(gate, plan.every_days) for plan in policy.rechecks for gate in plan.gates)


def _answers(
    session: Session, policy: Policy, row: RequestRow, at: datetime
) -> tuple[Snapshot, tuple[GateResult, ...]]:
    """What the gates say of a live version now: by its own policy, with the files read last."""
    model = session.get_one(ModelRow, row.model_id)
    version = session.get_one(VersionRow, row.version_id)
    known = taking.take(
        session, model, version, row.alias, besides=row.id, requested_by=row.requested_by
    )
    # That a re-check failed must not be what keeps it failing.
    flaws = tuple(one for one in known.flaws if one.kind != Kind.RECHECK)
    snapshot = replace(known, flaws=flaws)
    is_same = version.artifact_digest in {"", row.manifest_digest}
    results = gates.evaluate(policy, snapshot, at)
    recorded = {gate.id for gate in policy.gates if gate.kind in _OF_FILES}
    return snapshot, tuple(
        one if is_same or one.id not in recorded else _other_files(one, row, version)
        for one in results
    )


def _other_files(result: GateResult, row: RequestRow, version: VersionRow) -> GateResult:
    return replace(
        result,
        answer=Answer.FAIL,
        observed="other files",
        digest=version.artifact_digest,
        at=iso(version.artifact_read_at) if version.artifact_read_at else "",
        reason=f"The files that were read last are not the ones that {row.number} approved.",
    )


def _write_down(act: Act, row: RequestRow, model: ModelRow, result: GateResult, by: Actor) -> None:
    """Keep what a gate said; open a finding where it does not pass, close it where it does."""
    kept = act.session.get(RecheckRow, (row.id, result.id)) or RecheckRow(
        request_id=row.id, gate_id=result.id, checked_at=act.at, answer="", reason=""
    )
    kept.checked_at, kept.answer, kept.reason = act.at, result.answer, result.reason
    found = act.session.get(FindingRow, kept.finding_id) if kept.finding_id else None
    stands = found is not None and found.state in STANDING_FINDINGS
    if result.answer is Answer.PASS:
        if found is not None and stands:
            _close(act, found, f"{result.title} passes again. {result.reason}", by)
        kept.finding_id = ""
    elif not stands:
        opened = open_finding(
            act,
            Problem(
                Kind.RECHECK,
                Severity.HIGH,
                f"v{row.version_number}, live as {row.alias}, no longer passes {result.title}",
                f"{result.reason} It was asked again by the policy of {row.number}.",
                (act.at + PUT_RIGHT_WITHIN).date(),
                model.owner_id or row.requested_by,
                row.model_id,
                row.version_id,
                row.version_number,
                row.alias,
                row.id,
                cause=f"recheck:{row.id}:{result.id}:{iso(act.at)}",
            ),
            by=by,
        )
        kept.finding_id = opened.id if opened else ""
    act.session.add(kept)
    act.session.flush()


def _close(act: Act, row: FindingRow, why: str, by: Actor) -> None:
    row.state = after(FindingState(row.state), FindingVerb.VERIFY)
    row.closed_by, row.closed_at, row.closed_why = by.id, act.at, why
    act.session.add(row)
    act.facts["finding"] = row.id
    act.emit("finding:closed", row.id, model=row.model_id, request=row.request_id)


def _live(session: Session) -> list[tuple[RequestRow, datetime]]:
    """What is live on an approval that stands, with when it went live: the newest of each alias.

    A version that a rollback set back is live on the approval it was set back to.
    """
    newest = {(row.model_id, row.alias): (row, at) for row, at in session.exec(_LIVE) if at}
    return list(newest.values())


def _is_live(session: Session, row: RequestRow) -> bool:
    asked = {"model": row.model_id, "alias": row.alias}
    held = [one.id for one, at in session.exec(_LIVE_THERE, params=asked) if at]
    return held[-1:] == [row.id]


def _rows(session: Session, requests: list[str]) -> dict[str, dict[str, RecheckRow]]:
    """What was asked again of these requests, by request and by gate."""
    found: dict[str, dict[str, RecheckRow]] = {}
    for one in session.exec(_THESE, params={"requests": requests}):
        found.setdefault(one.request_id, {})[one.gate_id] = one
    return found


_LIVE: Final = (
    select(RequestRow, PromotionRow.finished_at)
    .where(
        col(PromotionRow.request_id) == col(RequestRow.id),
        col(PromotionRow.state) == PromotionState.APPLIED,
        col(AliasRow.model_id) == col(RequestRow.model_id),
        col(AliasRow.alias) == col(RequestRow.alias),
        col(AliasRow.version_id) == col(RequestRow.version_id),
        col(ModelRow.id) == col(RequestRow.model_id),
        col(ModelRow.gone_at).is_(None),
        col(RequestRow.state).in_(sorted(STANDING)),
        col(RequestRow.route).in_(sorted(APPROVING)),
    )
    .order_by(col(PromotionRow.place))
)
_LIVE_THERE: Final = _LIVE.where(
    col(RequestRow.model_id) == bindparam("model"), col(RequestRow.alias) == bindparam("alias")
)
_THESE: Final = select(RecheckRow).where(among(col(RecheckRow.request_id), "requests"))
# The findings that stand of gates asked again.
_STANDING: Final = select(FindingRow).where(
    FindingRow.kind == Kind.RECHECK, col(FindingRow.state).in_(sorted(STANDING_FINDINGS))
)
