"""Promotion tickets: the portal's word that one move was approved, checked without asking it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

HEADER: Final = "X-Countersign-Ticket"
# RFC 9864's name of EdDSA over Curve25519. No other algorithm is ever tried.
ALGORITHM: Final = "Ed25519"
TYPE: Final = "countersign-ticket+jwt"
_LONGEST_TICKET: Final = 4096
# How far the clocks of the portal and of MLflow may be apart, in seconds.
_LEEWAY_S: Final = 30
# A portal's tickets live two minutes; one that claims to live for days is a mistake.
_LONGEST_LIFE_S: Final = 600


class RefusedError(Exception):
    """The act is refused; the message is a sentence to whoever tried it."""


class Act(StrEnum):
    """What a ticket allows."""

    SEAL = "seal"
    SET_ALIAS = "set-alias"
    DELETE_ALIAS = "delete-alias"


@dataclass(frozen=True)
class Ticket:
    """One approved act, bound to everything that makes it this one.

    `digest` names the manifest of the approved files. `version` is what the alias is to point at,
    or points at while it is deleted.
    """

    id: str
    act: Act
    server: str
    workspace: str
    model: str
    alias: str
    version: int
    digest: str


def read(shown: str, keys: KeySet, server: str, *, now: float) -> Ticket:
    """A ticket for this server, signed by the portal and not yet expired; `now` in Unix seconds.

    Raises:
        RefusedError: it is none of that.
    """
    if len(shown) > _LONGEST_TICKET:
        raise RefusedError("The promotion ticket is longer than any ticket is.")
    try:
        token = jwt.decode(shown, keys, algorithms=[ALGORITHM])
    except (JoseError, ValueError, TypeError) as error:
        raise RefusedError(
            "The promotion ticket was not signed by this server's portal."
        ) from error
    if token.header.get("typ") != TYPE:
        raise RefusedError("What was shown is signed, and is no promotion ticket.")
    claims = token.claims
    made, ends = _number(claims, "iat"), _number(claims, "exp")
    if not made - _LEEWAY_S <= now <= ends + _LEEWAY_S or ends - made > _LONGEST_LIFE_S:
        raise RefusedError(
            "The promotion ticket has expired, or the clocks of the portal and of MLflow differ."
        )
    if claims.get("aud") != server:
        raise RefusedError(
            f"The promotion ticket is for another MLflow server than this one, {server!r}."
        )
    try:
        act = Act(_text(claims, "act"))
    except ValueError as error:
        raise RefusedError("The promotion ticket allows something this guard does not know.") from (
            error
        )
    return Ticket(
        id=_text(claims, "jti"),
        act=act,
        server=server,
        workspace=_text(claims, "workspace"),
        model=_text(claims, "model"),
        alias=_text(claims, "alias"),
        version=_number(claims, "version"),
        digest=_text(claims, "digest"),
    )


def _text(claims: Mapping[str, object], name: str) -> str:
    found = claims.get(name)
    if not isinstance(found, str) or not found:
        raise RefusedError(f"The promotion ticket does not say its {name}.")
    return found


def _number(claims: Mapping[str, object], name: str) -> int:
    found = claims.get(name)
    if type(found) is not int:
        raise RefusedError(f"The promotion ticket does not say its {name}.")
    return found
