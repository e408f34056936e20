"""A real MLflow server with the demo's models in it, started once for these tests."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from app.demo.training import LoggedVersion, train_and_log
from tests.stack import MlflowServer


@pytest.fixture(scope="session")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of its own, that was empty before the demo came."""
    server = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    server.start()
    try:
        server.wait()
        yield server.uri
    finally:
        server.stop()


@pytest.fixture(scope="session")
def first_load(mlflow_uri: str) -> tuple[list[LoggedVersion], list[str], float]:
    """The versions of the first load into the empty server, its lines of progress, its seconds."""
    lines: list[str] = []
    began = time.monotonic()
    versions = train_and_log(mlflow_uri, lines.append)
    return versions, lines, time.monotonic() - began


@pytest.fixture(scope="session")
def versions(first_load: tuple[list[LoggedVersion], list[str], float]) -> list[LoggedVersion]:
    """The versions as they were logged."""
    return first_load[0]
