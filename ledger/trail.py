"""The audit trail: one record for each act, refusals included, that nobody can rewrite.

A record is canonical JSON (RFC 8785), so that its bytes are the same for everybody, for ever. Names
and free text are not in it: it holds salted commitments to them, and the texts live beside it where
they can be forgotten (RFC 6962 leaves would otherwise carry a person's name for good).
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import rfc8785
from sqlalchemy import ColumnElement, Integer, String, bindparam, func, text
from sqlmodel import Session, col, select

from ledger.clock import iso
from ledger.tables import AuditRecordRow, AuditTextRow

SCHEMA_VERSION: Final = 1
DONE: Final = "done"
REFUSED: Final = "refused"
UNKNOWN: Final = "unknown"
UNFIT: Final = "unfit"

# What a record keeps for ever is an id, a number, a digest or a word of ours: never free text.
_KIND: Final = re.compile(r"[a-z][a-z-]{0,39}")
_RESOURCE: Final = re.compile(r"[a-z][a-z-]{0,39}:[A-Za-z0-9_:*./{}-]{1,80}")
_VALUE: Final = re.compile(r"[A-Za-z0-9_:*./+-]{0,120}")
_WORDS: Final = re.compile(r"[a-z-]{1,20}( [a-z-]{1,20}){1,2}")


@dataclass(frozen=True)
class Record:
    """One act as it stands in the trail."""

    sequence: int
    act: str
    actor: str
    resource: str
    outcome: str
    reason: str
    at: datetime
    facts: Mapping[str, str]
    digests: Mapping[str, str]
    commitments: Mapping[str, str]
    body: str
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 over the bytes of the record; no other record rests on it."""
        return "sha256:" + hashlib.sha256(self.body.encode()).hexdigest()


@dataclass(frozen=True)
class Opening:
    """A text that a record commits to, with its salt: the two make the commitment again."""

    sequence: int
    field: str
    commitment: str
    salt: str
    text: str


@dataclass(frozen=True)
class Entry:
    """What an act says of itself, before it gets its place in the trail."""

    act: str
    actor: str
    resource: str
    outcome: str
    reason: str
    at: datetime
    facts: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


def is_fit(resource: str) -> bool:
    """Whether a resource has the shape of `kind:id`, so that a record may name it."""
    return bool(_RESOURCE.fullmatch(resource))


def unknown(resource: str) -> str:
    """A resource by its kind only, for one that does not exist or cannot be named."""
    kind = resource.partition(":")[0]
    return f"{kind if _KIND.fullmatch(kind) else 'thing'}:{UNKNOWN}"


def fit(value: str) -> str:
    """A fact or a digest as a record keeps it: `unfit` in place of anything like free text."""
    return value if _VALUE.fullmatch(value) or _WORDS.fullmatch(value) else UNFIT


def append(session: Session, entry: Entry) -> int:
    """Write the entry as the next record of the trail, in the transaction of the act.

    Returns its sequence number: 1, 2, 3 … without gaps, also with many writers, because the counter
    row stays locked until the transaction ends.
    """
    sequence = next_in(session, "audit")
    salts = {name: secrets.token_hex(16) for name in entry.texts}
    commitments = {name: commit_to(salts[name], value) for name, value in entry.texts.items()}
    body = rfc8785.dumps(
        {
            "v": SCHEMA_VERSION,
            "seq": sequence,
            "at": iso(entry.at),
            "act": entry.act,
            "actor": entry.actor,
            "resource": entry.resource,
            "outcome": entry.outcome,
            "reason": entry.reason,
            "facts": dict(entry.facts),
            "digests": dict(entry.digests),
            "commitments": commitments,
        }
    ).decode("utf-8")
    session.add(
        AuditRecordRow(
            sequence=sequence,
            body=body,
            act=entry.act,
            actor=entry.actor,
            resource=entry.resource,
            outcome=entry.outcome,
            reason=entry.reason,
            at=entry.at,
        )
    )
    session.flush()
    for name, value in entry.texts.items():
        session.add(
            AuditTextRow(
                sequence=sequence,
                field=name,
                commitment=commitments[name],
                salt=salts[name],
                text=value,
            )
        )
    session.flush()
    return sequence


def commit_to(salt: str, value: str) -> str:
    """The salted commitment to a text: SHA-256 over salt (hex), a zero byte, and UTF-8."""
    return "sha256:" + hashlib.sha256(f"{salt}\0{value}".encode()).hexdigest()


def next_in(session: Session, name: str) -> int:
    """The next number of a named counter, locked until the transaction ends."""
    row = session.connection().execute(
        text(
            "INSERT INTO counter (name, value) VALUES (:name, 1) "
            "ON CONFLICT (name) DO UPDATE SET value = counter.value + 1 RETURNING value"
        ),
        {"name": name},
    )
    return int(row.scalar_one())


@dataclass(frozen=True)
class Filter:
    """Which records to list; an empty field leaves everything in."""

    actor: str = ""
    act: str = ""
    resource: str = ""
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None


def listing(session: Session, wanted: Filter, *, limit: int = 50, offset: int = 0) -> list[Record]:
    """Records newest first, one page of them, with the texts that were not forgotten."""
    query = (
        select(AuditRecordRow)
        .where(*_conditions(wanted))
        .order_by(col(AuditRecordRow.sequence).desc())
        .limit(limit)
        .offset(offset)
    )
    return _with_texts(session, list(session.exec(query)))


def done_to(session: Session, resource: str, *, limit: int = 50) -> list[Record]:
    """What was done to one thing, newest first, with the texts that were not forgotten."""
    rows = session.exec(_DONE_TO, params={"resource": resource, "most": limit})
    return _with_texts(session, list(rows))


def done_at(
    session: Session, at: datetime, acts: Collection[str], *, resource: str = ""
) -> list[Record]:
    """What was done by one of some acts at one moment, newest first; to one thing where named."""
    row = AuditRecordRow
    wanted = [col(row.act).in_(acts), col(row.at) == at, col(row.outcome) == DONE]
    if resource:
        wanted.append(col(row.resource) == resource)
    query = select(row).where(*wanted).order_by(col(row.sequence).desc())
    return _with_texts(session, list(session.exec(query)))


def openings(session: Session, sequences: Collection[int]) -> list[Opening]:
    """The texts of some records with what opens their commitments, but for those forgotten."""
    query = (
        select(AuditTextRow)
        .where(col(AuditTextRow.sequence).in_(sequences))
        .order_by(col(AuditTextRow.sequence), col(AuditTextRow.field))
    )
    return [
        Opening(one.sequence, one.field, one.commitment, one.salt, one.text)
        for one in session.exec(query)
        if one.salt is not None and one.text is not None
    ]


def count(session: Session, wanted: Filter) -> int:
    """How many records a filter lets through."""
    query = select(func.count()).select_from(AuditRecordRow).where(*_conditions(wanted))
    return int(session.exec(query).one())


def read(session: Session, sequence: int) -> Record | None:
    """One record by its place in the trail."""
    row = session.get(AuditRecordRow, sequence)
    return None if row is None else _with_texts(session, [row])[0]


def acts_known(session: Session) -> list[str]:
    """The names of all acts that were ever recorded, for a filter to offer."""
    return sorted(session.exec(select(AuditRecordRow.act).distinct()))


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    row = AuditRecordRow
    conditions: list[ColumnElement[bool]] = []
    if wanted.actor:
        conditions.append(col(row.actor) == wanted.actor)
    if wanted.act:
        conditions.append(col(row.act) == wanted.act)
    if wanted.resource:
        conditions.append(col(row.resource) == wanted.resource)
    if wanted.outcome:
        conditions.append(col(row.outcome) == wanted.outcome)
    if wanted.since:
        conditions.append(col(row.at) >= wanted.since)
    if wanted.until:
        conditions.append(col(row.at) < wanted.until)
    return conditions


def _with_texts(session: Session, rows: list[AuditRecordRow]) -> list[Record]:
    wanted = [row.sequence for row in rows]
    texts: dict[int, dict[str, str]] = {}
    for kept in session.exec(select(AuditTextRow).where(col(AuditTextRow.sequence).in_(wanted))):
        texts.setdefault(kept.sequence, {})[kept.field] = (
            "(forgotten)" if kept.text is None else kept.text
        )
    return [_record(row, texts.get(row.sequence, {})) for row in rows]


def _record(row: AuditRecordRow, texts: Mapping[str, str]) -> Record:
    body = json.loads(row.body)
    return Record(
        sequence=row.sequence,
        act=row.act,
        actor=row.actor,
        resource=row.resource,
        outcome=row.outcome,
        reason=row.reason,
        at=row.at,
        facts=body["facts"],
        digests=body["digests"],
        commitments=body["commitments"],
        body=row.body,
        texts=texts,
    )


# Asked on every click on a request: built once.
_DONE_TO: Final = (
    select(AuditRecordRow)
    .where(
        col(AuditRecordRow.resource) == bindparam("resource", type_=String()),
        col(AuditRecordRow.outcome) == DONE,
    )
    .order_by(col(AuditRecordRow.sequence).desc())
    .limit(bindparam("most", type_=Integer()))
)
