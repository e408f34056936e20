"""The plan of an import: what a file would change, row by row, and what is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import BindParameter, Executable, Row, bindparam
from sqlalchemy import select as columns
from sqlmodel import Session, col

from auth.actors import Kind
from auth.tables import PrincipalRow
from catalog.registry.inventory.classified import CHAMPION, checked_domain
from catalog.registry.inventory.classified import COLUMNS as FACTS
from catalog.registry.inventory.file import Line, Problem
from catalog.registry.inventory.standing import checked_stage, leads
from catalog.registry.models import TASKS
from catalog.registry.tables import AliasRow, ModelRow
from catalog.use_cases.risk import checked_class, checked_tier
from catalog.use_cases.tables import UseCaseRow
from catalog.use_cases.use_cases import Status
from ledger.errors import CountersignError, Invalid

_AT_ONCE: Final = 500
# The column of the file -> the fact of the model.
SAID: Final[Mapping[str, str]] = {
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


@dataclass
class _Known:
    """What the database says about the things a file names."""

    models: dict[str, list[Row[Any]]]
    live: set[str]
    people: dict[str, str]
    emails: dict[str, str]
    uses: dict[str, tuple[str, str]]
    use_names: dict[str, str]


def planned(
    session: Session,
    data: bytes,
    lines: Sequence[Line],
    problems: Sequence[Problem],
    *,
    is_locked: bool = False,
) -> Plan:
    """What these lines of a file would change; `is_locked` holds the models until the act ends."""
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
        for column in SAID:
            told = _change(line, column, found, known) if line[column] else None
            if isinstance(told, Problem):
                wrong.append(told)
            elif told is not None:
                changes.append(told)
    wrong.sort(key=lambda one: (one.row, one.column))
    return Plan(sha256(data), len(lines), tuple(changes), tuple(wrong))


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
    fact = SAID[column]
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


def sha256(data: bytes) -> str:
    """The digest of a file, as the trail keeps it."""
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
