"""Who is acting: a person, a serving application, or Countersign itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from auth.permissions import Role


class Kind(StrEnum):
    """What sort of principal acts."""

    PERSON = "person"
    APPLICATION = "application"
    SYSTEM = "system"


@dataclass(frozen=True)
class Scope:
    """What a role was given on: everything, a domain, or one model."""

    kind: str
    id: str = "*"


EVERYTHING = Scope("everything")


@dataclass(frozen=True)
class HeldRole:
    """A role as somebody holds it."""

    role: Role
    scope: Scope
    grant_id: str = ""


@dataclass(frozen=True)
class Actor:
    """Somebody who acts, with the roles held at this moment."""

    id: str
    kind: Kind
    name: str
    email: str = ""
    roles: tuple[HeldRole, ...] = ()
    session_id: str = ""

    @classmethod
    def system(cls, part: str) -> Self:
        """Countersign itself, by the part of it that acts."""
        held = HeldRole(Role.SYSTEM, EVERYTHING)
        return cls(f"system:{part}", Kind.SYSTEM, f"Countersign ({part})", roles=(held,))

    def role_words(self) -> str:
        """The roles held, for a line under the name."""
        seen = list(dict.fromkeys(held.role.value for held in self.roles))
        return ", ".join(seen).capitalize() if seen else "No role yet"


NOBODY = Actor("nobody", Kind.PERSON, "Nobody")
