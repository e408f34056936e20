"""Bearer tokens: shown once, kept as a digest, ended at any time."""

from __future__ import annotations

import secrets
import string
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Executable, bindparam
from sqlalchemy import select as columns
from sqlmodel import col, select

from auth.access import ANYTHING, Verdict, decide, may_anywhere
from auth.actors import EVERYTHING, Actor, Kind
from auth.digests import digest
from auth.grants import put_down
from auth.people import LONGEST_NAME, Person, load_actor
from auth.permissions import Role
from auth.tables import PrincipalRow, TokenRow
from ledger.acts import Ledger
from ledger.errors import Invalid, NotFound, Refused, Unauthenticated
from ledger.ids import new_id

_ALPHABET: Final = string.digits + string.ascii_letters
_PREFIX: Final = "csn_"
_SECRET_LENGTH: Final = 32  # 190 bits: a fast hash is enough for a secret nobody can guess
_CHECK_LENGTH: Final = 6
LONGEST_LABEL: Final = 80
LONGEST_DAYS: Final = 365


@dataclass(frozen=True)
class Token:
    """A token as it can be shown: never the token itself."""

    id: str
    label: str
    hint: str
    principal_id: str
    issued_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class Tokens:
    """The token desk."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def issue(self, label: str, *, by: Actor, days: int = 90) -> tuple[Token, str]:
        """A token that acts as the person who asks for it. Returns it and, once, its secret."""
        return self._issue("token:issue", by.id, label, days, by)

    def register_application(self, name: str, *, by: Actor) -> Person:
        """Make a serving application known, so that it can report what it asks of models."""
        name = " ".join(name.split())
        if not 1 <= len(name) <= LONGEST_NAME:
            raise Invalid(f"An application's name has 1 to {LONGEST_NAME} characters.")
        with self._ledger.act("application:register", actor=by.id, resource="application:*") as act:
            decide(by, "application:register", ANYTHING).insist()
            row = PrincipalRow(
                id=new_id("app"), kind=Kind.APPLICATION, name=name, created_at=act.at
            )
            act.session.add(row)
            act.session.flush()
            put_down(act.session, row.id, Role.SERVING_APPLICATION, EVERYTHING, by=by, at=act.at)
            act.resource = f"application:{row.id}"
            act.texts["name"] = name
        return Person(row.id, Kind.APPLICATION, name, "", row.created_at, None)

    def issue_for_application(
        self, application_id: str, label: str, *, by: Actor, days: int = 90
    ) -> tuple[Token, str]:
        """A token that acts as a serving application."""
        return self._issue("token:issue:application", application_id, label, days, by)

    def revoke(self, token_id: str, *, by: Actor) -> None:
        """End a token at once: one's own, or anybody's for a governance admin."""
        with self._ledger.act("token:revoke", actor=by.id, resource=f"token:{token_id}") as act:
            row = act.session.get(TokenRow, token_id)
            if row is None or (row.principal_id != by.id and not _may_revoke(by)):
                raise NotFound("There is no such token.", hint="Choose one from the list.")
            if row.revoked_at is None:
                row.revoked_at = act.at
                act.session.add(row)

    def who_is(self, secret: str) -> Actor:
        """The actor behind a bearer token. Raises Unauthenticated."""
        if not looks_like_token(secret):
            raise _unknown("This is no Countersign token, or it was mistyped.")
        now = self._ledger.clock.now()
        with self._ledger.store.read() as session:
            row = session.connection().execute(_CALLING, {"digest": digest(secret)}).first()
            if row is None:
                raise _unknown("This token is not known here.")
            if row.revoked_at is not None:
                raise _unknown("This token was revoked.")
            if row.expires_at <= now:
                raise _unknown("This token has expired.")
            return load_actor(session, row.principal_id, at=now)

    def listing(self, *, by: Actor) -> list[Token]:
        """One's own tokens; all of them for a governance admin. Newest first."""
        query = select(TokenRow).order_by(col(TokenRow.issued_at).desc())
        if not _may_revoke(by):
            query = query.where(TokenRow.principal_id == by.id)
        with self._ledger.store.read() as session:
            return [_token(row) for row in session.exec(query)]

    def _issue(
        self, act_name: str, principal_id: str, label: str, days: int, by: Actor
    ) -> tuple[Token, str]:
        label = " ".join(label.split())
        if not 1 <= len(label) <= LONGEST_LABEL:
            raise Invalid(
                f"A token's label has 1 to {LONGEST_LABEL} characters.", hint="Say what it is for."
            )
        if not 1 <= days <= LONGEST_DAYS:
            raise Invalid(f"A token lasts 1 to {LONGEST_DAYS} days.")
        secret = make_token()
        with self._ledger.act(act_name, actor=by.id, resource="token:*") as act:
            if principal_id != by.id:
                decide(by, act_name, ANYTHING).insist()
            # One's own token can do no more than oneself, so a role on anything is enough.
            elif not may_anywhere(by, act_name):
                raise Refused(
                    f"{by.name} may not make this token.",
                    hint="A governance admin gives roles on the Access page.",
                    code="no-role",
                )
            principal = act.session.get(PrincipalRow, principal_id)
            wanted = Kind.APPLICATION if act_name.endswith("application") else Kind.PERSON
            if principal is None or principal.kind != wanted or principal.disabled_at:
                raise NotFound(f"There is no such {wanted}.", hint="Choose one from the list.")
            row = TokenRow(
                id=new_id("tok"),
                digest=digest(secret),
                hint=f"{secret[:8]}…{secret[-4:]}",
                label=label,
                principal_id=principal_id,
                issued_by=by.id,
                issued_at=act.at,
                expires_at=act.at + timedelta(days=days),
            )
            act.session.add(row)
            act.resource = f"token:{row.id}"
            act.facts["principal"] = principal_id
            act.texts["label"] = label
        return _token(row), secret


def _may_revoke(by: Actor) -> Verdict:
    """Whether somebody may see and end the tokens of others: they lie in no domain."""
    return decide(by, "token:revoke", ANYTHING)


def make_token() -> str:
    """A fresh secret: prefix, 190 random bits in base 62, and a checksum against typing errors."""
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_LENGTH))
    return _PREFIX + secret + _checksum(secret)


def looks_like_token(secret: str) -> bool:
    """Whether prefix, length and checksum fit, before the database is asked."""
    body = secret.removeprefix(_PREFIX)
    return (
        secret.startswith(_PREFIX)
        and len(body) == _SECRET_LENGTH + _CHECK_LENGTH
        and _checksum(body[:_SECRET_LENGTH]) == body[_SECRET_LENGTH:]
    )


def _checksum(secret: str) -> str:
    number = zlib.crc32(secret.encode())
    digits = ""
    for _ in range(_CHECK_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        digits += _ALPHABET[digit]
    return digits


def _unknown(message: str) -> Unauthenticated:
    return Unauthenticated(
        message, hint="Make a new token on the Access page and send it as a bearer token."
    )


def _token(row: TokenRow) -> Token:
    return Token(
        row.id,
        row.label,
        row.hint,
        row.principal_id,
        row.issued_at,
        row.expires_at,
        row.revoked_at,
    )


# Asked by every call of the API, so it is built once.
_CALLING: Final[Executable] = columns(
    col(TokenRow.principal_id), col(TokenRow.revoked_at), col(TokenRow.expires_at)
).where(col(TokenRow.digest) == bindparam("digest"))
