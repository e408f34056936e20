"""Approvals, kills at every point, an MLflow that goes away: nothing is lost, nothing done twice.

The same drill in full is `make faults`.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock

import pytest

from catalog.releases.decisions.decisions import DECIDING
from tests.dialects import DATABASES
from tests.faults import stock
from tests.faults.promotions_drill import ALIASES, FIRST_S, Drill, Size
from tests.faults.workshop import Logged
from tests.stack import MlflowServer

# Where the two databases differ is in their transactions.
SIZES = {
    "sqlite": Size(
        approvals=10,
        kills=1,
        down_s=1,
        points={
            "worker": ("claiming", "before-call", "after-call", "before-mark", "marking"),
            "portal": DECIDING,
        },
    ),
    "postgresql": Size(
        approvals=10,
        kills=1,
        down_s=1,
        points={"worker": ("claiming", "after-call"), "portal": DECIDING[1:]},
    ),
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, server: MlflowServer, logged: Logged) -> Path:
    """What a server keeps that holds the models of the drill."""
    folder = tmp_path_factory.mktemp("drill") / "kept"
    stock.fill(folder, server, logged, models=SIZES["sqlite"].models, aliases=ALIASES)
    return folder


@pytest.mark.timeout(600)
@pytest.mark.parametrize("database", DATABASES)
def test_each_approval_is_carried_out_once_wherever_portal_and_worker_are_killed(
    tmp_path: Path,
    request: pytest.FixtureRequest,
    kept: Path,
    logged: Logged,
    database: str,
) -> None:
    url = "" if database == "sqlite" else request.getfixturevalue("postgres_url")
    size = SIZES[database]
    outcome = Drill(tmp_path, kept, logged, size, machine=Lock(), url=url).run()
    assert outcome.is_right, outcome
    assert outcome.points == {point: 1 for points in size.points.values() for point in points}
    assert outcome.approvals == size.before + size.approvals
    assert outcome.first_s <= FIRST_S
