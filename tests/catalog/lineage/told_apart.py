"""Two versions in memory, for tests of what is said of them."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.lineage.comparison import Comparison, Side, compare
from catalog.registry.models import Dataset, Metric, Model, Run, Version
from tests.cast import AT

_TRAINING = Dataset("train", "7a31", "training", "local", "{}", (("income", "double"),), 900)


def model(name: str = "credit-pd") -> Model:
    """A model nobody registered."""
    return Model(f"mdl_{name}", "main", "default", name, "", {}, "Lending", "", "", AT, AT, None)


def version(number: int, value: float) -> Version:
    """A version with one area on named rows."""
    return Version(
        id=f"ver_{number}",
        model_id="mdl_credit-pd",
        number=number,
        created_at=AT,
        source="",
        run_id=f"run_{number}",
        description="",
        status="READY",
        tags={},
        flavors=("sklearn",),
        signature={"inputs": (("income", "double"),), "outputs": (("", "double"),)},
        gone_at=None,
        metrics=(Metric("roc_auc", value, "holdout", "e1f0"),),
    )


def comparison(
    tags: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {}),
    *,
    values: tuple[float, float] = (0.8, 0.82),
    params: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {}),
) -> Comparison:
    """Versions 1 and 2, which differ in what is given and in nothing else."""
    sides = [
        Side(
            model(),
            version(number, value),
            Run(f"run_{number}", "", "", "ada", "FINISHED", AT, AT, given, tagged, (_TRAINING,)),
            f"v{number}",
        )
        for number, value, given, tagged in zip((1, 2), values, params, tags, strict=True)
    ]
    return compare(*sides, better={}, deciding=("roc_auc",))
