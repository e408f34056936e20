"""Restrictions: a model that stays findable, and is read only by those who are let in."""

from __future__ import annotations

from typing import Final

from auth.access import Resource, Verdict, decide, insist_visible
from auth.actors import Actor, Kind
from auth.people import as_of_now
from catalog.registry.models import resource
from catalog.registry.search.indexer import keep_back
from catalog.registry.tables import ModelRow
from ledger.acts import Act, Ledger
from ledger.errors import Conflict, NotFound
from ledger.statements import statement

LONGEST_REASON: Final = 500
_HINT: Final = "Search for it under Discover."


class Restrictions:
    """The desk where models are restricted and opened again."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def restrict(self, model_id: str, reason: str, *, by: Actor) -> None:
        """Show everybody in a model's scope no more than its summary until they are let in.

        Raises:
            Invalid: no reason, or one that cannot be kept.
            NotFound, Refused, Conflict: no such model; not its owner; restricted already.
        """
        reason = _reason(reason)
        with self._ledger.act("model:restrict", actor=by.id, resource=f"model:{model_id}") as act:
            row = self._held(act, model_id, by)
            if row.restricted_at is not None:
                raise Conflict(f"{row.name} is restricted already.", code="restricted-already")
            row.restricted_at, row.restricted_why = act.at, reason
            act.session.add(row)
            act.session.flush()
            keep_back(act.session, row.id)
            act.texts["reason"] = reason
            act.emit("model:restrict", row.id)

    def lift(self, model_id: str, reason: str, *, by: Actor) -> None:
        """Open a model to everybody in its scope again. Access that was given stays given."""
        reason = _reason(reason)
        with self._ledger.act("model:unrestrict", actor=by.id, resource=f"model:{model_id}") as act:
            row = self._held(act, model_id, by)
            if row.restricted_at is None:
                raise Conflict(f"{row.name} is not restricted.", code="not-restricted")
            row.restricted_at, row.restricted_why = None, None
            act.session.add(row)
            act.texts["reason"] = reason
            act.emit("model:unrestrict", row.id)

    def may_restrict(self, where: Resource, *, by: Actor) -> Verdict:
        """Whether the actor may restrict this model and open it again."""
        return may_restrict(by, where)

    @staticmethod
    def _held(act: Act, model_id: str, by: Actor) -> ModelRow:
        by = as_of_now(act.session, by, at=act.at)
        row = act.session.get(ModelRow, model_id, with_for_update=True)
        if row is None or row.gone_at is not None:
            raise NotFound("There is no such model.", hint=_HINT)
        insist_visible(by, "model:read", resource(row), "such model", _HINT)
        may_restrict(by, resource(row)).insist()
        return row


def may_restrict(by: Actor, where: Resource) -> Verdict:
    """Who restricts a model: the person who owns it, or a governance admin."""
    if by.kind is Kind.PERSON and by.id == where.owner_id:
        return Verdict(True, f"{by.name} owns it.")
    return decide(by, "model:restrict", where)


def _reason(reason: str) -> str:
    return statement(
        reason,
        "reason",
        longest=LONGEST_REASON,
        hint="Say in a sentence why; those who are kept out read it.",
    )
