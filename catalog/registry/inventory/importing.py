"""The inventory as a file: taken in, all of it or nothing, after a dry run; and given out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import rfc8785
from sqlalchemy import bindparam, func, insert, update
from sqlalchemy import select as columns
from sqlmodel import Session, col

from auth.access import ANYTHING, decide
from auth.actors import Actor
from auth.tables import PrincipalRow
from catalog.registry.inventory import file as inventory_file
from catalog.registry.inventory.classified import COLUMNS as FACTS
from catalog.registry.inventory.plan import SAID, Change, Plan, planned, sha256
from catalog.registry.tables import InventoryChangeRow, InventoryImportRow, ModelRow
from catalog.use_cases.tables import UseCaseRow
from ledger import trail
from ledger.acts import Ledger
from ledger.errors import Invalid
from ledger.ids import new_id


class InventoryImport:
    """The desk for files of the inventory, in and out."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def dry_run(self, data: bytes, *, by: Actor) -> Plan:
        """What the file would change and what is wrong with it. Changes nothing.

        Raises:
            Invalid: it is too large, no text, or its heading does not say what the columns are.
        """
        decide(by, "inventory:import", ANYTHING).insist()
        lines, problems = inventory_file.read(data)
        with self._ledger.store.read() as session:
            return planned(session, data, lines, problems)

    def run(self, data: bytes, *, by: Actor) -> Plan:
        """Classify all models of the file as it says, in one act; what is blank stays.

        The file is planned anew: what changed since a dry run counts.

        Raises:
            Invalid: a row is wrong, so nothing was changed.
        """
        may = decide(by, "inventory:import", ANYTHING)
        # The file of somebody who may not import is not even read.
        lines, problems = inventory_file.read(data) if may else ([], [])
        with self._ledger.act("inventory:import", actor=by.id, resource="inventory:*") as act:
            may.insist()
            # One import at a time: two would lock what they share in different orders.
            trail.next_in(act.session, "inventory-import")
            plan = planned(act.session, data, lines, problems, is_locked=True)
            act.digests["file"] = plan.digest
            if plan.problems:
                first = plan.problems[0]
                wrong = len({one.row for one in plan.problems})
                rows = f"{wrong:,} rows are" if wrong > 1 else "One row is"
                raise Invalid(
                    f"{rows} wrong, so nothing was changed. "
                    f"Row {first.row}, {first.column or 'as a whole'}: {first.said}",
                    hint=f"{first.remedy} A dry run lists all of them.",
                    code="rows-wrong",
                )
            row = InventoryImportRow(
                id=new_id("imp"),
                digest=plan.digest,
                rows=plan.rows,
                changed=plan.models,
                imported_by=by.id,
                imported_at=act.at,
            )
            act.resource = f"inventory:{row.id}"
            act.facts |= {"rows": str(plan.rows), "models": str(plan.models)}
            act.digests["changes"] = _digest_of(plan.changes)
            act.session.add(row)
            act.session.flush()
            _carry_out(act.session, row.id, plan.changes)
            act.emit("inventory:import", row.id, models=str(plan.models))
            return plan

    def export(self, *, by: Actor, domain: str = "") -> bytes:
        """All models, or those of one domain, as a file; imported again it changes nothing."""
        with self._ledger.act("inventory:export", actor=by.id, resource="inventory:*") as act:
            decide(by, "inventory:export", ANYTHING).insist()
            statement = _EXPORTED_OF if domain else _EXPORTED
            rows = act.session.connection().execute(statement, {"domain": domain}).all()
            made = inventory_file.written([tuple(cell or "" for cell in row) for row in rows])
            act.facts["rows"] = str(len(rows))
            act.digests["file"] = sha256(made)
            if domain:
                act.texts["domain"] = domain
            return made


def _carry_out(session: Session, import_id: str, changes: Sequence[Change]) -> None:
    """One statement for each set of columns that change together, carried out for its models."""
    connection = session.connection()
    by_model: dict[str, dict[str, Change]] = {}
    for one in changes:
        by_model.setdefault(one.model_id, {})[one.column] = one
    together: dict[tuple[str, ...], list[dict[str, str]]] = {}
    kept = []
    for model_id, facts in by_model.items():
        values = {column: change.value for column, change in facts.items()}
        together.setdefault(tuple(facts), []).append({"model": model_id, **values})
        kept.append(
            {
                "import_id": import_id,
                "model_id": model_id,
                "before": json.dumps({SAID[c]: one.before for c, one in facts.items()}),
                "after": json.dumps({SAID[c]: one.after for c, one in facts.items()}),
            }
        )
    for names, rows in together.items():
        said: dict[str, Any] = {FACTS[SAID[name]]: bindparam(name) for name in names}
        statement = update(ModelRow).where(col(ModelRow.id) == bindparam("model")).values(said)
        connection.execute(statement, rows)
    if kept:
        connection.execute(insert(InventoryChangeRow), kept)


def _digest_of(changes: Sequence[Change]) -> str:
    """The digest of all that changed, old beside new, in the order of the file."""
    plain = [[one.model_id, one.column, one.before, one.after] for one in changes]
    return sha256(rfc8785.dumps(json.loads(json.dumps(plain))))


_EXPORTED: Final = (
    columns(
        col(ModelRow.name),
        col(ModelRow.server),
        col(ModelRow.workspace),
        col(ModelRow.domain),
        col(PrincipalRow.email),
        col(ModelRow.task),
        col(ModelRow.tier),
        col(ModelRow.regulatory_class),
        col(ModelRow.stage),
        col(UseCaseRow.name),
    )
    .join(PrincipalRow, col(PrincipalRow.id) == col(ModelRow.owner_id), isouter=True)
    .join(UseCaseRow, col(UseCaseRow.id) == col(ModelRow.use_case_id), isouter=True)
    .where(col(ModelRow.gone_at).is_(None))
    .order_by(func.lower(col(ModelRow.name)), col(ModelRow.server), col(ModelRow.workspace))
)
_EXPORTED_OF: Final = _EXPORTED.where(col(ModelRow.domain) == bindparam("domain"))
