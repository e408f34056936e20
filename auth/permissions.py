"""What each role may do, as one table that a person can read."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """A role that can be given on everything, on a domain, or on one model."""

    VIEWER = "viewer"
    BUSINESS_OWNER = "business owner"
    MODEL_DEVELOPER = "model developer"
    MODEL_OWNER = "model owner"
    INDEPENDENT_VALIDATOR = "independent validator"
    APPROVER = "approver"
    GOVERNANCE_ADMIN = "governance admin"
    AUDITOR = "auditor"
    # The next two are never given to people.
    SERVING_APPLICATION = "serving application"
    SYSTEM = "system"


_READ: Final = frozenset(
    {
        "access:ask",
        "comment:post",
        "explanation:read",
        "impact:read",
        "model:find",
        "model:read",
        "profile:request",
        "release:read",
        "use-case:read",
    }
)
_BUILD: Final = _READ | {
    "evidence:attach",
    "evidence:attest",
    "explanation:request",
    "finding:remedy",
    "release:request",
    "release:withdraw",
    "authorship:claim",
    "card:write",
    "token:issue",
}

ROLE_PERMISSIONS: Final[dict[Role, frozenset[str]]] = {
    Role.VIEWER: _READ,
    Role.BUSINESS_OWNER: _READ
    | {"evidence:attest", "release:accept", "value:declare", "token:issue", "use-case:propose"},
    Role.MODEL_DEVELOPER: _BUILD,
    Role.MODEL_OWNER: _BUILD
    | {
        "consumer:register",
        "model:stage:prepare",
        "release:roll-back",
        "use-case:propose",
        "version:deprecate",
    },
    Role.INDEPENDENT_VALIDATOR: _READ
    | {
        "evidence:attach",
        "evidence:attest",
        "explanation:request",
        "finding:assign",
        "finding:close",
        "finding:open",
        "release:revoke",
        "release:validate",
        "token:issue",
    },
    Role.APPROVER: _READ
    | {
        "evidence:attach",
        "evidence:attest",
        "explanation:request",
        "finding:assign",
        "finding:close",
        "finding:open",
        "release:decide",
        "release:revoke",
        "release:roll-back",
        "token:issue",
    },
    Role.GOVERNANCE_ADMIN: _READ
    | {
        "access:decide",
        "application:register",
        "audit:read",
        "authorship:assign",
        "channel:add:team",
        "comment:remove",
        "consumer:register",
        "finding:assign",
        "finding:open",
        "grant:give",
        "grant:take",
        "inventory:export",
        "inventory:import",
        "model:classify",
        "model:restrict",
        "model:stage:prepare",
        "naming:publish",
        "person:add",
        "person:disable",
        "policy:publish",
        "person:read",
        "release:revoke",
        "settings:read",
        "token:issue",
        "token:issue:application",
        "token:revoke",
        "use-case:accept",
        "use-case:propose",
        "version:deprecate",
    },
    Role.AUDITOR: _READ
    | {
        "audit:read",
        "audit:export",
        "inventory:export",
        "person:read",
        "settings:read",
        "token:issue",
    },
    Role.SERVING_APPLICATION: frozenset(
        {"access:ask", "consumer:register", "model:find", "model:read", "prediction:report"}
    ),
    Role.SYSTEM: frozenset(
        {
            "application:register",
            "authorship:assign",
            "evidence:collect",
            "explanation:compute",
            "grant:give",
            "mirror:write",
            "model:classify",
            "model:find",
            "model:read",
            "notice:write",
            "person:add",
            "profile:compute",
            "profile:request",
            "promotion:carry-out",
            "release:read",
            "release:roll-back",
            "token:issue:application",
            "use-case:accept",
            "use-case:propose",
            "use-case:read",
        }
    ),
}

# A restricted model is read by those who are let in: these roles are, wherever they are held...
INSIDE: Final = frozenset(
    {
        Role.APPROVER,
        Role.AUDITOR,
        Role.GOVERNANCE_ADMIN,
        Role.INDEPENDENT_VALIDATOR,
        Role.SYSTEM,
    }
)
# ...and this is what may be done about it from outside: know of it, ask, and report its calls.
OUTSIDE: Final = frozenset({"access:ask", "model:find", "prediction:report"})

GIVABLE_ROLES: Final = tuple(
    role for role in Role if role not in {Role.SERVING_APPLICATION, Role.SYSTEM}
)
PERMISSIONS: Final = frozenset().union(*ROLE_PERMISSIONS.values())
