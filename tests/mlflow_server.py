"""A real MLflow server of the test run, shared by all who only need one that answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stack import MlflowServer


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that holds nothing yet; tests share it and name their models."""
    server = MlflowServer(tmp_path_factory.mktemp("mlflow-server"))
    server.start()
    try:
        server.wait()
        yield server.uri
    finally:
        server.stop()
