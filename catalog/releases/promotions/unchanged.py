"""Unchanged: whether what was approved still stands at the moment at which MLflow is called."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from auth.actors import Actor
from catalog.registry.authorship import authors
from catalog.registry.deprecations import may_go_live
from catalog.registry.tables import ModelRow, VersionRow
from catalog.releases.policies.shelf import Policies
from catalog.releases.requests.binding import answers, known_now, law_for
from catalog.releases.requests.rights import gates_verdict
from catalog.releases.states import AGREEING, STANDING, Route, Verb
from catalog.releases.tables import DecisionRow, PromotionRow, RequestRow
from ledger.errors import CountersignError, Refused


class StoppedError(CountersignError):
    """The promotion must not be carried out; the reason goes on record."""


def insist_unchanged(
    policies: Policies, session: Session, row: PromotionRow, now: datetime, by: Actor
) -> None:
    """Policy and evidence must be those of the approval, and no approver an author since.

    Raises:
        StoppedError: they are not, or the approval was revoked, or the version deprecated.
    """
    request = session.get_one(RequestRow, row.request_id)
    version = session.get_one(VersionRow, row.version_id)
    approvers = session.exec(
        select(DecisionRow.person_id).where(
            DecisionRow.request_id == row.request_id,
            col(DecisionRow.verb).in_(sorted(AGREEING)),
        )
    ).all()
    model = session.get_one(ModelRow, row.model_id)
    if request.state not in STANDING:
        raise StoppedError("The approval was revoked, so nothing was moved.", code="revoked")
    stays = may_go_live(session, version.id, now, by)
    if not stays and request.route != Route.RETIREMENT:
        raise StoppedError(f"{stays.reason} So nothing was moved.", code="deprecated")
    if request.policy_digest != _governed_by(policies, session, request, model):
        what = "another policy is in force"
    # Who goes back may have built the version: two others stand behind it since it was live.
    elif request.route != Route.ROLLBACK and set(approvers) & set(authors(session, version.id)):
        what = "an approver turned out to have built the version"
    elif (
        request.snapshot_digest
        != known_now(
            session,
            request,
            model,
            version,
            policies.by_digest(request.policy_digest),
        ).digest
    ):
        what = "the evidence is not what it was"
    elif not _gates_still_pass(policies, session, request, now):
        what = "evidence has expired, and not every gate passes any more"
    else:
        return
    raise StoppedError(
        f"Since the approval {what}, so nothing was moved. Ask for the release again.",
        code="changed-since-approval",
    )


def _gates_still_pass(
    policies: Policies, session: Session, request: RequestRow, now: datetime
) -> bool:
    """Whether what the approval rests on counts at this moment too."""
    policy = policies.by_digest(request.policy_digest)
    # By its decisions: once its conditions are met an approval is a plain one.
    conditional = select(DecisionRow.id).where(
        DecisionRow.request_id == request.id,
        DecisionRow.reading == request.reading,
        DecisionRow.verb == Verb.APPROVE_WITH_CONDITIONS,
    )
    is_conditional = session.exec(conditional).first() is not None
    waiting = policy.waiting if is_conditional else frozenset[str]()
    results = answers(policies, session, request, now)
    return bool(gates_verdict(results, request.route, waiting))


def _governed_by(policies: Policies, session: Session, request: RequestRow, model: ModelRow) -> str:
    try:
        return law_for(policies, session, request, model).digest
    except Refused:
        return ""
