"""The provider's secrets: made once, kept in the data folder where only its owner can read them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from ledger.errors import Misconfigured

_RSA_BITS: Final = 3072  # NIST SP 800-57 part 1: good beyond 2030
_PRIVATE: Final = 0o600


@dataclass(frozen=True)
class Keyring:
    """What the provider signs with, and what it shares with the portal's own sign-in."""

    signing_key: RSAKey = field(repr=False)
    client_secret: str = field(repr=False)
    cookie_secret: str = field(repr=False)

    @property
    def kid(self) -> str:
        """The key's name: its RFC 7638 thumbprint."""
        return self.signing_key.thumbprint()

    def public_keys(self) -> KeySet:
        """What everybody may know, to check our signatures with."""
        public = self.signing_key.as_dict(private=False, kid=self.kid, use="sig", alg="RS256")
        return KeySet.import_key_set({"keys": [public]})


def open_keyring(folder: Path) -> Keyring:
    """The keys in the folder; what is missing is made.

    Raises:
        Misconfigured: a key cannot be read or written, or is damaged.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        signing_key = kept(folder / "signing-key.pem", _new_signing_key)
        client_secret = kept(folder / "client-secret", _new_secret)
        cookie_secret = kept(folder / "cookie-secret", _new_secret)
    except OSError as error:
        raise Misconfigured(
            f"The keys in {folder} cannot be read or written: {error.strerror}.",
            hint="Give this account read and write access to the folder.",
        ) from error
    try:
        key = RSAKey.import_key(signing_key)
    except (JoseError, ValueError) as error:
        raise Misconfigured(
            f"{folder / 'signing-key.pem'} holds no RSA key.",
            hint="Put the backup back, or remove the file: everybody then signs in again.",
        ) from error
    if not (client_secret and cookie_secret):
        raise Misconfigured(
            f"A secret in {folder} is empty.",
            hint="Put the backup back, or remove the empty file: everybody then signs in again.",
        )
    return Keyring(key, client_secret, cookie_secret)


def kept(path: Path, make: Callable[[], str]) -> str:
    """What the file says, or what is made now; whoever else makes it at this moment, one wins."""
    if not path.exists():
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "w") as file:
            file.write(make())
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link appears complete or not at all, and never replaces what is there.
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    if path.stat().st_mode & 0o077:
        path.chmod(_PRIVATE)
    return path.read_text(encoding="ascii", errors="replace").strip()


def _new_signing_key() -> str:
    return RSAKey.generate_key(_RSA_BITS).as_pem(private=True).decode("ascii")


def _new_secret() -> str:
    return secrets.token_urlsafe(48)
