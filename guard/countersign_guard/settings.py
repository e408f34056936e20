"""What the operator of an MLflow server decides about its guard: the environment, read once."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization, OKPKey

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_CURVE: Final = "Ed25519"


class CannotGuardError(SystemExit):
    """The server must not start: its message is printed, and it ends with exit code 1."""


@dataclass(frozen=True)
class Settings:
    """Every choice the operator of a guarded server has.

    Attributes:
        keys: COUNTERSIGN_GUARD_PUBLIC_KEY, what `countersign guard-key` prints, or a file that
            holds it. A key set while one key takes another's place.
        server: COUNTERSIGN_GUARD_SERVER, the name this server has in the portal. Default `main`.
        aliases: COUNTERSIGN_GUARD_ALIASES that move by ticket only, apart by commas, with * and ?
            as in file names. Default `champion`. Letters are compared without case and accents,
            as some databases compare them.
        tags: COUNTERSIGN_GUARD_TAGS that carry approval, so that nobody may set or delete them.
            None unless named.
        stages: COUNTERSIGN_GUARD_STAGES, `refuse` (the default) or `free`: MLflow's own stages are
            another way of saying what is live.
        portal: COUNTERSIGN_GUARD_PORTAL, the address at which a release is asked for.
        database_url: COUNTERSIGN_GUARD_DATABASE_URL, where tickets are remembered, shared by all
            replicas of this server. None means: MLflow's own registry database.
    """

    keys: KeySet
    server: str = "main"
    aliases: tuple[str, ...] = ("champion",)
    tags: tuple[str, ...] = ()
    guards_stages: bool = True
    portal: str = ""
    database_url: str = ""

    def protects(self, alias: str) -> bool:
        """Whether this alias moves by ticket only."""
        return _is_one_of(alias, self.aliases)

    def is_approval(self, tag: str) -> bool:
        """Whether this tag says that something was approved."""
        return _is_one_of(tag, self.tags)


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """Read and check the environment.

    Raises:
        CannotGuardError: names the variable, what is wrong with it, and what to write instead.
    """
    env = os.environ if environment is None else environment
    server = env.get("COUNTERSIGN_GUARD_SERVER", "").strip() or "main"
    if not _SLUG.fullmatch(server):
        raise CannotGuardError(
            f"COUNTERSIGN_GUARD_SERVER is {server!r}. Write the name that this server has in the "
            "portal: small letters, digits and hyphens."
        )
    aliases = _patterns(env, "COUNTERSIGN_GUARD_ALIASES") or ("champion",)
    stages = env.get("COUNTERSIGN_GUARD_STAGES", "").strip() or "refuse"
    if stages not in {"refuse", "free"}:
        raise CannotGuardError(
            f"COUNTERSIGN_GUARD_STAGES is {stages!r}. Write refuse, or free to let stages move."
        )
    portal = env.get("COUNTERSIGN_GUARD_PORTAL", "").strip().rstrip("/")
    if portal and urlsplit(portal).scheme not in {"http", "https"}:
        raise CannotGuardError(
            "COUNTERSIGN_GUARD_PORTAL is no web address. Write it like https://models.example.com."
        )
    return Settings(
        keys=_keys(env.get("COUNTERSIGN_GUARD_PUBLIC_KEY", "").strip()),
        server=server,
        aliases=aliases,
        tags=_patterns(env, "COUNTERSIGN_GUARD_TAGS"),
        guards_stages=stages == "refuse",
        portal=portal,
        database_url=env.get("COUNTERSIGN_GUARD_DATABASE_URL", "").strip(),
    )


def _keys(given: str) -> KeySet:
    if not given:
        raise CannotGuardError(
            "The guard has no public key, so it could let nothing through. Set "
            "COUNTERSIGN_GUARD_PUBLIC_KEY to what `countersign guard-key` prints."
        )
    try:
        text = given if given.startswith("{") else Path(given).read_text(encoding="utf-8")
        found = KeySet.import_key_set(_as_set(text))
    except (OSError, JoseError, ValueError, KeyError, TypeError) as error:
        raise CannotGuardError(
            "COUNTERSIGN_GUARD_PUBLIC_KEY holds no public key and names no file with one. Set it "
            "to what `countersign guard-key` prints."
        ) from error
    for key in found.keys:
        if not isinstance(key, OKPKey) or key.curve_name != _CURVE or key.is_private:
            raise CannotGuardError(
                f"COUNTERSIGN_GUARD_PUBLIC_KEY must hold public {_CURVE} keys and nothing else. "
                "Set it to what `countersign guard-key` prints."
            )
    if not found.keys:
        raise CannotGuardError("COUNTERSIGN_GUARD_PUBLIC_KEY holds an empty set of keys.")
    return found


def _as_set(text: str) -> KeySetSerialization:
    given = json.loads(text)
    keys = given.get("keys", [given])
    # A ticket names its key by the thumbprint, whatever the operator calls it.
    return {"keys": [{**key, "kid": OKPKey.import_key(key).thumbprint()} for key in keys]}


def _patterns(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(one for one in re.split(r"[,\s]+", env.get(name, "").strip()) if one)


def _is_one_of(name: str, patterns: tuple[str, ...]) -> bool:
    folded = _folded(name)
    return any(fnmatch.fnmatchcase(folded, _folded(pattern)) for pattern in patterns)


def _folded(text: str) -> str:
    """Letters as the least particular database compares them: without case, width and accents."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter)).casefold()
