"""What MLflow knows of a model already: filled into a card by machine, and said to be so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from catalog.registry.models import Dataset, Metric, Model, Models, Run, Version

CHAMPION: Final = "champion"


@dataclass(frozen=True)
class Facts:
    """The machine's part of a card: what it is about, its columns, its data and its numbers.

    The numbers are self-reported: a run wrote them, and nobody measured them again.
    """

    model: Model
    version: Version | None = None
    run: Run | None = None

    @property
    def task(self) -> str:
        """What it predicts, as an administrator classified it."""
        return self.model.task

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns that go in, `income: double`."""
        return self._columns("inputs")

    @property
    def outputs(self) -> tuple[str, ...]:
        """The columns that come out."""
        return self._columns("outputs")

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        """The data sets the run named, training first, each content once."""
        found: dict[tuple[str, str], Dataset] = {}
        for one in self.run.datasets if self.run else ():
            if one.context == "training":
                found[one.name, one.digest] = one
            else:
                found.setdefault((one.name, one.digest), one)
        return tuple(sorted(found.values(), key=lambda one: (one.context != "training", one.name)))

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The numbers that can be written down; a number on named rows before one on unnamed."""
        told = self.version.metrics if self.version else ()
        named = {one.name for one in told if one.dataset_digest}
        return tuple(
            one
            for one in told
            if math.isfinite(one.value) and (one.dataset_digest or one.name not in named)
        )

    @property
    def library(self) -> str:
        """The flavor with which it was saved, beside the one every model has."""
        flavors = self.version.flavors if self.version else ()
        return next((one for one in flavors if one != "python_function"), "")

    def _columns(self, side: str) -> tuple[str, ...]:
        listed = self.version.signature.get(side, ()) if self.version else ()
        return tuple(f"{name or 'unnamed'}: {kind}" for name, kind in listed)


def facts_of(models: Models, model: Model, number: int | None = None) -> Facts:
    """What is known of one version, or of the live one, or of the newest while nothing is live.

    Raises:
        NotFound: the model has no version with this number.
    """
    live = model.alias(CHAMPION)
    newest = () if live or number else models.numbers(model, limit=1)
    wanted = number or (live.number if live else next(iter(newest), None))
    if wanted is None:
        return Facts(model)
    version = models.version(model, wanted)
    return Facts(model, version, models.runs_called(model, [version.run_id]).get(version.run_id))
