"""An approval is carried out in MLflow once, whatever is killed in between."""

from __future__ import annotations

import pytest


from tests.cast import House


def test_smoke(house: House) -> None:
    house.credit()
    house.approved()
    print([ (p.state, p.code) for p in house.deliver()])
    assert house.mlflow.alias("credit-pd", "champion") == 2
    print([r.act for r in house.records()])
