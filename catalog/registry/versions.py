"""The versions of a model, read in blocks of neighbours when one of them is asked for.

A page shows a few versions of perhaps thousands: reading the numbers and the signature of every one
for it would cost the most of all it does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final, overload

from catalog.registry.models import Model, Models, Version
from catalog.registry.version import Listed

_BLOCK: Final = 32


class Versions(Sequence[Version]):
    """The versions of a model as any sequence, newest first; iterating reads them all.

    Attributes:
        listed: every version, as far as a list of them names it.
    """

    def __init__(self, models: Models, model: Model) -> None:
        self._models = models
        self._model = model
        self.listed: tuple[Listed, ...] = tuple(models.listed(model))
        self._places = {one.number: place for place, one in enumerate(self.listed)}
        self._read: dict[str, Version] = {}

    @property
    def numbers(self) -> list[int]:
        """The numbers of all versions, newest first."""
        return list(self._places)

    def called(self, number: int | None) -> Version | None:
        """The version with this number, if there is one."""
        place = self._places.get(number) if number is not None else None
        return None if place is None else self[place]

    def before(self, number: int) -> Version | None:
        """The newest version that is older than this number."""
        place = next((place for place, one in enumerate(self.listed) if one.number < number), None)
        return None if place is None else self[place]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.listed)

    def __iter__(self) -> Iterator[Version]:
        """All of them, newest first."""
        return iter(self[:])

    @overload
    def __getitem__(self, place: int) -> Version: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Version, ...]: ...

    def __getitem__(self, place: int | slice) -> Version | tuple[Version, ...]:
        """The version at a place, or those of a stretch. Raises IndexError."""
        if isinstance(place, int):
            wanted = range(len(self))[place]
            self._have((wanted,))
            return self._read[self.listed[wanted].id]
        places = range(len(self))[place]
        self._have(places)
        return tuple(self._read[self.listed[one].id] for one in places)

    def _have(self, places: Collection[int]) -> None:
        """Read the blocks in which these stand, all in one question."""
        missing = {one // _BLOCK for one in places if self.listed[one].id not in self._read}
        ids = [
            one.id
            for block in sorted(missing)
            for one in self.listed[block * _BLOCK : (block + 1) * _BLOCK]
        ]
        if ids:
            self._read |= {one.id: one for one in self._models.versions_called(self._model, ids)}
