"""Every number of the Model page and of Compare says who computed it."""

from __future__ import annotations

from dataclasses import replace

from app.panels import assurance, compared_numbers, versions
from app.ui.chips import Assured
from catalog.lineage.comparison import Side, compare
from catalog.registry.models import Dataset, Metric, Run
from tests.catalog.registry.test_card_exports import facts

SOURCES = [one for one in vars(assurance).values() if isinstance(one, Assured)]


def test_each_source_says_in_a_sentence_who_computed_its_numbers() -> None:
    assert len(SOURCES) >= 8
    for one in SOURCES:
        assert one.told.endswith(".")
        # Only what Countersign did itself is called verified.
        assert not one.is_verified or one.told.startswith("Countersign ")


def test_the_rows_of_data_are_the_runs_word() -> None:
    run = Run("r", "r", "x", "ada", "FINISHED", None, None, {}, {}, (DATA,))
    assert assurance.RUN.told.split(".")[0] in versions.datasets(run)


def test_compared_numbers_are_the_runs_and_their_difference_is_ours() -> None:
    known = facts()
    assert known.version is not None
    version = replace(known.version, metrics=(Metric("auc", 0.81, "holdout", "e1f0"),))
    side = Side(known.model, version, known.run, "v7")
    drawn = compared_numbers.table(compare(side, side, better={}, deciding=()))
    assert drawn.count(assurance.RUN.told.split(".")[0]) == 2
    assert drawn.count(assurance.DIFFERENCE.told.split(".")[0]) == 1


DATA = Dataset("loans", "7a31", "training", "local", "", (), 120_000)
