"""`make mutants`: small faults put into the release law, one at a time; the tests must notice each.

A mutant is one changed operator, a negated condition, a dropped act, a dropped entry of a table, a
number or a word that is another one. Sentences to people are left alone. Each is tried on the tests
that reach its line, the quickest first, in a process forked from one that has imported everything
else. The last line of the output is JSON. ONLY=words picks files, EVERY=5 tries each fifth mutant.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import re
import select
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Final

import pytest

from app.settings import ROOT

LAW: Final = ("catalog/releases/*.py", "catalog/releases/gates/*.py")
NAMES: Final = frozenset(
    {*("requests", "states", "rights", "agreement"), *("binding", "conditions", "steps")}
)
TESTS: Final = "tests/catalog/releases"
TARGET: Final = 0.85
_PATIENCE_S: Final = 240.0
_MOST: Final = 40
# Whatever costs time to import and knows nothing of the release law.
_IMPORTED: Final = (
    *("alembic", "dbos", "fastapi", "hypothesis", "httpx", "joserfc.jwt", "pandas", "plotly.io"),
    *("psycopg", "pyarrow", "sqlmodel", "starlette.testclient", "streamlit", "xdist", "yaml"),
    *("apprise", "rapidfuzz", "auth.people", "ledger.acts", "hypothesis.extra._patching"),
)
_WORD: Final = re.compile(r"[\w.:+/-]+")


# -- what can be changed -----------------------------------------------------------------------


_SWAPPED: Final[Mapping[type[ast.AST], type[ast.AST]]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}


@dataclass(frozen=True)
class Mutant:
    """One fault: where, what, and the module's text with it."""

    path: str
    line: int
    what: str
    text: str
    acts_at_import: bool

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


def mutants_of(path: str) -> Iterator[Mutant]:
    """Every mutant of a module."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    left_alone = _left_alone(tree)
    within = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for step in function.body
        for node in ast.walk(step)
    }
    places = [node for node in ast.walk(tree) if id(node) not in left_alone]
    for place in places:
        for what, change in _changes(place):
            twin, node = _twin(tree, place)
            change(node)
            text = ast.unparse(ast.fix_missing_locations(twin))
            line = getattr(node.iter if isinstance(node, ast.comprehension) else node, "lineno", 1)
            yield Mutant(path, line, what, text, acts_at_import=id(place) not in within)


def _twin(tree: ast.Module, place: ast.AST) -> tuple[ast.Module, Any]:
    memo: dict[int, Any] = {}
    twin = copy.deepcopy(tree, memo)
    return twin, memo[id(place)]


def _left_alone(tree: ast.Module) -> set[int]:
    """Docstrings, annotations, imports, sentences, and what only a type checker reads."""
    roots = [root for node in ast.walk(tree) for root in _told_to_others(node) if root]
    return {id(node) for root in roots for node in ast.walk(root)}


def _told_to_others(node: ast.AST) -> list[ast.AST | None]:
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Import() | ast.ImportFrom() | ast.JoinedStr():
            return [node]
        case ast.Raise(exc=ast.Call(func=ast.Name(id="TypeError"))):
            return [node]
        case ast.arg(annotation=annotation) | ast.AnnAssign(annotation=annotation):
            return [annotation]
        case ast.FunctionDef(returns=returns, decorator_list=decorators):
            return [returns, *decorators]
        case ast.ClassDef(decorator_list=decorators):
            return [*decorators]
        case _:
            return []


_Change = tuple[str, Callable[[Any], None]]


def _changes(place: ast.AST) -> Iterator[_Change]:
    match place:
        case ast.Compare(ops=ops):
            for n, op in enumerate(ops):
                yield from _swap(op, partial(_put, name="ops", n=n))
        case ast.BoolOp(op=op) | ast.BinOp(op=op) | ast.AugAssign(op=op):
            yield from _swap(op, lambda node, to: setattr(node, "op", to))
        case ast.If() | ast.IfExp() | ast.While():
            yield "condition negated", lambda node: setattr(node, "test", _not(node.test))
        case ast.comprehension(ifs=[_, *_]):
            yield "filter dropped", lambda node: node.ifs.pop()
        case ast.Constant(value=bool(value)):
            yield f"{value} is {not value}", lambda node: setattr(node, "value", not value)
        case ast.Constant(value=int(number)) | ast.Constant(value=float(number)):
            yield f"{number} is {number + 1}", lambda node: setattr(node, "value", number + 1)
        case ast.Constant(value=str(word)) if _WORD.fullmatch(word):
            yield f"{word!r} is another word", lambda node: setattr(node, "value", f"{word}x")
        case _:
            pass
    yield from _dropped(place)


def _swap(op: ast.AST, put: Callable[[Any, ast.AST], None]) -> Iterator[_Change]:
    other = _SWAPPED.get(type(op))
    if other is not None:
        yield f"{type(op).__name__} is {other.__name__}", lambda node: put(node, other())


def _put(node: Any, other: ast.AST, *, name: str, n: int) -> None:  # noqa: ANN401 - of any kind
    getattr(node, name)[n] = other


def _drop(node: Any, *, names: Sequence[str], n: int) -> None:  # noqa: ANN401 - of any kind
    for name in names:
        del getattr(node, name)[n]


def _not(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)


def _dropped(place: ast.AST) -> Iterator[_Change]:
    """A statement that only has an effect, or one entry of a table."""
    for name in ("body", "orelse"):
        block = getattr(place, name, None)
        for n, step in enumerate(block if isinstance(block, list) else ()):
            if _only_acts(step):
                told = ast.unparse(step).partition("\n")[0][:60]
                yield (
                    f"dropped {told}",
                    partial(_put, other=ast.Pass(), name=name, n=n),
                )
    match place:
        case ast.Dict(keys=keys):
            for n, key in enumerate(keys):
                told = ast.unparse(key)[:40] if key else "**"
                yield f"dropped the entry {told}", partial(_drop, names=("keys", "values"), n=n)
        case (
            ast.Set(elts=[_, _, *_] as elements)
            | ast.Tuple(elts=[_, _, *_] as elements, ctx=ast.Load())
            | ast.List(elts=[_, _, *_] as elements, ctx=ast.Load())
        ):
            for n, element in enumerate(elements):
                told = ast.unparse(element)[:40]
                yield f"dropped the element {told}", partial(_drop, names=("elts",), n=n)
        case _:
            pass


def _only_acts(step: ast.stmt) -> bool:
    match step:
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise():
            return True
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            return True
        case _:
            return False


# -- trying them -------------------------------------------------------------------------------


@dataclass
class Survey:
    """Which test reaches which lines, how long each takes, and what all of them share."""

    seconds: dict[str, float] = field(default_factory=dict)
    lines: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=dict)

    def reaching(self, mutant: Mutant) -> list[str]:
        """The tests that may notice a mutant; all may where it acts at import.

        First those that reach most of the module, as they are about it, then the quickest.
        """
        found = {
            test: -len(files.get(mutant.path, ()))
            for test, files in self.lines.items()
            if mutant.acts_at_import or mutant.line in files.get(mutant.path, ())
        }
        about = sorted(found, key=lambda test: (found[test], self.seconds[test]))[:_MOST]
        quickest = sorted(found.keys() - {*about}, key=lambda test: self.seconds[test])
        return [*about, *quickest[:_MOST]]


_SHARED: Final = ("_sqlite_template", "_sqlite_cast")
# What wraps a hook is given its result and hands it on.
_Wrapped = Generator[None, object, object]


class _Surveyor:
    """Notes for each test which lines of the law it reaches."""

    def __init__(self, paths: Iterable[str], folder: Path) -> None:
        self._files = {str(ROOT / path): path for path in paths}
        self._folder = folder
        self.survey = Survey()

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
        reached: dict[str, set[int]] = {}

        def in_call(frame: FrameType, what: str, _arg: object) -> Any:  # noqa: ANN401 - as asked for
            path = self._files.get(frame.f_code.co_filename)
            if path is None:
                return None
            if what == "line":
                reached.setdefault(path, set()).add(frame.f_lineno)
            return in_call

        began = time.monotonic()
        threading.settrace(in_call)
        sys.settrace(in_call)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)
            self.survey.seconds[item.nodeid] = time.monotonic() - began
            self.survey.lines[item.nodeid] = {path: sorted(n) for path, n in reached.items()}


class _Sharer:
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


class _Swapper(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from another text."""

    def __init__(self, mutant: Mutant) -> None:
        self._name = mutant.path.removesuffix(".py").replace("/", ".")
        self._mutant = mutant

    def find_spec(self, name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, self) if name == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._mutant.text, self._mutant.path, "exec"), module.__dict__)  # noqa: S102


def _in_child(work: Callable[[], int], patience: float) -> int | None:
    """The exit code of something done in a process of its own; None if it took too long."""
    child = os.fork()
    if child == 0:
        code = 70
        with contextlib.suppress(BaseException):
            code = work()
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


def _pytest(arguments: Sequence[str], plugin: object, *, quiet: bool) -> int:
    if quiet:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
    options = ["-q", "-p", "no:cacheprovider", "--no-header"]
    return int(pytest.main([*options, *arguments], plugins=[plugin]))


def _surveyed(paths: Sequence[str], folder: Path) -> Survey:
    kept = folder / "survey.json"

    def survey() -> int:
        surveyor = _Surveyor(paths, folder)
        code = _pytest([TESTS, "-k", "not postgresql"], surveyor, quiet=False)
        kept.write_text(json.dumps(vars(surveyor.survey)))
        return code

    assert _in_child(survey, 1200) == 0, "the tests must pass before there are mutants"
    return Survey(**json.loads(kept.read_text()))


def _survives(mutant: Mutant, survey: Survey) -> bool:
    def attempt() -> int:
        sys.meta_path.insert(0, _Swapper(mutant))
        return _pytest(["-x", *tests], _Sharer(survey.shared), quiet=True)

    tests = survey.reaching(mutant)
    return not tests or _in_child(attempt, _PATIENCE_S) == 0


def main() -> int:
    """Survey, try each mutant, tell the survivors. Returns 1 below the target."""
    os.chdir(ROOT)
    only = os.environ.get("ONLY", "")
    paths = [
        path.relative_to(ROOT).as_posix()
        for pattern in LAW
        for path in sorted(ROOT.glob(pattern))
        if path.stem != "__init__" and (path.parent.name == "gates" or path.stem in NAMES)
    ]
    paths = [path for path in paths if any(word in path for word in only.split())] or paths
    for name in _IMPORTED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    assert not any(name.startswith("catalog.releases") for name in sys.modules)
    with tempfile.TemporaryDirectory(prefix="countersign-mutants-") as folder:
        survey = _surveyed(paths, Path(folder))
        told = {path: [0, 0] for path in paths}
        every = int(os.environ.get("EVERY") or 1)
        mutants = [one for path in paths for one in mutants_of(path)]
        for mutant in mutants[every // 2 :: every]:
            survived = _survives(mutant, survey)
            told[mutant.path][0] += 1
            told[mutant.path][1] += not survived
            if survived:
                print(f"survived: {mutant}", flush=True)
    tried, killed = (sum(column) for column in zip(*told.values(), strict=True))
    print(json.dumps({"mutants": tried, "killed": killed, "score": killed / tried, "of": told}))
    return 0 if killed / tried >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
