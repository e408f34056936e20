"""Which version is meant: MLflow's own way of writing it, `models:/credit-pd/4`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from app.ci.calls import Api
from app.ci.words import shown
from ledger.errors import Invalid, Unavailable

_SCHEME: Final = "models:/"
_HINT: Final = "Write models:/NAME/VERSION, such as models:/credit-pd/4, or models:/NAME@ALIAS."
# A name may hold anything but a slash and a colon, as in MLflow; a version has at most 18 digits.
_BY_VERSION: Final = re.compile(r"(?P<name>[^/:]+)/(?P<version>[1-9][0-9]{0,17})")
_BY_ALIAS: Final = re.compile(r"(?P<name>[^/:]+)@(?P<alias>[^/:@]+)")


@dataclass(frozen=True)
class Which:
    """A model with a version, or with the alias that leads to one."""

    name: str
    version: int | None
    alias: str = ""


def parsed(uri: str) -> Which:
    """What a URI of MLflow names. Raises Invalid, with what to write instead."""
    if not uri.startswith(_SCHEME):
        raise Invalid(f"{shown(uri[:200])!r} names no model version.", hint=_HINT, code="bad-uri")
    rest = uri.removeprefix(_SCHEME)
    if rest.startswith("/"):
        raise Invalid(
            f"{shown(uri[:200])!r} names a server in MLflow's own way.",
            hint="Write models:/NAME/VERSION and name the server with --server.",
            code="bad-uri",
        )
    try:
        rest.encode()
    except UnicodeEncodeError:
        raise Invalid(
            "The name of the model is not in UTF-8.", hint=_HINT, code="bad-uri"
        ) from None
    if found := _BY_VERSION.fullmatch(rest):
        return Which(found["name"], int(found["version"]))
    if found := _BY_ALIAS.fullmatch(rest):
        return Which(found["name"], None, found["alias"])
    name, slash, last = rest.partition("/")
    if name and slash and last and "/" not in last:
        raise Invalid(
            f"{shown(last[:60])!r} is no version.",
            hint="Gates are asked about one version: give its number, such as "
            f"models:/{shown(name[:60])}/4; stages and `latest` are not taken.",
            code="bad-uri",
        )
    raise Invalid(f"{shown(uri[:200])!r} names no model version.", hint=_HINT, code="bad-uri")


def version_of(which: Which, api: Api, **where: str) -> int:
    """The number of the version, which an alias is asked for. Raises NotFound, Unavailable."""
    if which.version is not None:
        return which.version
    held = api.get("models", which.name, "aliases", which.alias, **where)
    number = held.get("version")
    if not isinstance(number, int):
        raise Unavailable(
            f"{api.address} did not say which version {shown(which.alias)} is on.",
            hint="The portal and this command are of different versions; update the older one.",
        )
    return number
