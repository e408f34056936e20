"""The runs behind a model's versions, read in blocks of neighbours when one of them is asked for.

A page shows a few versions of perhaps thousands; reading every run for it would cost the most of
all it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from catalog.registry.models import Model, Models, Run, Version
from catalog.registry.version import Listed

_BLOCK: Final = 32


class Runs(Mapping[str, Run]):
    """Runs by id, as any mapping; iterating reads them all."""

    def __init__(self, models: Models, model: Model, versions: Iterable[Version | Listed]) -> None:
        self._models = models
        self._model = model
        self._ids = [one.run_id for one in versions]
        self._places = {run_id: place for place, run_id in enumerate(self._ids)}
        self._read: set[int] = set()
        self._found: dict[str, Run] = {}

    def __getitem__(self, run_id: str) -> Run:
        """The run with this id. Raises KeyError when no version was made by it."""
        place = self._places.get(run_id)
        if place is not None:
            self._block(place // _BLOCK)
        return self._found[run_id]

    def __iter__(self) -> Iterator[str]:
        """The ids of the runs there are."""
        missing = [one for one in range(-(-len(self._ids) // _BLOCK)) if one not in self._read]
        for block in missing:
            self._block(block)
        return iter(self._found)

    def __len__(self) -> int:
        """How many runs there are."""
        return len(list(iter(self)))

    def _block(self, block: int) -> None:
        if block not in self._read:
            self._read.add(block)
            ids = self._ids[block * _BLOCK : (block + 1) * _BLOCK]
            self._found |= self._models.runs_called(self._model, ids)
