"""May this actor do that here? One pure function answers, for the button and for the verb."""

from __future__ import annotations

from dataclasses import dataclass

from auth.actors import Actor, Scope
from auth.permissions import GIVABLE_ROLES, INSIDE, OUTSIDE, PERMISSIONS, ROLE_PERMISSIONS
from ledger.errors import NotFound, Refused


@dataclass(frozen=True)
class Resource:
    """Something that can be allowed or not, with the domain it lies in and who owns it.

    A model about which nobody said whether it is restricted counts as restricted.
    """

    kind: str
    id: str
    domain: str = ""
    owner_id: str = ""
    is_restricted: bool | None = None

    @property
    def is_closed(self) -> bool:
        """Whether only those who are let in may know more than that it is there."""
        return self.is_restricted is not False if self.kind == "model" else bool(self.is_restricted)

    def __str__(self) -> str:
        """As the audit trail writes it."""
        return f"{self.kind}:{self.id}"


ANYTHING = Resource("everything", "*")


@dataclass(frozen=True)
class Verdict:
    """An answer with its reason; `code` is the same reason for a machine."""

    allowed: bool
    reason: str
    code: str = "ok"
    hint: str = ""

    def __bool__(self) -> bool:
        """Whether it is allowed."""
        return self.allowed

    def insist(self) -> None:
        """Go on only if allowed. Raises Refused with the reason."""
        if not self.allowed:
            raise Refused(self.reason, code=self.code, hint=self.hint)


def decide(actor: Actor, permission: str, resource: Resource) -> Verdict:
    """Whether one of the actor's roles, on a scope that covers the resource, allows it."""
    if permission not in PERMISSIONS:
        msg = f"no role knows the permission {permission!r}"
        raise ValueError(msg)
    for held in actor.roles:
        if permission in ROLE_PERMISSIONS[held.role] and covers(held.scope, resource):
            if permission not in OUTSIDE and not is_let_in(actor, resource):
                return Verdict(
                    False,
                    f"This {resource.kind} is restricted, and {actor.name} is not let in.",
                    "restricted",
                    "Ask for access on its page: its owner or a governance admin decides.",
                )
            where = "everything" if held.scope.kind == "everything" else held.scope.id
            return Verdict(True, f"{actor.name} holds the role {held.role} on {where}.")
    needed = ", ".join(role for role in GIVABLE_ROLES if permission in ROLE_PERMISSIONS[role])
    return Verdict(
        False,
        f"{actor.name} does not hold a role that may do this here.",
        "no-role",
        f"It takes one of the roles {needed}. A governance admin gives roles on the Access page.",
    )


def is_let_in(actor: Actor, resource: Resource) -> bool:
    """Whether a restriction does not keep the actor out: there is none, or it is theirs to pass.

    Owners pass, and those who hold a role on this very thing (that is what accepted access gives),
    and the roles `INSIDE` where they cover it. It gives nobody a permission they do not hold.
    """
    if not resource.is_closed or resource.owner_id == actor.id:
        return True
    return any(covers(scope, resource) for scope in inner_scopes(actor))


def inner_scopes(actor: Actor) -> tuple[Scope, ...]:
    """The scopes on which no restriction keeps the actor out, for a query to narrow by."""
    return tuple(
        dict.fromkeys(
            held.scope
            for held in actor.roles
            if held.role in INSIDE or held.scope.kind not in {"everything", "domain"}
        )
    )


def may_anywhere(actor: Actor, permission: str) -> bool:
    """Whether the actor may do it on anything at all: for navigation, never for a verb."""
    return any(permission in ROLE_PERMISSIONS[held.role] for held in actor.roles)


def covers(scope: Scope, resource: Resource) -> bool:
    """Whether a scope contains the resource. Everything is covered by nothing less."""
    if scope.kind == "everything":
        return True
    if scope.kind == "domain":
        return bool(resource.domain) and scope.id == resource.domain
    return scope.kind == resource.kind and scope.id == resource.id


def visible_scopes(actor: Actor, permission: str) -> tuple[Scope, ...]:
    """The scopes on which the actor holds the permission, for a query to narrow by."""
    return tuple(
        dict.fromkeys(
            held.scope for held in actor.roles if permission in ROLE_PERMISSIONS[held.role]
        )
    )


class Hidden(NotFound):
    """It is there, and this person is told that it is not: for the record, a refused look."""


def insist_visible(
    actor: Actor,
    permission: str,
    resource: Resource,
    what: str,
    hint: str = "Check the address, or search for it.",
) -> None:
    """What a person may not see does not exist for them. Raises Hidden, which reads NotFound.

    The hint is the one that is given when it really does not exist: they must read the same.
    """
    if not decide(actor, permission, resource):
        raise Hidden(f"There is no {what}.", hint=hint)
