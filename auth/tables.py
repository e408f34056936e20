"""The columns of people: principals, passwords, grants, tokens, sessions, invitations."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Column, Date, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from ledger.store import UtcDateTime

_OPEN = text("state = 'Pending'")


def _moment(*, nullable: bool = False) -> Column[datetime]:
    return Column(UtcDateTime, nullable=nullable)


class PrincipalRow(SQLModel, table=True):
    """A person or a serving application."""

    __tablename__ = "principal"

    id: str = Field(primary_key=True)
    kind: str
    name: str
    email: str | None = Field(default=None, unique=True)
    created_at: datetime = Field(sa_column=_moment())
    disabled_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))


class AbsenceRow(SQLModel, table=True):
    """Until which day somebody is away."""

    __tablename__ = "absence"

    person_id: str = Field(primary_key=True, foreign_key="principal.id")
    until: date = Field(sa_column=Column(Date, nullable=False))


class PasswordRow(SQLModel, table=True):
    """An argon2id hash."""

    __tablename__ = "password"

    principal_id: str = Field(primary_key=True, foreign_key="principal.id")
    hash: str


class SignInMissRow(SQLModel, table=True):
    """How often in a row an address was not let in, whether anybody has it or not."""

    __tablename__ = "sign_in_miss"

    # SHA-256: what strangers type is not kept as they typed it.
    address: str = Field(primary_key=True)
    misses: int
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))


class GrantRow(SQLModel, table=True):
    """A role that a principal holds on a scope."""

    __tablename__ = "grant_given"
    __table_args__ = (UniqueConstraint("principal_id", "role", "scope_kind", "scope_id"),)

    id: str = Field(primary_key=True)
    principal_id: str = Field(foreign_key="principal.id", index=True)
    role: str
    scope_kind: str
    scope_id: str
    given_by: str
    given_at: datetime = Field(sa_column=_moment())
    expires_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))


class AccessRequestRow(SQLModel, table=True):
    """Somebody asks to be let into something restricted."""

    __tablename__ = "access_request"
    __table_args__ = (
        Index("ix_access_request_asker", "principal_id", "asked_at"),
        Index("ix_access_request_state", "state", "resource_id"),
        Index(
            "ux_access_request_open",
            "principal_id",
            "resource_id",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    id: str = Field(primary_key=True)
    resource_id: str
    principal_id: str = Field(foreign_key="principal.id")
    purpose: str = Field(sa_column=Column(Text, nullable=False))
    until: date | None = Field(default=None, sa_column=Column(Date, nullable=True))
    state: str
    asked_at: datetime = Field(sa_column=_moment())
    decided_by: str = ""
    decided_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    reason: str = Field(default="", sa_column=Column(Text, nullable=False))
    grant_id: str = ""


class TokenRow(SQLModel, table=True):
    """A bearer token: only its SHA-256 is kept."""

    __tablename__ = "token"

    id: str = Field(primary_key=True)
    digest: str = Field(unique=True)
    hint: str
    label: str
    principal_id: str = Field(foreign_key="principal.id", index=True)
    issued_by: str
    issued_at: datetime = Field(sa_column=_moment())
    expires_at: datetime = Field(sa_column=_moment())
    revoked_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))


class SessionRow(SQLModel, table=True):
    """A person signed in at a browser, as the server knows it."""

    __tablename__ = "sign_in_session"

    id: str = Field(primary_key=True)
    principal_id: str = Field(foreign_key="principal.id", index=True)
    started_at: datetime = Field(sa_column=_moment())
    seen_at: datetime = Field(sa_column=_moment())
    expires_at: datetime = Field(sa_column=_moment())
    ended_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))


class InvitationRow(SQLModel, table=True):
    """A one-time code: it sets one person's password, or creates the first administrator."""

    __tablename__ = "invitation"

    digest: str = Field(primary_key=True)
    principal_id: str | None = Field(default=None, foreign_key="principal.id")
    expires_at: datetime = Field(sa_column=_moment())
    used_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))


class AuthorizationCodeRow(SQLModel, table=True):
    """An OpenID authorization code between sign-in and token exchange; used once."""

    __tablename__ = "authorization_code"

    digest: str = Field(primary_key=True)
    payload: str = Field(sa_column=Column(Text, nullable=False))
    expires_at: datetime = Field(sa_column=_moment())
    used_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
