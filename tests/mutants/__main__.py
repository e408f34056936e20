"""`make mutants`: small faults put into the release law, one at a time; the tests must notice each.

Each is tried on the tests that reach its line until one fails. A fault within a function is put
into a process forked from one that has collected the tests; one that acts at import, into a process
that has not imported the law yet. The last line of the output is JSON. ONLY=words picks files,
EVERY=5 tries each fifth mutant.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import resource
import select
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings

from app.settings import ROOT
from tests.mutants.changes import Mutant, mutants_of
from tests.mutants.survey import Sharer, Survey, Surveyor
from tests.mutants.swapping import Swapper, module_of, put_in

LAW: Final = (
    "auth/access.py",
    *(
        f"catalog/releases/{name}.py"
        for name in (
            *("states", "requests/steps", "requests/rights", "requests/binding"),
            *("requests/requests", "decisions/decisions", "decisions/agreement"),
            *("decisions/conditions", "gates/*"),
        )
    ),
)
TESTS: Final = (
    "tests/catalog/releases",
    "tests/auth/test_access.py",
    "tests/auth/test_access_requests.py",
)
TARGET: Final = 0.85
# A mutant may loop for ever or wait for ever. The first is told by the processor's time, so that a
# busy machine notices nothing that no test did.
_PATIENCE_CPU_S: Final = 240
_PATIENCE_S: Final = 1800.0
_SURVEY_S: Final = 1800.0
_A_DAY_S: Final = 86400.0
# So many tests are tried alone at first: most often one of them notices.
_FIRST: Final = 6
# So many tests are run once before processes are forked.
_WARMING: Final = 12
# Whatever costs time to import and knows nothing of the law.
_IMPORTED: Final = (
    *("alembic", "argon2", "authlib.jose", "cryptography.hazmat", "dbos", "fastapi", "hypothesis"),
    *("httpx", "joserfc.jwt", "pandas", "plotly.io", "psycopg", "pyarrow", "sqlmodel"),
    *("starlette.testclient", "streamlit", "xdist", "yaml", "apprise", "rapidfuzz"),
    *("ledger.acts", "ledger.store", "hypothesis.extra._patching"),
)
_OPTIONS: Final = ("-q", "-p", "no:cacheprovider", "--no-header", "-k", "not postgresql")


class _Trial:
    """Tries mutants, each on the tests that may notice it, and counts."""

    def __init__(self, paths: Sequence[str], folder: Path) -> None:
        self.told = {path: [0, 0] for path in paths}
        self.noticed: list[str] = []
        self.folder = folder

    @property
    def kept(self) -> Path:
        """What was surveyed."""
        return self.folder / "survey.json"

    def over(
        self, mutants: Iterable[Mutant], attempt: Callable[[Mutant, Survey, list[str]], int]
    ) -> None:
        """Try each, and tell which survived."""
        survey = Survey(**json.loads(self.kept.read_text()))
        for mutant in mutants:
            tests = survey.reaching(mutant, reversed(self.noticed))
            first, rest = tests[:_FIRST], tests[_FIRST:]
            killed = any(
                _in_child(partial(attempt, mutant, survey, some), _PATIENCE_S, _PATIENCE_CPU_S) != 0
                for some in (first, rest)
                if some
            )
            self.told[mutant.path][0] += 1
            self.told[mutant.path][1] += killed
            self._remember()
            if not killed:
                print(f"survived: {mutant}", flush=True)

    def _remember(self) -> None:
        noticed = self.folder / "noticed"
        if noticed.exists():
            name = noticed.read_text()
            self.noticed = [*(one for one in self.noticed if one != name), name]
            noticed.unlink()


class _Noticing:
    """Writes down which test failed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            (self._folder / "noticed").write_text(report.nodeid)


class _Collected:
    """Tries the mutants within functions in forks of a run that has collected all tests."""

    def __init__(self, mutants: Sequence[Mutant], trial: _Trial) -> None:
        self._mutants = mutants
        self._trial = trial

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}

        def survey() -> int:
            surveyor = Surveyor(self._trial.told, self._trial.folder)
            session.config.pluginmanager.register(surveyor)
            _run(session, session.items)
            self._trial.kept.write_text(json.dumps(vars(surveyor.survey)))
            return session.testsfailed

        def attempt(mutant: Mutant, _survey: Survey, tests: Sequence[str]) -> int:
            session.config.pluginmanager.register(_Noticing(self._trial.folder))
            put_in(mutant.path, mutant.text)
            _run(session, [items[test] for test in tests])
            return session.testsfailed

        if not self._trial.kept.exists():
            assert _in_child(survey, _SURVEY_S) == 0, "the tests must pass before there are mutants"
        surveyed = Survey(**json.loads(self._trial.kept.read_text()))
        session.config.pluginmanager.unregister(name="terminalreporter")
        session.config.pluginmanager.register(Sharer(surveyed.shared))
        # Whatever is done once in a process and then remembered is remembered by every fork.
        _run(session, [items[test] for test in surveyed.longest(_WARMING)])
        gc.freeze()
        self._trial.over(self._mutants, attempt)
        told = {"told": self._trial.told, "noticed": self._trial.noticed}
        (self._trial.folder / "told.json").write_text(json.dumps(told))
        return True


def _run(session: pytest.Session, items: Sequence[pytest.Item]) -> None:
    for item, following in zip(items, [*items[1:], None], strict=True):
        item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return


def _in_child(work: Callable[[], int], patience: float, cpu: int = 0) -> int | None:
    """The exit code of something done in a process of its own; None if it took too long.

    `cpu` are the seconds of a processor it may use; one that uses more is killed.
    """
    child = os.fork()
    if child == 0:
        code = 70
        try:
            if cpu:
                resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
            code = work()
        except BaseException:  # noqa: BLE001 - nothing of a child may go on
            traceback.print_exc()
        os._exit(code)
    watched = os.pidfd_open(child)
    try:
        ended, _, _ = select.select([watched], [], [], patience)
    finally:
        os.close(watched)
    if ended:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _silence() -> None:
    """Let a try say nothing."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _pytest(arguments: Sequence[str], *plugins: object) -> int:
    return int(pytest.main([*_OPTIONS, *arguments], plugins=plugins))


def main() -> int:
    """Survey, try each mutant, tell the survivors. Returns 1 below the target."""
    os.chdir(ROOT)
    only = os.environ.get("ONLY", "").split()
    found = [path.relative_to(ROOT).as_posix() for one in LAW for path in sorted(ROOT.glob(one))]
    law = [path for path in found if not path.endswith("__init__.py")]
    paths = [path for path in law if any(word in path for word in only)] or law
    every = int(os.environ.get("EVERY") or 1)
    mutants = [one for path in paths for one in mutants_of(path)][every // 2 :: every]
    for name in _IMPORTED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    # That a machine has other work to do is nothing that a test noticed.
    settings.register_profile("patient", deadline=None, database=None, derandomize=True)
    settings.load_profile("patient")
    assert not {module_of(path) for path in law} & sys.modules.keys()
    with tempfile.TemporaryDirectory(prefix="countersign-mutants-") as folder:
        trial = _Trial(paths, Path(folder))
        place = f"--basetemp={folder}/run"
        within = [one for one in mutants if not one.acts_at_import]
        _in_child(partial(_pytest, [place, *TESTS], _Collected(within, trial)), _A_DAY_S)
        so_far = json.loads((trial.folder / "told.json").read_text())
        trial.told, trial.noticed = so_far["told"], so_far["noticed"]

        def attempt(mutant: Mutant, survey: Survey, tests: list[str]) -> int:
            _silence()
            sys.meta_path.insert(0, Swapper(mutant))
            return _pytest(["-x", place, *tests], Sharer(survey.shared), _Noticing(trial.folder))

        trial.over([one for one in mutants if one.acts_at_import], attempt)
    tried, killed = (sum(column) for column in zip(*trial.told.values(), strict=True))
    print(
        json.dumps({"mutants": tried, "killed": killed, "score": killed / tried, "of": trial.told})
    )
    return 0 if killed / tried >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
