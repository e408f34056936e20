"""Binding: which policy, evidence and files a request is decided on, and whether they still are."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam
from sqlalchemy import select as columns
from sqlmodel import Session, col

from catalog.registry.tables import ModelRow, VersionRow
from catalog.releases.evidence import taking
from catalog.releases.evidence.changes import EVIDENCE, changes
from catalog.releases.evidence.snapshot import Snapshot
from catalog.releases.findings.finding import UNEXPLAINED
from catalog.releases.gates import asking as gates
from catalog.releases.policies.law import Policy, Published
from catalog.releases.policies.shelf import Policies
from catalog.releases.requests.steps import digests
from catalog.releases.states import APPROVING, STANDING, PromotionState, Route
from catalog.releases.tables import PromotionRow, RequestRow
from ledger.acts import Act
from ledger.errors import Conflict, NotFound


def law_for(policies: Policies, session: Session, row: RequestRow, model: ModelRow) -> Published:
    """The policy that a request is judged by now. Raises Refused when there is none."""
    if row.route == Route.ROLLBACK:
        return policies.rollback
    if row.route == Route.RETIREMENT:
        return policies.retirement
    return policies.governing(session, model, row.alias)


def known_now(
    session: Session, row: RequestRow, model: ModelRow, version: VersionRow, policy: Policy
) -> Snapshot:
    """What is known of a request's version now, as far as a policy asks.

    Its own conditions are no news to it.
    """
    found = taking.take(
        session,
        model,
        version,
        row.alias,
        besides=row.id,
        requested_by=row.requested_by,
        policy=policy,
    )
    if row.route == Route.ROLLBACK:
        before = session.connection().execute(
            _BEFORE, {"version": version.id, "alias": row.alias, "digest": found.manifest_digest}
        )
        # That an alias is astray is what a rollback puts right; it must not stand in its way.
        flaws = tuple(one for one in found.flaws if one.kind not in UNEXPLAINED)
        return replace(found, approved_before=before.scalar() or "", flaws=flaws)
    if row.route == Route.RETIREMENT:
        # Whatever is wrong with a version must not stand in the way of taking it away.
        leaving = taking.leaving(session, model.id, version.id, row.alias)
        return replace(found, flaws=(), pieces=(), leaving=leaving)
    return found


def bind(
    policies: Policies, act: Act, row: RequestRow, model: ModelRow, version: VersionRow
) -> None:
    """Bind a request to the policy in force and to what is known now. Raises Refused."""
    published = law_for(policies, act.session, row, model)
    policies.keep(act.session, published)
    snapshot = known_now(act.session, row, model, version, published.policy)
    row.policy_digest = published.digest
    row.snapshot_digest = taking.keep(act.session, snapshot, at=act.at)
    row.manifest_digest = snapshot.manifest_digest
    row.replaces = snapshot.replaces
    act.digests |= digests(row)


def bound_policy(policies: Policies, session: Session, row: RequestRow, model: ModelRow) -> Policy:
    """The policy a request is bound to; the one that governs it now while it is not yet."""
    if row.policy_digest:
        return policies.by_digest(row.policy_digest)
    return law_for(policies, session, row, model).policy


def what_changed(
    policies: Policies, session: Session, row: RequestRow, model: ModelRow, version: VersionRow
) -> str:
    """What is not what it was when the request was bound, in words; empty when all is.

    Raises Refused when no policy covers it any more.
    """
    governing, told = law_for(policies, session, row, model), []
    if row.policy_digest != governing.digest:
        bound, now = policies.by_digest(row.policy_digest), governing.policy
        told.append(
            "another policy is in force than when the request was read: "
            f"{bound.name} v{bound.version} then, {now.name} v{now.version} now"
        )
    known = known_now(session, row, model, version, governing.policy)
    if known.manifest_digest != row.manifest_digest:
        told.append("the version's files changed since the request was read")
    if known.digest != row.snapshot_digest and (known.manifest_digest == row.manifest_digest):
        then = taking.kept(session, row.snapshot_digest)
        names = [one.name.removeprefix(EVIDENCE) for one in changes(then, known)] if then else []
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        which = f": {', '.join(names[:_MOST_NAMED])}{more}" if names else ""
        told.append(f"the evidence changed since the request was read{which}")
    return f"{'; '.join(told)}." if told else ""


def answers(
    policies: Policies, session: Session, row: RequestRow, at: datetime
) -> tuple[gates.GateResult, ...]:
    """What the gates say of a request as it is bound. Raises Conflict when nothing is on record."""
    snapshot = taking.kept(session, row.snapshot_digest)
    if snapshot is None:
        raise Conflict("The evidence of this request is not on record.", code="no-evidence")
    return gates.evaluate(policies.by_digest(row.policy_digest), snapshot, at)


def verdict_digest(policies: Policies, session: Session, row: RequestRow, at: datetime) -> str:
    """The digest of what the gates say of a request as it is bound; empty without evidence."""
    try:
        return gates.verdict_digest(answers(policies, session, row, at))
    except (Conflict, NotFound):
        return ""


# The names told in one sentence; all of them stand on the request's page.
_MOST_NAMED: Final = 3
# The newest approval that stands, of this version with these files, that was carried out.
_BEFORE: Final = (
    columns(col(RequestRow.number))
    .where(
        col(RequestRow.id) == col(PromotionRow.request_id),
        col(RequestRow.state).in_(sorted(STANDING)),
        col(RequestRow.route).in_(sorted(APPROVING)),
        col(PromotionRow.state) == PromotionState.APPLIED,
        col(PromotionRow.version_id) == bindparam("version"),
        col(PromotionRow.alias) == bindparam("alias"),
        col(PromotionRow.manifest_digest) == bindparam("digest"),
    )
    .order_by(col(PromotionRow.place).desc())
    .limit(1)
)
