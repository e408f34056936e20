"""The draft of a release request: kept for its writer alone until it is sent or thrown away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import Session, col, select

from auth.access import decide
from auth.actors import Actor
from auth.people import as_of_now
from catalog.registry.models import resource
from catalog.registry.named import Named, named
from catalog.registry.tables import VersionRow
from catalog.releases.requests.rights import checked_alias, checked_reason
from catalog.releases.requests.steps import asked_version
from catalog.releases.tables import ReleaseDraftRow
from ledger.acts import Act, Ledger
from ledger.errors import NotFound, Refused
from ledger.ids import new_id

MOST_DRAFTS: Final = 50


@dataclass(frozen=True)
class ReleaseDraft:
    """What somebody is about to ask for. `is_gone` where the version was deleted in MLflow."""

    id: str
    model: Named
    version_id: str
    version_number: int
    alias: str
    reason: str
    is_emergency: bool
    changed_at: datetime
    is_gone: bool


class ReleaseDrafts:
    """The desk where one leaves a request that is not sent yet.

    A draft is no request: it has no number, binds nothing and nobody decides it. Nobody but its
    writer reads it; the record says that one was kept, and not what it says.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def of(self, *, by: Actor, model_id: str = "") -> list[ReleaseDraft]:
        """The actor's own, newest first; on one model where one is given."""
        with self._ledger.store.read() as session:
            found = _drafts(session, by)
            return [one for one in found if model_id in {"", one.model.id}]

    def get(self, draft_id: str, *, by: Actor, model_id: str = "") -> ReleaseDraft:
        """One of the actor's own; on that model where one is given. Raises NotFound."""
        for one in self.of(by=by, model_id=model_id):
            if one.id == draft_id:
                return one
        raise _no_such_draft()

    def keep(
        self,
        version_id: str,
        alias: str,
        reason: str,
        *,
        is_emergency: bool = False,
        draft_id: str = "",
        by: Actor,
    ) -> str:
        """Keep what was typed so far, in place of the draft named; returns the id of the draft.

        What was sent or thrown away meanwhile is kept as a new one.

        Raises:
            Invalid: the alias is reserved or malformed; the reason is too long.
            NotFound, Refused: unknown version; no such role here; too many drafts.
        """
        alias = checked_alias(alias)
        reason = checked_reason(reason) if reason.strip() else ""
        with self._ledger.act("release:draft:keep", actor=by.id, resource=f"person:{by.id}") as act:
            model, version = asked_version(act.session, version_id, by)
            by = as_of_now(act.session, by, at=act.at)
            decide(by, "release:request", resource(model)).insist()
            row = _own(act.session, draft_id, by) or _new(act, by)
            row.model_id, row.version_id, row.version_number = model.id, version.id, version.number
            row.alias, row.reason, row.is_emergency = alias, reason, is_emergency
            row.changed_at = act.at
            act.session.add(row)
            _tell(act, row)
            return row.id

    def throw_away(self, draft_id: str, *, by: Actor) -> None:
        """Keep it no longer. Raises NotFound."""
        with self._ledger.act(
            "release:draft:discard", actor=by.id, resource=f"person:{by.id}"
        ) as act:
            row = _own(act.session, draft_id, by)
            if row is None:
                raise _no_such_draft()
            _tell(act, row)
            act.session.delete(row)


def sent(act: Act, draft_id: str, by: Actor) -> None:
    """The request that was made of a draft takes its place, in the same act.

    A draft that is not there any more leaves nothing to take away.
    """
    row = _own(act.session, draft_id, by)
    if row is not None:
        act.session.delete(row)
        act.facts["draft"] = draft_id


def _own(session: Session, draft_id: str, by: Actor) -> ReleaseDraftRow | None:
    """One's own draft; anybody else's does not exist."""
    row = session.get(ReleaseDraftRow, draft_id, with_for_update=True)
    return row if row is not None and row.person_id == by.id else None


def _no_such_draft() -> NotFound:
    return NotFound(
        "There is no such draft of yours.",
        hint="It was sent or thrown away, or is somebody else's. Yours stand in your inbox.",
        code="no-such-draft",
    )


def _new(act: Act, by: Actor) -> ReleaseDraftRow:
    if len(_drafts(act.session, by)) >= MOST_DRAFTS:
        raise Refused(
            f"You have {MOST_DRAFTS} drafts.",
            hint="Send one, or throw one away that you do not need any more.",
            code="too-many",
        )
    return ReleaseDraftRow(
        id=new_id("dra"),
        person_id=by.id,
        model_id="",
        version_id="",
        version_number=0,
        alias="",
        reason="",
        changed_at=act.at,
    )


def _tell(act: Act, row: ReleaseDraftRow) -> None:
    act.facts |= {
        "draft": row.id,
        "model": row.model_id,
        "version": row.version_id,
        "alias": row.alias,
    }


def _drafts(session: Session, by: Actor) -> list[ReleaseDraft]:
    """What this person left on models that are there, as far as they may read those."""
    rows = session.exec(
        select(ReleaseDraftRow, VersionRow.gone_at)
        .join(VersionRow, col(VersionRow.id) == col(ReleaseDraftRow.version_id))
        .where(ReleaseDraftRow.person_id == by.id)
        .order_by(col(ReleaseDraftRow.changed_at).desc(), ReleaseDraftRow.id)
    ).all()
    models = named(session, {row.model_id for row, _ in rows}, by=by)
    return [
        ReleaseDraft(
            row.id,
            models[row.model_id],
            row.version_id,
            row.version_number,
            row.alias,
            row.reason,
            row.is_emergency,
            row.changed_at,
            gone_at is not None,
        )
        for row, gone_at in rows
        if row.model_id in models and not models[row.model_id].is_gone
    ]
