"""The box for secrets entrusted to Countersign: sealed in the database, the key outside it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken

from auth.keyring import kept
from ledger.errors import Misconfigured

_FILE: Final = "secrets-key"


class SecretBox:
    """Seals and opens; the key is made when the first secret is sealed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def seal(self, secret: str) -> str:
        """The secret, readable only with the key (Fernet: AES-128-CBC with HMAC-SHA256)."""
        return self._key().encrypt(secret.encode()).decode("ascii")

    def open(self, sealed: str) -> str:
        """The secret again. Raises Misconfigured when it was sealed with another key."""
        try:
            return self._key().decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise Misconfigured(
                "A secret in the database was sealed with another key.",
                hint=f"Put the backup of {_FILE} back, or enter the secret again.",
                code="sealed-elsewhere",
            ) from error

    def _key(self) -> Fernet:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return Fernet(kept(self._folder / _FILE, lambda: Fernet.generate_key().decode("ascii")))
        except (OSError, ValueError) as error:
            raise Misconfigured(
                f"The key in {self._folder / _FILE} cannot be read or written.",
                hint="Give this account access to it, or put its backup back.",
            ) from error
