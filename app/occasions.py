"""What is worth telling: how each domain event becomes an occasion, and when nobody would care.

Notifications know ids and words; what they need of models and releases is found here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from sqlalchemy import TextClause, text
from sqlmodel import Session, col, select

from auth.holders import holders
from catalog.applications.tables import ConsumerRow
from catalog.notifications.kinds import Kind, Why
from catalog.notifications.notices import Occasion
from catalog.registry.models import resource
from catalog.registry.search.tables import SavedSearchRow
from catalog.registry.tables import ModelRow, VersionRow
from catalog.releases.findings.finding import Kind as FindingKind
from catalog.releases.findings.rights import reviewers_of
from catalog.releases.promotions.moves import behind
from catalog.releases.requests.rereadings import SENT_BACK
from catalog.releases.states import AGREEING, ROUNDS, Route
from catalog.releases.tables import DecisionRow, FindingRow, PromotionRow, RequestRow
from ledger.journal import Event, Subscription, last_event

TELL: Final = "tell"


def occasion_of(session: Session, event: Event) -> Occasion | None:
    """The occasion an event is, or nothing when there is nothing left to tell."""
    return _OCCASIONS[event.name](session, event)


def _alias(session: Session, event: Event) -> Occasion | None:
    model = session.get(ModelRow, event.subject)
    if model is None or model.gone_at is not None:
        return None
    alias, after = event.payload["alias"], event.payload["after"]
    facts = {"alias": alias, "before": event.payload["before"], "after": after}
    # The approval must be younger than the move before this one, or it explains that one.
    before = last_event(
        session, event.name, event.subject, before=event.at, having={"alias": alias}
    )
    approved = behind(
        session,
        model.id,
        alias,
        int(after) if after else None,
        since=before.at if before else None,
        until=event.at,
    )
    if approved is not None:
        facts |= {"request": approved.request_id, "approver": approved.person_id}
        request = session.get_one(RequestRow, approved.request_id)
        facts |= {"route": request.route}
        if request.route == Route.EMERGENCY:
            return _loud(session, _about(session, model, Kind.ALIAS, event, facts, alias=alias))
    return _about(session, model, Kind.ALIAS, event, facts, alias=alias)


def _loud(session: Session, told: Occasion) -> Occasion:
    """An emergency: also told to those who govern and audit, and to everybody who watches."""
    govern = holders(session, "audit:read", told.model)
    named = dict.fromkeys((one.id for one in govern), Why.GOVERNANCE) | dict(told.named)
    return replace(told, kind=Kind.EMERGENCY, alias=told.facts["alias"], named=named)


def _version(session: Session, event: Event) -> Occasion | None:
    version = session.get(VersionRow, event.subject)
    model = session.get(ModelRow, version.model_id) if version else None
    if version is None or model is None or model.gone_at is not None:
        return None
    kind = _OF_VERSIONS[event.name]
    return _about(session, model, kind, event, {"version": str(version.number)})


def _deprecated(session: Session, event: Event) -> Occasion | None:
    version = session.get(VersionRow, event.subject)
    model = session.get(ModelRow, version.model_id) if version else None
    if version is None or model is None or model.gone_at is not None:
        return None
    facts = {"version": str(version.number), "ends_on": event.payload["ends_on"]}
    return _about(session, model, Kind.DEPRECATED, event, facts)


def _card(session: Session, event: Event) -> Occasion | None:
    model = session.get(ModelRow, event.subject)
    if model is None or model.gone_at is not None:
        return None
    facts = {"revision": event.payload["revision"], "person": event.payload["by"]}
    return replace(_about(session, model, Kind.CARD, event, facts), besides=event.payload["by"])


def _mention(session: Session, event: Event) -> Occasion | None:
    model = session.get(ModelRow, event.payload["model"])
    if model is None or model.gone_at is not None or not event.payload["mentions"]:
        return None
    author = event.payload["by"]
    told = _about(session, model, Kind.MENTION, event, {"person": author})
    mentioned = dict.fromkeys(event.payload["mentions"].split(), Why.MENTIONED)
    return replace(told, named=mentioned, besides=author)


def _access(session: Session, event: Event) -> Occasion | None:
    model = session.get(ModelRow, event.payload["model"])
    if model is None or model.gone_at is not None:
        return None
    by, asker = event.payload["by"], event.payload.get("to", "")
    told = _about(session, model, Kind.ACCESS, event, {"outcome": event.name, "person": by})
    return replace(told, named={asker: Why.ASKER} if asker else _owner(model), besides=by)


def _matched(session: Session, event: Event) -> Occasion | None:
    model = session.get(ModelRow, event.payload["model"])
    saved = session.get(SavedSearchRow, event.subject)
    if model is None or model.gone_at is not None or saved is None or not saved.notifies:
        return None
    told = _about(session, model, Kind.SEARCH, event, {"search": saved.id})
    return replace(told, named={saved.owner_id: Why.SEARCH})


def _model_gone(session: Session, event: Event) -> Occasion | None:
    model = session.get(ModelRow, event.subject)
    return None if model is None else _about(session, model, Kind.GONE, event, {})


def _release(session: Session, event: Event) -> Occasion | None:
    request = session.get(RequestRow, event.subject)
    model = session.get(ModelRow, request.model_id) if request else None
    if request is None or model is None:
        return None
    decision = session.exec(
        select(DecisionRow)
        .where(
            DecisionRow.request_id == request.id,
            DecisionRow.at <= event.at,
            col(DecisionRow.verb).not_in(sorted(ROUNDS)),
        )
        .order_by(col(DecisionRow.at).desc())
    ).first()
    told = _release_told(model, request, event, decision.person_id if decision else "")
    return _loud(session, told) if request.route == Route.EMERGENCY else told


def _promotion(session: Session, event: Event) -> Occasion | None:
    promotion = session.get(PromotionRow, event.subject)
    request = session.get(RequestRow, promotion.request_id) if promotion else None
    model = session.get(ModelRow, request.model_id) if request else None
    if request is None or model is None:
        return None
    return _release_told(model, request, event, "")


def _release_told(model: ModelRow, request: RequestRow, event: Event, person: str) -> Occasion:
    facts = {
        "request": request.id,
        "number": request.number,
        "version": str(request.version_number),
        "alias": request.alias,
        "outcome": event.name,
        "route": request.route,
        **({"person": person} if person else {}),
    }
    return Occasion(
        event.id,
        Kind.RELEASE,
        resource(model),
        event.at,
        facts,
        named={request.requested_by: Why.ASKER, **_owner(model)},
        besides=person,
    )


def _waiting(session: Session, event: Event) -> Occasion | None:
    """A request that waits for long, or that cannot wait: told to those who can agree to it."""
    request = session.get(RequestRow, event.subject)
    model = session.get(ModelRow, request.model_id) if request else None
    if request is None or model is None:
        return None
    if "reviewers" in event.payload:
        reviewers = event.payload["reviewers"].split()
    else:
        reviewers = [one.id for one in holders(session, "release:decide", resource(model))]
    told = _release_told(model, request, event, "")
    named = dict.fromkeys(reviewers, Why.REVIEWER)
    if event.name == "release:requested":
        # Only an emergency is told of when it is asked for.
        named = {**_owner(model), **named}
        return _loud(session, replace(told, named=named, besides=request.requested_by))
    return replace(told, kind=Kind.REVIEW, named=named, besides=request.requested_by)


def _sent_back(session: Session, event: Event) -> Occasion | None:
    """A request that went back: told to those who had agreed to it as it was."""
    request = session.get(RequestRow, event.subject)
    model = session.get(ModelRow, request.model_id) if request else None
    if request is None or model is None:
        return None
    told = _release_told(model, request, event, "")
    agreed = dict.fromkeys(event.payload["agreed"].split(), Why.AGREED)
    return replace(told, kind=Kind.REVIEW, named=agreed)


def _finding(session: Session, event: Event) -> Occasion | None:
    """A finding that was opened, or that is soon overdue."""
    finding = session.get(FindingRow, event.subject)
    model = session.get(ModelRow, finding.model_id) if finding else None
    if finding is None or model is None:
        return None
    facts = {"finding": finding.id, "due_on": finding.due_on.isoformat()}
    owner = {finding.owner_id: Why.RESPONSIBLE} if finding.owner_id else {}
    if event.name == "finding:remind":
        return replace(_about(session, model, Kind.DUE, event, facts), named=owner)
    told = _about(session, model, Kind.FINDING, event, facts, alias=finding.alias)
    if finding.kind == FindingKind.RECHECK:
        # It concerns those who answer for it and who approved it; nothing moved under its callers.
        approved = dict.fromkeys(_approvers(session, finding.request_id), Why.REVIEWER)
        return replace(told, named={**approved, **_owner(model), **owner})
    if finding.kind == FindingKind.EMERGENCY:
        able = reviewers_of(session, finding, model)
        owner = dict.fromkeys((one.id for one in able), Why.REVIEWER) | owner
    if not owner:
        admins = holders(session, "model:classify", resource(model))
        owner = {one.id: Why.UNOWNED for one in admins}
    return replace(told, named={**_consumers(session, model, finding.alias), **owner})


def _approvers(session: Session, request_id: str) -> list[str]:
    query = select(DecisionRow.person_id).where(
        DecisionRow.request_id == request_id, col(DecisionRow.verb).in_(sorted(AGREEING))
    )
    return list(session.exec(query.distinct()))


def _about(
    session: Session,
    model: ModelRow,
    kind: Kind,
    event: Event,
    facts: Mapping[str, str],
    *,
    alias: str = "",
) -> Occasion:
    return Occasion(
        event.id,
        kind,
        resource(model),
        event.at,
        facts,
        alias,
        named={**_consumers(session, model, alias), **_owner(model)},
    )


def _consumers(session: Session, model: ModelRow, alias: str) -> dict[str, Why]:
    """Who registered the applications that rely on the alias; or on the model at all."""
    query = select(ConsumerRow.registered_by).where(
        ConsumerRow.model_id == model.id, col(ConsumerRow.ended_at).is_(None)
    )
    if alias:
        query = query.where(ConsumerRow.alias == alias)
    return dict.fromkeys(session.exec(query.distinct()), Why.CONSUMER)


def _owner(model: ModelRow) -> dict[str, Why]:
    return {model.owner_id: Why.OWNER} if model.owner_id else {}


# -- when nobody would care ------------------------------------------------------------------------

# A crawl writes an event for everything it meets for the first time. A job is asked for only where
# somebody would hear of it; and the first look at a server moves nothing: it all was there before.
_CARED_FOR: Final = """
SELECT 1 FROM model m WHERE m.id = {model}
AND EXISTS (SELECT 1 FROM mirror_state s
            WHERE s.server = m.server AND s.succeeded_at IS NOT NULL)
AND (m.owner_id <> ''
     OR EXISTS (SELECT 1 FROM watch w WHERE w.kind = 'model' AND w.target = m.id)
     OR EXISTS (SELECT 1 FROM consumer c WHERE c.model_id = m.id AND c.ended_at IS NULL)
     OR EXISTS (SELECT 1 FROM notice_channel n
                WHERE n.team_domain IN ('*', m.domain) AND n.team_domain <> ''
                AND n.removed_at IS NULL)
     OR EXISTS (SELECT 1 FROM watch w WHERE w.kind = 'domain' AND w.target = m.domain)
     {alias})
"""
_ALIAS_CARED_FOR: Final = text(
    _CARED_FOR.format(
        model=":subject",
        # Where an emergency was approved, those who govern hear of the move whoever else does.
        alias="OR EXISTS (SELECT 1 FROM release_request r WHERE r.model_id = m.id "
        "AND r.alias = :alias AND r.route = 'emergency') "
        "OR EXISTS (SELECT 1 FROM watch w WHERE w.kind = 'alias' "
        "AND CAST(:alias AS VARCHAR) LIKE w.pattern ESCAPE '\\' "
        "AND w.within IN ('', m.domain))",
    )
)
_MODEL_CARED_FOR: Final = text(_CARED_FOR.format(model=":subject", alias=""))
_VERSION_CARED_FOR: Final = text(
    _CARED_FOR.format(model="(SELECT model_id FROM model_version WHERE id = :subject)", alias="")
)


def _cared_for(question: TextClause) -> Callable[[Session, Event], bool]:
    def wanted(session: Session, event: Event) -> bool:
        asked = {"subject": event.subject, "alias": event.payload.get("alias", "").lower()}
        names = question.compile().params
        found = session.connection().execute(question, {name: asked[name] for name in names})
        return found.first() is not None

    return wanted


_OF_VERSIONS: Final = {
    "version:seen": Kind.VERSION,
    "version:gone": Kind.GONE,
    "artifact:changed": Kind.ARTIFACT,
}
_OCCASIONS: Final[Mapping[str, Callable[[Session, Event], Occasion | None]]] = {
    "alias:seen": _alias,
    "version:seen": _version,
    "version:gone": _version,
    "artifact:changed": _version,
    "model:gone": _model_gone,
    "version:deprecate": _deprecated,
    "card:publish": _card,
    "comment:post": _mention,
    "access:ask": _access,
    "access:accept": _access,
    "access:refuse": _access,
    "search:matched": _matched,
    "release:approved": _release,
    "release:rejected": _release,
    "release:changes-requested": _release,
    "release:expired": _release,
    "release:revoked": _release,
    "release:requested": _waiting,
    "release:remind": _waiting,
    SENT_BACK: _sent_back,
    "finding:opened": _finding,
    "finding:remind": _finding,
    "promotion:fail": _promotion,
}
# What somebody notes in a review is told by whoever notes it.
_TOLD_OF: Final = frozenset(FindingKind) - {FindingKind.OBSERVATION}
_WANTED: Final[Mapping[str, Callable[[Session, Event], bool]]] = {
    "comment:post": lambda _session, event: bool(event.payload["mentions"]),
    SENT_BACK: lambda _session, event: bool(event.payload["agreed"]),
    "release:requested": lambda _session, event: event.payload.get("route") == Route.EMERGENCY,
    "finding:opened": lambda _session, event: event.payload["kind"] in _TOLD_OF,
    "alias:seen": _cared_for(_ALIAS_CARED_FOR),
    "version:seen": _cared_for(_VERSION_CARED_FOR),
    "version:gone": _cared_for(_VERSION_CARED_FOR),
    "artifact:changed": _cared_for(_VERSION_CARED_FOR),
    "model:gone": _cared_for(_MODEL_CARED_FOR),
}
SUBSCRIPTIONS: Final = tuple(Subscription(event, TELL, _WANTED.get(event)) for event in _OCCASIONS)
