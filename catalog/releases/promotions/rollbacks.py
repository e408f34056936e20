"""Rollback: an alias set back at once to a version that was approved and live before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Executable, bindparam
from sqlalchemy import select as columns
from sqlmodel import col

from auth.access import Resource, Verdict, decide
from auth.actors import Actor
from auth.actors import Kind as Who
from auth.people import as_of_now
from catalog.registry.deprecations import may_go_live
from catalog.registry.models import resource
from catalog.registry.tables import AliasRow, ModelRow, VersionRow
from catalog.releases.gates import asking as gates
from catalog.releases.policies.shelf import Policies
from catalog.releases.promotions.outbox import enqueue, insist_nothing_on_its_way
from catalog.releases.requests.binding import answers, bind
from catalog.releases.requests.request import ReleaseRequest, load_request
from catalog.releases.requests.rights import checked_alias, checked_reason, gates_verdict
from catalog.releases.requests.steps import asked_version, new_request, write_decision
from catalog.releases.states import STANDING, PromotionState, Route, State, Verb
from catalog.releases.tables import PromotionRow, RequestRow
from ledger.acts import Ledger
from ledger.errors import Conflict, NotFound

_HINT: Final = "Choose one of those that were live before, on the Model page."


@dataclass(frozen=True)
class Earlier:
    """A version that was live under an alias, on an approval that stands."""

    version_id: str
    version_number: int
    request_number: str
    live_since: datetime


class Rollbacks:
    """The desk where an alias is set back."""

    def __init__(self, ledger: Ledger, policies: Policies) -> None:
        self._ledger = ledger
        self._policies = policies

    def choices(self, model_id: str, alias: str, *, by: Actor) -> list[Earlier]:
        """What the alias can be set back to, the newest first; not what it points at now."""
        with self._ledger.store.read() as session:
            model = session.get(ModelRow, model_id)
            if model is None or not decide(by, "release:read", resource(model)):
                raise NotFound("There is no such model.", hint="Choose one on Discover.")
            held = session.get(AliasRow, (model_id, alias))
            found: dict[str, Earlier] = {}
            asked = {"model": model_id, "alias": alias}
            for row in session.connection().execute(_EARLIER, asked):
                if held is None or row.version_id != held.version_id:
                    found.setdefault(
                        row.version_id,
                        Earlier(row.version_id, row.version_number, row.number, row.finished_at),
                    )
            return list(found.values())

    def may(self, where: Resource, *, by: Actor) -> Verdict:
        """Whether the actor may set aliases of a model back."""
        if by.kind is Who.APPLICATION:
            return Verdict(False, "Only a person rolls back.", "not-a-person")
        return decide(by, "release:roll-back", where)

    def roll_back(self, version_id: str, alias: str, reason: str, *, by: Actor) -> ReleaseRequest:
        """Set an alias back to a version; one signature is enough, as two people approved it once.

        It is a release request of its own, under the rollback policy, approved as it is made.

        Raises:
            Invalid: no reason; no such alias.
            NotFound, Refused, Conflict: no such version; no such role; never approved for this
                alias, its approval revoked, its files changed, deprecated, live already, or
                another promotion on its way.
        """
        alias, reason = checked_alias(alias), checked_reason(reason)
        with self._ledger.act("release:roll-back", actor=by.id, resource="request:*") as act:
            act.facts |= {"version": version_id, "alias": alias, "route": Route.ROLLBACK}
            by = as_of_now(act.session, by, at=act.at)
            model, version = asked_version(act.session, version_id, by, hint=_HINT, lock=True)
            self.may(resource(model), by=by).insist()
            held = act.session.get(AliasRow, (model.id, alias))
            if held is not None and held.version_id == version.id:
                raise Conflict(
                    f"Version {version.number} is {alias} already.",
                    hint="There is nothing to set back.",
                    code="already-live",
                )
            may_go_live(act.session, version.id, act.at, by).insist()
            insist_nothing_on_its_way(act.session, model.id, alias, besides_windows=True)
            row = new_request(
                act,
                model,
                version,
                alias=alias,
                reason=reason,
                by=by,
                state=State.APPROVED,
                route=Route.ROLLBACK,
            )
            bind(self._policies, act, row, model, version)
            results = answers(self._policies, act.session, row, act.at)
            _insist(results)
            write_decision(
                act, row, Verb.APPROVE, by, reason, verdict=gates.verdict_digest(results)
            )
            promotion_id = enqueue(act.session, row, at=act.at)
            act.facts["promotion"] = promotion_id
            act.emit("release:approved", row.id, promotion=promotion_id)
            return load_request(act.session, row)


def _insist(results: tuple[gates.GateResult, ...]) -> None:
    verdict = gates_verdict(results)
    if not verdict:
        told = next(one for one in results if one.answer is not gates.Answer.PASS)
        raise Conflict(told.reason, hint=_HINT, code="gate-not-passed")


_EARLIER: Final[Executable] = (
    columns(
        col(PromotionRow.version_id),
        col(PromotionRow.version_number),
        col(PromotionRow.finished_at),
        col(RequestRow.number),
    )
    .where(
        col(RequestRow.id) == col(PromotionRow.request_id),
        col(VersionRow.id) == col(PromotionRow.version_id),
        col(VersionRow.gone_at).is_(None),
        col(RequestRow.state).in_(sorted(STANDING)),
        col(RequestRow.route) != Route.RETIREMENT,
        col(PromotionRow.state) == PromotionState.APPLIED,
        col(PromotionRow.model_id) == bindparam("model"),
        col(PromotionRow.alias) == bindparam("alias"),
    )
    .order_by(col(PromotionRow.place).desc())
)
