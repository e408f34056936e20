"""Rereadings: an open request whose policy, evidence or files changed goes back by itself.

Votes bind to (version, files, policy, evidence). What happens is written down as a domain event,
and the requests that it may concern are looked at; a slower round finds what no event told of. One
that is as it was bound is left alone, so looking again, or twice at once, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from auth.access import ANYTHING, decide
from auth.actors import Actor
from catalog.registry.tables import ModelRow, VersionRow
from catalog.releases.findings.opening import drop_findings
from catalog.releases.policies.shelf import Policies
from catalog.releases.requests.binding import bind, what_changed
from catalog.releases.requests.steps import locked, step, write_decision
from catalog.releases.states import AGREEING, State, Verb
from catalog.releases.tables import DecisionRow, RequestRow
from ledger.acts import Act, Ledger
from ledger.errors import Refused
from ledger.journal import Event, event_of
from ledger.troubles import Troubles

SENT_BACK: Final = "release:sent-back"
READ_AGAIN: Final = "release:read-again"
# What can make a request other than it was read, by what the event is about.
_OF_VERSIONS: Final = (
    *("evidence:attached", "evidence:withdrawn"),
    *("version:changed", "authorship:claim"),
    *("version:deprecate", "version:reinstate"),
)
_OF_MODELS: Final = (
    *("alias:seen", "model:classify", "card:publish"),
    *("consumer:register", "consumer:end"),
    *("finding:opened", "finding:closed", "finding:dropped"),
)
_OF_ALL: Final = (
    *("policy:published", "policy:ended"),
    *("naming:publish", "naming:end", "authorship:assign"),
)
# With changes requested it is the requester's turn.
_READ: Final = (State.PENDING_REVIEW, State.IN_REVIEW)
EVENTS: Final = (*_OF_VERSIONS, *_OF_MODELS, *_OF_ALL)


class Rereadings:
    """The desk that sends open requests back to be read again."""

    def __init__(self, ledger: Ledger, policies: Policies) -> None:
        self._ledger = ledger
        self._policies = policies
        self._troubles = Troubles(__name__, ledger.clock)

    def after(self, event_id: str, *, by: Actor) -> list[str]:
        """Send back what an event changed; returns the ids of the requests that went back.

        What could not be read before, for want of a policy or of fit files, is read once more.

        Raises:
            Refused: the actor reads no evidence.
            Unavailable: our own database is away.
        """
        decide(by, "evidence:collect", ANYTHING).insist()
        with self._ledger.store.read() as session:
            event = event_of(session, event_id)
            rows = session.exec(_concerned(event)).all() if event else []
        for row in rows:
            if row.state == State.PENDING_REVIEW and row.problem:
                self._try_again(row.id)
        return self._look((row.id for row in rows if row.state == State.IN_REVIEW), by)

    def sweep(self, *, by: Actor) -> list[str]:
        """Send back whatever is not as it was read, also where no event told of it.

        Raises Refused, Unavailable: as `after`.
        """
        decide(by, "evidence:collect", ANYTHING).insist()
        reading = select(RequestRow.id).where(RequestRow.state == State.IN_REVIEW)
        with self._ledger.store.read() as session:
            ids = session.exec(reading).all()
        return self._look(ids, by)

    def _look(self, ids: Iterable[str], by: Actor) -> list[str]:
        return self._troubles.each(
            ids, lambda one: self._send_back(one, by), "cannot be looked at for changes"
        )

    def _send_back(self, request_id: str, by: Actor) -> bool:
        with self._ledger.store.read() as session:
            row = session.get_one(RequestRow, request_id)
            model = session.get_one(ModelRow, row.model_id)
            version = session.get_one(VersionRow, row.version_id)
            # What is gone from MLflow is closed elsewhere.
            gone = version.gone_at is not None or model.gone_at is not None
            if gone or not _why(self._policies, session, row, model, version):
                return False
        with self._ledger.act(
            "release:send-back", actor=by.id, resource=f"request:{request_id}"
        ) as act:
            row, model, version = locked(act, request_id, by)
            why = _why(self._policies, act.session, row, model, version)
            if not why:
                act.reason = "nothing-to-do"
                return False
            send_back(self._policies, act, row, model, version, why, by=by)
            return True

    def _try_again(self, request_id: str) -> None:
        with self._ledger.store.write() as session:
            self._ledger.journal.append(
                session, READ_AGAIN, request_id, {}, at=self._ledger.clock.now()
            )


def concerns(session: Session, event: Event) -> bool:
    """Whether there is an open request that an event may have changed."""
    return session.exec(_concerned(event).limit(1)).first() is not None


def send_back(
    policies: Policies,
    act: Act,
    row: RequestRow,
    model: ModelRow,
    version: VersionRow,
    why: str,
    *,
    by: Actor,
) -> None:
    """Send a request back to be read again: what was agreed to before does not count any more.

    It is bound to what is known now, and those who had agreed are told. Where no policy covers it
    any more it stays bound as it was, and whoever reads it finds that.
    """
    agreed = act.session.exec(
        select(DecisionRow.person_id)
        .where(
            DecisionRow.request_id == row.id,
            DecisionRow.reading == row.reading,
            col(DecisionRow.verb).in_(sorted(AGREEING)),
        )
        .order_by(col(DecisionRow.at))
    ).all()
    act.reason = "changed-since-review"
    drop_findings(act, row.id, "The request was sent back to be read again.", by=by)
    step(act, row, Verb.SEND_BACK)
    # On record with what it was bound to until now, so that what changed can be told later.
    write_decision(act, row, Verb.SEND_BACK, by, why)
    try:
        bind(policies, act, row, model, version)
    except Refused as no_law:
        row.problem = f"{no_law.message} {no_law.hint}"
        act.session.add(row)
    act.emit(SENT_BACK, row.id, version=version.id, agreed=" ".join(dict.fromkeys(agreed)))


def _why(
    policies: Policies, session: Session, row: RequestRow, model: ModelRow, version: VersionRow
) -> str:
    """Why a request has to go back; empty while it need not."""
    if State(row.state) is not State.IN_REVIEW:
        return ""
    try:
        return what_changed(policies, session, row, model, version)
    except Refused:
        return "no policy covers it any more, so nothing of it may be released."


def _concerned(event: Event) -> SelectOfScalar[RequestRow]:
    """The requests that an event is about, those among them that are just being read."""
    query = select(RequestRow).where(col(RequestRow.state).in_(_READ))
    if event.name in _OF_VERSIONS:
        return query.where(RequestRow.version_id == event.subject)
    if event.name in _OF_MODELS:
        return query.where(RequestRow.model_id == event.payload.get("model", event.subject))
    return query
