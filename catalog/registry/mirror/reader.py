"""One model read by its name, and, where another has that name now, the place it went to.

A model that was renamed in MLflow keeps the moment it was made, and its versions keep theirs, their
sources and their runs. One that agrees in all of that, and in nothing less, is the same model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from catalog.registry.mirror.copy import Copy, Found, Known, Listed
from catalog.registry.mirror.pen import Reading
from catalog.registry.mirror.seen import Mlflow, SeenModel, SeenVersion
from ledger.clock import Clock
from ledger.errors import NotFound, Unavailable

_TRIES: Final = 3
# The models that were updated lately: who was renamed is among them.
Updated = Callable[[], list[SeenModel]]


class Reader:
    """Reads single models of one server."""

    def __init__(self, copy: Copy, clock: Clock) -> None:
        self._copy = copy
        self._clock = clock

    def read(self, place: Mlflow, workspace: str, name: str) -> Found:
        """One model with all its versions, of one moment as far as three tries bring it about."""
        for _ in range(_TRIES):
            first = place.model(name)
            began = self._clock.now()
            versions = self._all_versions(place, workspace, name)
            listed = Listed(Reading(began, self._clock.now()), seen=versions)
            asked = self._clock.now()
            model = place.model(name)
            found = Found(model, Reading(asked, self._clock.now()), listed)
            if first.created_at == model.created_at and set(model.aliases.values()) <= set(
                versions
            ):
                return found
        if first.created_at != model.created_at:
            raise Unavailable(
                f"{name!r} is made again and again in MLflow.", code="mlflow-restless"
            )
        return found

    def _all_versions(self, place: Mlflow, workspace: str, name: str) -> dict[int, SeenVersion]:
        """The versions of a model; a known one the listing lacks is asked for by its number."""
        found = {version.number: version for version in place.versions(name)}
        for number in self._copy.numbers(workspace, name):
            if number not in found:
                try:
                    found[number] = place.version(name, number)
                except NotFound:
                    continue
        return found

    def moves(
        self,
        place: Mlflow,
        workspace: str,
        found: Found,
        updated: Updated,
    ) -> list[tuple[Known, Found]]:
        """Which known models now have which names, as far as this one's name is concerned."""
        moves: list[tuple[Known, Found]] = []
        at: Found | None = found
        while at is not None:
            origin = self._origin(place, workspace, at)
            if origin is None or origin.id in {known.id for known, _ in moves}:
                break
            moves.append((origin, at))
            holder = self._copy.called(workspace, at.model.name)
            if holder is None or holder.id in {known.id for known, _ in moves}:
                break
            at = self.moved_to(place, workspace, holder, updated)
        return moves

    def _origin(self, place: Mlflow, workspace: str, found: Found) -> Known | None:
        """The known model that was renamed to this, if there can be no doubt."""
        model = found.model
        holder = self._copy.called(workspace, model.name)
        if holder is not None and holder.created_at == model.created_at:
            return None
        candidates = [
            known
            for known in self._copy.made_at(workspace, model.created_at)
            if self._copy.is_same(known.id, found.versions.seen) and self._has_left(place, known)
        ]
        return candidates[0] if len(candidates) == 1 else None

    @staticmethod
    def _has_left(place: Mlflow, known: Known) -> bool:
        """Whether nobody, or another model, has the name a model is known by."""
        try:
            return place.model(known.name).created_at != known.created_at
        except NotFound:
            return True

    def moved_to(
        self,
        place: Mlflow,
        workspace: str,
        known: Known,
        updated: Updated,
    ) -> Found | None:
        """Where a model went that is not under its name any more, if it is there at all."""
        for model in updated():
            if model.created_at != known.created_at or model.name == known.name:
                continue
            try:
                found = self.read(place, workspace, model.name)
            except NotFound:
                continue
            origin = self._origin(place, workspace, found)
            if origin is not None and origin.id == known.id:
                return found
        return None
