"""Past decisions asked again give the same verdict."""

from __future__ import annotations

from tests.cast import House


def test_every_past_approval_gives_the_same_verdict_byte_for_byte(house: House) -> None:
    house.credit()
    house.approved(2)
    house.deliver()
    house.mlflow.describe_version("credit-pd", 2, "Changed long after.")
    house.mirror()
    (again,) = house.portal.replay.decisions(by=house.erik)
    assert again.kept
    assert again.is_same
    assert again.now.passes


def test_nobody_is_shown_an_approval_that_they_may_not_read(house: House) -> None:
    house.credit()
    house.approved(2)
    assert house.portal.replay.decisions(by=house.dave) == []
