"""Steps of a release request, taken within the act of a verb: found, locked, moved on, decided."""

from __future__ import annotations

from typing import Final, Protocol

from sqlalchemy import String, bindparam
from sqlmodel import Session, col, or_, select

from auth.access import decide, insist_visible
from auth.actors import Actor
from catalog.registry.models import resource
from catalog.registry.tables import ModelRow, VersionRow
from catalog.releases.findings.opening import drop_findings
from catalog.releases.states import ENDED, Route, State, Verb, after
from catalog.releases.tables import DecisionRow, RequestRow
from ledger import trail
from ledger.acts import Act
from ledger.errors import Conflict, NotFound
from ledger.ids import new_id

NO_REQUEST_HINT: Final = "Open it from Releases or your inbox."

# What those whom it concerns are told of; an approval says more and is told where it is enqueued.
_TOLD: Final = {
    Verb.REJECT: "release:rejected",
    Verb.REQUEST_CHANGES: "release:changes-requested",
    Verb.EXPIRE: "release:expired",
    Verb.REVOKE: "release:revoked",
    Verb.FULFIL: "release:fulfilled",
}


class Bound(Protocol):
    """A request, as far as what it is bound to goes."""

    @property
    def policy_digest(self) -> str:
        """The policy it is judged by."""

    @property
    def snapshot_digest(self) -> str:
        """What was known when it was read."""

    @property
    def manifest_digest(self) -> str:
        """Its files."""


def new_request(
    act: Act,
    model: ModelRow,
    version: VersionRow,
    *,
    alias: str,
    reason: str,
    by: Actor,
    state: State,
    route: Route,
) -> RequestRow:
    """A request with the next number of the year, which the act is about from now on."""
    year = act.at.year
    place = trail.next_in(act.session, f"release-request-{year}")
    row = RequestRow(
        id=new_id("req"),
        number=f"RR-{year}-{place:04d}",
        model_id=model.id,
        version_id=version.id,
        version_number=version.number,
        alias=alias,
        reason=reason,
        requested_by=by.id,
        requested_at=act.at,
        state=state,
        changed_at=act.at,
        route=route,
    )
    act.session.add(row)
    act.session.flush()
    act.resource = f"request:{row.id}"
    act.facts["model"] = model.id
    act.texts["reason"] = reason
    return row


def asked_version(
    session: Session,
    version_id: str,
    by: Actor,
    *,
    hint: str = "Choose one on the Model page.",
    lock: bool = False,
) -> tuple[ModelRow, VersionRow]:
    """A version that somebody is about to ask something for, with its model. Raises NotFound."""
    version = session.get(VersionRow, version_id)
    model = session.get(ModelRow, version.model_id, with_for_update=lock) if version else None
    gone = version is None or model is None or version.gone_at is not None
    if gone or version is None or model is None or not decide(by, "model:read", resource(model)):
        raise NotFound("There is no such version.", hint=hint, code="no-such-version")
    return model, version


def visible(session: Session, request_id: str, by: Actor) -> tuple[RequestRow, ModelRow]:
    """A request by its id or its number, with its model. Raises NotFound."""
    row = session.exec(_CALLED, params={"called": request_id}).first()
    if row is None:
        raise NotFound("There is no such request.", hint=NO_REQUEST_HINT)
    model = session.get_one(ModelRow, row.model_id)
    insist_visible(by, "release:read", resource(model), "such request", NO_REQUEST_HINT)
    return row, model


def locked(
    act: Act, request_id: str, by: Actor, *, gone_is_fine: bool = False
) -> tuple[RequestRow, ModelRow, VersionRow]:
    """A request, its model and its version, held for this act alone.

    Raises:
        NotFound: no such request for this person.
        Conflict: the version was deleted in MLflow, where that matters.
    """
    row, model = visible(act.session, request_id, by)
    # One decision at a time on a model: the second one waits here and then sees the first.
    act.session.refresh(model, with_for_update=True)
    act.session.refresh(row, with_for_update=True)
    act.resource = f"request:{row.id}"
    act.facts |= {"model": model.id, "version": row.version_id, "alias": row.alias}
    version = act.session.get_one(VersionRow, row.version_id)
    if not gone_is_fine and (version.gone_at is not None or model.gone_at is not None):
        raise Conflict(
            f"Version {row.version_number} was deleted in MLflow, so it cannot be released.",
            hint="A version made again under its name needs a request of its own.",
            code="version-gone",
        )
    return row, model, version


def step(act: Act, row: RequestRow, verb: Verb) -> None:
    """Move a request on, as the table of transitions says. Raises Conflict."""
    row.state = after(State(row.state), verb)
    row.changed_at = act.at
    row.revision += 1
    row.problem = ""


def decided(
    act: Act, row: RequestRow, verb: Verb, by: Actor, reason: str, *, verdict: str = ""
) -> None:
    """Move a request on by a decision, and tell; what it was bound to by conditions is dropped."""
    step(act, row, verb)
    write_decision(act, row, verb, by, reason, verdict=verdict)
    if State(row.state) in ENDED:
        drop_findings(act, row.id, f"The request is {row.state.lower()}.", by=by)
    if verb in _TOLD:
        act.emit(_TOLD[verb], row.id, version=row.version_id)


def write_decision(
    act: Act,
    row: RequestRow,
    verb: Verb,
    by: Actor,
    reason: str,
    *,
    panel: str = "",
    verdict: str = "",
) -> None:
    """Put a decision on record, with what it is bound to."""
    act.session.add(
        DecisionRow(
            id=new_id("dec"),
            request_id=row.id,
            verb=verb,
            person_id=by.id,
            reason=reason,
            at=act.at,
            policy_digest=row.policy_digest,
            snapshot_digest=row.snapshot_digest,
            manifest_digest=row.manifest_digest,
            panel=panel,
            verdict_digest=verdict,
            reading=row.reading,
        )
    )
    act.session.flush()
    act.texts["reason"] = reason
    act.digests |= digests(row)
    if verdict:
        act.digests["verdict"] = verdict


def digests(request: Bound) -> dict[str, str]:
    """What a request is bound to, as far as it is."""
    found = {
        "policy": request.policy_digest,
        "evidence": request.snapshot_digest,
        "artifacts": request.manifest_digest,
    }
    return {name: digest for name, digest in found.items() if digest}


# By its id or by its number, asked on every click on a request: built once.
_CALLED: Final = select(RequestRow).where(
    or_(
        col(RequestRow.id) == bindparam("called", type_=String()),
        col(RequestRow.number) == bindparam("called", type_=String()),
    )
)
