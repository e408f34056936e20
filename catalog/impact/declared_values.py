"""Declared values: what a named person says that one outcome of a model is worth, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Executable, Row, bindparam, select
from sqlmodel import Session, col

from auth.access import Verdict, decide
from auth.actors import Actor
from catalog.impact.tables import DeclaredValueRow
from catalog.registry.models import Model, resource
from catalog.registry.tables import ModelRow
from ledger.acts import Ledger
from ledger.errors import Invalid, NotFound
from ledger.ids import new_id

_LONGEST_OUTCOME: Final = 120
_LONGEST_REASON: Final = 500
_LARGEST_EUR: Final = Decimal(1_000_000)


@dataclass(frozen=True)
class Declared:
    """What an outcome is worth, who says so, since when, and why."""

    id: str
    model_id: str
    outcome: str
    value_eur: Decimal
    reason: str
    declared_by: str
    declared_at: datetime


class DeclaredValues:
    """The desk where outcomes are valued."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def may_declare(self, model: Model, *, by: Actor) -> Verdict:
        """Whether the actor may say what an outcome of this model is worth."""
        return decide(by, "value:declare", model.resource)

    def declare(
        self, model_id: str, outcome: str, value_eur: Decimal, reason: str, *, by: Actor
    ) -> Declared:
        """Say what one outcome of a model is worth, in euro. The newest saying counts."""
        outcome, reason = " ".join(outcome.split()), reason.strip()
        if not 1 <= len(outcome) <= _LONGEST_OUTCOME:
            raise Invalid("Name the outcome, as the application reports it.", code="no-outcome")
        if not 1 <= len(reason) <= _LONGEST_REASON:
            raise Invalid(
                f"Say in 1 to {_LONGEST_REASON} characters why it is worth that.", code="no-reason"
            )
        if not value_eur.is_finite() or abs(value_eur) > _LARGEST_EUR:
            raise Invalid("The value of one outcome is a number of euro, at most a million.")
        with self._ledger.act("value:declare", actor=by.id, resource=f"model:{model_id}") as act:
            row = act.session.get(ModelRow, model_id)
            if row is None or row.gone_at or not decide(by, "model:read", resource(row)):
                raise NotFound("There is no such model.", hint="Choose one under Impact.")
            decide(by, "value:declare", resource(row)).insist()
            said = DeclaredValueRow(
                id=new_id("val"),
                model_id=model_id,
                outcome=outcome,
                value_eur=value_eur,
                reason=reason,
                declared_by=by.id,
                declared_at=act.at,
            )
            act.session.add(said)
            act.facts |= {"value_eur": str(value_eur), "declaration": said.id}
            act.texts |= {"outcome": outcome, "reason": reason}
        return _declared(said)


def in_force(session: Session, model_ids: Collection[str]) -> dict[str, tuple[Declared, ...]]:
    """The newest saying about each outcome of each of these models."""
    newest: dict[str, dict[str, Declared]] = defaultdict(dict)
    for row in session.connection().execute(_DECLARED, {"models": list(model_ids)}):
        newest[row.model_id][row.outcome] = _declared(row)
    return {model_id: tuple(said.values()) for model_id, said in newest.items()}


def _declared(row: DeclaredValueRow | Row[Any]) -> Declared:
    return Declared(
        row.id,
        row.model_id,
        row.outcome,
        Decimal(row.value_eur),
        row.reason,
        row.declared_by,
        row.declared_at,
    )


# Asked on every click on Home, Model, Release and Impact: built once, answered in columns.
_DECLARED: Final[Executable] = (
    select(
        col(DeclaredValueRow.id),
        col(DeclaredValueRow.model_id),
        col(DeclaredValueRow.outcome),
        col(DeclaredValueRow.value_eur),
        col(DeclaredValueRow.reason),
        col(DeclaredValueRow.declared_by),
        col(DeclaredValueRow.declared_at),
    )
    .where(col(DeclaredValueRow.model_id).in_(bindparam("models", expanding=True)))
    .order_by(col(DeclaredValueRow.declared_at))
)
