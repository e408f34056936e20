"""Authorization codes: what a right password becomes on its way back to the portal, once."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import col, delete

from auth.digests import digest
from auth.tables import AuthorizationCodeRow
from ledger.acts import Ledger

LASTS: Final = timedelta(seconds=60)
# A used code is remembered a while longer, to notice when somebody tries it again.
_REMEMBERED: Final = timedelta(minutes=10)


@dataclass(frozen=True)
class SignedIn:
    """Somebody whose password was right just now, and the session that this began."""

    person_id: str
    session_id: str
    at: datetime


@dataclass(frozen=True)
class Code:
    """What a code stands for. Authlib asks for it by these names and questions."""

    person_id: str
    session_id: str
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str
    signed_in_at: int

    def get_redirect_uri(self) -> str:
        """Where the code was sent."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """What was asked for."""
        return self.scope

    def get_nonce(self) -> str:
        """What ties the ID token to the portal's question."""
        return self.nonce

    def get_auth_time(self) -> int:
        """When the password was checked, in seconds since 1970."""
        return self.signed_in_at

    def get_acr(self) -> None:
        """No level of assurance is claimed."""

    def get_amr(self) -> list[str]:
        """How the person was recognised (RFC 8176)."""
        return ["pwd"]


class Codes:
    """Keeps codes for a minute, by their SHA-256 only.

    Codes are plumbing: the act on the record is the session that a sign-in begins.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def keep(self, secret: str, code: Code) -> None:
        """Remember what the secret stands for, and forget what is long over."""
        now = self._ledger.clock.now()
        with self._ledger.store.write() as session:
            session.exec(
                delete(AuthorizationCodeRow).where(
                    col(AuthorizationCodeRow.expires_at) < now - _REMEMBERED
                )
            )
            session.add(
                AuthorizationCodeRow(
                    digest=digest(secret),
                    payload=json.dumps(asdict(code)),
                    expires_at=now + LASTS,
                )
            )

    def spend(self, secret: str) -> tuple[Code, bool] | None:
        """What the secret stands for, and whether this is the first time; None if never or late.

        A code counts as used when it is shown, also with a wrong verifier (RFC 6749, 4.1.2).
        """
        now = self._ledger.clock.now()
        with self._ledger.store.write() as session:
            row = session.get(AuthorizationCodeRow, digest(secret), with_for_update=True)
            if row is None:
                return None
            code = Code(**json.loads(row.payload))
            if row.used_at is not None:
                return code, False
            row.used_at = now
            session.add(row)
            return (code, True) if row.expires_at > now else None
