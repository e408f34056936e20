"""The versions of a model, read in blocks of neighbours, and one metric over all of them."""

from __future__ import annotations

from app.worker import MIRROR
from catalog.registry.versions import Versions
from tests.cast import House
from tests.fakes import auc

FORTY = tuple(0.7 + n / 1000 for n in range(40))


def test_versions_are_read_in_blocks_as_they_are_asked_for(house: House) -> None:
    house.credit(aucs=FORTY)
    models, model = house.portal.models, house.model()
    whole = models.versions(model)
    versions = Versions(models, model)
    assert (len(versions), versions._read) == (40, {})
    assert versions.numbers == [one.number for one in whole]
    assert versions[0] == whole[0]
    assert len(versions._read) == 32
    assert versions.called(1) == versions[-1] == whole[-1]
    assert versions.before(2) == whole[-1]
    assert (versions.before(1), versions.called(41), versions.called(None)) == (None, None, None)
    assert list(versions[:3]) == whole[:3]
    assert list(versions) == whole
    assert len(versions._read) == 40


def test_a_version_that_goes_while_a_page_is_drawn_is_still_shown_on_it(house: House) -> None:
    house.credit()
    versions = Versions(house.portal.models, house.model())
    house.mlflow.delete_version("credit-pd", 2)
    house.portal.mirror.crawl(by=MIRROR)
    assert [one.number for one in versions] == [2, 1]
    assert [one.number for one in Versions(house.portal.models, house.model())] == [1]


def test_one_metric_of_all_versions_is_read_without_the_others(house: House) -> None:
    house.credit(aucs=(0.80, 0.82))
    house.mlflow.log("credit-pd", metrics=[auc(0.84)])
    house.mlflow.log("credit-pd", metrics=())
    house.mirror()
    models, model = house.portal.models, house.model()
    assert models.measured(model) == {"roc_auc": 3}
    assert [(one.number, one.value) for one in models.told(model, "roc_auc")] == [
        (1, 0.80),
        (2, 0.82),
        (3, 0.84),
    ]
    assert models.told(model, "mae") == []
