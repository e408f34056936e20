"""How a fault gets into a process: into functions that are there, or as a module is imported."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType

from tests.mutants.changes import Mutant


def put_in(path: str, text: str, **names: object) -> None:
    """Give the living functions of a module the code of another text, which may need `names`."""
    module = importlib.import_module(module_of(path))
    vars(module).update(names)
    codes = dict(_codes(compile(text, path, "exec")))
    for function in _functions(module, module.__name__):
        if function.__code__.co_qualname in codes:
            function.__code__ = codes[function.__code__.co_qualname]


def _codes(outer: CodeType) -> Iterator[tuple[str, CodeType]]:
    for code in outer.co_consts:
        if isinstance(code, CodeType):
            if code.co_flags & inspect.CO_NEWLOCALS:
                yield code.co_qualname, code
            else:
                yield from _codes(code)


def _functions(held: object, module: str) -> Iterator[FunctionType]:
    for one in vars(held).values():
        if isinstance(one, type) and one.__module__ == module:
            yield from _functions(one, module)
        found = getattr(one, "fget", None) or getattr(one, "__func__", one)
        if isinstance(found, FunctionType) and found.__module__ == module:
            yield found


class Swapper(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from another text."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(self, name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        is_it = name == module_of(self._mutant.path)
        return importlib.machinery.ModuleSpec(name, self) if is_it else None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._mutant.text, self._mutant.path, "exec"), module.__dict__)  # noqa: S102


def module_of(path: str) -> str:
    """The name of the module that a file is."""
    return path.removesuffix(".py").replace("/", ".")
