"""The inventory: where every model stands, and what nobody has said of it yet."""

from __future__ import annotations

import re
from typing import Final

from auth.access import Resource, Verdict, insist_visible
from auth.actors import Actor
from catalog.registry.inventory.classified import is_live, write_down
from catalog.registry.inventory.standing import Stage, checked_stage, may_move
from catalog.registry.models import Model, resource
from catalog.registry.tables import ModelRow
from ledger.acts import Ledger
from ledger.errors import Invalid, NotFound

LONGEST_REASON: Final = 1000
_NO_TEXT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_SEARCH: Final = "Search for it under Discover."


class Inventory:
    """The inventory desk."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def may_move(self, model: Model, stage: Stage, *, by: Actor) -> Verdict:
        """Whether the actor may move a model to a stage now."""
        live = model.alias("champion") is not None
        return may_move(by, model.resource, model.stage, stage, is_live=live)

    def move(self, model_id: str, stage: str, reason: str, *, by: Actor) -> None:
        """Move a model to another stage of its life, and say why.

        Raises:
            Refused: not this person, no such step, or it does not fit what is live.
        """
        wanted, reason = checked_stage(stage), " ".join(reason.split())
        if not 1 <= len(reason) <= LONGEST_REASON or _NO_TEXT.search(reason):
            raise Invalid(
                f"The reason has 1 to {LONGEST_REASON:,} characters.",
                hint="Say in a sentence why; it is kept in the audit trail.",
                code="no-reason",
            )
        with self._ledger.act("model:stage", actor=by.id, resource=f"model:{model_id}") as act:
            row = act.session.get(ModelRow, model_id, with_for_update=True)
            if row is None or row.gone_at is not None:
                raise NotFound("There is no such model.", hint=_SEARCH)
            here: Resource = resource(row)
            insist_visible(by, "model:read", here, "such model", _SEARCH)
            act.facts |= {"from": row.stage, "to": wanted}
            live = is_live(act.session, row.id)
            may_move(by, here, row.stage, wanted, is_live=live).insist()
            write_down(act, row, {"stage": wanted})
            act.texts["reason"] = reason
