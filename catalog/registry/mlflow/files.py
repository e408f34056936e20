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


class ArtifactFolder:
    """An opened folder of artifacts, each part of it listed once."""

    def __init__(self, files: Any, ask: Ask) -> None:  # noqa: ANN401 - MLflow's own type
        self._files = files
        self._ask = ask
        files.list_artifacts = _Listings(files.list_artifacts)

    def file(self, name: str, into: Path) -> Path | None:
        """One file at the top of it, if it is there.

        Raises:
            Invalid: it is more than may be read.
        """
        try:
            return self.fetch(name, into)
        except NotFound:
            return None

    def fetch(self, name: str, into: Path) -> Path:
        """One file of it, or all of it when no name is given.

        Raises:
            Invalid: the folder holds too much.
            NotFound: there is no such file.
        """
        insist_small(self._one(name) if name else self._walk())
        # Files are fetched by threads of their own, which must ask about the same workspace.
        self._files.thread_pool = _InContext(_FILES_AT_ONCE)
        try:
            fetched = Path(self._ask(lambda: self._files.download_artifacts(name, str(into))))
        finally:
            self._files.thread_pool.shutdown()
        # A listing may be wrong, or old by now.
        insist_small(on_disk(fetched))
        return fetched

    def _one(self, name: str) -> Iterator[tuple[str, int]]:
        for item in self._ask(self._files.list_artifacts):
            if item.path == name and not item.is_dir:
                yield name, item.file_size or 0
                return
        raise NotFound("MLflow has no such thing any more.", code="not-in-mlflow")

    def _walk(self) -> Iterator[tuple[str, int]]:
        waiting: list[str | None] = [None]
        while waiting:
            folder = waiting.pop()
            for item in self._ask(partial(self._files.list_artifacts, folder)):
                # Some stores list a folder as a part of itself.
                if item.path in {".", folder}:
                    continue
                yield item.path, 0 if item.is_dir else item.file_size or 0
                if item.is_dir:
                    waiting.append(item.path)


class _Listings:
    """Each folder listed once: MLflow would ask twice more for what has just been measured."""

    def __init__(self, ask: Callable[[str | None], list[Any]]) -> None:
        self._ask = ask
        self._known: dict[str, list[Any]] = {}

    def __call__(self, path: str | None = None) -> list[Any]:
        """What is in a folder; nothing is in a file."""
        place = path or ""
        if place not in self._known:
            self._known[place] = self._ask(path)
            for item in self._known[place]:
                if not item.is_dir:
                    self._known.setdefault(item.path, [])
        return self._known[place]


class _InContext(ThreadPoolExecutor):
    """Threads that work in the context of whoever gave them the work."""

    def submit(self, fn: Callable[..., _T], /, *args: Any, **named: Any) -> Future[_T]:  # noqa: ANN401 - as the library's
        """Have something done in the present context."""
        return super().submit(copy_context().run, partial(fn, *args, **named))
