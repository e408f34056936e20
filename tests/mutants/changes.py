"""What a mutant is, and every mutant of a module.

One changed operator, a negated condition, a dropped act, a dropped entry of a table, a number or a
word that is another one. Sentences to people are left alone.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from app.settings import ROOT

_WORD: Final = re.compile(r"[\w.:+/-]+")
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
            at = place.iter if isinstance(place, ast.comprehension) else place
            yield Mutant(
                path, getattr(at, "lineno", 1), what, text, acts_at_import=id(place) not in within
            )


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
        case (
            (ast.Expr(value=ast.Constant()) | ast.Import() | ast.ImportFrom() | ast.JoinedStr())
            | ast.Raise(exc=ast.Call(func=ast.Name(id="TypeError")))
            | ast.Assign(targets=[ast.Name(id="__all__")])
            | ast.Assign(value=ast.Subscript(value=ast.Name(id="Callable")))
        ):
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
    match place:
        case ast.stmt() if _only_acts(place):
            told = ast.unparse(place).partition("\n")[0][:60]
            yield f"dropped {told}", lambda node: setattr(node, "__class__", ast.Pass)
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
