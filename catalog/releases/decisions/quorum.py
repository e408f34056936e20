"""Quorum: whether enough people hold the roles that must agree, where one person counts once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from auth.access import Verdict

_FEW: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class Bench:
    """One panel: how many of its role must agree, who did, and who still could, by id."""

    role: str
    needed: int
    agreed: tuple[str, ...]
    could: tuple[str, ...]

    @property
    def open(self) -> int:
        """How many still have to agree."""
        return max(0, self.needed - len(self.agreed))

    @property
    def asks(self) -> str:
        """`2 approvers`."""
        return f"{self.needed} {self.role}{'' if self.needed == 1 else 's'}"


def unfilled(benches: Iterable[Bench]) -> tuple[str, ...]:
    """The roles of the open seats that stay empty though everybody agrees who could.

    Found by augmenting paths in the graph of seats and people (Kuhn 1955), as nobody counts twice.
    """
    benches = tuple(benches)
    seats = [bench for bench in benches for _ in range(bench.open)]
    taken: dict[str, int] = {}

    def place(seat: int, tried: set[str]) -> bool:
        for person in seats[seat].could:
            if person in tried:
                continue
            tried.add(person)
            if person not in taken or place(taken[person], tried):
                taken[person] = seat
                return True
        return False

    return tuple(seats[seat].role for seat in range(len(seats)) if not place(seat, set()))


def takes(person_id: str, benches: Sequence[Bench]) -> tuple[str, ...]:
    """The roles in which somebody could agree now, those first that leave the rest decidable."""
    open_ones = [one for one in benches if one.open and person_id in one.could]
    return tuple(
        one.role
        for one in sorted(
            open_ones, key=lambda one: len(unfilled(_without(person_id, one, benches)))
        )
    )


def decidable(benches: Sequence[Bench]) -> Verdict:
    """Whether enough people hold the roles for a release to be approved at all."""
    empty = unfilled(benches)
    if not empty:
        return Verdict(True, "Enough people hold the roles that must agree.")
    needed = " and ".join(one.asks for one in benches)
    people = {one for bench in benches for one in (*bench.agreed, *bench.could)}
    who = _FEW[len(people)] if len(people) < len(_FEW) else str(len(people))
    roles = " and ".join(dict.fromkeys(empty))
    return Verdict(
        False,
        f"This cannot be approved while too few people hold the roles: it needs {needed}, and "
        f"{who} {'person' if len(people) == 1 else 'people'} could agree; one person counts once.",
        "too-few",
        f"A governance admin gives the role {roles} to somebody else on Access.",
    )


def _without(person_id: str, taken: Bench, benches: Iterable[Bench]) -> list[Bench]:
    """The benches once this person has taken a seat of one of them."""
    return [
        replace(
            one,
            agreed=(*one.agreed, person_id) if one is taken else one.agreed,
            could=_others(one.could, person_id),
        )
        for one in benches
    ]


def _others(people: Collection[str], person_id: str) -> tuple[str, ...]:
    return tuple(one for one in people if one != person_id)
