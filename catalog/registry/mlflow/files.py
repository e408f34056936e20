"""Fetching a version's files from where they lie, no more of them than may be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from catalog.registry.artifacts import insist_small, on_disk
from ledger.errors import NotFound

_T = TypeVar("_T")
_FILES_AT_ONCE: Final = 4
# How a question is put to MLflow, so that its errors come back in our words.
Ask = Callable[[Callable[[], Any]], Any]


def fetch(files: Any, name: str, into: Path, ask: Ask) -> Path:  # noqa: ANN401 - MLflow's own type
    """One file of an opened artifact folder, or all of it when no name is given.

    Raises:
        Invalid: the folder holds too much.
        NotFound: there is no such file.
    """
    # Files are fetched by threads of their own, which must ask about the same workspace.
    files.thread_pool = _InContext(_FILES_AT_ONCE)
    insist_small(_one(files, name, ask) if name else _walk(files, ask))
    try:
        fetched = Path(ask(lambda: files.download_artifacts(name, str(into))))
    finally:
        files.thread_pool.shutdown()
    # A listing may be wrong, or old by now.
    insist_small(on_disk(fetched))
    return fetched


class _InContext(ThreadPoolExecutor):
    """Threads that work in the context of whoever gave them the work."""

    def submit(self, fn: Callable[..., _T], /, *args: Any, **named: Any) -> Future[_T]:  # noqa: ANN401 - as the library's
        """Have something done in the present context."""
        return super().submit(copy_context().run, partial(fn, *args, **named))


def _one(files: Any, name: str, ask: Ask) -> Iterator[tuple[str, int]]:  # noqa: ANN401 - MLflow's
    for item in ask(files.list_artifacts):
        if item.path == name and not item.is_dir:
            yield name, item.file_size or 0
            return
    raise NotFound("MLflow has no such thing any more.", code="not-in-mlflow")


def _walk(files: Any, ask: Ask) -> Iterator[tuple[str, int]]:  # noqa: ANN401 - MLflow's own type
    waiting: list[str | None] = [None]
    while waiting:
        folder = waiting.pop()
        for item in ask(partial(files.list_artifacts, folder)):
            # Some stores list a folder as a part of itself.
            if item.path in {".", folder}:
                continue
            yield item.path, 0 if item.is_dir else item.file_size or 0
            if item.is_dir:
                waiting.append(item.path)
