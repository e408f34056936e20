"""The columns of the release law: policies, evidence, requests, decisions, promotions."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Column, Date, Index, LargeBinary, Text, false, text
from sqlmodel import Field, SQLModel

from ledger.store import UtcDateTime


def _text() -> Column[str]:
    return Column(Text, nullable=False)


def _moment(*, nullable: bool = False) -> Column[datetime]:
    return Column(UtcDateTime, nullable=nullable)


class PolicyRow(SQLModel, table=True):
    """A published policy version; its digest is its name, its body never changes."""

    __tablename__ = "policy"

    digest: str = Field(primary_key=True)
    name: str
    version: int
    body: str = Field(sa_column=_text())
    published_at: datetime = Field(sa_column=_moment())
    # Empty and False for what is only kept because something is bound to it.
    published_by: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    is_in_force: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    written: str = Field(
        default="", sa_column=Column(Text, nullable=False, server_default=text("''"))
    )
    ended_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    ended_by: str = Field(default="", sa_column_kwargs={"server_default": text("''")})


class PolicyDraftRow(SQLModel, table=True):
    """The draft that somebody is writing, one for each person."""

    __tablename__ = "policy_draft"

    person_id: str = Field(primary_key=True)
    written: str = Field(sa_column=_text())
    changed_at: datetime = Field(sa_column=_moment())


class TrialRow(SQLModel, table=True):
    """A policy that is tried on everything: how far that is, and what it found."""

    __tablename__ = "policy_trial"

    id: str = Field(primary_key=True)
    policy_digest: str
    written: str = Field(sa_column=_text())
    state: str
    done: int = 0
    total: int = 0
    requested_by: str = Field(index=True)
    requested_at: datetime = Field(sa_column=_moment())
    finished_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    found: str = Field(default="", sa_column=_text())
    problem: str = ""
    hint: str = ""


class DocumentRow(SQLModel, table=True):
    """A document that was uploaded, found by its content: the same one twice is kept once."""

    __tablename__ = "evidence_document"

    sha256: str = Field(primary_key=True)
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    kept_at: datetime = Field(sa_column=_moment())


class EvidenceRow(SQLModel, table=True):
    """A piece of evidence on a version, found by its content."""

    __tablename__ = "evidence"
    __table_args__ = (Index("ix_evidence_version", "version_id", "kind", "place"),)

    id: str = Field(primary_key=True)
    place: int = Field(unique=True)
    version_id: str
    kind: str
    digest: str
    body: str = Field(sa_column=_text())
    producer: str
    is_verified: bool
    produced_at: datetime = Field(sa_column=_moment())
    # What it is about among those of its kind; who attached it; until when it counts.
    name: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    attached_by: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    expires_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    withdrawn_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    # The document that was uploaded with it. What only names a digest has none.
    document: str = Field(default="", sa_column_kwargs={"server_default": text("''")})


class SnapshotRow(SQLModel, table=True):
    """What was known when a decision was asked or taken, kept by its digest."""

    __tablename__ = "evidence_snapshot"

    digest: str = Field(primary_key=True)
    body: str = Field(sa_column=_text())
    taken_at: datetime = Field(sa_column=_moment())


class RequestRow(SQLModel, table=True):
    """A release request. `revision` grows with each change, so that nobody decides on old news."""

    __tablename__ = "release_request"
    __table_args__ = (Index("ix_release_request_model", "model_id", "alias"),)

    id: str = Field(primary_key=True)
    number: str = Field(unique=True)
    model_id: str
    version_id: str = Field(index=True)
    version_number: int
    alias: str
    reason: str = Field(sa_column=_text())
    requested_by: str = Field(index=True)
    requested_at: datetime = Field(sa_column=_moment())
    state: str = Field(index=True)
    changed_at: datetime = Field(sa_column=_moment())
    revision: int = 1
    replaces: int | None = None
    policy_digest: str = ""
    snapshot_digest: str = ""
    manifest_digest: str = ""
    problem: str = ""
    # How it is asked: as usual, in an emergency, or back to what was approved before.
    # How often it was opened for review: an agreement counts for the reading it was given in.
    reading: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    # Who is to read it first; others who may decide still may.
    reviewer_id: str = Field(
        default="", index=True, sa_column_kwargs={"server_default": text("''")}
    )
    route: str = Field(default="release", sa_column_kwargs={"server_default": text("'release'")})
    # The revision whose approvers were reminded, once.
    reminded: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})


class ReleaseDraftRow(SQLModel, table=True):
    """What somebody is about to ask for and did not send yet."""

    __tablename__ = "release_draft"

    id: str = Field(primary_key=True)
    person_id: str = Field(index=True)
    model_id: str
    version_id: str
    version_number: int
    alias: str
    reason: str = Field(sa_column=_text())
    is_emergency: bool = False
    changed_at: datetime = Field(sa_column=_moment())


class DecisionRow(SQLModel, table=True):
    """What somebody decided on a request, on which evidence, under which policy."""

    __tablename__ = "release_decision"

    id: str = Field(primary_key=True)
    request_id: str = Field(foreign_key="release_request.id", index=True)
    verb: str
    person_id: str
    reason: str = Field(sa_column=_text())
    at: datetime = Field(sa_column=_moment())
    policy_digest: str
    snapshot_digest: str
    manifest_digest: str
    # For an agreement: the panel it counts in, and the digest of what the gates said.
    panel: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    verdict_digest: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    reading: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})


class PromotionRow(SQLModel, table=True):
    """The outbox: an approval on its way into MLflow."""

    __tablename__ = "promotion"
    __table_args__ = (Index("ix_promotion_due", "state", "next_try_at"),)

    id: str = Field(primary_key=True)
    place: int = Field(unique=True)
    request_id: str = Field(unique=True, foreign_key="release_request.id")
    model_id: str = Field(index=True)
    version_id: str
    version_number: int
    alias: str
    replaces: int | None = None
    manifest_digest: str
    state: str
    queued_at: datetime = Field(sa_column=_moment())
    next_try_at: datetime = Field(sa_column=_moment())
    attempts: int = 0
    fence: int = 0
    claimed_by: str = ""
    lease_until: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    called_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    finished_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    code: str = ""
    message: str = ""
    # From when on it may be carried out, where it waits for a release window.
    opens_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))


class FindingRow(SQLModel, table=True):
    """A finding. `cause` names what opened it by itself, so that nothing is found twice."""

    __tablename__ = "finding"
    __table_args__ = (Index("ix_finding_state", "state", "due_on"),)

    id: str = Field(primary_key=True)
    place: int = Field(unique=True)
    number: str = Field(unique=True)
    kind: str
    severity: str
    state: str
    model_id: str = Field(index=True)
    version_id: str = ""
    version_number: int | None = None
    alias: str = ""
    request_id: str = Field(default="", index=True)
    title: str = Field(sa_column=_text())
    detail: str = Field(default="", sa_column=_text())
    owner_id: str = Field(index=True)
    due_on: date = Field(sa_column=Column(Date, nullable=False))
    opened_by: str
    opened_at: datetime = Field(sa_column=_moment())
    since: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    until: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    cause: str | None = Field(default=None, unique=True)
    remedy: str = Field(default="", sa_column=_text())
    remedied_by: str = ""
    remedied_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    closed_by: str = ""
    closed_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    closed_why: str = Field(default="", sa_column=_text())
    # What became of setting the alias back by itself: when, by which request, or why not.
    reverted_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    reverted_by: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    not_reverted: str = Field(
        default="", sa_column=Column(Text, nullable=False, server_default=text("''"))
    )
    # What was reminded of its day, once.
    reminded_on: date | None = Field(default=None, sa_column=Column(Date, nullable=True))


class RecheckRow(SQLModel, table=True):
    """A gate that was asked again after a release: when, what it said, and what that opened."""

    __tablename__ = "release_recheck"

    request_id: str = Field(primary_key=True, foreign_key="release_request.id")
    gate_id: str = Field(primary_key=True)
    checked_at: datetime = Field(sa_column=_moment())
    answer: str
    reason: str = Field(sa_column=_text())
    finding_id: str = ""


class ReconciliationRow(SQLModel, table=True):
    """Up to where the changes in MLflow have been explained; there is one such row."""

    __tablename__ = "reconciliation"

    journal: str = Field(primary_key=True)
    sequence: int
    at: datetime = Field(sa_column=_moment())


class WatchedServerRow(SQLModel, table=True):
    """Since when a server is watched: what its first crawl showed was there before."""

    __tablename__ = "watched_server"

    server: str = Field(primary_key=True)
    sequence: int
    since: datetime = Field(sa_column=_moment())
