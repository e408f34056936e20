"""One guarded server with two workers for all tests that need no other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.guard.scene import guarded
from tests.stack import MlflowServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A real server with the guard; each test registers models of its own."""
    made = guarded(tmp_path_factory.mktemp("guarded"), workers=2)
    made.start()
    try:
        made.wait()
        yield made
    finally:
        made.stop()
