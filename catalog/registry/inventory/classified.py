"""What was said of a model, as it is written down: the value now, and beside it the one before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlmodel import Session, select

from auth.access import Resource
from auth.actors import Actor
from catalog.registry.inventory.standing import Standing, checked_stage, may_move
from catalog.registry.tables import AliasRow, ModelRow
from catalog.use_cases.tables import UseCaseRow
from ledger.acts import Act
from ledger.errors import Invalid, NotFound

LONGEST_DOMAIN: Final = 80
CHAMPION: Final = "champion"
# Name of the fact in the record -> the column. A domain is free text and goes beside the record.
COLUMNS: Final[Mapping[str, str]] = {
    "owner": "owner_id",
    "domain": "domain",
    "task": "task",
    "tier": "tier",
    "class": "regulatory_class",
    "stage": "stage",
    "use-case": "use_case_id",
}
_TEXTS: Final = frozenset({"domain"})


def checked_domain(domain: str) -> str:
    """A domain's name, its spaces in order. Raises Invalid."""
    domain = " ".join(domain.split())
    if not 1 <= len(domain) <= LONGEST_DOMAIN:
        raise Invalid("A domain's name has 1 to 80 characters.", hint="For example Payments.")
    return domain


def is_live(session: Session, model_id: str) -> bool:
    """Whether a version of the model is champion."""
    held = select(AliasRow.number).where(AliasRow.model_id == model_id, AliasRow.alias == CHAMPION)
    return session.exec(held).first() is not None


def told(session: Session, row: ModelRow, standing: Standing, *, by: Actor) -> dict[str, str]:
    """The facts of a standing that are said, by name.

    Raises:
        Refused: the stage does not follow from the one before.
        NotFound: there is no such use case.
    """
    said = {
        "tier": standing.tier,
        "class": standing.regulatory_class,
        "use-case": standing.use_case_id,
    }
    if standing.use_case_id and session.get(UseCaseRow, standing.use_case_id) is None:
        raise NotFound("There is no such AI use case.", hint="Choose from the list.")
    if standing.stage and standing.stage != row.stage:
        stage = checked_stage(standing.stage)
        here = Resource("model", row.id, row.domain, row.owner_id, row.restricted_at is not None)
        may_move(by, here, row.stage, stage, is_live=is_live(session, row.id)).insist()
        said["stage"] = stage
    return {name: value for name, value in said.items() if value is not None}


def write_down(act: Act, row: ModelRow, said: Mapping[str, str]) -> list[str]:
    """Write facts into a model's row and into the act, old beside new. Returns what changed."""
    changed = []
    for name, value in said.items():
        before = str(getattr(row, COLUMNS[name]))
        kept = act.texts if name in _TEXTS else act.facts
        kept[name] = value
        if before != value:
            changed.append(name)
            if before:
                kept[f"was-{name}"] = before
            setattr(row, COLUMNS[name], value)
    act.session.add(row)
    if changed:
        act.emit("model:classify", row.id, changed=" ".join(changed))
    return changed
