"""A portal on a port, and the command as a pipeline runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.cli import main
from tests.cast import House, _sqlite_copy, open_house
from tests.ci.serving import Served, Stranger, a_stranger, serving


@dataclass(frozen=True)
class Ran:
    """What a command said and what it exited with."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def _port() -> Iterator[Served]:
    with serving() as served:
        yield served


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    with a_stranger() as one:
        yield one


@pytest.fixture(scope="module")
def _read_only(_sqlite_cast: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("read-only")
    opened = open_house(_sqlite_copy(_sqlite_cast, folder), folder)
    opened.credit()
    opened.credit(name="worse", aucs=(0.82, 0.80))
    yield opened
    opened.portal.store.close()


@pytest.fixture(scope="module")
def _read_only_token(_read_only: House) -> str:
    return _read_only.portal.tokens.issue("ci", by=_read_only.alice)[1]


@pytest.fixture
def there(
    _port: Served, _read_only: House, _read_only_token: str, monkeypatch: pytest.MonkeyPatch
) -> Served:
    """A portal with credit-pd, and one that got worse; shared by tests that only ask."""
    _port.answer_with(_read_only.portal)
    _enter(monkeypatch, _port.url, _read_only_token)
    return _port


@pytest.fixture
def served(_port: Served, small_house: House, monkeypatch: pytest.MonkeyPatch) -> Served:
    """A portal of the test's own, with credit-pd; the pipeline has Alice's token."""
    small_house.credit()
    _port.answer_with(small_house.portal)
    _token, secret = small_house.portal.tokens.issue("ci", by=small_house.alice)
    _enter(monkeypatch, _port.url, secret)
    return _port


def _enter(monkeypatch: pytest.MonkeyPatch, url: str, token: str) -> None:
    monkeypatch.setenv("COUNTERSIGN_URL", url)
    monkeypatch.setenv("COUNTERSIGN_TOKEN", token)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "TF_BUILD"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process."""

    def ran(*arguments: str) -> Ran:
        capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = int(str(ended.code))
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return ran
