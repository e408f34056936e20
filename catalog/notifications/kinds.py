"""The kinds of notices there are, how people may be told of each, and why somebody is told."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What happened."""

    ALIAS = "alias-moved"
    VERSION = "version-new"
    GONE = "gone"
    ARTIFACT = "artifact-changed"
    RELEASE = "release-decided"
    DEPRECATED = "deprecated"
    CARD = "card-published"
    MENTION = "mentioned"
    ACCESS = "access-request"
    SEARCH = "search-matched"
    FINDING = "finding-opened"
    DUE = "finding-due"
    REVIEW = "review-waiting"
    EMERGENCY = "emergency"


class How(StrEnum):
    """How a person is told of a kind of notice."""

    AT_ONCE = "at-once"
    DIGEST = "digest"
    PORTAL = "portal"
    OFF = "off"


class Why(StrEnum):
    """What made somebody hear of it."""

    ASKER = "asker"
    OWNER = "owner"
    MODEL = "model"
    ALIAS = "alias"
    DOMAIN = "domain"
    TEAM = "team"
    CONSUMER = "consumer"
    MENTIONED = "mentioned"
    SEARCH = "search"
    RESPONSIBLE = "responsible"
    UNOWNED = "unowned"
    REVIEWER = "reviewer"
    GOVERNANCE = "governance"
    AGREED = "agreed"


# What holds for somebody who chose nothing.
DEFAULTS: Final[dict[Kind, How]] = {
    Kind.ALIAS: How.PORTAL,
    Kind.VERSION: How.PORTAL,
    Kind.GONE: How.PORTAL,
    Kind.ARTIFACT: How.AT_ONCE,
    Kind.RELEASE: How.AT_ONCE,
    Kind.DEPRECATED: How.AT_ONCE,
    Kind.CARD: How.PORTAL,
    Kind.MENTION: How.AT_ONCE,
    Kind.ACCESS: How.AT_ONCE,
    Kind.SEARCH: How.PORTAL,
    Kind.FINDING: How.AT_ONCE,
    Kind.DUE: How.AT_ONCE,
    Kind.REVIEW: How.AT_ONCE,
    Kind.EMERGENCY: How.AT_ONCE,
}
# Told only to those it names: nobody watches for being spoken to.
ONLY_NAMED: Final = frozenset({Kind.MENTION, Kind.ACCESS, Kind.SEARCH, Kind.DUE, Kind.REVIEW})
# What somebody must be allowed, to be told: to read the model, or, of these, to know of it.
_KNOWING: Final = frozenset({Kind.ACCESS, Kind.SEARCH})


def needs(kind: Kind) -> str:
    """The permission on the model without which nobody is told of this kind of notice."""
    return "model:find" if kind in _KNOWING else "model:read"
