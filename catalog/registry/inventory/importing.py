"""Import of the inventory: what a file would change, row by row; then all of it or nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import rfc8785
from sqlalchemy import BindParameter, Executable, Row, bindparam, func, insert, update
from sqlalchemy import select as columns
from sqlmodel import Session, col

from auth.access import ANYTHING, decide
from auth.actors import Actor, Kind
from auth.tables import PrincipalRow
from catalog.registry.inventory import file as inventory_file
from catalog.registry.inventory.classified import CHAMPION, checked_domain
from catalog.registry.inventory.classified import COLUMNS as FACTS
from catalog.registry.inventory.file import Line, Problem
from catalog.registry.inventory.standing import checked_stage, leads
from catalog.registry.models import TASKS
from catalog.registry.tables import (
    AliasRow,
    InventoryChangeRow,
    InventoryImportRow,
    ModelRow,
)
from catalog.use_cases.risk import checked_class, checked_tier
from catalog.use_cases.tables import UseCaseRow
from catalog.use_cases.use_cases import Status
from ledger import trail
from ledger.acts import Ledger
from ledger.errors import CountersignError, Invalid
from ledger.ids import new_id

_AT_ONCE: Final = 500
# The column of the file -> the fact of the model.
_SAID: Final[Mapping[str, str]] = {
    "owner": "owner",
    "domain": "domain",
    "task": "task",
    "tier": "tier",
    "regulatory_class": "class",
    "stage": "stage",
    "use_case": "use-case",
}


@dataclass(frozen=True)
class Change:
    """One fact of one model that is to be another; `value` is what will be kept."""

    row: int
    model_id: str
    model: str
    column: str
    before: str
    after: str
    value: str = field(repr=False)


@dataclass(frozen=True)
class Plan:
    """What a file would do: its digest, how many rows it has, what changes, what is wrong."""

    digest: str
    rows: int
    changes: tuple[Change, ...]
    problems: tuple[Problem, ...]

    @property
    def models(self) -> int:
        """How many models change."""
        return len({change.model_id for change in self.changes})

    @property
    def may_run(self) -> bool:
        """Whether it can be carried out: something changes, and nothing is wrong."""
        return bool(self.changes) and not self.problems


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
            return _planned(session, data, lines, problems)

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
            plan = _planned(act.session, data, lines, problems, is_locked=True)
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
            act.digests["file"] = _sha256(made)
            if domain:
                act.texts["domain"] = domain
            return made


# -- planning --------------------------------------------------------------------------------------


@dataclass
class _Known:
    """What the database says about the things a file names."""

    models: dict[str, list[Row[Any]]]
    live: set[str]
    people: dict[str, str]
    emails: dict[str, str]
    uses: dict[str, tuple[str, str]]
    use_names: dict[str, str]


def _planned(
    session: Session,
    data: bytes,
    lines: Sequence[Line],
    problems: Sequence[Problem],
    *,
    is_locked: bool = False,
) -> Plan:
    known = _look_up(session, lines, _NAMED.with_for_update() if is_locked else _NAMED)
    wrong = list(problems)
    changes: list[Change] = []
    met: dict[str, int] = {}
    for line in lines:
        found = _model(line, known)
        if isinstance(found, Problem):
            wrong.append(found)
            continue
        if (before := met.setdefault(found.id, line.row)) != line.row:
            wrong.append(
                Problem(
                    line.row,
                    "name",
                    f"Row {before} is about this model already.",
                    "Leave one of the two.",
                )
            )
            continue
        for column in _SAID:
            told = _change(line, column, found, known) if line[column] else None
            if isinstance(told, Problem):
                wrong.append(told)
            elif told is not None:
                changes.append(told)
    wrong.sort(key=lambda one: (one.row, one.column))
    return Plan(_sha256(data), len(lines), tuple(changes), tuple(wrong))


def _model(line: Line, known: _Known) -> Row[Any] | Problem:
    found = [
        row
        for row in known.models.get(line["name"], [])
        if line["server"] in {"", row.server} and line["workspace"] in {"", row.workspace}
    ]
    if len(found) == 1:
        return found[0]
    if found:
        where = "; ".join(f"{row.server}, {row.workspace}" for row in found[:5])
        return Problem(
            line.row,
            "name",
            "Several models are called so.",
            f"Fill in server and workspace: {where}.",
        )
    return Problem(
        line.row,
        "name",
        "There is no such model.",
        "Spell it as in MLflow; register it there first if it is new.",
    )


def _change(line: Line, column: str, model: Row[Any], known: _Known) -> Change | Problem | None:
    given = line[column]
    fact = _SAID[column]
    before = str(getattr(model, FACTS[fact]))
    try:
        value = _checked(column, given, before, known)
        if value == before:
            return None
        if column == "stage":
            leads(before, checked_stage(value), is_live=model.id in known.live).insist()
    except CountersignError as problem:
        return Problem(line.row, column, problem.message, problem.hint)
    names = {"owner": known.emails, "use-case": known.use_names}.get(fact, {})
    shown = names.get(before, before)
    return Change(line.row, model.id, model.name, column, shown, names.get(value, value), value)


def _checked(column: str, given: str, before: str, known: _Known) -> str:
    """A cell as it is kept; what stays as it was is never wrong. Raises Invalid."""
    if column == "owner":
        if given.lower() not in known.people:
            raise Invalid(
                "Nobody has this e-mail address.", hint="Add the person on the Access page first."
            )
        return known.people[given.lower()]
    if column == "use_case":
        use_case_id, status = known.uses.get(_folded(given), ("", ""))
        if use_case_id and use_case_id == before:
            return before
        if not use_case_id:
            raise Invalid(
                "There is no such AI use case.", hint="Propose it first, or correct its name."
            )
        if status == Status.CLOSED:
            raise Invalid("This AI use case is closed.", hint="Choose one that is open.")
        return use_case_id
    if column == "task":
        if given not in TASKS:
            raise Invalid("This is no task.", hint=f"Use one of: {', '.join(TASKS)}.")
        return given
    check = {
        "domain": checked_domain,
        "tier": checked_tier,
        "regulatory_class": checked_class,
        "stage": checked_stage,
    }[column]
    return str(check(given))


def _folded(name: str) -> str:
    return " ".join(name.split()).lower()


def _look_up(session: Session, lines: Sequence[Line], named: Executable) -> _Known:
    connection = session.connection()
    models: dict[str, list[Row[Any]]] = {}
    for some in _chunks({line["name"] for line in lines}):
        for row in connection.execute(named, {"names": some}):
            models.setdefault(row.name, []).append(row)
    found = [row for rows in models.values() for row in rows]
    live: set[str] = set()
    for some in _chunks({row.id for row in found}):
        live |= set(connection.execute(_LIVE, {"ids": some}).scalars())
    people: dict[str, str] = {}
    for some in _chunks({line["owner"].lower() for line in lines} - {""}):
        people |= {email: one for one, email in connection.execute(_BY_EMAIL, {"emails": some})}
    emails: dict[str, str] = {one: email for email, one in people.items()}
    for some in _chunks({row.owner_id for row in found} - {""} - emails.keys()):
        emails |= {one: email or "" for one, email in connection.execute(_BY_ID, {"ids": some})}
    asked = any(line["use_case"] for line in lines)
    rows = connection.execute(_USES).all() if asked else []
    return _Known(
        models,
        live,
        people,
        emails,
        {row.name.lower(): (row.id, row.status) for row in rows},
        {row.id: row.name for row in rows},
    )


def _chunks(wanted: Iterable[str]) -> Iterable[list[str]]:
    ordered = sorted(wanted)
    return (ordered[at : at + _AT_ONCE] for at in range(0, len(ordered), _AT_ONCE))


# -- carrying out ----------------------------------------------------------------------------------


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
                "before": json.dumps({_SAID[c]: one.before for c, one in facts.items()}),
                "after": json.dumps({_SAID[c]: one.after for c, one in facts.items()}),
            }
        )
    for names, rows in together.items():
        said: dict[str, Any] = {FACTS[_SAID[name]]: bindparam(name) for name in names}
        statement = update(ModelRow).where(col(ModelRow.id) == bindparam("model")).values(said)
        connection.execute(statement, rows)
    if kept:
        connection.execute(insert(InventoryChangeRow), kept)


def _digest_of(changes: Sequence[Change]) -> str:
    """The digest of all that changed, old beside new, in the order of the file."""
    plain = [[one.model_id, one.column, one.before, one.after] for one in changes]
    return _sha256(rfc8785.dumps(json.loads(json.dumps(plain))))


def _sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
_NAMED: Final = (
    columns(
        col(ModelRow.id),
        col(ModelRow.name),
        col(ModelRow.server),
        col(ModelRow.workspace),
        *(getattr(ModelRow, column) for column in FACTS.values()),
    )
    .where(
        col(ModelRow.name).in_(bindparam("names", expanding=True)), col(ModelRow.gone_at).is_(None)
    )
    .order_by(col(ModelRow.id))
)
_LIVE: Final[Executable] = columns(col(AliasRow.model_id)).where(
    col(AliasRow.model_id).in_(_IDS), col(AliasRow.alias) == CHAMPION
)
_BY_EMAIL: Final[Executable] = columns(col(PrincipalRow.id), col(PrincipalRow.email)).where(
    col(PrincipalRow.email).in_(bindparam("emails", expanding=True)),
    col(PrincipalRow.kind) == Kind.PERSON,
)
_BY_ID: Final[Executable] = columns(col(PrincipalRow.id), col(PrincipalRow.email)).where(
    col(PrincipalRow.id).in_(_IDS)
)
_USES: Final[Executable] = columns(col(UseCaseRow.id), col(UseCaseRow.name), col(UseCaseRow.status))
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
