"""Promotion tickets: Countersign's signed word to a guarded MLflow that one move was approved.

A guarded server (decision 20) checks them with the public key alone; any other server takes no
notice of them. Evidence packs are signed with the same key (decision 32).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from auth.keyring import kept
from catalog.registry.tables import ModelRow
from catalog.releases.tables import PromotionRow
from ledger.clock import Clock
from ledger.errors import Misconfigured
from ledger.ids import new_id

_FILE: Final = "guard-key.pem"
_ALGORITHM: Final = "Ed25519"  # RFC 9864
_TYPE: Final = "countersign-ticket+jwt"
# Shorter than a worker's claim on a promotion: who slept through that holds no good ticket.
LIFE: Final = timedelta(minutes=2)
# The digest where an alias is taken away from a version whose files nobody ever read.
NO_FILES: Final = "none"


class Allowed(StrEnum):
    """What a ticket allows, in the guard's words."""

    SEAL = "seal"
    SET_ALIAS = "set-alias"
    DELETE_ALIAS = "delete-alias"


@dataclass(frozen=True)
class Move:
    """An approved move. `digest` is that of the approved files' manifest.

    `version` is what the alias is to point at, or is taken away from.
    """

    server: str
    workspace: str
    model: str
    alias: str
    version: int
    digest: str


class TicketOffice:
    """Where tickets are signed; the key is made when it is first needed."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    def public_key(self) -> str:
        """What a guard checks our tickets with: one line of JSON (RFC 8037)."""
        key = self._key()
        return json.dumps(key.as_dict(private=False, kid=key.thumbprint()), sort_keys=True)

    def issue(self, allowed: Allowed, move: Move) -> str:
        """A ticket good for one call within two minutes."""
        key, now = self._key(), self._clock.now()
        header = {"alg": _ALGORITHM, "typ": _TYPE, "kid": key.thumbprint()}
        claims = {
            "jti": new_id("tkt"),
            "act": allowed.value,
            "aud": move.server,
            "workspace": move.workspace,
            "model": move.model,
            "alias": move.alias,
            "version": move.version,
            "digest": move.digest,
            "iat": int(now.timestamp()),
            "exp": int((now + LIFE).timestamp()),
        }
        return jwt.encode(header, claims, key, algorithms=[_ALGORITHM])

    @property
    def key_id(self) -> str:
        """The key's name: its RFC 7638 thumbprint."""
        return self._key().thumbprint()

    def sign(self, kind: str, body: bytes) -> str:
        """A detached signature over a body that leaves the house (JWS, RFC 7515 appendix F).

        `kind` becomes its type, so that no signature passes for one of another kind.
        """
        key = self._key()
        header = {"alg": _ALGORITHM, "typ": kind, "kid": key.thumbprint()}
        signed = jws.serialize_compact(header, body, key, algorithms=[_ALGORITHM])
        return jws.detach_content(signed)

    def _key(self) -> OKPKey:
        path = self._folder / _FILE
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            key = OKPKey.import_key(kept(path, _new_key))
        except (OSError, JoseError, ValueError) as error:
            raise Misconfigured(
                f"The key in {path} cannot be read or written.",
                hint="Give this account access to it, or put its backup back.",
            ) from error
        if key.curve_name != _ALGORITHM or not key.is_private:
            raise Misconfigured(
                f"{path} holds no private Ed25519 key.",
                hint="Put the backup back, or remove the file and give the guards the new key.",
            )
        return key


def move_of(promotion: PromotionRow, model: ModelRow) -> Move:
    """The move that a promotion is about."""
    return Move(
        model.server,
        model.workspace,
        model.name,
        promotion.alias,
        promotion.version_number,
        promotion.manifest_digest or NO_FILES,
    )


def _new_key() -> str:
    return OKPKey.generate_key(_ALGORITHM).as_pem(private=True).decode("ascii")
