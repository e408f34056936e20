"""One MLflow server and one small trained model, for all faults."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.workshop import Logged, Workshop, train
from tests.stack import MlflowServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A real MLflow server; whoever stops it starts it again."""
    made = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    made.start()
    made.wait()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def logged(server: MlflowServer) -> Logged:
    """The model that every version of these tests is made from."""
    return train(server)


@pytest.fixture(scope="session")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, server: MlflowServer, logged: Logged
) -> Iterator[Workshop]:
    """A catalog on SQLite; each test uses a model of its own in it."""
    made = Workshop(tmp_path_factory.mktemp("workshop"), server, logged)
    yield made
    made.close()
