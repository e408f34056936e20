"""Which test reaches which lines of the law, and how long each takes."""

from __future__ import annotations

import ast
import shutil
import time
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import pytest

from app.settings import ROOT
from tests.mutants.changes import Mutant
from tests.mutants.swapping import put_in

_MOST: Final = 40
# The databases that all tests are given a copy of.
_SHARED: Final = ("_sqlite_template", "_sqlite_cast")
_TOLD: Final = "_reached_these_lines"
# What wraps a hook is given its result and hands it on.
_Wrapped = Generator[None, object, object]


@dataclass
class Survey:
    """Which test reaches which lines, how long each takes, and what all of them share."""

    seconds: dict[str, float] = field(default_factory=dict)
    lines: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=dict)

    def longest(self, most: int) -> list[str]:
        """The tests that take longest."""
        return sorted(self.seconds, key=lambda test: -self.seconds[test])[:most]

    def reaching(self, mutant: Mutant, noticed: Iterable[str] = ()) -> list[str]:
        """The tests that may notice a mutant; all may where it acts at import.

        First those that `noticed` another one, the latest first, then those that reach most of the
        module, as they are about it, then the quickest. Of a test with many cases one case is tried
        before the second of any.
        """
        found = {
            test: -len(files.get(mutant.path, ()))
            for test, files in self.lines.items()
            if mutant.acts_at_import or mutant.line in files.get(mutant.path, ())
        }
        again = [test for test in noticed if test in found][:_AGAIN]
        about = sorted(found, key=lambda test: (found[test], self.seconds[test]))[:_MOST]
        quickest = sorted(found.keys() - {*about}, key=lambda test: self.seconds[test])
        return [*dict.fromkeys([*again, *_in_turn([*about, *quickest[:_MOST]])])]


_AGAIN: Final = 5


def _in_turn(tests: Iterable[str]) -> list[str]:
    """The tests in their order, but a case of each before the second case of any."""
    seen: Counter[str] = Counter()
    turns: list[tuple[int, str]] = []
    for test in tests:
        function = test.partition("[")[0]
        turns.append((seen[function], test))
        seen[function] += 1
    return [test for _, test in sorted(turns, key=itemgetter(0))]


class Surveyor:
    """Notes for each test which lines of the law it reaches."""

    def __init__(self, paths: Iterable[str], folder: Path) -> None:
        self.survey = Survey()
        self._folder = folder
        self._reached: dict[str, set[int]] = {}
        for path in paths:
            self._listen(path)

    def _listen(self, path: str) -> None:
        """Let every statement of a module's functions say that it is reached."""
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                node.body = _telling(node.body)

        def told(first: int, last: int) -> None:
            self._reached.setdefault(path, set()).update(range(first, last + 1))

        put_in(path, ast.unparse(ast.fix_missing_locations(tree)), **{_TOLD: told})

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> _Wrapped:  # noqa: ANN401 - pytest's own
        result = yield
        if fixturedef.argname in _SHARED:
            kept = self._folder / f"{fixturedef.argname}.db"
            shutil.copy(str(result), kept)
            self.survey.shared[fixturedef.argname] = str(kept)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> _Wrapped:
        self._reached = {}
        began = time.process_time()
        try:
            return (yield)
        finally:
            self.survey.seconds[item.nodeid] = time.process_time() - began
            self.survey.lines[item.nodeid] = {
                path: sorted(lines) for path, lines in self._reached.items()
            }


def _telling(block: list[ast.stmt]) -> list[ast.stmt]:
    """The statements of a block, each after one that says on which lines it stands."""
    told: list[ast.stmt] = []
    for step in block:
        inner = list(_blocks(step))
        first = min((getattr(part, name)[0].lineno - 1 for part, name in inner), default=0)
        last = max(step.lineno, first or step.end_lineno or 0)
        told += [*ast.parse(f"{_TOLD}({step.lineno}, {last})").body, step]
        for part, name in inner:
            setattr(part, name, _telling(getattr(part, name)))
    return told


def _blocks(step: ast.stmt) -> Iterator[tuple[ast.AST, str]]:
    """The blocks within a statement; a function's own are told on their own."""
    if isinstance(step, ast.FunctionDef):
        return
    for part in [step, *getattr(step, "handlers", ()), *getattr(step, "cases", ())]:
        for name in ("body", "orelse", "finalbody"):
            if isinstance(getattr(part, name, None), list) and getattr(part, name):
                yield part, name


class Sharer:
    """Gives each run the databases that the survey has made."""

    def __init__(self, shared: Mapping[str, str]) -> None:
        self._shared = shared

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Path | None:  # noqa: ANN401
        kept = self._shared.get(fixturedef.argname)
        if kept is None:
            return None
        fixturedef.cached_result = (Path(kept), fixturedef.cache_key(request), None)
        return Path(kept)
